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
//! | `background.safetensors` | a hundred encoded training rows, which explanations compare with, unless no rows are to be kept |
//! | `encoder.json` | how rows become features, fitted on the training rows |
//! | `evaluation.json` | how the predictions lie to the truth: the [`Evaluation`](crate::Evaluation) |
//! | `summary.json` | the [`Summary`](crate::Summary) |
//! | `comparison.json` | of a comparison of optimizers what it says: it leaves no weights |
//! | `trials/` | what was found while something was chosen; of it `choice.json` is in the manifest |
//! | `manifest.json` | the [checksums](crate::manifest) of all these; written last |
//! | `lock` | held by the process that trains |

use crate::error::{Error, Result};
use crate::event::EpochDone;
use crate::file_names::{BACKGROUND, CHOICE, ENCODER, LOCK, MANIFEST, METRICS, NOTES, SETTINGS, TRAINED_ON};
use crate::files::is_finished;
use crate::manifest::{FileSum, Manifest};
use crate::parts::{is_part, remove_parts};
use crate::settings::Settings;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::FileSystem;

/// Where a run goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    /// `root/NAME-0001`, the first number that is free.
    New {
        /// The parent, made if it is missing.
        root: PathBuf,
    },
    /// This directory, made if it is missing; it must be empty.
    At(PathBuf),
}

/// What is known before the first step: a run that goes on writes the same again.
const KNOWN_BEFORE: [&str; 6] = [SETTINGS, ENCODER, NOTES, TRAINED_ON, BACKGROUND, CHOICE];

impl Out {
    /// Refuses early what [`RunDir::create`] would refuse after the data is read.
    pub(crate) fn check(&self) -> Result<()> {
        let (Self::At(path) | Self::New { root: path }) = self;
        if path.to_str().is_none() {
            return Err(Error::NotUtf8Path { path: path.clone() });
        }
        let Self::At(path) = self else { return Ok(()) };
        let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
        let refuse = |found: &'static str| Err(Error::RunExists { path: path.clone(), found });
        if there.is_symlink() {
            return refuse("is a link, which is not followed");
        }
        if !there.is_dir() {
            return refuse("is a file");
        }
        if fs::symlink_metadata(path.join(LOCK)).is_ok_and(|lock| lock.is_file()) {
            let lock = File::open(path.join(LOCK)).map_err(|e| Error::file(path, e))?;
            if let Err(TryLockError::WouldBlock) = lock.try_lock() {
                return Err(Error::RunInUse { path: path.clone() });
            }
        }
        check_empty(path)
    }
}

/// Refuses a directory that holds something.
fn check_empty(path: &Path) -> Result<()> {
    let refuse = |found: &'static str| Err(Error::RunExists { path: path.to_owned(), found });
    if path.join(SETTINGS).exists() {
        return match is_finished(path) {
            Ok(false) => Err(Error::RunUnfinished { path: path.to_owned() }),
            Ok(true) | Err(_) => refuse("holds a run already"),
        };
    }
    let entries = fs::read_dir(path).map_err(|e| Error::file(path, e))?;
    // what is left of a run that was cut before its first file had its name
    let ours = |name: &str| name == LOCK || is_part(name);
    match entries.flatten().all(|entry| entry.file_name().to_str().is_some_and(ours)) {
        true => Ok(()),
        false => refuse("is not empty"),
    }
}

/// A run directory that this process writes.
#[derive(Debug)]
pub(crate) struct RunDir {
    system: Arc<dyn FileSystem>,
    path: PathBuf,
    /// The files that are written, but for the metrics.
    files: BTreeMap<String, FileSum>,
    metrics: Metrics,
    /// Held as long as this lives.
    _lock: Option<File>,
}

/// What is written of `metrics.jsonl`.
#[derive(Debug, Default)]
struct Metrics {
    bytes: u64,
    hash: Sha256,
    /// Lines that could not be written.
    pending: String,
    /// Epochs that were there when the run went on.
    kept: u64,
}

impl RunDir {
    pub fn create(system: Arc<dyn FileSystem>, out: &Out, name: &str) -> Result<Self> {
        out.check()?;
        let path = match out {
            Out::At(path) => {
                system.create_folder(path).map_err(|e| Error::file(path, e))?;
                path.clone()
            }
            Out::New { root } => {
                system.create_folder(root).map_err(|e| Error::file(root, e))?;
                // making the directory is what claims the number: two processes never get one
                (1u32..)
                    .map(|i| root.join(format!("{name}-{i:04}")))
                    .find_map(|path| match fs::create_dir(&path) {
                        Ok(()) => Some(Ok(path)),
                        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => None,
                        Err(e) => Some(Err(Error::file(path, e))),
                    })
                    .expect("four billion runs")?
            }
        };
        let lock = lock(&path)?;
        // another process may have been quicker, and be at its end already
        check_empty(&path)?;
        remove_parts(&*system, &path);
        let metrics = Metrics::default();
        Ok(Self { system, path, files: BTreeMap::new(), metrics, _lock: Some(lock) })
    }

