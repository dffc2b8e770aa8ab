//! Gradient health: what the passes over a gradient tell about it, judged against its own past.

use std::fmt;

/// What is done with a step whose gradient has a value that is not finite, or that would leave one in the parameters or in the
/// state.
///
/// The second is looked for where it can come to that: where the norm of a gradient, the learning rate, or what a tensor already
/// holds, is beyond 2⁵⁰ (1e60 in f64). Such a step is taken on copies first, which takes memory and time; all others pay nothing.
/// Weights that were not finite before the step are the caller's, and are found where
/// [updates are measured](crate::Builder::measure_updates).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NonFinite {
    /// The step returns an error that names the tensor and the index; nothing is changed.
    #[default]
    Error,
    /// The step is skipped: parameters, state and step number stay bit-identical, and the report
    /// names the tensor and the index.
    Skip,
    /// Gradients are not read before the update, which saves 4 of AdamW's 32 bytes of traffic per
    /// parameter; a NaN goes into the parameters. With clipping by norm the read happens anyway
    /// and a gradient that is not finite is an error; what overflows later is not looked for.
    Unchecked,
}

/// What of a tensor is not finite, or would not be after the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NotFinite {
    /// Its gradient, as given.
    #[default]
    Gradient,
    /// The parameter, after the step that was refused.
    Parameter,
    /// This array or number of its state, after the step that was refused.
    State(&'static str),
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient => f.write_str("the gradient"),
            Self::Parameter => f.write_str("the parameter itself"),
            Self::State(name) => write!(f, "its state `{name}`"),
        }
    }
}

/// Where something of a tensor is not finite.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NonFiniteAt {
    /// The tensor's position in the order of `build`.
    pub tensor: usize,
    /// Index of the first such value in the flat tensor.
    pub index: usize,
    /// The value: NaN or an infinity.
    pub value: f64,
    /// How many such values it has.
    pub count: usize,
    /// What it is of the tensor that is not finite.
    pub what: NotFinite,
}

/// How a gradient's norm compares with its own past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verdict {
    /// Fewer than 20 gradients seen.
    #[default]
    Unknown,
    /// Within the usual range.
    Normal,
    /// More than 10 times, and more than 6 standard deviations of its logarithm, above the usual norm.
    Exploding,
    /// Less than a hundredth of, and more than 6 standard deviations of its logarithm below, the usual
    /// norm; or all zero.
    Vanishing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Normal => "normal",
            Self::Exploding => "exploding",
            Self::Vanishing => "vanishing",
        })
    }
}

/// What is known of one tensor's gradients.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TensorHealth {
    /// Euclidean norm of the last gradient, before clipping.
    pub norm: f64,
    /// Fraction of exact zeros in the last gradient, in `[0, 1]`.
    pub zeros: f64,
    /// `‖θ' − θ‖ / ‖θ‖` of the last measured step (see
    /// [`Builder::measure_updates`](crate::Builder::measure_updates)); healthy training is near
    /// 1e-3. `None` before the first measurement and for a parameter that is all zero.
    pub update_ratio: Option<f64>,
    /// The last gradient against its past.
    pub verdict: Verdict,
    /// How many gradients were seen.
    pub seen: u64,
    /// How many of them exploded.
    pub exploded: u64,
    /// How many of them vanished.
    pub vanished: u64,
    /// Mean of the norm's logarithm over the last gradients, about 50 of them.
    log_mean: f64,
    /// Its variance.
    log_variance: f64,
}

/// What stands for an update ratio that is not known: it is no ratio.
#[cfg(feature = "safetensors")]
const UNKNOWN: f64 = -1.0;

impl TensorHealth {
    const WARM_UP: u64 = 20;
    const MEMORY: f64 = 0.98;

    /// The usual norm: the geometric mean over the last gradients, about 50.
    pub fn usual_norm(&self) -> f64 {
        self.log_mean.exp()
    }

    /// Whether `norm` is more than 2 to the power of `doublings` times the usual one. Every step asks: the exponent, and in its place the
    /// mantissa, stand for the logarithm, which they are to a tenth of a doubling.
    pub(crate) fn is_far_above_usual(&self, norm: f64, doublings: f64) -> bool {
        let log2 = norm.to_bits().cast_signed() as f64 / (1u64 << 52) as f64 - 1023.0;
        self.seen > 0 && log2 - self.log_mean * std::f64::consts::LOG2_E > doublings
    }

