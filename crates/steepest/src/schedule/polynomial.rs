use super::curve::{remaining, resolve_length};
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Polynomial>();

crate::settings! {
    /// Falls to a floor as a power of the steps that remain, and stays there.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = floor + (1 − floor)·(1 − min(e, T)/T)^power        T = steps
    /// ```
    ///
    /// # Differences
    /// torch's `total_iters` defaults to 5, here to the whole run; torch has no floor. optax's
    /// `polynomial_schedule` has it as `end_value`, and a `transition_begin`, which here is a
    /// `sequence` of a constant and this.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    /// [`ready`](Schedule::ready): the run's length is not known.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Polynomial, Schedule};
    /// let schedule = Polynomial { steps: 100, power: 2.0, floor: 0.0 };
    /// assert_eq!([0, 50, 100, 101].map(|e| schedule.factor(e)), [1.0, 0.25, 0.0, 0.0]);
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.PolynomialLR; in vision known as "poly" since Liu et al. 2015,
    /// "ParseNet: Looking Wider to See Better".
    pub struct Polynomial("polynomial") {
        /// steps until the floor is reached; 0 for the whole run
        steps: u64 = 0, Range::NON_NEGATIVE;
        /// the exponent: 1 is a line, above 1 falls early, below 1 falls late
        power: f64 = 1.0, Range::POSITIVE;
        /// the factor at the end
        floor: f64 = 0.0, Range::FRACTION;
    }
}

impl Schedule for Polynomial {
    fn factor(&self, step: u64) -> f64 {
        self.floor + (1.0 - self.floor) * remaining(step, self.steps).powf(self.power)
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
    fn never_rises_and_ends_at_the_floor() {
        for power in [0.3, 1.0, 2.5] {
            let schedule = Polynomial { steps: 77, power, floor: 0.05 };
            assert!((0..90).all(|e| schedule.factor(e + 1) <= schedule.factor(e)));
            assert_eq!((schedule.factor(0), schedule.factor(77)), (1.0, 0.05));
        }
    }
}
