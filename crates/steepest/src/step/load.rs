//! Blocks of a tensor in the type of the arithmetic: copied from where they lie, and back.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::dtype::DType;
use crate::kernel::quantized::{Dequantize, GROUP, Quantize};
use crate::kernel::{self, InstructionSet};
use crate::precision::StateFormat;
use crate::rule::MAX_STATES;
use crate::step::arithmetic::Arithmetic;
use crate::step::plan::{BLOCK, Chunk};
use crate::step::setup::Setup;
use crate::step::target::Target;
use crate::step::units::Units;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Copies of state arrays in the type of the arithmetic.
pub(crate) type Widened<T, const ROOM: usize> = [[T; ROOM]; MAX_STATES];

/// Whether all weights of a tensor are finite. Slow: for saying what is wrong.
pub(crate) fn is_finite(setup: &Setup, target: &Target) -> bool {
    let whole = Chunk { tensor: target.tensor, start: 0, len: setup.params[target.tensor].len() };
    whole.blocks(BLOCK).all(|Chunk { start, len, .. }| {
        // SAFETY: the block lies within the tensor, and nobody writes between steps.
        unsafe {
            if target.is_f64() {
                let mut copy = [0.0f64; BLOCK];
                target.load_weights(setup.isa, start, &mut copy[..len]);
                copy[..len].iter().all(|x| x.is_finite())
            } else {
                let mut copy = [0.0f32; BLOCK];
                target.load_weights(setup.isa, start, &mut copy[..len]);
                copy[..len].iter().all(|x| x.is_finite())
            }
        }
    })
}

/// All functions take parts of the tensor: `start` and the length of the copy lie within it.
impl Target {
    /// The gradient as it was given; the tensor has one.
    ///
    /// # Safety
    /// The part lies within the tensor, and nobody writes its gradient.
    pub unsafe fn load_gradient<T: Arithmetic>(&self, isa: InstructionSet, start: usize, into: &mut [T]) {
        let Some(gradient) = self.gradient else { return };
        // SAFETY: the caller's contract; the type is the target's.
        unsafe {
            let from = gradient.at.add(start * gradient.dtype.size());
            T::load_block(isa, from, gradient.dtype, into);
        }
    }

    /// The gradient as the rule's prologue takes it: its units scaled by adaptive clipping and centralized.
    ///
    /// # Safety
    /// As for [`load_gradient`](Self::load_gradient).
    pub unsafe fn load_clipped_gradient<T: Arithmetic>(
        &self,
        isa: InstructionSet,
        units: Option<&Units>,
        start: usize,
        into: &mut [T],
    ) {
        // SAFETY: the caller's contract.
        unsafe { self.load_scaled_gradient(isa, units, start, into) };
        let Some(units) = units.filter(|_| self.wrappers.centralized) else { return };
        for (unit, run) in units.runs(start, into.len()) {
            let mean = T::of(units.means[unit]);
            for g in &mut into[run] {
                *g = *g - mean;
            }
        }
    }

    /// The gradient, its units scaled by adaptive clipping; where it will be centralized, clipped in all other ways, too.
    ///
    /// # Safety
    /// As for [`load_gradient`](Self::load_gradient).
    pub unsafe fn load_scaled_gradient<T: Arithmetic>(
        &self,
        isa: InstructionSet,
        units: Option<&Units>,
        start: usize,
        into: &mut [T],
    ) {
        // SAFETY: the caller's contract.
        unsafe { self.load_gradient(isa, start, into) };
        let Some(units) = units else { return };
        for (unit, run) in units.runs(start, into.len()) {
            let factor = units.factors[unit];
            if factor != 1.0 {
                kernel::scale(isa, &mut into[run], factor);
            }
        }
        if self.wrappers.centralized {
            let (scale, limit) = (T::of(self.scale), T::of(self.limit));
            for g in into {
                *g = (*g * scale).clamp_to(limit);
            }
        }
    }

