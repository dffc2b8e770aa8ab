//! What a run tells of itself while it goes, and what it leaves when it has ended.

use super::Trainer;
use crate::error::{Error, Result};
use crate::evaluation::Evaluation;
use crate::event::{EpochDone, Event, Events, LayerDone, Start, StepDone, Stopped};
use crate::explain::{self, FEWEST_SHUFFLED};
use crate::file_names::{EVALUATION, OPTIMIZER, SUMMARY, WEIGHTS};
use crate::judge::Validation;
use crate::network;
use crate::settings::OptimizerSettings;
use crate::state::Snapshot;
use crate::summary::{ColumnImportance, Health, Summary, TensorLine};
use steepest::Verdict;
use steepest_burn::NamedTensor;
use steepest_data::{Part, Task};

impl Trainer {
    pub(super) fn start(&self) -> Start {
        let rows = [&self.data.train, &self.data.validation, &self.data.test].map(|p| p.features.rows);
        Start {
            run: self.dir.path().to_owned(),
            task: task_name(self.data.task),
            model: self.plan.model.to_string(),
            optimizer: describe_optimizer(&self.plan.settings.optimizer, self.plan.lr),
            parameters: self.parameters(),
            rows,
            features: self.data.train.features.width,
            batch: self.batches[0].size(),
            step: self.tracker.counters.step,
            epochs: self.plan.epochs,
            steps_per_epoch: self.plan.steps_per_epoch,
            metric: self.judge.metric().name(),
        }
    }

    pub(super) fn steps_so_far(&self) -> StepDone {
        let counters = &self.tracker.counters;
        let speed = self.tracker.speed();
        StepDone {
            step: counters.step,
            epoch: counters.epoch,
            loss: counters.sums.mean_loss(),
            lr: counters.sums.lr,
            samples_per_second: speed,
            seconds_left: self.tracker.samples_left(self.plan.epochs) / speed,
        }
    }

    pub(super) fn epoch_done(&self, validation: &Validation, best: bool) -> EpochDone {
        let counters = &self.tracker.counters;
        let sums = &counters.sums;
        EpochDone {
            epoch: counters.epoch,
            step: counters.step,
            seconds: self.tracker.elapsed().as_secs_f64(),
            lr: sums.lr,
            train_loss: sums.mean_loss(),
            validation_loss: validation.loss,
            validation_metric: validation.metric,
            validation_capped: validation.capped,
            gradient_norm: sums.mean_gradient_norm(),
            clipped: sums.clipped as f64 / sums.steps as f64,
            skipped: sums.skipped,
            samples_per_second: self.tracker.speed(),
            best,
            layers: self.layers(counters.epoch),
        }
    }

    /// Each tensor at the end of an epoch, if this is one of those that tell.
    fn layers(&self, epoch: u64) -> Vec<LayerDone> {
        const MOST_EPOCHS: u64 = 500;
        if !epoch.is_multiple_of(self.plan.epochs.div_ceil(MOST_EPOCHS).max(1)) {
            return Vec::new();
        }
        let optimizer = self.optimizer.optimizer();
        let layer = |(param, health): (&steepest::Param, steepest::TensorHealth)| LayerDone {
            name: param.name.clone(),
            gradient_norm: health.usual_norm(),
            update_ratio: health.update_ratio,
            exploded: health.exploded,
            vanished: health.vanished,
        };
        optimizer.params().iter().zip(optimizer.health()).map(layer).collect()
    }

