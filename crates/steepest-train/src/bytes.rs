//! Amounts of memory as people write them: `256M`, `1.5G`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An amount of memory in bytes: `256M`, `1.5G`, `4096`, by powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 4] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        bytes.to_string()
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no amount of memory such as 256M or 1.5G");
        let all = text.trim().to_uppercase();
        let number = all.trim_end_matches('B').trim_end_matches('I');
        let unit = UNITS.iter().find_map(|(unit, size)| Some((number.strip_suffix(unit)?, *size)));
        let (number, size) = unit.unwrap_or((number, 1));
        let bytes = number.trim().parse::<f64>().map_err(|_| wrong())? * size as f64;
        if bytes >= 1.0 && bytes < u64::MAX as f64 { Ok(Self(bytes as u64)) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written() {
        for (text, bytes) in [("256M", 256 << 20), ("1.5 GiB", 3 << 29), ("2gb", 2 << 30), ("4097", 4097)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
            assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "M", "-1G", "0", "1e300G", "many", "5 apples", "NaN"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
