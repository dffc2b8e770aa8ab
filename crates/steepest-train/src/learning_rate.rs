//! The learning rate as settings files and the command line write it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::str::FromStr;
use steepest::settings::Value;

/// A learning rate, or that one is to be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LearningRate {
    /// This one, η at its highest.
    Number(f64),
    /// The best of several, each of which is trained a little: see [`fit`](crate::fit()). In TOML, `"auto"`.
    Auto,
}

impl LearningRate {
    const AUTO: &str = "auto";
}

impl Serialize for LearningRate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(rate) => to.serialize_f64(*rate),
            Self::Auto => to.serialize_str(Self::AUTO),
        }
    }
}

impl<'de> Deserialize<'de> for LearningRate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Number(rate) => Ok(Self::Number(rate)),
            Value::Word(word) => word.parse().map_err(D::Error::custom),
            other => Err(D::Error::custom(not_a_rate(&other.to_string()))),
        }
    }
}

impl FromStr for LearningRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            (Self::AUTO, _) => Ok(Self::Auto),
            // whether it lies in its range is checked with the other settings
            (_, Ok(rate)) => Ok(Self::Number(rate)),
            _ => Err(not_a_rate(text)),
        }
    }
}

fn not_a_rate(text: &str) -> String {
    format!("`{text}` is no learning rate; give a number such as 0.001 or 1e-3, or `auto` to have one chosen")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn numbers_and_a_word_are_read_and_written() {
        assert_eq!("auto".parse(), Ok(LearningRate::Auto));
        assert_eq!("1e-3".parse(), Ok(LearningRate::Number(0.001)));
        assert!("fast".parse::<LearningRate>().unwrap_err().contains("or `auto`"));
        for text in ["[optimizer]\nlr = \"auto\"", "[optimizer]\nlr = 0.01", "[optimizer]\nlr = 1"] {
            let settings = Settings::from_toml(text, "test").unwrap();
            assert_eq!(Settings::from_toml(&settings.to_toml(), "again").unwrap(), settings);
        }
        assert!(Settings::from_toml("[optimizer]\nlr = true", "test").is_err());
    }
}
