//! Rates at which training falls apart, found before anything is compared: what is tried stays below them. A rate that makes a
//! network collapse can look good in its capped losses, where it predicts the same for every row.

use super::apply::LR;
use super::networks::Networks;
use super::ready::Ready;
use crate::error::Result;
use crate::tables::other_seed;
use steepest_choose::choose::Plan;

/// Steps of a ramp at most, and at least; with fewer there is none.
const LONGEST: u64 = 100;
const SHORTEST: u64 = 30;
/// How many there are, each from another start.
const COUNT: u64 = 3;

/// What ramps found.
pub(super) struct Ramps {
    /// In trainings.
    pub cost: f64,
    /// Where they fell apart, those that did.
    diverged_at: Vec<f64>,
}

impl Ramps {
    /// Ramps of at most so many steps on the first division of the rows.
    pub fn of(ready: &Ready, most: u64) -> Result<Self> {
        let steps = LONGEST.min(most);
        if steps < SHORTEST {
            return Ok(Self { cost: 0.0, diverged_at: Vec::new() });
        }
        let usual = ready.settings.optimizer.learning_rate()?;
        let networks = Networks::of(ready.settings.clone(), ready.splits.clone(), None);
        let mut diverged_at = Vec::new();
        for number in 0..COUNT {
            let seed = other_seed(ready.settings.train.seed, number);
            let ramp = networks.ramp(0.1 * usual, 1e4 * usual, steps, 0, seed)?;
            diverged_at.extend(ramp.last().filter(|[_, loss]| loss.is_infinite()).map(|[lr, _]| *lr));
        }
        Ok(Self { cost: (COUNT * steps) as f64 / ready.steps as f64, diverged_at })
    }

    /// The plan without rates above a third of where they fell apart.
    pub fn below_divergence(&self, plan: Plan) -> Plan {
        match self.diverged_at.is_empty() {
            true => plan,
            // where even the lowest rate falls apart, what is tried says so
            false => plan.clone().below_divergence(LR, &self.diverged_at).unwrap_or(plan),
        }
    }
}
