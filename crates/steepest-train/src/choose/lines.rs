//! Lines of JSON that are kept as they are found, each with its checksum: what a choice or a comparison that was cut goes on from.
//!
//! The first line has the version and what the rest depends on; a line that cannot be read ends what is kept.

use crate::error::{Error, Result};
use crate::manifest::checksum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::FileSystem;

/// The version of such a file.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    context: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<T> {
    entry: T,
    /// SHA-256 of the entry's JSON.
    sum: String,
}

/// Such a file, on its disk.
pub(super) struct Lines<T> {
    system: Arc<dyn FileSystem>,
    path: PathBuf,
    /// Bytes that are whole lines.
    bytes: u64,
    /// What was found so far.
    pub entries: Vec<T>,
    /// The number of a line that could not be read: what it held, and all behind it, is found again.
    damaged: Option<usize>,
}

impl<T: Serialize + DeserializeOwned> Lines<T> {
    /// Refuses what was found with something else.
    pub fn check(path: &Path, context: &str) -> Result<()> {
        bytes_of(path, context).map(|_| ())
    }

    /// Opens a file, or begins it; its folder is there.
    pub fn open(system: Arc<dyn FileSystem>, path: PathBuf, context: &str) -> Result<Self> {
        let (bytes, length) = bytes_of(&path, context)?;
        let mut lines = Self { system, path, bytes: 0, entries: Vec::new(), damaged: None };
        if length == 0 {
            let header = Header { format: FORMAT, context: context.to_owned() };
            lines.append(&serde_json::to_string(&header).expect("plain"))?;
            return Ok(lines);
        }
        lines.bytes = length as u64;
        for line in whole_lines(&bytes[length..]) {
            let Some(entry) = entry(line) else {
                lines.damaged = Some(lines.entries.len() + 2);
                break;
            };
            lines.entries.push(entry);
            lines.bytes += line.len() as u64;
        }
        Ok(lines)
    }

    /// What is to be said of a line that could not be read.
    pub fn damage(&self) -> Option<String> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.damaged.map(|line| {
            format!("{name} cannot be read from its line {line} on: what it held there is trained again")
        })
    }

    /// Adds what was found, and waits until it has reached the disk.
    pub fn add(&mut self, entry: T) -> Result<()> {
        let sum = sum(&entry);
        let line = Line { entry, sum };
        self.append(&serde_json::to_string(&line).expect("finite numbers"))?;
        self.entries.push(line.entry);
        Ok(())
    }

    fn append(&mut self, line: &str) -> Result<()> {
        let line = format!("{line}\n");
        (self.system.open_behind(&self.path, self.bytes))
            .and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync()
            })
            .map_err(|error| Error::file(&self.path, error))?;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

/// What is wrong with such a file, if anything is; `None` where there is none.
pub(super) fn check<T: Serialize + DeserializeOwned>(path: &Path) -> Option<Option<String>> {
    let bytes = fs::read(path).ok()?;
    let length = match header(path, &bytes) {
        Ok(header) => header.map_or(0, |(_, length)| length),
        Err(Error::Damaged { reason, .. }) => return Some(Some(reason)),
        Err(error) => return Some(Some(error.to_string())),
    };
    let damaged = whole_lines(&bytes[length..]).position(|line| entry::<T>(line).is_none());
    Some(damaged.map(|at| format!("line {} is not what was written", at + 2)))
}

/// The file's bytes, and how many of them are its first line: 0 where that was never written whole.
fn bytes_of(path: &Path, context: &str) -> Result<(Vec<u8>, usize)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::file(path, error)),
    };
    match header(path, &bytes)? {
        Some((header, _)) if header.context != context => Err(Error::OtherTrials { path: path.to_owned() }),
        header => Ok((bytes, header.map_or(0, |(_, length)| length))),
    }
}

/// The first line and its length; `None` where it was never written whole.
fn header(path: &Path, bytes: &[u8]) -> Result<Option<(Header, usize)>> {
    let Some(line) = whole_lines(bytes).next() else { return Ok(None) };
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
    let header: Header =
        serde_json::from_slice(line).map_err(|error| damaged(format!("its first line: {error}")))?;
    match header.format > FORMAT {
        true => Err(damaged(format!("format {} is of a later version of steepest", header.format))),
        false => Ok(Some((header, line.len()))),
    }
}

/// The lines of which the end is there.
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"))
}

fn sum<T: Serialize>(entry: &T) -> String {
    checksum(serde_json::to_string(entry).expect("finite numbers").as_bytes())
}

/// What a line holds, if it is what was written.
fn entry<T: Serialize + DeserializeOwned>(line: &[u8]) -> Option<T> {
    let line: Line<T> = serde_json::from_slice(line).ok()?;
    (sum(&line.entry) == line.sum).then_some(line.entry)
}
