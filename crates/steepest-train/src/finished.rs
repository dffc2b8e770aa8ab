//! A run directory, opened again to predict.

use crate::checkpoint;
use crate::error::{Error, Result};
use crate::file_names::{ENCODER, SETTINGS, SUMMARY, TRAINED_ON, WEIGHTS};
use crate::files::RunFiles;
use crate::loss::{argmax, log_softmax};
use crate::model::{Model, ModelConfig};
use crate::network;
use crate::score::Criterion;
use crate::settings::Settings;
use crate::summary::{Score, Summary};
use crate::tables::refuse_labels;
use crate::trained_on::TrainedOn;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use steepest_burn::NamedTensor;
use steepest_data::{AnyEncoder, Conventions, Features, Labels, Loaded, Roles, Source, Task, load};

/// A run, opened to predict: what a finished one kept, or the best weights so far of one that is not.
#[derive(Debug)]
pub struct FinishedRun {
    path: PathBuf,
    settings: Settings,
    ended: Ended,
    encoder: AnyEncoder,
    model: Model,
    trained_on: Option<TrainedOn>,
}

/// How a run ended.
#[derive(Debug)]
enum Ended {
    Finished(Box<Summary>),
    /// It did not yet.
    Unfinished {
        /// The epoch that it is in.
        epoch: u64,
        /// Of two classes, the rarer one.
        positive: Option<String>,
    },
}

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
    /// Where it was asked for, and the network has several members: for each row the standard deviation of what they say, of numbers in
    /// the target's unit, or of the probability of the class that is predicted.
    pub spread: Option<Vec<f64>>,
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
    /// How far apart the members of the network are: they are evaluated once more, each by itself.
    pub spread: bool,
    /// Columns to keep, besides those that the run kept.
    pub id: Vec<String>,
    /// What is known about how cells are written, where the run does not know.
    pub conventions: Conventions,
    /// The encoding of a file of text. Default: its bytes tell.
    pub encoding: Option<String>,
    /// A cell that does not read is an error. Default: it counts as missing.
    pub strict: bool,
    /// The most memory in bytes that the data may need. Default: 60 % of what is available.
    pub max_memory: Option<u64>,
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
    /// Opens the run in `path`. Every file of it is held to the checksum in its manifest, if it has one: runs of earlier
    /// versions do not.
    ///
    /// # Errors
    /// [`Error::NotARun`] with what is missing or wrong; [`Error::Damaged`] with the file; what [`Settings::check`]
    /// refuses.
    pub fn open(path: &Path) -> Result<Self> {
        let files = RunFiles::open(path)?;
        if files.is_comparison() {
            return Err(
                files.refuse("it compared optimizers, and has no weights; train with one of them".into())
            );
        }
        if files.is_choosing() {
            return Err(files.refuse(
                "it was cut while settings were chosen, and has no weights yet; resume it first".into(),
            ));
        }
        let settings = Settings::of_run(&files.text(SETTINGS)?, SETTINGS)?;
        settings.check()?;
        let encoder = AnyEncoder::from_json(&files.text(ENCODER)?)?;
        // runs of earlier versions do not have it
        let trained_on = files.optional(TRAINED_ON)?.and_then(|text| TrainedOn::from_json(&text));
        let config = settings.model.config(&encoder);
        let seed = settings.train.seed;
        let (ended, model) = if files.is_finished() {
            let summary: Summary = serde_json::from_str(&files.text(SUMMARY)?)
                .map_err(|error| files.refuse(format!("{SUMMARY}: {error}")))?;
            let model = model_in(&files, &config, seed)?;
            (Ended::Finished(Box::new(summary)), model)
        } else {
            let found =
                checkpoint::latest(path)?.ok_or_else(|| files.refuse("it has no checkpoint".into()))?;
            let (epoch, weights) = (found.snapshot.state.counters.epoch, found.snapshot.weights);
            let best = found.snapshot.best_weights.map_or(weights, std::sync::Arc::unwrap_or_clone);
            let model = model_of(&config, seed, &best).map_err(|reason| files.refuse(reason))?;
            (Ended::Unfinished { epoch, positive: found.origin.positive }, model)
        };
        Ok(Self { path: path.to_owned(), settings, ended, encoder, model, trained_on })
    }

    /// The resolved settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the run was; `None` if it is not finished.
    pub fn summary(&self) -> Option<&Summary> {
        match &self.ended {
            Ended::Finished(summary) => Some(summary),
            Ended::Unfinished { .. } => None,
        }
    }

    /// Predicts every row of `source`.
    ///
    /// # Errors
    /// Data that cannot be read, or that lacks a column the network needs: all are named. A column to keep that is not
    /// there, or has the name of a prediction.
    pub fn predict(&self, source: &Source, asked: &PredictOptions) -> Result<Predictions> {
        self.check_success()?;
        let loaded = self.read(source, asked)?;
        let kept = self.kept(&loaded, &asked.id)?;
        let rows: Vec<usize> = (0..loaded.rows()).collect();
        let features = self.encoder.encode(&loaded, &rows)?;
        let mut notes = loaded.notes().to_vec();
        notes.extend_from_slice(&features.notes);
        let raw = network::outputs(&self.model, &self.encoder, &features);
        let task = self.encoder.task();
        if let Some(at) = raw.iter().position(|output| !output.is_finite()) {
            let (row, found) = (at / task.outputs().max(1) + 1, f64::from(raw[at]));
            return Err(Error::NoPrediction { row, found });
        }
        let criterion = Criterion {
            task,
            loss: self.settings.loss.loss(task, None),
            positive: self.positive(),
            seed: self.settings.train.seed,
        };
        let mut warnings: Vec<String> = self.unfinished().into_iter().collect();
        warnings.extend_from_slice(&features.warnings);
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
        let spread = asked.spread.then(|| self.spread(&features, &outputs)).flatten();
        let target = self.encoder.target().to_owned();
        let has_target = match &loaded {
            Loaded::Table(table) => table.column(&target).is_ok(),
            Loaded::Images(images) => images.labels.is_some(),
        };
        Ok(Predictions { notes, warnings, kept, target, spread, has_target, outputs, score })
    }

    /// How far the members of the network are from one another, if there are several.
    fn spread(&self, features: &Features, outputs: &Outputs) -> Option<Vec<f64>> {
        let count = self.model.members();
        if count == 1 {
            return None;
        }
        let members = network::outputs_of_members(&self.model, &self.encoder, features);
        let width = self.encoder.task().outputs();
        let said = |member: usize, row: usize| {
            let raw = &members[member][row * width..(row + 1) * width];
            match outputs {
                Outputs::Numbers(_) => self.encoder.invert_target(raw[0]),
                Outputs::Classes { codes, .. } => log_softmax(raw)[codes[row] as usize].exp(),
            }
        };
        let of_row = |row: usize| {
            let all: Vec<f64> = (0..count).map(|member| said(member, row)).collect();
            let mean = all.iter().sum::<f64>() / count as f64;
            (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1) as f64).sqrt()
        };
        Some((0..features.rows).map(of_row).collect())
    }

    /// Refuses a run that went wrong.
    pub(crate) fn check_success(&self) -> Result<()> {
        match self.summary().filter(|summary| summary.is_failure()) {
            Some(summary) => {
                let (path, reason) = (self.path.clone(), summary.stopped_because.clone());
                Err(Error::FailedRun { path, reason })
            }
            None => Ok(()),
        }
    }

    /// Reads rows as those of training were.
    pub(crate) fn read(&self, source: &Source, asked: &PredictOptions) -> Result<Loaded> {
        let mut options = self.encoder.read_options();
        if let Some(labels) = &asked.labels {
            options.labels = Labels::At(labels.clone());
        }
        (options.conventions, options.strict) = (asked.conventions, asked.strict);
        options.encoding.clone_from(&asked.encoding);
        options.max_memory = asked.max_memory;
        let loaded = load(source, &options)?;
        refuse_labels(&loaded, asked.labels.is_some())?;
        Ok(loaded)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn encoder(&self) -> &AnyEncoder {
        &self.encoder
    }

    pub(crate) fn model(&self) -> (&Model, ModelConfig) {
        (&self.model, self.settings.model.config(&self.encoder))
    }

    /// What puts everything that is said of it in doubt, if it is not finished.
    pub(crate) fn unfinished(&self) -> Option<String> {
        match self.ended {
            Ended::Unfinished { epoch, .. } => Some(format!(
                "the run is not finished, it is in epoch {epoch}: these are its best weights so far"
            )),
            Ended::Finished(_) => None,
        }
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
        let usual = self.settings.data.read_options(self.settings.train.seed).roles.id;
        let usual = usual.into_iter().filter(|name| names.contains(&name.as_str()) && !asked.contains(name));
        let all: Vec<String> = usual.chain(asked.iter().cloned()).collect();
        let classes = self.encoder.classes().iter().map(|class| format!("p_{class}"));
        let own = ["prediction", "spread"].map(str::to_owned);
        let taken: Vec<String> = classes.chain(own).collect();
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
    pub(crate) fn positive(&self) -> u32 {
        let positive = match &self.ended {
            Ended::Finished(summary) => summary.positive.as_deref(),
            Ended::Unfinished { positive, .. } => positive.as_deref(),
        };
        let named = |class: &&str| positive == Some(class);
        let classes = self.encoder.classes().iter().map(String::as_str);
        classes.enumerate().find(|(_, class)| named(class)).map_or(1, |(code, _)| code as u32)
    }
}

/// The network with the weights of the run's file. Nothing of its size is made before the file is known to have them.
fn model_in(files: &RunFiles, config: &ModelConfig, seed: u64) -> Result<Model> {
    let bytes = files.bytes(WEIGHTS)?;
    let wrong = |reason: String| files.refuse(format!("{WEIGHTS}: {reason}"));
    let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(error.to_string()))?;
    let found = file.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec()));
    check_shapes(config, found.collect()).map_err(&wrong)?;
    let mut model = config.init(seed, &network::device(false));
    steepest_burn::weights_from_bytes(&mut model, &bytes).map_err(|error| wrong(error.to_string()))?;
    check_finite(&steepest_burn::named_tensors(&model)).map_err(wrong)?;
    Ok(model)
}

