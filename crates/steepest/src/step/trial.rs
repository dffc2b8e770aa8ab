//! The look before the step, on the rare steps whose result may leave the range of its type.
//!
//! What overflows inside a rule depends on the rule, its settings and its state: squares, cubes, sums, products of matrices,
//! corrections of the first steps. No limit for each rule would be right for all of them, so what is asked is what happens: where
//! a gradient, a rate, a decay or what a tensor already holds is far beyond what training knows, the step is taken on copies first,
//! and what it leaves is looked at. All other steps pay a few comparisons for each tensor, of numbers that the scan has anyway.

use crate::dtype::{DType, Slice};
use crate::health::{NonFiniteAt, NotFinite};
use crate::optimizer::array::StateArray;
use crate::optimizer::tensor::TensorState;
use crate::param::{Gradient, Slot};
use crate::rule::{Scope, StateKind};
use crate::step::args::StepArgs;
use crate::step::bind::bind;
use crate::step::setup::Setup;
use crate::step::target::Target;
use crate::step::update::update;
use crate::step::workspace::Workspace;
use crate::wrappers::Copied;

/// What of a tensor in this type is beyond what training knows. Below, squares lie within the type with room for what they are multiplied
/// by, and what is added to a sum at the type's end is less than half its last place, so that the sum stays.
struct Usual {
    /// Norms of gradients, and sizes of weights, averages and numbers that rules keep.
    size: f64,
    /// What rules keep of a tensor as a whole, and sum over it: sizes and their squares.
    number: f64,
    /// Rates, and how far a gradient of this norm moves weights by the rate alone.
    rate: f64,
    moved: f64,
    /// How many doublings a norm may be above the tensor's usual one: what a rule has learned from gradients that are as much smaller may
    /// multiply this one by as much.
    rise: f64,
    /// Rates and norms below these, but for 0: something may be divided by one.
    least_rate: f64,
    least_norm: f64,
}

/// 2⁵⁰ and its inverse, 1e15: f32 ends at 2¹²⁸.
const F32: Usual = Usual {
    size: (1u64 << 50) as f64,
    number: (1u128 << 75) as f64,
    rate: (1u64 << 30) as f64,
    moved: (1u64 << 50) as f64,
    rise: 50.0,
    least_rate: 1.0 / (1u64 << 50) as f64,
    least_norm: 1e-30,
};
/// f16 parameters end at 65,504; what is computed is f32.
const F16: Usual = Usual { rate: 1024.0, moved: 1024.0, ..F32 };
/// 1e60: f64 ends at 2¹⁰²⁴.
const F64: Usual = Usual {
    size: 1e60,
    number: 1e90,
    rate: 1e30,
    moved: 1e60,
    rise: 200.0,
    least_rate: 1e-60,
    least_norm: 1e-240,
};

impl Usual {
    fn of(dtype: DType) -> &'static Self {
        match dtype {
            DType::F64 => &F64,
            DType::F32 | DType::Bf16 => &F32,
            DType::F16 => &F16,
        }
    }

    /// Whether the step of a tensor, whose gradient has this norm after clipping, is beyond.
    fn is_exceeded(&self, setup: &Setup, target: &Target, norm: f64) -> bool {
        let lr = target.step.lr;
        let norm = match setup.clip.limit {
            Some(c) => norm.min(c * (setup.params[target.tensor].len() as f64).sqrt()),
            None => norm,
        };
        norm > self.size
            || norm * lr > self.moved
            || lr > self.rate
            || (lr < self.least_rate && lr > 0.0)
            // weights would grow from step to step
            || lr * target.decay.lambda() > 2.0
            // the gradient's norm divides the step
            || (norm < self.least_norm && norm > 0.0 && setup.rules[target.rule].scope() == Scope::Tensor)
    }

    /// Whether a rule's numbers of a tensor as a whole are: so are its weights then, or will be, whatever its gradients are.
    fn is_exceeded_by(&self, numbers: &[f64]) -> bool {
        numbers.iter().any(|x| x.abs() > self.number)
    }
}

/// Marks the tensors whose step is to be looked at beforehand; whether there are any. `scale` is what gradients are multiplied by before
/// they are clipped.
pub(super) fn mark(setup: &Setup, tensors: &[TensorState], work: &mut Workspace, scale: f64) -> bool {
    let Workspace { targets, norms, watched, sums_of_tensor, .. } = work;
    let mut any = false;
    for (((target, tensor), norm), watched) in targets.iter().zip(tensors).zip(&*norms).zip(&mut *watched) {
        // the norm is scaled already, and by clipping since
        let norm = if target.scale == scale { *norm } else { norm * (target.scale / scale).abs() };
        let usual = Usual::of(target.weights.dtype);
        *watched = target.gradient.is_some()
            && (tensor.loud
                || usual.is_exceeded(setup, target, norm)
                || tensor.health.is_far_above_usual(norm, usual.rise)
                || (setup.keeps_memory && usual.is_exceeded_by(&tensor.memory)));
        any |= *watched;
    }
    // what the last step summed, where a rule sums
    for ((target, watched), sums) in targets.iter().zip(&mut *watched).zip(&*sums_of_tensor) {
        *watched |= target.gradient.is_some() && Usual::of(target.weights.dtype).is_exceeded_by(sums);
        any |= *watched;
    }
    if any {
        // what a rule learns of all its tensors, one of them can spoil for all
        for rule in (0..setup.rules.len()).filter(|rule| setup.rules[*rule].scope() == Scope::All) {
            let of_rule = |i: &usize| targets[*i].rule == rule;
            if (0..targets.len()).filter(of_rule).any(|i| watched[i]) {
                (0..targets.len()).filter(of_rule).for_each(|i| watched[i] = true);
            }
        }
    }
    any
}

