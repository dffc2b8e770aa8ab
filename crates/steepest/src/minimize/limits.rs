//! What stop rules say of a run's length.

use crate::stop::Stop;

/// Whether a rule must hold sooner or later, whatever the function does. `no_improvement` must: a
/// value cannot go down for ever, since there are finitely many floats.
pub(super) fn ends(stop: &Stop) -> bool {
    match stop {
        Stop::MaxSteps(_) | Stop::MaxTime(_) | Stop::NoImprovement(_) => true,
        Stop::Any(rules) => rules.iter().any(ends),
        // `no_improvement` may take its verdict back while the others wait
        Stop::All(rules) => rules.iter().all(|rule| ends(rule) && !improves(rule)),
        _ => false,
    }
}

fn improves(stop: &Stop) -> bool {
    match stop {
        Stop::NoImprovement(_) => true,
        Stop::Any(rules) | Stop::All(rules) => rules.iter().any(improves),
        _ => false,
    }
}

/// The steps after which a run has ended at the latest, where a rule says so.
pub(super) fn most_steps(stop: &Stop) -> Option<u64> {
    match stop {
        Stop::MaxSteps(rule) => Some(rule.steps),
        Stop::Any(rules) => rules.iter().filter_map(most_steps).min(),
        _ => None,
    }
}
