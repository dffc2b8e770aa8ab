use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Momentum of gradients that are divided by a moving average of their tensor's norm.
    ///
    /// # Formula
    /// ```text
    /// ν ← β₂ν + (1 − β₂)‖g‖²    one number for each tensor; ‖g‖² at t = 1
    /// m ← β₁m + g/(√(ν + eps_root) + ε) + λθ
    /// θ ← θ − ηm
    /// ```
    ///
    /// # State
    /// `exp_avg`, the parameter's shape, 4 bytes per element (8 for f64). `norm_sq`, which is ν: one number for each
    /// tensor.
    ///
    /// # Differences
    /// optax: none; its ε defaults to 1e-6 as here. NVIDIA's implementation can weigh the new term of m by
    /// 1 − β₁ (`grad_averaging`): the same as η times 1 − β₁.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, NovoGrad, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64, 1.0];
    /// let mut novograd = Optimizer::builder(NovoGrad::default())
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// novograd.step(0.1, &mut [Slot::new(&mut theta, &[300.0, -400.0])])?;
    /// assert!((theta[0] - 0.94).abs() < 1e-8 && (theta[1] - 1.08).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Ginsburg et al., Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training of Deep Networks,
    /// arXiv:1905.11286, 2019, algorithm 1.
    pub struct NovoGrad("novograd") {
        /// β₁, fraction of the old momentum that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old squared norm that is kept
        beta2: f64 = 0.25, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-6, Range::NON_NEGATIVE;
        /// added under the root
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ: the fraction λ of the weights is part of the momentum
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for NovoGrad {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Own(self.weight_decay), element(Layerwise(self.clone())))
    }
}

struct Layerwise(NovoGrad);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    beta1: R,
    /// √(ν + eps_root) + ε
    norm: R,
    lambda: R,
}

impl ElementRule<1> for Layerwise {
    const STATE: [&'static str; 1] = ["exp_avg"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    const MEMORY: &'static [(&'static str, f64)] = &[("norm_sq", 0.0)];
    const SCOPE: Scope = Scope::Tensor;
    const SUMS: usize = 1;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let norm = (memory[0] + self.0.eps_root).sqrt() + self.0.eps;
        Scalars {
            lr: R::of(step.lr),
            beta1: R::of(self.0.beta1),
            // with a norm of 0 all gradients were 0, and 0/1 is 0
            norm: R::of(if norm < R::SMALLEST_NORMAL { 1.0 } else { norm }),
            lambda: R::of(step.lambda),
        }
    }

    #[inline(always)]
    fn measure<R: Real>(_: &Scalars<R>, _: R, g: R, _: [R; 1]) -> Sums {
        let g = g.wide();
        let mut sums = [0.0; MAX_SUMS];
        sums[0] = g * g;
        sums
    }

    fn update_memory(&self, step: Step, sums: &Sums, memory: &mut [f64]) {
        let average = self.0.beta2 * memory[0] + (1.0 - self.0.beta2) * sums[0];
        memory[0] = if step.t == 1 { sums[0] } else { average };
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m]: [R; 1]) -> (R, [R; 1]) {
        let m = s.beta1 * m + (g / s.norm + s.lambda * theta);
        (theta - s.lr * m, [m])
    }
}
