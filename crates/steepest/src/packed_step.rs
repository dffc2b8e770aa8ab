//! One step of elements whose state is kept in [8 bits](crate::packed).
//!
//! A batch of groups at a time goes through three loops, each of which becomes vector code: codes to lanes, the rule on lanes,
//! lanes to codes. The first and the last do not know the rule; only the second is compiled for each.
#![allow(unsafe_code)] // raw pointers into borrowed slices

use crate::dtype::HALF_OF_LAST;
use crate::kernel::{Job, Level, MAX_STATES, Prologue};
use crate::packed::{Decode, Encode, GROUP, LANES, Order, SET, Set, join, place, split, tame};
use crate::random::Dither;
use crate::real::Real;
use crate::rule::{ElementRule, Holds};
use std::marker::PhantomData;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// Sets of a batch: together with their parameters and gradients they stay in a first-level cache. Fewer leave the processor
/// waiting for each group's largest number.
const SETS: usize = 8;

/// A run of whole groups whose state is kept in 8 bits.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Packed {
    pub at: At,
    /// Codes of each array; f32 where it holds points.
    pub state: [*mut u8; MAX_STATES],
    /// The scales of each array's groups, the first that of this run's first element.
    pub scales: [*mut u8; MAX_STATES],
    pub groups: usize,
    /// The random words of the lanes.
    pub dither: Dither,
}

/// Where parameters and gradients lie.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum At {
    F32(InF32),
    Bf16(InBf16),
}

/// Parameters and gradients in f32.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct InF32 {
    pub theta: *mut f32,
    pub grad: *const f32,
}

/// Parameters and gradients in bfloat16, and the corrections of the parameters, rounded to the nearest.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct InBf16 {
    pub theta: *mut u8,
    pub correction: *mut u8,
    pub grad: *const u8,
}

/// How parameters and gradients are kept, a set at a time.
pub(crate) trait Memory: Copy {
    /// Which elements share a lane.
    const ORDER: Order;
    /// Whether a gradient's bits below bfloat16's can hold something.
    const FINE: bool;
    type Theta;
    type Beside;
    type Grad;
    /// What lies `elements` further on.
    fn skip(self, elements: usize) -> Self;
    /// # Safety
    /// A set of elements lies there, whose parameter nobody else uses.
    unsafe fn set<'a>(self) -> (&'a mut Self::Theta, &'a mut Self::Beside, &'a Self::Grad);
    /// The parameters and the gradients of lane `l`.
    fn load(theta: &Self::Theta, beside: &Self::Beside, grad: &Self::Grad, l: usize) -> [(f32, f32); 2];
    fn store(theta: &mut Self::Theta, beside: &mut Self::Beside, l: usize, new: [f32; 2]);
}

impl Memory for InF32 {
    const ORDER: Order = Order::Apart;
    const FINE: bool = true;
    type Theta = [f32; SET];
    type Beside = ();
    type Grad = [f32; SET];

    #[inline(always)]
    fn skip(self, elements: usize) -> Self {
        Self { theta: self.theta.wrapping_add(elements), grad: self.grad.wrapping_add(elements) }
    }
    #[inline(always)]
    unsafe fn set<'a>(self) -> (&'a mut [f32; SET], &'a mut (), &'a [f32; SET]) {
        // SAFETY: the caller's contract.
        unsafe { (&mut *self.theta.cast(), &mut *self.theta.cast(), &*self.grad.cast()) }
    }
    #[inline(always)]
    fn load(theta: &[f32; SET], (): &(), grad: &[f32; SET], l: usize) -> [(f32, f32); 2] {
        let (low, high) = Self::ORDER.pair(l);
        [(theta[low], grad[low]), (theta[high], grad[high])]
    }
    #[inline(always)]
    fn store(theta: &mut [f32; SET], (): &mut (), l: usize, new: [f32; 2]) {
        let (low, high) = Self::ORDER.pair(l);
        (theta[low], theta[high]) = (new[0], new[1]);
    }
}