    /// Takes the best weights, scores every part, sums up, and writes what is left to write.
    ///
    /// A run that was interrupted is saved as it is, to go on from, and its test rows are not looked at.
    pub(super) fn finish(mut self, stopped: Stopped, events: &mut Events<'_>) -> Result<Summary> {
        let finished = stopped != Stopped::Interrupted;
        self.saver.problems().into_iter().for_each(|problem| events.tell(Event::Note(problem)));
        if !finished {
            self.saver.save_now(&self.snapshot()?)?;
        }
        let last_weights = finished.then(|| steepest_burn::named_tensors(&self.model));
        // a run that broke off before the end of its first epoch keeps the weights that it has
        if let Some(best) = &self.best_weights {
            steepest_burn::load_named_tensors(&mut self.model, best)?;
        }
        let calibrated = if finished && !stopped.is_failure() { self.calibrate()? } else { None };
        let best_epoch = self.tracker.counters.best.map_or(0, |best| best.epoch);
        events.tell(Event::Stop { reason: stopped.clone(), best_epoch });
        let (mut summary, evaluation) = self.score(&stopped);
        summary.notes.extend(calibrated);
        let left = match finished {
            true => self.leave(&summary, evaluation.as_ref()),
            // its weights are in its checkpoint
            false => self.leave_summary(&summary, false),
        };
        if let Err(error) = left {
            events.tell(Event::Note(format!("the run could not be written: {error}")));
            summary.not_written.push(error.to_string());
        } else if let Some(last) = last_weights.filter(|_| !stopped.is_failure())
            && let Err(error) = self.save_end(last)
        {
            events
                .tell(Event::Note(format!("the run can be made longer from an earlier step only: {error}")));
        }
        Ok(summary)
    }

    /// Scores the parts with the weights that are kept: the summary, and of a run that ended how the predictions lie to
    /// the truth.
    fn score(&self, stopped: &Stopped) -> (Summary, Option<Evaluation>) {
        let finished = *stopped != Stopped::Interrupted;
        let counters = &self.tracker.counters;
        let mut because = stopped.to_string();
        if let Stopped::Rule(reason) = stopped
            && reason.is_failure()
        {
            because += &self.blame();
        }
        let (criterion, encoder) = (&self.judge.criterion, &self.data.encoder);
        let held_back = [&self.data.validation, &self.data.test];
        // the test rows of a run that goes on are not looked at
        let seen = if finished { 2 } else { 1 };
        let outputs: Vec<Vec<f32>> = held_back[..seen]
            .iter()
            .map(|part| network::outputs(&self.model, encoder, &part.features))
            .collect();
        let score = |at: usize| criterion.score(outputs.get(at)?, &held_back[at].targets, encoder);
        let train = network::outputs(&self.model, encoder, &self.data.train.features);
        let summary = Summary {
            run: self.dir.path().to_owned(),
            finished,
            task: task_name(self.data.task).to_owned(),
            optimizer: self.plan.settings.optimizer.name.clone(),
            lr: self.plan.lr,
            batch: self.batches[0].size(),
            epochs: counters.epoch,
            best_epoch: counters.best.map_or(0, |best| best.epoch),
            kept_by: self.judge.name(),
            positive: (self.data.task == Task::Binary)
                .then(|| encoder.decode_class(criterion.positive).to_owned()),
            steps: counters.step,
            seconds: self.tracker.elapsed().as_secs_f64(),
            stopped_by: stopped.name(),
            stopped_because: because,
            parameters: self.parameters(),
            train: (criterion.estimate(&train, &self.data.train.targets, encoder))
                // never so: the training part has rows
                .unwrap_or_default(),
            validation: score(0),
            test: score(1),
            baseline: Some(self.judge.baseline(&self.data)),
            importance: self.importance(stopped),
            notes: self.judge.notes(&self.data, &outputs),
            health: self.health(),
            not_written: Vec::new(),
        };
        let evaluation = self.evaluation(&outputs, &train).filter(|_| finished);
        (summary, evaluation)
    }

    /// What the network loses without a column, on the rows that are least known, of a run that went to its end.
    fn importance(&self, stopped: &Stopped) -> Vec<ColumnImportance> {
        let parts = [&self.data.test, &self.data.validation];
        let part = parts.into_iter().find(|part| part.features.rows >= FEWEST_SHUFFLED);
        let Some(part) = part.filter(|_| *stopped != Stopped::Interrupted && !stopped.is_failure()) else {
            return Vec::new();
        };
        let criterion = &self.judge.criterion;
        let Part { features, targets, .. } = part;
        let (config, encoder) = (&self.plan.model, &self.data.encoder);
        explain::importance(&self.model, config, encoder, &criterion.loss, features, targets, criterion.seed)
            // it is told beside the scores, and no reason to end without them
            .unwrap_or_default()
    }

    /// The predictions of the part that is least known, as a report draws them.
    fn evaluation(&self, held_back: &[Vec<f32>], train: &[f32]) -> Option<Evaluation> {
        let [validation, test] = held_back else { return None };
        let parts = [
            ("test", &self.data.test, test.as_slice()),
            ("validation", &self.data.validation, validation),
            ("train", &self.data.train, train),
        ];
        let (name, part, outputs) = parts.into_iter().find(|(_, part, _)| part.features.rows > 0)?;
        self.judge.criterion.evaluation(name, part, outputs, &self.data.encoder)
    }

