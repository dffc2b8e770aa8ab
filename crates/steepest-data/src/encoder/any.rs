//! The encoder of tables or of images, and its saved form.

use super::table::Encoder;
use super::target::KnownTargets;
use crate::error::{Error, Result};
use crate::features::{FORMAT, Features, Targets};
use crate::images::ImageEncoder;
use crate::read::ReadOptions;
use crate::table::Loaded;
use crate::task::Task;

/// The encoder of a run, whatever its data. Saved as JSON with a `kind` and a `format`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AnyEncoder {
    /// For tables.
    Table(Encoder),
    /// For images.
    Images(ImageEncoder),
}

impl AnyEncoder {
    /// The task.
    pub fn task(&self) -> Task {
        match self {
            AnyEncoder::Table(encoder) => encoder.task(),
            AnyEncoder::Images(encoder) => encoder.task(),
        }
    }

    /// Number of features of a sample.
    pub fn width(&self) -> usize {
        match self {
            AnyEncoder::Table(encoder) => encoder.width(),
            AnyEncoder::Images(encoder) => encoder.shape().iter().product(),
        }
    }

    /// The names of the classes, in the order of their codes; empty for regression.
    pub fn classes(&self) -> &[String] {
        match self {
            AnyEncoder::Table(encoder) => encoder.classes(),
            AnyEncoder::Images(encoder) => encoder.classes(),
        }
    }

    /// The name of the target column; `label` for images.
    pub fn target(&self) -> &str {
        match self {
            AnyEncoder::Table(encoder) => encoder.target(),
            AnyEncoder::Images(_) => "label",
        }
    }

    /// What was decided on fitting, one sentence each.
    pub fn notes(&self) -> &[String] {
        match self {
            AnyEncoder::Table(encoder) => encoder.notes(),
            AnyEncoder::Images(_) => &[],
        }
    }

    /// How to read data for this encoder.
    pub fn read_options(&self) -> ReadOptions {
        match self {
            AnyEncoder::Table(encoder) => encoder.read_options(),
            AnyEncoder::Images(_) => ReadOptions::default(),
        }
    }

    /// `[channels, height, width]` for images, `None` for tables.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        match self {
            AnyEncoder::Table(_) => None,
            AnyEncoder::Images(encoder) => Some(encoder.shape()),
        }
    }

    /// Encodes rows.
    ///
    /// # Errors
    /// [`Error::OtherKind`] for images where a table was expected or the reverse; else those of the encoder.
    pub fn encode(&self, loaded: &Loaded, rows: &[usize]) -> Result<Features> {
        match (self, loaded) {
            (AnyEncoder::Table(encoder), Loaded::Table(table)) => encoder.encode(table, rows),
            (AnyEncoder::Images(encoder), Loaded::Images(images)) => encoder.encode(images, rows),
            _ => Err(self.other_kind()),
        }
    }

    /// Encodes the target of rows.
    ///
    /// # Errors
    /// As [`AnyEncoder::encode`].
    pub fn encode_target(&self, loaded: &Loaded, rows: &[usize]) -> Result<Targets> {
        match (self, loaded) {
            (AnyEncoder::Table(encoder), Loaded::Table(table)) => encoder.encode_target(table, rows),
            (AnyEncoder::Images(encoder), Loaded::Images(images)) => encoder.encode_target(images, rows),
            _ => Err(self.other_kind()),
        }
    }

    /// Encodes the target of those of the rows where it is known, and a class that training had.
    ///
    /// # Errors
    /// As [`AnyEncoder::encode`]; data without any target.
    pub fn encode_known_target(&self, loaded: &Loaded, rows: &[usize]) -> Result<KnownTargets> {
        match (self, loaded) {
            (AnyEncoder::Table(encoder), Loaded::Table(table)) => encoder.encode_known_target(table, rows),
            (AnyEncoder::Images(encoder), Loaded::Images(images)) => {
                encoder.encode_known_target(images, rows)
            }
            _ => Err(self.other_kind()),
        }
    }

    fn other_kind(&self) -> Error {
        match self {
            AnyEncoder::Table(_) => Error::OtherKind { expected: "a table", found: "images" },
            AnyEncoder::Images(_) => Error::OtherKind { expected: "images", found: "a table" },
        }
    }

    /// The name of a class. Panics if `code` is not below the number of classes.
    pub fn decode_class(&self, code: u32) -> &str {
        &self.classes()[code as usize]
    }

    /// A standardized prediction in the target's own unit; as it is for classes.
    pub fn invert_target(&self, standardized: f32) -> f64 {
        match self {
            AnyEncoder::Table(encoder) => encoder.invert_target(standardized),
            AnyEncoder::Images(_) => f64::from(standardized),
        }
    }

    /// See [`Encoder::target_limit`].
    pub fn target_limit(&self) -> f64 {
        match self {
            AnyEncoder::Table(encoder) => encoder.target_limit(),
            AnyEncoder::Images(_) => f64::INFINITY,
        }
    }

    /// See [`Encoder::target_range`].
    pub fn target_range(&self) -> Option<[f64; 2]> {
        match self {
            AnyEncoder::Table(encoder) => encoder.target_range(),
            AnyEncoder::Images(_) => None,
        }
    }

    /// The standard deviation of the target on the training rows, in its own unit; 1 for classes.
    pub fn target_scale(&self) -> f64 {
        match self {
            AnyEncoder::Table(encoder) => encoder.target_scale(),
            AnyEncoder::Images(_) => 1.0,
        }
    }

    /// As indented JSON. [`AnyEncoder::from_json`] gives back the same bits.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an encoder holds only finite numbers and text")
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Error::EncoderFormat`] for another version's; [`Error::EncoderJson`] for anything that is no encoder, and for
    /// one that no data can have given, such as a standard deviation of 0.
    pub fn from_json(text: &str) -> Result<Self> {
        let unreadable = |error: serde_json::Error| Error::EncoderJson { reason: error.to_string() };
        #[derive(serde::Deserialize)]
        struct Version {
            format: u32,
        }
        // first the version alone: the rest of another version's encoder may not parse at all
        let Version { format } = serde_json::from_str(text).map_err(unreadable)?;
        if !(1..=FORMAT).contains(&format) {
            return Err(Error::EncoderFormat { found: format, expected: FORMAT });
        }
        let encoder: Self = serde_json::from_str(text).map_err(unreadable)?;
        let fault = match &encoder {
            AnyEncoder::Table(encoder) => encoder.fault(),
            AnyEncoder::Images(encoder) => encoder.fault(),
        };
        match fault {
            None => Ok(encoder),
            Some(reason) => Err(Error::EncoderJson { reason }),
        }
    }
}
