use crate::error::{Error, Result};
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Range, Settings};

crate::settings! {
    /// A step size for each parameter that grows while the gradient keeps its sign and shrinks when it
    /// turns; only signs of gradients count. For full batches: noise turns signs.
    ///
    /// # Formula
    /// ```text
    /// s = sign(g · g′)                      g′ = 0 and Δ = η at t = 1
    /// Δ ← clamp(Δ · (η⁺ if s > 0, η⁻ if s < 0, else 1), Δmin, Δmax)
    /// g ← 0                                 where s < 0
    /// θ ← θ − sign(g) · Δ
    /// g′ ← g
    /// ```
    ///
    /// # State
    /// `prev` (g′) and `step_size` (Δ), each of the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none. As there, the learning rate is the first Δ and nothing else, so a schedule changes
    /// nothing. This is iRprop⁻ of Igel & Hüsken: where a sign turns, the parameter stays for a step, and the
    /// original's way back is left out. optax's `rprop` applies each step one call late.
    ///
    /// # Errors
    /// Settings outside their range; a `step_min` above `step_max`.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Rprop, Slot};
    /// let mut theta = [1.0f64, 1.0];
    /// let mut rprop = Optimizer::builder(Rprop::default())
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// rprop.step(0.1, &mut [Slot::new(&mut theta, &[300.0, 2.0])])?;
    /// rprop.step(0.1, &mut [Slot::new(&mut theta, &[0.004, -5.0])])?;
    /// assert!((theta[0] - 0.78).abs() < 1e-12); // 1 − 0.1 − 1.2·0.1
    /// assert!((theta[1] - 0.9).abs() < 1e-12); // the sign turned
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Riedmiller & Braun, A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP
    /// Algorithm, ICNN 1993; Igel & Hüsken, Improving the Rprop Learning Algorithm, NC 2000: iRprop⁻.
    pub struct Rprop("rprop") {
        /// η⁻, what a step size is multiplied by where the sign turned
        eta_minus: f64 = 0.5, Range::RATE;
        /// η⁺, what a step size is multiplied by where the sign stayed
        eta_plus: f64 = 1.2, Range::new(1.0, true, f64::INFINITY, true);
        /// Δmin, the smallest step size
        step_min: f64 = 1e-6, Range::NON_NEGATIVE;
        /// Δmax, the largest step size
        step_max: f64 = 50.0, Range::POSITIVE;
    }
}

impl IntoRule for Rprop {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        if self.step_min > self.step_max {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!("step_min {} is above step_max {}", self.step_min, self.step_max),
                remedy: "exchange them".to_owned(),
            });
        }
        Rule::element(&self, Decay::Coupled(0.0), element(Signs(self.clone())))
    }
}

struct Signs(Rprop);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    first: bool,
    shrink: R,
    grow: R,
    one: R,
    zero: R,
    smallest: R,
    largest: R,
}

impl ElementRule<2> for Signs {
    const STATE: [&'static str; 2] = ["prev", "step_size"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            lr: R::of(step.lr),
            first: step.t == 1,
            shrink: R::of(self.0.eta_minus),
            grow: R::of(self.0.eta_plus),
            one: R::of(1.0),
            zero: R::of(0.0),
            smallest: R::of(self.0.step_min),
            largest: R::of(self.0.step_max),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [prev, size]: [R; 2]) -> (R, [R; 2]) {
        let agreement = g * prev;
        let turned = agreement < s.zero;
        let factor = s.grow.or(agreement > s.zero, s.shrink.or(turned, s.one));
        let size = (s.lr.or(s.first, size) * factor).max(s.smallest).min(s.largest);
        let g = s.zero.or(turned, g);
        (theta - g.sign() * size, [g, size])
    }
}
