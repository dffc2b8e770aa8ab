use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;
use crate::word_setting;

word_setting! {
    /// What [`Polyak`] does where the loss is below its bound.
    pub enum PolyakVariant {
        /// It steps back: the gap is taken as it is.
        #[default]
        Sps = "sps",
        /// It stays: the gap is taken as 0.
        SpsPlus = "sps+",
    }
}

crate::settings! {
    /// Gradient descent whose rate is the gap of the loss to its lower bound over the squared norm of the gradient.
    ///
    /// # Formula
    /// ```text
    /// gap = f − f_min                     max(f − f_min, 0) with sps+
    /// a = min(gap / (‖g‖² + ε), η)        0 where ‖g‖² + ε ≤ 2⁻⁵²
    /// θ ← θ − ag
    /// ```
    /// f is the loss of the step's gradient; ‖g‖² is summed over all tensors.
    ///
    /// # State
    /// `rate`, the last a: one number for each tensor.
    ///
    /// # Differences
    /// optax: η is its `max_learning_rate`; its `scaling` is left out, since it scales the gradient before the norm
    /// is taken, and so divides the step by what it is meant to multiply it by. The paper divides the gap by c‖g‖²
    /// with a constant c; here c = 1.
    ///
    /// # Errors
    /// Settings outside their range. A step without a loss is [`Error::LossNeeded`](crate::Error::LossNeeded).
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Polyak, Slot, StepArgs};
    /// let mut theta = [3.0f64];
    /// let mut polyak = Optimizer::builder(Polyak::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// // f = θ²: half the way to the minimum in each step
    /// let (f, g) = (theta[0] * theta[0], 2.0 * theta[0]);
    /// let args = StepArgs { loss: Some(f), ..StepArgs::from(1.0) };
    /// polyak.step(args, &mut [Slot::new(&mut theta, &[g])])?;
    /// assert!((theta[0] - 1.5).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Loizou et al., Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast Convergence, AISTATS 2021,
    /// SPS_max; sps+: Garrigos, Gower & Schaipp, Function Value Learning: Adaptive Learning Rates Based on the
    /// Polyak Stepsize and Function Splitting in ERM, arXiv:2307.14528, 2023.
    pub struct Polyak("polyak") {
        /// the lower bound of the loss; 0 for a model that can fit its data
        f_min: f64 = 0.0, Range::FINITE;
        /// ε, added to the squared norm
        eps: f64 = 0.0, Range::NON_NEGATIVE;
        /// what happens where the loss is below its bound
        variant: PolyakVariant = PolyakVariant::Sps;
    }
}

impl IntoRule for Polyak {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Coupled(0.0), element(Gap(self.clone())))
    }
}

struct Gap(Polyak);

impl ElementRule<0> for Gap {
    const STATE: [&'static str; 0] = [];
    const KINDS: [StateKind; 0] = [];
    const MEMORY: &'static [(&'static str, f64)] = &[("rate", 0.0)];
    const SCOPE: Scope = Scope::All;
    const SUMS: usize = 1;
    const NEEDS_LOSS: bool = true;
    type Scalars<R: Real> = R;

    fn scalars<R: Real>(&self, _: Step, memory: &[f64]) -> R {
        R::of(memory[0])
    }

    #[inline(always)]
    fn measure<R: Real>(_: &R, _: R, g: R, []: [R; 0]) -> Sums {
        let g = g.wide();
        let mut sums = [0.0; MAX_SUMS];
        sums[0] = g * g;
        sums
    }

    fn update_memory(&self, step: Step, sums: &Sums, memory: &mut [f64]) {
        let gap = step.loss.unwrap_or(self.0.f_min) - self.0.f_min;
        let gap = if self.0.variant == PolyakVariant::SpsPlus { gap.max(0.0) } else { gap };
        let square = sums[0] + self.0.eps;
        memory[0] = if square <= f64::EPSILON { 0.0 } else { (gap / square).min(step.lr) };
    }

    #[inline(always)]
    fn update<R: Real>(rate: &R, theta: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (theta - *rate * g, [])
    }
}
