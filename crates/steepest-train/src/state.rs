//! What a run remembers: all that its future depends on, besides settings, data, weights and the optimizer's state.

use crate::error::{Error, Result};
use crate::settings::{Rate, TrainSettings};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use steepest::StepReport;
use steepest::schedule::plateau::PlateauState;
use steepest::stop::{Progress, Reason, Stopper, StopperState, TimeSpent};
use steepest_burn::NamedTensor;

/// A run between two steps, as one value to save.
///
/// As JSON, every number comes back bit for bit. With the same settings, data, weights and optimizer state, a run that
/// goes on from here takes the same steps as one that was never interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Where it is, and what was counted and summed.
    pub counters: Counters,
    /// What the stop rules remember that see every step.
    pub step_rules: StopperState,
    /// What the stop rules remember that see every epoch.
    pub epoch_rules: StopperState,
    /// What the schedule remembers, if it is `reduce_on_plateau`; all others are functions of the step.
    pub plateau: Option<PlateauState>,
    /// Time spent in training, validation included.
    pub elapsed: Duration,
    /// The step from which on the schedule counts: 0, or where [`resume`](crate::resume()) made the run longer.
    #[serde(default)]
    pub schedule_from: u64,
}

impl RunState {
    /// The same, with all clocks at zero, as a value to compare.
    pub(crate) fn without_clock(&self) -> serde_json::Value {
        fn stop_clocks(value: &mut serde_json::Value) {
            match value {
                serde_json::Value::Object(fields) => {
                    for clock in ["elapsed", "began"] {
                        fields.remove(clock);
                    }
                    fields.values_mut().for_each(stop_clocks);
                }
                serde_json::Value::Array(items) => items.iter_mut().for_each(stop_clocks),
                _ => {}
            }
        }
        let mut value = serde_json::to_value(self).expect("plain values");
        stop_clocks(&mut value);
        value
    }
}

/// A run between two steps: all that a [`Trainer`](crate::Trainer) of the same settings and data needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Everything but tensors.
    pub state: RunState,
    /// The weights in training.
    pub weights: Vec<NamedTensor>,
    /// The weights of the best epoch, once there is one.
    pub best_weights: Option<Arc<Vec<NamedTensor>>>,
    /// The optimizer's state, as [`Optimizer::to_bytes`](steepest::Optimizer::to_bytes) gives it.
    pub optimizer: Vec<u8>,
}

/// Where a run is, and what was counted and summed on the way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Steps done, skipped ones included.
    pub step: u64,
    /// The epoch that it is in, from 1.
    pub epoch: u64,
    /// Sums over the steps of this epoch.
    pub sums: EpochSums,
    /// Steps of the whole run whose gradient was clipped.
    pub clipped: u64,
    /// Steps of the whole run that were skipped because their gradient was not finite.
    pub skipped: u64,
    /// Mean norm of the gradient in the first epoch; 0 before its end.
    #[serde(with = "steepest::exact")]
    pub first_gradient_norm: f64,
    /// Mean norm of the gradient in the last epoch that was judged; 0 before.
    #[serde(with = "steepest::exact")]
    pub last_gradient_norm: f64,
    /// The epoch whose weights are kept.
    pub best: Option<BestEpoch>,
    /// The largest `‖θ' − θ‖ / ‖θ‖` of each tensor so far, measured in the last step of each epoch; 0 where there is none.
    #[serde(default)]
    pub largest_updates: Vec<f64>,
}

impl Counters {
    /// Epochs that are done.
    pub fn done(&self) -> u64 {
        self.epoch.saturating_sub(1)
    }
}

/// Sums over the steps of one epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EpochSums {
    /// Steps done in it: how many of its batches were seen.
    pub steps: u64,
    /// Samples seen.
    pub samples: u64,
    /// Each sample's loss.
    #[serde(with = "steepest::exact")]
    pub loss: f64,
    /// Each step's gradient norm.
    #[serde(with = "steepest::exact")]
    pub gradient_norm: f64,
    /// Steps whose gradient was clipped.
    pub clipped: u64,
    /// Steps that were skipped because their gradient was not finite.
    pub skipped: u64,
    /// The learning rate of the last step.
    #[serde(with = "steepest::exact")]
    pub lr: f64,
    /// Training time before it.
    pub began: Duration,
}

impl EpochSums {
    /// Training loss, averaged over the samples seen.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples as f64
    }

    /// Gradient norm, averaged over the steps.
    pub fn mean_gradient_norm(&self) -> f64 {
        self.gradient_norm / self.steps as f64
    }
}

