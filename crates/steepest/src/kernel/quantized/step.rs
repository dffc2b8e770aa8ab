//! One step of elements whose state is kept in 8 bits.
//!
//! A batch of groups at a time goes through three loops, each of which becomes vector code: codes to lanes, the rule on lanes,
//! lanes to codes. The first and the last do not know the rule; only the second is compiled for each.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::dtype::HALF_OF_LAST;
use crate::kernel::instruction_set::{InstructionSet, RawLoop, highest};
use crate::kernel::prefetch::{LINE, fetch};
use crate::kernel::prologue::Prologue;
use crate::kernel::quantized::code::{Decode, Encode, Set, join_halves, opaque, split_lane, tame};
use crate::kernel::quantized::order::{GROUP, LANES, Order, SET};
use crate::random::Dither;
use crate::rule::{ElementRule, MAX_STATES, StateKind};
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Sets of a batch: together with their parameters and gradients they stay in a first-level cache. Fewer leave the processor
/// waiting for each group's largest number.
const SETS: usize = 8;

/// How many elements before they are worked on their memory is asked for. The processor does so by itself while a loop reads it,
/// but parameters and gradients are read in one loop of three, and it would forget them in the others.
const AHEAD: usize = SETS * SET;

/// Whole groups of elements whose state is kept in 8 bits.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct QuantizedElements {
    pub operands: Operands,
    /// Codes of each array; f32 where it holds points.
    pub state: [*mut u8; MAX_STATES],
    /// The scales of each array's groups, the first that of the first element.
    pub scales: [*mut u8; MAX_STATES],
    pub groups: usize,
    /// Up to where memory may be asked for early, counted from the first element; 0 where all may lie in a cache.
    pub prefetch: usize,
    /// The random words of the lanes.
    pub dither: Dither,
}

/// Where parameters and gradients lie.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Operands {
    F32(F32Operands),
    Bf16(Bf16Operands),
}

/// Parameters and gradients in f32.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct F32Operands {
    pub theta: *mut f32,
    pub grad: *const f32,
}

/// Parameters and gradients in bfloat16, and the corrections of the parameters, rounded to the nearest.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Bf16Operands {
    pub theta: *mut u8,
    pub correction: *mut u8,
    pub grad: *const u8,
}

/// How parameters and gradients are read and written: the two of a lane at a time.
pub(crate) trait PairedOperands: Copy {
    /// Which elements share a lane.
    const ORDER: Order;
    /// Whether a gradient's bits below bfloat16's can hold something.
    const FINE: bool;
    /// What lies `elements` further on.
    fn skip(self, elements: usize) -> Self;
    /// The parameters and the gradients of lane `l`.
    ///
    /// # Safety
    /// A set of elements lies there, whose parameter nobody else uses.
    unsafe fn load(self, l: usize) -> [(f32, f32); 2];
    /// Asks for the memory of a set.
    fn fetch(self);
    /// Writes the parameters of lane `l`.
    ///
    /// # Safety
    /// As for [`PairedOperands::load`].
    unsafe fn store(self, l: usize, new: [f32; 2]);
}

impl PairedOperands for F32Operands {
    const ORDER: Order = Order::Apart;
    const FINE: bool = true;

    #[inline(always)]
    fn skip(self, elements: usize) -> Self {
        Self { theta: self.theta.wrapping_add(elements), grad: self.grad.wrapping_add(elements) }
    }
    #[inline(always)]
    fn fetch(self) {
        for line in (0..4 * SET).step_by(LINE) {
            fetch(self.theta.cast::<u8>().wrapping_add(line));
            fetch(self.grad.cast::<u8>().wrapping_add(line));
        }
    }
    #[inline(always)]
    unsafe fn load(self, l: usize) -> [(f32, f32); 2] {
        let (low, high) = Self::ORDER.pair(l);
        // SAFETY: the caller's contract.
        unsafe {
            [(*self.theta.add(low), *self.grad.add(low)), (*self.theta.add(high), *self.grad.add(high))]
        }
    }
    #[inline(always)]
    unsafe fn store(self, l: usize, new: [f32; 2]) {
        let (low, high) = Self::ORDER.pair(l);
        // SAFETY: the caller's contract.
        unsafe { (*self.theta.add(low), *self.theta.add(high)) = (new[0], new[1]) };
    }
}

impl PairedOperands for Bf16Operands {
    const ORDER: Order = Order::Adjacent;
    const FINE: bool = false;

