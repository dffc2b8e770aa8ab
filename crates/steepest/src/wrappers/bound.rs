//! What wrappers do to one tensor in one step.

use crate::float::Float;
use crate::kernel::{InstructionSet, Prologue};
use crate::wrappers::average::Mix;
use crate::wrappers::cautious::{self, Passed, Updated};

/// The wrappers of one tensor during one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundWrappers {
    /// The gradient is scaled, clipped and centralized when it is loaded.
    pub centralized: bool,
    pub cautious: bool,
    /// What the update is multiplied by.
    pub scale: f64,
    /// ηλ, where decay waits for the update's sign.
    pub cautious_decay: Option<f64>,
    /// Lookahead, where this step has to do with it.
    pub lookahead: Option<BoundLookahead>,
    /// The average, where it takes this step in.
    pub average: Option<BoundAverage>,
}

/// What a step does to the slow weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundLookahead {
    pub slow: *mut u8,
    /// They begin with the weights before the step.
    pub begin: bool,
    /// They follow by this part of the way after the step, and the weights go back to them.
    pub follow: Option<f64>,
}

/// What a step does to the averaged weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundAverage {
    pub at: *mut u8,
    pub mix: Mix,
}

impl BoundWrappers {
    /// Whether the rule's weights are stored as they are, and nothing else is.
    pub fn is_empty(&self) -> bool {
        let keeps = self.lookahead.is_some() || self.average.is_some();
        !(self.centralized || keeps || self.changes_update())
    }

    /// Whether the update is not kept as it is.
    pub fn changes_update(&self) -> bool {
        self.cautious || self.scale != 1.0 || self.cautious_decay.is_some()
    }

    /// What of the update from `before` to `after` passes caution.
    pub fn passed<T: Float>(
        &self,
        isa: InstructionSet,
        prologue: &Prologue<f64>,
        (before, grad): (&[T], &[T]),
        after: &[T],
    ) -> Passed {
        let updated = Updated { before, grad, prologue: prologue.round(), cautious: self.cautious };
        cautious::count(isa, updated, after)
    }

    /// Keeps of the update from `before` to `after` what is to be kept.
    pub fn finish<T: Float>(
        &self,
        isa: InstructionSet,
        prologue: &Prologue<f64>,
        (before, grad): (&[T], &[T]),
        after: &mut [T],
    ) {
        if self.cautious || self.scale != 1.0 {
            let updated = Updated { before, grad, prologue: prologue.round(), cautious: self.cautious };
            cautious::finish(isa, updated, after, self.scale);
        }
        if let Some(shrink) = self.cautious_decay {
            cautious::decay(isa, before, after, shrink);
        }
    }
}
