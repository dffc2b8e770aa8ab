use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Gradient descent whose weights are averaged as it goes, so that η need not fall: the gradient is taken between
    /// the average and the last iterate.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λy
    /// ηₜ = η · min(1, t/warmup_steps)
    /// w = tʳ · (max of η₁…ηₜ)ᵖ           p is weight_lr_power
    /// c = w / (sum of all w)             0 where the sum is 0
    /// y ← y + c(z − y) − ηₜ(1 − μ(1 − c))g
    /// z ← z − ηₜg                        z₀ = y₀
    /// ```
    /// The parameters are y, where gradients are taken. The weights to evaluate and to keep are the average
    /// `x = (y − (1 − μ)z)/μ`, which [`Optimizer::evaluation`](crate::Optimizer::evaluation) lends; in the beginning
    /// x = y = z.
    ///
    /// # State
    /// `z`, the parameter's shape, 4 bytes per element (8 for f64). `lr_max` and `weight_sum`: two numbers for each
    /// tensor.
    ///
    /// # Differences
    /// The authors' package `schedulefree`: none; it turns the parameters into x and back with `eval` and `train`.
    /// optax: no r, and the same while η is constant; its weights take η one step early, so that its first step
    /// of a warm-up moves nothing and yet counts in the average.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, ScheduleFreeSgd, Slot};
    /// let mut y = [1.0f64];
    /// let mut optimizer = Optimizer::builder(ScheduleFreeSgd { momentum: 0.5, ..ScheduleFreeSgd::default() })
    ///     .build([Param::new("y", [1], DType::F64)])?;
    /// for _ in 0..2 {
    ///     optimizer.step(1.0, &mut [Slot::new(&mut y, &[0.25])])?;
    /// }
    /// // z went through 0.75 and 0.5, whose average is x
    /// let x = optimizer.evaluation(&mut y)?;
    /// assert!((x[0] - 0.625).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Defazio et al., The Road Less Scheduled, NeurIPS 2024, Schedule-Free SGD.
    pub struct ScheduleFreeSgd("schedule_free_sgd") {
        /// μ, the fraction of the average x in the point y where gradients are taken
        momentum: f64 = 0.9, Range::new(0.0, true, 1.0, true);
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// over how many steps η rises
        warmup_steps: f64 = 0.0, Range::NON_NEGATIVE;
        /// r: later steps weigh more in the average, by the power r of their number
        r: f64 = 0.0, Range::NON_NEGATIVE;
        /// p: steps weigh by the power p of the largest η so far
        weight_lr_power: f64 = 2.0, Range::NON_NEGATIVE;
    }
}

