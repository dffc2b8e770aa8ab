//! How a comparison begins, or goes on where it was cut.
//!
//! `trials/compare.json` is the first file: what was asked for, and how many rates that made of the seconds that were measured. Each
//! race that is run is a line of `trials/races.jsonl`; `comparison.json` is the last.

use super::super::asked::Asked;
use super::super::lines::Lines;
use super::super::timing::step_seconds;
use super::super::trials::Trials;
use super::comparison::Comparison;
use super::counts::counts;
use super::entrant::CompareOptions;
use super::race::Race;
use super::ready::Ready;
use crate::error::{Error, Result};
use crate::event::{Choosing, Event, Observer};
use crate::file_names::{COMPARE, COMPARISON, RACES};
use crate::files::is_finished;
use crate::pool::in_pool;
use crate::run_dir::{self, Out, RunDir};
use crate::settings::Settings;
use crate::trainer::ResumeOptions;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::{Disk, FileSystem};

/// What is compared, and what was counted once.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct What {
    options: CompareOptions,
    /// Rates that each tries.
    counts: Vec<u64>,
    /// Seconds of a step of each, as they were measured.
    step_seconds: Vec<f64>,
}

/// Compares optimizers; returns where that lies, and what it says.
///
/// Rows are dealt into folds. On the rows outside of a fold a rate is chosen for each optimizer, by halving on a validation part of
/// them, and its training goes on to the end of the schedule; the weights that a run would keep are judged by the fold's rows, which
/// no choice has seen. All optimizers have the same rows, initial weights, order and batches where those are the same. Differences
/// are of rows, pair by pair, corrected for folds that share training rows
/// ([`paired_difference`](steepest_choose::stats::paired_difference())), and for being several (Holm).
///
/// # Errors
/// Bad settings, bad data and what cannot be compared, before anything is written; [`Error::ComparingStopped`]. That an optimizer
/// diverges is none.
pub fn compare(
    settings: &Settings,
    options: &CompareOptions,
    out: &Out,
    observer: &mut dyn Observer,
) -> Result<(PathBuf, Comparison)> {
    in_pool(settings.train.threads, || {
        settings.check()?;
        out.check()?;
        let ready = Ready::new(settings, options)?;
        let step_seconds =
            step_seconds(ready.entrants.iter().map(|entrant| &entrant.settings), &ready.data[0])?;
        let counts = counts(&ready.entrants, options, &ready.steps, &step_seconds)?;
        // from here on a signal ends it in good order
        if observer.observe(&Event::Choosing(Choosing { done: 0.0, compared: 0 })).is_break() {
            return Err(Error::Stopped);
        }
        let system: Arc<dyn FileSystem> = Arc::new(Disk);
        let mut dir = RunDir::create(Arc::clone(&system), out, &settings.data.source().short_name())?;
        Trials::make_folder(&*system, dir.path())?;
        let asked = Asked::new(settings, What { options: options.clone(), counts, step_seconds });
        dir.write(COMPARE, asked.to_json().as_bytes())?;
        dir.write_settings(settings)?;
        asked.what.run(&ready, &system, dir, observer)
    })
}

/// Goes on with a comparison that was cut.
///
/// # Errors
/// [`Error::NotARun`] where there is none; [`Error::RunFinished`]; [`Error::OtherTrials`] where the data is another; those of
/// [`compare`].
pub fn resume_compare(
    run: &Path,
    how: &ResumeOptions,
    observer: &mut dyn Observer,
) -> Result<(PathBuf, Comparison)> {
    let Some(asked) = Asked::<What>::read(run, COMPARE)? else {
        return Err(Error::NotARun { path: run.to_owned(), reason: "it holds no comparison".to_owned() });
    };
    if is_finished(run).unwrap_or(false) {
        return Err(Error::RunFinished { path: run.to_owned() });
    }
    let length = "nothing: optimizers are compared over the length that was asked for";
    let settings = asked.settings(COMPARE, how, length)?;
    in_pool(how.threads, || {
        let lock = run_dir::lock(run)?;
        let What { options, counts, step_seconds } = &asked.what;
        let ready = Ready::new(&settings, options)?;
        let of_each = ready.entrants.len();
        if [counts.len(), step_seconds.len()] != [of_each; 2] {
            let reason = format!("it has not {of_each} counts and times");
            return Err(Error::Damaged { path: run.join(COMPARE), reason });
        }
        // before anything is written
        Lines::<Race>::check(&run.join(RACES), &ready.context(counts))?;
        let system: Arc<dyn FileSystem> = Arc::new(Disk);
        let mut dir = RunDir::reopen(Arc::clone(&system), run, lock, 0)?;
        dir.write(COMPARE, asked.to_json().as_bytes())?;
        dir.write_settings(&settings)?;
        asked.what.run(&ready, &system, dir, observer)
    })
}

impl What {
    fn run(
        &self,
        ready: &Ready,
        system: &Arc<dyn FileSystem>,
        mut dir: RunDir,
        observer: &mut dyn Observer,
    ) -> Result<(PathBuf, Comparison)> {
        let (counts, seconds) = (self.counts.clone(), self.step_seconds.clone());
        let comparison = ready.run(counts, seconds, system, dir.path(), observer)?;
        dir.write(COMPARISON, comparison.to_json().as_bytes())?;
        dir.sync_metrics()?;
        dir.seal(true)?;
        Ok((dir.path().to_owned(), comparison))
    }
}
