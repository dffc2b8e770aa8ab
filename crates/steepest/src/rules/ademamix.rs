use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// AdamW with a second, slow average of the gradient, which remembers thousands of steps.
    ///
    /// # Formula
    /// ```text
    /// α_t = α·min(t/T_α, 1)
    /// β₃_t = min(exp(1 / ((1 − t/T_β)/ln β₁ + (t/T_β)/ln β₃)), β₃)      β₃ from T_β on
    /// m₁ ← β₁m₁ + (1 − β₁)g
    /// m₂ ← β₃_t·m₂ + (1 − β₃_t)g
    /// v ← β₂v + (1 − β₂)g²
    /// θ ← θ − η((m₁/(1 − β₁ᵗ) + α_t·m₂) / (√(v/(1 − β₂ᵗ) + ε_root) + ε) + λθ)
    /// ```
    /// With T_α = T_β = 1, α_t and β₃_t are α and β₃ from the first step on. The slow average has no bias correction.
    ///
    /// # State
    /// `exp_avg_fast`, `exp_avg_slow`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8
    /// for f64).
    ///
    /// # Differences
    /// optax: none; its own warm-ups are schedules that count from 0. The authors' code: α = 2 by default, and
    /// 1e-8 added to the β inside each logarithm.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{AdEMAMix, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut ademamix = Optimizer::builder(AdEMAMix { alpha: 10.0, beta3: 0.99, ..AdEMAMix::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// ademamix.step(0.1, &mut [Slot::new(&mut theta, &[2.0])])?;
    /// assert!((theta[0] - 0.89).abs() < 1e-8); // 1 − 0.1·(1 + 10·0.01)
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Pagliardini, Ablin & Grangier, The AdEMAMix Optimizer: Better, Faster, Older, ICLR 2025, algorithm 1.
    pub struct AdEMAMix("ademamix") {
        /// β₁, fraction of the fast average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// β₃, fraction of the slow average gradient that is kept
        beta3: f64 = 0.9999, Range::RATE;
        /// α, weight of the slow average beside the fast one
        alpha: f64 = 5.0, Range::NON_NEGATIVE;
        /// T_α, steps in which α grows from 0; 1 for no warm-up
        alpha_warmup: u64 = 1, Range::AT_LEAST_ONE;
        /// T_β, steps in which β₃ grows from β₁; 1 for no warm-up
        beta3_warmup: u64 = 1, Range::AT_LEAST_ONE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// ε_root, added inside the root
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

crate::settings! {
    /// AdEMAMix with one average: the gradient of the step itself takes the place of the fast one.
    ///
    /// # Formula
    /// ```text
    /// m ← β₁m + g
    /// v ← β₂v + (1 − β₂)g²
    /// θ ← θ − η((αg + m) / (√(v/(1 − β₂ᵗ) + ε_root) + ε) + λθ)
    /// ```
    /// m is a sum, not an average, so good rates are about 1 − β₁ of Adam's.
    ///
    /// # State
    /// `momentum_buffer`, `exp_avg_sq`. Each has the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: none.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, SimplifiedAdEMAMix, Slot};
    /// let mut theta = [1.0f64];
    /// let rule = SimplifiedAdEMAMix { alpha: 4.0, ..SimplifiedAdEMAMix::default() };
    /// let mut optimizer = Optimizer::builder(rule).build([Param::new("theta", [1], DType::F64)])?;
    /// optimizer.step(0.01, &mut [Slot::new(&mut theta, &[2.0])])?;
    /// assert!((theta[0] - 0.95).abs() < 1e-8); // 1 − 0.01·(4 + 1)
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Morwani et al., Connections between Schedule-Free Optimizers, AdEMAMix, and Accelerated SGD Variants,
    /// arXiv 2502.02431, 2025.
    pub struct SimplifiedAdEMAMix("simplified_ademamix") {
        /// β₁, fraction of the old sum of gradients that is kept
        beta1: f64 = 0.99, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.95, Range::RATE;
        /// α, weight of the newest gradient beside the sum
        alpha: f64 = 0.0, Range::NON_NEGATIVE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// ε_root, added inside the root
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for AdEMAMix {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(Mixture(self.clone())))
    }
}

impl IntoRule for SimplifiedAdEMAMix {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(Simplified(self.clone())))
    }
}

struct Mixture(AdEMAMix);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// Weights of the two terms of the step, with η.
    direction: Average<R>,
    /// 1 / (1 − β₂ᵗ)
    correction: R,
    eps: R,
    eps_root: R,
    beta1: Average<R>,
    beta2: Average<R>,
    beta3: Average<R>,
}

impl AdEMAMix {
    fn alpha(&self, t: f64) -> f64 {
        let warmup = self.alpha_warmup as f64;
        if t < warmup { self.alpha * t / warmup } else { self.alpha }
    }

    fn beta3(&self, t: f64) -> f64 {
        let warmup = self.beta3_warmup as f64;
        if t >= warmup {
            return self.beta3;
        }
        // the average's half-life, −ln 2 / ln β, grows linearly
        let fraction = t / warmup;
        (1.0 / ((1.0 - fraction) / self.beta1.ln() + fraction / self.beta3.ln())).exp().min(self.beta3)
    }
}

impl ElementRule<3> for Mixture {
    const STATE: [&'static str; 3] = ["exp_avg_fast", "exp_avg_slow", "exp_avg_sq"];
    const KINDS: [StateKind; 3] = [StateKind::Signed, StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let t = step.t as f64;
        Scalars {
            direction: Average::weighted(
                step.lr / step.bias_correction(self.0.beta1),
                step.lr * self.0.alpha(t),
            ),
            correction: R::of(1.0 / step.bias_correction(self.0.beta2)),
            eps: R::beside_root(self.0.eps),
            eps_root: R::of(self.0.eps_root),
            beta1: Average::new(self.0.beta1),
            beta2: Average::new(self.0.beta2),
            beta3: Average::new(self.0.beta3(t)),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [fast, slow, v]: [R; 3]) -> (R, [R; 3]) {
        let fast = s.beta1.mix(fast, g);
        let slow = s.beta3.mix(slow, g);
        let v = s.beta2.mix(v, g * g);
        let root = (v * s.correction + s.eps_root).sqrt();
        (theta - s.direction.mix(fast, slow) / (root + s.eps), [fast, slow, v])
    }
}

struct Simplified(SimplifiedAdEMAMix);

impl ElementRule<2> for Simplified {
    const STATE: [&'static str; 2] = ["momentum_buffer", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let SimplifiedAdEMAMix { beta1, beta2, alpha, eps, eps_root, .. } = self.0;
        Scalars {
            direction: Average::weighted(step.lr, step.lr * alpha),
            correction: R::of(1.0 / step.bias_correction(beta2)),
            eps: R::beside_root(eps),
            eps_root: R::of(eps_root),
            beta1: Average::weighted(beta1, 1.0),
            beta2: Average::new(beta2),
            beta3: Average::new(0.0), // it has no slow average
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let m = s.beta1.mix(m, g);
        let v = s.beta2.mix(v, g * g);
        let root = (v * s.correction + s.eps_root).sqrt();
        (theta - s.direction.mix(m, g) / (root + s.eps), [m, v])
    }
}
