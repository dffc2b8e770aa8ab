//! What a report draws of a run's predictions: `evaluation.json`.

use serde::{Deserialize, Serialize};

/// The version of the file.
pub(crate) const FORMAT: u32 = 1;
/// How the predictions of one part of the data lie to the truth: the test rows, the validation rows if there are none, or
/// the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub(crate) format: u32,
    /// `test`, `validation` or `train`.
    pub part: String,
    /// Rows of it.
    pub rows: u64,
    /// Which rows they are: two runs with the same key can be compared row by row.
    pub key: String,
    /// The loss of each row, of at most 10,000, evenly chosen.
    pub losses: Vec<f32>,
    /// For classes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub classes: Option<ClassEvaluation>,
    /// For numbers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub numbers: Option<NumberEvaluation>,
}

/// Predicted classes beside the true ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassEvaluation {
    /// Of two classes the one that is looked for; of more, at most ten, those of most rows.
    pub curves: Vec<ClassCurves>,
    /// How often the most probable class is right, by its probability.
    pub calibration: Vec<CalibrationBin>,
    /// What is taken for what, most often first; at most twenty pairs.
    pub confused: Vec<Confused>,
}

/// How well one class is told from the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassCurves {
    /// Its name.
    pub class: String,
    /// Rows of it.
    pub rows: u64,
    /// False positive rate and true positive rate, from (0, 0) to (1, 1).
    pub roc: Vec<[f64; 2]>,
    /// The area under it; absent where all rows are of the class, or none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auc: Option<f64>,
    /// Recall and precision, from the largest probability on.
    pub precision_recall: Vec<[f64; 2]>,
    /// The average precision.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub average_precision: Option<f64>,
}

/// Rows whose largest probability lies between two values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Rows.
    pub rows: u64,
    /// The mean of their largest probabilities.
    pub confidence: f64,
    /// How often that class is right.
    pub accuracy: f64,
}

/// Rows of one class that are taken for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confused {
    /// The true class.
    pub class: String,
    /// The predicted one.
    pub taken_for: String,
    /// Rows.
    pub rows: u64,
}

/// Predicted numbers beside the true ones, in the target's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberEvaluation {
    /// True and predicted value of at most 1000 rows, evenly chosen.
    pub points: Vec<[f64; 2]>,
    /// Ends of the bins of predicted less true; what lies outside counts in the outermost.
    pub residual_edges: Vec<f64>,
    /// Rows of each bin.
    pub residual_counts: Vec<u64>,
    /// The rows that are farthest off, the farthest first; at most ten.
    pub worst: Vec<WorstRow>,
}

/// A row that is far off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorstRow {
    /// Where it lies in its source: `line 17`. Empty for a training row.
    pub place: String,
    /// The true value.
    pub truth: f64,
    /// The predicted one.
    pub predicted: f64,
}
