//! The memory that steps work in, so that they allocate nothing.

use crate::aligned::Aligned;
use crate::kernel::GradientStats;
use crate::param::Param;
use crate::rule::{Rule, Sums};
use crate::step::plan::is_large;
use crate::step::setup::Setup;
use crate::step::target::Target;
use crate::step::units::Units;
use crate::wrappers::Passed;
use std::ops::Range;
use std::sync::Arc;

/// The memory that steps work in, so that they allocate nothing.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The tensors of the step that is being taken; empty between steps.
    pub targets: Vec<Target>,
    /// What the scan found, for each chunk, and the norm of each tensor's gradient.
    pub stats: Vec<GradientStats>,
    pub norms: Vec<f64>,
    /// Norms of other orders: for each order that a clip asks for, those of all chunks.
    pub chunk_norms: Vec<f64>,
    /// What clips by norm have made of each tensor's gradient so far.
    pub factors: Vec<f64>,
    /// Which tensors' steps are looked at beforehand.
    pub watched: Vec<bool>,
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
        let by_unit = !setup.clip.units.is_empty() || setup.wrappers.centralize;
        let measures = setup.measures();
        let stats: Vec<GradientStats> = plan.per_chunk();
        let orders = setup.clip.orders.len();
        Self {
            targets: Vec::with_capacity(params.len()),
            norms: vec![0.0; params.len()],
            chunk_norms: vec![0.0; stats.len() * orders],
            factors: vec![1.0; params.len()],
            stats,
            watched: vec![false; params.len()],
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
    rules: &[Arc<Rule>],
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
