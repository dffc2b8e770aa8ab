//! `f64` in saved state, for serde: JSON has no infinity and no NaN, and a state must come back as it was.
//!
//! A finite number is written as a number, any other as a word. That a finite number comes back
//! bit for bit is serde_json's part; it needs that crate's `float_roundtrip` feature.
//!
//! ```
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Saved {
//!     #[serde(with = "steepest::exact")]
//!     loss: f64,
//!     #[serde(with = "steepest::exact::option")]
//!     best: Option<f64>,
//! }
//! let text = serde_json::to_string(&Saved { loss: f64::INFINITY, best: None })?;
//! assert_eq!(text, r#"{"loss":"inf","best":null}"#);
//! assert_eq!(serde_json::from_str::<Saved>(&text)?.loss, f64::INFINITY);
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

/// Writes a number, or the word for what is none.
///
/// # Errors
/// What the format says.
pub fn serialize<S: Serializer>(x: &f64, to: S) -> Result<S::Ok, S::Error> {
    if x.is_finite() { Written::Number(*x) } else { Written::Word(x.to_string()) }.serialize(to)
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// A word that is neither `inf`, `-inf` nor `NaN`; what the format says.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match Written::deserialize(from)? {
        Written::Number(x) => Ok(x),
        Written::Word(word) => {
            word.parse().map_err(|_| D::Error::custom(format!("`{word}` is not a number, inf, -inf or NaN")))
        }
    }
}

/// The same for `Option<f64>`.
pub mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Exact(#[serde(with = "super")] f64);

    /// Writes a number, the word for what is none, or nothing.
    ///
    /// # Errors
    /// What the format says.
    pub fn serialize<S: Serializer>(x: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        x.map(Exact).serialize(to)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// As [`super::deserialize`].
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Exact>::deserialize(from)?.map(|x| x.0))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Saved {
        #[serde(with = "crate::exact")]
        x: f64,
        #[serde(with = "crate::exact::option")]
        y: Option<f64>,
    }

    #[test]
    fn every_number_comes_back_bit_for_bit() {
        let thirds = (1..2000).map(|i| 1.0 / f64::from(i).powi(3));
        let special = [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::INFINITY];
        for x in thirds.chain(special).chain([f64::NEG_INFINITY, f64::NAN]) {
            let text = serde_json::to_string(&Saved { x, y: Some(x) }).unwrap();
            let back: Saved = serde_json::from_str(&text).unwrap();
            assert_eq!(back.x.to_bits(), x.to_bits(), "{text}");
            assert_eq!(back.y.unwrap().to_bits(), x.to_bits(), "{text}");
        }
        let none: Saved = serde_json::from_str(r#"{"x": 1.0, "y": null}"#).unwrap();
        assert_eq!(none.y, None);
    }
}