    pub(crate) fn observe(&mut self, norm: f64, zeros: f64) {
        (self.norm, self.zeros) = (norm, zeros);
        self.seen += 1;
        let log = norm.max(f64::MIN_POSITIVE).ln();
        let (distance, spread) = (log - self.log_mean, 6.0 * self.log_variance.sqrt());
        self.verdict = if self.seen <= Self::WARM_UP {
            Verdict::Unknown
        } else if norm == 0.0 || distance < -spread.max(100f64.ln()) {
            Verdict::Vanishing
        } else if distance > spread.max(10f64.ln()) {
            Verdict::Exploding
        } else {
            Verdict::Normal
        };
        self.exploded += u64::from(self.verdict == Verdict::Exploding);
        self.vanished += u64::from(self.verdict == Verdict::Vanishing);
        // a zero gradient says nothing of the usual size; the first ones count equally
        if norm > 0.0 {
            let keep = Self::MEMORY.min(1.0 - 1.0 / self.seen as f64);
            self.log_mean += (1.0 - keep) * distance;
            self.log_variance = keep * (self.log_variance + (1.0 - keep) * distance * distance);
        }
    }
}

/// The history as a state file holds it.
#[cfg(feature = "safetensors")]
impl TensorHealth {
    /// How many numbers, and how many counts, hold all of it.
    pub(crate) const NUMBERS: usize = 5;
    pub(crate) const COUNTS: usize = 4;

    /// All of it as numbers, as a state file holds it.
    pub(crate) fn to_numbers(self) -> ([f64; Self::NUMBERS], [u64; Self::COUNTS]) {
        let ratio = self.update_ratio.unwrap_or(UNKNOWN);
        let numbers = [self.norm, self.zeros, ratio, self.log_mean, self.log_variance];
        (numbers, [self.seen, self.exploded, self.vanished, self.verdict as u64])
    }

    /// What [`to_numbers`](Self::to_numbers) gave.
    pub(crate) fn from_numbers(
        [norm, zeros, ratio, log_mean, log_variance]: [f64; Self::NUMBERS],
        [seen, exploded, vanished, verdict]: [u64; Self::COUNTS],
    ) -> Self {
        let verdicts = [Verdict::Unknown, Verdict::Normal, Verdict::Exploding, Verdict::Vanishing];
        let verdict = verdicts.into_iter().find(|v| *v as u64 == verdict).unwrap_or_default();
        let update_ratio = (ratio != UNKNOWN).then_some(ratio);
        Self { norm, zeros, update_ratio, verdict, seen, exploded, vanished, log_mean, log_variance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_gradient_is_normal_and_a_sudden_one_is_named() {
        let mut health = TensorHealth::default();
        for i in 0..100 {
            health.observe(1.0 + 0.1 * f64::from(i % 7), 0.0);
        }
        assert_eq!(health.verdict, Verdict::Normal);
        assert!((health.usual_norm() - 1.3).abs() < 0.1);
        health.observe(500.0, 0.0);
        assert_eq!(health.verdict, Verdict::Exploding);
        health.observe(1e-9, 0.0);
        assert_eq!(health.verdict, Verdict::Vanishing);
        assert_eq!((health.exploded, health.vanished), (1, 1));
    }

    #[test]
    fn a_gradient_that_shrinks_as_training_converges_is_normal() {
        let mut health = TensorHealth::default();
        for i in 0..2000 {
            health.observe((-0.01 * f64::from(i)).exp(), 0.0);
        }
        assert_eq!((health.exploded, health.vanished), (0, 0));
    }

    #[test]
    fn far_above_usual_is_counted_in_doublings() {
        let mut health = TensorHealth::default();
        assert!(!health.is_far_above_usual(1e300, 50.0), "nothing is usual yet");
        health.observe(3e-20, 0.0);
        for doublings in [1i32, 50, 200] {
            let at = |factor: f64| {
                health.is_far_above_usual(3e-20 * factor * 2f64.powi(doublings), doublings.into())
            };
            assert!(at(1.1) && !at(0.9));
        }
        assert!(!health.is_far_above_usual(0.0, 1.0));
    }

    #[test]
    fn all_zero_is_vanishing() {
        let mut health = TensorHealth::default();
        for _ in 0..30 {
            health.observe(0.0, 1.0);
        }
        assert_eq!(health.verdict, Verdict::Vanishing);
    }
}
