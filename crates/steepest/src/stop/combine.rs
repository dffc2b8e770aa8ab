//! Stop rules from one number, and several of them combined.

use super::divergence::Divergence;
use super::gradient_tolerance::GradientTolerance;
use super::max_epochs::MaxEpochs;
use super::max_steps::MaxSteps;
use super::max_time::MaxTime;
use super::no_improvement::NoImprovement;
use super::non_finite::NonFinite;
use super::rules::{Single, Stop};
use super::target_loss::TargetLoss;
use crate::error::{Error, Result};
use std::ops::{BitAnd, BitOr};
use std::time::Duration;

impl Stop {
    /// After `steps` optimizer steps.
    pub fn max_steps(steps: u64) -> Self {
        Self::MaxSteps(MaxSteps { steps })
    }

    /// After `epochs` epochs.
    pub fn max_epochs(epochs: f64) -> Self {
        Self::MaxEpochs(MaxEpochs { epochs })
    }

    /// After `time`, the time before a restart included.
    pub fn max_time(time: Duration) -> Self {
        Self::MaxTime(MaxTime { seconds: time.as_secs_f64() })
    }

    /// When the training loss is at most `loss`.
    pub fn target_loss(loss: f64) -> Self {
        Self::TargetLoss(TargetLoss { loss })
    }

    /// When the gradient's Euclidean norm is at most `norm`.
    pub fn gradient_tolerance(norm: f64) -> Self {
        Self::GradientTolerance(GradientTolerance { norm })
    }

    /// When the validation metric has not improved for `patience` observations; for the other
    /// settings see [`NoImprovement`].
    pub fn no_improvement(patience: u64) -> Self {
        NoImprovement { patience, ..NoImprovement::default() }.into()
    }

    /// When the training loss is above `factor` times where it began; see [`Divergence`].
    pub fn divergence(factor: f64) -> Self {
        Divergence { factor, ..Divergence::default() }.into()
    }

    /// At the first NaN or infinity.
    pub fn non_finite() -> Self {
        Self::NonFinite(NonFinite {})
    }

    /// At the first of both.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any(mut rules), Self::Any(more)) => {
                rules.extend(more);
                Self::Any(rules)
            }
            (Self::Any(mut rules), one) => {
                rules.push(one);
                Self::Any(rules)
            }
            (a, b) => Self::Any(vec![a, b]),
        }
    }

    /// When both hold.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut rules), Self::All(more)) => {
                rules.extend(more);
                Self::All(rules)
            }
            (Self::All(mut rules), one) => {
                rules.push(one);
                Self::All(rules)
            }
            (a, b) => Self::All(vec![a, b]),
        }
    }

    /// Whether each setting lies in its range and each combination has a rule.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; [`Error::Conflict`] for a combination of nothing.
    pub fn validate(&self) -> Result<()> {
        match (self.single(), self.parts()) {
            (Some(rule), _) => rule.validate(),
            (None, []) => Err(Error::Conflict {
                owner: "stop rules",
                conflict: "a combination of no rules never has a reason".to_owned(),
                remedy: "give at least one rule".to_owned(),
            }),
            (None, parts) => parts.iter().try_for_each(Self::validate),
        }
    }

    /// The rules without their combination, in the order written.
    pub(super) fn rules(&self) -> Vec<&dyn Single> {
        match self.single() {
            Some(rule) => vec![rule],
            None => self.parts().iter().flat_map(Self::rules).collect(),
        }
    }

    /// What is combined; nothing for a single rule.
    fn parts(&self) -> &[Self] {
        match self {
            Self::Any(rules) | Self::All(rules) => rules,
            _ => &[],
        }
    }

    /// A rule's name, as in [`REGISTRY`](crate::stop::REGISTRY); `any` and `all` for combinations.
    pub fn name(&self) -> &'static str {
        match self.single() {
            Some(rule) => rule.name(),
            None if matches!(self, Self::Any(_)) => "any",
            None => "all",
        }
    }
}

impl BitOr for Stop {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl BitAnd for Stop {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}
