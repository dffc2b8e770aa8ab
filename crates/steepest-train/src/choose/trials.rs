//! `trials/` of a run: everything that was found while something was chosen, so that nothing is trained twice.
//!
//! `trials.jsonl` has the version and what the trainings depend on in its first line, and then an [`Entry`] a line.
//! `trials.csv` has the same for people, without the losses of single rows.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::{Entry, Journal, Point, Standing, Value};

/// The version of the file.
const FORMAT: u32 = 1;
const FOLDER: &str = "trials";
const JOURNAL: &str = "trials.jsonl";
const TABLE: &str = "trials.csv";

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    context: String,
}

/// The journal of a run, on its disk.
pub(super) struct Trials {
    system: Arc<dyn FileSystem>,
    folder: PathBuf,
    /// Bytes of the journal that are whole lines.
    bytes: u64,
    /// What was found so far.
    pub journal: Journal,
}

impl Trials {
    /// Opens the journal of a run, or begins one; what was cut off in the middle of a line is found again by training.
    pub fn open(system: Arc<dyn FileSystem>, run: &Path, context: String) -> Result<Self> {
        let folder = run.join(FOLDER);
        let path = folder.join(JOURNAL);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::file(&path, error)),
        };
        let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let mut trials = Self { system, folder, bytes: 0, journal: Journal { context, entries: Vec::new() } };
        let first = lines.next();
        match first.map(serde_json::from_str::<Header>) {
            Some(Ok(header)) if header.format > FORMAT => {
                let reason = format!("format {} is of a later version of steepest", header.format);
                return Err(Error::Damaged { path, reason });
            }
            Some(Ok(header)) if header.context != trials.journal.context => {
                return Err(Error::OtherData);
            }
            Some(Ok(_)) => trials.bytes = first.map_or(0, |line| line.len() as u64),
            _ => {
                trials.system.create_folder(&trials.folder).map_err(|e| Error::file(&trials.folder, e))?;
                let context = trials.journal.context.clone();
                trials.append(&serde_json::to_string(&Header { format: FORMAT, context }).expect("plain"))?;
                return Ok(trials);
            }
        }
        for line in lines {
            let Ok(entry) = serde_json::from_str(line) else { break };
            trials.journal.entries.push(entry);
            trials.bytes += line.len() as u64;
        }
        Ok(trials)
    }

    /// Adds what was found, and waits until it has reached the disk.
    pub fn add(&mut self, entry: &Entry) -> Result<()> {
        self.append(&serde_json::to_string(entry).expect("finite numbers"))?;
        self.journal.entries.push(entry.clone());
        Ok(())
    }

    fn append(&mut self, line: &str) -> Result<()> {
        let path = self.folder.join(JOURNAL);
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

    /// Writes the table.
    pub fn write_table(&self, journal: &Journal) -> Result<()> {
        let mut rows: Vec<&Entry> = journal.entries.iter().collect();
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
        Ok(steepest::write_atomically_on(&*self.system, self.folder.join(TABLE), text.as_bytes())?)
    }
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
