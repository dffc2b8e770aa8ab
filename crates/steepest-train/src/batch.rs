//! The batch size as settings files and the command line write it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::str::FromStr;
use steepest::settings::Value;
use steepest_data::BatchSize;

/// How many samples a step sees: `"full"`, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch(pub BatchSize);

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            BatchSize::Full => to.serialize_str("full"),
            BatchSize::One => to.serialize_u64(1),
            BatchSize::N(n) => to.serialize_u64(n as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(from)? {
            Value::Number(n) => n.to_string(),
            Value::Word(word) => word,
            other => other.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

impl FromStr for Batch {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<usize>()) {
            ("full", _) => Ok(Self(BatchSize::Full)),
            (_, Ok(1)) => Ok(Self(BatchSize::One)),
            (_, Ok(n)) if n > 1 => Ok(Self(BatchSize::N(n))),
            _ => Err(format!("`{text}` is no batch size; give a number of at least 1, or `full`")),
        }
    }
}
