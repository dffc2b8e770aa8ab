//! Words of the command line as numbers, times, lists and settings.

use clap::builder::PossibleValuesParser;
use std::str::FromStr;
use steepest::registry;
use steepest::settings::Value;

/// `KEY=VALUE`
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue {
    pub key: String,
    pub value: Value,
}

impl FromStr for KeyValue {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !value.is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: Value::parse(value.trim()) })
            }
            _ => Err("a setting is written KEY=VALUE, for example eps=1e-6".to_owned()),
        }
    }
}

/// Any number. Whether it lies in its range is checked by those who know the range: their message is better.
pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "not a number; write for example 0.001 or 1e-3".to_owned())
}

pub fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "not a whole number of at least 0".to_owned())
}

pub fn at_least_one(text: &str) -> Result<u64, String> {
    whole(text).ok().filter(|n| *n > 0).ok_or_else(|| "not a whole number of at least 1".to_owned())
}

/// `90`, `90s`, `5m`, `1h30m`, `1.5h`: in seconds.
pub fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || "not a time above 0; write for example 60s, 5m, 1h or 1h30m".to_owned();
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (amount, unit) = rest.split_at(end);
        let amount: f64 = amount.parse().map_err(|_| wrong())?;
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        total += amount
            * match unit.trim() {
                "" | "s" | "sec" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = after;
    }
    if total > 0.0 && total.is_finite() { Ok(total) } else { Err(wrong()) }
}

/// The name of an optimizer that takes gradients.
pub fn optimizers() -> PossibleValuesParser {
    PossibleValuesParser::new(registry::OPTIMIZERS.iter().map(|entry| entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let good = [("90", 90.0), ("60s", 60.0), ("5m", 300.0), ("1h30m", 5400.0), ("1.5h", 5400.0)];
        for (text, expected) in good {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "0s", "-5s", "5x", "s", "m5", "1..5h", "nan", "inf", "5 parsecs"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn settings_have_a_key_and_a_value() {
        let setting: KeyValue = "schedule.floor = 1e-2".parse().unwrap();
        assert_eq!((setting.key.as_str(), setting.value), ("schedule.floor", Value::Number(0.01)));
        for text in ["floor", "=1", "floor=", ""] {
            assert!(text.parse::<KeyValue>().is_err(), "{text}");
        }
    }
}
