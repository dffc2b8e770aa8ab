//! The optimizer: made once from a rule and the parameters, then stepped.

use crate::clip::{Clip, coefficient};
use crate::combine::{Averaging, Combine, Evaluation, Lookahead, Passed, Tensors, UpdateClip};
use crate::driver::{Desks, Pass, Plan, Sweep, Target, Units};
use crate::dtype::{DType, Half, SliceMut};
use crate::error::{Error, Result};
use crate::group::{Assigned, Group, assign};
use crate::health::{NonFinite, NonFiniteAt, TensorHealth};
use crate::kernel::{GradientStats, Level, MAX_STATES};
use crate::packed::Order;
use crate::param::{Gradient, Param, Slot};
use crate::precision::{Master, Rounding, StateFormat, Storage};
use crate::random::{Purpose, Stream, name_key};
use crate::rule::{Body, Decay, Holds, IntoRule, Rule, Scope, StateSpec, Step, Sums};
use crate::state::{self, Aligned, MAX_ARRAYS, StateArray, StateFloat};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

/// What an optimizer is made of, before the parameters are known; see [`Optimizer::builder`].
#[derive(Debug)]
pub struct Builder {
    rule: Result<Rule>,
    groups: Vec<Group>,
    clip: Option<Clip>,
    non_finite: NonFinite,
    measure_every: u64,
    level: Option<Level>,
    combine: Combine,
    precision: Precision,
}

/// In how many bytes everything is kept.
#[derive(Debug, Clone, Copy, Default)]
struct Precision {
    state: StateFormat,
    master: Master,
    rounding: Rounding,
    seed: u64,
}

/// Tensors of fewer elements keep their state in f32, unless a group asks for less.
const SMALL: usize = 4096;

impl Precision {
    /// How the state of a parameter is kept.
    fn format(&self, param: &Param, of: &Assigned) -> StateFormat {
        let by_default = match self.state {
            StateFormat::Bits8 if param.len() < SMALL => StateFormat::F32,
            format => format,
        };
        of.state_format.unwrap_or(by_default)
    }

    /// What is kept beside a parameter.
    fn beside(&self, param: &Param) -> Option<StateArray> {
        let (name, storage) = match (param.dtype, self.master) {
            (DType::Bf16 | DType::F16, Master::F32) => ("master_weights", Storage::F32),
            (DType::Bf16, Master::Correction) => ("weight_correction", Storage::Correction),
            _ => return None,
        };
        let spec = StateSpec { name, shape: param.shape.clone(), initial: 0.0 };
        Some(StateArray::stored(spec, Holds::Point, storage, MAX_ARRAYS - 1))
    }

    /// Whether a parameter itself is rounded at random.
    fn dithers(&self, param: &Param) -> bool {
        let half = matches!(param.dtype, DType::Bf16 | DType::F16);
        half && self.rounding == Rounding::Stochastic && self.master != Master::F32
    }
}

impl Builder {
    /// Adds a [parameter group](Group); later groups win over earlier ones.
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Bounds the gradient; default: not at all.
    pub fn clip(self, clip: impl Into<Option<Clip>>) -> Self {
        Self { clip: clip.into(), ..self }
    }

    /// What happens to a step whose gradient is not finite; default: an error.
    pub fn non_finite(self, policy: NonFinite) -> Self {
        Self { non_finite: policy, ..self }
    }

    /// Measures `‖θ' − θ‖ / ‖θ‖` of each tensor on every `every`-th step; 0, the default, never.
    /// A measured step costs no extra traffic, but arithmetic: about twice the time from cache.
    pub fn measure_updates(self, every: u64) -> Self {
        Self { measure_every: every, ..self }
    }

    /// Subtracts from the gradient of each unit its mean; default: no.
    ///
    /// A unit is what shares an index along the parameter's [unit axis](Param::unit_axis): one output of a layer.
    /// Parameters of less than two axes are left alone.
    ///
    /// # Formula
    /// ```text
    /// g ← clip(g);   g_u ← g_u − mean(g_u)    for each unit u
    /// ```
    /// Norms that bound the gradient, and those that are reported, are of the gradient as given. A coupled weight decay is
    /// added afterwards. The gradient is read once more.
    ///
    /// # Differences
    /// optax: none (`centralize`, after clipping), for units along axis 0.
    ///
    /// # Source
    /// Yong, Huang, Hua & Zhang, Gradient Centralization: A New Optimization Technique for Deep Neural Networks,
    /// ECCV 2020, equation 1.
    pub fn centralize(mut self, centralize: bool) -> Self {
        self.combine.centralize = centralize;
        self
    }

    /// Keeps of each update only the elements that go against their gradient; default: no.
    ///
    /// # Formula
    /// With u the rule's update, weight decay not included (`θ ← (1 − ηλ)θ − u`), g the gradient as the rule sees it:
    /// ```text
    /// m ← 1 where u·g > 0, else 0
    /// u ← u · m / max(mean(m), 1e-3)           the mean over the tensor
    /// ```
    /// The rule's state is as without caution. The step reads all it works on twice, and computes the update twice:
    /// the mean must be known before the first element is kept.
    ///
    /// # Differences
    /// The authors' AdamW and timm: this formula. The paper (algorithm 1) and the authors' Lion divide by (Σm + 1)/n
    /// instead. Both look at the sign of the momentum, which is that of the update.
    ///
    /// # Errors
    /// At [`build`](Self::build): a rule that averages its weights itself.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [0.0f64; 2];
    /// let mut sgd = Optimizer::builder(Sgd { momentum: 0.5, ..Sgd::default() })
    ///     .cautious(true)
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// sgd.step(1.0, &mut [Slot::new(&mut theta, &[4.0, 4.0])])?;
    /// assert_eq!(theta, [-4.0, -4.0]);
    /// // the momentum still goes down at the second, whose gradient now points up
    /// sgd.step(1.0, &mut [Slot::new(&mut theta, &[4.0, -1.0])])?;
    /// assert_eq!(theta, [-16.0, -4.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Liang, Chen, Liu & Liu, Cautious Optimizers: Improving Training with One Line of Code, 2024.
    pub fn cautious(mut self, cautious: bool) -> Self {
        self.combine.cautious = cautious;
        self
    }

