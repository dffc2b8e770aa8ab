//! What wrappers do to weights that have just been updated and still lie in the cache.
#![allow(unsafe_code)] // arrays of the optimizer through their addresses

use crate::float::Float;
use crate::kernel::InstructionSet;
use crate::step::target::Target;
use crate::wrappers;
use std::slice::from_raw_parts_mut;

/// Before a tensor's first step: its slow weights begin with `theta`.
///
/// # Safety
/// `theta` is the part of the tensor's weights from `start` on, in the type of the arithmetic, and this task alone has it.
pub(crate) unsafe fn begin_slow<T: Float>(target: &Target, start: usize, theta: &[T]) {
    if let Some(lookahead) = target.wrappers.lookahead.filter(|lookahead| lookahead.begin) {
        // SAFETY: the caller's contract; the array has the tensor's length.
        unsafe { part(lookahead.slow, start, theta.len()) }.copy_from_slice(theta);
    }
}

/// After a step: the slow weights follow `theta`, if it is their turn.
///
/// # Safety
/// As for [`begin_slow`].
pub(crate) unsafe fn follow<T: Float>(isa: InstructionSet, target: &Target, start: usize, theta: &mut [T]) {
    if let Some(lookahead) = target.wrappers.lookahead
        && let Some(alpha) = lookahead.follow
    {
        // SAFETY: the caller's contract; the array has the tensor's length.
        let slow = unsafe { part(lookahead.slow, start, theta.len()) };
        wrappers::follow(isa, alpha, theta, slow);
    }
}

/// Takes weights, as stored, into their average.
///
/// # Safety
/// As for [`begin_slow`].
pub(crate) unsafe fn average<T: Float>(isa: InstructionSet, target: &Target, start: usize, theta: &[T]) {
    if let Some(average) = target.wrappers.average {
        // SAFETY: the caller's contract; the array has the tensor's length.
        let into = unsafe { part(average.at, start, theta.len()) };
        wrappers::average(isa, average.mix, theta, into);
    }
}

/// # Safety
/// `array` has `start + len` elements of type `T`, and the caller alone has this part for as long as it keeps it.
unsafe fn part<'a, T: Float>(array: *mut u8, start: usize, len: usize) -> &'a mut [T] {
    // SAFETY: the caller's contract.
    unsafe { from_raw_parts_mut(array.cast::<T>().add(start), len) }
}
