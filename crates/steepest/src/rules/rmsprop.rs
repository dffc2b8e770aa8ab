use crate::error::{Error, Result};
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range, Settings, only_in};

crate::settings! {
    /// Steps divided by the root of a moving average of squared gradients.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// v ← αv + (1 − α)g²
    /// ḡ ← αḡ + (1 − α)g         centered only
    /// d = g / (√v + ε)          centered: √max(v − ḡ², 0)
    /// b ← μb + d                with momentum, else b = d
    /// θ ← θ − ηb
    /// ```
    ///
    /// # State
    /// `square_avg`; `grad_avg` when centered; `momentum_buffer` with momentum. Each has the
    /// parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none, but for `v − ḡ²` below zero by rounding, where torch gives NaN and this takes 0; so does
    /// it in the other dialects.
    /// optax and Keras: α = 0.9, ε inside the root, `d = g/√(v + ε)`, and η inside the momentum,
    /// `b ← μb + ηd` and `θ ← θ − b`. optax can also put ε outside the root, correct both averages as Adam
    /// does, begin with another v than 0 and look ahead along b; it has no λ. Keras: ε = 1e-7, decoupled
    /// weight decay.
    ///
    /// # Errors
    /// Settings outside their range. In other dialects than optax: `initial_scale`, `bias_correction`,
    /// `nesterov`, and `eps_in_sqrt` unlike the dialect. `nesterov` without a momentum.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, RmsProp, Slot};
    /// let mut theta = [1.0f64];
    /// let mut rmsprop = Optimizer::builder(RmsProp { alpha: 0.75, ..RmsProp::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// rmsprop.step(0.1, &mut [Slot::new(&mut theta, &[5.0])])?;
    /// assert!((theta[0] - 0.8).abs() < 1e-8); // 1 − 0.1·5/√(0.25·25)
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Tieleman & Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012; centered: Graves,
    /// Generating Sequences with Recurrent Neural Networks, 2013, equations 38 to 45.
    pub struct RmsProp("rmsprop") {
        /// α, fraction of the old average of squares that is kept
        alpha: f64 = 0.99, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// divide by the estimated standard deviation instead of the root mean square
        centered: bool = false;
        /// fraction μ of the velocity that is kept; 0 is none
        momentum: f64 = 0.0, Range::RATE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// add ε inside the root: false in torch, true in Keras, either in optax
        eps_in_sqrt: bool = false;
        /// what the average of squares begins with; optax only
        initial_scale: f64 = 0.0, Range::NON_NEGATIVE;
        /// divide averages by 1 − αᵗ, as they began at zero; optax only
        bias_correction: bool = false;
        /// look ahead along the velocity; optax only
        nesterov: bool = false;
    }
    dialects {
        Torch {},
        Optax { alpha: 0.9, eps_in_sqrt: true },
        Keras { alpha: 0.9, eps: 1e-7, eps_in_sqrt: true },
    }
}

impl IntoRule for RmsProp {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        for (setting, moved) in [
            ("initial_scale", self.initial_scale != 0.0),
            ("bias_correction", self.bias_correction),
            ("nesterov", self.nesterov),
        ] {
            only_in(Self::OWNER, self.dialect, Dialect::Optax, setting, moved)?;
        }
        let of_dialect = Self::of_dialect(self.dialect).eps_in_sqrt;
        if self.dialect != Dialect::Optax && self.eps_in_sqrt != of_dialect {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!("eps_in_sqrt {} in dialect {}", self.eps_in_sqrt, self.dialect),
                remedy: format!("set eps_in_sqrt to {of_dialect}, or dialect to optax"),
            });
        }
        if self.nesterov && self.momentum == 0.0 {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: "nesterov with momentum 0".to_owned(),
                remedy: "nesterov needs a momentum above 0, such as 0.9".to_owned(),
            });
        }
        let torch = self.dialect == Dialect::Torch;
        let body = match (torch, self.centered, self.momentum > 0.0) {
            (true, false, false) => element::<_, 1>(Root::<false, false>(self.clone())),
            (true, false, true) => element::<_, 2>(Root::<false, true>(self.clone())),
            (true, true, false) => element::<_, 2>(Root::<true, false>(self.clone())),
            (true, true, true) => element::<_, 3>(Root::<true, true>(self.clone())),
            (false, false, false) => element::<_, 1>(Moved::<false, false>(self.clone())),
            (false, false, true) => element::<_, 2>(Moved::<false, true>(self.clone())),
            (false, true, false) => element::<_, 2>(Moved::<true, false>(self.clone())),
            (false, true, true) => element::<_, 3>(Moved::<true, true>(self.clone())),
        };
        let decay = if self.dialect == Dialect::Keras { Decay::Decoupled } else { Decay::Coupled };
        Rule::element(&self, decay(self.weight_decay), body)
    }
}

