use super::curve::{remaining, resolve_length};
use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::settings::{Range, Settings, Values};
use std::f64::consts::FRAC_PI_2;

pub(super) const ENTRY: ScheduleEntry = ScheduleEntry::of::<Cosine>();

crate::word_setting! {
    /// What [`Cosine`] does after its last step.
    pub enum AfterEnd {
        /// Stays at the floor, as in optax.
        #[default]
        Hold = "hold",
        /// Goes on along the cosine, up and down, as in torch.
        Oscillate = "oscillate",
    }
}

crate::settings! {
    /// Half a cosine from the base rate down to a floor.
    ///
    /// Slow at first, fast in the middle, slow at the end.
    ///
    /// # Formula
    /// ```text
    /// factor(e) = floor + (1 − floor)·((1 + cos(π·min(e, T)/T))/2)^exponent        T = steps
    /// ```
    ///
    /// With `after = "oscillate"` the `min` is left out.
    ///
    /// # Differences
    /// torch's CosineAnnealingLR oscillates after `T_max`, has no exponent, and takes the floor as
    /// a rate (`eta_min` = floor·base); optax's `cosine_decay_schedule` holds, as here, and calls
    /// the floor `alpha`. Both compute 1 + cos, which cancels near the end; here it is
    /// 2·sin² of half the angle that remains, so the last small rates keep their precision.
    ///
    /// # Errors
    /// [`validate`](Schedule::validate): a setting outside its range.
    /// [`ready`](Schedule::ready): the run's length is not known.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::{Cosine, Schedule};
    /// let schedule = Cosine { steps: 100, floor: 0.1, ..Cosine::default() };
    /// assert_eq!([0, 100, 200].map(|e| schedule.factor(e)), [1.0, 0.1, 0.1]);
    /// assert!((schedule.factor(50) - 0.55).abs() < 1e-15);
    /// ```
    ///
    /// # Source
    /// Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    /// equation (5) without restarts.
    pub struct Cosine("cosine") {
        /// steps until the floor is reached; 0 for the whole run
        steps: u64 = 0, Range::NON_NEGATIVE;
        /// the factor at the end
        floor: f64 = 0.0, Range::FRACTION;
        /// a power of the cosine's fall: above 1 falls earlier
        exponent: f64 = 1.0, Range::POSITIVE;
        /// what happens after the last step
        after: AfterEnd = AfterEnd::Hold;
    }
}

impl Schedule for Cosine {
    fn factor(&self, step: u64) -> f64 {
        let step = match self.after {
            AfterEnd::Oscillate if self.steps > 0 => {
                // the way back up mirrors the way down; two lengths may not fit in a u64
                let (step, length) = (u128::from(step), u128::from(self.steps));
                let at = step % (2 * length);
                at.min(2 * length - at) as u64
            }
            _ => step,
        };
        let fall = (FRAC_PI_2 * remaining(step, self.steps)).sin().powi(2);
        self.floor + (1.0 - self.floor) * fall.powf(self.exponent)
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
    use std::f64::consts::PI;

    #[test]
    fn is_the_paper_s_formula() {
        let schedule = Cosine { steps: 90, floor: 0.02, ..Cosine::default() };
        for e in 0..=90 {
            let paper = 0.02 + 0.98 * (1.0 + (PI * e as f64 / 90.0).cos()) / 2.0;
            // the paper's 1 + cos carries an error of one ulp of 1
            assert!((schedule.factor(e) - paper).abs() < 4e-16);
        }
    }

    #[test]
    fn falls_strictly_and_keeps_its_precision_at_the_end() {
        let schedule = Cosine { steps: 1 << 40, ..Cosine::default() };
        let last = schedule.factor((1 << 40) - 1);
        let expected = (FRAC_PI_2 / (1u64 << 40) as f64).powi(2);
        assert!((last / expected - 1.0).abs() < 1e-15, "{last} {expected}");
        let schedule = Cosine { steps: 1000, ..Cosine::default() };
        assert!((0..1000).all(|e| schedule.factor(e + 1) < schedule.factor(e)));
    }

    #[test]
    fn oscillation_is_periodic_and_symmetric() {
        for steps in [1, 7, 50, u64::MAX / 2, u64::MAX] {
            let after = AfterEnd::Oscillate;
            let schedule = Cosine { steps, floor: 0.1, after, ..Cosine::default() };
            assert_eq!(schedule.factor(steps), 0.1);
            for k in 0..steps.min(20) {
                if let (Some(up), true) = (steps.checked_add(k), k <= steps) {
                    assert_eq!(schedule.factor(up), schedule.factor(steps - k), "{steps} {k}");
                }
            }
        }
    }
}
