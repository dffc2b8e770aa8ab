//! A run directory, opened again to predict.

use crate::error::{Error, Result};
use crate::loss::{argmax, log_softmax};
use crate::model::Model;
use crate::network;
use crate::score::Criterion;
use crate::settings::Settings;
use crate::summary::{Score, Summary};
use crate::trained_on::TrainedOn;
use std::fs;
use std::path::{Path, PathBuf};
use steepest_data::{AnyEncoder, Conventions, Labels, Loaded, Roles, Source, Task, load};

/// A finished run, opened to predict.
#[derive(Debug)]
pub struct FinishedRun {
    path: PathBuf,
    settings: Settings,
    summary: Summary,
    encoder: AnyEncoder,
    model: Model,
    trained_on: Option<TrainedOn>,
}

/// What `stopped_by` is in the summary of a run that went wrong.
const FAILURES: [&str; 2] = ["divergence", "non_finite"];

/// What a network says of new rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// What the user should hear: columns that were ignored, and so on.
    pub notes: Vec<String>,
    /// What puts the predictions in doubt: many rows are unlike training.
    pub warnings: Vec<String>,
    /// The columns that were asked for, with the text of each row.
    pub kept: Vec<(String, Vec<String>)>,
    /// The name of what is predicted.
    pub target: String,
    /// The predictions, one for each row.
    pub outputs: Outputs,
    /// Whether the data has the column of the target.
    pub has_target: bool,
    /// How good they are, on the rows whose target is known.
    pub score: Option<Score>,
}

/// How to read what is to be predicted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PredictOptions {
    /// Where the labels of images are.
    pub labels: Option<PathBuf>,
    /// Columns to keep, besides those that the run kept.
    pub id: Vec<String>,
    /// What is known about how cells are written, where the run does not know.
    pub conventions: Conventions,
    /// The encoding of a file of text. Default: its bytes tell.
    pub encoding: Option<String>,
    /// A cell that does not read is an error. Default: it counts as missing.
    pub strict: bool,
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
        if !path.join("summary.json").exists() && path.join("settings.toml").exists() {
            return Err(Error::RunUnfinished { path: path.to_owned() });
        }
        let summary: Summary =
            serde_json::from_str(&read("summary.json")?).map_err(|e| refuse(format!("summary.json: {e}")))?;
        let settings = Settings::from_toml(&read("settings.toml")?, "settings.toml")?;
        let encoder = AnyEncoder::from_json(&read("encoder.json")?)?;
        // runs of earlier versions do not have it
        let trained_on = read("trained_on.json").ok().and_then(|text| TrainedOn::from_json(&text));
        let config = settings.model.config(&encoder);
        let mut model = config.init(settings.train.seed, &network::device(false));
        steepest_burn::load_weights(&mut model, path.join("weights.safetensors"))?;
        Ok(Self { path: path.to_owned(), settings, summary, encoder, model, trained_on })
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
    /// Data that cannot be read, or that lacks a column the network needs: all are named. A column to keep that is not
    /// there, or has the name of a prediction.
    pub fn predict(&self, source: &Source, asked: &PredictOptions) -> Result<Predictions> {
        if FAILURES.contains(&self.summary.stopped_by.as_str()) {
            let (path, reason) = (self.path.clone(), self.summary.stopped_because.clone());
            return Err(Error::FailedRun { path, reason });
        }
        let mut options = self.encoder.read_options();
        if let Some(labels) = &asked.labels {
            options.labels = Labels::At(labels.clone());
        }
        (options.conventions, options.strict) = (asked.conventions, asked.strict);
        options.encoding.clone_from(&asked.encoding);
        let loaded = load(source, &options)?;
        let kept = self.kept(&loaded, &asked.id)?;
        let rows: Vec<usize> = (0..loaded.rows()).collect();
        let features = self.encoder.encode(&loaded, &rows)?;
        let mut notes = loaded.notes().to_vec();
        notes.extend_from_slice(&features.notes);
        let raw = network::outputs(&self.model, &features);
        if !self.summary.finished {
            notes.push(format!(
                "the run was interrupted in epoch {}: these are its best weights so far",
                self.summary.epochs
            ));
        }
        let task = self.encoder.task();
        let criterion = Criterion {
            task,
            loss: self.settings.loss.loss(task, None),
            positive: self.positive(),
            seed: self.settings.train.seed,
        };
        let mut warnings = features.warnings.clone();
        let trained_on = self.trained_on.as_ref().and_then(|trained_on| trained_on.note(&features));
        let (score, said) = self.score(&criterion, &raw, &loaded, &rows);
        if score.is_some() {
            warnings.extend(trained_on);
        }
        notes.extend(said);
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
        let target = self.encoder.target().to_owned();
        let has_target = match &loaded {
            Loaded::Table(table) => table.column(&target).is_ok(),
            Loaded::Images(images) => images.labels.is_some(),
        };
        Ok(Predictions { notes, warnings, kept, target, has_target, outputs, score })
    }

    /// The score of the rows whose target is known, and what is to be said of the others.
    fn score(
        &self,
        criterion: &Criterion,
        raw: &[f32],
        loaded: &Loaded,
        rows: &[usize],
    ) -> (Option<Score>, Vec<String>) {
        // data to predict need not have the target
        let Ok(known) = self.encoder.encode_known_target(loaded, rows) else { return (None, Vec::new()) };
        let said = known.notes("", "so that they are not scored");
        let width = self.encoder.task().outputs();
        let outputs: Vec<f32> =
            known.rows.iter().flat_map(|&row| &raw[row * width..(row + 1) * width]).copied().collect();
        (criterion.score(&outputs, &known.targets, &self.encoder), said)
    }

    /// The columns that the run kept and that are there, and those that are asked for.
    fn kept(&self, loaded: &Loaded, asked: &[String]) -> Result<Vec<(String, Vec<String>)>> {
        let Loaded::Table(table) = loaded else { return Ok(Vec::new()) };
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let asked = Roles { id: asked.to_vec(), ..Roles::default() }.resolve(&names)?.id;
        let usual = self.settings.data.read_options().roles.id;
        let usual = usual.into_iter().filter(|name| names.contains(&name.as_str()) && !asked.contains(name));
        let all: Vec<String> = usual.chain(asked.iter().cloned()).collect();
        let classes = self.encoder.classes().iter().map(|class| format!("p_{class}"));
        let taken: Vec<String> = classes.chain(["prediction".to_owned()]).collect();
        if let Some(name) = all.iter().find(|name| taken.contains(name)) {
            return Err(Error::NameClash { name: name.clone() });
        }
        let texts = |name: String| {
            let column = table.column(&name)?;
            let texts = (0..table.rows()).map(|row| column.text(row).unwrap_or_default()).collect();
            Ok((name, texts))
        };
        all.into_iter().map(texts).collect()
    }

    /// Of two classes, that which the run looked for; the second in runs of earlier versions.
    fn positive(&self) -> u32 {
        let named = |class: &&str| self.summary.positive.as_deref() == Some(class);
        let classes = self.encoder.classes().iter().map(String::as_str);
        classes.enumerate().find(|(_, class)| named(class)).map_or(1, |(code, _)| code as u32)
    }
}
