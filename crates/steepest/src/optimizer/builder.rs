//! Making an optimizer: what it is made of, and the checks of all that can be known before the first step.

use crate::aligned::Aligned;
use crate::clip::{Clipping, Clips};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::health::{NonFinite, TensorHealth};
use crate::kernel::InstructionSet;
use crate::kernel::quantized::Order;
use crate::optimizer::Optimizer;
use crate::optimizer::array::{MAX_ARRAYS, StateArray, Storage};
use crate::optimizer::checks::{check_names, check_param};
use crate::optimizer::curve::Curve;
use crate::optimizer::formats::Formats;
use crate::optimizer::group::{Assigned, Group, Rules, assign};
use crate::optimizer::tensor::TensorState;
use crate::param::Param;
use crate::precision::{Master, Rounding, StateFormat};
use crate::random::name_key;
use crate::rule::{Body, IntoRule, Rule, StateKind};
use crate::step::{Plan, Setup, Workspace, lay_out};
use crate::wrappers::{Averaging, Lookahead, UpdateClip, Wrappers};
use std::ops::Range;
use std::sync::Arc;

/// What an optimizer is made of, before the parameters are known; see [`Optimizer::builder`].
#[derive(Debug)]
pub struct Builder {
    rule: Result<Rule>,
    groups: Vec<Group>,
    clip: Clips,
    non_finite: NonFinite,
    most_skips: u64,
    maximize: bool,
    measure_every: u64,
    isa: Option<InstructionSet>,
    wrappers: Wrappers,
    formats: Formats,
}

impl Optimizer {
    /// Begins an optimizer with `rule`: a settings struct, or a rule from the
    /// [registry](crate::registry).
    pub fn builder(rule: impl IntoRule) -> Builder {
        Builder {
            rule: rule.into_rule(),
            groups: Vec::new(),
            clip: Clips::default(),
            non_finite: NonFinite::default(),
            most_skips: u64::MAX,
            maximize: false,
            measure_every: 0,
            isa: None,
            wrappers: Wrappers::default(),
            formats: Formats::default(),
        }
    }
}

impl Builder {
    /// Adds a [parameter group](Group); later groups win over earlier ones.
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Bounds the gradient by a [`Clip`](crate::Clip), or by [several](Clips) in a row, in place of what was given before; default: not at all.
    ///
    /// # Errors
    /// At [`build`](Self::build): a bound outside its range; an order of [several](Clips) that one read of the gradients cannot follow.
    pub fn clip(self, clip: impl Into<Clips>) -> Self {
        Self { clip: clip.into(), ..self }
    }

    /// What happens to a step whose gradient is not finite; default: an error.
    pub fn non_finite(self, policy: NonFinite) -> Self {
        Self { non_finite: policy, ..self }
    }

    /// After so many steps that were [skipped](NonFinite::Skip) in a row the next such step is an error; default: never. A loss scale
    /// that is far too high, or a model that is broken, would otherwise be skipped for ever.
    pub fn max_skips(self, in_a_row: u64) -> Self {
        Self { most_skips: in_a_row, ..self }
    }