/// Takes the step of the marked tensors on copies: what of it would not be finite. The targets are those of the real step again
/// afterwards. Allocates.
pub(super) fn find_overflow(
    setup: &Setup,
    tensors: &mut [TensorState],
    work: &mut Workspace,
    args: StepArgs,
    slots: &mut [Slot<'_>],
) -> Option<NonFiniteAt> {
    let scales: Vec<f64> = work.targets.iter().map(|target| target.scale).collect();
    let watched = work.watched.clone();
    let mut copies: Vec<TensorState> = (tensors.iter().zip(&watched))
        .map(|(tensor, watched)| if *watched { tensor.clone() } else { tensor.without_arrays() })
        .collect();
    let mut weights: Vec<Copied> = (slots.iter().zip(&watched))
        .map(|(slot, watched)| Copied::of(if *watched { slot.param.as_slice() } else { Slice::F32(&[]) }))
        .collect();
    let mut shadows: Vec<Slot<'_>> = (weights.iter_mut().zip(&*slots).zip(&watched))
        .map(|((copy, slot), watched)| {
            let grad = slot.grad.as_ref().filter(|_| *watched);
            Slot {
                param: copy.as_slice_mut(),
                grad: grad.map(|grad| Gradient::Read(grad.as_slice())),
                state: Vec::new(),
            }
        })
        .collect();
    rebind(setup, &mut copies, work, args, &mut shadows, &scales);
    update(setup, &mut copies, work, false);
    drop(shadows);
    let mut found = None;
    let mut loud = Vec::with_capacity(tensors.len());
    for (i, ((copy, weights), watched)) in copies.iter().zip(&weights).zip(&watched).enumerate() {
        if !watched {
            loud.push(copy.loud);
            continue;
        }
        found = found.or_else(|| not_finite(i, copy, weights, |k| name_of(setup, copy, k)));
        loud.push(is_loud(setup.params[i].dtype, copy, weights));
    }
    rebind(setup, tensors, work, args, slots, &scales);
    if found.is_none() {
        tensors.iter_mut().zip(loud).for_each(|(tensor, loud)| tensor.loud = loud);
    }
    found
}

fn rebind(
    setup: &Setup,
    tensors: &mut [TensorState],
    work: &mut Workspace,
    args: StepArgs,
    slots: &mut [Slot<'_>],
    scales: &[f64],
) {
    bind(setup, tensors, work, args, slots);
    work.targets.iter_mut().zip(scales).for_each(|(target, scale)| target.scale = *scale);
}

/// The name of number `k` that the rule keeps for the tensor as a whole.
fn name_of(setup: &Setup, tensor: &TensorState, k: usize) -> &'static str {
    setup.rules[tensor.rule].memory().get(k).map_or("memory", |(name, _)| *name)
}

/// The first place of a tensor that is not finite: of its state, its numbers, its weights.
fn not_finite(
    tensor: usize,
    state: &TensorState,
    weights: &Copied,
    name: impl Fn(usize) -> &'static str,
) -> Option<NonFiniteAt> {
    let at = |what, values: &[f64]| {
        let index = values.iter().position(|x| !x.is_finite())?;
        let count = values.iter().filter(|x| !x.is_finite()).count();
        Some(NonFiniteAt { tensor, index, value: values[index], count, what })
    };
    // what the parameter follows from comes first
    (state.all_arrays().find_map(|array| at(NotFinite::State(array.spec.name), &array.to_f64())))
        .or_else(|| {
            let broken = state.memory.iter().position(|x| !x.is_finite())?;
            at(NotFinite::State(name(broken)), &state.memory[broken..=broken])
        })
        .or_else(|| at(NotFinite::Parameter, &weights.to_f64()))
}

/// Whether a tensor holds something so large that even a usual gradient may make it overflow.
fn is_loud(dtype: DType, state: &TensorState, weights: &Copied) -> bool {
    let most = Usual::of(dtype);
    let weights_most = if dtype == DType::F16 { most.moved } else { most.size };
    weights.to_f64().iter().any(|x| x.abs() > weights_most) || is_loud_state(dtype, state)
}

/// The same of its state alone, which is all that is known of a tensor that was loaded.
pub(crate) fn is_loud_state(dtype: DType, state: &TensorState) -> bool {
    let usual = Usual::of(dtype);
    // sums of squares may be large: what a usual gradient adds to them vanishes before they end
    let end = if dtype == DType::F64 { f64::MAX } else { f64::from(f32::MAX) } / 4.0;
    let of = |array: &StateArray| if array.kind == StateKind::Unsigned { end } else { usual.size };
    state.all_arrays().any(|array| array.exceeds(of(array))) || usual.is_exceeded_by(&state.memory)
}