    /// Bounds each tensor's [update](UpdateClip); default: not at all.
    ///
    /// The step reads all it works on twice, and computes the update twice.
    pub fn clip_update(mut self, clip: impl Into<Option<UpdateClip>>) -> Self {
        self.combine.clip_update = clip.into();
        self
    }

    /// Decays only weights whose update goes the same way; default: all.
    ///
    /// # Formula
    /// With u the update without weight decay:
    /// ```text
    /// θ ← θ − u − ηλθ where u·θ ≥ 0, else θ − u
    /// ```
    /// Whatever the rule's own kind of decay, λ is decoupled then.
    ///
    /// # Errors
    /// At [`build`](Self::build): a rule whose weight decay is part of its formula, or that averages its weights itself.
    ///
    /// # Source
    /// Chen, Li, Liang, Su, Xie, Pierse, Liang, Lao & Liu, Cautious Weight Decay, 2025, algorithm 1.
    pub fn cautious_decay(mut self, cautious: bool) -> Self {
        self.combine.cautious_decay = cautious;
        self
    }

    /// Weight decay that does not depend on the learning rate but on its schedule; default: not.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − λ·η_t/reference_lr)·θ
    /// ```
    /// At the reference, the peak of the schedule as a rule, the weights shrink by the share λ in a step, so that λ is
    /// smaller than with other decays: 1e-5, where they have 0.01 and η = 1e-3. Whatever the rule's own kind of decay, λ is decoupled then. A
    /// group's factor of the learning rate does not touch it, unless that is 0.
    ///
    /// # Differences
    /// torch-optimi and FlashOptim: none (`decouple_lr`, whose reference is the first learning rate by default).
    ///
    /// # Errors
    /// At [`build`](Self::build): a reference that is not above 0; a rule whose weight decay is part of its formula.
    ///
    /// # Example
    /// ```
    /// use steepest::{AdamW, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let mut adamw = Optimizer::builder(AdamW { weight_decay: 0.1, ..AdamW::default() })
    ///     .fully_decoupled_decay(1e-3)
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// adamw.step(1e-3, &mut [Slot::new(&mut theta, &[0.0])])?;
    /// assert!((theta[0] - 0.9).abs() < 1e-15);
    /// adamw.step(0.5e-3, &mut [Slot::new(&mut theta, &[0.0])])?;
    /// assert!((theta[0] - 0.9 * 0.95).abs() < 1e-15);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019, algorithm 2: there η_t/reference_lr is
    /// the schedule's multiplier.
    pub fn fully_decoupled_decay(mut self, reference_lr: f64) -> Self {
        self.combine.reference_lr = Some(reference_lr);
        self
    }

    /// Draws the weights back to [slow ones](Lookahead) every few steps; default: no.
    pub fn lookahead(mut self, lookahead: impl Into<Option<Lookahead>>) -> Self {
        self.combine.lookahead = lookahead.into();
        self
    }

    /// Keeps an average of the weights, [`Ema`](crate::Ema) or [`Swa`](crate::Swa), for
    /// [`Optimizer::evaluation`]; default: none.
    pub fn average(mut self, average: impl Into<Averaging>) -> Self {
        self.combine.average = Some(average.into());
        self
    }

    /// In how many bytes the [state](StateFormat) is kept; default: as the arithmetic has it.
    ///
    /// ```
    /// use steepest::{AdamW, DType, Group, Optimizer, Param, StateFormat};
    /// let optimizer = Optimizer::builder(AdamW::default())
    ///     .state_format(StateFormat::Bits8)
    ///     .group(Group::named("embedding").state_format(StateFormat::F32))
    ///     .build([
    ///         Param::new("embedding", [1000, 64], DType::F32),
    ///         Param::new("hidden", [64, 64], DType::F32),
    ///         Param::new("bias", [64], DType::F32), // too small to be worth it
    ///     ])?;
    /// assert_eq!(optimizer.state_bytes(), 2 * (4 * 64_000 + 4096 + 32 + 4 * 64));
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// At [`build`](Self::build): less than f32 for a parameter in f64, or for one whose rule needs the whole tensor.
    ///
    /// # Source
    /// Dettmers, Lewis, Shleifer & Zettlemoyer, 8-bit Optimizers via Block-wise Quantization, ICLR 2022, has the blocks; the codes
    /// are those of microscaling formats: Rouhani et al., Microscaling Data Formats for Deep Learning, 2023.
    pub fn state_format(mut self, format: StateFormat) -> Self {
        self.precision.state = format;
        self
    }

    /// What is [kept](Master) of parameters in half precision beside them; default: nothing.
    ///
    /// ```
    /// use half::bf16;
    /// use steepest::{DType, Master, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [bf16::ONE];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .master(Master::Correction)
    ///     .build([Param::new("theta", [1], DType::Bf16)])?;
    /// for _ in 0..100 {
    ///     // a thousandth is less than half a place of 1, and would be lost
    ///     sgd.step(1e-3, &mut [Slot::new(&mut theta, &[1.0f32])])?;
    /// }
    /// assert!((theta[0].to_f32() - 0.9).abs() < 0.003);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// At [`build`](Self::build): a correction for a parameter in f16, which has no 8 bits below it of the same exponent.
    ///
    /// # Source
    /// Micikevicius et al., Mixed Precision Training, ICLR 2018, section 3.1, has the f32 copy; that the bits that bf16 lacks are
    /// enough: Zamirai, Zhang, Aberger & De Sa, Revisiting BFloat16 Training, 2020, which keeps 16 of them.
    pub fn master(mut self, master: Master) -> Self {
        self.precision.master = master;
        self
    }

    /// How parameters in half precision are [rounded](Rounding); default: to the nearest.
    pub fn rounding(mut self, rounding: Rounding) -> Self {
        self.precision.rounding = rounding;
        self
    }

