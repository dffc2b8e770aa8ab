use crate::error::Result;
use crate::kernel::{ElementKernel, element};
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Dual averaging: each point is the start plus a scaled sum of all gradients, with a cube root in place of
    /// Adagrad's square root.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ                       not if decoupled
    /// a_t = (η + ε)√t                  0 where η is 0
    /// s ← s + a_t·g
    /// ν ← ν + a_t·g²
    /// z = θ₀ − s / (∛ν + ε)            θ₀: the start
    /// θ ← μθ + (1 − μ)z
    /// θ ← μθ + (1 − μ)z − (η + ε)λθ    decoupled
    /// ```
    ///
    /// # State
    /// `grad_sum_sq` (ν), `s`; `x0` (θ₀) with momentum. Each has the parameter's shape, 4 bytes per element (8
    /// for f64). Without momentum, θ₀ is θ + s/(∛ν + ε) of the step before.
    ///
    /// # Differences
    /// The authors' package madgrad: none. The paper has no ε beside η.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Madgrad, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut madgrad = Optimizer::builder(Madgrad { eps: 0.0, ..Madgrad::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// madgrad.step(0.125, &mut [Slot::new(&mut theta, &[8.0])])?;
    /// // s = 1, ν = 8, z = 1 − 1/2
    /// assert!((theta[0] - 0.95).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Defazio & Jelassi, Adaptivity without Compromise: A Momentumized, Adaptive, Dual Averaged Gradient
    /// Method for Stochastic Optimization, JMLR 23, 2022, algorithm 1.
    pub struct Madgrad("madgrad") {
        /// μ, how much of θ is kept; 1 − c of the paper
        momentum: f64 = 0.9, Range::RATE;
        /// ε, added to the cube root and to η
        eps: f64 = 1e-6, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// shrink the weights by the fraction ηλ instead of adding λθ to the gradient
        decoupled_weight_decay: bool = false;
    }
}

impl IntoRule for Madgrad {
    fn into_rule(self) -> Result<Rule> {
        let decay = if self.decoupled_weight_decay { Decay::Own } else { Decay::Coupled };
        let body: Box<dyn ElementKernel> = if self.momentum > 0.0 {
            element::<_, 3>(DualAverage::<true>(self.clone()))
        } else {
            element::<_, 2>(DualAverage::<false>(self.clone()))
        };
        Rule::element(&self, decay(self.weight_decay), body)
    }
}

struct DualAverage<const MOMENTUM: bool>(Madgrad);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// a_t
    weight: R,
    /// 1 − μ
    take: R,
    /// 1 − (η + ε)λ
    keep: R,
    eps: R,
    zero: R,
    first: bool,
}

/// s / (∛ν + ε), which is 0 as long as all gradients were.
#[inline(always)]
fn moved<R: Real>(c: &Scalars<R>, s: R, squares: R) -> R {
    let root = squares.cbrt() + c.eps;
    c.zero.or(root == c.zero, s / root)
}

impl<const MOMENTUM: bool, const N: usize> ElementRule<N> for DualAverage<MOMENTUM> {
    const STATE: [&'static str; N] = {
        let mut names = ["grad_sum_sq"; N];
        names[1] = "s";
        if MOMENTUM {
            names[2] = "x0";
        }
        names
    };
    const KINDS: [StateKind; N] = {
        let mut holds = [StateKind::Unsigned; N];
        holds[1] = StateKind::Signed;
        if MOMENTUM {
            holds[2] = StateKind::Point;
        }
        holds
    };
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let lr = if step.lr == 0.0 { 0.0 } else { step.lr + self.0.eps };
        Scalars {
            weight: R::of(lr * (step.t as f64).sqrt()),
            take: R::of(1.0 - self.0.momentum),
            keep: R::of(1.0 - lr * step.lambda),
            // where a square was too small for R, its root is larger than the number all the same
            eps: R::of(self.0.eps).max(R::of(R::SMALLEST_NORMAL).cbrt()),
            zero: R::of(0.0),
            first: step.t == 1,
        }
    }

    #[inline(always)]
    fn update<R: Real>(c: &Scalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let squares = state[0] + c.weight * (g * g);
        let s = state[1] + c.weight * g;
        let far = moved(c, s, squares);
        // as differences from θ: where nothing has moved, no bit of θ changes
        let step = if MOMENTUM {
            state[2] = theta.or(c.first, state[2]);
            c.take * (theta - (state[2] - far))
        } else {
            far - moved(c, state[1], state[0])
        };
        (state[0], state[1]) = (squares, s);
        (theta * c.keep - step, state)
    }
}
