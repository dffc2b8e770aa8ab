use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Adam that divides by how far gradients lie from their average: long steps where the average
    /// predicts them.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// m ← β₁m + (1 − β₁)g
    /// s ← β₂s + (1 − β₂)(g − m)² + ε_root
    /// m̂ = m / (1 − β₁ᵗ)
    /// m̂ = β₁m / (1 − β₁ᵗ⁺¹) + (1 − β₁)g / (1 − β₁ᵗ)      with nesterov
    /// θ ← θ − η · m̂ / (√(s / (1 − β₂ᵗ)) + ε)
    /// ```
    /// ε_root stays in s: it adds up to ε_root / (1 − β₂) over the steps.
    ///
    /// # State
    /// `exp_avg`, `exp_avg_var`. Each has the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: none, but it has no weight decay. adabelief-pytorch: one ε for both places, λ = 0.01, and by
    /// default RAdam's rectification, which is not here.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{AdaBelief, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adabelief = Optimizer::builder(AdaBelief::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adabelief.step(0.09, &mut [Slot::new(&mut theta, &[5.0])])?;
    /// assert!((theta[0] - 0.9).abs() < 1e-12); // g − m is 0.9·5
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Zhuang et al., AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients, NeurIPS
    /// 2020, algorithm 2.
    pub struct AdaBelief("adabelief") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-16, Range::NON_NEGATIVE;
        /// ε_root, added to the average square in every step
        eps_root: f64 = 1e-16, Range::NON_NEGATIVE;
        /// look one step ahead, as NAdam does
        nesterov: bool = false;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for AdaBelief {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(Belief(self.clone())))
    }
}

struct Belief(AdaBelief);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// Weights of m and g in the step, with η.
    direction: Average<R>,
    /// 1 / √(1 − β₂ᵗ)
    root_correction: R,
    eps: R,
    eps_root: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl ElementRule<2> for Belief {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_var"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let AdaBelief { beta1, beta2, eps, eps_root, nesterov, .. } = self.0;
        let rate = step.lr / step.bias_correction(beta1);
        let direction = if nesterov {
            let next = 1.0 - beta1.powf(step.t as f64 + 1.0);
            Average::weighted(step.lr * beta1 / next, rate * (1.0 - beta1))
        } else {
            Average::weighted(rate, 0.0)
        };
        Scalars {
            direction,
            root_correction: R::of(1.0 / step.bias_correction(beta2).sqrt()),
            eps: R::beside_root(eps),
            eps_root: R::of(eps_root),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let m = s.beta1.mix(m, g);
        let surprise = g - m;
        let v = s.beta2.mix(v, surprise * surprise) + s.eps_root;
        (theta - s.direction.mix(m, g) / (v.sqrt() * s.root_correction + s.eps), [m, v])
    }
}
