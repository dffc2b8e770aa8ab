//! The momentum that Muon and its kin follow.

use crate::linalg::Number;
use crate::real::Average;

/// An average or a sum M of gradients, and the direction U along it.
#[derive(Clone, Copy)]
pub(super) struct Momentum<T> {
    average: Average<T>,
    ahead: Average<T>,
    scale: T,
}

impl<T: Number> Momentum<T> {
    /// M is `average` of M and the scaled gradient; U is `ahead` of the new M and the gradient, or M itself.
    pub fn new(average: Average<T>, ahead: Option<Average<T>>, scale: f64) -> Self {
        let ahead = ahead.unwrap_or(Average::weighted(1.0, 0.0));
        Self { average, ahead, scale: T::of(scale) }
    }

    /// The new M, and U.
    #[inline(always)]
    pub fn follow(self, m: T, g: T) -> [T; 2] {
        let g = g * self.scale;
        let m = self.average.mix(m, g);
        [m, self.ahead.mix(m, g)]
    }
}