    /// What everything that is rounded at random is keyed by; default: 0. A state file has it, and a loaded state goes on with
    /// its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.precision.seed = seed;
        self
    }

    /// Forces an instruction set; default: the best of the processor. The bits are the same.
    pub fn level(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Makes the optimizer for `params`, whose order is the order of every step's slots. Allocates
    /// all state.
    ///
    /// # Errors
    /// Everything that can be known now: settings outside their range, groups that match nothing,
    /// two parameters of one name, a parameter that the rule cannot take.
    pub fn build(self, params: impl IntoIterator<Item = Param>) -> Result<Optimizer> {
        let mut rules = vec![self.rule?];
        let params: Vec<Param> = params.into_iter().collect();
        if let Some(clip) = &self.clip {
            clip.check()?;
        }
        let mut names = HashMap::new();
        for (second, param) in params.iter().enumerate() {
            if let Some(first) = names.insert(param.name.as_str(), second) {
                return Err(Error::DuplicateName { name: param.name.clone(), first, second });
            }
        }
        let assigned = assign(self.groups, &params, &mut rules)?;
        let decays =
            |rule| assigned.iter().any(|of| of.rule == rule && of.weight_decay.is_some_and(|l| l > 0.0));
        self.combine.settle(&mut rules, decays)?;
        for (param, of) in params.iter().zip(&assigned) {
            let format = self.precision.format(param, of);
            check_param(param, &rules[of.rule], self.clip, format, self.precision.master)?;
        }
        let level = match self.level {
            None => Level::best(),
            Some(level) if level.is_available() => level,
            Some(level) => {
                return Err(Error::Conflict {
                    owner: "optimizer",
                    conflict: format!("this processor has no {level:?}"),
                    remedy: format!("use at most {:?}", Level::best()),
                });
            }
        };
        let formats: Vec<StateFormat> =
            params.iter().zip(&assigned).map(|(param, of)| self.precision.format(param, of)).collect();
        let state: Vec<Vec<StateArray>> = params
            .iter()
            .zip(&assigned)
            .zip(&formats)
            .map(|((param, of), format)| {
                let rule = &rules[of.rule];
                let specs = rule.state(param);
                debug_assert!(specs.len() <= MAX_ARRAYS);
                let narrow = match format {
                    StateFormat::F32 => None,
                    StateFormat::Bf16 => Some(Storage::Bf16),
                    StateFormat::Bits8 => Some(Storage::Bits8(Order::of(param.dtype))),
                };
                let others = self.combine.arrays(param);
                let array = |(k, spec)| {
                    // what does not belong to the rule is kept as it is
                    let holds = rule.holds().get(k).copied().unwrap_or(Holds::Point);
                    match narrow {
                        Some(storage) if holds != Holds::Point => StateArray::stored(spec, holds, storage, k),
                        _ => StateArray::new(spec, param.dtype, k),
                    }
                };
                specs.into_iter().chain(others).enumerate().map(array).collect()
            })
            .collect();
        let dithered = params.iter().any(|param| self.precision.dithers(param))
            || formats.iter().any(|format| *format != StateFormat::F32);
        let (mut memory, mut memory_of) = (Vec::new(), Vec::new());
        for of in &assigned {
            let numbers = rules[of.rule].memory();
            memory_of.push((memory.len(), numbers.len()));
            memory.extend(numbers.iter().map(|(_, value)| *value));
        }
        let desks = Desks::new(&params, |i| assigned[i].rule, &rules);
        let plan = Plan::new(&params);
        let measures = rules.iter().any(|rule| rule.scope() != Scope::Element);
        let by_unit = matches!(self.clip, Some(Clip::Adaptive { .. })) || self.combine.centralize;
        let rooms = params.iter().zip(&assigned).map(|(param, of)| {
            let specs = self.combine.work(param, &rules[of.rule]);
            specs.into_iter().enumerate().map(|(k, spec)| StateArray::new(spec, param.dtype, k)).collect()
        });
        Ok(Optimizer {
            stats: plan.room(),
            sums: if measures { plan.room() } else { Vec::new() },
            sums_of: vec![Sums::default(); if measures { params.len() } else { 0 }],
            sums_of_rule: vec![Sums::default(); rules.len()],
            active_rules: vec![false; rules.len()],
            memory,
            memory_of,
            moved: if self.measure_every > 0 { plan.room() } else { Vec::new() },
            rooms: rooms.collect(),
            passed: if self.combine.needs_whole() { plan.room() } else { Vec::new() },
            units: by_unit.then(|| params.iter().map(Units::new).collect()),
            targets: Vec::with_capacity(params.len()),
            work: Aligned::new(desks.bytes()),
            desks,
            health: vec![TensorHealth::default(); params.len()],
            norms: vec![0.0; params.len()],
            steps: vec![0; params.len()],
            steps_taken: 0,
            clip: self.clip,
            non_finite: self.non_finite,
            measure_every: self.measure_every,
            combine: self.combine,
            level,
            plan,
            state,
            formats,
            dithered,
            masters: params.iter().map(|param| self.precision.beside(param)).collect(),
            keys: params.iter().map(|param| name_key(&param.name)).collect(),
            precision: self.precision,
            assigned,
            params,
            rules,
        })
    }
}

