//! Passes over gradients by unit: adaptive clipping and centralization.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::step::arithmetic::Arithmetic;
use crate::step::plan::{BLOCK, Chunk};
use crate::step::setup::Setup;
use crate::step::shared::SharedSlice;
use crate::step::target::Target;
use crate::step::units::Units;
use crate::step::workspace::Workspace;

/// Finds how the gradient of each unit is to be scaled, and its mean.
pub(crate) fn scale_units(setup: &Setup, work: &mut Workspace) {
    let Workspace { targets, units: Some(units), .. } = work else { return };
    if !setup.clip.units.is_empty() {
        each_tensor(setup, targets, units, |target, len, units| {
            if target.is_f64() {
                clip::<f64>(setup, target, len, units);
            } else {
                clip::<f32>(setup, target, len, units);
            }
        });
    }
    if setup.wrappers.centralize {
        each_tensor(setup, targets, units, |target, len, units| {
            if !target.wrappers.centralized {
                return;
            }
            if target.is_f64() {
                centralize::<f64>(setup, target, len, units);
            } else {
                centralize::<f32>(setup, target, len, units);
            }
        });
    }
}

/// Calls `run` with each tensor that has a gradient, its length and its units.
fn each_tensor(
    setup: &Setup,
    targets: &[Target],
    units: &mut [Units],
    run: impl Fn(&Target, usize, &mut Units) + Sync,
) {
    let units = SharedSlice::new(units);
    setup.plan.for_each(targets.len(), |i| {
        if targets[i].gradient.is_some() {
            // SAFETY: each index is visited once.
            run(&targets[i], setup.params[i].len(), unsafe { units.get_mut(i) });
        }
    });
}

/// Adaptive gradient clipping: scales each unit's gradient to at most `factor` times the norm of its weights
/// (Brock et al., 2021, equation 3), for one `factor` and `eps` after the other.
fn clip<T: Arithmetic>(setup: &Setup, target: &Target, len: usize, units: &mut Units) {
    units.factors.fill(0.0);
    units.weights.fill(0.0);
    let (mut grad, mut theta) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    for block in (Chunk { tensor: 0, start: 0, len }).blocks(BLOCK) {
        // SAFETY: the block lies within the tensor, and nobody writes during this pass.
        unsafe {
            target.load_gradient(setup.isa, block.start, &mut grad[..block.len]);
            target.load_weights(setup.isa, block.start, &mut theta[..block.len]);
        }
        for (unit, run) in units.runs(block.start, block.len) {
            for k in run {
                let (g, w): (f64, f64) = (grad[k].into(), theta[k].into());
                units.factors[unit] += g * g;
                units.weights[unit] += w * w;
            }
        }
    }
    for (f, w) in units.factors.iter_mut().zip(&units.weights) {
        let (gradient, size) = (f.sqrt() * target.scale.abs(), w.sqrt());
        *f = 1.0;
        for (factor, eps) in &setup.clip.units {
            let (left, most) = (gradient * *f, factor * size.max(*eps));
            if left > most {
                *f *= most / left.max(1e-6);
            }
        }
    }
}

/// Gradient centralization: the mean of each unit's gradient, as it is after clipping.
fn centralize<T: Arithmetic>(setup: &Setup, target: &Target, len: usize, units: &mut Units) {
    units.means.fill(0.0);
    let mut grad = [T::ZERO; BLOCK];
    for block in (Chunk { tensor: 0, start: 0, len }).blocks(BLOCK) {
        // SAFETY: the block lies within the tensor, and nobody writes during this pass.
        unsafe {
            target.load_scaled_gradient(setup.isa, Some(units), block.start, &mut grad[..block.len]);
        }
        for (unit, run) in units.runs(block.start, block.len) {
            units.means[unit] += grad[run].iter().map(|g| g.wide()).sum::<f64>();
        }
    }
    let of_each = (len / units.means.len().max(1)).max(1) as f64;
    units.means.iter_mut().for_each(|mean| *mean /= of_each);
}
