use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Nesterov's momentum for adaptive steps: it averages gradients and their differences, and needs no
    /// gradient at a point ahead.
    ///
    /// # Formula
    /// ```text
    /// d ← g − g₋                     g₋: the gradient before; 0 in the first step
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)d
    /// n ← β₃n + (1 − β₃)(g + β₂d)²
    /// u = (m/(1 − β₁ᵗ) + β₂v/(1 − β₂ᵗ)) / (√n/√(1 − β₃ᵗ) + ε)
    /// θ ← (θ − ηu) / (1 + ηλ)
    /// θ ← (1 − ηλ)θ − ηu             with no_prox
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_diff`, `exp_avg_sq`, `previous_grad`. Each has the parameter's shape, 4 bytes per
    /// element (8 for f64).
    ///
    /// # Differences
    /// The authors' code: none. The paper writes 1 − β for β, corrects no bias, begins with the first
    /// gradient instead, and has ε inside the root. optax 0.2.8 takes 1 − β₂ where this takes β₂, which is a
    /// mistake, and adds 1e-8 inside the root.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adan, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adan = Optimizer::builder(Adan { weight_decay: 2.0, ..Adan::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adan.step(0.1, &mut [Slot::new(&mut theta, &[-3.0])])?;
    /// assert!((theta[0] - 1.1 / 1.2).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Xie, Zhou, Li, Lin & Yan, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models,
    /// IEEE TPAMI 2024, algorithm 1, with the bias corrections of the authors' code (sail-sg/Adan).
    pub struct Adan("adan") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.98, Range::RATE;
        /// β₂, fraction of the old average difference that is kept, and the difference's weight in the step
        beta2: f64 = 0.92, Range::RATE;
        /// β₃, fraction of the old average square that is kept
        beta3: f64 = 0.99, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ, the strength of weight decay
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// decay before the step, as AdamW does, instead of after it
        no_prox: bool = false;
    }
}

impl IntoRule for Adan {
    fn into_rule(self) -> Result<Rule> {
        let decay = if self.no_prox { Decay::Decoupled } else { Decay::Own };
        Rule::element(&self, decay(self.weight_decay), element(Differences(self.clone())))
    }
}

struct Differences(Adan);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// Weights of m and v in the step, with η.
    direction: Average<R>,
    /// 1 / √(1 − β₃ᵗ)
    root_correction: R,
    /// 1 / (1 + ηλ)
    shrink: R,
    eps: R,
    zero: R,
    ahead: R,
    beta1: Average<R>,
    beta2: Average<R>,
    beta3: Average<R>,
    first: bool,
}

impl ElementRule<4> for Differences {
    const STATE: [&'static str; 4] = ["exp_avg", "exp_avg_diff", "exp_avg_sq", "previous_grad"];
    const KINDS: [StateKind; 4] =
        [StateKind::Signed, StateKind::Signed, StateKind::Unsigned, StateKind::Signed];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let Adan { beta1, beta2, beta3, eps, .. } = self.0;
        Scalars {
            direction: Average::weighted(
                step.lr / step.bias_correction(beta1),
                step.lr * beta2 / step.bias_correction(beta2),
            ),
            root_correction: R::of(1.0 / step.bias_correction(beta3).sqrt()),
            shrink: R::of(1.0 / (1.0 + step.lr * step.lambda)),
            eps: R::beside_root(eps),
            zero: R::of(0.0),
            ahead: R::of(beta2),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
            beta3: Average::new(beta3),
            first: step.t == 1,
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v, n, before]: [R; 4]) -> (R, [R; 4]) {
        let d = s.zero.or(s.first, g - before);
        let ahead = g + s.ahead * d;
        let m = s.beta1.mix(m, g);
        let v = s.beta2.mix(v, d);
        let n = s.beta3.mix(n, ahead * ahead);
        let step = s.direction.mix(m, v) / (n.sqrt() * s.root_correction + s.eps);
        ((theta - step) * s.shrink, [m, v, n, g])
    }
}