fn check_param(
    param: &Param,
    rule: &Rule,
    clip: Option<Clip>,
    format: StateFormat,
    master: Master,
) -> Result<()> {
    let refuse = |reason: String, remedy: &str| {
        Err(Error::Unsupported {
            optimizer: rule.name,
            tensor: param.name.clone(),
            reason,
            remedy: remedy.to_owned(),
        })
    };
    if matches!(rule.body, Body::Tensor(_)) && matches!(param.dtype, DType::Bf16 | DType::F16) {
        return refuse(
            format!("it needs the whole tensor in f32 or f64, found {}", param.dtype),
            "keep this parameter in f32, or give it another rule with `Group::rule`",
        );
    }
    if matches!(rule.body, Body::Tensor(_)) && matches!(clip, Some(Clip::Value(_) | Clip::Adaptive { .. })) {
        return refuse(
            "clipping by value and adaptive clipping work element by element".to_owned(),
            "clip by norm with this optimizer",
        );
    }
    if param.rank() >= 2 && param.unit_axis >= param.rank() {
        return refuse(
            format!("its unit axis is {}, its rank {}", param.unit_axis, param.rank()),
            "give an axis below the rank",
        );
    }
    let remedy = "keep its state in f32 with `Group::state_format`";
    if format != StateFormat::F32 && param.dtype == DType::F64 {
        return refuse(format!("its state is to be {format}, and it is f64"), remedy);
    }
    if format != StateFormat::F32 && matches!(rule.body, Body::Tensor(_)) {
        return refuse(
            format!("its state is to be {format}, and the rule needs the whole tensor in f32"),
            remedy,
        );
    }
    if master == Master::Correction && param.dtype == DType::F16 {
        return refuse(
            "f16 has no 8 bits below it to correct it with".to_owned(),
            "keep it in bf16, or take `Master::F32`",
        );
    }
    Ok(())
}

/// The arguments of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepArgs {
    /// The learning rate η, in `[0, ∞)`.
    pub lr: f64,
    /// What every gradient is multiplied by before anything else sees it: the inverse of a loss
    /// scale, or of a number of accumulated batches. Finite in f32; default 1.
    pub gradient_scale: f64,
    /// The loss at the parameters that the gradient belongs to: needed by rules that compute their step
    /// from it, such as [`Polyak`](crate::Polyak), ignored by all others. Default: not given.
    pub loss: Option<f64>,
}

impl From<f64> for StepArgs {
    fn from(lr: f64) -> Self {
        Self { lr, gradient_scale: 1.0, loss: None }
    }
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// The number of steps taken so far, this one included unless it was skipped.
    pub step: u64,
    /// Euclidean norm of all gradients before clipping (and after `gradient_scale`); `None` when
    /// nothing needed the gradients to be read beforehand.
    pub gradient_norm: Option<f64>,
    /// The smallest factor that clipping by norm gave any tensor: 1 when nothing was clipped.
    pub clip_factor: f64,
    /// Why the step was skipped, under [`NonFinite::Skip`].
    pub skipped: Option<NonFiniteAt>,
}

/// Updates parameters in one pass over memory.
///
/// ```
/// use steepest::{AdamW, Clip, DType, Optimizer, Param, Slot};
/// let mut theta = vec![1.0f32, 2.0];
/// let mut optimizer = Optimizer::builder(AdamW { weight_decay: 0.1, ..AdamW::default() })
///     .clip(Clip::GlobalNorm(1.0))
///     .build([Param::new("theta", [2], DType::F32)])?;
/// for _ in 0..1000 {
///     let gradient: Vec<f32> = theta.iter().map(|x| 2.0 * x).collect();
///     optimizer.step(0.01, &mut [Slot::new(&mut theta, &gradient)])?;
/// }
/// assert!(theta.iter().all(|x| x.abs() < 0.01));
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    rules: Vec<Rule>,
    params: Vec<Param>,
    assigned: Vec<Assigned>,
    state: Vec<Vec<StateArray>>,
    /// What rules keep for tensors as a whole, one after the other.
    memory: Vec<f64>,
    /// Where each tensor's part of it lies: start and length.
    memory_of: Vec<(usize, usize)>,
    /// Steps of each tensor: a frozen tensor's does not advance, as in torch.
    steps: Vec<u64>,
    steps_taken: u64,
    clip: Option<Clip>,
    non_finite: NonFinite,
    measure_every: u64,
    combine: Combine,
    level: Level,
    plan: Plan,
    health: Vec<TensorHealth>,
    // work space of a step, so that it allocates nothing
    stats: Vec<GradientStats>,
    moved: Vec<(f64, f64)>,
    /// What rules measure: for each chunk, tensor and rule. Empty when none does.
    sums: Vec<Sums>,
    sums_of: Vec<Sums>,
    sums_of_rule: Vec<Sums>,
    /// Whether any tensor of a rule has a gradient.
    active_rules: Vec<bool>,
    units: Option<Vec<Units>>,
    /// What of updates passes caution, for each chunk. Empty when nothing asks.
    passed: Vec<Passed>,
    /// What composes with tensor rules works here.
    rooms: Vec<Vec<StateArray>>,
    targets: Vec<Target>,
    norms: Vec<f64>,
    desks: Desks,
    work: Aligned,
    precision: Precision,
    /// How the state of each tensor is kept.
    formats: Vec<StateFormat>,
    /// What is kept beside each parameter in half precision.
    masters: Vec<Option<StateArray>>,
    /// What each tensor's random bits are keyed by.
    keys: Vec<u64>,
    /// Whether anything is rounded at random.
    dithered: bool,
}

/// The work of a step of `$optimizer`, which stays free to lend its other fields.
macro_rules! pass {
    ($optimizer:expr) => {
        Pass {
            plan: &$optimizer.plan,
            level: $optimizer.level,
            rules: &$optimizer.rules,
            params: &$optimizer.params,
            targets: &$optimizer.targets,
            memory: &$optimizer.memory,
            combine: &$optimizer.combine,
            desks: &$optimizer.desks,
        }
    };
}

impl Optimizer {
    /// Begins an optimizer with `rule`: a settings struct, or a rule from the
    /// [registry](crate::registry).
    pub fn builder(rule: impl IntoRule) -> Builder {
        Builder {
            rule: rule.into_rule(),
            groups: Vec::new(),
            clip: None,
            non_finite: NonFinite::default(),
            measure_every: 0,
            level: None,
            combine: Combine::default(),
            precision: Precision::default(),
        }
    }

