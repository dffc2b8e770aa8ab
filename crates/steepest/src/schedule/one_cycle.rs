use super::curve::{cosine_between, linear_between, resolve_length};
use super::entry::{ScheduleEntry, Traits};
use super::factor::Schedule;
use crate::error::{Error, Result};
use crate::settings::{Range, Settings, Values};

pub(super) const ENTRY: ScheduleEntry =
    ScheduleEntry { traits: Traits { own_warmup: true }, ..ScheduleEntry::of::<OneCycle>() };

crate::word_setting! {
    /// The shape of [`OneCycle`]'s phases.
    pub enum Anneal {
        /// Half a cosine.
        #[default]
        Cosine = "cos",
        /// A straight line.
        Linear = "linear",
    }
}

crate::settings! {
    /// Up to the base rate, then down far below where it began: one cycle for the whole run.
    ///
    /// # Formula
    /// ```text
    /// two phases:   1/D → 1          from e = 0 to rise·T − 1
    ///               1 → 1/(D·F)      from there to T − 1
    /// three phases: 1/D → 1          from e = 0 to rise·T − 1
    ///               1 → 1/D          from there to 2·rise·T − 2
    ///               1/D → 1/(D·F)    from there to T − 1
    /// T = steps, D = initial_divisor, F = final_divisor
    /// ```
    ///
    /// Within a phase from a to b, of which the part p is over, the factor is
    /// b + (a − b)·(1 + cos πp)/2, or a + (b − a)·p. The base rate is the highest rate; it is worth
    /// taking higher than for a constant rate. After T − 1 the last value stays.
    ///
    /// # Differences
    /// torch's OneCycleLR takes the highest rate as `max_lr`, fails after its last step where this
    /// holds, and moves the momentum the opposite way (`cycle_momentum`), which a schedule of the
    /// rate does not. optax's `cosine_onecycle_schedule` puts the ends of the phases at
    /// ⌊pct_start·T⌋ and T.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range; [`Error::Conflict`] when three
    /// phases rise for more than half of the steps.
    /// [`ready`](Schedule::ready): the run's length is not known.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{OneCycle, Schedule};
    /// let schedule = OneCycle { steps: 100, ..OneCycle::default() };
    /// assert!((schedule.factor(0) - 1.0 / 25.0).abs() < 1e-15);
    /// assert_eq!(schedule.factor(29), 1.0);
    /// assert_eq!(schedule.factor(99), 1.0 / 25.0 / 1e4);
    /// ```
    ///
    /// # Source
    /// Smith and Topin 2018, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    /// Learning Rates" (three phases, lines); the form and its defaults are those of
    /// torch.optim.lr_scheduler.OneCycleLR.
    pub struct OneCycle("one_cycle") {
        /// steps of the cycle; 0 for the whole run
        steps: u64 = 0, Range::NON_NEGATIVE;
        /// the part of the steps in which the rate rises
        rise: f64 = 0.3, Range::FRACTION;
        /// how many times lower than the base rate it begins
        initial_divisor: f64 = 25.0, Range::AT_LEAST_ONE;
        /// how many times lower than at the beginning it ends
        final_divisor: f64 = 1e4, Range::AT_LEAST_ONE;
        /// back to the beginning first, as fast as it rose, and only then further down
        three_phase: bool = false;
        /// the shape of each phase
        anneal: Anneal = Anneal::Cosine;
    }
}

impl Schedule for OneCycle {
    fn factor(&self, step: u64) -> f64 {
        let initial = 1.0 / self.initial_divisor;
        let last = initial / self.final_divisor;
        if self.steps == 0 {
            return f64::NAN;
        }
        let total = self.steps as f64;
        // where each phase ends, and the factor there
        let rise = (self.rise * total - 1.0, 1.0);
        let fall = (total - 1.0, last);
        let back = (2.0 * self.rise * total - 2.0, initial);
        let phases: &[_] = if self.three_phase { &[rise, back, fall] } else { &[rise, fall] };

        let (mut begin, mut from) = (0.0, initial);
        for &(end, to) in phases {
            if step as f64 <= end {
                let length = end - begin;
                // a phase of no length is over when it begins
                let remaining = if length > 0.0 { (end - step as f64) / length } else { 0.0 };
                return match self.anneal {
                    Anneal::Cosine => cosine_between(from, to, remaining),
                    Anneal::Linear => linear_between(from, to, remaining),
                };
            }
            (begin, from) = (end, to);
        }
        last
    }
    fn name(&self) -> &'static str {
        Self::OWNER
    }
    fn values(&self) -> Values {
        Settings::values(self)
    }
    fn validate(&self) -> Result<()> {
        self.check_ranges()?;
        if self.three_phase && self.rise > 0.5 {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!(
                    "with three phases the rate rises and falls back in 2·rise = {} of the steps",
                    2.0 * self.rise
                ),
                remedy: "set rise to at most 0.5, or three_phase = false".to_owned(),
            });
        }
        Ok(())
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
    fn rises_to_one_and_falls_to_the_end() {
        for three_phase in [false, true] {
            for anneal in [Anneal::Cosine, Anneal::Linear] {
                let schedule = OneCycle { steps: 200, three_phase, anneal, ..OneCycle::default() };
                let factors: Vec<f64> = (0..200).map(|e| schedule.factor(e)).collect();
                assert_eq!(factors[59], 1.0);
                assert!(factors[..60].is_sorted());
                assert!(factors[59..].is_sorted_by(|a, b| a >= b));
                assert_eq!(factors[199], 1.0 / 25.0 / 1e4);
                assert_eq!(schedule.factor(u64::MAX), factors[199]);
            }
        }
    }

    #[test]
    fn three_phases_fall_back_as_fast_as_they_rose() {
        let schedule = OneCycle { steps: 101, three_phase: true, ..OneCycle::default() };
        // rise·T − 1 = 29.3; the middle phase mirrors the first about it
        let (before, after) = (schedule.factor(29), schedule.factor(30));
        assert!(before < 1.0 && after < before);
        let refused = OneCycle { rise: 0.6, three_phase: true, ..OneCycle::default() };
        assert!(matches!(refused.validate(), Err(Error::Conflict { .. })));
    }

    #[test]
    fn short_cycles_and_extreme_rises_are_total() {
        for steps in 1..6 {
            for rise in [0.0, 0.3, 0.5, 1.0 / steps as f64, 1.0] {
                for three_phase in [false, true] {
                    let schedule = OneCycle { steps, rise, three_phase, ..OneCycle::default() };
                    for e in 0..9 {
                        let factor = schedule.factor(e);
                        assert!((0.0..=1.0).contains(&factor), "{schedule:?} {e}: {factor}");
                    }
                }
            }
        }
    }
}
