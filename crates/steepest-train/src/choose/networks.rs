//! Networks as something that can be chosen among.

use super::apply::{LR, apply};
use crate::error::{Error, Result};
use crate::event::{EpochDone, Event, Stopped};
use crate::settings::Settings;
use crate::tables::Tables;
use crate::trainer::Trainer;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use steepest_choose::choose::{Candidate, Point, Standing, Train, Trial, Value};
use steepest_data::Prepared;

/// Networks of some settings but for what a [`Candidate`] has otherwise (`lr`, or whatever can be searched), on divisions of the
/// same rows: what [`choose`](steepest_choose::choose::choose()) chooses among.
pub struct Networks<'a> {
    settings: Settings,
    splits: Vec<Arc<Prepared>>,
    progress: Option<Arc<Progress<'a>>>,
}

/// What trainings that run side by side tell, and whether they are to end.
pub(super) struct Progress<'a> {
    /// Steps of all trainings so far.
    steps: AtomicU64,
    stop: AtomicBool,
    /// Told of it from time to time; whether to end.
    tell: Box<dyn Fn(u64) -> ControlFlow<()> + Sync + Send + 'a>,
}

impl<'a> Progress<'a> {
    /// From so many steps on.
    pub fn new(steps: u64, tell: impl Fn(u64) -> ControlFlow<()> + Sync + Send + 'a) -> Arc<Self> {
        Arc::new(Self { steps: AtomicU64::new(steps), stop: AtomicBool::new(false), tell: Box::new(tell) })
    }

    /// Ends all of them.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether to go on.
    pub fn flow(&self) -> ControlFlow<()> {
        match self.is_stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Adds steps that were taken, and says how many there are.
    fn add(&self, steps: u64) -> u64 {
        self.steps.fetch_add(steps, Ordering::Relaxed) + steps
    }
}

/// One training, which writes nothing.
pub struct NetworkTrial<'a> {
    pub(super) trainer: Trainer,
    /// What it told of its epochs.
    pub(super) epochs: Vec<EpochDone>,
    /// Why it came to its end, if it has.
    pub(super) ended: Option<Stopped>,
    progress: Option<Arc<Progress<'a>>>,
}

impl<'a> Networks<'a> {
    /// Reads the data and divides it so many times: first as a run with these settings would, then with the same rows for the
    /// test and others for validation.
    ///
    /// # Errors
    /// Bad settings and bad data; rows that cannot be divided another time, because they are by time or validation has a file of
    /// its own.
    pub fn read(settings: &Settings, splits: u64) -> Result<Self> {
        settings.check()?;
        let tables = Tables::read(settings)?;
        if splits > 1 && !tables.can_divide_again() {
            return Err(Error::Unsuitable {
                reason: "rows that are divided by time, or whose validation rows lie in a file, can be divided once only",
                remedy: "compare on one division",
                keys: &["data.time", "data.validation_file"],
            });
        }
        let first = Arc::new(tables.prepare(settings)?);
        let splits = tables.divisions(settings, &first, splits)?;
        Ok(Self::of(settings.clone(), splits, None))
    }

    /// Reads the data and deals the rows that are not for the test into folds, as [`tune`](super::tune()) does.
    ///
    /// # Errors
    /// Bad settings and bad data; rows that cannot be dealt so.
    pub fn folds(settings: &Settings, folds: usize) -> Result<Self> {
        settings.check()?;
        let tables = Tables::read(settings)?;
        let first = tables.prepare(settings)?;
        let splits = tables.folds(settings, &first.split, folds).collect::<Result<_>>()?;
        Ok(Self::of(settings.clone(), splits, None))
    }

    /// Training rows of each division.
    pub fn training_rows(&self) -> Vec<usize> {
        self.splits.iter().map(|split| split.train.features.rows).collect()
    }

    pub(super) fn of(
        settings: Settings,
        splits: Vec<Arc<Prepared>>,
        progress: Option<Arc<Progress<'a>>>,
    ) -> Self {
        Self { settings, splits, progress }
    }

    fn trainer(&self, point: &Point, split: usize, seed: u64) -> Result<Trainer> {
        let mut settings = apply(&self.settings, point)?;
        settings.train.seed = seed;
        Trainer::unwritten(&settings, Arc::clone(&self.splits[split]))
    }

    /// Steps of the full schedule, on the first division.
    ///
    /// # Errors
    /// Those of [`Settings::resolve`].
    pub fn steps(&self) -> Result<u64> {
        Ok(self.settings.resolve(&self.splits[0])?.total_steps)
    }

    /// A learning rate range test (Smith 2017, section 3.3): rates from `low` to `high`, a factor a step, each with the smoothed
    /// training loss there; it ends where training falls apart, with an infinite loss.
    ///
    /// # Errors
    /// What [`Train::start`] refuses.
    pub fn ramp(&self, low: f64, high: f64, steps: u64, split: usize, seed: u64) -> Result<Vec<[f64; 2]>> {
        let point = Point::from([(LR.to_owned(), Value::Number(low))]);
        self.trainer(&point, split, seed)?.ramp(low, high, steps)
    }
}

impl NetworkTrial<'_> {
    /// The loss of each test row with the best weights so far.
    ///
    /// # Errors
    /// None that is expected: the weights are the network's own.
    pub fn test_losses(&mut self) -> Result<Vec<f64>> {
        Ok(self.trainer.test_results()?.0)
    }
}

impl<'a> Train for Networks<'a> {
    type Trial = NetworkTrial<'a>;
    type Error = Error;

    fn start(&self, candidate: &Candidate, split: usize, seed: u64) -> Result<NetworkTrial<'a>> {
        let trainer = self.trainer(&candidate.point, split, seed)?;
        Ok(NetworkTrial { trainer, epochs: Vec::new(), ended: None, progress: self.progress.clone() })
    }
}

impl Trial for NetworkTrial<'_> {
    type Error = Error;

    fn advance(&mut self, to: f64) -> Result<Standing> {
        let total = self.trainer.plan().total_steps;
        let (mut known, progress) = (self.trainer.steps(), &self.progress);
        if self.ended.is_none() {
            let epochs = &mut self.epochs;
            let mut observe = |event: &Event| {
                let step = match event {
                    Event::Epoch(done) => {
                        epochs.push(done.clone());
                        done.step
                    }
                    Event::Step(done) => done.step,
                    _ => return ControlFlow::Continue(()),
                };
                let Some(progress) = progress else { return ControlFlow::Continue(()) };
                let steps = progress.add(step - known);
                known = step;
                if (progress.tell)(steps).is_break() {
                    progress.stop();
                }
                progress.flow()
            };
            // the first step of all that is not there yet is the nearest to what was asked for
            let step = ((to * total as f64).round() as u64).clamp(1, total);
            self.ended = self.trainer.advance(step, &mut observe)?;
            if let Some(progress) = progress {
                // what came after the last event
                progress.add(self.trainer.steps() - known);
            }
        }
        match &self.ended {
            Some(Stopped::Interrupted) => {
                self.ended = None;
                Err(Error::Stopped)
            }
            Some(stopped) if stopped.is_failure() => {
                Ok(Standing::Diverged { at: self.trainer.steps() as f64 / total as f64 })
            }
            _ => Ok(Standing::Losses(self.trainer.row_losses()?)),
        }
    }
}
