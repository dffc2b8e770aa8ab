use crate::error::{Error, Result};
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::{Range, Settings};

crate::settings! {
    /// Adam that finds its rate: D-Adaptation's estimate d of the distance to the solution, which only grows.
    ///
    /// # Formula
    /// ```text
    /// γ = dη                           times √(1 − β₂ᵗ)/(1 − β₁ᵗ) with bias_correction
    /// n ← √β₂·n + (1 − √β₂)γ⟨g, s/(√v + ε)⟩
    /// m ← β₁m + (1 − β₁)γg
    /// v ← β₂v + (1 − β₂)g²
    /// s ← √β₂·s + (1 − √β₂)γg
    /// d ← max(d, min(n / ((1 − √β₂)‖s‖₁), growth_rate·d))
    /// θ ← (1 − γλ)θ                    with decoupled, else g ← g + λθ before all
    /// θ ← θ − m / (√v + ε)
    /// ```
    /// The inner product, of the old s and v, and ‖s‖₁ = Σ|s| go over all tensors; γ has the old d.
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq` and `s`: each has the parameter's shape, 4 bytes per element (8 for f64). `d`,
    /// `d_numerator` and `d_before`: three numbers for each tensor.
    ///
    /// # Differences
    /// paper: the authors' package `dadaptation`, without its scale of each layer. optax (`dadapt_adamw`):
    /// bias_correction and decoupled are always on, and there is no growth_rate.
    ///
    /// # Errors
    /// Settings outside their range; bias_correction with `√(1 − β₂) > 10(1 − β₁)`, which makes the first γ more than ten
    /// times dη, and d grow without bound by what it then learns from its own steps.
    ///
    /// # Example
    /// ```
    /// use steepest::{DAdaptAdam, DType, Optimizer, Param, Slot};
    /// let mut theta = [10.0f64];
    /// let mut optimizer = Optimizer::builder(DAdaptAdam::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for _ in 0..300 {
    ///     let g = theta[0].signum(); // f = |θ|
    ///     optimizer.step(1.0, &mut [Slot::new(&mut theta, &[g])])?;
    /// }
    /// // from 1e-6, by itself, to the order of the distance
    /// let d = optimizer.state("theta", "d")?[0];
    /// assert!(d > 1.0 && d < 100.0, "{d}");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Defazio & Mishchenko, Learning-Rate-Free Learning by D-Adaptation, ICML 2023, algorithm 5.
    pub struct DAdaptAdam("dadapt_adam") {
        /// β₁, fraction of the old average step that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::POSITIVE;
        /// λ: the L2 penalty, or with decoupled the fraction γλ by which a step of rate γ shrinks the weights
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// take weight decay straight from the weights, not through the gradient
        decoupled: bool = false;
        /// correct the averages for their start at 0
        bias_correction: bool = false;
        /// the first estimate: a distance that is surely too short
        d0: f64 = 1e-6, Range::POSITIVE;
        /// how many times larger one step may make d
        growth_rate: f64 = f64::MAX, Range::AT_LEAST_ONE;
    }
    dialects { Paper {}, Optax { decoupled: true, bias_correction: true } }
}

impl IntoRule for DAdaptAdam {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        let first = (1.0 - self.beta2).sqrt() / (1.0 - self.beta1);
        if self.bias_correction && first > 10.0 {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!("bias_correction makes the first step {first:.1} times as long as η says"),
                remedy: "lower beta1, raise beta2, or leave bias_correction out".to_owned(),
            });
        }
        let lambda = self.weight_decay;
        let decay = if self.decoupled { Decay::Own(lambda) } else { Decay::Coupled(lambda) };
        Rule::element(&self, decay, element(Estimate(self.clone())))
    }
}

struct Estimate(DAdaptAdam);

/// Places in the memory. `D` serves the next step, `D_BEFORE` this one's update.
const D: usize = 0;
const NUMERATOR: usize = 1;
const D_BEFORE: usize = 2;

impl Estimate {
    /// γ/d
    fn rate(&self, step: Step) -> f64 {
        let correction = step.bias_correction(self.0.beta2).sqrt() / step.bias_correction(self.0.beta1);
        if self.0.bias_correction { step.lr * correction } else { step.lr }
    }
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// γ of a measurement, in f64: it scales a sum
    numerator: f64,
    /// √β₂s + … while measuring, and in the update
    measured: Average<R>,
    updated: Average<R>,
    beta1: Average<R>,
    beta2: Average<R>,
    /// 1 − γλ
    keep: R,
    eps: R,
}

impl ElementRule<3> for Estimate {
    const STATE: [&'static str; 3] = ["exp_avg", "exp_avg_sq", "s"];
    const KINDS: [StateKind; 3] = [StateKind::Signed, StateKind::Unsigned, StateKind::Signed];
    const MEMORY: &'static [(&'static str, f64)] = &[("d", 0.0), ("d_numerator", 0.0), ("d_before", 0.0)];
    const SCOPE: Scope = Scope::All;
    const SUMS: usize = 2;
    type Scalars<R: Real> = Scalars<R>;

    fn first_memory(&self, memory: &mut [f64]) {
        memory[D] = self.0.d0;
        memory[D_BEFORE] = self.0.d0;
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let (rate, keep) = (self.rate(step), self.0.beta2.sqrt());
        let (now, before) = (memory[D] * rate, memory[D_BEFORE] * rate);
        Scalars {
            numerator: now,
            measured: Average::weighted(keep, now * (1.0 - keep)),
            updated: Average::weighted(keep, before * (1.0 - keep)),
            beta1: Average::weighted(self.0.beta1, before * (1.0 - self.0.beta1)),
            beta2: Average::new(self.0.beta2),
            keep: R::of(1.0 - before * step.lambda),
            eps: R::beside_root(self.0.eps),
        }
    }

    #[inline(always)]
    fn measure<R: Real>(s: &Scalars<R>, _: R, g: R, [_, v, sum]: [R; 3]) -> Sums {
        let whitened = sum / (v.sqrt() + s.eps);
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1]) = (s.numerator * g.wide() * whitened.wide(), s.measured.mix(sum, g).abs().wide());
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let (d, keep) = (memory[D], self.0.beta2.sqrt());
        memory[D_BEFORE] = d;
        // only zeros so far: nothing is known
        if sums[1] > 0.0 {
            memory[NUMERATOR] = keep * memory[NUMERATOR] + (1.0 - keep) * sums[0];
            let estimate = memory[NUMERATOR] / ((1.0 - keep) * sums[1]);
            memory[D] = d.max(estimate.min(d * self.0.growth_rate));
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v, sum]: [R; 3]) -> (R, [R; 3]) {
        let m = s.beta1.mix(m, g);
        let v = s.beta2.mix(v, g * g);
        let sum = s.updated.mix(sum, g);
        (theta * s.keep - m / (v.sqrt() + s.eps), [m, v, sum])
    }
}