    /// One step of all parameters.
    ///
    /// `args` is the learning rate, or [`StepArgs`]. `slots` holds every parameter in the order of
    /// [`Builder::build`]. The step runs on the current rayon pool; the bits do not depend on it.
    /// Subnormal gradients, and subnormal numbers that arise in averages of gradients, count as zero. Nothing is
    /// allocated, except by rayon when it is called from outside its pool: one queue
    /// block in some sixty steps.
    ///
    /// # Errors
    /// Slices that do not fit, a bad learning rate, a gradient that is not finite (see
    /// [`NonFinite`]). After an error nothing has changed.
    pub fn step(&mut self, args: impl Into<StepArgs>, slots: &mut [Slot<'_>]) -> Result<StepReport> {
        let args = args.into();
        let step = self.steps_taken.saturating_add(1);
        self.check_args(step, args, slots)?;
        self.aim(args, slots);
        let mut report = StepReport { step, gradient_norm: None, clip_factor: 1.0, skipped: None };
        let by_norm = matches!(self.clip, Some(Clip::GlobalNorm(_) | Clip::TensorNorm(_)));
        if by_norm || self.non_finite != NonFinite::Unchecked {
            if let Some(at) = self.read_gradients(args.gradient_scale) {
                if self.non_finite == NonFinite::Skip {
                    pass!(self).zero_gradients();
                    self.targets.clear();
                    return Ok(StepReport { step: self.steps_taken, skipped: Some(at), ..report });
                }
                self.targets.clear();
                return Err(Error::NonFiniteGradient {
                    step,
                    tensor: self.params[at.tensor].name.clone(),
                    index: at.index,
                    value: at.value,
                    count: at.count,
                });
            }
            let total = join_norms(&self.norms);
            report.gradient_norm = Some(total);
            report.clip_factor = self.clip_by_norm(total);
        }
        if let (Some(Clip::Adaptive { factor, eps }), Some(units)) = (self.clip, &mut self.units) {
            let pass = pass!(self);
            pass.clip_units(units, factor, eps);
        }
        if let (true, Some(units)) = (self.combine.centralize, &mut self.units) {
            pass!(self).centralize(units);
        }
        self.learn();
        self.weigh_updates();
        let measure = self.measure_every > 0 && step.is_multiple_of(self.measure_every);
        let pass = pass!(self);
        pass.update(self.units.as_deref(), &mut self.state, measure.then_some(&mut self.moved));
        for (i, target) in self.targets.iter().enumerate().filter(|(_, t)| t.active) {
            self.steps[i] = target.step.t;
            if measure {
                let (moved, size) = self
                    .plan
                    .chunks_of(i)
                    .fold((0.0, 0.0), |sum, c| (sum.0 + self.moved[c].0, sum.1 + self.moved[c].1));
                self.health[i].update_ratio = (size > 0.0).then(|| (moved / size).sqrt());
            }
        }
        // the pointers are those of this step's slices
        self.targets.clear();
        self.steps_taken = step;
        Ok(report)
    }

    /// Caution and bounds: what each tensor's update is to be multiplied by.
    fn weigh_updates(&mut self) {
        if self.passed.is_empty() {
            return;
        }
        pass!(self).look_ahead_at_updates(self.units.as_deref(), &mut self.passed);
        for (i, target) in self.targets.iter_mut().enumerate() {
            if target.active && matches!(self.rules[target.rule].body, Body::Element(_)) {
                // in the order of chunks, whoever computed them
                let chunks = self.plan.chunks_of(i).map(|chunk| self.passed[chunk]);
                let passed = chunks.fold(Passed::default(), |sum, x| [sum[0] + x[0], sum[1] + x[1]]);
                target.beside.factor = self.combine.factor(passed, self.params[i].len(), target.step.lr);
            }
        }
    }

    /// The pass before the update: rules sum what they measure, and move their memory on.
    fn learn(&mut self) {
        if !self.sums.is_empty() {
            pass!(self).measure(self.units.as_deref(), &mut self.sums);
            self.sums_of_rule.fill(Sums::default());
            self.active_rules.fill(false);
            for (i, target) in self.targets.iter().enumerate() {
                let mut total = Sums::default();
                if target.active && self.rules[target.rule].scope() != Scope::Element {
                    // in the order of chunks and tensors, whoever computed them
                    for chunk in self.plan.chunks_of(i) {
                        add(&mut total, &self.sums[chunk]);
                    }
                }
                add(&mut self.sums_of_rule[target.rule], &total);
                self.active_rules[target.rule] |= target.active;
                self.sums_of[i] = total;
            }
        }
        for (i, target) in self.targets.iter().enumerate() {
            let Body::Element(kernel) = &self.rules[target.rule].body else { continue };
            let (start, len) = target.memory;
            if len == 0 {
                continue;
            }
            let (sums, learns) = match kernel.scope() {
                Scope::Element => (Sums::default(), target.active),
                Scope::Tensor => (self.sums_of[i], target.active),
                // what is known of all tensors is learned by those without a gradient too, if one has any
                Scope::All => (self.sums_of_rule[target.rule], self.active_rules[target.rule]),
            };
            if learns {
                kernel.learn(target.step, &sums, &mut self.memory[start..start + len]);
            }
        }
    }

    fn check_args(&self, step: u64, args: StepArgs, slots: &[Slot<'_>]) -> Result<()> {
        if !(args.lr >= 0.0 && args.lr.is_finite()) {
            let expected = "a finite number of at least 0";
            return Err(Error::BadArgument { step, what: "the learning rate", value: args.lr, expected });
        }
        if !(args.gradient_scale as f32).is_finite() {
            let (what, value) = ("the gradient scale", args.gradient_scale);
            let expected = "a number that f32 can hold";
            return Err(Error::BadArgument { step, what, value, expected });
        }
        if let Some(rule) = self.rules.iter().find(|rule| rule.needs_loss())
            && !args.loss.is_some_and(f64::is_finite)
        {
            return Err(Error::LossNeeded { step, optimizer: rule.name, found: args.loss });
        }
        if slots.len() != self.params.len() {
            return Err(Error::TensorCount { step, expected: self.params.len(), found: slots.len() });
        }
        for ((param, slot), of) in self.params.iter().zip(slots).zip(&self.assigned) {
            // texts are made for errors only: a step allocates nothing
            let check = |what, found: DType, len: usize, fits: bool, expected: &dyn fmt::Display| {
                let tensor = || param.name.clone();
                if !fits {
                    let expected = expected.to_string();
                    Err(Error::WrongDType { step, what, tensor: tensor(), expected, found })
                } else if len != param.len() {
                    Err(Error::Length { step, what, tensor: tensor(), expected: param.len(), found: len })
                } else {
                    Ok(())
                }
            };
            let dtype = slot.param.dtype();
            check("parameter", dtype, slot.param.len(), dtype == param.dtype, &param.dtype)?;
            if let Some(grad) = slot.grad.as_ref().map(Gradient::as_slice) {
                let f64_grad = grad.dtype() == DType::F64;
                let fits = match &self.rules[of.rule].body {
                    Body::Element(_) => f64_grad == (param.dtype == DType::F64),
                    Body::Tensor(_) => grad.dtype() == param.dtype,
                };
                let expected = if param.dtype == DType::F64 {
                    "f64"
                } else {
                    "f32 (or, for element rules, bf16 or f16)"
                };
                check("gradient of", grad.dtype(), grad.len(), fits, &expected)?;
            }
        }
        Ok(())
    }

    /// Fills the table of targets from the slots.
    fn aim(&mut self, args: StepArgs, slots: &mut [Slot<'_>]) {
        self.targets.clear();
        let work = self.work.slice_mut::<u8>().as_mut_ptr();
        let limit = if let Some(Clip::Value(c)) = self.clip { c } else { f64::INFINITY };
        for (i, slot) in slots.iter_mut().enumerate() {
            let of = &self.assigned[i];
            let mut state = [std::ptr::null_mut(); MAX_STATES];
            let of_rule = self.state[i].len() - self.combine.count();
            let (of_rule, others) = self.state[i].split_at_mut(of_rule);
            let mut scales = [std::ptr::null_mut(); MAX_STATES];
            for ((place, scales), array) in state.iter_mut().zip(&mut scales).zip(of_rule) {
                (*place, *scales) = (array.address(), array.scales_address());
            }
            let rule_decay = self.rules[of.rule].decay;
            let decay = of.weight_decay.map_or(rule_decay, |lambda| rule_decay.with_lambda(lambda));
            let decay = self.combine.decay(decay, of.lr_factor);
            let lambda = if let Decay::Own(lambda) = decay { lambda } else { 0.0 };
            let (t, lr) = (self.steps[i].saturating_add(1), args.lr * of.lr_factor);
            let step = Step { t, lr, lambda, loss: args.loss };
            let beside = self.combine.aim(
                step,
                decay,
                &self.params[i],
                others.iter_mut().map(StateArray::address),
                self.rooms[i].iter_mut().map(StateArray::address),
                matches!(self.rules[of.rule].body, Body::Tensor(_)),
            );
            let precision = &self.precision;
            let stream = |purpose| {
                // of no use, and not computed, where nothing is rounded at random
                let key = self.dithered.then_some(self.keys[i]);
                key.map_or_else(Stream::default, |key| Stream::new(precision.seed, key, t, purpose))
            };
            let zero = slot.grad.as_mut().map_or(std::ptr::null_mut(), Gradient::zero_address);
            let grad = slot.grad.as_ref().map(Gradient::as_slice);
            let beside_theta = self.masters[i].as_mut().map(StateArray::address);
            self.targets.push(Target {
                theta: slot.param.address(),
                dtype: slot.param.dtype(),
                master: if beside_theta.is_some() { precision.master } else { Master::None },
                beside_theta: beside_theta.unwrap_or(std::ptr::null_mut()),
                dither: precision.dithers(&self.params[i]).then(|| stream(Purpose::Weights)),
                // what is written through one pointer is read through the same
                grad: match &grad {
                    Some(grad) if zero.is_null() => grad.address(),
                    _ => zero,
                },
                grad_dtype: grad.map_or(slot.param.dtype(), |g| g.dtype()),
                zero,
                active: grad.is_some(),
                rule: of.rule,
                step,
                decay,
                scale: args.gradient_scale,
                limit,
                state,
                holds: self.rules[of.rule].holds(),
                format: self.formats[i],
                scales,
                state_dither: stream(Purpose::State),
                memory: self.memory_of[i],
                beside,
                work: work.wrapping_add(self.desks.start(i)),
            });
        }
    }

    /// Reads every gradient once; returns the first place that is not finite.
    fn read_gradients(&mut self, scale: f64) -> Option<NonFiniteAt> {
        let pass = pass!(self);
        // one more pass before the update, or none
        let sweep =
            if self.sums.is_empty() && self.passed.is_empty() { Sweep::Backwards } else { Sweep::Forwards };
        pass.gradient_stats(sweep, &mut self.stats);
        // all tensors are looked at before any history changes: a refused step changes nothing
        for (i, param) in self.params.iter().enumerate() {
            let squares = self.plan.chunks_of(i).map(|c| self.stats[c].sum_of_squares).sum::<f64>();
            self.norms[i] = squares.sqrt() * scale.abs();
            // no element is larger than the norm: below this none overflows, in f32 or in f64
            let in_f64 = param.dtype == DType::F64;
            if self.norms[i] <= if in_f64 { f64::MAX } else { f64::from(f32::MAX) / 2.0 } {
                continue;
            }
            let (mut first, mut count, mut largest) = (None, 0, 0.0f64);
            pass.each_gradient(i, |index, g| {
                let scaled = if in_f64 { g * scale } else { f64::from(g as f32 * scale as f32) };
                if !scaled.is_finite() {
                    count += 1;
                    first = first.or(Some((index, scaled)));
                }
                largest = largest.max(scaled.abs());
            });
            if let Some((index, value)) = first {
                return Some(NonFiniteAt { tensor: i, index, value, count });
            }
            if !self.norms[i].is_finite() {
                // f64 only: finite values whose squares overflow
                let mut sum = 0.0;
                pass.each_gradient(i, |_, g| sum += (g * scale / largest.max(f64::MIN_POSITIVE)).powi(2));
                self.norms[i] = (largest * sum.sqrt()).min(f64::MAX);
            }
        }
        for (i, param) in self.params.iter().enumerate() {
            if self.targets[i].active && !param.is_empty() {
                let zeros = self.plan.chunks_of(i).map(|c| self.stats[c].zeros).sum::<u64>();
                self.health[i].observe(self.norms[i], zeros as f64 / param.len() as f64);
            }
        }
        None
    }

    /// Folds clipping by norm into the targets' scale; returns the smallest factor.
    fn clip_by_norm(&mut self, total: f64) -> f64 {
        let mut smallest = 1.0f64;
        for (target, norm) in self.targets.iter_mut().zip(&self.norms) {
            let factor = match self.clip {
                Some(Clip::GlobalNorm(most)) => coefficient(total, most),
                Some(Clip::TensorNorm(most)) => coefficient(*norm, most),
                _ => 1.0,
            };
            target.scale *= factor;
            smallest = smallest.min(factor);
        }
        smallest
    }

    /// Puts the weights to evaluate with in the place of the parameters, until the guard is dropped; then
    /// every bit is what it was.
    ///
    /// They are the [average](Builder::average), where one is kept and has begun, or [Lookahead]'s slow weights, or what the rule itself means by them,
    /// or else the parameters as they are. `parameters` is a list of vectors, a list of slots, or whatever shows its
    /// [`Tensors`]. The guard lends it, read only.
    ///
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot, Swa};
    /// let mut weights = vec![vec![4.0f32], vec![8.0f32]];
    /// let mut optimizer = Optimizer::builder(Sgd::default())
    ///     .average(Swa::default())
    ///     .build(["a", "b"].map(|name| Param::new(name, [1], DType::F32)))?;
    /// for _ in 0..2 {
    ///     let mut slots: Vec<Slot> = weights.iter_mut().map(|w| Slot::new(w, &[1.0f32])).collect();
    ///     optimizer.step(1.0, &mut slots)?;
    /// }
    /// {
    ///     let averaged = optimizer.evaluation(&mut weights)?;
    ///     assert_eq!(averaged[..], [[2.5], [6.5]]);
    /// }
    /// assert_eq!(weights, [[2.0], [6.0]]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// Parameters that are not those of [`Builder::build`]; nothing has changed then.
    pub fn evaluation<'a, M: Tensors + ?Sized>(&self, parameters: &'a mut M) -> Result<Evaluation<'a, M>> {
        let write = |i, tensor: SliceMut<'_>| self.evaluation_of(i, tensor);
        Evaluation::new(parameters, write, self.params.len(), self.steps_taken)
    }

