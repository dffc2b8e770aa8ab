//! `trials/` of a run: everything that was found while something was chosen, so that nothing is trained twice.
//!
//! `trials.jsonl` has an [`Entry`] a line.
//! `trials.csv` has the same for people, without the losses of single rows.

use super::lines::Lines;
use crate::error::{Error, Result};
use crate::file_names::JOURNAL;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::{Candidate, Entry, Journal, Point, Standing, Value};
use steepest_data::csv_cell;

const FOLDER: &str = "trials";
const TABLE: &str = "trials/trials.csv";

/// The journal of a run, on its disk.
pub(super) struct Trials {
    system: Arc<dyn FileSystem>,
    run: PathBuf,
    context: String,
    lines: Lines<Entry>,
}

impl Trials {
    /// Makes the folder.
    pub fn make_folder(system: &dyn FileSystem, run: &Path) -> Result<()> {
        let folder = run.join(FOLDER);
        system.create_folder(&folder).map_err(|error| Error::file(&folder, error))
    }

    /// Refuses the journal of other trainings.
    pub fn check(run: &Path, context: &str) -> Result<()> {
        Lines::<Entry>::check(&run.join(JOURNAL), context)
    }

    /// Opens the journal of a run, or begins one.
    pub fn open(system: Arc<dyn FileSystem>, run: &Path, context: String) -> Result<Self> {
        Self::make_folder(&*system, run)?;
        let lines = Lines::open(Arc::clone(&system), run.join(JOURNAL), &context)?;
        Ok(Self { system, run: run.to_owned(), context, lines })
    }

    /// What was found so far.
    pub fn journal(&self) -> Journal {
        Journal { context: self.context.clone(), entries: self.lines.entries.clone() }
    }

    /// How much was found so far.
    pub fn len(&self) -> usize {
        self.lines.entries.len()
    }

    /// What is to be said of a line that could not be read.
    pub fn damage(&self) -> Option<String> {
        self.lines.damage()
    }

    /// Adds what was found, and waits until it has reached the disk.
    pub fn add(&mut self, entry: &Entry) -> Result<()> {
        self.lines.add(entry.clone())
    }

    /// What is best so far, in words: of what came farthest with all of its trainings.
    pub fn leading(&self, trainings: usize) -> Option<String> {
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        let mut reached: Vec<(f64, &Point, Vec<f64>)> = Vec::new();
        for entry in &self.lines.entries {
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
        let mut rows: Vec<&Entry> = self.lines.entries.iter().collect();
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
                    Value::Word(word) => write!(text, "{},", csv_cell(word)),
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