impl Memory for InBf16 {
    const ORDER: Order = Order::Adjacent;
    const FINE: bool = false;
    type Theta = [[u8; 4]; LANES];
    type Beside = [[u8; 2]; LANES];
    type Grad = [[u8; 4]; LANES];

    #[inline(always)]
    fn skip(self, elements: usize) -> Self {
        Self {
            theta: self.theta.wrapping_add(2 * elements),
            correction: self.correction.wrapping_add(elements),
            grad: self.grad.wrapping_add(2 * elements),
        }
    }
    #[inline(always)]
    unsafe fn set<'a>(self) -> (&'a mut Self::Theta, &'a mut Self::Beside, &'a Self::Grad) {
        // SAFETY: the caller's contract; bytes need no alignment.
        unsafe { (&mut *self.theta.cast(), &mut *self.correction.cast(), &*self.grad.cast()) }
    }
    #[inline(always)]
    fn load(theta: &Self::Theta, beside: &Self::Beside, grad: &Self::Grad, l: usize) -> [(f32, f32); 2] {
        let (high, grad) = (lane(theta[l]), split(lane(grad[l])));
        // two corrections; with the sign bit turned over they are numbers from 0, 128 too large
        let low = u32::from(u16::from_le_bytes(beside[l]) ^ 0x8080);
        let first = (high << 16).wrapping_add((low & 0xFF) << 8).wrapping_sub(0x8000);
        let second = (high & 0xFFFF_0000).wrapping_add(low & 0xFF00).wrapping_sub(0x8000);
        [(f32::from_bits(first), grad.0), (f32::from_bits(second), grad.1)]
    }
    #[inline(always)]
    fn store(theta: &mut Self::Theta, beside: &mut Self::Beside, l: usize, new: [f32; 2]) {
        // A NaN stays one without a question: what is added to it does not reach the sign. Its lower bits come from a
        // correction at most, for gradients and halves have none.
        let first = new[0].to_bits().wrapping_add(HALF_OF_LAST);
        let second = new[1].to_bits().wrapping_add(HALF_OF_LAST);
        let high = (first.wrapping_add(0x8000) >> 16) | (second.wrapping_add(0x8000) & 0xFFFF_0000);
        let low = ((first >> 8) & 0xFF) | (second & 0xFF00);
        theta[l] = lane(high.to_ne_bytes()).to_ne_bytes();
        beside[l] = (low as u16).to_le_bytes();
    }
}

/// Two neighbours of 16 bits as a lane, the first in its low half; and the other way round.
#[inline(always)]
fn lane(bytes: [u8; 4]) -> u32 {
    let lane = u32::from_ne_bytes(bytes);
    if cfg!(target_endian = "big") { lane.rotate_left(16) } else { lane }
}

/// The step of a rule on a run. `PLAIN`: the gradient needs neither scaling, clipping nor decay; a loop over single numbers
/// asks each time.
pub(crate) struct PackedJob<R: ElementRule<N>, const N: usize, M, const PLAIN: bool, const ONE_BY_ONE: bool> {
    pub scalars: R::Scalars<f32>,
    pub prologue: Prologue<f32>,
    pub plain: bool,
    pub level: Level,
    pub packed: Packed,
    pub memory: M,
    pub rule: PhantomData<R>,
}

