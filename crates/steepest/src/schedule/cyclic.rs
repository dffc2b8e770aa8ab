use super::curve::power;
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Cyclic>();

crate::word_setting! {
    /// How [`Cyclic`]'s peaks change.
    pub enum CyclicMode {
        /// All peaks are the base rate.
        #[default]
        Triangular = "triangular",
        /// Each peak is half as far above `low` as the one before.
        Triangular2 = "triangular2",
        /// The height above `low` is multiplied by gamma in every step.
        ExpRange = "exp_range",
    }
}

crate::settings! {
    /// Up and down along straight lines, over and over, each peak lower if wished.
    ///
    /// # Formula
    /// ```text
    /// k = e mod (up + down),  c = ⌊e/(up + down)⌋
    /// s = k/up                  if k ≤ up
    ///   = (up + down − k)/down  otherwise
    /// f = 1 (triangular), 2^−c (triangular2), γ^e (exp_range)
    /// factor(e) = low + (1 − low)·s·f
    /// ```
    ///
    /// The base rate is the highest rate.
    ///
    /// # Differences
    /// torch's CyclicLR takes both ends as rates, `base_lr` = low·base and `max_lr` = base, has no
    /// default for either, and moves the momentum the opposite way (`cycle_momentum`), which a
    /// schedule of the rate does not. optax has no such schedule.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Cyclic, Schedule};
    /// let schedule = Cyclic { low: 0.2, up: 4, ..Cyclic::default() };
    /// assert_eq!([0, 4, 8, 12].map(|e| schedule.factor(e)), [0.2, 1.0, 0.2, 1.0]);
    /// assert!((schedule.factor(2) - 0.6).abs() < 1e-15);
    /// ```
    ///
    /// # Source
    /// Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.
    pub struct Cyclic("cyclic") {
        /// the lowest factor; the paper takes a third or a quarter
        low: f64 = 0.25, Range::FRACTION;
        /// steps from the lowest to the highest rate
        up: u64 = 2000, Range::AT_LEAST_ONE;
        /// steps back; 0 for as many as up
        down: u64 = 0, Range::NON_NEGATIVE;
        /// how the peaks change
        mode: CyclicMode = CyclicMode::Triangular;
        /// what exp_range multiplies the height with, in every step
        gamma: f64 = 1.0, Range::POSITIVE;
    }
}

impl Schedule for Cyclic {
    fn factor(&self, step: u64) -> f64 {
        // the sum of both may not fit in a u64
        let up = u128::from(self.up.max(1));
        let down = if self.down == 0 { up } else { u128::from(self.down) };
        let (cycle, at) = (u128::from(step) / (up + down), u128::from(step) % (up + down));
        let height = if at <= up { at as f64 / up as f64 } else { (up + down - at) as f64 / down as f64 };
        let scale = match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Triangular2 => (-(cycle as f64)).exp2(),
            CyclicMode::ExpRange => power(self.gamma, step),
        };
        // the sum may round to infinity only where the scale is already at its bound
        (self.low + (1.0 - self.low) * (height * scale)).min(f64::MAX)
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
    fn touches_both_ends_in_every_cycle() {
        let schedule = Cyclic { low: 0.1, up: 10, down: 23, ..Cyclic::default() };
        for cycle in 0..50 {
            assert_eq!(schedule.factor(cycle * 33), 0.1);
            assert_eq!(schedule.factor(cycle * 33 + 10), 1.0);
        }
    }

    #[test]
    fn neighbours_differ_by_one_slope() {
        let schedule = Cyclic { low: 0.1, up: 10, down: 30, ..Cyclic::default() };
        for e in 0..400 {
            let slope = schedule.factor(e + 1) - schedule.factor(e);
            let expected = if e % 40 < 10 { 0.09 } else { -0.03 };
            // a difference of numbers up to 1
            assert!((slope - expected).abs() < 1e-15, "{e}: {slope}");
        }
    }

    #[test]
    fn peaks_halve_in_triangular2() {
        let mode = CyclicMode::Triangular2;
        let schedule = Cyclic { low: 0.0, up: 5, mode, ..Cyclic::default() };
        assert_eq!([5, 15, 25].map(|e| schedule.factor(e)), [1.0, 0.5, 0.25]);
    }
}
