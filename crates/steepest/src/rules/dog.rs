use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Gradient descent whose rate is the largest distance from the start over the root of all squared gradients.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// r ← max(r, ‖θ − θ₀‖)      at first reps_rel·(1 + ‖θ₀‖)
    /// G ← G + ‖g‖²
    /// θ ← θ − η · r/√(G + ε) · g
    /// ```
    /// Norms are those of all tensors together; with `layerwise` (L-DoG) those of each tensor alone.
    ///
    /// # State
    /// `start`, which is θ₀: the parameter's shape, 4 bytes per element (8 for f64). `max_distance` and
    /// `sum_of_squares`, which are r and G: two numbers for each tensor.
    ///
    /// # Differences
    /// The authors' code and optax: none; optax can also begin with a distance, and both with a rate, given as a number.
    /// The paper evaluates a polynomially weighted average of the weights, which its authors recommend; it is not part of this
    /// rule.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, DoG, Optimizer, Param, Slot};
    /// let mut theta = [3.0f64, -4.0];
    /// let mut dog = Optimizer::builder(DoG { reps_rel: 0.1, ..DoG::default() })
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// dog.step(1.0, &mut [Slot::new(&mut theta, &[0.0, -7.0])])?;
    /// assert!((theta[0] - 3.0).abs() < 1e-6 && (theta[1] + 3.4).abs() < 1e-6); // by 0.1·(1 + 5)
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Ivgi, Hinder & Carmon, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule, ICML 2023,
    /// equation DoG; L-DoG: its appendix on the layer-wise variant.
    pub struct DoG("dog") {
        /// the first distance, as a fraction of 1 + ‖θ₀‖; 1e-4 for networks with batch normalization
        reps_rel: f64 = 1e-6, Range::POSITIVE;
        /// ε, added to the sum of squares
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// a distance and a sum for each tensor alone (L-DoG)
        layerwise: bool = false;
    }
}

impl IntoRule for DoG {
    fn into_rule(self) -> Result<Rule> {
        let decay = Decay::Coupled(self.weight_decay);
        let rule = self.clone();
        let kernel =
            if self.layerwise { element(Distance::<true>(rule)) } else { element(Distance::<false>(rule)) };
        Rule::element(&self, decay, kernel)
    }
}

struct Distance<const LAYERWISE: bool>(DoG);

#[derive(Debug, Clone, Copy)]
pub(super) struct Scalars<R> {
    pub rate: R,
    /// whether this is the tensor's first step: what it holds is the start
    pub first: bool,
}

/// `‖θ − θ₀‖²`, `‖g‖²` and `‖θ‖²` of one element.
#[inline(always)]
pub(super) fn squares<R: Real>(s: &Scalars<R>, theta: R, g: R, start: R) -> Sums {
    let moved = (theta - theta.or(s.first, start)).wide();
    let (theta, g) = (theta.wide(), g.wide());
    let mut sums = [0.0; MAX_SUMS];
    (sums[0], sums[1], sums[2]) = (moved * moved, g * g, theta * theta);
    sums
}

impl<const LAYERWISE: bool> ElementRule<1> for Distance<LAYERWISE> {
    const STATE: [&'static str; 1] = ["start"];
    const KINDS: [StateKind; 1] = [StateKind::Point];
    const MEMORY: &'static [(&'static str, f64)] = &[("max_distance", 0.0), ("sum_of_squares", 0.0)];
    const SCOPE: Scope = if LAYERWISE { Scope::Tensor } else { Scope::All };
    const SUMS: usize = 3;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let root = (memory[1] + self.0.eps).sqrt();
        // before the first gradient that is not 0 there is nothing to divide by, or to move along
        let rate = if memory[1] > 0.0 { step.lr * memory[0] / root } else { 0.0 };
        Scalars { rate: R::of(rate), first: step.t == 1 }
    }

    #[inline(always)]
    fn measure<R: Real>(s: &Scalars<R>, theta: R, g: R, [start]: [R; 1]) -> Sums {
        squares(s, theta, g, start)
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        // not by the step number: a tensor may join the others later
        let least = if memory[0] > 0.0 { memory[0] } else { self.0.reps_rel * (1.0 + sums[2].sqrt()) };
        memory[0] = least.max(sums[0].sqrt());
        memory[1] += sums[1];
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [start]: [R; 1]) -> (R, [R; 1]) {
        (theta - s.rate * g, [theta.or(s.first, start)])
    }
}
