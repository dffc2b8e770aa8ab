//! `f64` in saved state. JSON has no infinity and no NaN, so these are written as words; a finite number is written as a
//! number, and serde_json's feature `float_roundtrip` reads it back bit for bit.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

/// For `#[serde(with = "crate::exact")]`.
pub(crate) fn serialize<S: Serializer>(x: &f64, to: S) -> Result<S::Ok, S::Error> {
    if x.is_finite() { Written::Number(*x) } else { Written::Word(x.to_string()) }.serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match Written::deserialize(from)? {
        Written::Number(x) => Ok(x),
        Written::Word(word) => {
            word.parse().map_err(|_| D::Error::custom(format!("`{word}` is not a number, inf, -inf or NaN")))
        }
    }
}