    /// The parameter.
    ///
    /// # Safety
    /// The part lies within the tensor, and nobody writes its parameter.
    pub unsafe fn load_weights<T: Arithmetic>(&self, isa: InstructionSet, start: usize, into: &mut [T]) {
        // SAFETY: the caller's contract; the type is the target's.
        unsafe { T::load_weights(isa, self.weights.from(start), into) };
    }

    /// Array `k` of the state.
    ///
    /// # Safety
    /// The part lies within the tensor, begins with a block, and nobody writes its state.
    pub unsafe fn load_state<T: Arithmetic>(
        &self,
        isa: InstructionSet,
        k: usize,
        start: usize,
        into: &mut [T],
    ) {
        let state = &self.state;
        let at = state.arrays[k];
        let format = if state.is_narrow(k) { state.format } else { StateFormat::F32 };
        // SAFETY: the caller's contract; the rule's arrays have the tensor's length, and one that is not narrow is kept in
        // the type of the arithmetic.
        unsafe {
            match format {
                StateFormat::F32 => T::load_block(isa, at.add(start * size_of::<T>()), T::DTYPE, into),
                StateFormat::Bf16 => T::load_block(isa, at.add(start * 2), DType::Bf16, into),
                StateFormat::Bits8 => {
                    let into: &mut [f32] = bytemuck::cast_slice_mut(into);
                    // blocks begin with a group
                    let codes = from_raw_parts(at.add(start), into.len());
                    let scales = state.scales[k].add(start / GROUP);
                    let scales = from_raw_parts(scales, into.len().div_ceil(GROUP));
                    isa.run(Dequantize { kind: state.kinds[k], order: state.order, codes, scales, into });
                }
            }
        }
    }

    /// Points `state` to copies in the type of the arithmetic, where the state is not kept in it.
    ///
    /// # Safety
    /// As for [`load_state`](Self::load_state), with `n` elements.
    pub unsafe fn widen_state<T: Arithmetic, const ROOM: usize>(
        &self,
        isa: InstructionSet,
        (start, n): (usize, usize),
        state: &mut [*mut T; MAX_STATES],
        copies: &mut Widened<T, ROOM>,
    ) {
        for k in (0..self.state.kinds.len()).filter(|k| self.state.is_narrow(*k)) {
            // SAFETY: the caller's contract.
            unsafe { self.load_state(isa, k, start, &mut copies[k][..n]) };
            state[k] = copies[k].as_mut_ptr();
        }
    }

    /// Writes what [`widen_state`](Self::widen_state) copied back.
    ///
    /// # Safety
    /// The part lies within the tensor, begins with a block, and nobody else uses its state.
    pub unsafe fn narrow_state<T: Arithmetic, const ROOM: usize>(
        &self,
        isa: InstructionSet,
        (start, n): (usize, usize),
        copies: &Widened<T, ROOM>,
    ) {
        let state = &self.state;
        for k in (0..state.kinds.len()).filter(|k| state.is_narrow(*k)) {
            let (from, at) = (&copies[k][..n], state.arrays[k]);
            if state.format == StateFormat::Bf16 {
                let dither = Some(state.dither.from(start).again(k as u32));
                // SAFETY: the caller's contract.
                unsafe { T::store_block(isa, from, at.add(start * 2), DType::Bf16, dither) };
                continue;
            }
            let (kind, order, index) = (state.kinds[k], state.order, state.narrow_index(k));
            let (from, dither) = (bytemuck::cast_slice(from), state.dither.lanes_from(start));
            // SAFETY: as above; parts begin with a group.
            let (codes, scales) = unsafe {
                (
                    from_raw_parts_mut(at.add(start), n),
                    from_raw_parts_mut(state.scales[k].add(start / GROUP), n.div_ceil(GROUP)),
                )
            };
            isa.run(Quantize { kind, order, index, dither, from, codes, scales });
        }
    }
}
