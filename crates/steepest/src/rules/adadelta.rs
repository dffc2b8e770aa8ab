use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::{Dialect, Range};

crate::settings! {
    /// Steps in the unit of the parameter: the gradient times the ratio of two root mean squares.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// v ← ρv + (1 − ρ)g²
    /// Δ = √(a + ε) / √(v + ε) · g
    /// a ← ρa + (1 − ρ)Δ²
    /// θ ← θ − ηΔ
    /// ```
    ///
    /// # State
    /// `square_avg` (v) and `acc_delta` (a), each of the parameter's shape, 4 bytes per element (8 for
    /// f64).
    ///
    /// # Differences
    /// torch: none. optax: the same formula; its default learning rate leaves the sign of the gradient, so
    /// that it ascends: give it one. Keras: ρ = 0.95, ε = 1e-7, η = 1e-3, decoupled weight decay. The paper
    /// has no η.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adadelta, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adadelta = Optimizer::builder(Adadelta { rho: 0.75, eps: 0.25, ..Adadelta::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adadelta.step(1.0, &mut [Slot::new(&mut theta, &[1.0])])?;
    /// assert!((theta[0] - (1.0 - 0.5f64.sqrt())).abs() < 1e-12); // √0.25 / √(0.25 + 0.25)
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, algorithm 1.
    pub struct Adadelta("adadelta") {
        /// ρ, fraction of the old averages that is kept
        rho: f64 = 0.9, Range::RATE;
        /// ε, added inside both roots; it sets the size of the first steps
        eps: f64 = 1e-6, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    dialects { Torch {}, Keras { rho: 0.95, eps: 1e-7 } }
}

impl IntoRule for Adadelta {
    fn into_rule(self) -> Result<Rule> {
        let decay = if self.dialect == Dialect::Keras { Decay::Decoupled } else { Decay::Coupled };
        Rule::element(&self, decay(self.weight_decay), element(Deltas(self.clone())))
    }
}

struct Deltas(Adadelta);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    eps: R,
    average: Average<R>,
}

impl ElementRule<2> for Deltas {
    const STATE: [&'static str; 2] = ["square_avg", "acc_delta"];
    const KINDS: [StateKind; 2] = [StateKind::Unsigned, StateKind::Unsigned];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars { lr: R::of(step.lr), eps: R::below_root(self.0.eps), average: Average::new(self.0.rho) }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [v, a]: [R; 2]) -> (R, [R; 2]) {
        let v = s.average.mix(v, g * g);
        let delta = ((a + s.eps) / (v + s.eps)).sqrt() * g;
        (theta - s.lr * delta, [v, s.average.mix(a, delta * delta)])
    }
}
