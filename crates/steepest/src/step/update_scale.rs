//! The pass of caution and bounds: what each tensor's update is to be multiplied by.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::kernel::{ElementKernel, Elements};
use crate::optimizer::tensor::TensorState;
use crate::rule::{Body, MAX_STATES};
use crate::step::arithmetic::Arithmetic;
use crate::step::chunks::{Pass, TaskScalars};
use crate::step::plan::{BLOCK, Chunk, Sweep};
use crate::step::setup::Setup;
use crate::step::workspace::Workspace;
use crate::wrappers::Passed;

/// Finds the scale of the updates of element rules; tensor rules find theirs when they have computed their update.
pub(crate) fn scale_updates(setup: &Setup, tensors: &[TensorState], work: &mut Workspace) {
    let Workspace { targets, units, passed, .. } = work;
    if passed.is_empty() {
        return;
    }
    let pass = Pass { setup, tensors, targets, units: units.as_deref() };
    pass.each_chunk(Sweep::Backwards, Some(passed), |kernel, chunk, prepared| {
        if pass.targets[chunk.tensor].is_f64() {
            try_chunk::<f64>(&pass, kernel, prepared, chunk)
        } else {
            try_chunk::<f32>(&pass, kernel, prepared, chunk)
        }
    });
    for (i, target) in targets.iter_mut().enumerate() {
        if target.gradient.is_some() && matches!(setup.rules[target.rule].body, Body::Element(_)) {
            // in the order of chunks, whoever computed them
            let chunks = setup.plan.of(i, passed).iter();
            let total = chunks.fold(Passed::default(), |sum, x| [sum[0] + x[0], sum[1] + x[1]]);
            let len = setup.params[i].len();
            target.wrappers.scale = setup.wrappers.update_scale(total, len, target.step.lr);
        }
    }
}

/// What of a chunk's update passes caution, and its square, found on copies.
fn try_chunk<T: Arithmetic>(
    pass: &Pass<'_>,
    kernel: &dyn ElementKernel,
    prepared: &mut TaskScalars,
    chunk: Chunk,
) -> Passed {
    let (isa, target) = (pass.setup.isa, &pass.targets[chunk.tensor]);
    let scalars = pass.prepare::<T>(kernel, chunk, prepared);
    let (kernel, prologue, units) = (T::kernel(kernel), target.prologue(), pass.units_of(chunk.tensor));
    let mut total = Passed::default();
    let (mut theta, mut grad, mut before) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    let mut copies = [[T::ZERO; BLOCK]; MAX_STATES];
    for Chunk { start, len, .. } in chunk.blocks(BLOCK) {
        let mut state = [std::ptr::null_mut(); MAX_STATES];
        // SAFETY: the block lies within the tensor, nobody writes during this pass, all copies are buffers of this task, and the
        // kernel prepared `scalars`.
        unsafe {
            target.load_weights(isa, start, &mut theta[..len]);
            target.load_clipped_gradient(isa, units, start, &mut grad[..len]);
            before[..len].copy_from_slice(&theta[..len]);
            for (k, place) in state.iter_mut().enumerate().take(target.state.kinds.len()) {
                target.load_state(isa, k, start, &mut copies[k][..len]);
                *place = copies[k].as_mut_ptr();
            }
            kernel.update(scalars, &prologue, Elements::near(theta.as_mut_ptr(), grad.as_ptr(), state, len));
        }
        let passed = target.wrappers.passed(isa, &prologue, (&before[..len], &grad[..len]), &theta[..len]);
        total = [total[0] + passed[0], total[1] + passed[1]];
    }
    total
}
