use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<InverseTime>();

crate::settings! {
    /// Falls as one over the time: the classic rate of stochastic approximation.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = 1/(1 + β·e)        β = beta
    /// ```
    ///
    /// With the base rate α the rate is the classic α/(1 + β·e). Its sum over all steps diverges
    /// and the sum of its squares converges, which is what Robbins and Monro's proof asks for. After
    /// 1/β steps it is halved.
    ///
    /// # Differences
    /// torch and optax have no such schedule; Keras calls it InverseTimeDecay, with
    /// β = decay_rate/decay_steps.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{InverseTime, Schedule};
    /// let schedule = InverseTime { beta: 0.01 };
    /// assert_eq!([0, 100, 300].map(|e| schedule.factor(e)), [1.0, 0.5, 0.25]);
    /// ```
    ///
    /// # Source
    /// Robbins and Monro 1951, "A Stochastic Approximation Method" (sequences of type 1/n); Bottou
    /// 2012, "Stochastic Gradient Descent Tricks", section 5.
    pub struct InverseTime("inverse_time") {
        /// how fast it falls, per step: after 1/beta steps the rate is halved
        beta: f64 = 0.001, Range::NON_NEGATIVE;
    }
}

impl Schedule for InverseTime {
    fn factor(&self, step: u64) -> f64 {
        1.0 / (1.0 + self.beta * step as f64)
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
    fn falls_strictly() {
        let schedule = InverseTime { beta: 0.3 };
        assert!((0..1000).all(|e| schedule.factor(e + 1) < schedule.factor(e)));
    }
}
