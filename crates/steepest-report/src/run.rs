//! What a run directory holds, as far as a report shows it.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use steepest_train::{EpochDone, Evaluation, Settings, Summary};

/// A run directory, read.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it is.
    pub path: PathBuf,
    /// The settings, nothing left open.
    pub settings: Settings,
    /// What it was; `None` for a run that was killed.
    pub summary: Option<Summary>,
    /// Each epoch.
    pub epochs: Vec<EpochDone>,
    /// How its predictions lie to the truth; runs of earlier versions do not have it.
    pub evaluation: Option<Evaluation>,
    /// What was said of the data.
    pub notes: Vec<String>,
    /// The columns that it learned from, and what became of each.
    pub columns: Vec<Column>,
    /// Columns that were left out.
    pub dropped: Vec<String>,
    /// What is predicted.
    pub target: String,
}

/// A column and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it was taken for: `number`, `category`.
    pub kind: String,
    /// What a network gets of it.
    pub features: String,
}

/// A directory that cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("{} is no run that can be shown: {reason}", steepest_data::shown_path(path))]
pub struct Error {
    /// The directory.
    pub path: PathBuf,
    /// What is missing or wrong.
    pub reason: String,
}

impl Run {
    /// Reads a run directory. Only its settings have to be there: a run that was cut is shown as far as it came.
    ///
    /// # Errors
    /// [`Error`] without settings, and with files that are no JSON.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong =
            |file: &str, reason: String| Error { path: path.to_owned(), reason: format!("{file}: {reason}") };
        let text = |file: &str| fs::read_to_string(path.join(file));
        let settings = text("settings.toml").map_err(|error| wrong("settings.toml", error.to_string()))?;
        let settings = Settings::from_toml(&settings, "settings.toml")
            .map_err(|error| wrong("settings.toml", error.to_string()))?;
        let metrics = text("metrics.jsonl").unwrap_or_default();
        // the last line of a run that was killed may be cut
        let epochs = metrics.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
        let encoder: Value = match text("encoder.json") {
            Ok(text) => {
                serde_json::from_str(&text).map_err(|error| wrong("encoder.json", error.to_string()))?
            }
            Err(_) => Value::Null,
        };
        let parsed = |file: &str| -> Result<Option<Value>, Error> {
            let Ok(text) = text(file) else { return Ok(None) };
            serde_json::from_str(&text).map(Some).map_err(|error| wrong(file, error.to_string()))
        };
        fn typed<T: serde::de::DeserializeOwned>(value: Option<Value>) -> Option<T> {
            value.and_then(|value| serde_json::from_value(value).ok())
        }
        let words = |value: &Value| {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let target = &encoder["target"];
        Ok(Self {
            path: path.to_owned(),
            summary: typed(parsed("summary.json")?),
            evaluation: typed(parsed("evaluation.json")?),
            notes: text("notes.txt").unwrap_or_default().lines().map(str::to_owned).collect(),
            columns: encoder["inputs"].as_array().into_iter().flatten().map(column).collect(),
            dropped: words(&encoder["dropped"]),
            target: target["column"].as_str().unwrap_or("label").to_owned(),
            settings,
            epochs,
        })
    }

    /// Its name, without the folders above it.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }
}

/// One input of the encoder in words.
fn column(input: &Value) -> Column {
    let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
    let length = |key: &str| input[key].as_array().map_or(0, Vec::len);
    let kind = text("type");
    let mut features = match kind.as_str() {
        "number" | "date" if input["squash"].is_object() => "standardized, its tails squashed".to_owned(),
        "number" | "date" => "standardized".to_owned(),
        "calendar" => {
            let trend = if input["trend"].is_object() { "the days as a number, " } else { "" };
            format!("{trend}{} cycles as sine and cosine", length("cycles"))
        }
        "boolean" => "0 or 1".to_owned(),
        "category" => {
            let other = if input["other"].as_bool() == Some(true) { ", one for all others" } else { "" };
            format!("one for each of {} levels{other}", length("levels"))
        }
        "words" => format!("one for each of {} words", length("words")),
        "presence" => "whether it is there".to_owned(),
        other => other.to_owned(),
    };
    if input["flag_missing"].as_bool() == Some(true) {
        features += ", one for missing";
    }
    Column { name: text("column"), kind, features }
}
