//! The manifest of a run: which files it has, and the checksum of each.

use crate::error::{Error, Result};
use crate::file_names::MANIFEST;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The version of the file.
const FORMAT: u32 = 1;

/// `manifest.json`: the files of a run with their checksums. It is written after them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    /// Whether the run went to its end.
    pub finished: bool,
    /// By the name of the file. Checkpoints have checksums of their own and are not among them.
    pub files: BTreeMap<String, FileSum>,
}

/// What a file was when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSum {
    /// Its length.
    bytes: u64,
    /// SHA-256, hexadecimal.
    sha256: String,
}

/// The manifest with a checksum of its own.
#[derive(Serialize, Deserialize)]
struct Signed {
    manifest: Manifest,
    sha256: String,
}

impl FileSum {
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: checksum(bytes) }
    }

    pub fn of_hash(bytes: u64, hash: Sha256) -> Self {
        Self { bytes, sha256: hex(hash) }
    }
}

impl Manifest {
    pub fn new(finished: bool, files: BTreeMap<String, FileSum>) -> Self {
        Self { format: FORMAT, finished, files }
    }

    pub fn to_json(&self) -> String {
        let signed = Signed { sha256: checksum(self.text().as_bytes()), manifest: self.clone() };
        serde_json::to_string_pretty(&signed).expect("plain values") + "\n"
    }

    /// What its checksum is of.
    fn text(&self) -> String {
        serde_json::to_string(self).expect("plain values")
    }

    /// That of a run; `None` for a run of an earlier version, and for one that was cut before its first step.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn read(run: &Path) -> Result<Option<Self>> {
        let path = run.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::file(path, error)),
        };
        let damaged = |reason: String| Error::Damaged { path: path.clone(), reason };
        let Signed { manifest, sha256 } =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if manifest.format != FORMAT {
            let found = manifest.format;
            return Err(damaged(format!("it has format {found}, this program reads {FORMAT}")));
        }
        match sha256 == checksum(manifest.text().as_bytes()) {
            true => Ok(Some(manifest)),
            false => Err(damaged("it is not what was written".to_owned())),
        }
    }

    /// Refuses bytes that are not those of the file then.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn check(&self, path: &Path, file: &str, bytes: &[u8]) -> Result<()> {
        let damaged = |reason: &str| Error::Damaged { path: path.join(file), reason: reason.to_owned() };
        match self.files.get(file) {
            None => Err(damaged("the manifest does not know it")),
            Some(sum) if *sum == FileSum::of(bytes) => Ok(()),
            Some(_) => Err(damaged("it is not what was written")),
        }
    }
}

pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn checksum(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}
