use crate::error::Result;
use crate::kernel::element;
use crate::real::{Real, power_of_two_below};
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Gradient descent that finds its rate: D-Adaptation's estimate d of the distance to the solution, which only grows.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// γ = dη/‖g₁‖
    /// n ← n + γ⟨g, s⟩
    /// s ← s + γg
    /// d ← max(d, min(2n/‖s‖, growth_rate·d))
    /// θ ← μθ + (1 − μ)(θ₀ − s)
    /// ```
    /// The inner product, of the old s, and the norms go over all tensors; γ has the old d and the norm of the first
    /// gradient.
    ///
    /// # State
    /// `s` and `start`, which is θ₀: each has the parameter's shape, 4 bytes per element (8 for f64). `d`,
    /// `d_numerator`, `d_before` and `first_norm`: four numbers for each tensor.
    ///
    /// # Differences
    /// The authors' package `dadaptation`: none without decay; with it, the package takes ‖g₁‖ before λθ is added.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DAdaptSgd, DType, Optimizer, Param, Slot};
    /// let mut theta = [10.0f64];
    /// let mut optimizer = Optimizer::builder(DAdaptSgd::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for _ in 0..300 {
    ///     let g = theta[0].signum(); // f = |θ|
    ///     optimizer.step(1.0, &mut [Slot::new(&mut theta, &[g])])?;
    /// }
    /// // from 1e-6, by itself, to about the distance
    /// let d = optimizer.state("theta", "d")?[0];
    /// assert!(d > 5.0 && d < 15.0, "{d}");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Defazio & Mishchenko, Learning-Rate-Free Learning by D-Adaptation, ICML 2023, algorithm 4.
    pub struct DAdaptSgd("dadapt_sgd") {
        /// μ, fraction of the old weights that is kept
        momentum: f64 = 0.0, Range::RATE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// the first estimate: a distance that is surely too short
        d0: f64 = 1e-6, Range::POSITIVE;
        /// how many times larger one step may make d
        growth_rate: f64 = f64::MAX, Range::AT_LEAST_ONE;
    }
}

impl IntoRule for DAdaptSgd {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Coupled(self.weight_decay), element(Estimate(self.clone())))
    }
}

struct Estimate(DAdaptSgd);

/// Places in the memory. `D` serves the next step, `D_BEFORE` this one's update.
const D: usize = 0;
const NUMERATOR: usize = 1;
const D_BEFORE: usize = 2;
const FIRST_NORM: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    first: bool,
    /// A power of two, by which gradients are multiplied and γ is divided: 1, unless the first gradients were so small that γ may not
    /// be a number of the type
    unit: R,
    /// γ of a measurement, in f64 for a sum
    numerator: f64,
    /// γ while measuring, and in the update
    measured: R,
    updated: R,
    /// 1 − μ
    take: R,
}

impl ElementRule<2> for Estimate {
    const STATE: [&'static str; 2] = ["s", "start"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Point];
    const MEMORY: &'static [(&'static str, f64)] =
        &[("d", 0.0), ("d_numerator", 0.0), ("d_before", 0.0), ("first_norm", 0.0)];
    const SCOPE: Scope = Scope::All;
    const SUMS: usize = 3;
    type Scalars<R: Real> = Scalars<R>;

    fn first_memory(&self, memory: &mut [f64]) {
        memory[D] = self.0.d0;
        memory[D_BEFORE] = self.0.d0;
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        // before the first gradient that is not 0 there is nothing to move along; and s is 0 until then
        let rate = if memory[FIRST_NORM] > 0.0 { step.lr / memory[FIRST_NORM] } else { 0.0 };
        let unit = if rate > 2f64.powi(64) { power_of_two_below(rate.min(2f64.powi(120))) } else { 1.0 };
        let rate = rate / unit;
        Scalars {
            first: step.t == 1,
            unit: R::of(unit),
            numerator: memory[D] * rate,
            measured: R::of(memory[D] * rate),
            updated: R::of(memory[D_BEFORE] * rate),
            take: R::of(1.0 - self.0.momentum),
        }
    }

    #[inline(always)]
    fn measure<R: Real>(s: &Scalars<R>, _: R, g: R, [sum, _]: [R; 2]) -> Sums {
        let in_unit = g * s.unit;
        let new = (sum + s.measured * in_unit).wide();
        let g = g.wide();
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1], sums[2]) = (s.numerator * in_unit.wide() * sum.wide(), new * new, g * g);
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let d = memory[D];
        memory[D_BEFORE] = d;
        memory[NUMERATOR] += sums[0];
        // not by the step number: a tensor may join the others later
        if memory[FIRST_NORM] == 0.0 {
            memory[FIRST_NORM] = sums[2].sqrt();
        }
        if sums[1] > 0.0 {
            let estimate = 2.0 * memory[NUMERATOR] / sums[1].sqrt();
            memory[D] = d.max(estimate.min(d * self.0.growth_rate));
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [sum, start]: [R; 2]) -> (R, [R; 2]) {
        let start = theta.or(s.first, start);
        let sum = sum + s.updated * (g * s.unit);
        (theta - s.take * (theta - (start - sum)), [sum, start])
    }
}
