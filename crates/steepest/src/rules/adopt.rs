use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Adam that divides each gradient by the average square before it, then averages: it converges with any
    /// β₂.
    ///
    /// # Formula
    /// ```text
    /// first step: v ← g², nothing else
    /// θ ← (1 − ηλ)θ
    /// u = clamp(g / max(√v, ε), ±(t − 1)^¼)       without the clamp if not use_clipping
    /// m ← β₁m + (1 − β₁)u
    /// θ ← θ − ηm
    /// θ ← θ − η(β₁m + (1 − β₁)u)                  with nesterov
    /// v ← β₂v + (1 − β₂)g²
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: none, but it has no weight decay. The authors' package torch-adopt: none, but it has no nesterov,
    /// and adds λθ to the gradient unless told to decouple. The paper's first version does not clip.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adopt, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adopt = Optimizer::builder(Adopt::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adopt.step(0.1, &mut [Slot::new(&mut theta, &[2.0])])?;
    /// assert_eq!(theta, [1.0]);
    /// adopt.step(0.1, &mut [Slot::new(&mut theta, &[5.0])])?; // 5/2, clipped to 1
    /// assert!((theta[0] - 0.99).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Taniguchi et al., ADOPT: Modified Adam Can Converge with Any β₂ with the Optimal Rate, NeurIPS 2024;
    /// clipping: arXiv 2411.02853, version 3.
    pub struct Adopt("adopt") {
        /// β₁, fraction of the old average that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.9999, Range::RATE;
        /// ε, the least denominator
        eps: f64 = 1e-6, Range::NON_NEGATIVE;
        /// clip the divided gradient to ±(t − 1)^¼
        use_clipping: bool = true;
        /// look one step ahead
        nesterov: bool = false;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Adopt {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Own(self.weight_decay), element(Divided(self.clone())))
    }
}

struct Divided(Adopt);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// Weights of m and u in the step, with η.
    direction: Average<R>,
    /// 1 − ηλ
    keep: R,
    limit: R,
    eps: R,
    zero: R,
    beta1: Average<R>,
    beta2: Average<R>,
    first: bool,
}

impl ElementRule<2> for Divided {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let Adopt { beta1, beta2, eps, use_clipping, nesterov, .. } = self.0;
        let first = step.t == 1;
        Scalars {
            direction: if nesterov {
                Average::weighted(step.lr * beta1, step.lr * (1.0 - beta1))
            } else {
                Average::weighted(step.lr, 0.0)
            },
            keep: R::of(if first { 1.0 } else { 1.0 - step.lr * step.lambda }),
            limit: R::of(if use_clipping { ((step.t - 1) as f64).powf(0.25) } else { f64::INFINITY }),
            eps: R::beside_root(eps),
            zero: R::of(0.0),
            beta1: Average::new(beta1),
            beta2: if first { Average::weighted(0.0, 1.0) } else { Average::new(beta2) },
            first,
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        // 0·g is 0, and NaN where g is no number: not hidden by the first step
        let u = (s.zero * g).or(s.first, (g / v.sqrt().max(s.eps)).clamp_to(s.limit));
        let m = s.beta1.mix(m, u);
        (theta * s.keep - s.direction.mix(m, u), [m, s.beta2.mix(v, g * g)])
    }
}
