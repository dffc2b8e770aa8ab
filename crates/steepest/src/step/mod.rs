//! One step over all tensors, pass by pass.
//!
//! 1. [`bind`]: each tensor is bound to the slices that the caller lends.
//! 2. [`scan`]: every gradient is read once, where clipping by norm or the policy for non-finite gradients needs it.
//!    Where a step may leave what is not finite, [`trial`] takes it on copies first.
//! 3. [`by_unit`]: adaptive clipping and centralization look at each unit.
//! 4. [`measure`]: rules that need to know something of the whole read what they measure once more, and update their memory.
//! 5. [`update_scale`]: caution and bounds find what each update is to be multiplied by.
//! 6. [`element`] and [`tensor`]: the update itself, in one pass.

mod args;
mod arithmetic;
mod bind;
mod by_unit;
mod chunks;
mod element;
mod load;
mod measure;
mod plan;
mod scan;
mod setup;
mod shared;
mod target;
mod tensor;
mod trial;
mod units;
mod update;
mod update_scale;
mod workspace;
mod wrap;

pub use args::{StepArgs, StepReport};
pub(crate) use arithmetic::Arithmetic;
pub(crate) use plan::Plan;
pub(crate) use setup::Setup;
#[cfg(feature = "safetensors")]
pub(crate) use trial::is_loud_state;
pub(crate) use workspace::{Workspace, lay_out};

use crate::error::{Error, Result};
use crate::health::{NonFinite, NonFiniteAt, NotFinite};
use crate::optimizer::tensor::TensorState;
use crate::param::Slot;

/// Takes a step whose arguments and slots were checked; `before` it were so many steps taken, and the last so many skipped. After an error nothing has changed.
pub(crate) fn run(
    setup: &Setup,
    tensors: &mut [TensorState],
    work: &mut Workspace,
    before: (u64, u64),
    args: StepArgs,
    slots: &mut [Slot<'_>],
) -> Result<StepReport> {
    bind::bind(setup, tensors, work, args, slots);
    let report = passes(setup, tensors, work, before, args, slots);
    // the addresses are those of this step's slices
    work.targets.clear();
    report
}

fn passes(
    setup: &Setup,
    tensors: &mut [TensorState],
    work: &mut Workspace,
    before: (u64, u64),
    args: StepArgs,
    slots: &mut [Slot<'_>],
) -> Result<StepReport> {
    let (taken, skips) = before;
    let step = taken.saturating_add(1);
    let mut report = StepReport::new(step);
    if setup.scans() {
        if let Err(at) = scan::scan(setup, work, args.gradient_scale) {
            return refuse(setup, work, (taken, skips), at);
        }
        let (norm, factor) = scan::clip_by_norm(setup, work, args.gradient_scale);
        (report.gradient_norm, report.clip_factor) = (Some(norm), factor);
        if setup.is_checked()
            && trial::mark(setup, tensors, work, args.gradient_scale)
            && let Some(at) = trial::find_overflow(setup, tensors, work, args, slots)
        {
            return refuse(setup, work, (taken, skips), at);
        }
        scan::observe(setup, tensors, work);
    }
    let measured = setup.measures_updates(step);
    update::update(setup, tensors, work, measured);
    report.non_finite_update = finish(setup, tensors, work, measured);
    Ok(report)
}

/// What is not finite, or would not be: an error, or a step that is skipped.
fn refuse(
    setup: &Setup,
    work: &Workspace,
    (taken, skips): (u64, u64),
    at: NonFiniteAt,
) -> Result<StepReport> {
    if setup.non_finite == NonFinite::Skip && skips < setup.most_skips {
        scan::zero_gradients(setup, &work.targets);
        return Ok(StepReport { skipped: Some(at), ..StepReport::new(taken) });
    }
    let (step, tensor) = (taken.saturating_add(1), setup.params[at.tensor].name.clone());
    let NonFiniteAt { index, value, count, .. } = at;
    Err(match at.what {
        NotFinite::Gradient => Error::NonFiniteGradient { step, tensor, index, value, count },
        what => {
            let gradient_norm = work.norms[at.tensor];
            Error::Overflow { step, tensor, what, index, value, count, gradient_norm }
        }
    })
}

/// Counts the step, and notes how far it moved each tensor: the first whose weights are not finite, before it or after it, if that
/// was measured.
fn finish(setup: &Setup, tensors: &mut [TensorState], work: &Workspace, measured: bool) -> Option<usize> {
    let mut broken = None;
    for (i, (tensor, target)) in tensors.iter_mut().zip(&work.targets).enumerate() {
        if target.gradient.is_none() {
            continue;
        }
        tensor.steps = target.step.t;
        if measured {
            let chunks = setup.plan.of(i, &work.moved).iter();
            let (moved, size) = chunks.fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1));
            // not above 0, or no number
            tensor.health.update_ratio = (size != 0.0).then(|| (moved / size).sqrt());
            let measured_well = moved.is_finite() && size.is_finite();
            if !measured_well && !load::is_finite(setup, target) {
                tensor.health.update_ratio = Some(f64::NAN);
                broken = broken.or(Some(i));
            }
        }
    }
    broken
}
