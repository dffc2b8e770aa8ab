use crate::error::Result;
use crate::kernel::{ElementKernel, element};
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range, Settings, only_in};

crate::settings! {
    /// Steps along a moving average of the gradient, divided by the root of a moving average of its
    /// square.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// w ← max(w, v)             with amsgrad, else w = v
    /// θ ← θ − η/(1 − β₁ᵗ) · m / (√w / √(1 − β₂ᵗ) + ε)
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`; `max_exp_avg_sq` with amsgrad. Each has the parameter's shape,
    /// 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none. optax: the same, but it can add `eps_root` inside the root, and with amsgrad (its
    /// `amsgrad`) takes the maximum over the corrected average `v/(1 − β₂ᵗ)`; it has no λ, and its
    /// `nesterov` is our `nadam` in dialect optax. Keras and the paper's "efficient" form put ε next to the
    /// uncorrected root: `η√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√w + ε)`; Keras with ε = 1e-7 and decoupled weight
    /// decay.
    ///
    /// # Errors
    /// Settings outside their range; `eps_root` in another dialect than optax.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adam, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f32, 1.0];
    /// let mut adam = Optimizer::builder(Adam::default())
    ///     .build([Param::new("theta", [2], DType::F32)])?;
    /// adam.step(0.1, &mut [Slot::new(&mut theta, &[1e-3f32, -1e3])])?;
    /// assert!((theta[0] - 0.9).abs() < 1e-5 && (theta[1] - 1.1).abs() < 1e-5);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1; amsgrad: Reddi,
    /// Kale & Kumar, On the Convergence of Adam and Beyond, ICLR 2018, algorithm 2.
    pub struct Adam("adam") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// added to the corrected average square, inside the root; optax only
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// divide by the largest average square so far
        amsgrad: bool = false;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    dialects { Torch {}, Optax {}, Keras { eps: 1e-7 } }
}

crate::settings! {
    /// Adam with decoupled weight decay: the weights shrink by the same fraction whatever their gradient.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// w ← max(w, v)             with amsgrad, else w = v
    /// θ ← θ − η/(1 − β₁ᵗ) · m / (√w / √(1 − β₂ᵗ) + ε)
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`; `max_exp_avg_sq` with amsgrad. Each has the parameter's shape,
    /// 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none. optax: the same algebra, λ = 1e-4 by default, and it can add `eps_root` inside the root.
    /// It knows amsgrad only without weight decay, where the maximum is of the corrected average; so it is
    /// here in dialect optax. Its `nesterov` is our `nadam` in dialect optax with decoupled decay. Keras: λ =
    /// 0.004, ε = 1e-7 next to the uncorrected root. The paper's λ is not multiplied by η but by its
    /// schedule.
    ///
    /// # Errors
    /// Settings outside their range; `eps_root` in another dialect than optax.
    ///
    /// # Example
    /// ```
    /// use steepest::{AdamW, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adamw = Optimizer::builder(AdamW { weight_decay: 0.5, ..AdamW::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adamw.step(0.1, &mut [Slot::new(&mut theta, &[3.0])])?;
    /// assert!((theta[0] - 0.85).abs() < 1e-8); // 0.95·1 − 0.1
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2.
    pub struct AdamW("adamw") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// added to the corrected average square, inside the root; optax only
        eps_root: f64 = 0.0, Range::NON_NEGATIVE;
        /// divide by the largest average square so far
        amsgrad: bool = false;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.01, Range::NON_NEGATIVE;
    }
    dialects { Torch {}, Optax { weight_decay: 1e-4 }, Keras { eps: 1e-7, weight_decay: 0.004 } }
}

impl IntoRule for Adam {
    fn into_rule(self) -> Result<Rule> {
        only_in(Self::OWNER, self.dialect, Dialect::Optax, "eps_root", self.eps_root != 0.0)?;
        let Self { beta1, beta2, eps, eps_root, amsgrad, weight_decay, dialect } = self;
        let decay = if dialect == Dialect::Keras { Decay::Decoupled } else { Decay::Coupled };
        Rule::element(
            &self,
            decay(weight_decay),
            Averages { beta1, beta2, eps, eps_root, dialect }.kernel(amsgrad),
        )
    }
}

