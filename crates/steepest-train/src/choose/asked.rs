//! The first file of a choice or a comparison: what it was asked for, from which it goes on where it was cut.

use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::trainer::ResumeOptions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The version of such a file.
const FORMAT: u32 = 1;

/// What was asked for: settings, and what else there is to ask for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked<T> {
    format: u32,
    /// As TOML.
    settings: String,
    #[serde(flatten)]
    pub what: T,
}

impl<T: Serialize + DeserializeOwned> Asked<T> {
    pub fn new(settings: &Settings, what: T) -> Self {
        Self { format: FORMAT, settings: settings.to_toml(), what }
    }

    /// What a file of a run has; `None` where it is not there.
    pub fn read(run: &Path, file: &str) -> Result<Option<Self>> {
        let path = run.join(file);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(path, error)),
        };
        let damaged = |reason: String| Error::Damaged { path: path.clone(), reason };
        let asked: Self = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        match asked.format > FORMAT {
            true => Err(damaged(format!("format {} is of a later version of steepest", asked.format))),
            false => Ok(Some(asked)),
        }
    }

    /// The settings, with the data where it lies now. The length is what it was: `length` says why.
    pub fn settings(&self, file: &str, how: &ResumeOptions, length: &str) -> Result<Settings> {
        let mut settings = Settings::from_toml(&self.settings, file)?;
        if let Some(epochs) = how.epochs {
            let (found, expected) = (epochs.to_string(), length.to_owned());
            return Err(Error::BadSetting { key: "train.epochs", found, expected });
        }
        if let Some(source) = &how.source {
            (settings.data.source, settings.data.more_files) = (source.clone(), Vec::new());
        }
        Ok(settings)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain values")
    }
}
