//! What a run was: scores, and how healthy its gradients were.

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How good predictions are on one part of the data. What does not suit the task, or cannot be computed from the rows
/// there are, is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// The loss, without label smoothing and class weights: mean cross-entropy in nats, or mean
    /// squared (or Huber's) error of the standardized target. NaN, `null` in JSON, after a run that
    /// went wrong.
    #[serde(deserialize_with = "nan_from_null")]
    pub loss: f64,
    /// Rows of the part; 0 in files of earlier versions.
    #[serde(default)]
    pub rows: u64,
    /// The fraction of right answers; classes only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// The mean over the classes of the fraction of a class's rows that is found; classes only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub balanced_accuracy: Option<f64>,
    /// Mean cross-entropy in nats, which is the loss; classes only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log_loss: Option<f64>,
    /// The area under the ROC curve: the probability that a row of a class is given a larger probability of it than
    /// another row; the mean over the classes where there are more than two. Classes only, and only where a class and
    /// others have rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auc: Option<f64>,
    /// The average precision (area under precision over recall, as steps) of [`Summary::positive`] of two
    /// classes, or the mean over the classes; classes only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub average_precision: Option<f64>,
    /// The harmonic mean of precision and recall of [`Summary::positive`] of two classes, or the mean over the classes;
    /// classes only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub f1: Option<f64>,
    /// Root mean squared error in the target's unit; numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmse: Option<f64>,
    /// Mean absolute error in the target's unit; numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mae: Option<f64>,
    /// Median absolute error in the target's unit; numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub median_error: Option<f64>,
    /// 1 − (squared error) / (variance of the target); numbers only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub r2: Option<f64>,
    /// By the name of a metric, where it would lie in 95 of 100 other parts of as many such rows: percentiles of the
    /// bootstrap over rows, of few rows expanded. Absent for the training rows, which the network has learnt; where a class has fewer than 10
    /// rows, for numbers that look at each class; and where resampled rows all give the same number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// Each class by itself, in the order of the classes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub classes: Vec<ClassScore>,
    /// How many rows of each class (outer) were taken for each (inner), in the order of the classes; of at most 50
    /// classes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub confusion: Vec<Vec<u64>>,
}

/// How good predictions are on the rows of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// Its name.
    pub class: String,
    /// Rows of it in the part.
    pub rows: u64,
    /// The fraction of its rows that is found; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recall: Option<f64>,
    /// The fraction of the rows taken for it that are of it; absent where none is taken for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub precision: Option<f64>,
}

/// What predictions that do not look at the features would score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it predicts, in words: `"ok" for every row, the frequencies of training as probabilities`.
    pub predicts: String,
    /// On the rows that decided when to stop; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Score>,
    /// On the rows that nothing else saw; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub test: Option<Score>,
}

/// What a run was: `summary.json`, and what `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run directory.
    pub run: PathBuf,
    /// Whether training went to its end; if not, `steepest resume` goes on.
    #[serde(default = "yes")]
    pub finished: bool,
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
    /// By what the best epoch was chosen and patience counted: `capped validation loss`, `validation auc`. Empty in
    /// files of earlier versions, which went by the plain loss.
    #[serde(default)]
    pub kept_by: String,
    /// Of two classes, that whose average precision and F1 are given: the rarer among the training rows. Absent for
    /// other tasks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub positive: Option<String>,
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
    /// What can be had without the features; absent in files of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline: Option<Baseline>,
    /// What shuffling a column costs on the test rows, or where there are none on those that decided when to stop; the most
    /// important first. Empty for images, for few rows, for runs that did not end well, and in files of earlier versions.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub importance: Vec<ColumnImportance>,
    /// What the scores do not say by themselves, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// How healthy the gradients were.
    pub health: Health,
    /// What could not be written, a sentence each: then the directory holds an unfinished run, which goes on from its
    /// last checkpoint once there is space.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_written: Vec<String>,
}

/// Whether what `stopped_by` is in a summary says that the run went wrong.
pub(crate) fn is_failure(stopped_by: &str) -> bool {
    ["divergence", "non_finite"].contains(&stopped_by)
}

impl Summary {
    /// Whether the run went wrong: its weights predict nothing.
    pub fn is_failure(&self) -> bool {
        is_failure(&self.stopped_by)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain values")
    }
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
    /// Each hidden layer with the weights that are kept; empty in files of earlier versions.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub layers: Vec<LayerLine>,
}

/// What a network loses without a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnImportance {
    /// The name of the column.
    pub column: String,
    /// By how much the mean loss grows where the column is shuffled: nats of cross-entropy for classes, squared (or Huber's)
    /// error of the standardized target for numbers.
    pub increase: f64,
    /// Its 95 % interval for other rows of the same kind.
    pub interval: [f64; 2],
}

/// One hidden layer, over training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerLine {
    /// Its name, with which those of its tensors begin.
    pub name: String,
    /// What it does to its sums.
    pub activation: String,
    /// Its units; the channels of a convolution.
    pub units: u64,
    /// Units whose activation is flat (its slope below 0.01) for every row: nothing wakes them.
    pub dead: u64,
    /// The fraction of all values, units times rows, at which the activation is flat.
    pub flat: f64,
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
    /// The largest such ratio at the end of an epoch; of matrices and convolutions only, since a bias begins at 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub largest_update: Option<f64>,
    /// Steps whose gradient exploded, against its own past.
    pub exploded: u64,
    /// Steps whose gradient vanished, against its own past.
    pub vanished: u64,
}

/// Runs of earlier versions have a summary only if they went to their end.
fn yes() -> bool {
    true
}

/// JSON has no NaN and writes it as `null`.
pub(crate) fn nan_from_null<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

fn nans_from_nulls<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
    Ok(<[Option<f64>; 2]>::deserialize(from)?.map(|x| x.unwrap_or(f64::NAN)))
}
