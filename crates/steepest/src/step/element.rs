//! The update of element rules: one pass over parameter, gradient and state.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::kernel::quantized::{Bf16Operands, F32Operands, GROUP, Operands};
use crate::kernel::{self, ElementKernel, Elements, MasterPlace, PreparedScalars, Prologue, TypedKernel};
use crate::optimizer::tensor::TensorState;
use crate::precision::StateFormat;
use crate::rule::MAX_STATES;
use crate::step::arithmetic::Arithmetic;
use crate::step::chunks::{Pass, TaskScalars};
use crate::step::load::Widened;
use crate::step::plan::{BLOCK, Chunk, Sweep};
use crate::step::setup::Setup;
use crate::step::target::{GradientPlace, Target};
use crate::step::units::Units;
use crate::step::workspace::Workspace;
use crate::step::wrap::{average, begin_slow, follow};
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Updates the tensors of element rules; with `measure`, also finds `Σ (θ' − θ)²` and `Σ θ²` of each chunk.
pub(crate) fn update(setup: &Setup, tensors: &[TensorState], work: &mut Workspace, measure: bool) {
    let Workspace { targets, units, moved, .. } = work;
    let pass = Pass { setup, tensors, targets, units: units.as_deref() };
    pass.each_chunk(Sweep::Forwards, measure.then_some(moved), |kernel, chunk, prepared| {
        if targets[chunk.tensor].is_f64() {
            update_chunk::<f64>(&pass, kernel, prepared, chunk, measure)
        } else {
            update_chunk::<f32>(&pass, kernel, prepared, chunk, measure)
        }
    });
}

fn update_chunk<T: Arithmetic>(
    pass: &Pass<'_>,
    kernel: &dyn ElementKernel,
    prepared: &mut TaskScalars,
    chunk: Chunk,
    measure: bool,
) -> (f64, f64) {
    let target = &pass.targets[chunk.tensor];
    let Some(gradient) = target.gradient else { return (0.0, 0.0) };
    let scalars = pass.prepare::<T>(kernel, chunk, prepared);
    let update = ChunkUpdate {
        setup: pass.setup,
        target,
        gradient,
        units: pass.units_of(chunk.tensor),
        kernel: T::kernel(kernel),
        scalars,
        prologue: target.prologue(),
    };
    let alone = !measure && target.wrappers.is_empty();
    // SAFETY: types and lengths were checked by the step, and this task alone has the chunk.
    unsafe {
        if !alone {
            return update.in_blocks(chunk, measure);
        }
        let rest = update.in_bf16(chunk);
        if rest.len > 0 && !update.in_place(rest) {
            update.in_blocks(rest, false);
        }
    }
    (0.0, 0.0)
}

/// The update of a chunk, in one of three ways.
struct ChunkUpdate<'a, T> {
    setup: &'a Setup,
    target: &'a Target,
    gradient: GradientPlace,
    units: Option<&'a Units>,
    kernel: &'a dyn TypedKernel<T>,
    scalars: &'a PreparedScalars,
    prologue: Prologue<f64>,
}

