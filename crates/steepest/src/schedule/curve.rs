//! Curves from one factor to another, and lengths: what several schedules share.

use std::f64::consts::FRAC_PI_2;

/// Fills in a length that is 0 for "the whole run"; a run of no steps counts as one, so that the
/// schedule does not wait for its length any longer.
pub(super) fn resolve_length(steps: &mut u64, total_steps: u64) {
    if *steps == 0 {
        *steps = total_steps.max(1);
    }
}

/// How much of `steps` is left at `step`, from 1 down to exactly 0; NaN while the length is unknown.
///
/// Taken from the integers, so it keeps its relative precision down to the last step.
pub(super) fn remaining(step: u64, steps: u64) -> f64 {
    if steps == 0 { f64::NAN } else { steps.saturating_sub(step) as f64 / steps as f64 }
}

/// From `start` (when all remains) to `end` (when nothing does) along half a cosine:
/// `end + (start − end)·(1 + cos π(1 − remaining))/2`, exact at both ends.
///
/// Written with sin² of half the angle: `1 + cos` cancels near the end, where the rate is smallest
/// and its relative precision counts most.
pub(super) fn cosine_between(start: f64, end: f64, remaining: f64) -> f64 {
    end + (start - end) * (FRAC_PI_2 * remaining).sin().powi(2)
}

/// From `start` to `end` along a line, exact at both ends.
pub(super) fn linear_between(start: f64, end: f64, remaining: f64) -> f64 {
    start * remaining + end * (1.0 - remaining)
}

/// `base^exponent`, held at the largest number instead of infinity.
pub(super) fn power(base: f64, exponent: u64) -> f64 {
    base.powf(exponent as f64).min(f64::MAX)
}