    /// Whether [`Optimizer::evaluation`] can give other weights than the parameters.
    pub fn evaluates(&self) -> bool {
        let combine = &self.combine;
        combine.average.is_some() || combine.lookahead.is_some() || self.rules.iter().any(Rule::evaluates)
    }

    /// Turns a copy of parameter `i` into its weights to evaluate with: [`Optimizer::evaluation`] for those who hold
    /// copies.
    ///
    /// # Errors
    /// A slice of another length or type than the parameter's; it is left as it was.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn evaluation_of(&self, i: usize, mut copy: SliceMut<'_>) -> Result<()> {
        let (step, param, dtype) = (self.steps_taken, &self.params[i], copy.dtype());
        let (what, tensor) = ("parameter", param.name.clone());
        if dtype != param.dtype {
            let expected = param.dtype.to_string();
            return Err(Error::WrongDType { step, what, tensor, expected, found: dtype });
        }
        if copy.len() != param.len() {
            return Err(Error::Length { step, what, tensor, expected: param.len(), found: copy.len() });
        }
        match &mut copy {
            SliceMut::F64(theta) => self.evaluate(i, theta, |x: f64| x, |x| x),
            SliceMut::F32(theta) => self.evaluate(i, theta, |x: f32| x, |x| x),
            SliceMut::Bf16(theta) => self.evaluate(i, theta, Half::widen, Half::narrow),
            SliceMut::F16(theta) => self.evaluate(i, theta, Half::widen, Half::narrow),
        }
        Ok(())
    }

    fn evaluate<H: Copy, T: StateFloat>(
        &self,
        i: usize,
        theta: &mut [H],
        widen: impl Fn(H) -> T,
        narrow: impl Fn(T) -> H,
    ) {
        let of_rule = self.state[i].len() - self.combine.count();
        let (of_rule, others) = self.state[i].split_at(of_rule);
        let kept = match (&self.combine.average, &self.combine.lookahead) {
            (Some(average), _) if average.begun(self.steps[i]) => others.last(),
            (_, Some(_)) if self.steps[i] > 0 => others.first(),
            _ => None,
        };
        if let Some(array) = kept {
            for (theta, w) in theta.iter_mut().zip(T::array(array)) {
                *theta = narrow(*w);
            }
        } else if let Body::Element(kernel) = &self.rules[self.assigned[i].rule].body
            && kernel.evaluates()
            && self.steps[i] > 0
        {
            let state: Vec<_> = of_rule.iter().map(T::values).collect();
            let state: Vec<&[T]> = state.iter().map(|values| &**values).collect();
            let mut wide: Vec<T> = theta.iter().map(|x| widen(*x)).collect();
            T::evaluate(kernel.as_ref(), &mut wide, &state);
            for (theta, x) in theta.iter_mut().zip(wide) {
                *theta = narrow(x);
            }
        }
    }

    /// The parameters, in the order of `build`.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The name of the optimizer's rule.
    pub fn name(&self) -> &'static str {
        self.rules[0].name
    }

    /// Steps taken so far; a skipped step does not count.
    pub fn steps_taken(&self) -> u64 {
        self.steps_taken
    }

    /// What is known of the gradients of each parameter, in the order of `build`. Updated by
    /// steps that read the gradient beforehand: all but those under [`NonFinite::Unchecked`].
    pub fn health(&self) -> &[TensorHealth] {
        &self.health
    }

    /// Bytes of state, all parameters together.
    pub fn state_bytes(&self) -> usize {
        (0..self.params.len()).map(|i| self.state_bytes_of(i)).sum()
    }

    fn state_bytes_of(&self, i: usize) -> usize {
        let arrays = self.state[i].iter().chain(&self.masters[i]);
        arrays.map(StateArray::size).sum::<usize>() + 8 * self.memory_of[i].1
    }

    /// The state array `state` (such as `exp_avg`) of the parameter called `param`, widened to f64.
    ///
    /// # Errors
    /// No such parameter or array; the nearest name is given.
    pub fn state(&self, param: &str, state: &str) -> Result<Vec<f64>> {
        let i = self.params.iter().position(|p| p.name == param).ok_or_else(|| {
            Error::unknown_name("parameter", param, self.params.iter().map(|p| p.name.as_str()))
        })?;
        let memory = self.memory_by_name(i);
        let arrays = || self.state[i].iter().chain(&self.masters[i]);
        let array = arrays().find(|a| a.spec.name == state).map(StateArray::to_f64);
        let number = || memory.iter().find(|(name, _)| *name == state).map(|(_, value)| vec![*value]);
        array.or_else(number).ok_or_else(|| {
            let names = arrays().map(|a| a.spec.name);
            Error::unknown_name("state array", state, names.chain(memory.iter().map(|m| m.0)))
        })
    }

    /// A dry run: for each parameter the rule, learning-rate factor, decay, state and the groups
    /// that matched it.
    pub fn plan(&self) -> Assignment<'_> {
        Assignment(self)
    }

    fn saved(&self) -> state::Saved<'_> {
        state::Saved {
            rule: self.name().to_owned(),
            steps_taken: self.steps_taken,
            seed: self.dithered.then_some(self.precision.seed),
            tensors: (0..self.params.len())
                .map(|i| state::SavedTensor {
                    name: &self.params[i].name,
                    steps: self.steps[i],
                    memory: self.memory_by_name(i),
                    arrays: self.state[i].iter().chain(&self.masters[i]).collect(),
                })
                .collect(),
        }
    }

    /// What the rule of tensor `i` keeps for it as a whole: name and value.
    fn memory_by_name(&self, i: usize) -> Vec<(&'static str, f64)> {
        let (start, len) = self.memory_of[i];
        let names = self.rules[self.assigned[i].rule].memory();
        names.iter().zip(&self.memory[start..start + len]).map(|((name, _), value)| (*name, *value)).collect()
    }

    /// The state as a safetensors file: `<parameter>/<array>` in the array's own type,
    /// `<parameter>/steps`, and in the header the optimizer's name and step number.
    ///
    /// # Errors
    /// Only what the format refuses.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        state::to_bytes(&self.saved())
    }

    /// Restores what [`Optimizer::to_bytes`] gave: the next step gives the same bits as if there
    /// had been no interruption.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] with everything that is missing, extra or of another shape or
    /// type; nothing is loaded then.
    pub fn from_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let checked = state::check(bytes, &self.saved())?;
        let (taken, loaded) = (checked.steps_taken, checked.tensors);
        self.precision.seed = checked.seed.unwrap_or(self.precision.seed);
        for (i, tensor) in loaded.iter().enumerate() {
            self.steps[i] = tensor.steps;
            let (start, len) = self.memory_of[i];
            self.memory[start..start + len].copy_from_slice(&tensor.memory);
            state::fill(self.state[i].iter_mut().chain(&mut self.masters[i]), &tensor.arrays);
        }
        self.steps_taken = taken;
        Ok(())
    }

    /// Writes [`Optimizer::to_bytes`] to a file: beside it first, then renamed, so that a crash
    /// leaves the old file or the new one.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        state::write_atomically(path.as_ref(), &self.to_bytes()?)
    }

    /// Restores what [`Optimizer::save`] wrote.
    ///
    /// # Errors
    /// As [`Optimizer::from_bytes`], or what the file system says.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|e| Error::File { path: path.display().to_string(), reason: e.to_string() })?;
        self.from_bytes(&bytes)
    }
}

