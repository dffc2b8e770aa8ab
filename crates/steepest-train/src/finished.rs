//! A run directory, opened again to predict.

use crate::error::{Error, Result};
use crate::loss::{argmax, log_softmax};
use crate::model::Model;
use crate::network;
use crate::score::Criterion;
use crate::settings::Settings;
use crate::summary::{Score, Summary};
use std::fs;
use std::path::{Path, PathBuf};
use steepest_data::{AnyEncoder, Labels, Source, Task, load};

/// A finished run, opened to predict.
#[derive(Debug)]
pub struct FinishedRun {
    settings: Settings,
    summary: Summary,
    encoder: AnyEncoder,
    model: Model,
}

/// What a network says of new rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// What the user should hear: columns that were ignored, and so on.
    pub notes: Vec<String>,
    /// The name of what is predicted.
    pub target: String,
    /// The predictions, one for each row.
    pub outputs: Outputs,
    /// How good they are, where the data has the target.
    pub score: Option<Score>,
}

/// Predictions of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Outputs {
    /// Numbers in the target's unit.
    Numbers(Vec<f64>),
    /// Classes.
    Classes {
        /// The most probable class of each row.
        codes: Vec<u32>,
        /// The names of the classes, by code.
        classes: Vec<String>,
        /// `rows × classes`, row-major; each row sums to 1.
        probabilities: Vec<f32>,
    },
}

impl FinishedRun {
    /// Opens the run in `path`.
    ///
    /// # Errors
    /// [`Error::NotARun`] with what is missing or wrong.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::NotARun { path: path.to_owned(), reason };
        let read =
            |file: &str| fs::read_to_string(path.join(file)).map_err(|e| refuse(format!("{file}: {e}")));
        let summary: Summary =
            serde_json::from_str(&read("summary.json")?).map_err(|e| refuse(format!("summary.json: {e}")))?;
        let settings = Settings::from_toml(&read("settings.toml")?, "settings.toml")?;
        let encoder = AnyEncoder::from_json(&read("encoder.json")?)?;
        let config = settings.model.config(&encoder);
        let mut model = config.init(settings.train.seed, &network::device(false));
        steepest_burn::load_weights(&mut model, path.join("weights.safetensors"))?;
        Ok(Self { settings, summary, encoder, model })
    }

    /// The resolved settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the run was.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Predicts every row of `source`.
    ///
    /// # Errors
    /// Data that cannot be read, or that lacks a column the network needs: all are named.
    pub fn predict(&self, source: &Source, labels: Option<PathBuf>) -> Result<Predictions> {
        let mut options = self.encoder.read_options();
        if let Some(labels) = labels {
            options.labels = Labels::At(labels);
        }
        let loaded = load(source, &options)?;
        let rows: Vec<usize> = (0..loaded.rows()).collect();
        let features = self.encoder.encode(&loaded, &rows)?;
        let mut notes = loaded.notes().to_vec();
        notes.extend_from_slice(&features.notes);
        let raw = network::outputs(&self.model, &features);
        let task = self.encoder.task();
        let criterion = Criterion {
            task,
            loss: self.settings.loss.loss(task, None),
            positive: self.positive(),
            seed: self.settings.train.seed,
        };
        // data to predict need not have the target, or may have it in part
        let score = self
            .encoder
            .encode_target(&loaded, &rows)
            .ok()
            .and_then(|targets| criterion.score(&raw, &targets, &self.encoder));
        let outputs = match task {
            Task::Regression => {
                Outputs::Numbers(raw.iter().map(|x| self.encoder.invert_target(*x)).collect())
            }
            _ => {
                let logarithms: Vec<Vec<f64>> = raw.chunks(task.outputs()).map(log_softmax).collect();
                Outputs::Classes {
                    codes: logarithms.iter().map(|row| argmax(row) as u32).collect(),
                    classes: self.encoder.classes().to_vec(),
                    probabilities: logarithms.iter().flatten().map(|x| x.exp() as f32).collect(),
                }
            }
        };
        Ok(Predictions { notes, target: self.encoder.target().to_owned(), outputs, score })
    }

    /// Of two classes, that which the run looked for; the second in runs of earlier versions.
    fn positive(&self) -> u32 {
        let named = |class: &&str| self.summary.positive.as_deref() == Some(class);
        let classes = self.encoder.classes().iter().map(String::as_str);
        classes.enumerate().find(|(_, class)| named(class)).map_or(1, |(code, _)| code as u32)
    }
}
