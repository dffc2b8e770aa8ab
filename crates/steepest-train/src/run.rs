//! The run directory: what a run leaves, and how it is opened again.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `settings.toml` | every setting, resolved: `steepest fit --config` repeats the run |
//! | `metrics.jsonl` | one [`EpochDone`] a line |
//! | `weights.safetensors` | the weights of the best epoch, by the path of the parameter |
//! | `optimizer.safetensors` | the optimizer's state at the end |
//! | `encoder.json` | how rows become features, fitted on the training rows |
//! | `summary.json` | the [`Summary`]; written last: a run without it did not finish |
//! | `lock` | held by the process that trains |

use crate::error::{Error, Result};
use crate::event::{EpochDone, Score, Summary};
use crate::model::Model;
use crate::network;
use crate::score::{Criterion, argmax, log_shares};
use crate::settings::Settings;
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use steepest_data::{AnyEncoder, Source, Task, load};

/// Where a run goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    /// `root/NAME-0001`, the first number that is free.
    New {
        /// The parent, made if it is missing.
        root: PathBuf,
    },
    /// This directory, made if it is missing; it must not hold a run.
    At(PathBuf),
}

impl Out {
    /// Refuses early what [`RunDir::create`] would refuse after the data is read.
    pub(crate) fn check(&self) -> Result<()> {
        let Self::At(path) = self else { return Ok(()) };
        if path.join("lock").exists() {
            let lock = File::open(path.join("lock")).map_err(|e| Error::file(path, e))?;
            if let Err(TryLockError::WouldBlock) = lock.try_lock() {
                return Err(Error::RunInUse { path: path.clone() });
            }
        }
        if path.is_file() {
            return Err(Error::RunExists { path: path.clone(), found: "is a file" });
        }
        if path.join("settings.toml").exists() {
            return Err(Error::RunExists { path: path.clone(), found: "holds a run already" });
        }
        Ok(())
    }
}

/// A run directory that this process writes.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    metrics: BufWriter<File>,
    /// Held as long as this lives.
    _lock: File,
}

impl RunDir {
    pub fn create(out: &Out, name: &str) -> Result<Self> {
        out.check()?;
        let path = match out {
            Out::At(path) => {
                fs::create_dir_all(path).map_err(|e| Error::file(path, e))?;
                path.clone()
            }
            Out::New { root } => {
                fs::create_dir_all(root).map_err(|e| Error::file(root, e))?;
                // making the directory is what claims the number: two processes never get one
                (1u32..)
                    .map(|i| root.join(format!("{name}-{i:04}")))
                    .find_map(|path| match fs::create_dir(&path) {
                        Ok(()) => Some(Ok(path)),
                        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => None,
                        Err(e) => Some(Err(Error::file(path, e))),
                    })
                    .expect("four billion runs")?
            }
        };
        let in_path = |e: std::io::Error| Error::file(&path, e);
        let lock = File::create(path.join("lock")).map_err(in_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::RunInUse { path }),
            Err(TryLockError::Error(e)) => return Err(in_path(e)),
        }
        if path.join("settings.toml").exists() {
            return Err(Error::RunExists { path, found: "holds a run already" });
        }
        let metrics = BufWriter::new(File::create(path.join("metrics.jsonl")).map_err(in_path)?);
        Ok(Self { path, metrics, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        let (path, part) = (self.path.join(file), self.path.join(format!("{file}.part")));
        fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(|e| Error::file(path, e))
    }

    pub fn epoch(&mut self, epoch: &EpochDone) -> Result<()> {
        let line = serde_json::to_string(epoch).expect("numbers");
        writeln!(self.metrics, "{line}")
            .and_then(|()| self.metrics.flush())
            .map_err(|e| Error::file(self.path.join("metrics.jsonl"), e))
    }
}

/// A finished run, opened to predict.
#[derive(Debug)]
pub struct Run {
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

impl Run {
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
        let mut model = network::build(&settings, &encoder, &network::device(false))?;
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
            options.labels = steepest_data::Labels::At(labels);
        }
        let loaded = load(source, &options)?;
        let rows: Vec<usize> = (0..loaded.rows()).collect();
        let features = self.encoder.encode(&loaded, &rows)?;
        let mut notes = loaded.notes().to_vec();
        notes.extend_from_slice(&features.notes);
        let raw = network::outputs(&self.model, &features);
        let task = self.encoder.task();
        let criterion = Criterion { task, kind: self.settings.loss.kind, delta: self.settings.loss.delta };
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
                let shares: Vec<Vec<f64>> = raw.chunks(task.outputs()).map(log_shares).collect();
                Outputs::Classes {
                    codes: shares.iter().map(|s| argmax(s) as u32).collect(),
                    classes: self.encoder.classes().to_vec(),
                    probabilities: shares.iter().flatten().map(|s| s.exp() as f32).collect(),
                }
            }
        };
        Ok(Predictions { notes, target: self.encoder.target().to_owned(), outputs, score })
    }
}
