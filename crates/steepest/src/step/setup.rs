//! What steps read and do not change.

use crate::clip::Clipping;
use crate::health::NonFinite;
use crate::kernel::{InstructionSet, asking_pays};
use crate::optimizer::formats::Formats;
use crate::optimizer::group::StandIn;
use crate::param::Param;
use crate::rule::{Rule, Scope};
use crate::step::plan::{Chunk, Plan};
use crate::wrappers::Wrappers;
use std::sync::Arc;

/// Everything that steps read and do not change.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Shared by the copies of an optimizer.
    pub rules: Vec<Arc<Rule>>,
    /// Which rules stand in for others.
    pub stand_ins: Vec<Option<StandIn>>,
    pub params: Vec<Param>,
    pub plan: Plan,
    pub isa: InstructionSet,
    pub clip: Clipping,
    pub non_finite: NonFinite,
    /// Steps that may be skipped in a row.
    pub most_skips: u64,
    /// Whether the objective is to grow.
    pub maximize: bool,
    /// Updates are measured on every so many-th step; 0 for never.
    pub measure_every: u64,
    pub wrappers: Wrappers,
    pub formats: Formats,
    /// Whether anything is rounded at random.
    pub dithered: bool,
    /// Whether any rule keeps numbers for tensors as a whole.
    pub keeps_memory: bool,
}

impl Setup {
    /// Whether gradients are read before the update: for their norms, or to find what is not finite.
    pub fn scans(&self) -> bool {
        !self.clip.norms.is_empty() || self.non_finite != NonFinite::Unchecked
    }

    /// Whether a step that would leave something that is not finite is looked for.
    pub fn is_checked(&self) -> bool {
        self.non_finite != NonFinite::Unchecked
    }

    /// Whether a rule sums something before the update.
    pub fn measures(&self) -> bool {
        self.rules.iter().any(|rule| rule.scope() != Scope::Element)
    }

    /// Up to where memory may be asked for early, counted from the first element of `part`; 0 where all of a step may lie in a
    /// cache, and on processors that are better left alone.
    pub fn prefetch(&self, part: Chunk) -> usize {
        if self.plan.is_large() && asking_pays() { self.params[part.tensor].len() - part.start } else { 0 }
    }

    /// Whether step number `step` measures its updates.
    pub fn measures_updates(&self, step: u64) -> bool {
        self.measure_every > 0 && step.is_multiple_of(self.measure_every)
    }
}
