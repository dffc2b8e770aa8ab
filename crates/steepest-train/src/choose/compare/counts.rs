//! How many rates each optimizer tries, so that all take about the same seconds.

use super::entrant::{CompareOptions, Entrant};
use super::race::plan;
use crate::error::Result;

/// Rates of the baseline.
const RATES: u64 = 7;

/// How many rates each tries: as given, or as many as take about the seconds of the baseline's.
pub(super) fn counts(
    entrants: &[Entrant],
    options: &CompareOptions,
    steps: &[u64],
    seconds: &[f64],
) -> Result<Vec<u64>> {
    if let [first, ..] = options.rates[..] {
        let given = |entrant: &Entrant| options.rates.get(entrant.optimizer).copied().unwrap_or(first);
        return Ok(entrants.iter().map(given).collect());
    }
    let baseline = options.baseline(entrants);
    let cost = |at: usize, rates: u64| -> Result<f64> {
        let plan = plan(&entrants[at], rates, steps[at], 0)?;
        Ok((plan.cost() - 1.0) * steps[at] as f64 * seconds[at])
    };
    let budget = cost(baseline, RATES)?;
    (0..entrants.len())
        .map(|at| {
            if !entrants[at].tuned {
                return Ok(1);
            }
            // the nearest by its ratio: what is a little slower by chance has no fewer rates
            let mut best = (f64::INFINITY, RATES);
            for rates in [3, 5, 7, 9, 11, 13, 15] {
                let away = (cost(at, rates)? / budget).ln().abs();
                if away < best.0 {
                    best = (away, rates);
                }
            }
            Ok(best.1)
        })
        .collect()
}