/// The network with these weights; the reason, if they are not those of such a network.
fn model_of(config: &ModelConfig, seed: u64, weights: &[NamedTensor]) -> std::result::Result<Model, String> {
    check_shapes(config, weights.iter().map(|(name, shape, _)| (name.clone(), shape.clone())).collect())?;
    check_finite(weights)?;
    let mut model = config.init(seed, &network::device(false));
    steepest_burn::load_named_tensors(&mut model, weights).map_err(|error| error.to_string())?;
    Ok(model)
}

/// Whether tensors are those of a network, before anything is made.
fn check_shapes(
    config: &ModelConfig,
    mut found: Vec<(String, Vec<usize>)>,
) -> std::result::Result<(), String> {
    let mut expected = config.shapes();
    expected.sort();
    found.sort();
    let text = |tensor: Option<&(String, Vec<usize>)>| {
        tensor.map_or("nothing more".to_owned(), |(name, shape)| format!("`{name}` {shape:?}"))
    };
    let all = 0..expected.len().max(found.len());
    match all.map(|at| (expected.get(at), found.get(at))).find(|(expected, found)| expected != found) {
        None => Ok(()),
        Some((expected, found)) => Err(format!("it has {}, expected {}", text(found), text(expected))),
    }
}

fn check_finite(weights: &[NamedTensor]) -> std::result::Result<(), String> {
    let bad = weights.iter().find_map(|(name, _, values)| {
        values.iter().find(|value| !value.is_finite()).map(|value| format!("`{name}` has the value {value}"))
    });
    bad.map_or(Ok(()), Err)
}
