//! Lower the rate when a metric no longer improves.

use crate::error::{Error, Result};
use crate::page::{self, with_page};
use crate::settings::{Parameter, Range, Settings, Values};

crate::word_setting! {
    /// Which way a metric improves.
    pub enum Mode {
        /// Smaller is better.
        #[default]
        Min = "min",
        /// Larger is better.
        Max = "max",
    }
}

crate::word_setting! {
    /// What the threshold of [`PlateauSettings`] is measured in.
    pub enum ThresholdMode {
        /// As a fraction of the best metric.
        #[default]
        Relative = "rel",
        /// In the metric's own unit.
        Absolute = "abs",
    }
}

crate::settings! {
    /// The settings of [`ReduceOnPlateau`].
    pub struct PlateauSettings("reduce_on_plateau") {
        /// what the rate is multiplied with
        factor: f64 = 0.1, Range::new(0.0, true, 1.0, true);
        /// how many observations without improvement are forgiven
        patience: u64 = 10, Range::NON_NEGATIVE;
        /// how much better than the best a metric must be to count
        threshold: f64 = 1e-4, Range::NON_NEGATIVE;
        /// whether the threshold is a fraction of the best or a difference from it
        threshold_mode: ThresholdMode = ThresholdMode::Relative;
        /// observations after a reduction during which none is counted as bad
        cooldown: u64 = 0, Range::NON_NEGATIVE;
        /// the smallest factor of the base rate
        min_factor: f64 = 0.0, Range::FRACTION;
        /// a reduction by no more than this fraction of the base rate is left out
        smallest_change: f64 = 1e-8, Range::NON_NEGATIVE;
        /// whether the metric is better when smaller or when larger
        mode: Mode = Mode::Min;
    }
}

with_page! {
    /// Lowers the rate when a metric no longer improves.
    ///
    /// # Formula
    /// ```text
    /// better:  a < best·(1 − threshold)   (min, rel)      a < best − threshold   (min, abs)
    ///          a > best·(1 + threshold)   (max, rel)      a > best + threshold   (max, abs)
    /// if better: best = a, bad = 0;  else: bad = bad + 1
    /// if cooling down: bad = 0, one observation less to cool down
    /// if bad > patience: f ← max(f·factor, min_factor), bad = 0, cool down for `cooldown` observations
    /// ```
    ///
    /// `f` is the factor of the learning rate, from 1 on. A metric that is NaN is never better, so it counts as bad.
    ///
    /// # State
    /// [`PlateauState`]: the factor, the best metric, two counters. Saved and restored exactly.
    ///
    /// # Differences
    /// From torch's ReduceLROnPlateau, none in what it does. Its `min_lr` and `eps` are rates; here
    /// they are fractions of the base rate, `min_factor` and `smallest_change`. As in torch, a
    /// relative threshold with a negative metric asks for less than no improvement (equal counts as
    /// better): use `threshold_mode = "abs"` there. optax's `reduce_on_plateau` fires one observation
    /// earlier (when bad reaches patience) and has both thresholds at once.
    ///
    /// # Errors
    /// [`new`](Self::new): a setting outside its range; [`Error::Conflict`] for a relative threshold
    /// of 1 or more with `mode = "min"`, which no positive metric can pass.
    ///
    /// # Example
    /// ```
    /// use steepest::schedule::plateau::{PlateauSettings, ReduceOnPlateau};
    /// let settings = PlateauSettings { patience: 1, factor: 0.5, ..Default::default() };
    /// let mut schedule = ReduceOnPlateau::new(settings)?;
    /// assert!(!schedule.observe(0.30)); // the best so far
    /// assert!(!schedule.observe(0.31)); // bad, forgiven
    /// assert!(schedule.observe(0.30)); // bad, no better than the best: reduced
    /// assert_eq!(schedule.factor(), 0.5);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// torch.optim.lr_scheduler.ReduceLROnPlateau.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ReduceOnPlateau {
        settings: PlateauSettings,
        state: PlateauState,
    }
}

/// What [`ReduceOnPlateau`] remembers.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PlateauState {
    /// The factor of the base rate.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub factor: f64,
    /// The best metric so far; none before the first that is better than nothing.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    pub best: Option<f64>,
    /// Observations since the best or the last reduction.
    pub bad: u64,
    /// Observations left to cool down.
    pub cooling_down: u64,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { factor: 1.0, best: None, bad: 0, cooling_down: 0 }
    }
}

impl ReduceOnPlateau {
    /// Its name in files and on the command line.
    pub const NAME: &'static str = PlateauSettings::OWNER;

    /// What it does, in one sentence.
    pub fn summary() -> String {
        page::summary(Self::PAGE)
    }

    /// The table of settings: name, meaning, default, valid values.
    pub fn parameters() -> Vec<Parameter> {
        PlateauSettings::parameters()
    }

    /// With factor 1 and nothing observed.
    pub fn new(settings: PlateauSettings) -> Result<Self> {
        settings.check_ranges()?;
        let relative = settings.threshold_mode == ThresholdMode::Relative;
        if relative && settings.mode == Mode::Min && settings.threshold >= 1.0 {
            return Err(Error::Conflict {
                owner: Self::NAME,
                conflict: format!("no positive metric is better by {} times the best", settings.threshold),
                remedy: "set threshold below 1, or threshold_mode = \"abs\"".to_owned(),
            });
        }
        Ok(Self { settings, state: PlateauState::default() })
    }

