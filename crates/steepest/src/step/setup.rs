//! What steps read and do not change, and the memory that they work in.

use crate::aligned::Aligned;
use crate::clip::Clip;
use crate::health::NonFinite;
use crate::kernel::{GradientStats, InstructionSet};
use crate::optimizer::formats::Formats;
use crate::optimizer::group::StandIn;
use crate::param::Param;
use crate::rule::{Rule, Scope, Sums};
use crate::step::bind::Target;
use crate::step::plan::{Chunk, Plan, is_large};
use crate::step::units::Units;
use crate::wrappers::{Passed, Wrappers};
use std::ops::Range;

/// Everything that steps read and do not change.
#[derive(Debug)]
pub(crate) struct Setup {
    pub rules: Vec<Rule>,
    /// Which rules stand in for others.
    pub stand_ins: Vec<Option<StandIn>>,
    pub params: Vec<Param>,
    pub plan: Plan,
    pub isa: InstructionSet,
    pub clip: Option<Clip>,
    pub non_finite: NonFinite,
    /// Updates are measured on every so many-th step; 0 for never.
    pub measure_every: u64,
    pub wrappers: Wrappers,
    pub formats: Formats,
    /// Whether anything is rounded at random.
    pub dithered: bool,
}

impl Setup {
    /// Whether gradients are read before the update: for their norms, or to find what is not finite.
    pub fn scans(&self) -> bool {
        let by_norm = matches!(self.clip, Some(Clip::GlobalNorm(_) | Clip::TensorNorm(_)));
        by_norm || self.non_finite != NonFinite::Unchecked
    }

    /// Whether a rule sums something before the update.
    pub fn measures(&self) -> bool {
        self.rules.iter().any(|rule| rule.scope() != Scope::Element)
    }

    /// Up to where memory may be asked for early, counted from the first element of `part`; 0 where all of a step may lie in a
    /// cache.
    pub fn prefetch(&self, part: Chunk) -> usize {
        if self.plan.is_large() { self.params[part.tensor].len() - part.start } else { 0 }
    }

    /// Whether step number `step` measures its updates.
    pub fn measures_updates(&self, step: u64) -> bool {
        self.measure_every > 0 && step.is_multiple_of(self.measure_every)
    }
}

/// The memory that steps work in, so that they allocate nothing.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The tensors of the step that is being taken; empty between steps.
    pub targets: Vec<Target>,
    /// What the scan found, for each chunk, and the norm of each tensor's gradient.
    pub stats: Vec<GradientStats>,
    pub norms: Vec<f64>,
    /// Of each tensor, for what works by unit.
    pub units: Option<Vec<Units>>,
    /// What rules measure: for each chunk, tensor and rule. Empty when none does.
    pub sums: Vec<Sums>,
    pub sums_of_tensor: Vec<Sums>,
    pub sums_of_rule: Vec<Sums>,
    /// Whether any tensor of a rule has a gradient.
    pub active_rules: Vec<bool>,
    /// What of updates passes caution, for each chunk. Empty when nothing asks.
    pub passed: Vec<Passed>,
    /// `Σ (θ' − θ)²` and `Σ θ²` of each chunk. Empty when updates are not measured.
    pub moved: Vec<(f64, f64)>,
    /// Where tensor rules work.
    pub memory: Aligned,
}

impl Workspace {
    /// The memory for steps of `setup`, whose tensor rules work in so many `bytes`.
    pub fn new(setup: &Setup, bytes: usize) -> Self {
        let Setup { rules, params, plan, .. } = setup;
        let by_unit = matches!(setup.clip, Some(Clip::Adaptive { .. })) || setup.wrappers.centralize;
        let measures = setup.measures();
        Self {
            targets: Vec::with_capacity(params.len()),
            stats: plan.per_chunk(),
            norms: vec![0.0; params.len()],
            units: by_unit.then(|| params.iter().map(Units::new).collect()),
            sums: if measures { plan.per_chunk() } else { Vec::new() },
            sums_of_tensor: vec![Sums::default(); if measures { params.len() } else { 0 }],
            sums_of_rule: vec![Sums::default(); rules.len()],
            active_rules: vec![false; rules.len()],
            passed: if setup.wrappers.scales_update() { plan.per_chunk() } else { Vec::new() },
            moved: if setup.measure_every > 0 { plan.per_chunk() } else { Vec::new() },
            memory: Aligned::new(bytes),
        }
    }

    /// Makes room for the sums of so many rules.
    pub fn rules(&mut self, count: usize) {
        self.sums_of_rule.resize(count, Sums::default());
        self.active_rules.resize(count, false);
    }
}

/// Where each tensor's workspace lies, in bytes, and how many there are. Small tensors have their own; large ones share, for they
/// run one after the other.
pub(crate) fn lay_out(
    params: &[Param],
    rule_of: impl Fn(usize) -> usize,
    rules: &[Rule],
) -> (Vec<Range<usize>>, usize) {
    let bytes: Vec<usize> =
        (params.iter().enumerate()).map(|(i, param)| rules[rule_of(i)].workspace(param)).collect();
    let (large, small): (Vec<usize>, Vec<usize>) = (0..params.len()).partition(|i| is_large(&params[*i]));
    let mut places = vec![0..0; params.len()];
    let mut end = 0;
    for i in small {
        places[i] = end..end + bytes[i];
        end += bytes[i];
    }
    for i in &large {
        places[*i] = end..end + bytes[*i];
    }
    (places, end + large.iter().map(|i| bytes[*i]).max().unwrap_or(0))
}
