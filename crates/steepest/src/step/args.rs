//! What a step is given beside its slots, and what it says of itself.

use crate::health::NonFiniteAt;

/// The arguments of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepArgs {
    /// The learning rate η, in `[0, ∞)`.
    pub lr: f64,
    /// What every gradient is multiplied by before anything else sees it: the inverse of a loss
    /// scale, or of a number of accumulated batches. Finite in f32; default 1.
    pub gradient_scale: f64,
    /// The loss at the parameters that the gradient belongs to: needed by rules that compute their step
    /// from it, such as [`Polyak`](crate::Polyak), ignored by all others. Default: not given.
    pub loss: Option<f64>,
}

impl Default for StepArgs {
    /// A rate of 0, which is to be given: `StepArgs { lr: 1e-3, loss: Some(loss), ..StepArgs::default() }`.
    fn default() -> Self {
        Self { lr: 0.0, gradient_scale: 1.0, loss: None }
    }
}

impl From<f64> for StepArgs {
    fn from(lr: f64) -> Self {
        Self { lr, ..Self::default() }
    }
}

impl From<f32> for StepArgs {
    fn from(lr: f32) -> Self {
        Self::from(f64::from(lr))
    }
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The number of steps taken so far, this one included unless it was skipped.
    pub step: u64,
    /// Euclidean norm of all gradients before clipping (and after `gradient_scale`); `None` when
    /// nothing needed the gradients to be read beforehand.
    pub gradient_norm: Option<f64>,
    /// The smallest factor that clipping by norm gave any tensor: 1 when nothing was clipped.
    pub clip_factor: f64,
    /// Why the step was skipped, under [`NonFinite::Skip`](crate::NonFinite::Skip).
    pub skipped: Option<NonFiniteAt>,
    /// The first tensor, in the order of `build`, whose weights were not finite before this step or are not after it: looked at on
    /// the steps that [measure updates](crate::Builder::measure_updates).
    pub non_finite_update: Option<usize>,
}

impl StepReport {
    /// That of a step about which nothing is known yet.
    pub(crate) fn new(step: u64) -> Self {
        Self { step, gradient_norm: None, clip_factor: 1.0, skipped: None, non_finite_update: None }
    }
}
