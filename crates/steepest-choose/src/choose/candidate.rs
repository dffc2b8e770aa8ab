use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One setting's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// One of several words.
    Word(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// Settings by name.
pub type Point = BTreeMap<String, Value>;

/// What is tried: settings, and the number that they have among all that are.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// From 0, in the order of the plan; those that were added later come last.
    pub index: usize,
    /// The settings.
    pub point: Point,
}

impl Candidate {
    /// The number that a setting has; `None` where there is no such setting or it is a word.
    pub fn number(&self, setting: &str) -> Option<f64> {
        number(&self.point, setting)
    }
}

impl fmt::Display for Candidate {
    /// `lr = 0.01, momentum = 0.9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.point.iter().enumerate() {
            write!(f, "{}{name} = {value}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

pub(super) fn number(point: &Point, setting: &str) -> Option<f64> {
    match point.get(setting) {
        Some(Value::Number(x)) => Some(*x),
        _ => None,
    }
}

/// How far two points are apart: decades of positive numbers, differences of others, 1 for another word, added up. To nine
/// digits, so that two rates as many decades below and above a third are equally far from it.
pub(super) fn distance(a: &Point, b: &Point) -> f64 {
    let apart = |name: &String, x: &Value| match (x, b.get(name)) {
        (Value::Number(x), Some(Value::Number(y))) if *x > 0.0 && *y > 0.0 => (x / y).log10().abs(),
        (Value::Number(x), Some(Value::Number(y))) => (x - y).abs(),
        (x, y) => f64::from(u8::from(Some(x) != y)),
    };
    let sum: f64 = a.iter().map(|(name, x)| apart(name, x)).sum();
    (sum * 1e9).round() / 1e9
}
