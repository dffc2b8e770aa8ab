use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Adam whose averages are mixed with the newest gradient: a long memory that still reacts at once.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ           or, decoupled, θ ← (1 − ηλ)θ
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
    /// θ ← θ − η · ((1 − ν₁)g + ν₁m̂) / (√((1 − ν₂)g² + ν₂v̂) + ε)
    /// ```
    /// ν₁ = ν₂ = 1 is Adam; ν₁ = β₁, ν₂ = 1 is close to NAdam.
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// The authors' package qhoptim: the same formula; its defaults, ν₁ = ν₂ = 1 and β₁ = 0.9, are Adam's,
    /// those here are what the paper recommends to begin with.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, QHAdam, Slot};
    /// let mut theta = [1.0f64];
    /// let mut qhadam = Optimizer::builder(QHAdam::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// qhadam.step(0.1, &mut [Slot::new(&mut theta, &[4.0])])?;
    /// assert!((theta[0] - 0.9).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Ma & Yarats, Quasi-hyperbolic Momentum and Adam for Deep Learning, ICLR 2019, section 5.
    pub struct QHAdam("qhadam") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.995, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ν₁, weight of the average beside the newest gradient
        nu1: f64 = 0.7, Range::FRACTION;
        /// ν₂, weight of the average square beside the newest
        nu2: f64 = 1.0, Range::FRACTION;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// shrink the weights by the fraction ηλ instead of adding λθ to the gradient
        decoupled_weight_decay: bool = false;
    }
}

impl IntoRule for QHAdam {
    fn into_rule(self) -> Result<Rule> {
        let decay = if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled };
        Rule::element(&self, decay(self.weight_decay), element(QuasiHyperbolic(self.clone())))
    }
}

struct QuasiHyperbolic(QHAdam);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// Weights of m and g in the step, with η.
    direction: Average<R>,
    /// Weights of v and g² in the denominator.
    square: Average<R>,
    eps: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl ElementRule<2> for QuasiHyperbolic {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let QHAdam { beta1, beta2, nu1, nu2, eps, .. } = self.0;
        Scalars {
            direction: Average::weighted(step.lr * nu1 / step.bias_correction(beta1), step.lr * (1.0 - nu1)),
            square: Average::weighted(nu2 / step.bias_correction(beta2), 1.0 - nu2),
            eps: R::beside_root(eps),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let m = s.beta1.mix(m, g);
        let v = s.beta2.mix(v, g * g);
        (theta - s.direction.mix(m, g) / (s.square.mix(v, g * g).sqrt() + s.eps), [m, v])
    }
}