    /// Saves the state that a finished run ended in, to be made longer from.
    fn save_end(&mut self, last_weights: Vec<NamedTensor>) -> Result<()> {
        self.close();
        self.saver.save_now(&Snapshot { weights: last_weights, ..self.snapshot()? })
    }

    /// Writes what a finished run leaves, the manifest last.
    fn leave(&mut self, summary: &Summary, evaluation: Option<&Evaluation>) -> Result<()> {
        let bytes = steepest_burn::weights_to_bytes(&self.model)
            .map_err(|reason| Error::file(self.dir.path().join(WEIGHTS), reason))?;
        self.dir.write(WEIGHTS, &bytes)?;
        self.dir.write(OPTIMIZER, &self.optimizer.optimizer().to_bytes()?)?;
        if let Some(evaluation) = evaluation {
            let text = serde_json::to_string(evaluation).expect("plain values");
            self.dir.write(EVALUATION, text.as_bytes())?;
        }
        self.leave_summary(summary, true)
    }

    /// Writes metrics, summary and manifest.
    fn leave_summary(&mut self, summary: &Summary, finished: bool) -> Result<()> {
        self.dir.sync_metrics()?;
        self.dir.write(SUMMARY, summary.to_json().as_bytes())?;
        self.dir.seal(finished)
    }

    fn parameters(&self) -> usize {
        self.optimizer.optimizer().params().iter().map(steepest::Param::len).sum()
    }

    fn health(&self) -> Health {
        let counters = &self.tracker.counters;
        let optimizer = self.optimizer.optimizer();
        let vectors = if self.plan.model.members() > 1 { 2 } else { 1 };
        let largest = |at: usize| counters.largest_updates.get(at).copied().filter(|ratio| *ratio > 0.0);
        let line = |(at, (param, health)): (usize, (&steepest::Param, steepest::TensorHealth))| TensorLine {
            name: param.name.clone(),
            gradient_norm: health.usual_norm(),
            zeros: health.zeros,
            update_ratio: health.update_ratio,
            // biases and scales move far beside what they are, and may; those of several members have two axes
            largest_update: largest(at).filter(|_| param.shape.len() > vectors),
            exploded: health.exploded,
            vanished: health.vanished,
        };
        Health {
            gradient_norm: [counters.first_gradient_norm, counters.last_gradient_norm],
            clipped: counters.clipped as f64 / counters.step.max(1) as f64,
            skipped: counters.skipped,
            tensors: optimizer.params().iter().zip(optimizer.health()).enumerate().map(line).collect(),
            layers: network::units(&self.model, &self.data.train.features),
        }
    }

    /// For a run whose loss ran away: the tensor whose gradient stands out, and what to change.
    fn blame(&self) -> String {
        let optimizer = self.optimizer.optimizer();
        let ratio = |h: &steepest::TensorHealth| h.norm / h.usual_norm().max(f64::MIN_POSITIVE);
        let worst = optimizer
            .params()
            .iter()
            .zip(optimizer.health())
            .max_by(|a, b| ratio(&a.1).total_cmp(&ratio(&b.1)));
        let Some((param, health)) = worst else { return String::new() };
        let word = if health.verdict == Verdict::Exploding { "exploded" } else { "grew most" };
        let norm = match health.norm {
            norm if (0.001..10_000.0).contains(&norm) => format!("{norm:.4}"),
            norm => format!("{norm:.3e}"),
        };
        format!(
            "; at step {} the gradient of `{}` {word}, its norm being {norm}; try a smaller learning rate \
             than {}, or clip the gradient (optimizer.clip_norm = 1)",
            self.tracker.counters.step, param.name, self.plan.lr
        )
    }
}

fn describe_optimizer(settings: &OptimizerSettings, lr: f64) -> String {
    let mut text = format!("{} lr {lr}", settings.name);
    for (key, value) in &settings.settings {
        text += &format!(", {key} {value}");
    }
    text
}

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Regression => "regression",
        Task::Binary => "binary",
        Task::Classes(_) => "classes",
    }
}
