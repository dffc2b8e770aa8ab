use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range, Settings, only_in};

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
    /// torch: none. optax and Keras start the sum at 0.1, put ε = 1e-7 inside the root, `g/√(s + ε)`, and
    /// know no `lr_decay`; where s is 0, optax takes no step, and so does this for both. optax has no λ;
    /// Keras's is decoupled. The paper has no ε.
    ///
    /// # Errors
    /// Settings outside their range; `lr_decay` in another dialect than torch.
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
        /// how fast the learning rate falls with the step number; torch only
        lr_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// what the sum of squares begins with
        initial_accumulator_value: f64 = 0.0, Range::NON_NEGATIVE;
        /// ε, added to the root of the sum; optax and Keras: to the sum
        eps: f64 = 1e-10, Range::NON_NEGATIVE;
    }
    dialects {
        Torch {},
        Optax { initial_accumulator_value: 0.1, eps: 1e-7 },
        Keras { initial_accumulator_value: 0.1, eps: 1e-7 },
    }
}

impl IntoRule for Adagrad {
    fn into_rule(self) -> Result<Rule> {
        only_in(Self::OWNER, self.dialect, Dialect::Torch, "lr_decay", self.lr_decay != 0.0)?;
        let decay = if self.dialect == Dialect::Keras { Decay::Decoupled } else { Decay::Coupled };
        let body = match self.dialect {
            Dialect::Torch => element(Sum::<false>(self.clone())),
            _ => element(Sum::<true>(self.clone())),
        };
        Rule::element(&self, decay(self.weight_decay), body)
    }
}

/// `INSIDE`: ε is added inside the root.
struct Sum<const INSIDE: bool>(Adagrad);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    eps: R,
}

impl<const INSIDE: bool> ElementRule<1> for Sum<INSIDE> {
    const STATE: [&'static str; 1] = ["sum"];
    const KINDS: [StateKind; 1] = [StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn initial(&self) -> [f64; 1] {
        [self.0.initial_accumulator_value]
    }

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let lr = step.lr / (1.0 + (step.t - 1) as f64 * self.0.lr_decay);
        let eps = if INSIDE { R::below_root(self.0.eps) } else { R::beside_root(self.0.eps) };
        Scalars { lr: R::of(lr), eps }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [sum]: [R; 1]) -> (R, [R; 1]) {
        let sum = sum + g * g;
        if INSIDE {
            let zero = R::of(0.0);
            let rate = (s.lr / (sum + s.eps).sqrt()).or(sum > zero, zero);
            return (theta - rate * g, [sum]);
        }
        (theta - s.lr * g / (sum.sqrt() + s.eps), [sum])
    }
}
