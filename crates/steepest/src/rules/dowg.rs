use super::dog::{Scalars, squares};
use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Gradient descent whose rate grows with the square of the distance from the start: DoG with weighted gradients.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// D² ← max(D², ‖θ − θ₀‖²)      at first d0_sq
    /// V ← V + D²‖g‖²
    /// θ ← θ − η · D²/(√V + ε) · g
    /// ```
    /// Norms are those of all tensors together.
    ///
    /// # State
    /// `start`, which is θ₀: the parameter's shape, 4 bytes per element (8 for f64). `distance_sq` and
    /// `weighted_squares`, which are D² and V: two numbers for each tensor.
    ///
    /// # Differences
    /// optax: none, except that its D² begins as its ε, where no other value is given. The paper has no ε in the
    /// formula.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, DoWG, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut dowg = Optimizer::builder(DoWG { d0_sq: 0.04, eps: 0.0, ..DoWG::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// dowg.step(1.0, &mut [Slot::new(&mut theta, &[50.0])])?;
    /// assert!((theta[0] - 0.8).abs() < 1e-12); // by D = √0.04
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Khaled, Mishchenko & Jin, DoWG Unleashed: An Efficient Universal Parameter-Free Gradient Descent Method,
    /// NeurIPS 2023, algorithm 1.
    pub struct DoWG("dowg") {
        /// the first D², the square of a distance that is surely too short
        d0_sq: f64 = 1e-4, Range::POSITIVE;
        /// ε, added to the root of the weighted sum
        eps: f64 = 1e-4, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for DoWG {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Coupled(self.weight_decay), element(Distance(self.clone())))
    }
}

struct Distance(DoWG);

impl ElementRule<1> for Distance {
    const STATE: [&'static str; 1] = ["start"];
    const KINDS: [StateKind; 1] = [StateKind::Point];
    const MEMORY: &'static [(&'static str, f64)] = &[("distance_sq", 0.0), ("weighted_squares", 0.0)];
    const SCOPE: Scope = Scope::All;
    const SUMS: usize = 2;
    type Scalars<R: Real> = Scalars<R>;

    fn first_memory(&self, memory: &mut [f64]) {
        memory[0] = self.0.d0_sq;
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let root = memory[1].sqrt() + self.0.eps;
        // before the first gradient that is not 0 there is nothing to divide by, or to move along
        let rate = if memory[1] > 0.0 { step.lr * memory[0] / root } else { 0.0 };
        Scalars { rate: R::of(rate), first: step.t == 1 }
    }

    #[inline(always)]
    fn measure<R: Real>(s: &Scalars<R>, theta: R, g: R, [start]: [R; 1]) -> Sums {
        let [moved, gradient, ..] = squares(s, theta, g, start);
        [moved, gradient, 0.0, 0.0]
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        memory[0] = memory[0].max(sums[0]);
        memory[1] += memory[0] * sums[1];
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [start]: [R; 1]) -> (R, [R; 1]) {
        (theta - s.rate * g, [theta.or(s.first, start)])
    }
}
