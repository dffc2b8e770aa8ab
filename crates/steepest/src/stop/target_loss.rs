use super::rule::{RuleState, Seen, StopRule};
use super::words::Short;
use crate::settings::Range;
use std::fmt;

crate::settings! {
    /// Stops when the training loss reaches a target.
    pub struct TargetLoss("target_loss") {
        /// the training loss that is good enough
        loss: f64 = 0.0, Range::FINITE;
    }
}

/// The loss is good enough for [`TargetLoss`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TargetReached {
    /// The target.
    pub target: f64,
    /// The training loss.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub loss: f64,
}

impl StopRule for TargetLoss {
    type Why = TargetReached;
    fn judge(&self, seen: &Seen<'_>, _: &mut RuleState) -> Option<Option<TargetReached>> {
        let loss = seen.progress.loss?;
        Some((loss <= self.loss).then_some(TargetReached { target: self.loss, loss }))
    }
}

impl fmt::Display for TargetReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the training loss {} reached its target {}", Short(self.loss), Short(self.target))
    }
}
