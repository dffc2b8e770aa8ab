use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Adam whose average square moves by a fraction of g², whatever the distance: it grows as fast, but falls
    /// slowly.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// m ← β₁m + (1 − β₁)g
    /// v ← v − (1 − β₂)·sign(v − g²)·g²
    /// θ ← θ − η/(1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)
    /// ```
    /// m and v both begin with the initial accumulator value, so that even gradients of zero move θ a little.
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: none, but it has no weight decay. The paper corrects no bias.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Slot, Yogi};
    /// let mut theta = [1.0f64];
    /// let mut yogi = Optimizer::builder(Yogi { initial_accumulator_value: 0.0, ..Yogi::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// yogi.step(0.1, &mut [Slot::new(&mut theta, &[-4.0])])?;
    /// assert!((theta[0] - (1.0 + 0.1 * 4.0 / 4.001)).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Zaheer, Reddi, Sachan, Kale & Kumar, Adaptive Methods for Nonconvex Optimization, NeurIPS 2018,
    /// algorithm 2.
    pub struct Yogi("yogi") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂: the average square moves by the fraction 1 − β₂ of g²
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-3, Range::NON_NEGATIVE;
        /// what both averages begin with
        initial_accumulator_value: f64 = 1e-6, Range::NON_NEGATIVE;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Yogi {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(Controlled(self.clone())))
    }
}

struct Controlled(Yogi);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// η / (1 − β₁ᵗ)
    rate: R,
    /// 1 / √(1 − β₂ᵗ)
    root_correction: R,
    eps: R,
    beta1: Average<R>,
    /// 1 − β₂
    fraction: R,
}

impl ElementRule<2> for Controlled {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn initial(&self) -> [f64; 2] {
        [self.0.initial_accumulator_value; 2]
    }

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            rate: R::of(step.lr / step.bias_correction(self.0.beta1)),
            root_correction: R::of(1.0 / step.bias_correction(self.0.beta2).sqrt()),
            eps: R::beside_root(self.0.eps),
            beta1: Average::new(self.0.beta1),
            fraction: R::of(1.0 - self.0.beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let m = s.beta1.mix(m, g);
        let square = g * g;
        let v = v - s.fraction * (v - square).sign() * square;
        (theta - s.rate * m / (v.sqrt() * s.root_correction + s.eps), [m, v])
    }
}
