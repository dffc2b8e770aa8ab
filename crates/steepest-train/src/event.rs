//! What a run tells while it goes on, and what it was in the end. The library prints nothing.

use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use steepest::stop::Reason;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A decision that the user should hear: one sentence.
    Note(String),
    /// Training begins.
    Start(Start),
    /// Some steps are done; comes at most about thirty times a second.
    Step(StepDone),
    /// An epoch is done.
    Epoch(EpochDone),
    /// Training has ended, the best weights are back.
    Stop {
        /// Why.
        reason: Stopped,
        /// The epoch whose weights are kept, from 1.
        best_epoch: u64,
    },
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
    /// Most epochs.
    pub epochs: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// What the validation metric is called: `accuracy`, or `rmse` in the target's own unit.
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
    pub lr: f64,
    /// Mean training loss of its steps, dropout and label smoothing included.
    pub train_loss: f64,
    /// Loss on the validation rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Accuracy on them, or root mean squared error in the target's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_metric: Option<f64>,
    /// Mean Euclidean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Share of steps whose gradient was clipped.
    pub clipped: f64,
    /// Steps skipped because their gradient was not finite.
    pub skipped: u64,
    /// Samples seen a second.
    pub samples_per_second: f64,
    /// Whether the validation loss is the lowest so far.
    pub best: bool,
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
            Self::NonFinite(steepest::Error::NonFiniteGradient { step, tensor, index, value, count }) => {
                write!(
                    f,
                    "at step {step} the gradient of `{tensor}` is {value} at index {index} ({count} such values); \
                 try a smaller learning rate, clipping (clip_norm), or to skip such steps (skip_non_finite)"
                )
            }
            Self::NonFinite(error) => error.fmt(f),
        }
    }
}

/// How good the network is on one part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The loss, without label smoothing and class weights: mean cross-entropy in nats, or mean
    /// squared (or Huber's) error of the standardized target. NaN, `null` in JSON, after a run that
    /// went wrong.
    #[serde(deserialize_with = "nan_from_null")]
    pub loss: f64,
    /// Share of right answers; classes only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// Root mean squared error in the target's unit; numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmse: Option<f64>,
    /// Mean absolute error in the target's unit; numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mae: Option<f64>,
    /// 1 − (squared error) / (variance of the target); numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub r2: Option<f64>,
}

/// What a run was: `summary.json`, and what `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run directory.
    pub run: PathBuf,
    /// `regression`, `binary` or `classes`.
    pub task: String,
    /// The optimizer's name.
    pub optimizer: String,
    /// The learning rate at its highest.
    pub lr: f64,
    /// Samples of a step.
    pub batch: usize,
    /// Epochs done.
    pub epochs: u64,
    /// The epoch whose weights are kept, from 1.
    pub best_epoch: u64,
    /// Steps done.
    pub steps: u64,
    /// Seconds of training, validation included, reading the data not.
    pub seconds: f64,
    /// The stop rule's name, `interrupted`, or `non_finite`.
    pub stopped_by: String,
    /// The stop rule's sentence.
    pub stopped_because: String,
    /// Trainable numbers.
    pub parameters: usize,
    /// On the rows that were learnt from.
    pub train: Score,
    /// On the rows that decided when to stop; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Score>,
    /// On the rows that nothing else saw; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub test: Option<Score>,
    /// How healthy the gradients were.
    pub health: Health,
}

/// How healthy the gradients were, over the whole run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    /// Mean Euclidean norm of the gradient before clipping, in the first and in the last epoch.
    #[serde(deserialize_with = "nans_from_nulls")]
    pub gradient_norm: [f64; 2],
    /// Share of steps that were clipped.
    pub clipped: f64,
    /// Steps skipped because their gradient was not finite.
    pub skipped: u64,
    /// Each tensor's figures at the end.
    pub tensors: Vec<TensorLine>,
}

/// One tensor's gradients, over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorLine {
    /// Its name.
    pub name: String,
    /// Its usual gradient norm: the geometric mean over the last fifty steps or so.
    #[serde(deserialize_with = "nan_from_null")]
    pub gradient_norm: f64,
    /// Share of exact zeros in the last gradient.
    pub zeros: f64,
    /// `‖θ' − θ‖ / ‖θ‖` of the last measured step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub update_ratio: Option<f64>,
    /// Steps whose gradient exploded, against its own past.
    pub exploded: u64,
    /// Steps whose gradient vanished, against its own past.
    pub vanished: u64,
}

/// JSON has no NaN and writes it as `null`.
fn nan_from_null<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

fn nans_from_nulls<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
    Ok(<[Option<f64>; 2]>::deserialize(from)?.map(|x| x.unwrap_or(f64::NAN)))
}

/// Receives events; returns whether training should go on.
pub trait Observer: Send {
    /// Called with every event, on the thread that trains.
    fn observe(&mut self, event: &Event) -> Go;
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Go {
    /// Go on.
    #[default]
    On,
    /// Stop after this step, restore the best weights, and finish the run.
    Stop,
}

impl<F: FnMut(&Event) -> Go + Send> Observer for F {
    fn observe(&mut self, event: &Event) -> Go {
        self(event)
    }
}

/// At most about thirty step events a second: a terminal shows no more, and a small step takes less
/// than its event.
pub(crate) const EVENT_EVERY: Duration = Duration::from_millis(33);