// square_avg is first, momentum_buffer last, grad_avg between them
const fn names<const N: usize>(centered: bool, momentum: bool) -> [&'static str; N] {
    let mut names = ["square_avg"; N];
    if centered {
        names[1] = "grad_avg";
    }
    if momentum {
        names[N - 1] = "momentum_buffer";
    }
    names
}

const fn holds<const N: usize>() -> [StateKind; N] {
    let mut holds = [StateKind::Signed; N];
    holds[0] = StateKind::Unsigned;
    holds
}

/// torch's formula: the momentum is of quotients.
struct Root<const CENTERED: bool, const MOMENTUM: bool>(RmsProp);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    eps: R,
    momentum: R,
    zero: R,
    average: Average<R>,
}

impl<const CENTERED: bool, const MOMENTUM: bool, const N: usize> ElementRule<N> for Root<CENTERED, MOMENTUM> {
    const STATE: [&'static str; N] = names(CENTERED, MOMENTUM);
    const KINDS: [StateKind; N] = holds();
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            lr: R::of(step.lr),
            eps: R::beside_root(self.0.eps),
            momentum: R::of(self.0.momentum),
            zero: R::of(0.0),
            average: Average::new(self.0.alpha),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let v = s.average.mix(state[0], g * g);
        state[0] = v;
        let mut square = v;
        if CENTERED {
            let mean = s.average.mix(state[1], g);
            state[1] = mean;
            square = (v - mean * mean).max(s.zero);
        }
        let mut b = g / (square.sqrt() + s.eps);
        if MOMENTUM {
            b = s.momentum * state[N - 1] + b;
            state[N - 1] = b;
        }
        (theta - s.lr * b, state)
    }
}

/// The formula of optax and Keras: the momentum is of steps, each with its learning rate.
struct Moved<const CENTERED: bool, const MOMENTUM: bool>(RmsProp);

#[derive(Debug, Clone, Copy)]
struct MovedScalars<R> {
    /// ε where it is inside the root, else 0
    inside: R,
    /// ε where it is outside the root, else 0
    outside: R,
    /// 1 / (1 − αᵗ), or 1
    correction: R,
    zero: R,
    average: Average<R>,
    lr: R,
    /// μ and η
    velocity: Average<R>,
    /// what θ moves by, of the velocity and of the quotient
    ahead: Average<R>,
}

impl<const CENTERED: bool, const MOMENTUM: bool, const N: usize> ElementRule<N>
    for Moved<CENTERED, MOMENTUM>
{
    const STATE: [&'static str; N] = names(CENTERED, MOMENTUM);
    const KINDS: [StateKind; N] = holds();
    type Scalars<R: Real> = MovedScalars<R>;

    fn initial(&self) -> [f64; N] {
        let mut first = [0.0; N];
        first[0] = self.0.initial_scale;
        first
    }

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> MovedScalars<R> {
        let RmsProp { alpha, eps, momentum, eps_in_sqrt, bias_correction, nesterov, .. } = self.0;
        let (inside, outside) = match eps_in_sqrt {
            true => (R::below_root(eps), R::of(0.0)),
            false => (R::of(0.0), R::beside_root(eps)),
        };
        MovedScalars {
            inside,
            outside,
            correction: R::of(if bias_correction { 1.0 / step.bias_correction(alpha) } else { 1.0 }),
            zero: R::of(0.0),
            average: Average::new(alpha),
            lr: R::of(step.lr),
            velocity: Average::weighted(momentum, step.lr),
            ahead: if nesterov { Average::weighted(momentum, step.lr) } else { Average::weighted(1.0, 0.0) },
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &MovedScalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let v = s.average.mix(state[0], g * g);
        state[0] = v;
        let mut square = v * s.correction;
        if CENTERED {
            let mean = s.average.mix(state[1], g);
            state[1] = mean;
            let mean = mean * s.correction;
            square = (square - mean * mean).max(s.zero);
        }
        let d = g / ((square + s.inside).sqrt() + s.outside);
        if !MOMENTUM {
            return (theta - s.lr * d, state);
        }
        let b = s.velocity.mix(state[N - 1], d);
        state[N - 1] = b;
        (theta - s.ahead.mix(b, d), state)
    }
}
