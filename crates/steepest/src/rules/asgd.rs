use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Gradient descent with falling steps that also keeps the average of the parameters, which noise
    /// disturbs less than the parameters themselves.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// θ ← (1 − γeₜ)θ − eₜg      e₁ = η
    /// x ← x + μₜ(θ − x)         μₜ = 1/max(1, t − 1 − t₀): x = θ until the averaging begins
    /// eₜ₊₁ = η / (1 + γηt)^α
    /// ```
    ///
    /// # State
    /// `ax` (x), the parameter's shape, 4 bytes per element (8 for f64): take it as the result. And
    /// three numbers: `eta` and `mu` of the next step, `rate`, the e of the last.
    ///
    /// # Differences
    /// torch: none, where its default type is f64; else it rounds e and μ to f32. As there, a new η comes
    /// into effect one step late.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Asgd, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut asgd = Optimizer::builder(Asgd { lambd: 0.0, t0: 0.0, ..Asgd::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for gradient in [5.0, 1.0, -1.0] {
    ///     asgd.step(0.1, &mut [Slot::new(&mut theta, &[gradient])])?; // to 0.5, 0.4, 0.5
    /// }
    /// assert!((asgd.state("theta", "ax")?[0] - 0.45).abs() < 1e-12); // the mean of the last two
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, SIAM Journal on Control and
    /// Optimization 30, 1992; the steps: Xu, Towards Optimal One Pass Large Scale Learning with Averaged
    /// Stochastic Gradient Descent, 2011.
    pub struct Asgd("asgd") {
        /// γ, how fast the steps fall; it also shrinks the parameters
        lambd: f64 = 1e-4, Range::NON_NEGATIVE;
        /// α, the power with which the steps fall
        alpha: f64 = 0.75, Range::NON_NEGATIVE;
        /// t₀, the number of steps before the averaging begins
        t0: f64 = 1e6, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Asgd {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Coupled(self.weight_decay), element(Averaged(self.clone())))
    }
}

struct Averaged(Asgd);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// 1 − γe
    keep: R,
    /// e
    rate: R,
    /// μ, as the fraction of the new
    average: Average<R>,
}

impl ElementRule<1> for Averaged {
    const STATE: [&'static str; 1] = ["ax"];
    const KINDS: [StateKind; 1] = [StateKind::Point];
    const MEMORY: &'static [(&'static str, f64)] = &[("eta", 0.0), ("mu", 1.0), ("rate", 0.0)];
    type Scalars<R: Real> = Scalars<R>;

    fn update_memory(&self, step: Step, _: &Sums, memory: &mut [f64]) {
        let Asgd { lambd, alpha, t0, .. } = self.0;
        let (t, [eta, mu, rate]) = (step.t as f64, memory) else { return };
        *rate = if step.t == 1 { step.lr } else { *eta };
        *eta = step.lr / (1.0 + lambd * step.lr * t).powf(alpha);
        *mu = 1.0 / (t - t0).max(1.0);
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let rate = memory[2];
        let mu = 1.0 / (step.t as f64 - 1.0 - self.0.t0).max(1.0);
        Scalars {
            keep: R::of(1.0 - self.0.lambd * rate),
            rate: R::of(rate),
            average: Average::weighted(1.0 - mu, mu),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [ax]: [R; 1]) -> (R, [R; 1]) {
        let theta = theta * s.keep - s.rate * g;
        (theta, [s.average.mix(ax, theta)])
    }
}