crate::settings! {
    /// RMSprop with corrected averages whose weights are averaged as it goes, so that η need not fall.
    ///
    /// # Formula
    /// ```text
    /// v ← β₂v + (1 − β₂)g²
    /// u = g / (√(v/(1 − β₂ᵗ)) + ε) + λy
    /// ηₜ = η · min(1, t/warmup_steps)
    /// w = tʳ · (max of η₁…ηₜ)ᵖ           p is weight_lr_power
    /// c = w / (sum of all w)             0 where the sum is 0
    /// y ← y + c(z − y) − ηₜ(1 − β₁(1 − c))u
    /// z ← z − ηₜu                        z₀ = y₀
    /// ```
    /// The parameters are y, where gradients are taken. The weights to evaluate and to keep are the average
    /// `x = (y − (1 − β₁)z)/β₁`, which [`Optimizer::evaluation`](crate::Optimizer::evaluation) lends; in the beginning
    /// x = y = z.
    ///
    /// # State
    /// `z`, `exp_avg_sq`: each has the parameter's shape, 4 bytes per element (8 for f64). `lr_max` and `weight_sum`:
    /// two numbers for each tensor.
    ///
    /// # Differences
    /// The authors' package `schedulefree`: none; it turns the parameters into x and back with `eval` and `train`.
    /// optax: no r, and the same while η is constant; its weights take η one step early, so that its first step
    /// of a warm-up moves nothing and yet counts in the average. Keras: c = 1/t whatever the rates.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, ScheduleFreeAdamW, Slot};
    /// let mut y = [1.0f64];
    /// let mut optimizer = Optimizer::builder(ScheduleFreeAdamW { beta1: 0.5, ..ScheduleFreeAdamW::default() })
    ///     .build([Param::new("y", [1], DType::F64)])?;
    /// for _ in 0..2 {
    ///     optimizer.step(0.25, &mut [Slot::new(&mut y, &[100.0])])?;
    /// }
    /// // z went through 0.75 and 0.5, whose average is x
    /// let x = optimizer.evaluation(&mut y)?;
    /// assert!((x[0] - 0.625).abs() < 1e-8);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Defazio et al., The Road Less Scheduled, NeurIPS 2024, algorithm 1.
    pub struct ScheduleFreeAdamW("schedule_free_adamw") {
        /// β₁, the fraction of the average x in the point y where gradients are taken
        beta1: f64 = 0.9, Range::new(0.0, true, 1.0, true);
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ: a step of rate η shrinks z by the fraction ηλ of y
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// over how many steps η rises
        warmup_steps: f64 = 0.0, Range::NON_NEGATIVE;
        /// r: later steps weigh more in the average, by the power r of their number
        r: f64 = 0.0, Range::NON_NEGATIVE;
        /// p: steps weigh by the power p of the largest η so far
        weight_lr_power: f64 = 2.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for ScheduleFreeSgd {
    fn into_rule(self) -> Result<Rule> {
        let averaging = Averaging {
            fraction: self.momentum,
            warmup_steps: self.warmup_steps,
            r: self.r,
            weight_lr_power: self.weight_lr_power,
        };
        Rule::element(&self, Decay::Coupled(self.weight_decay), element(Descent(averaging)))
    }
}

impl IntoRule for ScheduleFreeAdamW {
    fn into_rule(self) -> Result<Rule> {
        let averaging = Averaging {
            fraction: self.beta1,
            warmup_steps: self.warmup_steps,
            r: self.r,
            weight_lr_power: self.weight_lr_power,
        };
        let rule = Adaptive { averaging, beta2: self.beta2, eps: self.eps };
        Rule::element(&self, Decay::Own(self.weight_decay), element(rule))
    }
}

const MEMORY: &[(&str, f64)] = &[("lr_max", 0.0), ("weight_sum", 0.0)];

/// How the iterates z are averaged, whatever made them.
struct Averaging {
    /// β₁ or μ
    fraction: f64,
    warmup_steps: f64,
    r: f64,
    weight_lr_power: f64,
}

/// Its scalars in one step.
#[derive(Debug, Clone, Copy)]
struct Mixing<R> {
    lr: R,
    /// η(1 − β₁(1 − c))
    rate: R,
    c: R,
    /// whether this is the tensor's first step: z is what it holds
    first: bool,
}

impl Averaging {
    fn lr(&self, step: Step) -> f64 {
        step.lr * (step.t as f64 / self.warmup_steps).min(1.0)
    }

    /// The weight of this step, once `lr_max` has seen it.
    fn weight(&self, step: Step, memory: &[f64]) -> f64 {
        (step.t as f64).powf(self.r) * memory[0].powf(self.weight_lr_power)
    }

    /// x, from y and z.
    fn average<R: Real>(&self, y: R, z: R) -> R {
        y + (y - z) * R::of((1.0 - self.fraction) / self.fraction)
    }

    fn update_memory(&self, step: Step, memory: &mut [f64]) {
        memory[0] = memory[0].max(self.lr(step));
        memory[1] += self.weight(step, memory);
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Mixing<R> {
        let (lr, weight) = (self.lr(step), self.weight(step, memory));
        let c = weight / memory[1];
        // nothing is averaged in while the sum is 0, or once it has overflown
        let c = if c.is_finite() { c } else { 0.0 };
        let rate = lr * (1.0 - self.fraction * (1.0 - c));
        Mixing { lr: R::of(lr), rate: R::of(rate), c: R::of(c), first: step.t == 1 }
    }
}

impl<R: Real> Mixing<R> {
    /// y and z after a step along `u`.
    #[inline(always)]
    fn advance(&self, y: R, z: R, u: R) -> (R, R) {
        let z = y.or(self.first, z);
        (y - self.c * (y - z) - self.rate * u, z - self.lr * u)
    }
}

struct Descent(Averaging);

impl ElementRule<1> for Descent {
    const STATE: [&'static str; 1] = ["z"];
    const KINDS: [StateKind; 1] = [StateKind::Point];
    const MEMORY: &'static [(&'static str, f64)] = MEMORY;
    const EVALUATES: bool = true;
    type Scalars<R: Real> = Mixing<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Mixing<R> {
        self.0.scalars(step, memory)
    }

    fn update_memory(&self, step: Step, _: &Sums, memory: &mut [f64]) {
        self.0.update_memory(step, memory);
    }

    fn evaluate<R: Real>(&self, y: R, [z]: [R; 1]) -> R {
        self.0.average(y, z)
    }

    #[inline(always)]
    fn update<R: Real>(s: &Mixing<R>, y: R, g: R, [z]: [R; 1]) -> (R, [R; 1]) {
        let (y, z) = s.advance(y, z, g);
        (y, [z])
    }
}

struct Adaptive {
    averaging: Averaging,
    beta2: f64,
    eps: f64,
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    mixing: Mixing<R>,
    /// 1 / √(1 − β₂ᵗ)
    root_correction: R,
    eps: R,
    lambda: R,
    beta2: Average<R>,
}

impl ElementRule<2> for Adaptive {
    const STATE: [&'static str; 2] = ["z", "exp_avg_sq"];
    const KINDS: [StateKind; 2] = [StateKind::Point, StateKind::Unsigned];
    const MEMORY: &'static [(&'static str, f64)] = MEMORY;
    const EVALUATES: bool = true;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        Scalars {
            mixing: self.averaging.scalars(step, memory),
            root_correction: R::of(1.0 / step.bias_correction(self.beta2).sqrt()),
            eps: R::beside_root(self.eps),
            lambda: R::of(step.lambda),
            beta2: Average::new(self.beta2),
        }
    }

    fn update_memory(&self, step: Step, _: &Sums, memory: &mut [f64]) {
        self.averaging.update_memory(step, memory);
    }

    fn evaluate<R: Real>(&self, y: R, [z, _]: [R; 2]) -> R {
        self.averaging.average(y, z)
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, y: R, g: R, [z, v]: [R; 2]) -> (R, [R; 2]) {
        let v = s.beta2.mix(v, g * g);
        let u = g / (v.sqrt() * s.root_correction + s.eps) + s.lambda * y;
        let (y, z) = s.mixing.advance(y, z, u);
        (y, [z, v])
    }
}
