//! What a run tells while it goes on. The library prints nothing: events are its only way out.

use crate::choose::Chosen;
use crate::summary::nan_from_null;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use steepest::stop::Reason;
use steepest_burn::NamedTensor;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A decision that the user should hear: one sentence.
    Note(String),
    /// Something is being chosen; comes with the events of the trainings that are tried.
    Choosing(Choosing),
    /// Settings were chosen, and a run with them begins.
    Chosen(Chosen),
    /// Training begins.
    Start(Start),
    /// Some steps are done; comes after the first step of an epoch, and then at most about thirty times a second.
    Step(StepDone),
    /// An epoch is done.
    Epoch(EpochDone),
    /// The weights after an epoch that tells of its layers; only to an observer that wants them.
    Weights {
        /// Steps done.
        step: u64,
        /// Name, shape and values of each tensor.
        tensors: Vec<NamedTensor>,
    },
    /// Training has ended, the best weights are back.
    Stop {
        /// Why.
        reason: Stopped,
        /// The epoch whose weights are kept, from 1.
        best_epoch: u64,
    },
}

/// How far a choice is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choosing {
    /// How much of the steps that the choice is expected to take is done, 0 to 1.
    pub done: f64,
    /// Trainings that have come to where they are compared, so far.
    pub compared: usize,
}

/// What is about to be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The run directory.
    pub run: PathBuf,
    /// `regression`, `binary` or `classes`.
    pub task: &'static str,
    /// The network in words: `mlp 30 → 128 → 64 → 1, relu`.
    pub model: String,
    /// The optimizer with its settings in words.
    pub optimizer: String,
    /// Trainable numbers.
    pub parameters: usize,
    /// Rows of the parts.
    pub rows: [usize; 3],
    /// Features of a row.
    pub features: usize,
    /// Samples of a step.
    pub batch: usize,
    /// Steps that are done already: of a run that goes on, those of its checkpoint.
    pub step: u64,
    /// Most epochs.
    pub epochs: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// What the validation metric is called: that by which the best epoch is kept where one was chosen, else
    /// `accuracy`, or `rmse` in the target's own unit.
    pub metric: &'static str,
}

/// Steps so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDone {
    /// Steps done.
    pub step: u64,
    /// The epoch it is in, from 1.
    pub epoch: u64,
    /// Training loss, averaged over the epoch so far.
    pub loss: f64,
    /// The learning rate of the last step.
    pub lr: f64,
    /// Samples seen a second.
    pub samples_per_second: f64,
    /// Seconds until the last epoch, at this speed.
    pub seconds_left: f64,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochDone {
    /// Its number, from 1.
    pub epoch: u64,
    /// Steps done so far.
    pub step: u64,
    /// Seconds since training began.
    pub seconds: f64,
    /// The learning rate of its last step.
    #[serde(deserialize_with = "nan_from_null")]
    pub lr: f64,
    /// Mean training loss of its steps, dropout and label smoothing included.
    #[serde(deserialize_with = "nan_from_null")]
    pub train_loss: f64,
    /// Loss on the validation rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// The metric that [`Start::metric`] names, on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_metric: Option<f64>,
    /// The mean of their losses, the largest of which are cut: what is compared unless a metric was chosen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_capped: Option<f64>,
    /// Mean Euclidean norm of the gradient before clipping.
    #[serde(deserialize_with = "nan_from_null")]
    pub gradient_norm: f64,
    /// The fraction of steps whose gradient was clipped.
    pub clipped: f64,
    /// Steps skipped because their gradient was not finite.
    pub skipped: u64,
    /// Samples seen a second.
    pub samples_per_second: f64,
    /// Whether what is compared is the best so far.
    pub best: bool,
    /// Each tensor of the network; of a run of more than 500 epochs, in every line that is a multiple of a five-hundredth
    /// of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub layers: Vec<LayerDone>,
}

