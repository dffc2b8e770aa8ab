//! The update of tensor rules: small tensors side by side, large ones one after the other, each on all threads.
#![allow(unsafe_code)] // borrowed slices and workspaces through their addresses

use crate::kernel::{self, Prologue};
use crate::linalg::Loops;
use crate::optimizer::array::{MAX_ARRAYS, StateArray};
use crate::optimizer::tensor::TensorState;
use crate::parallel;
use crate::param::Param;
use crate::rule::{Body, Decay, TensorKernel, TensorView};
use crate::step::arithmetic::Arithmetic;
use crate::step::plan::is_large;
use crate::step::setup::Setup;
use crate::step::shared::SharedSlice;
use crate::step::target::Target;
use crate::step::units::Units;
use crate::step::workspace::Workspace;
use crate::step::wrap::{average, begin_slow, follow};
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Updates the tensors of tensor rules; with `measure`, also finds `Σ (θ' − θ)²` and `Σ θ²` of each.
pub(crate) fn update(setup: &Setup, tensors: &mut [TensorState], work: &mut Workspace, measure: bool) {
    if !setup.rules.iter().any(|rule| matches!(rule.body, Body::Tensor(_))) {
        return;
    }
    let Workspace { targets, units, moved, .. } = work;
    let (targets, units, count) = (&*targets, units.as_deref(), tensors.len());
    let (tensors, moved) = (SharedSlice::new(tensors), SharedSlice::new(moved));
    let parallel = parallel::threads() > 1;
    let update = |i: usize, large: bool| {
        let (target, param) = (&targets[i], &setup.params[i]);
        let Body::Tensor(rule) = &setup.rules[target.rule].body else { return };
        if target.gradient.is_none() || is_large(param) != large {
            return;
        }
        let loops = Loops { isa: setup.isa, parallel: parallel && large };
        let units = units.map(|units| &units[i]);
        // SAFETY: each index is visited once, large tensors one after the other; the chunks of tensor `i` belong to this call alone.
        unsafe {
            let update = TensorUpdate { setup, target, param, rule: rule.as_ref(), units, loops };
            let change = if target.is_f64() {
                update.run::<f64>(tensors.get_mut(i), measure)
            } else {
                update.run::<f32>(tensors.get_mut(i), measure)
            };
            if measure {
                // all of it as the first chunk's
                for (k, chunk) in setup.plan.chunks_of(i).enumerate() {
                    moved.write(chunk, if k == 0 { change } else { (0.0, 0.0) });
                }
            }
        }
    };
    setup.plan.for_each(count, |i| update(i, false));
    let large = || (0..count).for_each(|i| update(i, true));
    if parallel && setup.params.iter().any(is_large) {
        // into the pool once, not with every loop
        parallel::join(large, || ());
    } else {
        large();
    }
}

/// The update of one tensor.
struct TensorUpdate<'a> {
    setup: &'a Setup,
    target: &'a Target,
    param: &'a Param,
    rule: &'a dyn TensorKernel,
    units: Option<&'a Units>,
    loops: Loops,
}

impl TensorUpdate<'_> {
    /// # Safety
    /// The tensor has a gradient, its arithmetic is in `T`, and this call alone has it and its workspace.
    unsafe fn run<T: Arithmetic>(&self, state: &mut TensorState, measure: bool) -> (f64, f64) {
        let Self { setup, target, param, loops, .. } = *self;
        let (isa, len) = (loops.isa, param.len());
        let Some(gradient) = target.gradient else { return (0.0, 0.0) };
        // SAFETY: types (tensor rules take native types only, checked in `build`) and lengths were checked; the workspace has this
        // many bytes, begins on a cache line, and every bit pattern is a number; the caller's contract.
        let (theta, given, workspace) = unsafe {
            (
                from_raw_parts_mut(target.weights.at.cast::<T>(), len),
                from_raw_parts(gradient.at.cast::<T>(), len),
                from_raw_parts_mut(target.workspace.at.cast::<T>(), target.workspace.bytes / size_of::<T>()),
            )
        };
        let size = if measure { loops.sum_of_squares(theta) } else { 0.0 };
        let (mut grad, mut scale) = (given, target.scale);
        if let Some(centralized) = &mut state.gradient {
            let centralized = centralized.slice_mut();
            // SAFETY: the caller's contract.
            unsafe { target.load_clipped_gradient(isa, self.units, 0, centralized) };
            (grad, scale) = (centralized, 1.0);
        }
        // where the update is changed, the rule gives it alone, and decay is applied with the rest
        let mut decay = target.decay;
        let mut prologue = Prologue { scale, limit: f64::INFINITY, coupled: 0.0, keep: 1.0 };
        if setup.wrappers.changes_update() {
            prologue = target.prologue();
            if let Decay::Decoupled(_) = decay {
                decay = Decay::Decoupled(0.0);
            }
        }
        let mut before = state.before.as_mut().map(|before| before.slice_mut::<T>());
        if let Some(before) = &mut before {
            before.copy_from_slice(theta);
        }
        // SAFETY: the caller's contract.
        unsafe { begin_slow(target, 0, theta) };
        let mut arrays: [&mut [T]; MAX_ARRAYS] = Default::default();
        let count = state.arrays.len();
        for (place, array) in arrays.iter_mut().zip(&mut state.arrays) {
            *place = StateArray::slice_mut(array);
        }
        let view = TensorView {
            theta: &mut *theta,
            grad,
            scale,
            decay,
            state: &mut arrays[..count],
            shape: &param.shape,
            unit_axis: param.unit_axis,
            workspace,
            loops,
        };
        let mut moved = T::update(self.rule, target.step, view);
        if let Some(before) = before {
            // the rule took θ for its base
            let bare = Prologue { keep: 1.0, ..prologue };
            let mut wrappers = target.wrappers;
            if setup.wrappers.scales_update() {
                let passed = wrappers.passed(isa, &bare, (before, grad), theta);
                wrappers.scale = setup.wrappers.update_scale(passed, len, target.step.lr);
            }
            wrappers.finish(isa, &bare, (before, grad), theta);
            if prologue.keep != 1.0 {
                let lost = T::of(1.0 - prologue.keep);
                theta.iter_mut().zip(&*before).for_each(|(theta, before)| *theta = *theta - lost * *before);
            }
            // SAFETY: the caller's contract.
            unsafe { follow(isa, target, 0, theta) };
            moved = kernel::change(isa, before, theta).0;
        }
        // SAFETY: the caller's contract; the gradient is not used any more.
        unsafe {
            average(isa, target, 0, theta);
            target.zero_gradient(0, len);
        }
        (moved, size)
    }
}
