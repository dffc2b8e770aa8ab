use super::curve::{remaining, resolve_length};
use super::entry::{ScheduleEntry, Traits};
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};
use std::f64::consts::PI;

pub(super) const ENTRY: ScheduleEntry =
    ScheduleEntry { traits: Traits { own_warmup: true }, ..ScheduleEntry::of::<CosineLog>() };

crate::settings! {
    /// Cosines from a floor up to the base rate and back, each twice as long as the last.
    ///
    /// It begins with a warm-up, comes down several times on the way, so that good weights may be found early, and ends at the
    /// floor after a last cycle of half of the run.
    ///
    /// # Formula
    /// ```text
    /// c         = log2(1 + (2^cycles − 1)·min(e, T)/T)                            T = steps
    /// factor(e) = floor + (1 − floor)·(1 − cos(2π·c))/2
    /// ```
    ///
    /// # Differences
    /// pytabkit calls it `coslog4`, with four cycles. torch, optax and Keras do not have it.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    /// [`ready`](Schedule::ready): the run's length is not known.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{CosineLog, Schedule};
    /// let schedule = CosineLog { steps: 150, ..CosineLog::default() };
    /// for low in [0, 10, 30, 70, 150] {
    ///     assert!(schedule.factor(low) < 1e-12);
    /// }
    /// assert!(schedule.factor(103) > 0.999);
    /// ```
    ///
    /// # Source
    /// Holzmüller, Grinsztajn and Steinwart 2024, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data",
    /// section 3, "Scheduling".
    pub struct CosineLog("cosine_log") {
        /// steps of the whole curve; 0 for the whole run
        steps: u64 = 0, Range::NON_NEGATIVE;
        /// how many cycles there are
        cycles: u64 = 4, Range::AT_LEAST_ONE;
        /// the factor that each cycle begins and ends at
        floor: f64 = 0.0, Range::FRACTION;
    }
}

impl Schedule for CosineLog {
    fn factor(&self, step: u64) -> f64 {
        // 2^cycles − 1, of which more than 2^1000 are no number
        let growth = (self.cycles.min(1000) as f64).exp2() - 1.0;
        let done = 1.0 - remaining(step, self.steps);
        let place = (growth * done).ln_1p() / std::f64::consts::LN_2;
        // (1 − cos 2πc)/2, which would cancel near the floor; at whole cycles the sine of a rounded multiple of π is no 0
        let rise = (PI * (place - place.round())).sin().powi(2);
        self.floor + (1.0 - self.floor) * rise
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
    fn is_the_paper_s_formula() {
        // section 3: ½ (1 − cos(2π log₂(1 + 15 t)))
        let schedule = CosineLog { steps: 977, ..CosineLog::default() };
        for e in 0..=977 {
            let t = e as f64 / 977.0;
            let paper = 0.5 * (1.0 - (2.0 * PI * (1.0 + 15.0 * t).log2()).cos());
            assert!((schedule.factor(e) - paper).abs() < 1e-14, "{e}");
        }
        assert_eq!(schedule.factor(u64::MAX), schedule.factor(977));
    }

    #[test]
    fn each_cycle_is_twice_as_long() {
        let schedule = CosineLog { steps: 70, cycles: 3, floor: 0.25 };
        let ends = [0, 10, 30, 70];
        assert!(ends.iter().all(|e| (schedule.factor(*e) - 0.25).abs() < 1e-12));
        let all: Vec<f64> = (0..=70).map(|e| schedule.factor(e)).collect();
        let low = (1..70).filter(|e| all[*e] < all[e - 1] && all[*e] <= all[e + 1]).collect::<Vec<_>>();
        assert_eq!(low, [10, 30]);
        assert!(all.iter().all(|factor| (0.25..=1.0).contains(factor)));
    }
}