/// One tensor of the network, at the end of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerDone {
    /// Its name.
    pub name: String,
    /// The usual Euclidean norm of its gradient before clipping: the geometric mean over the last fifty steps or so.
    #[serde(deserialize_with = "nan_from_null")]
    pub gradient_norm: f64,
    /// `‖θ' − θ‖ / ‖θ‖` of the last measured step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub update_ratio: Option<f64>,
    /// Steps so far whose gradient exploded, against its own past.
    pub exploded: u64,
    /// Steps so far whose gradient vanished, against its own past.
    pub vanished: u64,
}

/// Why training ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Stopped {
    /// A stop rule fired.
    Rule(Reason),
    /// The observer asked for it.
    Interrupted,
    /// A gradient was not finite: the error names tensor, index and step.
    NonFinite(steepest::Error),
}

impl Stopped {
    /// The stable name for programs.
    pub fn name(&self) -> String {
        match self {
            Self::Rule(reason) => reason.stopped_by(),
            Self::Interrupted => "interrupted".into(),
            Self::NonFinite(_) => "non_finite".into(),
        }
    }

    /// Whether the run went wrong: it diverged, or met a NaN or an infinity.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Rule(reason) => reason.is_failure(),
            Self::Interrupted => false,
            Self::NonFinite(_) => true,
        }
    }
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rule(reason) => reason.fmt(f),
            Self::Interrupted => write!(f, "interrupted"),
            Self::NonFinite(error) => match error.gradient_fault() {
                Some(fault) => write!(
                    f,
                    "at step {} {fault}; try a smaller learning rate, clipping (clip_norm), or to skip such steps \
                     (skip_non_finite)",
                    fault.step
                ),
                None => error.fmt(f),
            },
        }
    }
}

/// Receives events; returns whether training should go on.
pub trait Observer: Send {
    /// Called with every event, on the thread that trains. `Break` ends the run after this step: it restores the best
    /// weights and finishes.
    fn observe(&mut self, event: &Event) -> ControlFlow<()>;

    /// Whether it wants [`Event::Weights`], which cost a copy of the network. Default: no.
    fn wants_weights(&self) -> bool {
        false
    }
}

impl<F: FnMut(&Event) -> ControlFlow<()> + Send> Observer for F {
    fn observe(&mut self, event: &Event) -> ControlFlow<()> {
        self(event)
    }
}

/// At most about thirty step events a second: a terminal shows no more, and a small step takes less than its event.
const STEP_EVERY: Duration = Duration::from_millis(33);

/// Hands events to an observer, and remembers that it asked to stop.
pub(crate) struct Events<'a> {
    observer: &'a mut dyn Observer,
    asked_to_stop: bool,
    /// When the last event about steps was due.
    last_step: Option<Instant>,
    step_every: Duration,
}

impl<'a> Events<'a> {
    pub fn new(observer: &'a mut dyn Observer) -> Self {
        Self { observer, asked_to_stop: false, last_step: None, step_every: STEP_EVERY }
    }

    pub fn wants_weights(&self) -> bool {
        self.observer.wants_weights()
    }

    /// An event after every step.
    #[cfg(test)]
    pub fn of_every_step(observer: &'a mut dyn Observer) -> Self {
        Self { step_every: Duration::ZERO, ..Self::new(observer) }
    }

    pub fn tell(&mut self, event: Event) {
        self.asked_to_stop |= self.observer.observe(&event).is_break();
    }

    /// Whether the observer has asked to stop, at the last event or an earlier one.
    pub fn asked_to_stop(&self) -> bool {
        self.asked_to_stop
    }

    /// The first step of an epoch is told of at once.
    pub fn epoch_begins(&mut self) {
        self.last_step = None;
    }

    /// Whether it is time for an event about steps; the time until the next counts from here then.
    pub fn step_is_due(&mut self) -> bool {
        let due = self.last_step.is_none_or(|at| at.elapsed() >= self.step_every);
        if due {
            self.last_step = Some(Instant::now());
        }
        due
    }
}