    #[inline(always)]
    fn skip(self, elements: usize) -> Self {
        Self {
            theta: self.theta.wrapping_add(2 * elements),
            correction: self.correction.wrapping_add(elements),
            grad: self.grad.wrapping_add(2 * elements),
        }
    }
    #[inline(always)]
    fn fetch(self) {
        for line in (0..2 * SET).step_by(LINE) {
            fetch(self.theta.wrapping_add(line));
            fetch(self.grad.wrapping_add(line));
        }
        fetch(self.correction);
    }
    #[inline(always)]
    unsafe fn load(self, l: usize) -> [(f32, f32); 2] {
        // SAFETY: the caller's contract; bytes need no alignment.
        let (high, low, grad) = unsafe {
            (
                *self.theta.cast::<[u8; 4]>().add(l),
                *self.correction.cast::<[u8; 2]>().add(l),
                *self.grad.cast::<[u8; 4]>().add(l),
            )
        };
        let (high, grad) = (lane(high), split_lane(lane(grad)));
        // two corrections; with the sign bit turned over they are numbers from 0, 128 too large
        let low = u32::from(u16::from_le_bytes(low) ^ 0x8080);
        let first = (high << 16).wrapping_add((low & 0xFF) << 8).wrapping_sub(0x8000);
        let second = (high & 0xFFFF_0000).wrapping_add(low & 0xFF00).wrapping_sub(0x8000);
        [(f32::from_bits(first), grad.0), (f32::from_bits(second), grad.1)]
    }
    #[inline(always)]
    unsafe fn store(self, l: usize, new: [f32; 2]) {
        // A NaN stays one without a question: what is added to it does not reach the sign. Its lower bits come from a
        // correction at most, for gradients and halves have none.
        let first = new[0].to_bits().wrapping_add(HALF_OF_LAST);
        let second = new[1].to_bits().wrapping_add(HALF_OF_LAST);
        let high = (first.wrapping_add(0x8000) >> 16) | (second.wrapping_add(0x8000) & 0xFFFF_0000);
        let low = ((first >> 8) & 0xFF) | (second & 0xFF00);
        // SAFETY: the caller's contract; bytes need no alignment.
        unsafe {
            *self.theta.cast::<[u8; 4]>().add(l) = lane(high.to_ne_bytes()).to_ne_bytes();
            *self.correction.cast::<[u8; 2]>().add(l) = (low as u16).to_le_bytes();
        }
    }
}

/// Two neighbours of 16 bits as a lane, the first in its low half; and the other way round.
#[inline(always)]
fn lane(bytes: [u8; 4]) -> u32 {
    let lane = u32::from_ne_bytes(bytes);
    if cfg!(target_endian = "big") { lane.rotate_left(16) } else { lane }
}

/// The step of a rule on some groups.
pub(crate) struct QuantizedUpdate<R: ElementRule<N>, const N: usize, M> {
    pub scalars: R::Scalars<f32>,
    pub prologue: Prologue<f32>,
    pub isa: InstructionSet,
    pub elements: QuantizedElements,
    pub operands: M,
}

impl<R: ElementRule<N>, const N: usize, M: PairedOperands> QuantizedUpdate<R, N, M> {
    /// # Safety
    /// The contract of [`TypedKernel::update_quantized`](crate::kernel::TypedKernel), with parameters and gradients at `operands`.
    pub unsafe fn run(self) {
        // SAFETY: the caller's contract.
        unsafe {
            match self.isa {
                // part of a group is not for here
                _ if self.elements.groups == 0 => {}
                isa @ InstructionSet::Scalar => isa.run_raw(UpdateLoop::<R, N, M, false, true>(self)),
                isa if self.prologue.is_plain() => isa.run_raw(UpdateLoop::<R, N, M, true, false>(self)),
                isa => isa.run_raw(UpdateLoop::<R, N, M, false, false>(self)),
            }
        }
    }
}

/// `PLAIN`: the gradient needs neither scaling, clipping nor decay; a loop over single numbers asks each time.
struct UpdateLoop<R: ElementRule<N>, const N: usize, M, const PLAIN: bool, const ONE_BY_ONE: bool>(
    QuantizedUpdate<R, N, M>,
);

