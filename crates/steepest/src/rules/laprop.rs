use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Adam in the other order: each gradient is divided first, then averaged, so that β₁ and β₂ do not
    /// depend on each other.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// v ← β₂v + (1 − β₂)g²
    /// m ← β₁m + (1 − β₁)·g / (√(v / (1 − β₂ᵗ)) + ε)
    /// θ ← θ − η/(1 − β₁ᵗ) · m
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// The authors' code multiplies each divided gradient by the η of its own step, which is the same while η
    /// stays constant, and decays the weights after the step, by λ alone. timm decays after the step, by ηλ.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, LaProp, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64, 1.0];
    /// let mut laprop = Optimizer::builder(LaProp::default())
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// laprop.step(0.1, &mut [Slot::new(&mut theta, &[1e-6, -1e6])])?;
    /// assert!((theta[0] - 0.9).abs() < 1e-8 && (theta[1] - 1.1).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Ziyin, Wang & Ueda, LaProp: Separating Momentum and Adaptivity in Adam, arXiv 2002.04839, 2020,
    /// algorithm 1.
    pub struct LaProp("laprop") {
        /// β₁, fraction of the old average that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-15, Range::NON_NEGATIVE;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for LaProp {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(Divided(self.clone())))
    }
}

struct Divided(LaProp);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// η / (1 − β₁ᵗ)
    rate: R,
    /// 1 / √(1 − β₂ᵗ)
    root_correction: R,
    eps: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl ElementRule<2> for Divided {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            rate: R::of(step.lr / step.bias_correction(self.0.beta1)),
            root_correction: R::of(1.0 / step.bias_correction(self.0.beta2).sqrt()),
            eps: R::beside_root(self.0.eps),
            beta1: Average::new(self.0.beta1),
            beta2: Average::new(self.0.beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let v = s.beta2.mix(v, g * g);
        let m = s.beta1.mix(m, g / (v.sqrt() * s.root_correction + s.eps));
        (theta - s.rate * m, [m, v])
    }
}
