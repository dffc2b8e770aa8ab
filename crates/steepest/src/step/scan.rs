//! The first pass: reads every gradient once. It gives norms, what health and clipping need, and what is not finite.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::clip::coefficient;
use crate::dtype::DType;
use crate::health::{NonFiniteAt, NotFinite};
use crate::kernel::{GradientStats, gradient_stats, join_norms, norm_of_order};
use crate::optimizer::tensor::TensorState;
use crate::step::arithmetic::Arithmetic;
use crate::step::plan::{BLOCK, CHUNK, Chunk, Sweep};
use crate::step::setup::Setup;
use crate::step::shared::SharedSlice;
use crate::step::target::{GradientPlace, Target};
use crate::step::workspace::Workspace;

/// Reads every gradient once and finds the norms; or returns the first place that is not finite.
pub(crate) fn scan(setup: &Setup, work: &mut Workspace, scale: f64) -> Result<(), NonFiniteAt> {
    // one more pass before the update, or none
    let alone = work.sums.is_empty() && work.passed.is_empty();
    read(setup, work, if alone { Sweep::Backwards } else { Sweep::Forwards });
    for i in 0..work.norms.len() {
        work.norms[i] = norm(setup, work, i, scale)?;
    }
    Ok(())
}

/// Takes what the scan found into the history of the tensors, once it is known that the step is taken.
pub(crate) fn observe(setup: &Setup, tensors: &mut [TensorState], work: &Workspace) {
    for (i, (tensor, param)) in tensors.iter_mut().zip(&setup.params).enumerate() {
        if work.targets[i].gradient.is_some() && !param.is_empty() {
            let zeros = setup.plan.of(i, &work.stats).iter().map(|stats| stats.zeros).sum::<u64>();
            tensor.health.observe(work.norms[i], zeros as f64 / param.len() as f64);
        }
    }
}

/// Folds clipping by norm into the targets' scales; returns the norm of all gradients and the smallest factor. `scale` is what
/// gradients are multiplied by before.
pub(crate) fn clip_by_norm(setup: &Setup, work: &mut Workspace, scale: f64) -> (f64, f64) {
    let total = join_norms(2.0, work.norms.iter().copied());
    if setup.clip.norms.is_empty() {
        return (total, 1.0);
    }
    let mut factors = std::mem::take(&mut work.factors);
    factors.fill(1.0);
    for (i, clip) in setup.clip.norms.iter().enumerate() {
        // what the clips so far have left of it
        let norm = |factors: &[f64], tensor: usize| {
            factors[tensor]
                * clip.order.map_or(work.norms[tensor], |k| other_norm(setup, work, tensor, k, scale))
        };
        let of_all = clip.global.then(|| match clip.order {
            None if i == 0 => total,
            order => {
                let norms = (0..factors.len()).map(|tensor| norm(&factors, tensor));
                join_norms(order.map_or(2.0, |k| setup.clip.orders[k]), norms)
            }
        });
        for tensor in 0..factors.len() {
            factors[tensor] *= coefficient(of_all.unwrap_or_else(|| norm(&factors, tensor)), clip.most);
        }
    }
    work.targets.iter_mut().zip(&factors).for_each(|(target, factor)| target.scale *= factor);
    let smallest = factors.iter().fold(1.0f64, |smallest, factor| smallest.min(*factor));
    work.factors = factors;
    (total, smallest)
}

/// The norm of a tensor's scaled gradient in order number `k` of those beside the Euclidean.
fn other_norm(setup: &Setup, work: &Workspace, tensor: usize, k: usize, scale: f64) -> f64 {
    let chunks = work.stats.len();
    let norms = setup.plan.of(tensor, &work.chunk_norms[k * chunks..][..chunks]);
    (join_norms(setup.clip.orders[k], norms.iter().copied()) * scale.abs()).min(f64::MAX)
}

/// Sets the gradients to zero where the step was to, for a step that is skipped.
pub(crate) fn zero_gradients(setup: &Setup, targets: &[Target]) {
    setup.plan.each_chunk(Sweep::Forwards, |_, chunk, _: &mut ()| {
        // SAFETY: each chunk is in one task, and no other borrow of its gradient is alive.
        unsafe { targets[chunk.tensor].zero_gradient(chunk.start, chunk.len) };
    });
}