impl<R: ElementRule<N>, const N: usize, M: PairedOperands, const PLAIN: bool, const ONE_BY_ONE: bool> RawLoop
    for UpdateLoop<R, N, M, PLAIN, ONE_BY_ONE>
{
    type Output = ();
    const HIGHEST: InstructionSet = highest::<f32>(ONE_BY_ONE);

    #[inline(always)]
    unsafe fn run(self) {
        let QuantizedElements { state, scales, groups, prefetch, dither, .. } = self.0.elements;
        let mut batch = [Set::NEW; SETS];
        for first in (0..groups).step_by(SETS / 2) {
            let n = (groups - first).min(SETS / 2);
            let sets = &mut batch[..2 * n];
            for k in 0..N {
                if R::KINDS[k] != StateKind::Point {
                    // SAFETY: the contract of `TypedKernel::update_quantized`.
                    let (codes, scales) = unsafe {
                        (
                            from_raw_parts(state[k].add(first * GROUP), n * GROUP),
                            from_raw_parts(scales[k].add(first), n),
                        )
                    };
                    let (kind, into) = (R::KINDS[k], &mut *sets);
                    self.0.isa.run(Decode::<ONE_BY_ONE> { kind, codes, scales, array: k, into });
                }
            }
            for (q, set) in sets.iter_mut().enumerate() {
                let start = first * GROUP + q * SET;
                let mut points = [std::ptr::null_mut(); MAX_STATES];
                for k in 0..N {
                    points[k] = state[k].cast::<f32>().wrapping_add(start);
                }
                if start + AHEAD + SET <= prefetch {
                    self.0.operands.skip(start + AHEAD).fetch();
                    for (array, kind) in state.iter().zip(R::KINDS) {
                        let size = if kind == StateKind::Point { 4 } else { 1 };
                        for line in (0..size * SET).step_by(LINE) {
                            fetch(array.wrapping_add(size * (start + AHEAD) + line));
                        }
                    }
                }
                // SAFETY: the contract of `TypedKernel::update_quantized`: a whole set lies there.
                unsafe { self.set(self.0.operands.skip(start), &points, set, dither.skip(start / 2)) };
            }
            let mut index = 0;
            for k in 0..N {
                if R::KINDS[k] != StateKind::Point {
                    // SAFETY: the contract of `TypedKernel::update_quantized`.
                    let (codes, scales) = unsafe {
                        (
                            from_raw_parts_mut(state[k].add(first * GROUP), n * GROUP),
                            from_raw_parts_mut(scales[k].add(first), n),
                        )
                    };
                    let (kind, from) = (R::KINDS[k], &*sets);
                    self.0.isa.run(Encode::<ONE_BY_ONE> { kind, index, array: k, from, codes, scales });
                    index += 1;
                }
            }
        }
    }
}

impl<R: ElementRule<N>, const N: usize, M: PairedOperands, const PLAIN: bool, const ONE_BY_ONE: bool>
    UpdateLoop<R, N, M, PLAIN, ONE_BY_ONE>
{
    /// How many words round a lane of all arrays.
    const WORDS: usize = {
        let (mut k, mut quantized) = (0, 0usize);
        while k < N {
            quantized += if matches!(R::KINDS[k], StateKind::Point) { 0 } else { 1 };
            k += 1;
        }
        quantized.div_ceil(2)
    };

    /// The rule on a set, whose state is in its lanes and, where it holds points, at `points`.
    ///
    /// # Safety
    /// A set lies at `operands` and, where the rule has some, at `points`; nobody else uses its parameters and points.
    #[inline(always)]
    unsafe fn set(&self, operands: M, points: &[*mut f32; MAX_STATES], set: &mut Set, dither: Dither) {
        for l in 0..LANES {
            let l = opaque::<ONE_BY_ONE>(l);
            let pair = M::ORDER.pair(l);
            let mut words = [0; MAX_STATES / 2];
            // a plain loop, as elsewhere in functions of an instruction set
            #[allow(clippy::needless_range_loop)]
            for p in 0..Self::WORDS {
                words[p] = dither.again(p as u32).word(l);
                set.0[MAX_STATES + p][l] = words[p];
            }
            let mut old = [[0.0; N]; 2];
            for k in 0..N {
                (old[0][k], old[1][k]) = if R::KINDS[k] == StateKind::Point {
                    // SAFETY: the caller's contract.
                    unsafe { (*points[k].add(pair.0), *points[k].add(pair.1)) }
                } else {
                    split_lane(set.0[k][l])
                };
            }
            // SAFETY: the caller's contract.
            let [first, second] = unsafe { operands.load(l) };
            let (first, new_first) = self.element(first, old[0]);
            let (second, new_second) = self.element(second, old[1]);
            // SAFETY: the caller's contract.
            unsafe { operands.store(l, [first, second]) };
            let mut index = 0;
            for k in 0..N {
                if R::KINDS[k] == StateKind::Point {
                    // SAFETY: the caller's contract.
                    unsafe {
                        (*points[k].add(pair.0), *points[k].add(pair.1)) = (new_first[k], new_second[k])
                    };
                } else {
                    // what is subnormal, the codes take for zero
                    set.0[k][l] = join_halves(new_first[k], new_second[k], words[index / 2]);
                    index += 1;
                }
            }
        }
    }

    #[inline(always)]
    fn element(&self, (theta, grad): (f32, f32), old: [f32; N]) -> (f32, [f32; N]) {
        let grad = self.0.prologue.seen::<PLAIN, ONE_BY_ONE>(grad, theta);
        let grad = if M::FINE { tame(grad) } else { grad };
        R::update(&self.0.scalars, theta * self.0.prologue.keep, grad, old)
    }
}
