//! Where the best candidate lies at the edge of what was tried, more is tried beyond it.

use super::candidate::{Candidate, Point, Value};
use super::choice::Outcome;
use super::plan::{Plan, Refine};
use super::space::beside;

/// The edge at which a candidate lies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Edge {
    Low(f64),
    High(f64),
}

/// `None` where there are others on both sides, or none at all.
fn edge(setting: &str, outcomes: &[Outcome], best: usize) -> Option<Edge> {
    let value = |outcome: &Outcome| outcome.candidate.number(setting);
    let at = value(&outcomes[best])?;
    let (mut below, mut above) = (false, false);
    for other in outcomes.iter().filter_map(value) {
        below |= other < at;
        above |= other > at;
    }
    match (below, above) {
        (false, true) => Some(Edge::Low(at)),
        (true, false) => Some(Edge::High(at)),
        _ => None,
    }
}

/// Whether the winner lies at the edge of what was tried.
pub(super) fn at_edge(plan: &Plan, outcomes: &[Outcome], winner: usize) -> bool {
    plan.extend.as_ref().is_some_and(|extend| edge(&extend.setting, outcomes, winner).is_some())
}

/// What to try beyond the edge, the nearest first; nothing where the best lies inside or nothing can be paid for. `spent`: the full
/// schedules that were spent at the first rung.
pub(super) fn beyond(plan: &Plan, outcomes: &[Outcome], order: &[usize], spent: f64) -> Vec<Point> {
    let Some(extend) = &plan.extend else { return Vec::new() };
    // where all diverged, only lower values can help
    let best = if outcomes[order[0]].diverged.is_some() {
        lowest(&extend.setting, outcomes)
    } else {
        Some(order[0])
    };
    let Some(best) = best else { return Vec::new() };
    let (from, sign) = match edge(&extend.setting, outcomes, best) {
        Some(Edge::Low(value)) => (value, -1.0),
        Some(Edge::High(value)) => (value, 1.0),
        None => return Vec::new(),
    };
    let first = plan.rungs[0];
    let trainings = plan.trainings() as f64;
    // all that follows, as if nobody diverged
    let at_first = first.to * (first.splits * plan.seeds.len()) as f64;
    let later = plan.cost_of(outcomes.len()) - at_first * outcomes.len() as f64;
    let last = plan.rungs[plan.rungs.len() - 1].to * trainings;
    // rounding is no expense
    let left = plan.extra_at_most * trainings - (spent + later - last) + 1e-9;
    let affordable = if left < 0.0 { 0.0 } else { (left / at_first).floor() };
    let values = (1..=extend.by).map(|i| beside(from, sign * extend.decades * i as f64));
    values
        .filter(|value| *value <= plan.most && *value > 0.0 && value.is_finite())
        .take((affordable as usize).min(extend.by))
        .map(|value| with(&outcomes[best].candidate, &extend.setting, value))
        .collect()
}

fn lowest(setting: &str, outcomes: &[Outcome]) -> Option<usize> {
    let value = |i: usize| outcomes[i].candidate.number(setting);
    (0..outcomes.len())
        .filter(|&i| value(i).is_some())
        .min_by(|&a, &b| value(a).partial_cmp(&value(b)).unwrap_or(std::cmp::Ordering::Equal))
}

/// The neighbours of the winner that were not tried.
pub(super) fn neighbours(refine: &Refine, plan: &Plan, outcomes: &[Outcome], winner: usize) -> Vec<Point> {
    let Some(center) = outcomes[winner].candidate.number(&refine.setting) else { return Vec::new() };
    [-1.0, 1.0]
        .map(|sign| beside(center, sign * refine.decades))
        .into_iter()
        .filter(|value| *value > 0.0 && value.is_finite() && *value <= plan.most)
        .map(|value| with(&outcomes[winner].candidate, &refine.setting, value))
        .filter(|point| outcomes.iter().all(|outcome| outcome.candidate.point != *point))
        .collect()
}

fn with(candidate: &Candidate, setting: &str, value: f64) -> Point {
    let mut point = candidate.point.clone();
    point.insert(setting.to_owned(), Value::Number(value));
    point
}
