//! A run that is tried: it goes to a step and waits there, and writes nothing.

use super::Trainer;
use crate::checkpoint::Identity;
use crate::choose::Chosen;
use crate::error::Result;
use crate::event::{EpochDone, Events, Observer, Stopped};
use crate::model::Model;
use crate::network;
use crate::nowhere::Nowhere;
use crate::run_dir::RunDir;
use crate::score::Metric;
use crate::settings::Settings;
use crate::state::StepTaken;
use std::path::Path;
use std::sync::Arc;
use steepest::FileSystem;
use steepest_data::Prepared;

impl Trainer {
    /// A run of these settings, whose data is read, that writes nothing.
    pub(crate) fn unwritten(settings: &Settings, data: Arc<Prepared>) -> Result<Self> {
        let system: Arc<dyn FileSystem> = Arc::new(Nowhere);
        let open = || Ok(RunDir::nowhere(Arc::clone(&system), Path::new("")));
        Self::with(Arc::clone(&system), settings, data, Identity::here(), 0, open)
    }

    /// Trains until so many steps of the whole run are done; why it ended before, if it did.
    pub(crate) fn advance(&mut self, step: u64, observer: &mut dyn Observer) -> Result<Option<Stopped>> {
        let counters = &self.tracker.counters;
        if counters.step >= step {
            return Ok(None);
        }
        self.goal = Some((step, step / self.plan.steps_per_epoch + 1));
        let stopped = self.train(&mut Events::new(observer));
        self.goal = None;
        self.tracker.stop_clock();
        let reached = self.tracker.counters.step == step;
        Ok(Some(stopped?).filter(|stopped| *stopped != Stopped::Interrupted || !reached))
    }

    /// The loss of each validation row with the weights that there are, each capped as where epochs are compared. Not with the
    /// best so far: the least of many wavering losses is lowest where they waver most, at rates that are too high.
    pub(crate) fn row_losses(&mut self) -> Result<Vec<f64>> {
        let model = self.present()?;
        let part = &self.data.validation;
        Ok(self
            .judge
            .row_losses(&network::outputs(&model, &self.data.encoder, &part.features), &part.targets))
    }

    /// The network as the optimizer means it.
    fn present(&mut self) -> Result<Model> {
        Ok(match self.optimizer.optimizer().evaluates() {
            true => self.optimizer.evaluation(&self.model)?,
            false => self.model.clone(),
        })
    }

    /// Takes over the state of a trial of the same settings and data, and what it told of its epochs.
    pub(crate) fn take_over(&mut self, trial: &Self, epochs: Vec<EpochDone>) -> Result<()> {
        self.restore(trial.snapshot()?)?;
        epochs.iter().try_for_each(|done| self.dir.epoch(done))?;
        self.dir.sync_metrics()?;
        self.earlier = epochs;
        self.saver.save_now(&self.snapshot()?)
    }

    /// Tells something before everything else.
    pub(crate) fn say_first(&mut self, note: String) {
        self.notes.insert(0, note);
    }

    /// Tells, before everything else, of a choice that the run was made by.
    pub(crate) fn was_chosen(&mut self, chosen: Chosen, notes: Vec<String>) {
        self.notes.splice(0..0, notes);
        self.chosen = Some(chosen);
    }

    /// Steps done.
    pub(crate) fn steps(&self) -> u64 {
        self.tracker.counters.step
    }

    /// The loss of each test row, and the metric of all of them, with the weights that a run would keep here: the best so far, or
    /// those that there are where no epoch is done.
    pub(crate) fn test_results(&mut self) -> Result<(Vec<f64>, Option<f64>)> {
        let mut model = self.present()?;
        if let Some(best) = &self.best_weights {
            steepest_burn::load_named_tensors(&mut model, best)?;
        }
        let part = &self.data.test;
        let outputs = network::outputs(&model, &self.data.encoder, &part.features);
        let score = self.judge.criterion.estimate(&outputs, &part.targets, &self.data.encoder);
        let metric = score.and_then(|score| self.judge.metric().of(&score));
        Ok((self.judge.losses(&outputs, &part.targets), metric))
    }

    /// The metric that is shown beside the loss.
    pub(crate) fn metric(&self) -> Metric {
        self.judge.metric()
    }

    /// Takes so many steps that hardly move it, to see how long they take. The run is of no use afterwards.
    pub(crate) fn warm(&mut self, steps: u64) -> Result<()> {
        for _ in 0..steps {
            let Ok(taken) = self.step_at(SLIGHT * self.plan.lr)? else { break };
            self.count(&taken);
        }
        Ok(())
    }

    /// Counts a step, whatever the rules to stop say of it.
    fn count(&mut self, taken: &StepTaken) {
        let _ = self.tracker.step_done(taken);
        if self.tracker.counters.sums.steps >= self.plan.steps_per_epoch {
            self.tracker.next_epoch();
        }
    }

    /// Learning rates that rise from `low` to `high`, a factor a step, each with the smoothed training loss at it; ends where
    /// training falls apart, with an infinite loss there. The run is of no use afterwards.
    pub(crate) fn ramp(&mut self, low: f64, high: f64, steps: u64) -> Result<Vec<[f64; 2]>> {
        let mut ramp = Vec::new();
        // smoothed, and without what a mean from zero lacks
        let (mut mean, mut lowest) = (0.0, f64::INFINITY);
        for at in 0..steps {
            let lr = low * (high / low).powf(at as f64 / (steps - 1).max(1) as f64);
            let Ok(taken) = self.step_at(lr)? else {
                ramp.push([lr, f64::INFINITY]);
                break;
            };
            mean = SMOOTHED * mean + (1.0 - SMOOTHED) * taken.loss;
            let loss = mean / (1.0 - SMOOTHED.powi(at as i32 + 1));
            if !loss.is_finite() || loss > FELL_APART * lowest {
                ramp.push([lr, f64::INFINITY]);
                break;
            }
            ramp.push([lr, loss]);
            // the first few losses say little
            if at >= 5 {
                lowest = lowest.min(loss);
            }
            self.count(&taken);
        }
        Ok(ramp)
    }
}

/// The part of the usual learning rate at which steps are timed.
const SLIGHT: f64 = 1e-6;
/// How much of the mean loss is that of the steps before.
const SMOOTHED: f64 = 0.8;
/// The multiple of the lowest loss at which a ramp has fallen apart (Smith 2017, "Cyclical Learning Rates for Training Neural
/// Networks", section 3.3; the factor is that of fastai).
const FELL_APART: f64 = 4.0;
