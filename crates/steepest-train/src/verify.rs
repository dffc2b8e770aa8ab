//! Whether a run is what was written, and whether its steps give the same bits again.

use crate::checkpoint::{self, Identity, Origin};
use crate::error::{Error, Result};
use crate::event::{Event, Events, Stopped};
use crate::manifest::{MANIFEST, Manifest};
use crate::run_dir::SETTINGS;
use crate::settings::Settings;
use crate::state::Snapshot;
use crate::summary::Summary;
use crate::trainer::Trainer;
use serde::Serialize;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

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
    let mut files = Vec::new();
    let manifest = match Manifest::read(run) {
        // a run of this version has it before its first checkpoint
        Ok(None) if !checkpoint::paths(run).is_empty() => {
            files.push(Checked { file: MANIFEST.to_owned(), problem: Some("it is missing".to_owned()) });
            None
        }
        Ok(manifest) => manifest,
        Err(error) => {
            files.push(Checked { file: MANIFEST.to_owned(), problem: Some(reason(error)) });
            None
        }
    };
    for name in manifest.iter().flat_map(|manifest| manifest.files.keys()) {
        let found = read_inside(run, name);
        let checked = found.and_then(|bytes| {
            manifest.as_ref().map_or(Ok(()), |manifest| manifest.check(run, name, &bytes)).map_err(reason)
        });
        files.push(Checked { file: name.clone(), problem: checked.err() });
    }
    let mut whole = Vec::new();
    for path in checkpoint::paths(run) {
        let name = path.strip_prefix(run).unwrap_or(&path).display().to_string();
        let problem = match checkpoint::read(&path) {
            Ok(found) if other_run(run, &found.1) => Some("it is of another run".to_owned()),
            Ok(found) => {
                whole.push(found);
                // two are compared
                if whole.len() > 2 {
                    whole.remove(0);
                }
                None
            }
            // a run that goes on has replaced it meanwhile
            Err(_) if !path.exists() => continue,
            Err(reason) => Some(reason),
        };
        files.push(Checked { file: name, problem });
    }
    let finished = match &manifest {
        Some(manifest) => manifest.finished,
        None => crate::run_dir::is_finished(run).unwrap_or(false),
    };
    let has_epochs = fs::metadata(run.join("metrics.jsonl")).is_ok_and(|there| there.len() > 0);
    let remains = remains(has_epochs, finished, failed(run), manifest.is_some(), &files, whole.last());
    Ok(Verified { finished, replay: replay(run, source, finished, whole), files, remains })
}

/// Whether a checkpoint was made with other settings than those that lie beside it.
fn other_run(run: &Path, origin: &Origin) -> bool {
    let text = fs::read_to_string(run.join(SETTINGS)).unwrap_or_default();
    let Ok(settings) = Settings::from_toml(&text, SETTINGS) else { return false };
    let Some(mut saved) = origin.settings.clone() else { return false };
    // a run may have been made longer
    saved.train.epochs = settings.train.epochs;
    !saved.differences(&settings).is_empty()
}

/// A file of the directory itself: a manifest from elsewhere may name any other.
fn read_inside(run: &Path, name: &str) -> std::result::Result<Vec<u8>, String> {
    let path = run.join(name);
    if path.parent() != Some(run) || path.file_name().and_then(|own| own.to_str()) != Some(name) {
        return Err("this is no name of a file of a run".to_owned());
    }
    let there = fs::symlink_metadata(&path).map_err(|error| error.to_string())?;
    if !there.is_file() {
        return Err("this is a link, or no file".to_owned());
    }
    fs::read(&path).map_err(|error| error.to_string())
}

fn reason(error: Error) -> String {
    match error {
        Error::Damaged { reason, .. } => reason,
        error => error.to_string(),
    }
}

/// What can still be done with a run.
fn remains(
    has_epochs: bool,
    finished: bool,
    failed: bool,
    has_manifest: bool,
    files: &[Checked],
    newest: Option<&(Snapshot, Origin)>,
) -> Vec<String> {
    let bad = |name: &str| files.iter().any(|file| file.file == name && file.problem.is_some());
    let needed =
        [MANIFEST, SETTINGS, "encoder.json", "trained_on.json", "summary.json", "weights.safetensors"];
    let predicts = finished && needed.iter().all(|name| !bad(name));
    let mut remains = Vec::new();
    if !has_manifest && !bad(MANIFEST) {
        remains.push(
            "it has no manifest, as a run of an earlier version: nothing is known of its files".to_owned(),
        );
    }
    if predicts && failed {
        remains.push("it failed, so that its weights predict nothing".to_owned());
    } else if predicts {
        remains.push("it predicts".to_owned());
    }
    let any_checkpoint = files.iter().any(|file| file.file.starts_with("checkpoints"));
    match newest {
        Some((snapshot, _)) if bad(MANIFEST) => remains.push(format!(
            "without its manifest nobody knows whether it is finished; the checkpoint of step {} holds the settings and the \
             weights",
            snapshot.state.counters.step
        )),
        Some((snapshot, _)) if bad(SETTINGS) => remains.push(format!(
            "its {SETTINGS} is lost, but the checkpoint of step {} holds the settings and the weights",
            snapshot.state.counters.step
        )),
        Some((snapshot, _)) => {
            let step = snapshot.state.counters.step;
            let what = if finished { "it can be made longer" } else { "it goes on, and predicts with its best weights so far," };
            remains.push(format!("{what} from the checkpoint of step {step}, with the data of then"));
        }
        None if finished && predicts => remains.push("it has no checkpoint, so that it cannot be made longer".to_owned()),
        None if !finished && has_epochs => remains.push("its checkpoints are gone, and what it has learnt with them".to_owned()),
        None if !finished && !bad(SETTINGS) && !any_checkpoint => remains.push("it begins again from its first step".to_owned()),
        None if !predicts => remains.push("nothing of it can be saved but its settings".to_owned()),
        None => {}
    }
    remains
}

/// Takes the steps between the two newest checkpoints again.
fn replay(run: &Path, source: Option<&str>, finished: bool, mut whole: Vec<(Snapshot, Origin)>) -> Replay {
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
    // by the clock it ended where this replay would not
    if finished && stopped_by(run) == "max_time" {
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

fn stopped_by(run: &Path) -> String {
    let text = fs::read_to_string(run.join("summary.json")).unwrap_or_default();
    serde_json::from_str::<Summary>(&text).map(|summary| summary.stopped_by).unwrap_or_default()
}

fn failed(run: &Path) -> bool {
    crate::summary::is_failure(&stopped_by(run))
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
fn same_tensors(here: &[steepest_burn::NamedTensor], there: &[steepest_burn::NamedTensor]) -> bool {
    let same = |((name, shape, values), (other, other_shape, others)): (
        &steepest_burn::NamedTensor,
        &steepest_burn::NamedTensor,
    )| {
        let bits = values.iter().map(|x| x.to_bits()).eq(others.iter().map(|x| x.to_bits()));
        name == other && shape == other_shape && bits
    };
    here.len() == there.len() && here.iter().zip(there).all(same)
}
