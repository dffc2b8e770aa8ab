//! How fast memory can be read and written: the measure that steps are held to.
#![allow(unsafe_code)] // the loop of a step, over borrowed slices

use crate::kernel::element::{Elements, Update};
use crate::kernel::instruction_set::{InstructionSet, Loop};
use crate::kernel::prefetch::{LINE, READ_AHEAD, fetch};
use crate::kernel::prologue::Prologue;
use crate::real::Real;
use crate::rule::{ElementRule, MAX_STATES, StateKind, Step};
use std::marker::PhantomData;

/// A rule that adds the gradient to everything.
struct Added;

impl<const N: usize> ElementRule<N> for Added {
    const STATE: [&'static str; N] = [""; N];
    const KINDS: [StateKind; N] = [StateKind::Point; N];
    type Scalars<R: Real> = ();

    fn scalars<R: Real>(&self, _: Step, _: &[f64]) {}

    #[inline(always)]
    fn update<R: Real>((): &(), theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        for s in &mut state {
            *s = *s + g;
        }
        (theta + g, state)
    }
}

/// Adds `grad` to each of one to five arrays of its length: how fast memory can be read and written as a step does, by the same
/// loop without its arithmetic, its threads and its passes. For `steepest bench`.
///
/// # Panics
/// If there are more arrays or fewer, or of another length.
#[doc(hidden)]
pub fn stream(arrays: &mut [&mut [f32]], grad: &[f32]) {
    assert!(arrays.iter().all(|array| array.len() == grad.len()), "arrays of other lengths");
    let mut at = [std::ptr::null_mut(); 1 + MAX_STATES];
    assert!(!arrays.is_empty() && arrays.len() <= at.len(), "{} arrays", arrays.len());
    for (at, array) in at.iter_mut().zip(&mut *arrays) {
        *at = array.as_mut_ptr();
    }
    let [theta, a, b, c, d] = at;
    let len = grad.len();
    let elements = Elements { prefetch: len, ..Elements::near(theta, grad.as_ptr(), [a, b, c, d], len) };
    /// # Safety
    /// As for [`TypedKernel::update`](crate::kernel::TypedKernel::update), with `N` arrays of state.
    unsafe fn run<const N: usize>(elements: Elements<f32>) {
        let prologue = Prologue { scale: 1.0, limit: f32::INFINITY, coupled: 0.0, keep: 1.0 };
        let rule = PhantomData;
        let update = Update::<Added, N, f32, true, false> { scalars: (), prologue, elements, rule };
        // SAFETY: the caller's contract.
        unsafe { InstructionSet::best().run_raw(update) };
    }
    // SAFETY: the arrays, of which there are as many, are borrowed and have this length.
    unsafe { [run::<0>, run::<1>, run::<2>, run::<3>, run::<4>][arrays.len() - 1](elements) };
}

struct Total<'a>(&'a [f32]);

impl Loop for Total<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        // as many as fit in registers
        const SUMMANDS: usize = 64;
        let mut sums = [0.0; SUMMANDS];
        for block in self.0.as_chunks::<SUMMANDS>().0 {
            for line in (0..SUMMANDS).step_by(LINE / size_of::<f32>()) {
                fetch(block.as_ptr().wrapping_add(READ_AHEAD + line).cast());
            }
            for i in 0..SUMMANDS {
                sums[i] += block[i];
            }
        }
        sums.iter().sum()
    }
}

/// The sum of an array, less its end: how fast memory can be read. For `steepest bench`.
#[doc(hidden)]
pub fn read(array: &[f32]) -> f32 {
    InstructionSet::best().run(Total(array))
}
