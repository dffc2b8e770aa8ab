//! The pass before the update: rules sum what they measure, and update their memory by it.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::kernel::{ElementKernel, Elements};
use crate::optimizer::tensor::TensorState;
use crate::rule::{Body, MAX_STATES, Scope, Sums};
use crate::step::arithmetic::Arithmetic;
use crate::step::chunks::{Pass, TaskScalars};
use crate::step::plan::{BLOCK, Chunk, Sweep};
use crate::step::setup::Setup;
use crate::step::workspace::Workspace;

/// Sums what each rule measures: over chunks, then over each tensor, then over each rule's tensors, always in their order.
pub(crate) fn measure(setup: &Setup, tensors: &[TensorState], work: &mut Workspace) {
    let Workspace { targets, units, sums, .. } = work;
    if sums.is_empty() {
        return;
    }
    let pass = Pass { setup, tensors, targets, units: units.as_deref() };
    pass.each_chunk(Sweep::Backwards, Some(sums), |kernel, chunk, prepared| {
        if kernel.scope() == Scope::Element {
            Sums::default()
        } else if targets[chunk.tensor].is_f64() {
            measure_chunk::<f64>(&pass, kernel, prepared, chunk)
        } else {
            measure_chunk::<f32>(&pass, kernel, prepared, chunk)
        }
    });
    work.sums_of_rule.fill(Sums::default());
    work.active_rules.fill(false);
    for (i, target) in work.targets.iter().enumerate() {
        let active = target.gradient.is_some();
        let mut total = Sums::default();
        if active && setup.rules[target.rule].scope() != Scope::Element {
            setup.plan.of(i, &work.sums).iter().for_each(|sums| add(&mut total, sums));
        }
        add(&mut work.sums_of_rule[target.rule], &total);
        work.active_rules[target.rule] |= active;
        work.sums_of_tensor[i] = total;
    }
}

/// Updates the memory of each tensor, once in a step.
pub(crate) fn update_memory(setup: &Setup, tensors: &mut [TensorState], work: &Workspace) {
    if !setup.keeps_memory {
        return;
    }
    for (i, (tensor, target)) in tensors.iter_mut().zip(&work.targets).enumerate() {
        let Body::Element(kernel) = &setup.rules[target.rule].body else { continue };
        if tensor.memory.is_empty() {
            continue;
        }
        let active = target.gradient.is_some();
        let (sums, updates) = match kernel.scope() {
            Scope::Element => (Sums::default(), active),
            Scope::Tensor => (work.sums_of_tensor[i], active),
            // what is known of all tensors belongs to those without a gradient, too, if one has any
            Scope::All => (work.sums_of_rule[target.rule], work.active_rules[target.rule]),
        };
        if updates {
            kernel.update_memory(target.step, &sums, &mut tensor.memory);
        }
    }
}

fn measure_chunk<T: Arithmetic>(
    pass: &Pass<'_>,
    kernel: &dyn ElementKernel,
    prepared: &mut TaskScalars,
    chunk: Chunk,
) -> Sums {
    let (setup, target) = (pass.setup, &pass.targets[chunk.tensor]);
    let scalars = pass.prepare::<T>(kernel, chunk, prepared);
    let (kernel, prologue, units) = (T::kernel(kernel), target.prologue(), pass.units_of(chunk.tensor));
    let Some(gradient) = target.gradient else { return Sums::default() };
    let in_place = target.state.in_place();
    if target.weights.dtype == T::DTYPE && gradient.dtype == T::DTYPE && units.is_none() && in_place {
        // SAFETY: types and lengths were checked by the step, nobody writes during this pass, and the kernel prepared `scalars`.
        return unsafe {
            let theta = target.weights.at.cast::<T>().add(chunk.start);
            let grad = gradient.at.cast::<T>().add(chunk.start);
            let near = Elements::near(theta, grad, target.state.from(chunk.start), chunk.len);
            kernel.measure(scalars, &prologue, Elements { prefetch: setup.prefetch(chunk), ..near })
        };
    }
    let mut total = Sums::default();
    let (mut theta, mut grad) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    let mut copies = [[T::ZERO; BLOCK]; MAX_STATES];
    for Chunk { start, len, .. } in chunk.blocks(BLOCK) {
        let mut state = target.state.from(start);
        // SAFETY: as above; copies are buffers of this task.
        let sums = unsafe {
            target.load_weights(setup.isa, start, &mut theta[..len]);
            target.load_clipped_gradient(setup.isa, units, start, &mut grad[..len]);
            if !in_place {
                target.widen_state(setup.isa, (start, len), &mut state, &mut copies);
            }
            kernel.measure(scalars, &prologue, Elements::near(theta.as_mut_ptr(), grad.as_ptr(), state, len))
        };
        add(&mut total, &sums);
    }
    total
}

fn add(total: &mut Sums, more: &Sums) {
    for (sum, x) in total.iter_mut().zip(more) {
        *sum += x;
    }
}
