use crate::error::{Error, Result};
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step, Sums};
use crate::settings::{Dialect, Range, Settings, only_in};

crate::settings! {
    /// Adam with Nesterov's momentum: the step looks ahead along the average gradient, with a momentum that
    /// grows during the first steps.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ                (or θ ← (1 − ηλ)θ, decoupled)
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// μₜ = β₁(1 − ½·0.96^(tψ))
    /// P ← μₜP
    /// d = (1 − μₜ)/(1 − P) · g + μₜ₊₁/(1 − μₜ₊₁P) · m
    /// θ ← θ − η · d / (√v / √(1 − β₂ᵗ) + ε)
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`, each of the parameter's shape, 4 bytes per element (8 for f64); `mu_product`
    /// (P), one number.
    ///
    /// # Differences
    /// torch: none, where its default type is f64; else it rounds P to f32 in every step. optax (`nadam`, and
    /// `nadamw` with decoupled decay): μₜ = β₁ throughout, without ψ, and it can add `eps_root` inside the
    /// root. Keras: ψ = 1, ε = 1e-7, decay always decoupled. The paper leaves the schedule of μ open.
    ///
    /// # Errors
    /// Settings outside their range; `eps_root` in another dialect than optax, `momentum_decay` in optax's;
    /// weight decay that is not decoupled in Keras's.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, NAdam, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut nadam = Optimizer::builder(NAdam { momentum_decay: 0.0, beta1: 0.8, ..NAdam::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// nadam.step(0.1, &mut [Slot::new(&mut theta, &[2.0])])?; // μ = P = 0.4: d = 2 + 0.4/0.84·0.4
    /// assert!((theta[0] - (0.9 - 0.02 * 0.4 / 0.84)).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Dozat, Incorporating Nesterov Momentum into Adam, ICLR workshop 2016, algorithm 2; the schedule of μ:
    /// Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.
    pub struct NAdam("nadam") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// added to the corrected average square, inside the root; optax only
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// ψ, how fast the momentum grows from β₁/2 to β₁; not in optax
        momentum_decay: f64 = 4e-3, Range::NON_NEGATIVE;
        /// λ of weight decay
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// shrink the weights directly instead of adding λθ to the gradient
        decoupled_weight_decay: bool = false;
    }
    dialects {
        Torch {},
        Optax {},
        Keras { eps: 1e-7, momentum_decay: 1.0, decoupled_weight_decay: true },
    }
}

impl IntoRule for NAdam {
    fn into_rule(self) -> Result<Rule> {
        only_in(Self::OWNER, self.dialect, Dialect::Optax, "eps_root", self.eps_root != 0.0)?;
        if self.dialect == Dialect::Optax && self.momentum_decay != Self::default().momentum_decay {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: "momentum_decay is no part of dialect optax".to_owned(),
                remedy: "leave it at its default, or set dialect to torch".to_owned(),
            });
        }
        if self.dialect == Dialect::Keras && self.weight_decay != 0.0 && !self.decoupled_weight_decay {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: "weight decay that is not decoupled is no part of dialect keras".to_owned(),
                remedy: "set decoupled_weight_decay to true, or dialect to torch".to_owned(),
            });
        }
        let decay = if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled };
        let body = if self.eps_root > 0.0 {
            element(Ahead::<true>(self.clone()))
        } else {
            element(Ahead::<false>(self.clone()))
        };
        Rule::element(&self, decay(self.weight_decay), body)
    }
}

/// `EPS_ROOT`: something is added inside the root.
struct Ahead<const EPS_ROOT: bool>(NAdam);

impl<const EPS_ROOT: bool> Ahead<EPS_ROOT> {
    /// μ of step `t`.
    fn momentum(&self, t: f64) -> f64 {
        let NAdam { beta1, momentum_decay, dialect, .. } = self.0;
        if dialect == Dialect::Optax {
            return beta1;
        }
        beta1 * (1.0 - 0.5 * 0.96f64.powf(t * momentum_decay))
    }
}

pub(super) const STATE: [&str; 2] = ["exp_avg", "exp_avg_sq"];
pub(super) const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];

/// How both averages follow the gradient, and how the step looks ahead along the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments<R> {
    /// the weights of the average and of the gradient
    ahead: Average<R>,
    /// 1 / √(1 − β₂ᵗ)
    root_correction: R,
    eps: R,
    eps_root: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl<R: Real> Moments<R> {
    /// From β₁ and β₂, and from ε and what is added inside the root.
    pub fn new(
        step: Step,
        ahead: Average<R>,
        (beta1, beta2): (f64, f64),
        (eps, eps_root): (f64, f64),
    ) -> Self {
        let correction = step.bias_correction(beta2);
        Self {
            ahead,
            root_correction: R::of(1.0 / correction.sqrt()),
            eps: R::beside_root(eps),
            // inside the corrected root, brought out to the uncorrected one
            eps_root: R::of(eps_root * correction),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
        }
    }

    /// What a step is made of: the look ahead, the root that divides it, and the new averages. `EPS_ROOT`:
    /// something is added inside the root.
    #[inline(always)]
    pub fn follow<const EPS_ROOT: bool>(&self, g: R, [m, v]: [R; 2]) -> (R, R, [R; 2]) {
        let (m, v) = (self.beta1.mix(m, g), self.beta2.mix(v, g * g));
        let square = if EPS_ROOT { v + self.eps_root } else { v };
        (self.ahead.mix(m, g), square.sqrt() * self.root_correction + self.eps, [m, v])
    }
}

impl<const EPS_ROOT: bool> ElementRule<2> for Ahead<EPS_ROOT> {
    const STATE: [&'static str; 2] = STATE;
    const KINDS: [StateKind; 2] = KINDS;
    const MEMORY: &'static [(&'static str, f64)] = &[("mu_product", 1.0)];
    type Scalars<R: Real> = Moments<R>;

    fn update_memory(&self, step: Step, _: &Sums, memory: &mut [f64]) {
        memory[0] *= self.momentum(step.t as f64);
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Moments<R> {
        let NAdam { beta1, beta2, eps, eps_root, .. } = self.0;
        let (t, product) = (step.t as f64, memory[0]);
        let (mu, next) = (self.momentum(t), self.momentum(t + 1.0));
        // with η, so that the look ahead is what θ moves by, times the root
        let ahead = Average::weighted(
            step.lr * next / (1.0 - product * next),
            step.lr * (1.0 - mu) / (1.0 - product),
        );
        Moments::new(step, ahead, (beta1, beta2), (eps, eps_root))
    }

    #[inline(always)]
    fn update<R: Real>(s: &Moments<R>, theta: R, g: R, state: [R; 2]) -> (R, [R; 2]) {
        let (ahead, root, state) = s.follow::<EPS_ROOT>(g, state);
        (theta - ahead / root, state)
    }
}
