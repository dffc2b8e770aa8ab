use crate::error::Result;
use crate::kernel::{ElementKernel, element};
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, Step};
use crate::settings::Range;

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
    /// torch: none. optax: the same without amsgrad, whose maximum it takes over the corrected
    /// average. Keras and the paper's "efficient" form put ε beside the uncorrected root:
    /// `η√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)`, Keras with ε = 1e-7.
    ///
    /// # Errors
    /// Settings outside their range.
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
        /// β₁, share of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, share of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// divide by the largest average square so far
        amsgrad: bool = false, Range::FINITE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

crate::settings! {
    /// Adam with decoupled weight decay: the weights shrink by the same share whatever their gradient.
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
    /// torch: none. optax: the same algebra, λ = 1e-4 by default. Keras: λ = 0.004, ε = 1e-7 beside the
    /// uncorrected root. The paper's λ is not multiplied by η but by its schedule.
    ///
    /// # Errors
    /// Settings outside their range.
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
        /// β₁, share of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, share of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// divide by the largest average square so far
        amsgrad: bool = false, Range::FINITE;
        /// λ: a step of rate η shrinks the weights by the share ηλ
        weight_decay: f64 = 0.01, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Adam {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(
            &self,
            Decay::Coupled(self.weight_decay),
            moments(self.beta1, self.beta2, self.eps, self.amsgrad),
        )
    }
}

impl IntoRule for AdamW {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(
            &self,
            Decay::Decoupled(self.weight_decay),
            moments(self.beta1, self.beta2, self.eps, self.amsgrad),
        )
    }
}

pub(super) fn moments(beta1: f64, beta2: f64, eps: f64, amsgrad: bool) -> Box<dyn ElementKernel> {
    if amsgrad {
        element::<_, 3>(Moments::<true> { beta1, beta2, eps })
    } else {
        element::<_, 2>(Moments::<false> { beta1, beta2, eps })
    }
}

struct Moments<const AMSGRAD: bool> {
    beta1: f64,
    beta2: f64,
    eps: f64,
}

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

impl<const AMSGRAD: bool, const N: usize> ElementRule<N> for Moments<AMSGRAD> {
    const STATE: [&'static str; N] = {
        let mut names = ["exp_avg"; N];
        names[1] = "exp_avg_sq";
        if AMSGRAD {
            names[2] = "max_exp_avg_sq";
        }
        names
    };
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            rate: R::of(step.lr / step.bias_correction(self.beta1)),
            root_correction: R::of(1.0 / step.bias_correction(self.beta2).sqrt()),
            eps: R::of(self.eps),
            beta1: Average::new(self.beta1),
            beta2: Average::new(self.beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let m = s.beta1.mix(state[0], g);
        let v = s.beta2.mix(state[1], g * g);
        (state[0], state[1]) = (m, v);
        let mut w = v;
        if AMSGRAD {
            w = state[2].max(v);
            state[2] = w;
        }
        (theta - s.rate * m / (w.sqrt() * s.root_correction + s.eps), state)
    }
}
