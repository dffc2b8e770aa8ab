//! What a run directory holds, as far as a report shows it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};
use steepest_train::choose::{Chosen, Comparison};
use steepest_train::explain::Explained;
use steepest_train::{EpochDone, Error, Evaluation, Metric, Result, RunFiles, Settings, Summary};

/// A run directory, read.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it is.
    pub path: PathBuf,
    /// The settings, nothing left open.
    pub settings: Settings,
    /// What it was; `None` for a run that was killed.
    pub summary: Option<Summary>,
    /// What was chosen before it, if anything was.
    pub chosen: Option<Chosen>,
    /// Whether it was cut while that was chosen.
    pub is_choosing: bool,
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
    /// What the network goes by, as it was last explained.
    pub explained: Option<Explained>,
    /// What the validation metric of an epoch is.
    pub metric: Metric,
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

impl Run {
    /// Reads a run directory. Only its settings have to be there: a run that was cut is shown as far as it came.
    ///
    /// # Errors
    /// [`Error::NotARun`] without settings, [`Error::Damaged`] for files that are not what was written.
    pub fn read(path: &Path) -> Result<Self> {
        let files = RunFiles::open(path)?;
        if files.is_comparison() {
            let reason = "it compared optimizers, and is no run to lay beside others".to_owned();
            return Err(Error::NotARun { path: path.to_owned(), reason });
        }
        let settings = Settings::from_toml(&files.text("settings.toml")?, "settings.toml")?;
        let encoder: Value = parsed(path, &files, "encoder.json")?.unwrap_or_default();
        let words = |value: &Value| {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let notes = files.optional("notes.txt")?.unwrap_or_default();
        let usual = match encoder["target"]["task"].as_str() {
            Some("regression") => Metric::Rmse,
            _ => Metric::Accuracy,
        };
        Ok(Self {
            path: path.to_owned(),
            summary: parsed(path, &files, "summary.json")?,
            chosen: parsed(path, &files, "trials/choice.json")?,
            is_choosing: files.is_choosing(),
            evaluation: parsed(path, &files, "evaluation.json")?,
            explained: newest_explanation(path),
            notes: notes.lines().map(str::to_owned).collect(),
            columns: encoder["inputs"].as_array().into_iter().flatten().map(column).collect(),
            dropped: words(&encoder["dropped"]),
            target: encoder["target"]["column"].as_str().unwrap_or("label").to_owned(),
            epochs: files.epochs()?,
            metric: settings.train.metric.unwrap_or(usual),
            settings,
        })
    }

    /// Its name, without the folders above it.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }
}

/// What a comparison of optimizers says; `None` where the directory holds something else.
///
/// # Errors
/// [`Error::NotARun`] for a comparison that is not finished, [`Error::Damaged`] for files that are not what was written.
pub fn read_comparison(path: &Path) -> Result<Option<Comparison>> {
    let files = RunFiles::open(path)?;
    if !files.is_comparison() {
        return Ok(None);
    }
    if !files.is_finished() {
        let reason = "it was cut while optimizers were compared; resume it first".to_owned();
        return Err(Error::NotARun { path: path.to_owned(), reason });
    }
    parsed(path, &files, "comparison.json")
}

/// The explanation of the folder with the highest number, if it is whole and there is one. It is nothing that a run consists of: what
/// cannot be read is not shown.
fn newest_explanation(run: &Path) -> Option<Explained> {
    let names =
        std::fs::read_dir(run).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let number = |name: &String| name.strip_prefix("explain-")?.parse::<u32>().ok();
    let newest = names.filter(|name| number(name).is_some()).max_by_key(|name| number(name))?;
    Explained::from_json(&std::fs::read_to_string(run.join(newest).join("explanation.json")).ok()?)
}

/// A file of JSON that not every run has.
fn parsed<T: DeserializeOwned>(path: &Path, files: &RunFiles, file: &str) -> Result<Option<T>> {
    let Some(text) = files.optional(file)? else { return Ok(None) };
    let wrong =
        |error: serde_json::Error| Error::Damaged { path: path.join(file), reason: error.to_string() };
    serde_json::from_str(&text).map(Some).map_err(wrong)
}

/// One input of the encoder in words.
fn column(input: &Value) -> Column {
    let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
    let length = |key: &str| input[key].as_array().map_or(0, Vec::len);
    let kind = text("type");
    let mut features = match kind.as_str() {
        "number" | "date" if input["squash"].is_object() => {
            "scaled to mean 0 and deviation 1, what is far out pulled in".to_owned()
        }
        "number" | "date" => "scaled to mean 0 and deviation 1".to_owned(),
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
