use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Adam that finds its rate: an estimate d of the distance to the solution, which only grows.
    ///
    /// # Formula
    /// ```text
    /// γ = dη                           times √(1 − β₂ᵗ)/(1 − β₁ᵗ) with bias_correction
    /// n ← β₃n + (d/d₀)γ⟨g, θ₀ − θ⟩
    /// s ← β₃s + (d/d₀)γg               (d/d₀)dg with safeguard_warmup
    /// m ← β₁m + (1 − β₁)dg
    /// v ← β₂v + (1 − β₂)d²g²
    /// d_max ← max(d_max, d_coef·n/‖s‖₁)
    /// d ← min(d_max, growth_rate·d)    the first time d₀ leaves, d_max
    /// θ ← (1 − γλ)θ
    /// θ ← θ − γm / (√v + dε)
    /// ```
    /// The inner product and ‖s‖₁ = Σ|s| go over all tensors; γ has the old d, dε the new one. β₃ is √β₂ unless it is
    /// given.
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`, `s` and `moved`, which is θ₀ − θ: each has the parameter's shape, 4 bytes per element (8
    /// for f64). `d`, `d_max`, `d_numerator` and `d_before`: four numbers for each tensor.
    ///
    /// # Differences
    /// paper: the authors' package `prodigyopt`, without `slice_p`, which looks at a part of the elements only. optax:
    /// bias_correction is always on, no growth_rate, and decay is always decoupled. Both keep θ₀ and subtract; here the
    /// steps are added up, which is the same but for rounding: the first steps are about 1e-6, and next to θ half
    /// precision rounds them away, f32 the most of their digits.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Prodigy, Slot};
    /// let mut theta = [10.0f64];
    /// let mut prodigy = Optimizer::builder(Prodigy::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for _ in 0..300 {
    ///     let g = theta[0].signum(); // f = |θ|
    ///     prodigy.step(1.0, &mut [Slot::new(&mut theta, &[g])])?;
    /// }
    /// // from 1e-6, by itself, to the order of the distance
    /// let d = prodigy.state("theta", "d")?[0];
    /// assert!(d > 0.1 && d < 20.0, "{d}");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Mishchenko & Defazio, Prodigy: An Expeditiously Adaptive Parameter-Free Learner, ICML 2024, algorithm 4.
    pub struct Prodigy("prodigy") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// β₃, fraction of the old sums that is kept; 0 stands for √β₂
        beta3: f64 = 0.0, Range::RATE;
        /// ε, times d added to the root
        eps: f64 = 1e-8, Range::POSITIVE;
        /// λ: a step of rate γ shrinks the weights by the fraction γλ, or the L2 penalty
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// take weight decay straight from the weights, not through the gradient
        decoupled: bool = true;
        /// correct the averages for their start at 0
        bias_correction: bool = false;
        /// keep η out of s, for a warm-up that begins near 0
        safeguard_warmup: bool = false;
        /// d₀, the first estimate: a distance that is surely too short
        d0: f64 = 1e-6, Range::POSITIVE;
        /// a factor of the estimate
        d_coef: f64 = 1.0, Range::POSITIVE;
        /// how many times larger one step may make d
        growth_rate: f64 = f64::MAX, Range::AT_LEAST_ONE;
    }
    dialects { Paper {}, Optax { bias_correction: true } }
}

impl IntoRule for Prodigy {
    fn into_rule(self) -> Result<Rule> {
        let lambda = self.weight_decay;
        let decay = if self.decoupled { Decay::Own(lambda) } else { Decay::Coupled(lambda) };
        Rule::element(&self, decay, element(Estimate(self.clone())))
    }
}

struct Estimate(Prodigy);

/// Places in the memory. `d` serves the next step, `D_BEFORE` this one's update.
const D: usize = 0;
const D_MAX: usize = 1;
const NUMERATOR: usize = 2;
const D_BEFORE: usize = 3;

impl Estimate {
    fn beta3(&self) -> f64 {
        if self.0.beta3 > 0.0 { self.0.beta3 } else { self.0.beta2.sqrt() }
    }

    /// γ/d
    fn rate(&self, step: Step) -> f64 {
        let correction = step.bias_correction(self.0.beta2).sqrt() / step.bias_correction(self.0.beta1);
        if self.0.bias_correction { step.lr * correction } else { step.lr }
    }

    /// What one element's gradient is multiplied by on its way into s, while the estimate is `d`.
    fn weight(&self, step: Step, d: f64) -> f64 {
        d / self.0.d0 * if self.0.safeguard_warmup { d } else { d * self.rate(step) }
    }
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// (d/d₀)γ of a measurement, in f64: it scales a sum
    numerator: f64,
    /// β₃s + … while measuring, and in the update
    measured: Average<R>,
    updated: Average<R>,
    beta1: Average<R>,
    beta2: Average<R>,
    /// γ
    rate: R,
    /// γλ
    decay: R,
    /// dε
    eps: R,
}

impl ElementRule<4> for Estimate {
    const STATE: [&'static str; 4] = ["exp_avg", "exp_avg_sq", "s", "moved"];
    const KINDS: [StateKind; 4] =
        [StateKind::Signed, StateKind::Unsigned, StateKind::Signed, StateKind::Point];
    const MEMORY: &'static [(&'static str, f64)] =
        &[("d", 0.0), ("d_max", 0.0), ("d_numerator", 0.0), ("d_before", 0.0)];
    const SCOPE: Scope = Scope::All;
    const SUMS: usize = 2;
    type Scalars<R: Real> = Scalars<R>;

    fn first_memory(&self, memory: &mut [f64]) {
        memory[D] = self.0.d0;
        memory[D_MAX] = self.0.d0;
        memory[D_BEFORE] = self.0.d0;
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let (now, before, rate) = (memory[D], memory[D_BEFORE], self.rate(step));
        Scalars {
            numerator: now / self.0.d0 * now * rate,
            measured: Average::weighted(self.beta3(), self.weight(step, now)),
            updated: Average::weighted(self.beta3(), self.weight(step, before)),
            beta1: Average::weighted(self.0.beta1, before * (1.0 - self.0.beta1)),
            beta2: Average::weighted(self.0.beta2, before * before * (1.0 - self.0.beta2)),
            rate: R::of(before * rate),
            decay: R::of(before * rate * step.lambda),
            eps: R::beside_root(now * self.0.eps),
        }
    }

    #[inline(always)]
    fn measure<R: Real>(s: &Scalars<R>, _: R, g: R, [_, _, sum, moved]: [R; 4]) -> Sums {
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1]) = (s.numerator * g.wide() * moved.wide(), s.measured.mix(sum, g).abs().wide());
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let d = memory[D];
        memory[D_BEFORE] = d;
        // only zeros so far: nothing is known
        if sums[1] > 0.0 {
            memory[NUMERATOR] = self.beta3() * memory[NUMERATOR] + sums[0];
            let estimate = self.0.d_coef * memory[NUMERATOR] / sums[1];
            let free = if d == self.0.d0 { d.max(estimate) } else { d };
            memory[D_MAX] = memory[D_MAX].max(estimate);
            memory[D] = memory[D_MAX].min(free * self.0.growth_rate);
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v, sum, moved]: [R; 4]) -> (R, [R; 4]) {
        let sum = s.updated.mix(sum, g);
        let m = s.beta1.mix(m, g);
        let v = s.beta2.mix(v, g * g);
        let step = s.decay * theta + s.rate * m / (v.sqrt() + s.eps);
        (theta - step, [m, v, sum, moved + step])
    }
}
