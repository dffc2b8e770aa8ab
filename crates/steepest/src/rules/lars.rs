use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Momentum whose every step is scaled, for each tensor, to a fraction of that tensor's norm.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// r = τ‖θ‖ / (‖g‖ + ε)      1 where either norm is 0
    /// b ← μb + ηrg
    /// θ ← θ − b                 with nesterov θ − (ηrg + μb)
    /// ```
    /// Norms are those of the whole tensor.
    ///
    /// # State
    /// `velocity`, the parameter's shape, 4 bytes per element (8 for f64). `trust_ratio`, the last r: one number for
    /// each tensor.
    ///
    /// # Differences
    /// optax: none. The paper takes ‖g‖ + λ‖θ‖, norms of the parts, where here the norm of the sum g + λθ is taken.
    /// Many implementations leave biases and normalization layers unscaled and undecayed: give them a group with
    /// another rule.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Lars, Optimizer, Param, Slot};
    /// let mut theta = [3.0f64, -4.0];
    /// let mut lars = Optimizer::builder(Lars { trust_coefficient: 0.1, ..Lars::default() })
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// lars.step(1.0, &mut [Slot::new(&mut theta, &[0.0, 1e6])])?;
    /// assert!((theta[0] - 3.0).abs() < 1e-12 && (theta[1] + 4.5).abs() < 1e-12); // by 0.1·5
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// You, Gitman & Ginsburg, Large Batch Training of Convolutional Networks, arXiv:1708.03888, 2017, algorithm 1.
    pub struct Lars("lars") {
        /// λ, the L2 penalty, added to the gradient before it is measured
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// τ, the fraction of a tensor's norm that a step of rate 1 moves it by
        trust_coefficient: f64 = 0.001, Range::POSITIVE;
        /// ε, added to the norm of the gradient
        eps: f64 = 0.0, Range::NON_NEGATIVE;
        /// μ, fraction of the old velocity that is kept
        momentum: f64 = 0.9, Range::RATE;
        /// look ahead along the velocity
        nesterov: bool = false;
    }
}

impl IntoRule for Lars {
    fn into_rule(self) -> Result<Rule> {
        let decay = Decay::Coupled(self.weight_decay);
        let kernel = if self.nesterov {
            element(Layerwise::<true>(self.clone()))
        } else {
            element(Layerwise::<false>(self.clone()))
        };
        Rule::element(&self, decay, kernel)
    }
}

struct Layerwise<const NESTEROV: bool>(Lars);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// ηr
    rate: R,
    momentum: R,
}

impl<const NESTEROV: bool> ElementRule<1> for Layerwise<NESTEROV> {
    const STATE: [&'static str; 1] = ["velocity"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    const MEMORY: &'static [(&'static str, f64)] = &[("trust_ratio", 1.0)];
    const SCOPE: Scope = Scope::Tensor;
    const SUMS: usize = 2;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        Scalars { rate: R::of(step.lr * memory[0]), momentum: R::of(self.0.momentum) }
    }

    #[inline(always)]
    fn measure<R: Real>(_: &Scalars<R>, theta: R, g: R, _: [R; 1]) -> Sums {
        let (theta, g) = (theta.wide(), g.wide());
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1]) = (theta * theta, g * g);
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let (theta, g) = (sums[0].sqrt(), sums[1].sqrt());
        // so that a tensor of zeros can be left
        let zero = theta == 0.0 || g == 0.0;
        memory[0] = if zero { 1.0 } else { self.0.trust_coefficient * theta / (g + self.0.eps) };
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [b]: [R; 1]) -> (R, [R; 1]) {
        let step = s.rate * g;
        let b = s.momentum * b + step;
        let d = if NESTEROV { step + s.momentum * b } else { b };
        (theta - d, [b])
    }
}
