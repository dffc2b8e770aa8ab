//! Gradient clipping. The coefficient is folded into the update: the gradient is read once more,
//! never rewritten.

use crate::error::Result;
use crate::settings::{Range, check_field};

/// How gradients are bounded before the update.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Clip {
    /// Each element to `[-c, c]`. Needs no extra read.
    Value(f64),
    /// Each tensor's gradient to a Euclidean norm of at most `c`:
    /// `g ← g·min(1, c/(‖g‖ + 1e-6))`.
    TensorNorm(f64),
    /// All gradients together to a Euclidean norm of at most `c`, as `torch.nn.utils.clip_grad_norm_`:
    /// `g ← g·min(1, c/(‖g‖ + 1e-6))` with the norm over all tensors (Pascanu et al., 2013).
    GlobalNorm(f64),
    /// Each unit's gradient to at most `factor` times the norm of its weights:
    /// `g ← g·min(1, factor·max(‖w‖, eps)/‖g‖)` (Brock et al., 2021, equation 3). Typical: 0.01, 1e-3.
    Adaptive {
        /// The largest ratio of a unit's gradient norm to its weight norm.
        factor: f64,
        /// Weight norms below this count as this, so that zero weights can move.
        eps: f64,
    },
}

impl Clip {
    pub(crate) fn check(&self) -> Result<()> {
        let positive = |setting, value: f64| check_field("clip", setting, &value, Range::POSITIVE);
        match self {
            Self::Value(c) => positive("value", *c),
            Self::TensorNorm(c) => positive("tensor norm", *c),
            Self::GlobalNorm(c) => positive("global norm", *c),
            Self::Adaptive { factor, eps } => {
                positive("factor", *factor)?;
                positive("eps", *eps)
            }
        }
    }
}

/// The factor that brings a gradient of norm `norm` to at most `most`: torch's formula.
pub(crate) fn coefficient(norm: f64, most: f64) -> f64 {
    (most / (norm + 1e-6)).min(1.0)
}
