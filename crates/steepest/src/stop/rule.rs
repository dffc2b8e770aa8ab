//! What a stop rule is, what it sees, and what it remembers.

use crate::settings::Settings;
use std::fmt;
use std::time::Duration;

/// A stop rule: its settings, and how it judges an observation.
pub(super) trait StopRule: Settings {
    /// Why it stopped a run: the numbers, and in `Display` a sentence with them, without a full stop.
    type Why: fmt::Display;
    /// Whether a run that it stops went wrong.
    const FAILURE: bool = false;
    /// The new verdict; the outer `None` when the value that it needs was not reported.
    fn judge(&self, seen: &Seen<'_>, memory: &mut RuleState) -> Option<Option<Self::Why>>;
}

/// Where a run is: what a [`Stopper`](crate::stop::Stopper) observes, after a step or after an epoch.
///
/// A value that was not computed this time is `None`; rules that need it wait.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u64,
    /// Epochs done; 0 throughout where there are none.
    pub epoch: f64,
    /// Time since the [`Stopper`](crate::stop::Stopper) was made, or since it was restored.
    pub elapsed: Duration,
    /// The last training loss.
    pub loss: Option<f64>,
    /// The last validation metric; smaller is better.
    pub metric: Option<f64>,
    /// The Euclidean norm of the whole gradient.
    pub gradient_norm: Option<f64>,
    /// What turned out NaN or infinite, by name, if anything did: `the gradient of layer1.weight`.
    pub non_finite: Option<String>,
}

/// One observation, as the rules see it.
pub(super) struct Seen<'a> {
    pub progress: &'a Progress,
    /// Time spent, that before a restart included.
    pub elapsed: Duration,
    /// What sentences call the metric.
    pub metric_name: &'a str,
}

/// What a rule remembers. One type for all rules: a rule leaves alone what it has no use for.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct RuleState {
    /// The first finite value.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    pub first: Option<f64>,
    pub best: Option<Best>,
    /// Epochs done at the first observation, for a best that never came.
    pub begin: Option<f64>,
    /// Observations in a row that were bad.
    pub bad: u64,
}

/// The best observation of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Best {
    /// Its value.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub value: f64,
    /// Steps done then.
    pub step: u64,
    /// Epochs done then.
    pub epoch: f64,
}
