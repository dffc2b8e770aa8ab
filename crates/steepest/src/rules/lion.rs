use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Steps of one size: along the sign of a moving average that gives the newest gradient more weight.
    ///
    /// # Formula
    /// ```text
    /// u ← sign(β₁m + (1 − β₁)g)
    /// m ← β₂m + (1 − β₂)g
    /// θ ← θ − η(u + λθ)
    /// ```
    /// sign(0) is 0.
    ///
    /// # State
    /// `exp_avg`, the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: none. lion-pytorch, Keras: the weights decay before the step, θ ← (1 − ηλ)θ − ηu, which is the
    /// same but for rounding; lion-pytorch has λ = 0, optax 1e-3.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Lion, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64, 1.0, 0.0];
    /// let mut lion = Optimizer::builder(Lion::default())
    ///     .build([Param::new("theta", [3], DType::F64)])?;
    /// lion.step(0.1, &mut [Slot::new(&mut theta, &[1e-9, -3.0, 0.0])])?;
    /// assert!((theta[0] - 0.8999).abs() < 1e-12 && (theta[1] - 1.0999).abs() < 1e-12);
    /// assert_eq!(theta[2], 0.0);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Chen et al., Symbolic Discovery of Optimization Algorithms, NeurIPS 2023, algorithm 2.
    pub struct Lion("lion") {
        /// β₁, weight of the average in the direction of the step
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average gradient that is kept
        beta2: f64 = 0.99, Range::RATE;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 1e-3, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Lion {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(Sign(self.clone())))
    }
}

pub(super) struct Sign(pub Lion);

#[derive(Debug, Clone, Copy)]
pub(super) struct Scalars<R> {
    lr: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl ElementRule<1> for Sign {
    const STATE: [&'static str; 1] = ["exp_avg"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars { lr: R::of(step.lr), beta1: Average::new(self.0.beta1), beta2: Average::new(self.0.beta2) }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m]: [R; 1]) -> (R, [R; 1]) {
        (theta - s.lr * s.beta1.mix(m, g).sign(), [s.beta2.mix(m, g)])
    }
}
