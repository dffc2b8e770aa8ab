//! Networks as something that can be chosen among.

use super::divisions::divisions;
use super::search;
use crate::error::{Error, Result};
use crate::event::{EpochDone, Event, Stopped};
use crate::learning_rate::LearningRate;
use crate::settings::Settings;
use crate::trainer::{Tables, Trainer};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use steepest_choose::choose::{Candidate, Standing, Train, Trial};
use steepest_data::Prepared;

/// Networks with other learning rates than that of some settings (`lr` of a [`Candidate`]), on divisions of the same rows: what
/// [`choose`](steepest_choose::choose::choose()) chooses among when a run's learning rate is `auto`.
pub struct Networks<'a> {
    settings: Settings,
    splits: Vec<Arc<Prepared>>,
    progress: Option<Arc<Progress<'a>>>,
}

/// What trainings that run side by side tell, and whether they are to end.
pub(super) struct Progress<'a> {
    /// Steps of all trainings so far.
    pub steps: AtomicU64,
    pub stop: AtomicBool,
    /// Told of it from time to time; whether to end.
    pub tell: Box<dyn Fn(u64) -> ControlFlow<()> + Sync + Send + 'a>,
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
        let splits = divisions(settings, &tables, &first, splits)?;
        Ok(Self::of(settings.clone(), splits, None))
    }

    pub(super) fn of(
        settings: Settings,
        splits: Vec<Arc<Prepared>>,
        progress: Option<Arc<Progress<'a>>>,
    ) -> Self {
        Self { settings, splits, progress }
    }

    /// The settings with a learning rate.
    pub(super) fn with(settings: &Settings, lr: f64, seed: u64) -> Settings {
        let mut settings = settings.clone();
        settings.optimizer.lr = Some(LearningRate::Number(lr));
        settings.train.seed = seed;
        settings
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
        let settings = Self::with(&self.settings, low, seed);
        Trainer::unwritten(&settings, Arc::clone(&self.splits[split]))?.ramp(low, high, steps)
    }
}

impl NetworkTrial<'_> {
    /// The loss of each test row with the best weights so far.
    ///
    /// # Errors
    /// None that is expected: the weights are the network's own.
    pub fn test_losses(&mut self) -> Result<Vec<f64>> {
        self.trainer.test_losses()
    }
}

impl<'a> Train for Networks<'a> {
    type Trial = NetworkTrial<'a>;
    type Error = Error;

    fn start(&self, candidate: &Candidate, split: usize, seed: u64) -> Result<NetworkTrial<'a>> {
        let mut settings = search::apply(&self.settings, &candidate.point)?;
        settings.train.seed = seed;
        let trainer = Trainer::unwritten(&settings, Arc::clone(&self.splits[split]))?;
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
                let steps = progress.steps.fetch_add(step - known, Ordering::Relaxed) + (step - known);
                known = step;
                if (progress.tell)(steps).is_break() {
                    progress.stop.store(true, Ordering::SeqCst);
                }
                match progress.stop.load(Ordering::SeqCst) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            // the first step of all that is not there yet is the nearest to what was asked for
            let step = ((to * total as f64).round() as u64).clamp(1, total);
            self.ended = self.trainer.advance(step, &mut observe)?;
        }
        match &self.ended {
            Some(Stopped::Interrupted) => {
                self.ended = None;
                // whoever catches this knows more
                Err(Error::ChoosingStopped { run: Default::default(), leading: None })
            }
            Some(stopped) if stopped.is_failure() => {
                Ok(Standing::Diverged { at: self.trainer.steps() as f64 / total as f64 })
            }
            _ => Ok(Standing::Losses(self.trainer.row_losses()?)),
        }
    }
}
