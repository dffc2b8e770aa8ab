use super::rule::{RuleState, Seen, StopRule};
use crate::settings::Range;
use std::fmt;

crate::settings! {
    /// Stops after so many optimizer steps.
    pub struct MaxSteps("max_steps") {
        /// optimizer steps
        steps: u64 = 10_000, Range::AT_LEAST_ONE;
    }
}

/// The limit of [`MaxSteps`] is reached.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StepsDone {
    /// Steps done.
    pub steps: u64,
}

impl StopRule for MaxSteps {
    type Why = StepsDone;
    fn judge(&self, seen: &Seen<'_>, _: &mut RuleState) -> Option<Option<StepsDone>> {
        let steps = seen.progress.step;
        Some((steps >= self.steps).then_some(StepsDone { steps }))
    }
}

impl fmt::Display for StepsDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps {
            1 => write!(f, "1 step is done"),
            steps => write!(f, "{steps} steps are done"),
        }
    }
}