impl IntoRule for AdamW {
    fn into_rule(self) -> Result<Rule> {
        only_in(Self::OWNER, self.dialect, Dialect::Optax, "eps_root", self.eps_root != 0.0)?;
        let Self { beta1, beta2, eps, eps_root, amsgrad, weight_decay, dialect } = self;
        let averages = Averages { beta1, beta2, eps, eps_root, dialect };
        Rule::element(&self, Decay::Decoupled(weight_decay), averages.kernel(amsgrad))
    }
}

/// What Adam and AdamW have in common: all but the kind of their weight decay.
pub(super) struct Averages {
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub eps_root: f64,
    pub dialect: Dialect,
}

impl Averages {
    fn kernel(self, amsgrad: bool) -> Box<dyn ElementKernel> {
        // without them, optax's formula is torch's
        let corrected = self.dialect == Dialect::Optax && (amsgrad || self.eps_root > 0.0);
        match (amsgrad, corrected) {
            (false, false) => element::<_, 2>(Moments::<false, false>(self)),
            (false, true) => element::<_, 2>(Moments::<false, true>(self)),
            (true, false) => element::<_, 3>(Moments::<true, false>(self)),
            (true, true) => element::<_, 3>(Moments::<true, true>(self)),
        }
    }
}

/// The arrays of Adam and its kin: two, or three with the largest average square.
pub(super) const fn names<const N: usize>() -> [&'static str; N] {
    let mut names = ["exp_avg"; N];
    names[1] = "exp_avg_sq";
    if N > 2 {
        names[2] = "max_exp_avg_sq";
    }
    names
}

/// What they hold.
pub(super) const fn holds<const N: usize>() -> [StateKind; N] {
    let mut holds = [StateKind::Unsigned; N];
    holds[0] = StateKind::Signed;
    holds
}

/// `CORRECTED`: the average square is corrected before its maximum is taken and `eps_root` added.
pub(super) struct Moments<const AMSGRAD: bool, const CORRECTED: bool>(pub Averages);

#[derive(Debug, Clone, Copy)]
pub(super) struct Scalars<R> {
    /// η / (1 − β₁ᵗ)
    rate: R,
    /// 1 / (1 − β₂ᵗ)
    correction: R,
    /// its root
    root_correction: R,
    eps: R,
    eps_root: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl<const AMSGRAD: bool, const CORRECTED: bool, const N: usize> ElementRule<N>
    for Moments<AMSGRAD, CORRECTED>
{
    const STATE: [&'static str; N] = names();
    const KINDS: [StateKind; N] = holds();
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let Averages { beta1, beta2, eps, eps_root, dialect } = self.0;
        let correction = 1.0 / step.bias_correction(beta2);
        let root_correction = 1.0 / step.bias_correction(beta2).sqrt();
        // ε next to the uncorrected root is ε/√(1 − β₂ᵗ) next to the corrected one
        let eps = if dialect == Dialect::Keras { eps * root_correction } else { eps };
        Scalars {
            rate: R::of(step.lr / step.bias_correction(beta1)),
            correction: R::of(correction),
            root_correction: R::of(root_correction),
            eps: R::beside_root(eps),
            eps_root: R::of(eps_root),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let m = s.beta1.mix(state[0], g);
        let v = s.beta2.mix(state[1], g * g);
        (state[0], state[1]) = (m, v);
        let mut w = if CORRECTED { v * s.correction } else { v };
        if AMSGRAD {
            w = state[2].max(w);
            state[2] = w;
        }
        let root = if CORRECTED { (w + s.eps_root).sqrt() } else { w.sqrt() * s.root_correction };
        (theta - s.rate * m / (root + s.eps), state)
    }
}
