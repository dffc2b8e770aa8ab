use crate::error::{Error, Result};
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range, Settings, only_in};

crate::settings! {
    /// Stochastic gradient descent, plain or with momentum.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// b ← g                     at t = 1
    /// b ← μb + (1 − τ)g         later
    /// d = g + μb                with nesterov, else d = b
    /// θ ← θ − ηd
    /// ```
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); none when the
    /// momentum is 0.
    ///
    /// # Differences
    /// torch: none. optax's `sgd` starts its trace at zero and knows neither dampening nor λ: equal for τ =
    /// 0. Keras keeps η inside the velocity, `b ← μb + ηg` and `θ ← θ − b` (with nesterov, `θ − ηg − μb`),
    /// which is equal only for a constant η; it knows no dampening, and its weight decay is decoupled. It
    /// stores b with the other sign.
    ///
    /// # Errors
    /// `nesterov` needs a momentum and no dampening; dampening needs dialect torch.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [1.0f64, 2.0];
    /// let mut sgd = Optimizer::builder(Sgd { momentum: 0.9, ..Sgd::default() })
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// sgd.step(0.1, &mut [Slot::new(&mut theta, &[2.0, 4.0])])?;
    /// assert_eq!(theta, [0.8, 1.6]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Robbins & Monro, A Stochastic Approximation Method, 1951; Sutskever et al., On the importance
    /// of initialization and momentum in deep learning, ICML 2013, equations 1 to 4.
    pub struct Sgd("sgd") {
        /// fraction μ of the velocity that is kept; 0 is plain gradient descent
        momentum: f64 = 0.0, Range::RATE;
        /// fraction τ of the gradient that is left out of the velocity after the first step; torch only
        dampening: f64 = 0.0, Range::FRACTION;
        /// look ahead along the velocity
        nesterov: bool = false;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    dialects { Torch {}, Keras {} }
}

impl IntoRule for Sgd {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!(
                    "nesterov with momentum {} and dampening {}",
                    self.momentum, self.dampening
                ),
                remedy: "nesterov needs a momentum above 0, such as 0.9, and dampening 0".to_owned(),
            });
        }
        only_in(Self::OWNER, self.dialect, Dialect::Torch, "dampening", self.dampening != 0.0)?;
        let keras = self.dialect == Dialect::Keras;
        let body = match (self.momentum == 0.0, keras, self.nesterov) {
            (true, ..) => element(Plain),
            (_, false, false) => element(Momentum::<false>(self.clone())),
            (_, false, true) => element(Momentum::<true>(self.clone())),
            (_, true, false) => element(Velocity::<false>(self.momentum)),
            (_, true, true) => element(Velocity::<true>(self.momentum)),
        };
        let decay = if keras { Decay::Decoupled } else { Decay::Coupled };
        Rule::element(&self, decay(self.weight_decay), body)
    }
}

struct Plain;

impl ElementRule<0> for Plain {
    const STATE: [&'static str; 0] = [];
    const KINDS: [StateKind; 0] = [];
    type Scalars<R: Real> = R;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> R {
        R::of(step.lr)
    }

    #[inline(always)]
    fn update<R: Real>(lr: &R, theta: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (theta - *lr * g, [])
    }
}

/// `NESTEROV`: the step looks ahead along the velocity.
pub(super) struct Momentum<const NESTEROV: bool>(pub Sgd);

#[derive(Debug, Clone, Copy)]
pub(super) struct Scalars<R> {
    lr: R,
    momentum: R,
    velocity: Average<R>,
}

impl<const NESTEROV: bool> ElementRule<1> for Momentum<NESTEROV> {
    const STATE: [&'static str; 1] = ["momentum_buffer"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        // dampening does not apply to the first gradient
        let take = if step.t == 1 { 1.0 } else { 1.0 - self.0.dampening };
        Scalars {
            lr: R::of(step.lr),
            momentum: R::of(self.0.momentum),
            velocity: Average::weighted(self.0.momentum, take),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [b]: [R; 1]) -> (R, [R; 1]) {
        let b = s.velocity.mix(b, g);
        let d = if NESTEROV { g + s.momentum * b } else { b };
        (theta - s.lr * d, [b])
    }
}

/// The velocity of Keras: what θ moves by, the learning rate of each of its steps included.
struct Velocity<const NESTEROV: bool>(f64);

impl<const NESTEROV: bool> ElementRule<1> for Velocity<NESTEROV> {
    const STATE: [&'static str; 1] = ["momentum_buffer"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    type Scalars<R: Real> = Average<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Average<R> {
        Average::weighted(self.0, step.lr)
    }

    #[inline(always)]
    fn update<R: Real>(velocity: &Average<R>, theta: R, g: R, [b]: [R; 1]) -> (R, [R; 1]) {
        let b = velocity.mix(b, g);
        let d = if NESTEROV { velocity.mix(b, g) } else { b };
        (theta - d, [b])
    }
}
