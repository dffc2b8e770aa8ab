//! What a run was: scores, and how healthy its gradients were.

use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// How good the network is on one part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The loss, without label smoothing and class weights: mean cross-entropy in nats, or mean
    /// squared (or Huber's) error of the standardized target. NaN, `null` in JSON, after a run that
    /// went wrong.
    #[serde(deserialize_with = "nan_from_null")]
    pub loss: f64,
    /// The fraction of right answers; classes only.
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
    /// On the rows that it learnt from.
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
    /// The fraction of steps that were clipped.
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
    /// The fraction of exact zeros in the last gradient.
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
