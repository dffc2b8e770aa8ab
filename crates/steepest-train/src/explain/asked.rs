//! What is asked of an explanation.

use crate::finished::PredictOptions;
use serde::{Deserialize, Serialize};
use steepest_data::Source;

/// How an output is taken apart. Each is another question, and they do not give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Shapley values for tables, path attribution for images.
    #[default]
    Auto,
    /// What a column adds, averaged over all orders in which columns become known.
    Shapley,
    /// What is gained along the straight way from the background (expected integrated gradients).
    Path,
    /// A line through the neighbourhood (LIME).
    Lime,
    /// The network's own slopes at the row (local linear model).
    Linear,
}

/// The unit that values are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Log odds of classes, the target's own unit of numbers.
    #[default]
    Usual,
    /// Probabilities of classes.
    Probability,
}

/// Which columns count as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Join {
    /// None.
    #[default]
    None,
    /// Those whose correlation over the background is beyond 0.8.
    Auto,
    /// These groups.
    Groups(Vec<Vec<String>>),
}

/// How to explain.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainOptions {
    /// How the rows are read.
    pub read: PredictOptions,
    /// Which question. Default: [`Method::Auto`].
    pub method: Method,
    /// Which unit. Default: [`Scale::Usual`].
    pub scale: Scale,
    /// Which columns count as one. Default: none.
    pub join: Join,
    /// Rows to compare with, at most a hundred of them. Default: those that the run keeps.
    pub background: Option<Source>,
    /// How long explaining may take, in seconds; it becomes a number of evaluations before the first one. Default: 10.
    pub max_seconds: f64,
    /// The most coalitions for each row, instead of a time. The same number gives the same bits.
    pub evaluations: Option<u64>,
    /// The seed of all draws. Default: 0.
    pub seed: u64,
    /// Threads; the result does not depend on it. Default: all cores.
    pub threads: Option<usize>,
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self {
            read: PredictOptions::default(),
            method: Method::Auto,
            scale: Scale::Usual,
            join: Join::None,
            background: None,
            max_seconds: 10.0,
            evaluations: None,
            seed: 0,
            threads: None,
        }
    }
}