/// # Safety
/// All functions take parts of the tensor, which this task alone has, and as parameter and gradient either where these lie or
/// buffers of the task.
impl<T: Arithmetic> ChunkUpdate<'_, T> {
    /// Whether the parameter, or the gradient that the rule is given, lies in memory in the type of the arithmetic.
    fn is_direct(&self) -> (bool, bool) {
        let theta = self.target.weights.dtype == T::DTYPE;
        (theta, self.gradient.dtype == T::DTYPE && self.units.is_none())
    }

    /// Whole groups of bf16 weights with corrections and 8-bit state, where nothing else is asked for; what is left.
    unsafe fn in_bf16(&self, chunk: Chunk) -> Chunk {
        let MasterPlace::Correction(correction) = self.target.weights.master else { return chunk };
        if self.units.is_some() || !self.target.is_quantized_bf16() {
            return chunk;
        }
        let (whole, rest) = chunk.split_at(chunk.len / GROUP * GROUP);
        let Chunk { start, len, .. } = whole;
        // SAFETY: the contract of this `impl`.
        unsafe {
            let operands = Operands::Bf16(Bf16Operands {
                theta: self.target.weights.at.add(2 * start),
                correction: correction.cast::<u8>().add(start),
                grad: self.gradient.at.add(2 * start),
            });
            let groups = self.target.state.groups(operands, start, len / GROUP, self.setup.prefetch(chunk));
            self.kernel.update_quantized(self.scalars, &self.prologue, groups);
            self.target.zero_gradient(start, len);
        }
        rest
    }

    /// Everything where it lies; whether that was possible.
    unsafe fn in_place(&self, chunk: Chunk) -> bool {
        let (direct_theta, direct_grad) = self.is_direct();
        if !(direct_theta && direct_grad) || self.target.state.is_widened() {
            return false;
        }
        // SAFETY: the contract of this `impl`.
        unsafe {
            let theta = self.target.weights.at.cast::<T>().add(chunk.start);
            let grad = self.gradient.at.cast::<T>().add(chunk.start);
            self.run_rule(chunk, theta, grad, None);
            self.target.zero_gradient(chunk.start, chunk.len);
        }
        true
    }

    /// A block at a time: what the rule cannot work on where it lies passes through copies, and wrappers find it in the cache.
    unsafe fn in_blocks(&self, chunk: Chunk, measure: bool) -> (f64, f64) {
        let (isa, target) = (self.setup.isa, self.target);
        let (direct_theta, direct_grad) = self.is_direct();
        let changes = target.wrappers.changes_update();
        let mut total = (0.0, 0.0);
        let (mut theta, mut grad, mut before) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        let mut copies = target.state.is_widened().then_some([[T::ZERO; BLOCK]; MAX_STATES]);
        // what needs no buffer takes more at once
        let buffered = !(direct_theta && direct_grad) || measure || changes || copies.is_some();
        for block in chunk.blocks(if buffered { BLOCK } else { 4 * BLOCK }) {
            let Chunk { start, len, .. } = block;
            // SAFETY: the contract of this `impl`; other blocks are buffers of this task.
            unsafe {
                let theta = if direct_theta {
                    from_raw_parts_mut(target.weights.at.cast::<T>().add(start), len)
                } else {
                    target.load_weights(isa, start, &mut theta[..len]);
                    &mut theta[..len]
                };
                let grad = if direct_grad {
                    from_raw_parts(self.gradient.at.cast::<T>().add(start), len)
                } else {
                    target.load_clipped_gradient(isa, self.units, start, &mut grad[..len]);
                    &grad[..len]
                };
                if measure || changes {
                    before[..len].copy_from_slice(theta);
                }
                begin_slow(target, start, theta);
                self.run_rule(block, theta.as_mut_ptr(), grad.as_ptr(), copies.as_mut());
                if changes {
                    target.wrappers.finish(isa, &self.prologue, (&before[..len], grad), theta);
                }
                follow(isa, target, start, theta);
                if !direct_theta {
                    let dither = target.weight_dither.map(|stream| stream.from(start));
                    T::store_weights(isa, theta, target.weights.from(start), dither);
                    let rounded = matches!(target.weights.master, MasterPlace::None);
                    if (measure || !target.wrappers.is_empty()) && rounded {
                        // as stored: half precision may have rounded the change away
                        target.load_weights(isa, start, theta);
                    }
                }
                average(isa, target, start, theta);
                if measure {
                    let (moved, size) = kernel::change(isa, &before[..len], theta);
                    total = (total.0 + moved, total.1 + size);
                }
                target.zero_gradient(start, len);
            }
        }
        total
    }

    /// The rule alone, on the elements of `part`, whose parameter and gradient lie at `theta` and `grad`, and whose state lies
    /// where it is kept. State that the rule cannot read there passes through `copies`.
    unsafe fn run_rule(
        &self,
        part: Chunk,
        theta: *mut T,
        grad: *const T,
        copies: Option<&mut Widened<T, BLOCK>>,
    ) {
        let (state, prefetch) = (&self.target.state, self.setup.prefetch(part));
        let Chunk { start, len, .. } = part;
        // SAFETY: the contract of this `impl`; arrays have the tensor's length.
        unsafe {
            match (state.format, copies) {
                (_, Some(copies)) => self.run_widened(part, theta, grad, copies),
                (StateFormat::Bits8, None) => {
                    // only parameters of f32 arithmetic have such state
                    let operands = Operands::F32(F32Operands { theta: theta.cast(), grad: grad.cast() });
                    let groups = state.groups(operands, start, len / GROUP, prefetch);
                    self.kernel.update_quantized(self.scalars, &self.prologue, groups);
                    let (whole, rest) = part.split_at(len / GROUP * GROUP);
                    if rest.len > 0 {
                        let mut copies = [[T::ZERO; GROUP]; MAX_STATES];
                        self.run_widened(rest, theta.add(whole.len), grad.add(whole.len), &mut copies);
                    }
                }
                (_, None) => {
                    let then = self.target.wrappers.average.map(|average| average.at.cast::<T>());
                    let then = then.map(|average| average.add(start).cast_const());
                    let near = Elements::near(theta, grad, state.from(start), len);
                    self.kernel.update(self.scalars, &self.prologue, Elements { prefetch, then, ..near });
                }
            }
        }
    }

    /// The same with copies of the state in the type of the arithmetic; `part` is no longer than they are.
    unsafe fn run_widened<const ROOM: usize>(
        &self,
        Chunk { start, len, .. }: Chunk,
        theta: *mut T,
        grad: *const T,
        copies: &mut Widened<T, ROOM>,
    ) {
        let (isa, target) = (self.setup.isa, self.target);
        let mut state = target.state.from(start);
        // SAFETY: the contract of this `impl`.
        unsafe {
            target.widen_state(isa, (start, len), &mut state, copies);
            self.kernel.update(self.scalars, &self.prologue, Elements::near(theta, grad, state, len));
            target.narrow_state(isa, (start, len), copies);
        }
    }
}
