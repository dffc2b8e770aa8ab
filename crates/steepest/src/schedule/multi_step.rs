use super::curve::power;
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::{Error, Result};
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<MultiStep>();

crate::settings! {
    /// Multiplies the rate by gamma at each of the given steps.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = γ^#{m in milestones: m ≤ e}        γ = gamma
    /// ```
    ///
    /// A milestone given twice counts twice; their order does not matter.
    ///
    /// # Differences
    /// torch multiplies the rate of the step before, which agrees to rounding. optax:
    /// `piecewise_constant_schedule`, which takes one factor for each milestone; here that is a
    /// `sequence` of constants.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range; [`Error::Conflict`] for a
    /// milestone that is not a whole number, or none at all.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{MultiStep, Schedule};
    /// let schedule = MultiStep { milestones: vec![10.0, 50.0], gamma: 0.5 };
    /// assert_eq!([9, 10, 49, 50].map(|e| schedule.factor(e)), [1.0, 0.5, 0.5, 0.25]);
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.MultiStepLR. The default milestones are those of He et al. 2016,
    /// "Deep Residual Learning for Image Recognition", section 4.2, for CIFAR-10.
    pub struct MultiStep("multi_step") {
        /// the steps at which the rate changes, counted from 0
        milestones: Vec<f64> = vec![32_000.0, 48_000.0], Range::NON_NEGATIVE;
        /// what the rate is multiplied with
        gamma: f64 = 0.1, Range::POSITIVE;
    }
}

impl Schedule for MultiStep {
    fn factor(&self, step: u64) -> f64 {
        // rounding `step` is monotone and leaves every number a milestone can be in place, so the
        // comparison is right also above 2⁵³
        let passed = self.milestones.iter().filter(|m| **m <= step as f64).count();
        power(self.gamma, passed as u64)
    }
    fn name(&self) -> &'static str {
        Self::OWNER
    }
    fn values(&self) -> Values {
        Settings::values(self)
    }
    fn validate(&self) -> Result<()> {
        self.check_ranges()?;
        if let Some(part) = self.milestones.iter().find(|m| m.fract() != 0.0) {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!("the milestone {part} is not a whole number of steps"),
                remedy: format!("use {} or {}", part.floor(), part.ceil()),
            });
        }
        if self.milestones.is_empty() {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: "it has no milestones, so the rate would never change".to_owned(),
                remedy: "give some, or use `constant`".to_owned(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_repetition_counts() {
        let sorted = MultiStep { milestones: vec![3.0, 5.0, 5.0], gamma: 0.5 };
        let mixed = MultiStep { milestones: vec![5.0, 3.0, 5.0], gamma: 0.5 };
        assert!((0..10).all(|e| sorted.factor(e) == mixed.factor(e)));
        assert_eq!([2, 3, 4, 5].map(|e| sorted.factor(e)), [1.0, 0.5, 0.5, 0.125]);
    }

    #[test]
    fn refuses_parts_of_steps_and_no_milestones() {
        let parts = MultiStep { milestones: vec![2.5], ..MultiStep::default() };
        let message = parts.validate().unwrap_err().to_string();
        assert_eq!(message, "multi_step: the milestone 2.5 is not a whole number of steps; use 2 or 3");
        let none = MultiStep { milestones: vec![], ..MultiStep::default() };
        assert!(none.validate().unwrap_err().to_string().ends_with("or use `constant`"));
    }
}
