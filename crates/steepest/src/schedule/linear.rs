use super::curve::{linear_between, remaining, resolve_length};
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Linear>();

crate::settings! {
    /// A straight line from one fraction of the base rate to another, where it stays.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = start + (end − start)·min(e, T)/T        T = steps
    /// ```
    ///
    /// # Differences
    /// torch's LinearLR defaults to a warm-up (start 1/3, end 1, 5 steps); here the default is the
    /// decay to 0 over the whole run that other libraries call linear, and a warm-up is
    /// `warmup`. torch multiplies the rate of the step before, which agrees to
    /// rounding. optax's `linear_schedule` is the same in absolute rates.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    /// [`ready`](Schedule::ready): the run's length is not known.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Linear, Schedule};
    /// let schedule = Linear { steps: 100, start: 1.0, end: 0.5 };
    /// assert_eq!([0, 50, 100, 101].map(|e| schedule.factor(e)), [1.0, 0.75, 0.5, 0.5]);
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.LinearLR.
    pub struct Linear("linear") {
        /// steps from start to end; 0 for the whole run
        steps: u64 = 0, Range::NON_NEGATIVE;
        /// the factor at step 0
        start: f64 = 1.0, Range::NON_NEGATIVE;
        /// the factor from step `steps` on
        end: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl Schedule for Linear {
    fn factor(&self, step: u64) -> f64 {
        linear_between(self.start, self.end, remaining(step, self.steps))
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
    fn resolve(&mut self, total_steps: u64) {
        resolve_length(&mut self.steps, total_steps);
    }
    fn is_unresolved(&self) -> bool {
        self.steps == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exact_at_both_ends() {
        for (start, end) in [(1.0 / 3.0, 1.0), (0.1, 0.7), (1e-300, 1e300)] {
            let schedule = Linear { steps: 9, start, end };
            assert_eq!([schedule.factor(0), schedule.factor(9)], [start, end]);
            assert!((0..12).all(|e| schedule.factor(e + 1) >= schedule.factor(e)));
        }
    }
}
