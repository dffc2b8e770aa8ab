use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Steps of one size, against the sign of each element of the gradient.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// θ ← θ − η·sign(g)
    /// ```
    /// sign(0) is 0.
    ///
    /// # State
    /// None.
    ///
    /// # Differences
    /// optax: the same, without weight decay.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, SignSgd, Slot};
    /// let mut theta = [1.0f32, 1.0, 1.0];
    /// let mut sign = Optimizer::builder(SignSgd::default())
    ///     .build([Param::new("theta", [3], DType::F32)])?;
    /// sign.step(0.25, &mut [Slot::new(&mut theta, &[7.0f32, -1e-6, 0.0])])?;
    /// assert_eq!(theta, [0.75, 1.25, 1.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Bernstein, Wang, Azizzadenesheli & Anandkumar, signSGD: Compressed Optimisation for Non-Convex
    /// Problems, ICML 2018, algorithm 1.
    pub struct SignSgd("signsgd") {
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

crate::settings! {
    /// Steps of one size, against the sign of a moving average of the gradient.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// m ← βm + (1 − β)g
    /// θ ← θ − η·sign(m)
    /// ```
    /// sign(0) is 0. β = 0 is signSGD.
    ///
    /// # State
    /// `exp_avg`, the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: the same, without weight decay. A sum in place of the average, m ← βm + g, has the same signs.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Signum, Slot};
    /// let mut theta = [1.0f32];
    /// let mut signum = Optimizer::builder(Signum::default())
    ///     .build([Param::new("theta", [1], DType::F32)])?;
    /// signum.step(0.25, &mut [Slot::new(&mut theta, &[2.0f32])])?;
    /// signum.step(0.25, &mut [Slot::new(&mut theta, &[-1.0f32])])?; // m = 0.08
    /// assert_eq!(theta, [0.5]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Bernstein, Wang, Azizzadenesheli & Anandkumar, signSGD: Compressed Optimisation for Non-Convex
    /// Problems, ICML 2018, algorithm 2.
    pub struct Signum("signum") {
        /// β, fraction of the old average gradient that is kept
        momentum: f64 = 0.9, Range::RATE;
        /// λ: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for SignSgd {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(OfGradient))
    }
}

impl IntoRule for Signum {
    fn into_rule(self) -> Result<Rule> {
        let momentum = self.momentum;
        Rule::element(&self, Decay::Decoupled(self.weight_decay), element(OfAverage { momentum }))
    }
}

struct OfGradient;

impl ElementRule<0> for OfGradient {
    const STATE: [&'static str; 0] = [];
    const KINDS: [StateKind; 0] = [];
    type Scalars<R: Real> = R;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> R {
        R::of(step.lr)
    }

    #[inline(always)]
    fn update<R: Real>(lr: &R, theta: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (theta - *lr * g.sign(), [])
    }
}

struct OfAverage {
    momentum: f64,
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    average: Average<R>,
}

impl ElementRule<1> for OfAverage {
    const STATE: [&'static str; 1] = ["exp_avg"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars { lr: R::of(step.lr), average: Average::new(self.momentum) }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m]: [R; 1]) -> (R, [R; 1]) {
        let m = s.average.mix(m, g);
        (theta - s.lr * m.sign(), [m])
    }
}