    /// Goes up, not down: the gradient, and a [loss](crate::StepArgs::loss) where a rule needs one, count with the other sign;
    /// default: no. torch: none (`maximize`).
    ///
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [1.0f64];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .maximize(true)
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// sgd.step(0.5, &mut [Slot::new(&mut theta, &[2.0])])?;
    /// assert_eq!(theta, [2.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn maximize(self, maximize: bool) -> Self {
        Self { maximize, ..self }
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
        self.wrappers.centralize = centralize;
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
        self.wrappers.cautious = cautious;
        self
    }

    /// Bounds each tensor's [update](UpdateClip); default: not at all.
    ///
    /// The step reads all it works on twice, and computes the update twice.
    pub fn clip_update(mut self, clip: impl Into<Option<UpdateClip>>) -> Self {
        self.wrappers.clip_update = clip.into();
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
        self.wrappers.cautious_decay = cautious;
        self
    }

    /// Weight decay that does not depend on the learning rate but on its schedule; default: not.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − λ·η_t/reference_lr)·θ
    /// ```
    /// At the reference, the peak of the schedule as a rule, the weights shrink by the fraction λ in a step, so that λ is
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
        self.wrappers.reference_lr = Some(reference_lr);
        self
    }

    /// Draws the weights back to [slow ones](Lookahead) every few steps; default: no.
    pub fn lookahead(mut self, lookahead: impl Into<Option<Lookahead>>) -> Self {
        self.wrappers.lookahead = lookahead.into();
        self
    }

    /// Keeps an average of the weights, [`Ema`](crate::Ema) or [`Swa`](crate::Swa), for
    /// [`Optimizer::evaluation`]; default: none.
    pub fn average(mut self, average: impl Into<Averaging>) -> Self {
        self.wrappers.average = Some(average.into());
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
        (self.formats.state, self.formats.where_possible) = (format, false);
        self
    }

    /// The same [format](StateFormat) where it is possible: parameters in f64, and those whose rule needs the whole tensor, keep what the
    /// arithmetic has. For models that mix them, as with matrix methods that pass the rest on to AdamW. What a
    /// [group](Group::state_format) asks for is taken at its word.
    ///
    /// ```
    /// use steepest::{DType, Muon, Optimizer, Param, StateFormat};
    /// let muon = Optimizer::builder(Muon::default())
    ///     .state_format_where_possible(StateFormat::Bits8)
    ///     .build([
    ///         Param::new("hidden", [64, 64], DType::F32), // Muon's: f32
    ///         Param::new("gains", [8192], DType::F32),    // AdamW's: 8 bits
    ///     ])?;
    /// assert_eq!(muon.state_bytes(), 4 * 4096 + 2 * (8192 + 64));
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn state_format_where_possible(mut self, format: StateFormat) -> Self {
        (self.formats.state, self.formats.where_possible) = (format, true);
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
        self.formats.master = master;
        self
    }

    /// How parameters in half precision are [rounded](Rounding); default: to the nearest.
    pub fn rounding(mut self, rounding: Rounding) -> Self {
        self.formats.rounding = rounding;
        self
    }

    /// What everything that is rounded at random is keyed by; default: 0. A state file has it, and a loaded state goes on with
    /// its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.formats.seed = seed;
        self
    }

    /// The optimizer owns no state arrays: each step is lent them, by [`Slot::with_state`](crate::Slot::with_state); default: no. For
    /// callers who keep state where they keep their tensors. The bits are those of an optimizer that owns its state. What arrays there are is told
    /// by [`Optimizer::state_layout`], what they hold at first by [`Optimizer::begin_state`]; what else there is of a parameter, its number of
    /// steps and the few numbers of its rule, stays with the optimizer ([`Optimizer::steps_of`], [`Optimizer::memory_of`]).
    ///
    /// ```
    /// use steepest::{AdamW, DType, Optimizer, Param, Slot, StateSlice};
    /// let mut adamw = Optimizer::builder(AdamW::default())
    ///     .lent_state(true)
    ///     .build([Param::new("theta", [2], DType::F32)])?;
    /// let names: Vec<String> = adamw.state_layout(0).into_iter().map(|array| array.name).collect();
    /// assert_eq!(names, ["exp_avg", "exp_avg_sq"]);
    /// let (mut theta, mut m, mut v) = (vec![1.0f32, 2.0], vec![7.0f32; 2], vec![7.0f32; 2]);
    /// adamw.begin_state(0, &mut [StateSlice::from(&mut m), StateSlice::from(&mut v)])?;
    /// for _ in 0..1000 {
    ///     let gradient: Vec<f32> = theta.iter().map(|x| 2.0 * x).collect();
    ///     adamw.step(0.01, &mut [Slot::new(&mut theta, &gradient).with_state([&mut m, &mut v])])?;
    /// }
    /// assert!(theta.iter().all(|x| x.abs() < 0.01));
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn lent_state(mut self, lent: bool) -> Self {
        self.formats.lent = lent;
        self
    }

    /// Forces an instruction set; default: the best of the processor. The bits are the same.
    pub fn instruction_set(self, set: InstructionSet) -> Self {
        Self { isa: Some(set), ..self }
    }

    /// Makes the optimizer for `params`, whose order is the order of every step's slots. Allocates
    /// all state.
    ///
    /// # Errors
    /// Everything that can be known now: settings outside their range, groups that match nothing,
    /// two parameters of one name, a parameter that the rule cannot take.
    pub fn build(self, params: impl IntoIterator<Item = Param>) -> Result<Optimizer> {
        let Self { rule, mut groups, clip, non_finite, most_skips, maximize, .. } = self;
        let Self { measure_every, isa, wrappers, formats, .. } = self;
        let mut rules = Rules::new(rule?);
        let params: Vec<Param> = params.into_iter().collect();
        let clip = Clipping::new(&clip)?;
        check_names(&params)?;
        let curves = Curve::of(&mut groups);
        let assigned = assign(groups, &params, &mut rules)?;
        let Rules { mut rules, stand_ins } = rules;
        let decays =
            |rule| assigned.iter().any(|of| of.rule == rule && of.weight_decay.is_some_and(|l| l > 0.0));
        wrappers.validate(&mut rules, decays)?;
        for (param, of) in params.iter().zip(&assigned) {
            let format = formats.state_of(param, &rules[of.rule], of.state_format);
            check_param(param, &rules[of.rule], &clip, format, formats.master)?;
        }
        let isa = available(isa)?;
        let rules: Vec<Arc<Rule>> = rules.into_iter().map(Arc::new).collect();
        let (workspaces, bytes) = lay_out(&params, |i| assigned[i].rule, &rules);
        let tensors: Vec<TensorState> = (params.iter().zip(&assigned).zip(workspaces))
            .map(|((param, of), workspace)| {
                new_state(param, of, &rules[of.rule], &wrappers, &formats, workspace)
            })
            .collect();
        let dithered = params.iter().any(|param| formats.dithers(param))
            || tensors.iter().any(|tensor| tensor.format != StateFormat::F32);
        let plan = Plan::new(&params);
        let keeps_memory = rules.iter().any(|rule| !rule.memory().is_empty());
        let setup = Setup {
            rules,
            stand_ins,
            params,
            plan,
            isa,
            clip,
            non_finite,
            most_skips,
            maximize,
            measure_every,
            wrappers,
            formats,
            dithered,
            keeps_memory,
        };
        let work = Workspace::new(&setup, bytes);
        let groups = assigned.into_iter().map(|of| of.groups).collect();
        let room = Vec::with_capacity(setup.params.len());
        let (steps_taken, skips) = (0, 0);
        Ok(Optimizer { setup, tensors, work, groups, steps_taken, skips, curves, room })
    }
}

