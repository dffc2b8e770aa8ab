//! The value of a setting, as files and command lines give it.

use std::collections::BTreeMap;
use std::fmt;

/// The value of a setting, as files and command lines give it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A word from a list.
    Word(String),
    /// A list of numbers.
    Numbers(Vec<f64>),
}

impl Value {
    /// Reads a value as a command line gives it: `true`, `1e-3`, `10,20,30`, or else a word.
    pub fn parse(text: &str) -> Self {
        if let Ok(flag) = text.parse() {
            return Self::Flag(flag);
        }
        if let Ok(number) = text.parse() {
            return Self::Number(number);
        }
        let trimmed = text.trim_start_matches('[').trim_end_matches(']');
        if trimmed.contains(',')
            && let Ok(numbers) = trimmed.split(',').map(|n| n.trim().parse()).collect()
        {
            return Self::Numbers(numbers);
        }
        Self::Word(text.to_owned())
    }

    /// What errors call its type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "a flag",
            Self::Number(_) => "a number",
            Self::Word(_) => "a word",
            Self::Numbers(_) => "a list of numbers",
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

impl From<Vec<f64>> for Value {
    fn from(numbers: Vec<f64>) -> Self {
        Self::Numbers(numbers)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(x) if *x != 0.0 && (x.abs() < 1e-3 || x.abs() >= 1e6) => {
                write!(f, "{x:e}")
            }
            Self::Number(x) => write!(f, "{x}"),
            Self::Word(word) => write!(f, "{word}"),
            Self::Numbers(xs) => {
                let words: Vec<String> = xs.iter().map(|x| Self::Number(*x).to_string()).collect();
                write!(f, "{}", words.join(","))
            }
        }
    }
}

/// Settings by name, as a file or a command line gives them.
pub type Values = BTreeMap<String, Value>;
