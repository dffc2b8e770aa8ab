//! The run directory: what a run leaves.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `settings.toml` | every setting, resolved: `steepest fit --config` repeats the run |
//! | `metrics.jsonl` | one [`EpochDone`] a line |
//! | `weights.safetensors` | the weights of the best epoch, by the path of the parameter |
//! | `optimizer.safetensors` | the optimizer's state at the end |
//! | `checkpoints/` | the newest [checkpoints](crate::checkpoint): a run that was cut goes on from there |
//! | `notes.txt` | what was said of the data, a line each |
//! | `trained_on.json` | hashes of the training rows, or of some of them |
//! | `encoder.json` | how rows become features, fitted on the training rows |
//! | `summary.json` | the [`Summary`](crate::Summary); written last: a run without it was cut |
//! | `lock` | held by the process that trains |

use crate::error::{Error, Result};
use crate::event::EpochDone;
use crate::summary::Summary;
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

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
            return Err(match is_finished(path) {
                true => Error::RunExists { path: path.clone(), found: "holds a run already" },
                false => Error::RunUnfinished { path: path.clone() },
            });
        }
        Ok(())
    }
}

/// Whether the run in this directory went to its end.
pub(crate) fn is_finished(path: &Path) -> bool {
    let text = fs::read_to_string(path.join("summary.json")).unwrap_or_default();
    serde_json::from_str::<Summary>(&text).is_ok_and(|summary| summary.finished)
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

    /// Opens the directory of a run that goes on, with its metrics up to an epoch.
    pub fn reopen(path: &Path, epochs: u64) -> Result<Self> {
        let in_path = |e: std::io::Error| Error::file(path, e);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(in_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::RunInUse { path: path.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(in_path(e)),
        }
        let file = path.join("metrics.jsonl");
        let text = fs::read_to_string(&file).unwrap_or_default();
        // what came after the checkpoint is done again
        let kept = text.lines().take_while(|line| {
            serde_json::from_str::<EpochDone>(line).is_ok_and(|done| done.epoch <= epochs)
        });
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        steepest::write_atomically(&file, kept.as_bytes())?;
        let metrics = File::options().append(true).open(&file).map_err(|e| Error::file(&file, e))?;
        Ok(Self { path: path.to_owned(), metrics: BufWriter::new(metrics), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.path.join(file);
        Ok(steepest::write_atomically(path, text.as_bytes())?)
    }

    pub fn epoch(&mut self, epoch: &EpochDone) -> Result<()> {
        let line = serde_json::to_string(epoch).expect("numbers");
        writeln!(self.metrics, "{line}")
            .and_then(|()| self.metrics.flush())
            .map_err(|e| Error::file(self.path.join("metrics.jsonl"), e))
    }
}