fn available(asked: Option<InstructionSet>) -> Result<InstructionSet> {
    match asked {
        None => Ok(InstructionSet::best()),
        Some(set) if set.is_available() => Ok(set),
        Some(set) => Err(Error::Conflict {
            owner: "optimizer",
            conflict: format!("this processor has no {set:?}"),
            remedy: format!("use at most {:?}", InstructionSet::best()),
        }),
    }
}

/// What is kept for a parameter before the first step.
fn new_state(
    param: &Param,
    of: &Assigned,
    rule: &Rule,
    wrappers: &Wrappers,
    formats: &Formats,
    workspace: Range<usize>,
) -> TensorState {
    let format = formats.state_of(param, rule, of.state_format);
    let narrow = match format {
        StateFormat::F32 => None,
        StateFormat::Bf16 => Some(Storage::Bf16),
        StateFormat::Bits8 => Some(Storage::Bits8(Order::of(param.dtype))),
    };
    let specs = rule.state(param);
    debug_assert!(specs.len() <= MAX_ARRAYS);
    let of_rule = specs.len();
    let arrays = specs.into_iter().enumerate().map(|(k, spec)| {
        // nothing is said of a tensor rule's arrays, which are never narrow
        let kind = rule.kinds().get(k).copied().unwrap_or(StateKind::Point);
        match narrow {
            Some(storage) if kind != StateKind::Point => {
                StateArray::stored(spec, kind, storage, formats.keep(k))
            }
            _ => StateArray::new(spec, param.dtype, formats.keep(k)).of_kind(kind),
        }
    });
    let of_wrappers = wrappers.arrays(param).into_iter().enumerate();
    let whole = matches!(rule.body, Body::Tensor(_));
    let (before, centralized) =
        (wrappers.changes_update() || wrappers.lookahead.is_some(), wrappers.centralizes(param));
    let bytes = param.len() * if param.dtype == DType::F64 { 8 } else { 4 };
    let room = |needed: bool, place| (whole && needed).then(|| Box::new(Aligned::side_by_side(bytes, place)));
    TensorState {
        rule: of.rule,
        lr_factor: of.lr_factor,
        weight_decay: of.weight_decay,
        format,
        key: name_key(&param.name),
        frozen: of.frozen,
        loud: false,
        steps: 0,
        arrays: arrays.collect(),
        memory: rule.memory().into_iter().map(|(_, value)| value).collect(),
        wrapper_arrays: of_wrappers
            .map(|(k, spec)| StateArray::new(spec, param.dtype, formats.keep(of_rule + k)))
            .collect(),
        master: formats.master_of(param).map(Box::new),
        health: TensorHealth::default(),
        workspace,
        before: room(before, 0),
        gradient: room(centralized, usize::from(before)),
    }
}
