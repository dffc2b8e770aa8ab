//! `lr = "auto"`: several learning rates are trained a little, the best goes on and is the run.

use super::choosing::{Choosing, context, ends, short};
use super::chosen::{CHOICE, Chosen, How};
use super::divisions::divisions;
use super::networks::{NetworkTrial, Networks};
use super::search::LR;
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{EpochDone, Event, Observer};
use crate::learning_rate::LearningRate;
use crate::run_dir::{self, Out, RunDir};
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::{ResumeOptions, Tables, Trainer, settings_of};
use std::path::Path;
use std::sync::Arc;
use steepest::{Disk, FileSystem};
use steepest_choose::choose::{Choice, Outcome, Plan};
use steepest_data::Prepared;

/// Steps of a ramp, and how many there are.
const RAMP: u64 = 100;
const RAMPS: u64 = 3;
/// A ramp takes at most this part of the training's steps, and has at least so many, or there is none.
const RAMP_PART: u64 = 50;
const SHORTEST_RAMP: u64 = 30;

/// A run whose learning rate is chosen first.
pub(crate) fn fit(settings: &Settings, out: &Out, observer: &mut dyn Observer) -> Result<Summary> {
    settings.check()?;
    out.check()?;
    let tables = Tables::read(settings)?;
    let data = Arc::new(tables.prepare(settings)?);
    // before a directory is made
    plan(settings, &data, 1)?;
    let system: Arc<dyn FileSystem> = Arc::new(Disk);
    let mut dir = RunDir::create(Arc::clone(&system), out, &settings.data.source().short_name())?;
    dir.write_settings(settings)?;
    Choose { system, settings, tables, data, dir }.run(observer)
}

/// The same, of a run that was cut while it chose; `None` where it has chosen already.
pub(crate) fn resume(
    path: &Path,
    how: &ResumeOptions,
    observer: &mut dyn Observer,
) -> Result<Option<Summary>> {
    let mut settings = match settings_of(path) {
        Ok(settings) if settings.optimizer.chooses_rate() => settings,
        _ => return Ok(None),
    };
    if let Some(epochs) = how.epochs {
        return Err(Error::BadSetting {
            key: "train.epochs",
            found: epochs.to_string(),
            expected:
                "nothing yet: the learning rate is still being chosen for the length that the run was to have"
                    .into(),
        });
    }
    if let Some(source) = &how.source {
        (settings.data.source, settings.data.more_files) = (source.clone(), Vec::new());
    }
    let lock = run_dir::lock(path)?;
    settings.check()?;
    let tables = Tables::read(&settings)?;
    let data = Arc::new(tables.prepare(&settings)?);
    plan(&settings, &data, 1)?;
    let system: Arc<dyn FileSystem> = Arc::new(Disk);
    let mut dir = RunDir::reopen(Arc::clone(&system), path, lock, 0)?;
    dir.write_settings(&settings)?;
    Choose { system, settings: &settings, tables, data, dir }.run(observer).map(Some)
}

/// What is tried on so many divisions of the rows; where there are several of them, trainings are cheap.
///
/// # Errors
/// No validation rows; a training that is too short to be cut into rungs; those of [`Settings::resolve`].
fn plan(settings: &Settings, data: &Prepared, splits: usize) -> Result<Plan> {
    let refuse = |found: &str, expected: String| {
        Err(Error::BadSetting { key: "optimizer.lr", found: found.into(), expected })
    };
    if data.validation.features.rows == 0 {
        let expected = "validation rows, by which rates are compared, or a number".into();
        return refuse("auto without validation rows", expected);
    }
    let total = settings.resolve(data)?.total_steps;
    let planned = Plan::automatic(LR, settings.optimizer.learning_rate()?, total).and_then(|mut plan| {
        if splits > 1 {
            plan = plan.paired(splits).deeper();
        }
        // the winner goes on from the last comparison as the run itself
        plan.rungs.pop();
        plan.seeds = vec![settings.train.seed];
        plan.check().map(|()| plan)
    });
    planned.or_else(|error| refuse("auto", format!("a number, or a longer training: {error}")))
}

/// All that a choice needs.
struct Choose<'a> {
    system: Arc<dyn FileSystem>,
    settings: &'a Settings,
    tables: Tables,
    data: Arc<Prepared>,
    dir: RunDir,
}

