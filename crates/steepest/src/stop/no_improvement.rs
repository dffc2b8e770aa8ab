use super::rule::{Best, Progress, RuleState, Seen, StopRule};
use super::words::{Count, Short};
use crate::settings::Range;
use std::fmt;

crate::word_setting! {
    /// What [`NoImprovement`] watches; smaller is better.
    pub enum Watch {
        /// The validation metric.
        #[default]
        Metric = "metric",
        /// The training loss.
        Loss = "loss",
    }
}

crate::settings! {
    /// Stops when the validation metric, or the training loss, no longer improves.
    ///
    /// An observation is better when it lies more than `min_delta` below the best so far; the rule
    /// fires at the `patience`-th in a row that is not. Observations without the watched value do
    /// not count, so with one validation an epoch the patience is in epochs. NaN is never better.
    ///
    /// With the schedule `reduce_on_plateau` this patience should be the larger one, or the lower rate
    /// never gets its chance.
    pub struct NoImprovement("no_improvement") {
        /// observations in a row without improvement
        patience: u64 = 20, Range::AT_LEAST_ONE;
        /// how far below the best an improvement must be, in the metric's own unit
        min_delta: f64 = 0.0, Range::NON_NEGATIVE;
        /// what is watched: the validation metric or the training loss
        of: Watch = Watch::Metric;
    }
}

/// What [`NoImprovement`] watches improves no more.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NotImproved {
    /// What was watched: `validation metric`, or the name given to the stopper.
    pub what: String,
    /// Observations since the best.
    pub observations: u64,
    /// Epochs since the best.
    pub epochs: f64,
    /// The best, where and when; none if no observation was a number.
    pub best: Option<Best>,
}

impl StopRule for NoImprovement {
    type Why = NotImproved;
    fn judge(&self, seen: &Seen<'_>, memory: &mut RuleState) -> Option<Option<NotImproved>> {
        let Progress { step, epoch, .. } = *seen.progress;
        let (value, what) = match self.of {
            Watch::Metric => (seen.progress.metric?, seen.metric_name),
            Watch::Loss => (seen.progress.loss?, "training loss"),
        };
        let begin = *memory.begin.get_or_insert(epoch);
        let best = memory.best.map_or(f64::INFINITY, |best| best.value);
        if value < best - self.min_delta {
            memory.best = Some(Best { value, step, epoch });
            memory.bad = 0;
        } else {
            memory.bad = memory.bad.saturating_add(1);
        }
        Some((memory.bad >= self.patience).then(|| NotImproved {
            what: what.to_owned(),
            observations: memory.bad,
            epochs: epoch - memory.best.map_or(begin, |best| best.epoch),
            best: memory.best,
        }))
    }
}

impl fmt::Display for NotImproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observations = self.observations as f64;
        write!(f, "no improvement of the {} for ", self.what)?;
        match self.epochs {
            // where a run has no epochs, or several observations in each
            0.0 => write!(f, "{}", Count(observations, "observation"))?,
            epochs if epochs == observations => write!(f, "{}", Count(epochs, "epoch"))?,
            epochs => write!(f, "{} ({})", Count(epochs, "epoch"), Count(observations, "observation"))?,
        }
        match self.best {
            None => write!(f, "; it was never a number"),
            Some(Best { value, step, epoch: 0.0 }) => write!(f, "; best {} at step {step}", Short(value)),
            Some(Best { value, epoch, .. }) => {
                write!(f, "; best {} at epoch {}", Short(value), Short(epoch))
            }
        }
    }
}
