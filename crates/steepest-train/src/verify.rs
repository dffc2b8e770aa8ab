//! Whether a run is what was written, and whether its steps give the same bits again.

use crate::checkpoint::{self, Identity, Origin};
use crate::choose;
use crate::error::{Error, Result};
use crate::event::{Event, Events, Stopped};
use crate::file_names::{ENCODER, MANIFEST, METRICS, SETTINGS, SUMMARY, TRAINED_ON, WEIGHTS};
use crate::files::RunFiles;
use crate::settings::Settings;
use crate::state::Snapshot;
use crate::summary::{self, Summary};
use crate::trainer::Trainer;
use serde::Serialize;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use steepest_burn::NamedTensor;

/// What was found in a run directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Whether the run went to its end.
    pub finished: bool,
    /// Each file that the run has, or should have.
    pub files: Vec<Checked>,
    /// What became of the steps that were taken again.
    pub replay: Replay,
    /// What can be done with the run as it is: a sentence each.
    pub remains: Vec<String>,
}

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its name, from the run directory on.
    pub file: String,
    /// What is wrong with it; absent if it is what was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What became of the steps that were taken again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Replay {
    /// The bits are the same.
    Same {
        /// The step that it began after.
        from: u64,
        /// The last step.
        to: u64,
    },
    /// They are not.
    Differs {
        /// The step that it began after.
        from: u64,
        /// The last step.
        to: u64,
        /// What differs: `weights`, `best weights`, `optimizer`, `state`.
        what: Vec<&'static str>,
    },
    /// Nothing can be said.
    NotComparable {
        /// Why.
        because: String,
    },
}

impl Verified {
    /// Whether something is damaged, or differs.
    pub fn is_damaged(&self) -> bool {
        self.files.iter().any(|file| file.problem.is_some()) || matches!(self.replay, Replay::Differs { .. })
    }
}

/// Checks the checksums of all files of a run, and takes the steps between its two newest checkpoints again. `source` is
/// where the data lies now, if not where it was. Nothing is written.
///
/// # Errors
/// [`Error::NotARun`] for a directory that holds none.
pub(crate) fn verify(run: &Path, source: Option<&str>) -> Result<Verified> {
    if !run.join(SETTINGS).exists() && !run.join(MANIFEST).exists() {
        return Err(Error::NotARun { path: run.to_owned(), reason: format!("it has no {SETTINGS}") });
    }
    let (opened, mut files) = match RunFiles::open(run) {
        Ok(opened) => {
            let check = |name: &str| Checked::of(name, opened.bytes(name).err().map(|error| reason(&error)));
            let files = opened.names().map(check).collect();
            (Some(opened), files)
        }
        Err(error) => (None, vec![Checked::of(MANIFEST, Some(reason(&error)))]),
    };
    let (checked, whole) = check_checkpoints(run);
    files.extend(checked);
    files.extend(choose::check_journals(run).into_iter().map(|(file, problem)| Checked::of(file, problem)));
    let stopped_by = stopped_by(run);
    let finished = opened.as_ref().is_some_and(RunFiles::is_finished);
    let found = Facts {
        finished,
        failed: summary::is_failure(&stopped_by),
        early: opened.as_ref().is_some_and(|opened| !opened.has_manifest()),
        compares: opened.as_ref().is_some_and(RunFiles::is_comparison),
        chooses: opened.as_ref().is_some_and(RunFiles::is_choosing),
        has_epochs: fs::metadata(run.join(METRICS)).is_ok_and(|there| there.len() > 0),
        newest: whole.last().map(|(snapshot, _)| snapshot.state.counters.step),
        files: &files,
    };
    let remains = found.remains();
    let timed = finished && stopped_by == "max_time";
    Ok(Verified { finished, replay: replay(run, source, timed, whole), files, remains })
}

/// Each checkpoint, and the two newest that are whole.
fn check_checkpoints(run: &Path) -> (Vec<Checked>, Vec<(Snapshot, Origin)>) {
    let text = fs::read_to_string(run.join(SETTINGS)).unwrap_or_default();
    let settings = Settings::of_run(&text, SETTINGS).ok();
    let foreign = |origin: &Origin| settings.as_ref().is_some_and(|s| origin.check_settings(run, s).is_err());
    let (mut checked, mut whole) = (Vec::new(), Vec::new());
    for path in checkpoint::paths(run) {
        let problem = match checkpoint::read(&path) {
            Ok((_, origin)) if foreign(&origin) => Some("it is of another run".to_owned()),
            Ok(found) => {
                whole.push(found);
                // two are compared
                whole.drain(..whole.len().saturating_sub(2));
                None
            }
            // a run that goes on has replaced it meanwhile
            Err(_) if !path.exists() => continue,
            Err(reason) => Some(reason),
        };
        let name = path.strip_prefix(run).unwrap_or(&path).display().to_string();
        checked.push(Checked::of(&name, problem));
    }
    (checked, whole)
}

impl Checked {
    fn of(file: &str, problem: Option<String>) -> Self {
        Self { file: file.to_owned(), problem }
    }
}

/// Without the file, which stands beside it.
fn reason(error: &Error) -> String {
    match error {
        Error::Damaged { reason, .. } | Error::NotARun { reason, .. } => reason.clone(),
        error => error.to_string(),
    }
}

/// What decides about what can still be done with a run.
struct Facts<'a> {
    finished: bool,
    /// Whether it went wrong.
    failed: bool,
    /// Whether it is of an earlier version.
    early: bool,
    /// Whether it is of optimizers side by side.
    compares: bool,
    /// Whether it was cut while something was chosen.
    chooses: bool,
    /// Whether it has metrics.
    has_epochs: bool,
    /// The step of its newest checkpoint that is whole.
    newest: Option<u64>,
    files: &'a [Checked],
}

