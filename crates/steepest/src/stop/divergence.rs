use super::rule::{Best, RuleState, Seen, StopRule};
use super::words::{Count, Short};
use crate::settings::Range;
use std::fmt;

crate::settings! {
    /// Stops when the training loss runs away from where it began.
    ///
    /// ```text
    /// fires when loss > factor·max(|first|, |best|) in `patience` observations in a row,
    /// or at once when the loss is NaN or infinite
    /// ```
    ///
    /// The bound is taken from where the run began, not from the best loss: a loss near zero is
    /// multiplied by a large number by any hard batch, and such a run is healthy. (`best` enters
    /// for losses below zero, whose first value may be small.) So a run that falls back to where it
    /// began has not diverged by this rule; `no_improvement` stops it.
    pub struct Divergence("divergence") {
        /// how many times above where it began the loss must be
        factor: f64 = 4.0, Range::new(1.0, true, f64::INFINITY, true);
        /// observations in a row above the bound
        patience: u64 = 10, Range::AT_LEAST_ONE;
    }
}

/// The loss ran away, as [`Divergence`] says.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Diverged {
    /// The training loss.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub loss: f64,
    /// The first finite loss; none if there was none.
    pub first: Option<f64>,
    /// What the loss was above; none when it is not finite.
    pub bound: Option<f64>,
    /// Observations in a row above the bound.
    pub observations: u64,
}

impl StopRule for Divergence {
    type Why = Diverged;
    const FAILURE: bool = true;
    fn judge(&self, seen: &Seen<'_>, memory: &mut RuleState) -> Option<Option<Diverged>> {
        let loss = seen.progress.loss?;
        if !loss.is_finite() {
            memory.bad = memory.bad.saturating_add(1);
            let (first, observations) = (memory.first, memory.bad);
            return Some(Some(Diverged { loss, first, bound: None, observations }));
        }
        let first = *memory.first.get_or_insert(loss);
        let best = memory.best.map_or(loss, |best| best.value.min(loss));
        // only the value matters here
        memory.best = Some(Best { value: best, step: 0, epoch: 0.0 });
        let bound = self.factor * first.abs().max(best.abs());
        // a run that began at exactly 0 and never was elsewhere gives no scale to measure by
        memory.bad = if bound > 0.0 && loss > bound { memory.bad.saturating_add(1) } else { 0 };
        let (first, bound, observations) = (Some(first), Some(bound), memory.bad);
        Some((memory.bad >= self.patience).then_some(Diverged { loss, first, bound, observations }))
    }
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loss = self.loss;
        match (self.first, self.bound) {
            (Some(first), Some(bound)) => write!(
                f,
                "the training loss {} is above {} for {}; it began at {}",
                Short(loss),
                Short(bound),
                Count(self.observations as f64, "observation"),
                Short(first)
            ),
            (Some(first), None) => write!(f, "the training loss is {loss}; it began at {}", Short(first)),
            (None, _) => write!(f, "the training loss is {loss} from the beginning"),
        }
    }
}
