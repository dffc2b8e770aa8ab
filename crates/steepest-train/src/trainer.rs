//! The loop: epochs of steps, the best weights kept, the rules asked when to stop.

use crate::choose::Chosen;
use crate::error::Result;
use crate::event::{EpochDone, Event, Events, Observer, Start, Stopped};
use crate::judge::{Judge, Validation, within};
use crate::model::{Model, Noise};
use crate::network;
use crate::resolve::Resolved;
use crate::run_dir::RunDir;
use crate::save_every::SaveClock;
use crate::saver::Saver;
use crate::state::{Snapshot, StepTaken, Tracker};
use crate::summary::Summary;
use std::sync::Arc;
use steepest::StepArgs;
use steepest_burn::{BurnOptimizer, NamedTensor};
use steepest_data::{Batches, Prepared, Targets};

mod begin;
mod calibrate;
pub use begin::ResumeOptions;
mod tell;
mod trial;

/// One run: data, network and optimizer, and where it is.
///
/// `fit` makes one and runs it. By itself it is for programs that go on from a [`Snapshot`]; it uses the rayon pool that
/// it is called from.
#[derive(Debug)]
pub struct Trainer {
    plan: Resolved,
    data: Arc<Prepared>,
    /// What is to be said before training: of the data, and of how the run goes on.
    notes: Vec<String>,
    /// What was chosen before the run, and the epochs that it took over from the choice; told when it begins.
    chosen: Option<Chosen>,
    earlier: Vec<EpochDone>,
    judge: Judge,
    /// Those of each member.
    batches: Vec<Batches>,
    /// Room for the rows of a step.
    drawn: Vec<usize>,
    model: Model,
    optimizer: BurnOptimizer<Model>,
    best_weights: Option<Arc<Vec<NamedTensor>>>,
    tracker: Tracker,
    // before the directory, whose lock is held until nothing more is written
    saver: Saver,
    dir: RunDir,
    saves: SaveClock,
    /// Step and epoch of a checkpoint to end at, when steps are taken again to be compared.
    pub(crate) goal: Option<(u64, u64)>,
}

impl Trainer {
    /// What was decided, and why.
    pub fn plan(&self) -> &Resolved {
        &self.plan
    }

