use crate::error::Result;
use crate::kernel::{ElementKernel, element};
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step, Sums};
use crate::settings::{Dialect, Range};

crate::settings! {
    /// Follows the regularized leader: the weights that would have done best against all gradients so far,
    /// near the past points and, with λ₁, exactly zero where they do not pay.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ,  p = −learning_rate_power
    /// n ← n + g²                                   n begins with the initial accumulator value
    /// q_t = (β + nᵖ) / η                           the inverse rate; q₀ = 0
    /// z ← z + g + 2·l2_shrinkage·θ − (q_t − q_{t−1})θ
    /// θ ← (clamp(z, ±λ₁) − z) / (q_t + λ₂)
    ///
    /// keras:  z ← z + g + 2·l2_shrinkage·θ − (nᵖ − n₋ᵖ)/η · θ         n₋: n of the step before
    ///         θ ← (clamp(z, ±λ₁) − z) / (q_t + 2λ₂)
    /// ```
    /// Where the denominator is 0, θ stays. A step with η = 0 changes nothing.
    ///
    /// # State
    /// `accumulator` (n), `linear` (z). Each has the parameter's shape, 4 bytes per element (8 for f64). Two
    /// numbers for each tensor, `inverse_rate` and `inverse_rate_before`: 1/η of this step and the one before.
    ///
    /// # Differences
    /// The paper's algorithm has a constant η and begins at θ = 0, where it is the same as here; for other
    /// starts and a changing η this keeps to its definition, in which the σ up to step t sum to q_t. Keras:
    /// `dialect = keras`, with its defaults n = 0.1 and β = 0. There the step forgets θ unless it began with 0, and
    /// when η falls, all weights shrink with it. Keras's own weight decay shrinks the weights before the step.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Ftrl, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64, 0.0];
    /// let mut ftrl = Optimizer::builder(Ftrl { l1: 0.5, ..Ftrl::default() })
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// // rate 0.1/(1 + |g|)
    /// ftrl.step(0.1, &mut [Slot::new(&mut theta, &[3.0, 0.4])])?;
    /// assert!((theta[0] - (1.0 - (3.0 + 0.5) * 0.1 / 4.0)).abs() < 1e-12);
    /// assert_eq!(theta[1], 0.0);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013, section 3 and algorithm 1.
    pub struct Ftrl("ftrl") {
        /// −p, how the rate falls with the sum of squares
        learning_rate_power: f64 = -0.5, Range::new(-1.0, false, 0.0, false);
        /// β, added to the power of the sum of squares
        beta: f64 = 1.0, Range::NON_NEGATIVE;
        /// λ₁, the L1 penalty
        l1: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ₂, the L2 penalty against all gradients so far
        l2: f64 = 0.0, Range::NON_NEGATIVE;
        /// half the L2 penalty of this step, which is not in the sum of squares
        l2_shrinkage: f64 = 0.0, Range::NON_NEGATIVE;
        /// what the sum of squares begins with
        initial_accumulator_value: f64 = 0.0, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    dialects { Paper {}, Keras { beta: 0.0, initial_accumulator_value: 0.1 } }
}

impl IntoRule for Ftrl {
    fn into_rule(self) -> Result<Rule> {
        let root = self.learning_rate_power == -0.5;
        let body: Box<dyn ElementKernel> =
            if root { element(Leader::<true>(self.clone())) } else { element(Leader::<false>(self.clone())) };
        Rule::element(&self, Decay::Coupled(self.weight_decay), body)
    }
}

/// `ROOT`: whether p is ½.
struct Leader<const ROOT: bool>(Ftrl);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// 1/η
    inverse_rate: R,
    /// What q of the step before was made with.
    inverse_rate_before: R,
    /// The part of σ = q_t − q_{t−1}, and of the denominator, that is the same for all elements.
    sigma: R,
    denominator: R,
    shrinkage: R,
    l1: R,
    zero: R,
    power: f64,
    frozen: bool,
}

impl<const ROOT: bool> ElementRule<2> for Leader<ROOT> {
    const STATE: [&'static str; 2] = ["accumulator", "linear"];
    const KINDS: [StateKind; 2] = [StateKind::Unsigned, StateKind::Signed];
    const MEMORY: &'static [(&'static str, f64)] = &[("inverse_rate", 0.0), ("inverse_rate_before", 0.0)];
    type Scalars<R: Real> = Scalars<R>;

    fn initial(&self) -> [f64; 2] {
        [self.0.initial_accumulator_value, 0.0]
    }

    fn update_memory(&self, step: Step, _: &Sums, memory: &mut [f64]) {
        if step.lr != 0.0 {
            memory[1] = memory[0];
            memory[0] = 1.0 / step.lr;
        }
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let Ftrl { learning_rate_power, beta, l1, l2, l2_shrinkage, dialect, .. } = self.0;
        let keras = dialect == Dialect::Keras;
        let (now, before) = (memory[0], memory[1]);
        Scalars {
            inverse_rate: R::of(now),
            inverse_rate_before: R::of(if keras { now } else { before }),
            sigma: R::of(if keras { 0.0 } else { beta * (now - before) }),
            denominator: R::of(beta * now + if keras { 2.0 * l2 } else { l2 }),
            shrinkage: R::of(2.0 * l2_shrinkage),
            l1: R::of(l1),
            zero: R::of(0.0),
            power: -learning_rate_power,
            frozen: step.lr == 0.0,
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [n, z]: [R; 2]) -> (R, [R; 2]) {
        let power = |n: R| if ROOT { n.sqrt() } else { n.power(s.power) };
        let sum = n + g * g;
        let q = power(sum) * s.inverse_rate;
        let sigma = s.sigma + (q - power(n) * s.inverse_rate_before);
        let linear = z + (g + s.shrinkage * theta - sigma * theta);
        let denominator = q + s.denominator;
        let led = theta.or(denominator == s.zero, (linear.clamp_to(s.l1) - linear) / denominator);
        (theta.or(s.frozen, led), [n.or(s.frozen, sum), z.or(s.frozen, linear)])
    }
}
