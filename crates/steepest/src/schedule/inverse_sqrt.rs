use super::entry::{ScheduleEntry, Traits};
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry =
    ScheduleEntry { traits: Traits { own_warmup: true }, ..ScheduleEntry::of::<InverseSqrt>() };

crate::settings! {
    /// A linear warm-up to the base rate, then a fall with the square root of the step.
    ///
    /// Known as the Noam schedule.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = min(n/w, √(w/n))        n = e + 1, w = warmup
    /// ```
    ///
    /// The factor is 1 at its peak, the `w`-th step.
    ///
    /// # Differences
    /// The paper's rate is d^−½·min(n^−½, n·w^−3/2) with the model's width d, which is this
    /// factor times (d·w)^−½; so is burn's NoamLrScheduler. To get the paper's rate take
    /// (d·w)^−½ as the base rate. torch and optax have no such schedule.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{InverseSqrt, Schedule};
    /// let schedule = InverseSqrt { warmup: 100 };
    /// assert_eq!([0, 49, 99, 399].map(|e| schedule.factor(e)), [0.01, 0.5, 1.0, 0.5]);
    /// ```
    ///
    /// # Source
    /// Vaswani et al. 2017, "Attention Is All You Need", equation (3).
    pub struct InverseSqrt("inverse_sqrt") {
        /// steps of the warm-up
        warmup: u64 = 4000, Range::AT_LEAST_ONE;
    }
}

impl Schedule for InverseSqrt {
    fn factor(&self, step: u64) -> f64 {
        let n = step as f64 + 1.0;
        let w = self.warmup.max(1) as f64;
        (n / w).min((w / n).sqrt())
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
    fn is_the_paper_s_rate() {
        let (d, w) = (512.0f64, 4000.0f64);
        let schedule = InverseSqrt { warmup: 4000 };
        for e in [0, 1, 100, 3998, 3999, 4000, 4001, 100_000] {
            let n = e as f64 + 1.0;
            let paper = d.powf(-0.5) * n.powf(-0.5).min(n * w.powf(-1.5));
            let ours = (d * w).powf(-0.5) * schedule.factor(e);
            // a handful of powers and square roots, each within an ulp
            assert!((ours / paper - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn rises_then_falls() {
        let schedule = InverseSqrt { warmup: 50 };
        assert!((0..49).all(|e| schedule.factor(e) < schedule.factor(e + 1)));
        assert!((49..500).all(|e| schedule.factor(e) > schedule.factor(e + 1)));
    }
}