    /// The same from a file's settings.
    pub fn from_values(values: &Values) -> Result<Self> {
        Self::new(PlateauSettings::from_values(values)?)
    }

    /// Takes the next value of the metric; `true` if the factor went down.
    pub fn observe(&mut self, metric: f64) -> bool {
        let (settings, state) = (&self.settings, &mut self.state);
        let best = state.best.unwrap_or(match settings.mode {
            Mode::Min => f64::INFINITY,
            Mode::Max => f64::NEG_INFINITY,
        });
        let threshold = settings.threshold;
        let better = match (settings.mode, settings.threshold_mode) {
            (Mode::Min, ThresholdMode::Relative) => metric < best * (1.0 - threshold),
            (Mode::Min, ThresholdMode::Absolute) => metric < best - threshold,
            (Mode::Max, ThresholdMode::Relative) => metric > best * (1.0 + threshold),
            (Mode::Max, ThresholdMode::Absolute) => metric > best + threshold,
        };
        if better {
            state.best = Some(metric);
            state.bad = 0;
        } else {
            state.bad = state.bad.saturating_add(1);
        }
        if state.cooling_down > 0 {
            state.cooling_down -= 1;
            state.bad = 0;
        }
        if state.bad <= settings.patience {
            return false;
        }
        state.bad = 0;
        state.cooling_down = settings.cooldown;
        let reduced = (state.factor * settings.factor).max(settings.min_factor);
        // as in torch, a change too small to matter is left out, and counts as a reduction all the same
        let changes = state.factor - reduced > settings.smallest_change;
        if changes {
            state.factor = reduced;
        }
        changes
    }

    /// The factor of the base rate.
    pub fn factor(&self) -> f64 {
        self.state.factor
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &PlateauSettings {
        &self.settings
    }

    /// What must be saved to go on later.
    pub fn state(&self) -> &PlateauState {
        &self.state
    }

    /// Goes on from a saved state, made with the same settings.
    pub fn restore(&mut self, state: PlateauState) {
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut PlateauSettings)) -> ReduceOnPlateau {
        let mut settings = PlateauSettings { factor: 0.5, patience: 2, ..Default::default() };
        change(&mut settings);
        ReduceOnPlateau::new(settings).unwrap()
    }

    /// At which observations, from 0, the factor went down.
    fn reductions(schedule: &mut ReduceOnPlateau, metrics: &[f64]) -> Vec<usize> {
        (0..metrics.len()).filter(|i| schedule.observe(metrics[*i])).collect()
    }

    #[test]
    fn nan_is_bad_also_as_the_first() {
        assert_eq!(reductions(&mut with(|_| ()), &[f64::NAN; 7]), [2, 5]);
        assert_eq!(reductions(&mut with(|_| ()), &[1.0, f64::NAN, f64::NAN, f64::NAN]), [3]);
    }

    #[test]
    fn cooldown_counts_nothing_as_bad() {
        let mut schedule = with(|s| s.cooldown = 4);
        // the first is best; then 3 bad reduce; 4 cool down; 3 bad reduce
        assert_eq!(reductions(&mut schedule, &[1.0; 12]), [3, 10]);
    }

    #[test]
    fn the_floor_and_the_smallest_change_hold() {
        let mut schedule = with(|s| (s.patience, s.min_factor) = (0, 0.3));
        assert_eq!(reductions(&mut schedule, &[1.0; 9]), [1, 2]);
        assert_eq!(schedule.factor(), 0.3);
        let mut schedule = with(|s| (s.patience, s.smallest_change) = (0, 0.2));
        assert_eq!(reductions(&mut schedule, &[1.0; 9]), [1, 2]);
        assert_eq!(schedule.factor(), 0.25);
    }

    #[test]
    fn larger_is_better_when_told_so() {
        let rising: Vec<f64> = (0..20).map(f64::from).collect();
        assert!(reductions(&mut with(|s| s.mode = Mode::Max), &rising).is_empty());
        assert!(!reductions(&mut with(|_| ()), &rising).is_empty());
    }

    #[test]
    fn a_saved_state_goes_on_as_if_never_interrupted() {
        let metrics: Vec<f64> = (0..60).map(|i| 1.0 / 3.0 + f64::from(i * 7 % 11) / 10.0).collect();
        for cut in 0..60 {
            let mut whole = with(|s| s.cooldown = 3);
            let expected = reductions(&mut whole, &metrics);
            let mut first = with(|s| s.cooldown = 3);
            let mut found = reductions(&mut first, &metrics[..cut]);
            let text = serde_json::to_string(first.state()).unwrap();
            let mut second = with(|s| s.cooldown = 3);
            second.restore(serde_json::from_str(&text).unwrap());
            assert_eq!(second, first);
            found.extend(reductions(&mut second, &metrics[cut..]).iter().map(|i| i + cut));
            assert_eq!(found, expected);
            assert_eq!(second, whole);
        }
    }

    #[test]
    fn an_impossible_threshold_is_refused() {
        let settings = PlateauSettings { threshold: 1.0, ..Default::default() };
        assert!(matches!(ReduceOnPlateau::new(settings), Err(Error::Conflict { .. })));
    }
}
