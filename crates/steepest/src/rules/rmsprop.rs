use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, Step};
use crate::settings::Range;

crate::settings! {
    /// Steps divided by the root of a moving average of squared gradients.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// v ← αv + (1 − α)g²
    /// ḡ ← αḡ + (1 − α)g         centered only
    /// d = g / (√v + ε)          centered: √max(v − ḡ², 0)
    /// b ← μb + d                with momentum, else b = d
    /// θ ← θ − ηb
    /// ```
    ///
    /// # State
    /// `square_avg`; `grad_avg` when centered; `momentum_buffer` with momentum. Each has the
    /// parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none, but for `v − ḡ²` below zero by rounding, where torch gives NaN and this takes 0.
    /// optax and Keras: α = 0.9, ε inside the root, η inside the momentum.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, RmsProp, Slot};
    /// let mut theta = [1.0f64];
    /// let mut rmsprop = Optimizer::builder(RmsProp { alpha: 0.75, ..RmsProp::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// rmsprop.step(0.1, &mut [Slot::new(&mut theta, &[5.0])])?;
    /// assert!((theta[0] - 0.8).abs() < 1e-8); // 1 − 0.1·5/√(0.25·25)
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Tieleman & Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012; centered: Graves,
    /// Generating Sequences with Recurrent Neural Networks, 2013, equations 38 to 45.
    pub struct RmsProp("rmsprop") {
        /// α, share of the old average of squares that is kept
        alpha: f64 = 0.99, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// divide by the estimated standard deviation instead of the root mean square
        centered: bool = false, Range::FINITE;
        /// share μ of the velocity that is kept; 0 is none
        momentum: f64 = 0.0, Range::RATE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for RmsProp {
    fn into_rule(self) -> Result<Rule> {
        let body = match (self.centered, self.momentum > 0.0) {
            (false, false) => element::<_, 1>(Root::<false, false>(self.clone())),
            (false, true) => element::<_, 2>(Root::<false, true>(self.clone())),
            (true, false) => element::<_, 2>(Root::<true, false>(self.clone())),
            (true, true) => element::<_, 3>(Root::<true, true>(self.clone())),
        };
        Rule::element(&self, Decay::Coupled(self.weight_decay), body)
    }
}

struct Root<const CENTERED: bool, const MOMENTUM: bool>(RmsProp);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    eps: R,
    momentum: R,
    zero: R,
    average: Average<R>,
}

impl<const CENTERED: bool, const MOMENTUM: bool, const N: usize> ElementRule<N> for Root<CENTERED, MOMENTUM> {
    // square_avg is first, momentum_buffer last, grad_avg between them
    const STATE: [&'static str; N] = {
        let mut names = ["square_avg"; N];
        if CENTERED {
            names[1] = "grad_avg";
        }
        if MOMENTUM {
            names[N - 1] = "momentum_buffer";
        }
        names
    };
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            lr: R::of(step.lr),
            eps: R::of(self.0.eps),
            momentum: R::of(self.0.momentum),
            zero: R::of(0.0),
            average: Average::new(self.0.alpha),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let v = s.average.mix(state[0], g * g);
        state[0] = v;
        let mut square = v;
        if CENTERED {
            let mean = s.average.mix(state[1], g);
            state[1] = mean;
            square = (v - mean * mean).max(s.zero);
        }
        let mut b = g / (square.sqrt() + s.eps);
        if MOMENTUM {
            b = s.momentum * state[N - 1] + b;
            state[N - 1] = b;
        }
        (theta - s.lr * b, state)
    }
}