impl Choose<'_> {
    /// Chooses, and trains on.
    fn run(self, observer: &mut dyn Observer) -> Result<Summary> {
        let (said, winner) = self.choose(observer)?;
        let mut settings = self.settings.clone();
        settings.optimizer.lr = Some(LearningRate::Number(said.lr));
        settings.optimizer.lr_from = Some(said.from);
        let (identity, dir) = (Identity::of(&self.data), self.dir);
        let (system, run) = (self.system, dir.path().to_owned());
        let mut trainer = Trainer::begin(Arc::clone(&system), &settings, self.data, identity, || Ok(dir))?;
        steepest::write_atomically_on(&*system, run.join(CHOICE), said.found.to_json().as_bytes())?;
        trainer.say_first(said.notes);
        // that it asks to stop is heard at the first step
        let _ = observer.observe(&Event::Chosen(said.found));
        // where there is none, because the choice was cut or the training ended by itself, the same steps are taken again
        if let Some(Trained { trainer: trial, epochs }) = winner {
            trainer.take_over(&trial, epochs)?;
        }
        trainer.run(observer)
    }

    /// The choice; with the best rate's training on the run's own division of the rows, and what it told of its epochs.
    fn choose(&self, observer: &mut dyn Observer) -> Result<(Said, Option<Trained>)> {
        let resolved = self.settings.resolve(&self.data)?;
        let (usual, total) = (self.settings.optimizer.learning_rate()?, resolved.total_steps);
        let splits = self.splits(
            resolved.model.parameters(),
            resolved.batch.resolve(self.data.train.features.rows),
            total,
        )?;
        let context = context(self.settings, &splits);
        let mut plan = plan(self.settings, &self.data, splits.len())?;
        plan.context = context;
        let ramp = self.ramp(usual, total)?;
        let ramp_cost = ramp.steps as f64 / total as f64;
        plan.extra_at_most -= ramp_cost;
        if !ramp.diverged_at.is_empty() {
            // where even the lowest rate falls apart, what is tried says so
            plan = plan.clone().below_divergence(LR, &ramp.diverged_at).unwrap_or(plan);
        }

        let expected = (plan.cost() * total as f64) as u64;
        let choice = Choosing { plan: &plan, expected, settings: self.settings, splits: &splits }.run(
            &self.system,
            self.dir.path(),
            observer,
        )?;
        let said = said(&choice, &splits, usual, ramp_cost);
        let own = choice.trained.into_iter().find(|trained| trained.split == 0).and_then(|own| own.trial);
        let own = own.filter(|trial| trial.ended.is_none());
        Ok((said, own.map(|trial| Trained { trainer: trial.trainer, epochs: trial.epochs })))
    }

    /// The divisions of the rows on which rates are compared: the run's own, and others with the same rows for the test
    /// where they cost little.
    fn splits(&self, parameters: u64, batch: usize, total: u64) -> Result<Vec<Arc<Prepared>>> {
        let count = match self.settings.optimizer.lr_splits {
            _ if !self.tables.can_divide_again() => 1,
            Some(count) => count,
            None => [5, 3].into_iter().find(|n| seconds(*n, parameters, batch, total) <= CHEAP).unwrap_or(1),
        };
        divisions(self.settings, &self.tables, &self.data, count)
    }

    /// The rates at which ramps fall apart, from a third of which on no rate is tried.
    fn ramp(&self, usual: f64, total: u64) -> Result<Ramp> {
        let steps = RAMP.min(total / RAMP_PART);
        if steps < SHORTEST_RAMP {
            return Ok(Ramp { steps: 0, diverged_at: Vec::new() });
        }
        let low = 0.1 * usual;
        let mut diverged_at = Vec::new();
        for number in 0..RAMPS {
            let seed = self.settings.train.seed.wrapping_add(number << 32);
            let settings = Networks::with(self.settings, low, seed);
            let mut trainer = Trainer::unwritten(&settings, Arc::clone(&self.data))?;
            let ramp = trainer.ramp(low, 1e4 * usual, steps)?;
            diverged_at.extend(ramp.last().filter(|[_, loss]| loss.is_infinite()).map(|[lr, _]| *lr));
        }
        Ok(Ramp { steps: RAMPS * steps, diverged_at })
    }
}

/// A training that becomes the run, and what it told of its epochs.
struct Trained {
    trainer: Trainer,
    epochs: Vec<EpochDone>,
}

struct Ramp {
    /// Steps of all ramps.
    steps: u64,
    diverged_at: Vec<f64>,
}

/// Seconds beyond which a choice on several divisions of the rows is too dear to be made without being asked for.
const CHEAP: f64 = 8.0;

/// About how long a choice on so many divisions takes on one usual core. It is counted, not measured, so that every machine
/// decides alike: 0.15 ms a step, and 30 billion multiplications and additions a second.
fn seconds(splits: u64, parameters: u64, batch: usize, total: u64) -> f64 {
    let step = 1.5e-4 + 6.0 * parameters as f64 * batch as f64 / 3e10;
    // seven to an eighth, five to a quarter, three to a half
    splits as f64 * 2.25 * total as f64 * step
}

/// What is said of a choice.
struct Said {
    lr: f64,
    /// For the settings.
    from: String,
    notes: Vec<String>,
    found: Chosen,
}

fn said(choice: &Choice<NetworkTrial<'_>>, splits: &[Arc<Prepared>], usual: f64, ramp_cost: f64) -> Said {
    let rate = |outcome: &Outcome| outcome.candidate.number(LR).unwrap_or(f64::NAN);
    let lr = rate(&choice.outcomes[choice.winner]);
    let rates: Vec<f64> = choice.outcomes.iter().map(rate).collect();
    let [low, high] = ends(&rates);
    let own = choice.outcomes[choice.winner].rungs.last().map_or(0.0, |rung| rung.to);
    let extra = choice.cost.total - own + ramp_cost;
    let on = match splits.len() {
        1 => "on the run's own split".to_owned(),
        n => format!("on {n} splits"),
    };
    let from = format!(
        "auto: the best of {} rates from {} to {} {on}, at {:.2} trainings beside the run's own",
        rates.len(),
        short(low),
        short(high),
        extra
    );
    let mut notes = vec![format!("learning rate {}, {from}", short(lr))];
    for dropped in &choice.dropped {
        if dropped.documented {
            notes.push(format!(
                "the usual learning rate {} was not tried: training falls apart near it",
                short(usual)
            ));
        }
    }
    let diverged: Vec<String> = (choice.outcomes.iter())
        .filter_map(|outcome| {
            let at = outcome.diverged?.at;
            Some(format!("{} (at {:.1} % of the training)", short(rate(outcome)), 100.0 * at))
        })
        .collect();
    if !diverged.is_empty() {
        notes.push(format!("learning rates that diverged: {}", diverged.join(", ")));
    }
    let found = Chosen {
        cost: extra,
        grid_cost: (rates.len() * splits.len()) as f64,
        ..Chosen::of(choice, How::Auto, splits)
    };
    Said { lr, from, notes, found }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
