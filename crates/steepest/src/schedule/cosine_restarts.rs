use super::curve::{cosine_between, remaining};
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<CosineRestarts>();

crate::settings! {
    /// Half a cosine down to a floor, then again from the top, each period longer if wished.
    ///
    /// # Formula
    /// ```text
    /// P_i = period·growth^i                       the length of period i = 0, 1, …
    /// c   = e − (P_0 + … + P_{i−1})               steps since the last restart, c < P_i
    /// factor(e) = floor + (1 − floor)·(1 + cos(π·c/P_i))/2
    /// ```
    ///
    /// # Differences
    /// torch's CosineAnnealingWarmRestarts calls them `T_0`, `T_mult` and `eta_min` = floor·base,
    /// and has no default period. Its `step(epoch)` finds the period by a logarithm, which can be
    /// one off in a long run; here it is found in integers. optax: `sgdr_schedule`, with a warm-up in each
    /// period.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{CosineRestarts, Schedule};
    /// let schedule = CosineRestarts { period: 10, growth: 2, floor: 0.0 };
    /// assert_eq!([0, 10, 30, 70].map(|e| schedule.factor(e)), [1.0; 4]);
    /// assert!((schedule.factor(20) - 0.5).abs() < 1e-15);
    /// ```
    ///
    /// # Source
    /// Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    /// equation (5).
    pub struct CosineRestarts("cosine_restarts") {
        /// steps of the first period
        period: u64 = 1000, Range::AT_LEAST_ONE;
        /// how many times longer each period is than the one before
        growth: u64 = 1, Range::AT_LEAST_ONE;
        /// the factor that each period ends at
        floor: f64 = 0.0, Range::FRACTION;
    }
}

impl CosineRestarts {
    /// Steps since the last restart, and the length of the period they lie in.
    fn place(&self, step: u64) -> (u64, u64) {
        // max(1): total also for zeros, which `validate` refuses
        let mut length = self.period.max(1);
        if self.growth <= 1 {
            return (step % length, length);
        }
        // each round at least doubles the length: 64 rounds at most
        let mut since = step;
        while since >= length {
            since -= length;
            length = length.saturating_mul(self.growth);
        }
        (since, length)
    }
}

impl Schedule for CosineRestarts {
    fn factor(&self, step: u64) -> f64 {
        let (since, length) = self.place(step);
        cosine_between(1.0, self.floor, remaining(since, length))
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
    fn periods_follow_each_other_without_gap() {
        for growth in [1, 2, 3] {
            let schedule = CosineRestarts { period: 3, growth, floor: 0.0 };
            let (mut period, mut since) = (3, 0);
            for e in 0..5000 {
                assert_eq!(schedule.place(e), (since, period));
                since += 1;
                if since == period {
                    (since, period) = (0, period * growth);
                }
            }
        }
    }

    #[test]
    fn long_runs_keep_their_place() {
        // the sum of the first 62 periods is 2⁶² − 1, where a logarithm rounds to the wrong period
        let schedule = CosineRestarts { period: 1, growth: 2, floor: 0.0 };
        assert_eq!(schedule.place((1 << 62) - 1), (0, 1 << 62));
        assert_eq!(schedule.place((1 << 62) - 2), ((1 << 61) - 1, 1 << 61));
        assert_eq!(schedule.place(u64::MAX), (0, u64::MAX));
    }
}
