//! The files of a run, held to what its manifest says of them.

use crate::checkpoint;
use crate::error::{Error, Result};
use crate::event::EpochDone;
use crate::file_names::{ASKED, COMPARE, ENCODER, MANIFEST, METRICS, SUMMARY};
use crate::manifest::Manifest;
use crate::summary::Summary;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Whether the run in a directory went to its end.
///
/// # Errors
/// A manifest that is damaged says neither.
pub(crate) fn is_finished(run: &Path) -> Result<bool> {
    Ok(finished_by(Manifest::read(run)?.as_ref(), run))
}

fn finished_by(manifest: Option<&Manifest>, run: &Path) -> bool {
    match manifest {
        Some(manifest) => manifest.finished,
        // a run of an earlier version
        None => {
            let text = fs::read_to_string(run.join(SUMMARY)).unwrap_or_default();
            serde_json::from_str::<Summary>(&text).is_ok_and(|summary| summary.finished)
        }
    }
}

/// A run directory, opened to be read: each file is held to its checksum in the manifest. Runs of earlier versions have
/// none, and nothing is known of their files.
#[derive(Debug, Clone)]
pub struct RunFiles {
    run: PathBuf,
    manifest: Option<Manifest>,
}

/// Whether a directory holds a comparison of optimizers, which leaves no network.
pub(crate) fn is_comparison(run: &Path) -> bool {
    run.join(COMPARE).exists()
}

impl RunFiles {
    /// Opens a run directory.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a manifest that is damaged, or missing where there are checkpoints.
    pub fn open(run: &Path) -> Result<Self> {
        let manifest = Manifest::read(run)?;
        // a run of this version has it before its first checkpoint
        if manifest.is_none() && !checkpoint::paths(run).is_empty() {
            return Err(Error::Damaged { path: run.join(MANIFEST), reason: "it is missing".to_owned() });
        }
        Ok(Self { run: run.to_owned(), manifest })
    }

    /// Whether the run went to its end.
    pub fn is_finished(&self) -> bool {
        finished_by(self.manifest.as_ref(), &self.run)
    }

    /// Whether anything is known of its files.
    pub(crate) fn has_manifest(&self) -> bool {
        self.manifest.is_some()
    }

    /// The files that the manifest knows.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.manifest.iter().flat_map(|manifest| manifest.files.keys().map(String::as_str))
    }

    pub(crate) fn refuse(&self, reason: String) -> Error {
        Error::NotARun { path: self.run.clone(), reason }
    }

    /// Whether it was cut while its settings were chosen: nothing is trained yet.
    pub fn is_choosing(&self) -> bool {
        self.run.join(ASKED).exists() && !self.run.join(ENCODER).exists()
    }

    /// Whether it is a comparison of optimizers, which leaves no network.
    pub fn is_comparison(&self) -> bool {
        is_comparison(&self.run)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`Error::NotARun`] where it cannot be read, [`Error::Damaged`] where it is not what was written.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>> {
        let path = self.run.join(file);
        let wrong = |reason: &dyn std::fmt::Display| self.refuse(format!("{file}: {reason}"));
        // a manifest from elsewhere may name any file, and a device has no end
        let named = |part: Component<'_>| matches!(part, Component::Normal(_));
        if file.is_empty() || file.contains('\\') || !Path::new(file).components().all(named) {
            return Err(wrong(&"this is no name of a file of a run"));
        }
        let there = fs::symlink_metadata(&path).map_err(|error| wrong(&error))?;
        let mut folders = path.ancestors().skip(1).take_while(|folder| *folder != self.run);
        if !there.is_file() || folders.any(Path::is_symlink) {
            return Err(wrong(&"this is a link, or no file"));
        }
        let bytes = fs::read(&path).map_err(|error| wrong(&error))?;
        if let Some(manifest) = &self.manifest {
            manifest.check(&self.run, file, &bytes)?;
        }
        Ok(bytes)
    }

    /// A file as text.
    ///
    /// # Errors
    /// As [`RunFiles::bytes`]; what is no text.
    pub fn text(&self, file: &str) -> Result<String> {
        String::from_utf8(self.bytes(file)?).map_err(|error| self.refuse(format!("{file}: {error}")))
    }

    /// A file that not every run has. What lies there and is not in the manifest is left from before.
    ///
    /// # Errors
    /// As [`RunFiles::text`].
    pub fn optional(&self, file: &str) -> Result<Option<String>> {
        let known = match &self.manifest {
            Some(manifest) => manifest.files.contains_key(file),
            None => self.run.join(file).exists(),
        };
        known.then(|| self.text(file)).transpose()
    }

    /// The same as bytes.
    ///
    /// # Errors
    /// As [`RunFiles::bytes`].
    pub(crate) fn optional_bytes(&self, file: &str) -> Result<Option<Vec<u8>>> {
        let known = match &self.manifest {
            Some(manifest) => manifest.files.contains_key(file),
            None => self.run.join(file).exists(),
        };
        known.then(|| self.bytes(file)).transpose()
    }

    /// The epochs of `metrics.jsonl`, up to a line that is not whole. While a run goes on, no checksum is known of it.
    ///
    /// # Errors
    /// As [`RunFiles::text`].
    pub fn epochs(&self) -> Result<Vec<EpochDone>> {
        let text = match self.is_finished() {
            true => self.text(METRICS)?,
            false => match fs::read(self.run.join(METRICS)) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                Err(error) => return Err(self.refuse(format!("{METRICS}: {error}"))),
            },
        };
        Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect())
    }
}