    /// Opens the directory of a run that goes on, whose lock is held, with its metrics up to an epoch.
    pub fn reopen(system: Arc<dyn FileSystem>, path: &Path, lock: File, epochs: u64) -> Result<Self> {
        remove_parts(&*system, path);
        remove_parts(&*system, &path.join("checkpoints"));
        let file = path.join(METRICS);
        // a line that was cut in the middle of a letter ends what is kept
        let text = match fs::read(&file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::file(file, error)),
        };
        // what came after the checkpoint is done again
        let kept = text.lines().take_while(|line| {
            serde_json::from_str::<EpochDone>(line).is_ok_and(|done| done.epoch <= epochs)
        });
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        let metrics = Metrics::default();
        let mut dir =
            Self { system, path: path.to_owned(), files: BTreeMap::new(), metrics, _lock: Some(lock) };
        if let Ok(Some(manifest)) = Manifest::read(path) {
            let known = |(name, _): &(String, FileSum)| KNOWN_BEFORE.contains(&name.as_str());
            dir.files = manifest.files.into_iter().filter(known).collect();
            // from here on it goes on, and what the manifest said of its end holds no more
            dir.seal(false)?;
        }
        steepest::write_atomically_on(&*dir.system, &file, kept.as_bytes())?;
        dir.metrics.wrote(kept.as_bytes());
        dir.metrics.kept = kept.lines().count() as u64;
        Ok(dir)
    }

    /// A directory that is not written to: `system` writes nothing.
    pub fn nowhere(system: Arc<dyn FileSystem>, path: &Path) -> Self {
        let metrics = Metrics::default();
        Self { system, path: path.to_owned(), files: BTreeMap::new(), metrics, _lock: None }
    }

    /// How many epochs the metrics had when the run went on.
    pub fn epochs_kept(&self) -> u64 {
        self.metrics.kept
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write(&mut self, file: &str, bytes: &[u8]) -> Result<()> {
        steepest::write_atomically_on(&*self.system, self.path.join(file), bytes)?;
        self.files.insert(file.to_owned(), FileSum::of(bytes));
        Ok(())
    }

    /// Writes settings of which something is still to be decided.
    pub fn write_settings(&mut self, settings: &Settings) -> Result<()> {
        self.write(SETTINGS, settings.to_toml().as_bytes())?;
        self.seal(false)
    }

    /// Writes the manifest of what there is.
    pub fn seal(&mut self, finished: bool) -> Result<()> {
        let mut files = self.files.clone();
        // it grows as long as a run goes on
        if finished {
            files.insert(METRICS.to_owned(), FileSum::of_hash(self.metrics.bytes, self.metrics.hash.clone()));
        }
        let text = Manifest::new(finished, files).to_json();
        remove_parts(&*self.system, &self.path);
        Ok(steepest::write_atomically_on(&*self.system, self.path.join(MANIFEST), text.as_bytes())?)
    }

    /// Adds an epoch to the metrics. After an error nothing is lost: the next call writes it too.
    pub fn epoch(&mut self, epoch: &EpochDone) -> Result<()> {
        let line = serde_json::to_string(epoch).expect("numbers");
        self.metrics.pending += &(line + "\n");
        self.write_metrics(false)
    }

    /// Writes the lines of the metrics that could not be written before, and waits until all lines have reached the disk.
    pub fn sync_metrics(&mut self) -> Result<()> {
        self.write_metrics(true)
    }

    fn write_metrics(&mut self, sync: bool) -> Result<()> {
        let path = self.path.join(METRICS);
        let pending = std::mem::take(&mut self.metrics.pending);
        let written = (self.system.open_behind(&path, self.metrics.bytes)).and_then(|mut file| {
            file.write_all(pending.as_bytes())?;
            if sync { file.sync() } else { Ok(()) }
        });
        match written {
            Ok(()) => {
                self.metrics.wrote(pending.as_bytes());
                Ok(())
            }
            Err(error) => {
                self.metrics.pending = pending;
                Err(Error::file(path, error))
            }
        }
    }
}

impl Metrics {
    fn wrote(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

/// The lock of a run directory, which a process holds as long as it lives.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = path.join(LOCK);
    let in_path = |e: io::Error| Error::file(path, e);
    if fs::symlink_metadata(&file).is_ok_and(|there| !there.is_file()) {
        return Err(Error::file(file, "this is a link, or no file"));
    }
    let lock = File::options().create(true).truncate(false).write(true).open(&file).map_err(in_path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::RunInUse { path: path.to_owned() }),
        Err(TryLockError::Error(e)) => Err(in_path(e)),
    }
}