fn add(total: &mut Sums, more: &Sums) {
    for (sum, x) in total.iter_mut().zip(more) {
        *sum += x;
    }
}

/// `√Σ norm²`, also where the sum would overflow.
fn join_norms(norms: &[f64]) -> f64 {
    let total = norms.iter().map(|n| n * n).sum::<f64>().sqrt();
    if total.is_finite() { total } else { norms.iter().fold(0.0f64, |sum, n| sum.hypot(*n)).min(f64::MAX) }
}

/// Which rule and which groups apply to which parameter; prints as a table.
#[derive(Debug)]
pub struct Assignment<'a>(&'a Optimizer);

impl fmt::Display for Assignment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optimizer = self.0;
        let width = optimizer.params.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).max(9);
        writeln!(
            f,
            "{:width$}  {:>14}  {:5}  {:9}  {:>9}  {:>12}  {:>11}  groups",
            "parameter", "shape", "dtype", "rule", "lr factor", "weight decay", "state bytes"
        )?;
        for (i, param) in optimizer.params.iter().enumerate() {
            let of = &optimizer.assigned[i];
            let rule = &optimizer.rules[of.rule];
            let lambda = of.weight_decay.unwrap_or(rule.decay.lambda());
            let kind = match rule.decay {
                Decay::Coupled(_) | Decay::Own(_) => "",
                Decay::Decoupled(_) => " (decoupled)",
            };
            let bytes = optimizer.state_bytes_of(i);
            let shape = param.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
            writeln!(
                f,
                "{:width$}  {:>14}  {:5}  {:9}  {:>9}  {:>12}  {:>11}  {}{}",
                param.name,
                if shape.is_empty() { "scalar".to_owned() } else { shape },
                param.dtype,
                rule.name,
                of.lr_factor,
                lambda,
                bytes,
                if of.groups.is_empty() { "-".to_owned() } else { of.groups.join(", ") },
                if lambda > 0.0 { kind } else { "" },
            )?;
        }
        Ok(())
    }
}