fn read(setup: &Setup, work: &mut Workspace, sweep: Sweep) {
    let Workspace { targets, stats, chunk_norms, .. } = work;
    let chunks = stats.len();
    let (stats, norms) = (SharedSlice::new(stats), SharedSlice::new(chunk_norms));
    setup.plan.each_chunk(sweep, |i, chunk, _: &mut ()| {
        let target = &targets[chunk.tensor];
        let found = match target.gradient {
            None => GradientStats::default(),
            Some(gradient) if target.is_f64() => of_chunk::<f64>(setup, target, gradient, chunk),
            Some(gradient) => of_chunk::<f32>(setup, target, gradient, chunk),
        };
        // SAFETY: there is one place for each chunk, and each chunk is in one task.
        unsafe { stats.write(i, found) };
        for (k, order) in setup.clip.orders.iter().enumerate() {
            let norm = match target.gradient {
                None => 0.0,
                Some(_) if target.is_f64() => norm_of_chunk::<f64>(setup, target, chunk, *order),
                Some(_) => norm_of_chunk::<f32>(setup, target, chunk, *order),
            };
            // SAFETY: as above, for each order.
            unsafe { norms.write(k * chunks + i, norm) };
        }
    });
}

/// The norm of another order, of what was just read and lies in the cache. A call of its own, whose buffers cost scans without it nothing.
#[inline(never)]
fn norm_of_chunk<T: Arithmetic>(setup: &Setup, target: &Target, chunk: Chunk, order: f64) -> f64 {
    let mut copy = [T::ZERO; BLOCK];
    let mut norms = [0.0; CHUNK / BLOCK];
    for (norm, block) in norms.iter_mut().zip(chunk.blocks(BLOCK)) {
        let copy = &mut copy[..block.len];
        // SAFETY: the block lies within the tensor, and gradients are only read.
        unsafe { target.load_gradient(setup.isa, block.start, copy) };
        *norm = norm_of_order(setup.isa, order, copy);
    }
    join_norms(order, norms.into_iter())
}

fn of_chunk<T: Arithmetic>(
    setup: &Setup,
    target: &Target,
    gradient: GradientPlace,
    chunk: Chunk,
) -> GradientStats {
    if gradient.dtype == T::DTYPE {
        // SAFETY: the gradient has the parameter's length (checked by the step) and the type `T`; it is only read.
        let grad = unsafe { std::slice::from_raw_parts(gradient.at.cast::<T>().add(chunk.start), chunk.len) };
        return gradient_stats(setup.isa, grad, setup.prefetch(chunk));
    }
    let mut copy = [T::ZERO; BLOCK];
    let mut total = GradientStats::default();
    for block in chunk.blocks(BLOCK) {
        let copy = &mut copy[..block.len];
        // SAFETY: the block lies within the tensor, and gradients are only read.
        unsafe { target.load_gradient(setup.isa, block.start, copy) };
        let stats = gradient_stats(setup.isa, copy, 0);
        total.sum_of_squares += stats.sum_of_squares;
        total.zeros += stats.zeros;
    }
    total
}

/// The norm of a tensor's scaled gradient, or where it is not finite.
fn norm(setup: &Setup, work: &Workspace, tensor: usize, scale: f64) -> Result<f64, NonFiniteAt> {
    let in_f64 = setup.params[tensor].dtype == DType::F64;
    let squares = setup.plan.of(tensor, &work.stats).iter().map(|stats| stats.sum_of_squares).sum::<f64>();
    let norm = squares.sqrt() * scale.abs();
    // no element is larger than the norm: below this none overflows, in f32 or in f64
    if norm <= if in_f64 { f64::MAX } else { f64::from(f32::MAX) / 2.0 } {
        return Ok(norm);
    }
    let (mut first, mut count, mut largest) = (None, 0, 0.0f64);
    each_element(setup, work, tensor, |index, g| {
        let scaled = if in_f64 { g * scale } else { f64::from(g as f32 * scale as f32) };
        if !scaled.is_finite() {
            count += 1;
            first = first.or(Some((index, scaled)));
        }
        largest = largest.max(scaled.abs());
    });
    if let Some((index, value)) = first {
        return Err(NonFiniteAt { tensor, index, value, count, what: NotFinite::Gradient });
    }
    if norm.is_finite() {
        return Ok(norm);
    }
    // f64 only: finite values whose squares overflow
    let mut sum = 0.0;
    each_element(setup, work, tensor, |_, g| sum += (g * scale / largest.max(f64::MIN_POSITIVE)).powi(2));
    Ok((largest * sum.sqrt()).min(f64::MAX))
}

/// Calls `see` with each element of the gradient of `tensor`, in order, as f64. Slow: for naming what is wrong.
fn each_element(setup: &Setup, work: &Workspace, tensor: usize, mut see: impl FnMut(usize, f64)) {
    let target = &work.targets[tensor];
    for i in 0..setup.params[tensor].len() {
        // SAFETY: the element lies within the tensor, and gradients are only read.
        let g = unsafe {
            if target.is_f64() {
                let mut g = [0.0f64];
                target.load_gradient(setup.isa, i, &mut g);
                g[0]
            } else {
                let mut g = [0.0f32];
                target.load_gradient(setup.isa, i, &mut g);
                f64::from(g[0])
            }
        };
        see(i, g);
    }
}
