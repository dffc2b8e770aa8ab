use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Adam's direction, scaled for each tensor so that a step of rate η moves it by the fraction η of its norm.
    ///
    /// # Formula
    /// ```text
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// u = m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ) + eps_root) + ε) + λθ
    /// r = ‖θ‖/‖u‖               1 where either norm is 0
    /// θ ← θ − ηru
    /// ```
    /// Norms are those of the whole tensor.
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`: each has the parameter's shape, 4 bytes per element (8 for f64). `trust_ratio`, the
    /// last r: one number for each tensor.
    ///
    /// # Differences
    /// optax: none. Keras: the same ratio, but no λ in u: its decay is decoupled; ε = 1e-7. The paper
    /// passes ‖θ‖ through a function φ that may bound it; here, as in most implementations, φ(x) = x. NVIDIA's
    /// implementation also clips the gradient of all tensors to norm 1: add `Clip::GlobalNorm(1.0)`.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Lamb, Optimizer, Param, Slot};
    /// let mut theta = [3.0f64, -4.0];
    /// let mut lamb = Optimizer::builder(Lamb::default())
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// lamb.step(0.1, &mut [Slot::new(&mut theta, &[1.0, -1e3])])?;
    /// // u ≈ (1, −1) and ‖θ‖ = 5: both move by 0.1·5/√2
    /// assert!((theta[0] - 2.646_446_6).abs() < 1e-5 && (theta[1] + 3.646_446_6).abs() < 1e-5);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, ICLR 2020, algorithm 2.
    pub struct Lamb("lamb") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-6, Range::NON_NEGATIVE;
        /// added under the root
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ: the fraction λ of the weights is part of the direction
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Lamb {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Own(self.weight_decay), element(Layerwise(self.clone())))
    }
}

struct Layerwise(Lamb);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// ηr
    rate: R,
    /// 1 / (1 − β₁ᵗ)
    correction: R,
    /// 1 / (1 − β₂ᵗ)
    square_correction: R,
    eps: R,
    eps_root: R,
    lambda: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl<R: Real> Scalars<R> {
    /// u, m, v
    #[inline(always)]
    fn direction(&self, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let m = self.beta1.mix(m, g);
        let v = self.beta2.mix(v, g * g);
        let root = (v * self.square_correction + self.eps_root).sqrt();
        (m * self.correction / (root + self.eps) + self.lambda * theta, [m, v])
    }
}

impl ElementRule<2> for Layerwise {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    const MEMORY: &'static [(&'static str, f64)] = &[("trust_ratio", 1.0)];
    const SCOPE: Scope = Scope::Tensor;
    const SUMS: usize = 2;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        Scalars {
            rate: R::of(step.lr * memory[0]),
            correction: R::of(1.0 / step.bias_correction(self.0.beta1)),
            square_correction: R::of(1.0 / step.bias_correction(self.0.beta2)),
            eps: R::beside_root(self.0.eps),
            eps_root: R::of(self.0.eps_root),
            lambda: R::of(step.lambda),
            beta1: Average::new(self.0.beta1),
            beta2: Average::new(self.0.beta2),
        }
    }

    #[inline(always)]
    fn measure<R: Real>(s: &Scalars<R>, theta: R, g: R, state: [R; 2]) -> Sums {
        let (u, _) = s.direction(theta, g, state);
        let (theta, u) = (theta.wide(), u.wide());
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1]) = (theta * theta, u * u);
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let (theta, u) = (sums[0].sqrt(), sums[1].sqrt());
        // so that a tensor of zeros can be left
        memory[0] = if theta == 0.0 || u == 0.0 { 1.0 } else { theta / u };
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, state: [R; 2]) -> (R, [R; 2]) {
        let (u, state) = s.direction(theta, g, state);
        (theta - s.rate * u, state)
    }
}