/// The epoch whose weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BestEpoch {
    /// Its number, from 1.
    pub epoch: u64,
    /// What was compared, the lowest so far: the capped validation loss, the training loss without validation rows, or
    /// the chosen metric, as 1 less the metric where more is better.
    #[serde(with = "steepest::exact")]
    pub loss: f64,
}

/// One step that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepTaken {
    pub loss: f64,
    pub lr: f64,
    pub samples: u64,
    pub gradient_norm: Option<f64>,
    pub clipped: bool,
    pub skipped: bool,
}

impl StepTaken {
    pub fn new(loss: f64, lr: f64, samples: usize, report: &StepReport) -> Self {
        Self {
            loss,
            lr,
            samples: samples as u64,
            gradient_norm: report.gradient_norm,
            clipped: report.clip_factor < 1.0,
            skipped: report.skipped.is_some(),
        }
    }
}

/// What moves while a run goes on; [`RunState`] is all of it.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub counters: Counters,
    pub rate: Rate,
    step_rules: Stopper,
    epoch_rules: Stopper,
    clock: Clock,
    /// When the last step was done, on this clock.
    last_step: Duration,
    /// The step from which on the rate counts.
    schedule_from: u64,
    /// Training rows: the samples of an epoch.
    rows: u64,
}

impl Tracker {
    /// The beginning of a run; `metric` is what reasons to stop call the loss of [`Tracker::epoch_done`].
    pub fn new(train: &TrainSettings, rate: Rate, rows: usize, metric: &str) -> Result<Self> {
        let (step_rules, epoch_rules) = train.stop()?;
        Ok(Self {
            counters: Counters { epoch: 1, ..Counters::default() },
            rate,
            step_rules: Stopper::new(step_rules)?,
            epoch_rules: Stopper::new(epoch_rules)?.with_metric_name(metric),
            clock: Clock::new(Duration::ZERO),
            last_step: Duration::ZERO,
            schedule_from: 0,
            rows: rows as u64,
        })
    }

    /// Training begins, or goes on, now.
    pub fn start_clock(&mut self) {
        self.clock = Clock::new(self.clock.earlier);
        self.last_step = Duration::ZERO;
    }

    /// Training waits.
    pub fn stop_clock(&mut self) {
        self.clock = Clock { earlier: self.clock.total(), start: None };
    }

    /// The factor of the learning rate of the next step.
    pub fn factor(&self) -> f64 {
        self.rate.factor(self.counters.step - self.schedule_from)
    }

    /// Which part of a run of so many steps is done, since it was last made longer: 0 to 1.
    pub fn part_done(&self, total: u64) -> f64 {
        let all = total.saturating_sub(self.schedule_from).max(1);
        (self.counters.step - self.schedule_from) as f64 / all as f64
    }

    /// Time spent in training so far.
    pub fn elapsed(&self) -> Duration {
        self.clock.total()
    }

    /// Samples a second in this epoch.
    pub fn speed(&self) -> f64 {
        let sums = &self.counters.sums;
        sums.samples as f64 / self.elapsed().saturating_sub(sums.began).as_secs_f64().max(1e-9)
    }

    /// Samples left, if the run takes `epochs` epochs.
    pub fn samples_left(&self, epochs: u64) -> f64 {
        let Counters { epoch, sums, .. } = &self.counters;
        self.rows as f64 * epochs.saturating_sub(epoch - 1) as f64 - sums.samples as f64
    }

    /// Counts a step; the reason to stop, if there is one.
    pub fn step_done(&mut self, step: &StepTaken) -> Option<Reason> {
        let Counters { sums, .. } = &mut self.counters;
        sums.steps += 1;
        sums.samples += step.samples;
        sums.loss += step.loss * step.samples as f64;
        sums.gradient_norm += step.gradient_norm.unwrap_or(0.0);
        sums.clipped += u64::from(step.clipped);
        sums.skipped += u64::from(step.skipped);
        sums.lr = step.lr;
        let within = sums.samples as f64 / self.rows as f64;
        self.counters.step += 1;
        self.counters.clipped += u64::from(step.clipped);
        self.counters.skipped += u64::from(step.skipped);
        // a limit of time is kept if no step begins that would go beyond it
        let elapsed = self.clock.since_start();
        let next = elapsed.saturating_sub(self.last_step);
        self.last_step = elapsed;
        let reason = self.step_rules.observe(&Progress {
            step: self.counters.step,
            epoch: (self.counters.epoch - 1) as f64 + within,
            elapsed: elapsed.saturating_add(next),
            loss: Some(step.loss),
            gradient_norm: step.gradient_norm,
            ..Progress::default()
        });
        match reason {
            Some(Reason::MaxTime(spent)) => {
                Some(Reason::MaxTime(TimeSpent { elapsed: self.clock.total().as_secs_f64(), ..spent }))
            }
            reason => reason,
        }
    }

