use super::rule::{RuleState, Seen, StopRule};
use super::words::Count;
use crate::settings::Range;
use std::fmt;

crate::settings! {
    /// Stops after so many passes over the training data.
    pub struct MaxEpochs("max_epochs") {
        /// passes over the training data; a part of one is allowed
        epochs: f64 = 100.0, Range::POSITIVE;
    }
}

/// The limit of [`MaxEpochs`] is reached.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EpochsDone {
    /// Epochs done.
    pub epochs: f64,
}

impl StopRule for MaxEpochs {
    type Why = EpochsDone;
    fn judge(&self, seen: &Seen<'_>, _: &mut RuleState) -> Option<Option<EpochsDone>> {
        let epochs = seen.progress.epoch;
        Some((epochs >= self.epochs).then_some(EpochsDone { epochs }))
    }
}

impl fmt::Display for EpochsDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.epochs == 1.0 { "is" } else { "are" };
        write!(f, "{} {verb} done", Count(self.epochs, "epoch"))
    }
}
