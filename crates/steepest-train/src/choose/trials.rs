//! `trials/` of a run: everything that was found while something was chosen, so that nothing is trained twice.
//!
//! `trials.jsonl` has the version and what the trainings depend on in its first line, and then an [`Entry`] a line with its checksum.
//! `trials.csv` has the same for people, without the losses of single rows.

use crate::error::{Error, Result};
use crate::file_names::JOURNAL;
use crate::manifest::checksum;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::{Candidate, Entry, Journal, Point, Standing, Value};

/// The version of the file.
const FORMAT: u32 = 1;
const FOLDER: &str = "trials";
const TABLE: &str = "trials/trials.csv";

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    context: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    entry: Entry,
    /// SHA-256 of the entry's JSON.
    sum: String,
}

impl Line {
    fn new(entry: &Entry) -> Self {
        let text = serde_json::to_string(entry).expect("finite numbers");
        Self { entry: entry.clone(), sum: checksum(text.as_bytes()) }
    }
}

/// The journal of a run, on its disk.
pub(super) struct Trials {
    system: Arc<dyn FileSystem>,
    run: PathBuf,
    /// Bytes of the journal that are whole lines.
    bytes: u64,
    /// What was found so far.
    pub journal: Journal,
    /// Whether a line could not be read: what it held, and all behind it, is trained again.
    pub is_damaged: bool,
}

impl Trials {
    /// Makes the folder.
    pub fn make_folder(system: &dyn FileSystem, run: &Path) -> Result<()> {
        let folder = run.join(FOLDER);
        system.create_folder(&folder).map_err(|error| Error::file(&folder, error))
    }

    /// Refuses the journal of other trainings.
    pub fn check(run: &Path, context: &str) -> Result<()> {
        Self::bytes_of(run, context).map(|_| ())
    }

    /// The journal's bytes, and how many of them are its first line: 0 where that was never written whole.
    fn bytes_of(run: &Path, context: &str) -> Result<(Vec<u8>, usize)> {
        let path = run.join(JOURNAL);
        let bytes = read(&path)?;
        match header(&path, &bytes)? {
            Some((header, _)) if header.context != context => Err(Error::OtherTrials { path }),
            header => Ok((bytes, header.map_or(0, |(_, length)| length))),
        }
    }

    /// Opens the journal of a run, or begins one.
    pub fn open(system: Arc<dyn FileSystem>, run: &Path, context: String) -> Result<Self> {
        let (bytes, length) = Self::bytes_of(run, &context)?;
        let journal = Journal { context: context.clone(), entries: Vec::new() };
        let mut trials = Self { system, run: run.to_owned(), bytes: 0, journal, is_damaged: false };
        if length == 0 {
            Self::make_folder(&*trials.system, run)?;
            trials.append(&serde_json::to_string(&Header { format: FORMAT, context }).expect("plain"))?;
            return Ok(trials);
        }
        trials.bytes = length as u64;
        for line in whole_lines(&bytes[length..]) {
            let Some(entry) = entry(line) else {
                trials.is_damaged = true;
                break;
            };
            trials.journal.entries.push(entry);
            trials.bytes += line.len() as u64;
        }
        Ok(trials)
    }

    /// Adds what was found, and waits until it has reached the disk.
    pub fn add(&mut self, entry: &Entry) -> Result<()> {
        self.append(&serde_json::to_string(&Line::new(entry)).expect("finite numbers"))?;
        self.journal.entries.push(entry.clone());
        Ok(())
    }

    fn append(&mut self, line: &str) -> Result<()> {
        let path = self.run.join(JOURNAL);
        let line = format!("{line}\n");
        (self.system.open_behind(&path, self.bytes))
            .and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync()
            })
            .map_err(|error| Error::file(path, error))?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// What is best so far, in words: of what came farthest with all of its trainings.
    pub fn leading(&self, trainings: usize) -> Option<String> {
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        let mut reached: Vec<(f64, &Point, Vec<f64>)> = Vec::new();
        for entry in &self.journal.entries {
            let loss = match &entry.standing {
                Standing::Losses(losses) => mean(losses),
                Standing::Diverged { .. } => f64::INFINITY,
            };
            match reached.iter_mut().find(|(to, point, _)| *to == entry.to && **point == entry.point) {
                Some((.., losses)) => losses.push(loss),
                None => reached.push((entry.to, &entry.point, vec![loss])),
            }
        }
        let complete = reached.iter().filter(|(.., losses)| losses.len() == trainings);
        let best = complete.min_by(|a, b| b.0.total_cmp(&a.0).then(mean(&a.2).total_cmp(&mean(&b.2))))?.1;
        Some(Candidate { index: 0, point: best.clone() }.to_string())
    }

    /// Writes the table.
    pub fn write_table(&self) -> Result<()> {
        let mut rows: Vec<&Entry> = self.journal.entries.iter().collect();
        rows.sort_by(|a, b| {
            (by_point(&a.point, &b.point))
                .then((a.split, a.seed).cmp(&(b.split, b.seed)))
                .then(a.to.total_cmp(&b.to))
        });
        let mut text = String::new();
        if let Some(first) = rows.first() {
            first.point.keys().for_each(|name| text += &format!("{name},"));
        }
        text += "split,seed,to,mean_loss,diverged_at\n";
        for entry in rows {
            for value in entry.point.values() {
                let _ = match value {
                    Value::Number(x) => write!(text, "{x},"),
                    // widths have commas between them
                    Value::Word(word) => write!(text, "\"{}\",", word.replace('"', "\"\"")),
                };
            }
            let _ = write!(text, "{},{},{},", entry.split, entry.seed, entry.to);
            let _ = match &entry.standing {
                Standing::Losses(losses) => {
                    writeln!(text, "{},", losses.iter().sum::<f64>() / losses.len().max(1) as f64)
                }
                Standing::Diverged { at } => writeln!(text, ",{at}"),
            };
        }
        Ok(steepest::write_atomically_on(&*self.system, self.run.join(TABLE), text.as_bytes())?)
    }
}

/// The journal's bytes; none where there is no journal.
fn read(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::file(path, error)),
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

/// What a line holds, if it is what was written.
fn entry(line: &[u8]) -> Option<Entry> {
    let line: Line = serde_json::from_slice(line).ok()?;
    (Line::new(&line.entry).sum == line.sum).then_some(line.entry)
}

/// What is wrong with the journal of a run, if anything is; `None` where it has none.
pub(crate) fn check_journal(run: &Path) -> Option<Option<String>> {
    let path = run.join(JOURNAL);
    let bytes = fs::read(&path).ok()?;
    let length = match header(&path, &bytes) {
        Ok(header) => header.map_or(0, |(_, length)| length),
        Err(Error::Damaged { reason, .. }) => return Some(Some(reason)),
        Err(error) => return Some(Some(error.to_string())),
    };
    let damaged = whole_lines(&bytes[length..]).position(|line| entry(line).is_none());
    Some(damaged.map(|at| format!("line {} is not what was written", at + 2)))
}

/// Numbers in their order, before words in theirs.
fn by_point(a: &Point, b: &Point) -> Ordering {
    let values = a.values().zip(b.values()).map(|pair| match pair {
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Word(a), Value::Word(b)) => a.cmp(b),
        (Value::Number(_), Value::Word(_)) => Ordering::Less,
        (Value::Word(_), Value::Number(_)) => Ordering::Greater,
    });
    values.fold(Ordering::Equal, Ordering::then)
}
