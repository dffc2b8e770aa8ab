use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range};

crate::settings! {
    /// Adam with the largest recent gradient in place of the root mean square.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// m ← β₁m + (1 − β₁)g
    /// u ← max(β₂u, |g| + ε)
    /// θ ← θ − η/(1 − β₁ᵗ) · m / u
    /// ```
    ///
    /// # State
    /// `exp_avg` (m) and `exp_inf` (u), each of the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch and optax: none, but that optax has no λ. Keras adds ε = 1e-7 to u at the division instead of to
    /// |g|, `u ← max(β₂u, |g|)` and `m/(u + ε)`, and its weight decay is decoupled. The paper has no ε.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adamax, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adamax = Optimizer::builder(Adamax::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adamax.step(0.1, &mut [Slot::new(&mut theta, &[-7.0])])?;
    /// assert!((theta[0] - 1.1).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 2.
    pub struct Adamax("adamax") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old maximum that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the size of each gradient; Keras: to u
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    dialects { Torch {}, Keras { eps: 1e-7 } }
}

impl IntoRule for Adamax {
    fn into_rule(self) -> Result<Rule> {
        match self.dialect {
            Dialect::Keras => {
                let decay = Decay::Decoupled(self.weight_decay);
                Rule::element(&self, decay, element(Largest::<true>(self.clone())))
            }
            _ => {
                let decay = Decay::Coupled(self.weight_decay);
                Rule::element(&self, decay, element(Largest::<false>(self.clone())))
            }
        }
    }
}

/// `OUTSIDE`: ε is added to the maximum, not to what it is taken of.
struct Largest<const OUTSIDE: bool>(Adamax);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// η / (1 − β₁ᵗ)
    rate: R,
    eps: R,
    beta1: Average<R>,
    beta2: R,
}

impl<const OUTSIDE: bool> ElementRule<2> for Largest<OUTSIDE> {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_inf"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            rate: R::of(step.lr / step.bias_correction(self.0.beta1)),
            eps: R::beside_root(self.0.eps),
            beta1: Average::new(self.0.beta1),
            beta2: R::of(self.0.beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, u]: [R; 2]) -> (R, [R; 2]) {
        let m = s.beta1.mix(m, g);
        if OUTSIDE {
            let u = (s.beta2 * u).max(g.abs());
            return (theta - s.rate * m / (u + s.eps), [m, u]);
        }
        let u = (s.beta2 * u).max(g.abs() + s.eps);
        (theta - s.rate * m / u, [m, u])
    }
}