impl<R: ElementRule<N>, const N: usize, M: Memory, const PLAIN: bool, const ONE_BY_ONE: bool> Job
    for PackedJob<R, N, M, PLAIN, ONE_BY_ONE>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Packed { state, scales, groups, dither, .. } = self.packed;
        let mut room = [Set::NEW; SETS];
        for first in (0..groups).step_by(SETS / 2) {
            let n = (groups - first).min(SETS / 2);
            let room = &mut room[..2 * n];
            for k in 0..N {
                if R::HOLDS[k] != Holds::Point {
                    // SAFETY: `run_packed`'s contract.
                    let (codes, scales) = unsafe {
                        (
                            from_raw_parts(state[k].add(first * GROUP), n * GROUP),
                            from_raw_parts(scales[k].add(first), n),
                        )
                    };
                    let (holds, into) = (R::HOLDS[k], &mut *room);
                    self.level.run(Decode::<ONE_BY_ONE> { holds, codes, scales, array: k, into });
                }
            }
            for (q, set) in room.iter_mut().enumerate() {
                let start = first * GROUP + q * SET;
                // SAFETY: `run_packed`'s contract: a whole set lies there.
                unsafe {
                    let mut points = [std::ptr::null_mut(); MAX_STATES];
                    for k in 0..N {
                        points[k] = state[k].cast::<f32>().wrapping_add(start);
                    }
                    let (theta, beside, grad) = self.memory.skip(start).set();
                    self.set(theta, beside, grad, &points, set, dither.skip(start / 2));
                }
            }
            let mut share = 0;
            for k in 0..N {
                if R::HOLDS[k] != Holds::Point {
                    // SAFETY: `run_packed`'s contract.
                    let (codes, scales) = unsafe {
                        (
                            from_raw_parts_mut(state[k].add(first * GROUP), n * GROUP),
                            from_raw_parts_mut(scales[k].add(first), n),
                        )
                    };
                    let (holds, from) = (R::HOLDS[k], &*room);
                    self.level.run(Encode::<ONE_BY_ONE> { holds, share, array: k, from, codes, scales });
                    share += 1;
                }
            }
        }
    }
}

impl<R: ElementRule<N>, const N: usize, M: Memory, const PLAIN: bool, const ONE_BY_ONE: bool>
    PackedJob<R, N, M, PLAIN, ONE_BY_ONE>
{
    /// Words that round a lane of all arrays.
    const WORDS: usize = {
        let (mut k, mut packed) = (0, 0usize);
        while k < N {
            packed += if matches!(R::HOLDS[k], Holds::Point) { 0 } else { 1 };
            k += 1;
        }
        packed.div_ceil(2)
    };

    /// The rule on a set, whose state is in its lanes and, where it holds points, at `points`.
    ///
    /// # Safety
    /// `points` are, where the rule has some, valid for a set.
    // references, not pointers: the compiler then knows that they do not overlap
    #[inline(always)]
    unsafe fn set(
        &self,
        theta: &mut M::Theta,
        beside: &mut M::Beside,
        grad: &M::Grad,
        points: &[*mut f32; MAX_STATES],
        set: &mut Set,
        dither: Dither,
    ) {
        for l in 0..LANES {
            let l = place::<ONE_BY_ONE>(l);
            let pair = M::ORDER.pair(l);
            for p in 0..Self::WORDS {
                set.0[MAX_STATES + p][l] = dither.again(p as u32).word(l);
            }
            let mut old = [[0.0; N]; 2];
            for k in 0..N {
                (old[0][k], old[1][k]) = if R::HOLDS[k] == Holds::Point {
                    // SAFETY: the caller's contract.
                    unsafe { (*points[k].add(pair.0), *points[k].add(pair.1)) }
                } else {
                    split(set.0[k][l])
                };
            }
            let [first, second] = M::load(theta, beside, grad, l);
            let (first, new_first) = self.element(first, old[0]);
            let (second, new_second) = self.element(second, old[1]);
            M::store(theta, beside, l, [first, second]);
            let mut share = 0;
            for k in 0..N {
                if R::HOLDS[k] == Holds::Point {
                    // SAFETY: the caller's contract.
                    unsafe {
                        (*points[k].add(pair.0), *points[k].add(pair.1)) = (new_first[k], new_second[k])
                    };
                } else {
                    // what is subnormal, the codes take for zero
                    let word = set.0[MAX_STATES + share / 2][l];
                    set.0[k][l] = join(new_first[k], new_second[k], word);
                    share += 1;
                }
            }
        }
    }

    #[inline(always)]
    fn element(&self, (theta, grad): (f32, f32), old: [f32; N]) -> (f32, [f32; N]) {
        let plain = PLAIN || (ONE_BY_ONE && self.plain);
        let grad = if plain { grad.flush() } else { self.prologue.gradient(grad, theta) };
        let grad = if M::FINE { tame(grad) } else { grad };
        R::update(&self.scalars, theta * self.prologue.keep, grad, old)
    }
}
