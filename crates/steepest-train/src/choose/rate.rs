//! `lr = "auto"`: several learning rates are trained a little, the best goes on and is the run.

use super::choosing::{Choosing, check_memory, context, ends, short};
use super::chosen::{Chosen, How};
use super::divisions::divisions;
use super::networks::{NetworkTrial, Networks};
use super::search::LR;
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{EpochDone, Event, Observer};
use crate::file_names::CHOICE;
use crate::learning_rate::LearningRate;
use crate::run_dir::RunDir;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::{Tables, Trainer};
use std::path::Path;
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::{Choice, Outcome, Plan};
use steepest_data::Prepared;

/// Steps of a ramp, and how many there are.
const RAMP: u64 = 100;
const RAMPS: u64 = 3;
/// A ramp takes at most this part of the training's steps, and has at least so many, or there is none.
const RAMP_PART: u64 = 50;
const SHORTEST_RAMP: u64 = 30;

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

/// A learning rate that is to be chosen.
pub(super) struct ChooseRate {
    settings: Settings,
    /// The run's own division of the rows, and others.
    splits: Vec<Arc<Prepared>>,
    /// For each of them, which rows belong together.
    groups: Vec<Vec<u64>>,
    plan: Plan,
    steps: u64,
}

impl ChooseRate {
    /// Reads and divides the data, and finds whatever is wrong before anything is written.
    pub fn read(settings: Settings) -> Result<Self> {
        let tables = Tables::read(&settings)?;
        let data = Arc::new(tables.prepare(&settings)?);
        plan(&settings, &data, 1)?;
        let resolved = settings.resolve(&data)?;
        let steps = resolved.total_steps;
        let (parameters, batch) =
            (resolved.model.parameters(), resolved.batch.resolve(data.train.features.rows));
        let splits = match settings.optimizer.lr_splits {
            Some(count) if count > 1 && !tables.can_divide_again() => {
                return Err(Error::BadSetting {
                    key: "optimizer.lr_splits",
                    found: count.to_string(),
                    expected: "1: rows that are divided by time, or whose validation rows lie in a file, are divided once"
                        .into(),
                });
            }
            Some(count) => divisions(&settings, &tables, &data, count)?,
            None if tables.can_divide_again() => {
                let cheap = |n: &u64| seconds(*n, parameters, batch, steps) <= CHEAP;
                let count = [5, 3].into_iter().find(cheap).unwrap_or(1);
                // few groups cannot be divided at will, and nobody asked for it
                divisions(&settings, &tables, &data, count).unwrap_or_else(|_| vec![Arc::clone(&data)])
            }
            None => vec![data],
        };
        let groups = splits.iter().map(|split| tables.groups(&split.split.validation)).collect();
        let mut plan = plan(&settings, &splits[0], splits.len())?;
        plan.context = context(&settings, &splits);
        check_memory(&settings, &splits[0], &plan)?;
        Ok(Self { settings, splits, groups, plan, steps })
    }

    /// What the trainings depend on.
    pub fn context(&self) -> &str {
        &self.plan.context
    }

    /// Chooses, and trains on.
    pub fn run(
        self,
        system: &Arc<dyn FileSystem>,
        mut dir: RunDir,
        observer: &mut dyn Observer,
    ) -> Result<(Chosen, Summary)> {
        let (said, winner) = self.choose(system, dir.path(), &mut *observer)?;
        let Self { mut settings, mut splits, .. } = self;
        settings.optimizer.lr = Some(LearningRate::Number(said.lr));
        settings.optimizer.lr_from = Some(said.from);
        // the others have done their part
        let data = splits.swap_remove(0);
        drop(splits);
        dir.write(CHOICE, said.found.to_json().as_bytes())?;
        let identity = Identity::of(&data);
        let mut trainer = Trainer::begin(Arc::clone(system), &settings, data, identity, || Ok(dir))?;
        trainer.say_first(said.notes);
        // that it asks to stop is heard at the first step
        let _ = observer.observe(&Event::Chosen(said.found.clone()));
        // where there is none, because the choice was cut or the training ended by itself, the same steps are taken again
        if let Some(Trained { trainer: trial, epochs }) = winner {
            trainer.take_over(&trial, epochs)?;
        }
        Ok((said.found, trainer.run(observer)?))
    }

    /// The choice; with the best rate's training on the run's own division of the rows, and what it told of its epochs.
    fn choose(
        &self,
        system: &Arc<dyn FileSystem>,
        run: &Path,
        observer: &mut dyn Observer,
    ) -> Result<(Said, Option<Trained>)> {
        let usual = self.settings.optimizer.learning_rate()?;
        let mut plan = self.plan.clone();
        let ramp = self.ramp(usual)?;
        let ramp_cost = ramp.steps as f64 / self.steps as f64;
        plan.extra_at_most -= ramp_cost;
        if !ramp.diverged_at.is_empty() {
            // where even the lowest rate falls apart, what is tried says so
            plan = plan.clone().below_divergence(LR, &ramp.diverged_at).unwrap_or(plan);
        }
        let expected = (plan.cost() * self.steps as f64) as u64;
        let choosing = Choosing { plan: &plan, expected, settings: &self.settings, splits: &self.splits };
        let choice = choosing.run(system, run, observer)?;
        let said = self.said(&choice, usual, ramp_cost);
        let own = choice.trained.into_iter().find(|trained| trained.split == 0).and_then(|own| own.trial);
        let own = own.filter(|trial| trial.ended.is_none());
        Ok((said, own.map(|trial| Trained { trainer: trial.trainer, epochs: trial.epochs })))
    }

    /// The rates at which ramps fall apart, from a third of which on no rate is tried.
    fn ramp(&self, usual: f64) -> Result<Ramp> {
        let steps = RAMP.min(self.steps / RAMP_PART);
        if steps < SHORTEST_RAMP {
            return Ok(Ramp { steps: 0, diverged_at: Vec::new() });
        }
        let low = 0.1 * usual;
        let mut diverged_at = Vec::new();
        for number in 0..RAMPS {
            let seed = self.settings.train.seed.wrapping_add(number << 32);
            let settings = Networks::with(&self.settings, low, seed);
            let mut trainer = Trainer::unwritten(&settings, Arc::clone(&self.splits[0]))?;
            let ramp = trainer.ramp(low, 1e4 * usual, steps)?;
            diverged_at.extend(ramp.last().filter(|[_, loss]| loss.is_infinite()).map(|[lr, _]| *lr));
        }
        Ok(Ramp { steps: RAMPS * steps, diverged_at })
    }

    fn said(&self, choice: &Choice<NetworkTrial<'_>>, usual: f64, ramp_cost: f64) -> Said {
        let splits = &self.splits;
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
            ..Chosen::of(choice, How::Auto, splits, &self.groups)
        };
        Said { lr, from, notes, found }
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

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