    /// The run as it is, to go on from later.
    ///
    /// # Errors
    /// Those of [`steepest::Optimizer::to_bytes`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot {
            state: self.tracker.state(),
            weights: steepest_burn::named_tensors(&self.model),
            best_weights: self.best_weights.clone(),
            optimizer: self.optimizer.optimizer().to_bytes()?,
        })
    }

    /// Goes on from a snapshot of a run with the same settings and data.
    ///
    /// # Errors
    /// A snapshot of another run. Then this one is of no use any more.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        self.tracker.restore(snapshot.state)?;
        steepest_burn::load_named_tensors(&mut self.model, &snapshot.weights)?;
        self.optimizer.optimizer_mut().from_bytes(&snapshot.optimizer)?;
        self.best_weights = snapshot.best_weights;
        Ok(())
    }

    /// Trains until a rule, the observer or a gradient that is not finite ends it; then takes the best weights, scores
    /// them and writes what is left to write.
    ///
    /// # Errors
    /// Steps that the optimizer refuses for another reason; what the file system says.
    pub fn run(mut self, observer: &mut dyn Observer) -> Result<Summary> {
        let mut events = Events::new(observer);
        for note in &self.notes {
            events.tell(Event::Note(note.clone()));
        }
        if let Some(chosen) = self.chosen.take() {
            events.tell(Event::Chosen(chosen));
        }
        let earlier = std::mem::take(&mut self.earlier);
        let start = self.start();
        events.tell(Event::Start(if earlier.is_empty() { start } else { Start { step: 0, ..start } }));
        earlier.into_iter().for_each(|done| events.tell(Event::Epoch(done)));
        let stopped = self.train(&mut events)?;
        self.finish(stopped, &mut events)
    }

    /// Epoch after epoch.
    pub(crate) fn train(&mut self, events: &mut Events<'_>) -> Result<Stopped> {
        self.tracker.start_clock();
        loop {
            let ended = self.train_epoch(events)?;
            // it goes on in this epoch
            if let Some(stopped @ Stopped::Interrupted) = ended {
                return Ok(stopped);
            }
            // such an epoch was not trained to its end, and its weights are not to be judged
            if let Some(stopped @ Stopped::NonFinite(_)) = ended {
                return Ok(stopped);
            }
            let (validation, best) = self.validate()?;
            if best {
                self.saves.new_best();
            }
            match self.judge(validation, best, ended, events)? {
                None => self.tracker.next_epoch(),
                Some(stopped @ Stopped::Interrupted) => {
                    self.tracker.next_epoch();
                    return Ok(stopped);
                }
                Some(stopped) => return Ok(stopped),
            }
            if self.save_point(events)? {
                return Ok(Stopped::Interrupted);
            }
        }
    }

    /// Between two steps: has the run saved, if it is time; that it could not be saved is no reason to end it. Whether
    /// this is the point to end at.
    fn save_point(&mut self, events: &mut Events<'_>) -> Result<bool> {
        let (step, epoch) = (self.tracker.counters.step, self.tracker.counters.epoch);
        if let Some(goal) = self.goal {
            return Ok(goal == (step, epoch));
        }
        if self.saves.is_due(step, epoch) {
            self.saver.save(self.snapshot()?);
            self.saves.saved(step, epoch);
        }
        self.saver.problems().into_iter().for_each(|problem| events.tell(Event::Note(problem)));
        Ok(false)
    }

    /// After the last step of a run that ended by itself: what goes on from here begins with a new epoch, if this one
    /// is whole.
    pub(crate) fn close(&mut self) {
        if self.tracker.counters.sums.steps >= self.plan.steps_per_epoch {
            self.tracker.next_epoch();
        }
    }

    /// The steps of an epoch, or those that are left of it; why training ends within it, if it does.
    fn train_epoch(&mut self, events: &mut Events<'_>) -> Result<Option<Stopped>> {
        events.epoch_begins();
        while self.tracker.counters.sums.steps < self.plan.steps_per_epoch {
            let taken = match self.step()? {
                Ok(taken) => taken,
                Err(error) => return Ok(Some(Stopped::NonFinite(error))),
            };
            if let Some(reason) = self.tracker.step_done(&taken) {
                return Ok(Some(Stopped::Rule(reason)));
            }
            if events.step_is_due() {
                events.tell(Event::Step(self.steps_so_far()));
            }
            if self.save_point(events)? || events.asked_to_stop() {
                return Ok(Some(Stopped::Interrupted));
            }
        }
        Ok(None)
    }

    /// One step: the loss before it and what the optimizer reports, or the optimizer's refusal of a
    /// gradient that is not finite.
    fn step(&mut self) -> Result<std::result::Result<StepTaken, steepest::Error>> {
        self.step_at(self.plan.lr * self.tracker.factor())
    }

    /// The same with this learning rate.
    fn step_at(&mut self, lr: f64) -> Result<std::result::Result<StepTaken, steepest::Error>> {
        let counters = &self.tracker.counters;
        // each member has batches of its own, one after the other
        let mut batch = std::mem::take(&mut self.drawn);
        batch.clear();
        for batches in &mut self.batches {
            let mut rest = batches.epoch(counters.epoch - 1).from_batch(counters.sums.steps as usize);
            batch.extend_from_slice(rest.next().expect("an epoch has `steps_per_epoch` batches"));
        }
        let members = self.batches.len();
        let train = &self.data.train;
        let inputs = network::rows(&train.features, &batch);
        let seed = self.plan.settings.train.seed;
        let dropout = self.plan.settings.model.dropout_schedule.unwrap_or_default();
        let part = self.tracker.part_done(self.plan.total_steps);
        let noise = Noise { seed, step: counters.step, dropout: dropout.factor(part) };
        let outputs = self.model.forward_training(inputs, noise);
        let weights = train.weights.as_ref().map(|weights| pick(weights, &batch));
        let loss = match &train.targets {
            Targets::Values(values) => {
                let limit = self.data.encoder.target_limit();
                self.plan.loss.values(
                    outputs,
                    &within(limit, batch.iter().map(|row| values[*row])),
                    weights.as_deref(),
                )
            }
            Targets::Classes(codes) => {
                self.plan.loss.classes(outputs, &pick(codes, &batch), weights.as_deref())
            }
        };
        let (value, samples) = (loss.value, batch.len() / members);
        self.drawn = batch;
        let args = StepArgs { loss: Some(value), ..StepArgs::from(lr) };
        match self.optimizer.step(args, &mut self.model, loss.of_members(members).backward()) {
            Ok(report) => Ok(Ok(StepTaken::new(value, lr, samples, &report))),
            Err(steepest_burn::Error::Optimizer(e)) if e.is_not_finite() => Ok(Err(e)),
            Err(error) => Err(error.into()),
        }
    }

    /// How good the weights are on the rows that decide, and whether they are the best so far, which are kept.
    fn validate(&mut self) -> Result<(Validation, bool)> {
        // where an optimizer means other weights than it trains, those are judged and kept
        let meant = match self.optimizer.optimizer().evaluates() {
            true => Some(self.optimizer.evaluation(&self.model)?),
            false => None,
        };
        let model = meant.as_ref().unwrap_or(&self.model);
        let validation = match self.judge.judged(&self.data) {
            Some(part) => {
                let outputs = network::outputs(model, &self.data.encoder, &part.features);
                self.judge.validate(&outputs, &part.targets)
            }
            None => Judge::trained(self.tracker.counters.sums.mean_loss()),
        };
        let best = self.tracker.keep_best(validation.compared);
        if best {
            self.best_weights = Some(Arc::new(steepest_burn::named_tensors(model)));
        }
        Ok((validation, best))
    }

    /// Reports an epoch, and says why training ends after it, if it does: `ended`, a rule, or the observer.
    fn judge(
        &mut self,
        validation: Validation,
        best: bool,
        ended: Option<Stopped>,
        events: &mut Events<'_>,
    ) -> Result<Option<Stopped>> {
        let health = self.optimizer.optimizer().health();
        self.tracker.epoch_judged(validation.compared, health.into_iter().map(|health| health.update_ratio));
        let done = self.epoch_done(&validation, best);
        if let Err(error) = self.dir.epoch(&done) {
            events.tell(Event::Note(format!("the epoch could not be written, and will be later: {error}")));
        }
        let tells_of_layers = !done.layers.is_empty();
        events.tell(Event::Epoch(done));
        if tells_of_layers && events.wants_weights() {
            let (step, tensors) = (self.tracker.counters.step, steepest_burn::named_tensors(&self.model));
            events.tell(Event::Weights { step, tensors });
        }
        if ended.is_some() {
            return Ok(ended);
        }
        if let Some(reason) = self.tracker.epoch_done(validation.compared) {
            return Ok(Some(Stopped::Rule(self.judge.named(reason))));
        }
        Ok(events.asked_to_stop().then_some(Stopped::Interrupted))
    }
}

fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row]).collect()
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
