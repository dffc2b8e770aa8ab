//! What happens to a gradient and a parameter before the rule sees them.

use crate::dtype::DType;
use crate::float::Float;
use crate::real::Real;

/// What a step does to a gradient and a parameter before the rule sees them.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Prologue<T> {
    /// `g ← scale·g`: loss scale and clipping by norm.
    pub scale: T,
    /// `g ← clamp(g, ±limit)`: clipping by value.
    pub limit: T,
    /// `g ← g + coupled·θ`.
    pub coupled: T,
    /// `θ ← keep·θ`: 1 − ηλ of decoupled decay.
    pub keep: T,
}

impl Prologue<f64> {
    pub(crate) fn round<T: Real>(&self) -> Prologue<T> {
        Prologue {
            scale: T::of(self.scale),
            limit: T::of(self.limit),
            coupled: T::of(self.coupled),
            keep: T::of(self.keep),
        }
    }
}

impl<T: Real> Prologue<T> {
    /// Whether nothing is done to the gradient but to take subnormal numbers for zero.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.scale == T::of(1.0) && self.limit == T::of(f64::INFINITY) && self.coupled == T::of(0.0)
    }

    /// What the rule gets for the gradient `g` of `theta`.
    #[inline(always)]
    fn gradient(&self, g: T, theta: T) -> T {
        (g.flush() * self.scale).clamp_to(self.limit) + theta * self.coupled
    }
}

impl<T: Float> Prologue<T> {
    /// The same in a loop that knows whether it is plain; one over single numbers asks each time. Only loops over f32 are told.
    #[inline(always)]
    pub(crate) fn seen<const PLAIN: bool, const ONE_BY_ONE: bool>(&self, g: T, theta: T) -> T {
        let plain = PLAIN || (ONE_BY_ONE && self.is_plain() && matches!(T::DTYPE, DType::F32));
        if plain { g.flush() } else { self.gradient(g, theta) }
    }
}
