use super::curve::power;
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Step>();

crate::settings! {
    /// Multiplies the rate by gamma every so many steps.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = max(γ^⌊e/size⌋, floor)        γ = gamma
    /// ```
    ///
    /// # Differences
    /// torch has no floor and no default size, and multiplies the rate of the step before, which
    /// agrees to rounding. optax: `exponential_decay` with `staircase = True`, whose `end_value` is
    /// the floor times the base rate.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Schedule, Step};
    /// let schedule = Step { size: 30, gamma: 0.5, floor: 0.2 };
    /// assert_eq!([0, 29, 30, 60, 90].map(|e| schedule.factor(e)), [1.0, 1.0, 0.5, 0.25, 0.2]);
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.StepLR.
    pub struct Step("step") {
        /// steps between two changes
        size: u64 = 10_000, Range::AT_LEAST_ONE;
        /// what the rate is multiplied with
        gamma: f64 = 0.1, Range::POSITIVE;
        /// the smallest factor
        floor: f64 = 0.0, Range::FRACTION;
    }
}

impl Schedule for Step {
    fn factor(&self, step: u64) -> f64 {
        // max(1): total also for a size of 0, which `validate` refuses
        power(self.gamma, step / self.size.max(1)).max(self.floor)
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
    fn is_the_product_of_its_changes() {
        let schedule = Step { size: 7, gamma: 0.9, floor: 0.0 };
        let mut product = 1.0;
        for e in 1..200 {
            if e % 7 == 0 {
                product *= 0.9;
            }
            // 28 roundings of the product against one of the power
            assert!((schedule.factor(e) / product - 1.0).abs() < 1e-14);
        }
    }
}
