use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range, Settings, only_in};

crate::settings! {
    /// Adam whose first steps, where the average square is not yet known well, are plain momentum steps and
    /// whose next ones are shortened accordingly.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ                (or θ ← (1 − ηλ)θ, decoupled)
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// ρ∞ = 2/(1 − β₂) − 1,   ρ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ)
    /// r = √((ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ))
    /// θ ← θ − η/(1 − β₁ᵗ) · m · r√(1 − β₂ᵗ)/(√v + ε)     if ρ > 5
    /// θ ← θ − η/(1 − β₁ᵗ) · m                            otherwise
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`, each of the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none. optax rectifies from ρ ≥ 5 on, or another threshold, and adds ε to the corrected root,
    /// `m · r/(√(v/(1 − β₂ᵗ)) + ε)`; it can add `eps_root` inside that root and put Nesterov's
    /// `β₁m/(1 − β₁ᵗ⁺¹) + (1 − β₁)g/(1 − β₁ᵗ)` in the place of `m/(1 − β₁ᵗ)`; it has no λ. The paper
    /// rectifies from ρ > 4 on, without ε.
    ///
    /// # Errors
    /// Settings outside their range; `eps_root`, `threshold` and `nesterov` in another dialect than optax.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, RAdam, Slot};
    /// let mut theta = [1.0f64];
    /// let mut radam = Optimizer::builder(RAdam::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// radam.step(0.1, &mut [Slot::new(&mut theta, &[2.0])])?; // the first steps are not divided
    /// assert!((theta[0] - 0.8).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, ICLR 2020, algorithm 2.
    pub struct RAdam("radam") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ of weight decay
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// shrink the weights directly instead of adding λθ to the gradient
        decoupled_weight_decay: bool = false;
        /// added to the corrected average square, inside the root; optax only
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// ρ from which on steps are divided; optax only
        threshold: f64 = 5.0, Range::new(4.0, true, f64::INFINITY, true);
        /// look ahead along the average gradient; optax only
        nesterov: bool = false;
    }
    dialects { Torch {}, Optax {} }
}

impl IntoRule for RAdam {
    fn into_rule(self) -> Result<Rule> {
        for (setting, moved) in [
            ("eps_root", self.eps_root != 0.0),
            ("threshold", self.threshold != Self::default().threshold),
            ("nesterov", self.nesterov),
        ] {
            only_in(Self::OWNER, self.dialect, Dialect::Optax, setting, moved)?;
        }
        let decay = if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled };
        let body = if self.eps_root > 0.0 || self.nesterov {
            element(Rectified::<true>(self.clone()))
        } else {
            element(Rectified::<false>(self.clone()))
        };
        Rule::element(&self, decay(self.weight_decay), body)
    }
}

/// `EXTENDED`: with `eps_root` or Nesterov's momentum.
struct Rectified<const EXTENDED: bool>(RAdam);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// η / (1 − β₁ᵗ)
    rate: R,
    /// r√(1 − β₂ᵗ), where the step is rectified
    rectification: Option<R>,
    eps: R,
    eps_root: R,
    beta1: Average<R>,
    beta2: Average<R>,
    /// shares of the average and of the gradient in the direction, to be multiplied by `rate`
    ahead: Average<R>,
}

impl<const EXTENDED: bool> ElementRule<2> for Rectified<EXTENDED> {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let RAdam { beta1, beta2, eps, eps_root, threshold, nesterov, dialect, .. } = self.0;
        let (t, correction) = (step.t as f64, step.bias_correction(beta2));
        let most = 2.0 / (1.0 - beta2) - 1.0;
        let power = beta2.powf(t);
        // t·β₂ᵗ goes to 0, also where t overflows any product
        let rho = if power == 0.0 { most } else { most - 2.0 * t * power / correction };
        let r = ((rho - 4.0) * (rho - 2.0) * most / ((most - 4.0) * (most - 2.0) * rho)).sqrt();
        let optax = dialect == Dialect::Optax;
        let rectified = if optax { rho >= threshold } else { rho > threshold };
        let correction1 = step.bias_correction(beta1);
        let ahead = if nesterov {
            // 1 − β₁ᵗ⁺¹ = 1 − β₁ + β₁(1 − β₁ᵗ)
            let next = 1.0 - beta1 + beta1 * correction1;
            Average::weighted(beta1 * correction1 / next, 1.0 - beta1)
        } else {
            Average::weighted(1.0, 0.0)
        };
        Scalars {
            rate: R::of(step.lr / correction1),
            rectification: rectified.then(|| R::of(r * correction.sqrt())),
            // beside the corrected root, and inside it, brought out to the uncorrected one
            eps: R::beside_root(if optax { eps * correction.sqrt() } else { eps }),
            eps_root: R::of(eps_root * correction),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
            ahead,
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let m = s.beta1.mix(m, g);
        let v = s.beta2.mix(v, g * g);
        let (d, square) = if EXTENDED { (s.ahead.mix(m, g), v + s.eps_root) } else { (m, v) };
        // the same for all elements of a step, so the loop is compiled twice, not branched in
        let scaled = match s.rectification {
            Some(r) => d * r / (square.sqrt() + s.eps),
            None => d,
        };
        (theta - s.rate * scaled, [m, v])
    }
}
