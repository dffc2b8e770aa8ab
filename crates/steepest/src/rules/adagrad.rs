use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, Rule, Step};
use crate::settings::Range;

crate::settings! {
    /// Steps that shrink with the sum of all squared gradients: large for rare features.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// s ← s + g²
    /// θ ← θ − η / (1 + (t − 1)·lr_decay) · g / (√s + ε)
    /// ```
    ///
    /// # State
    /// `sum`, the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none. optax and Keras start the sum at 0.1 and put ε = 1e-7 inside the root:
    /// `g/√(s + ε)`; the paper has no ε.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adagrad, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64, 2.0];
    /// let mut adagrad = Optimizer::builder(Adagrad::default())
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// adagrad.step(0.5, &mut [Slot::new(&mut theta, &[3.0, -4.0])])?;
    /// assert!((theta[0] - 0.5).abs() < 1e-9 && (theta[1] - 2.5).abs() < 1e-9);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Duchi, Hazan & Singer, Adaptive Subgradient Methods for Online Learning and Stochastic
    /// Optimization, JMLR 12, 2011, section 1.1 with diagonal matrices.
    pub struct Adagrad("adagrad") {
        /// how fast the learning rate falls with the step number
        lr_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// what the sum of squares begins with
        initial_accumulator_value: f64 = 0.0, Range::NON_NEGATIVE;
        /// ε, added to the root of the sum
        eps: f64 = 1e-10, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Adagrad {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Coupled(self.weight_decay), element(Sum(self.clone())))
    }
}

struct Sum(Adagrad);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    eps: R,
}

impl ElementRule<1> for Sum {
    const STATE: [&'static str; 1] = ["sum"];
    type Scalars<R: Real> = Scalars<R>;

    fn initial(&self) -> [f64; 1] {
        [self.0.initial_accumulator_value]
    }

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let lr = step.lr / (1.0 + (step.t - 1) as f64 * self.0.lr_decay);
        Scalars { lr: R::of(lr), eps: R::of(self.0.eps) }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [sum]: [R; 1]) -> (R, [R; 1]) {
        let sum = sum + g * g;
        (theta - s.lr * g / (sum.sqrt() + s.eps), [sum])
    }
}
