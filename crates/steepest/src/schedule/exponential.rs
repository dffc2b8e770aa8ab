use super::curve::power;
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Exponential>();

crate::settings! {
    /// Multiplies the rate by gamma in every step.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = max(γ^e, floor)        γ = gamma
    /// ```
    ///
    /// To fall to a fraction `q` over `n` steps, take γ = q^(1/n). A γ above 1 grows, up to the
    /// largest number there is.
    ///
    /// # Differences
    /// torch has no floor and no default γ, and multiplies the rate of the step before, which
    /// agrees to rounding. optax's `exponential_decay` has γ = decay_rate^(1/transition_steps);
    /// its `end_value` is the floor times the base rate, and for a growing rate an upper bound,
    /// which is not offered here.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Exponential, Schedule};
    /// let schedule = Exponential { gamma: 0.5, floor: 0.1 };
    /// assert_eq!([0, 1, 2, 3, 4].map(|e| schedule.factor(e)), [1.0, 0.5, 0.25, 0.125, 0.1]);
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.ExponentialLR.
    pub struct Exponential("exponential") {
        /// what the rate is multiplied with; the default halves it in about 700 steps
        gamma: f64 = 0.999, Range::POSITIVE;
        /// the smallest factor
        floor: f64 = 0.0, Range::FRACTION;
    }
}

impl Schedule for Exponential {
    fn factor(&self, step: u64) -> f64 {
        power(self.gamma, step).max(self.floor)
    }
    fn name(&self) -> &'static str {
        Self::OWNER
    }
    fn values(&self) -> Values {
        Settings::values(self)
    }
    fn validate(&self) -> Result<()> {
        self.check_ranges()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_gamma_between_neighbours() {
        let schedule = Exponential { gamma: 0.97, floor: 0.0 };
        for e in 0..500 {
            // two powers, each within an ulp
            assert!((schedule.factor(e + 1) / schedule.factor(e) - 0.97).abs() < 1e-15);
        }
    }

    #[test]
    fn growth_is_held_at_the_largest_number() {
        let schedule = Exponential { gamma: 1.5, floor: 0.0 };
        assert_eq!(schedule.factor(u64::MAX), f64::MAX);
    }
}
