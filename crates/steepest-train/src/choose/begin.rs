//! How a choice begins, or goes on where it was cut.
//!
//! `trials/asked.json` is the first file of a run that chooses: the settings as they were asked for, and how to tune. A run is choosing
//! until its first checkpoint is there, which [`Trainer::begin`](crate::Trainer) writes with what was chosen; `choice.json` is there
//! before.

use super::asked::Asked;
use super::chosen::Chosen;
use super::ready::Ready;
use super::trials::Trials;
use super::tune::TuneOptions;
use super::{rate, tune as tuning};
use crate::checkpoint;
use crate::error::{Error, Result};
use crate::event::{Choosing, Event, Observer};
use crate::file_names::{ASKED, METRICS};
use crate::files::is_finished;
use crate::pool::in_pool;
use crate::run_dir::{self, Out, RunDir};
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::ResumeOptions;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use steepest::{Disk, FileSystem};

/// What is chosen.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct What {
    /// How it is tuned; absent where the learning rate alone is chosen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tune: Option<TuneOptions>,
}

impl What {
    /// Everything that can be refused before anything is written.
    fn ready(&self, settings: Settings) -> Result<Ready> {
        if let Some(seconds) = settings.train.max_seconds {
            return Err(Error::BadSetting {
                key: "train.max_seconds",
                found: format!("{seconds} where something is chosen"),
                expected: "no limit of time: what decides is counted, so that every machine decides alike; \
                           train.max_steps is such a count"
                    .into(),
            });
        }
        match &self.tune {
            Some(options) => tuning::ready(settings, options),
            None => rate::ready(settings),
        }
    }

    /// Chooses, and trains with what was chosen.
    fn run(
        &self,
        ready: Ready,
        system: &Arc<dyn FileSystem>,
        dir: RunDir,
        observer: &mut dyn Observer,
    ) -> Result<(Chosen, Summary)> {
        let decided = match &self.tune {
            Some(options) => tuning::decide(&ready, options, system, dir.path(), observer)?,
            None => rate::decide(&ready, system, dir.path(), observer)?,
        };
        ready.train(decided, system, dir, observer)
    }
}

/// Chooses settings by cross-validation on the rows that are not for the test, and then trains with them as [`fit`](crate::fit())
/// does: its test scores are of rows that no choice has seen.
///
/// Candidates are halved: all to an eighth of the full schedule, five elevenths of them to a quarter, two elevenths to the end, on
/// each fold with the same start and order for all.
///
/// # Errors
/// Those of [`fit`](crate::fit()); what cannot be searched or divided, before anything is trained; [`Error::ChoosingStopped`].
pub fn tune(
    settings: &Settings,
    options: &TuneOptions,
    out: &Out,
    observer: &mut dyn Observer,
) -> Result<(Chosen, Summary)> {
    in_pool(settings.train.threads, || begin(settings, Some(options), out, observer))
}

/// Chooses in a new run, and trains it.
pub(crate) fn begin(
    settings: &Settings,
    tune: Option<&TuneOptions>,
    out: &Out,
    observer: &mut dyn Observer,
) -> Result<(Chosen, Summary)> {
    settings.check()?;
    out.check()?;
    let mut settings = settings.clone();
    // seconds decide nothing by themselves: they become counts, which are kept
    let seconds = tune.and_then(|_| settings.train.max_seconds.take());
    let mut what = What { tune: tune.cloned() };
    let mut ready = what.ready(settings.clone())?;
    if let (Some(seconds), Some(options)) = (seconds, &mut what.tune) {
        (ready, *options) = tuning::within(ready, options, seconds)?;
        let note = format!(
            "{seconds} s are time for points = {} and trainings = {}, which give the same bits again",
            options.points, options.trainings
        );
        let _ = observer.observe(&Event::Note(note));
    }
    // from here on a signal ends the choice in good order
    if observer.observe(&Event::Choosing(Choosing { done: 0.0, compared: 0 })).is_break() {
        return Err(Error::Stopped);
    }
    let system: Arc<dyn FileSystem> = Arc::new(Disk);
    let mut dir = RunDir::create(Arc::clone(&system), out, &settings.data.source().short_name())?;
    Trials::make_folder(&*system, dir.path())?;
    let asked = Asked::new(&settings, what);
    steepest::write_atomically_on(&*system, dir.path().join(ASKED), asked.to_json().as_bytes())?;
    dir.write_settings(&settings)?;
    asked.what.run(ready, &system, dir, observer)
}

/// Goes on with a run that was cut while it chose; `None` where nothing is chosen, or nothing is left to choose.
pub(crate) fn resume(
    path: &Path,
    how: &ResumeOptions,
    observer: &mut dyn Observer,
) -> Result<Option<Summary>> {
    let Some(asked) = Asked::<What>::read(path, ASKED)? else { return Ok(None) };
    let has_metrics = || fs::metadata(path.join(METRICS)).is_ok_and(|there| there.len() > 0);
    if is_finished(path).unwrap_or(false) || has_metrics() || checkpoint::latest(path)?.is_some() {
        return Ok(None);
    }
    let length = "nothing yet: settings are still being chosen for the length that the run was to have";
    let settings = asked.settings(ASKED, how, length)?;
    let lock = run_dir::lock(path)?;
    settings.check()?;
    let ready = asked.what.ready(settings.clone())?;
    // before anything is written
    Trials::check(path, &ready.plan.context)?;
    let system: Arc<dyn FileSystem> = Arc::new(Disk);
    let mut dir = RunDir::reopen(Arc::clone(&system), path, lock, 0)?;
    dir.write_settings(&settings)?;
    asked.what.run(ready, &system, dir, observer).map(|(_, summary)| Some(summary))
}
