use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Constant>();

crate::settings! {
    /// The base rate, or a fraction of it for the first steps.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = factor if e < steps or steps = 0, else 1
    /// ```
    ///
    /// # Differences
    /// torch's ConstantLR defaults to a third of the rate for 5 steps; here the plain schedule is
    /// constant. torch's `total_iters = 0` does nothing; here 0 steps mean the whole run.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Constant, Schedule};
    /// let schedule = Constant { factor: 0.25, steps: 10 };
    /// assert_eq!([0, 9, 10].map(|e| schedule.factor(e)), [0.25, 0.25, 1.0]);
    /// assert_eq!(Constant::default().factor(7), 1.0);
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.ConstantLR.
    pub struct Constant("constant") {
        /// the fraction of the base rate
        factor: f64 = 1.0, Range::NON_NEGATIVE;
        /// how many steps the fraction lasts; 0 for the whole run
        steps: u64 = 0, Range::NON_NEGATIVE;
    }
}

impl Schedule for Constant {
    fn factor(&self, step: u64) -> f64 {
        // the whole run needs no resolving here: it ends when the run does
        if self.steps == 0 || step < self.steps { self.factor } else { 1.0 }
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
    fn zero_steps_are_the_whole_run() {
        let schedule = Constant { factor: 0.5, steps: 0 };
        assert_eq!([0, 1, u64::MAX].map(|e| schedule.factor(e)), [0.5; 3]);
    }
}