    /// Whether an epoch's `loss` is the lowest so far; it is remembered then.
    pub fn keep_best(&mut self, loss: f64) -> bool {
        let Counters { epoch, best, .. } = &mut self.counters;
        let lowest = loss.is_finite() && best.is_none_or(|best| loss < best.loss);
        if lowest {
            *best = Some(BestEpoch { epoch: *epoch, loss });
        }
        lowest
    }

    /// Takes note of an epoch's gradients, and lets a schedule that watches `loss` see it.
    pub fn epoch_judged(&mut self, loss: f64, updates: impl Iterator<Item = Option<f64>>) {
        for (at, update) in updates.enumerate() {
            let largest = &mut self.counters.largest_updates;
            largest.resize(largest.len().max(at + 1), 0.0);
            largest[at] = largest[at].max(update.filter(|ratio| ratio.is_finite()).unwrap_or(0.0));
        }
        let norm = self.counters.sums.mean_gradient_norm();
        if self.counters.epoch == 1 {
            self.counters.first_gradient_norm = norm;
        }
        self.counters.last_gradient_norm = norm;
        if let Rate::Plateau(plateau) = &mut self.rate {
            plateau.observe(loss);
        }
    }

    /// The reason to stop after this epoch, if there is one.
    pub fn epoch_done(&mut self, loss: f64) -> Option<Reason> {
        self.epoch_rules.observe(&Progress {
            step: self.counters.step,
            epoch: self.counters.epoch as f64,
            elapsed: self.clock.since_start(),
            loss: Some(self.counters.sums.mean_loss()),
            metric: Some(loss),
            gradient_norm: None,
            ..Progress::default()
        })
    }

    /// The next epoch begins.
    pub fn next_epoch(&mut self) {
        self.counters.epoch += 1;
        self.counters.sums = EpochSums { began: self.elapsed(), ..EpochSums::default() };
    }

    /// All that the run's future depends on.
    pub fn state(&self) -> RunState {
        // taken apart, so that whatever is added here is saved, or left out on purpose
        let Self { counters, rate, step_rules, epoch_rules, clock, last_step: _, schedule_from, rows: _ } =
            self;
        RunState {
            counters: counters.clone(),
            step_rules: step_rules.state(),
            epoch_rules: epoch_rules.state(),
            plateau: match rate {
                Rate::Function(_) => None,
                Rate::Plateau(plateau) => Some(plateau.state().clone()),
            },
            elapsed: clock.total(),
            schedule_from: *schedule_from,
        }
    }

    /// Goes on from a saved state; after an error nothing is changed.
    pub fn restore(&mut self, state: RunState) -> Result<()> {
        let RunState { counters, step_rules, epoch_rules, plateau, elapsed, schedule_from } = state;
        let foreign = |problem: String| Error::ForeignState { problem };
        if counters.sums.samples > self.rows {
            let (seen, rows) = (counters.sums.samples, self.rows);
            return Err(foreign(format!("its epoch saw {seen} samples, and there are {rows} training rows")));
        }
        if schedule_from > counters.step {
            let step = counters.step;
            return Err(foreign(format!(
                "its schedule counts from step {schedule_from}, and it is at {step}"
            )));
        }
        let [mut each_step, mut each_epoch] = [&self.step_rules, &self.epoch_rules].map(Stopper::clone);
        each_step.restore(step_rules).and_then(|()| each_epoch.restore(epoch_rules)).map_err(|error| {
            match error {
                steepest::Error::StateMismatch { problems } => foreign(problems.join("; ")),
                error => error.into(),
            }
        })?;
        match (&mut self.rate, plateau) {
            (Rate::Plateau(rate), Some(plateau)) => rate.restore(plateau),
            (Rate::Function(_), None) => {}
            (Rate::Plateau(_), None) => return Err(foreign("its schedule watched no loss".into())),
            (Rate::Function(_), Some(_)) => return Err(foreign("its schedule was reduce_on_plateau".into())),
        }
        self.schedule_from = schedule_from;
        self.step_rules = each_step;
        self.epoch_rules = each_epoch;
        self.counters = counters;
        self.clock = Clock::new(elapsed);
        Ok(())
    }
}

/// Time spent in training.
#[derive(Debug)]
struct Clock {
    /// Before the run was interrupted.
    earlier: Duration,
    /// `None` while it waits.
    start: Option<Instant>,
}

impl Clock {
    fn new(earlier: Duration) -> Self {
        Self { earlier, start: Some(Instant::now()) }
    }

    fn since_start(&self) -> Duration {
        self.start.map_or(Duration::ZERO, |start| start.elapsed())
    }

    fn total(&self) -> Duration {
        self.earlier + self.since_start()
    }
}
