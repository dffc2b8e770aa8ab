use super::rule::{RuleState, Seen, StopRule};
use super::words::Short;
use crate::settings::Range;
use std::fmt;

crate::settings! {
    /// Stops when the gradient is as good as zero.
    pub struct GradientTolerance("gradient_tolerance") {
        /// the Euclidean norm of the whole gradient that is small enough
        norm: f64 = 1e-6, Range::NON_NEGATIVE;
    }
}

/// The gradient is as small as [`GradientTolerance`] asks for.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SmallGradient {
    /// The tolerance.
    pub tolerance: f64,
    /// The Euclidean norm of the gradient.
    pub norm: f64,
}

impl StopRule for GradientTolerance {
    type Why = SmallGradient;
    fn judge(&self, seen: &Seen<'_>, _: &mut RuleState) -> Option<Option<SmallGradient>> {
        let norm = seen.progress.gradient_norm?;
        Some((norm <= self.norm).then_some(SmallGradient { tolerance: self.norm, norm }))
    }
}

impl fmt::Display for SmallGradient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gradient's norm {} is at most {}", Short(self.norm), Short(self.tolerance))
    }
}