impl Facts<'_> {
    fn is_bad(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.file == name && file.problem.is_some())
    }

    /// A sentence each.
    fn remains(&self) -> Vec<String> {
        let needed = [MANIFEST, SETTINGS, ENCODER, TRAINED_ON, SUMMARY, WEIGHTS];
        if self.compares {
            return match self.finished {
                true => vec!["it is a comparison, which can be shown, and predicts nothing".into()],
                false => vec!["it goes on comparing".into()],
            };
        }
        let predicts = self.finished && !needed.iter().any(|name| self.is_bad(name));
        let mut remains = Vec::new();
        if self.early {
            remains.push(
                "it has no manifest, as a run of an earlier version: nothing is known of its files".into(),
            );
        }
        match (predicts, self.failed) {
            (true, true) => remains.push("it failed, so that its weights predict nothing".into()),
            (true, false) => remains.push("it predicts".into()),
            (false, _) => {}
        }
        remains.extend(match self.newest {
            Some(step) => Some(self.with_checkpoint(step)),
            None => self.without_checkpoint(predicts).map(str::to_owned),
        });
        remains
    }

    fn with_checkpoint(&self, step: u64) -> String {
        if self.is_bad(MANIFEST) {
            return format!(
                "without its manifest nobody knows whether it is finished; the checkpoint of step {step} holds the settings \
                 and the weights"
            );
        }
        if self.is_bad(SETTINGS) {
            return format!(
                "its {SETTINGS} is lost, but the checkpoint of step {step} holds the settings and the weights"
            );
        }
        let what = match self.finished {
            true => "it can be made longer",
            false => "it goes on, and predicts with its best weights so far,",
        };
        format!("{what} from the checkpoint of step {step}, with the data of then")
    }

    fn without_checkpoint(&self, predicts: bool) -> Option<&'static str> {
        let had_one = self.files.iter().any(|file| file.file.starts_with("checkpoints"));
        match self.finished {
            true if predicts => Some("it has no checkpoint, so that it cannot be made longer"),
            false if self.has_epochs => Some("its checkpoints are gone, and what it has learnt with them"),
            false if self.chooses => Some("it goes on choosing, and then trains"),
            false if !self.is_bad(SETTINGS) && !had_one => Some("it begins again from its first step"),
            _ => Some("nothing of it can be saved but its settings"),
        }
    }
}

/// What ended a run, by its summary.
fn stopped_by(run: &Path) -> String {
    let text = fs::read_to_string(run.join(SUMMARY)).unwrap_or_default();
    serde_json::from_str::<Summary>(&text).map(|summary| summary.stopped_by).unwrap_or_default()
}

/// Takes the steps between the two newest checkpoints again; `timed` says that a limit of time ended the run.
fn replay(run: &Path, source: Option<&str>, timed: bool, mut whole: Vec<(Snapshot, Origin)>) -> Replay {
    let no = |because: String| Replay::NotComparable { because };
    let (Some((newer, to_origin)), Some((older, from_origin))) = (whole.pop(), whole.pop()) else {
        return no("there are no two checkpoints to compare".to_owned());
    };
    if from_origin != to_origin {
        return no("the run was made longer, or went on elsewhere, between its two checkpoints".to_owned());
    }
    if let Some(differs) = Identity::here().other_processor(&to_origin.identity) {
        return no(format!("the run comes from another processor ({differs}), which sums in another order"));
    }
    if timed {
        return no(
            "the run was ended by a limit of time, which does not come at the same step again".to_owned()
        );
    }
    let (from, to) = (older.state.counters.step, newer.state.counters.step);
    match Trainer::replay(run, source, older, &from_origin).and_then(|trainer| trainer.until(&newer)) {
        Err(error) => no(error.to_string()),
        Ok(what) if what.is_empty() => Replay::Same { from, to },
        Ok(what) => Replay::Differs { from, to, what },
    }
}

impl Trainer {
    /// Trains until where another snapshot was made, and says what differs from it.
    fn until(mut self, goal: &Snapshot) -> Result<Vec<&'static str>> {
        self.goal = Some((goal.state.counters.step, goal.state.counters.epoch));
        let mut silent = |_: &Event| ControlFlow::Continue(());
        let stopped = self.train(&mut Events::new(&mut silent))?;
        if stopped != Stopped::Interrupted {
            self.close();
        }
        Ok(self.snapshot()?.differences(goal))
    }
}

impl Snapshot {
    /// What is not the same in another, but for what the clock says.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let same = [
            ("weights", same_tensors(&self.weights, &other.weights)),
            (
                "best weights",
                match (&self.best_weights, &other.best_weights) {
                    (Some(here), Some(there)) => same_tensors(here, there),
                    (here, there) => here.is_none() && there.is_none(),
                },
            ),
            ("optimizer", self.optimizer == other.optimizer),
            ("state", self.state.without_clock() == other.state.without_clock()),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(what, _)| what).collect()
    }
}

/// Bit for bit, so that a NaN is the same as itself.
fn same_tensors(here: &[NamedTensor], there: &[NamedTensor]) -> bool {
    let same = |((name, shape, values), (other, other_shape, others)): (&NamedTensor, &NamedTensor)| {
        let bits = values.iter().map(|x| x.to_bits()).eq(others.iter().map(|x| x.to_bits()));
        name == other && shape == other_shape && bits
    };
    here.len() == there.len() && here.iter().zip(there).all(same)
}
