//! What is done to a rule's update before it is kept: caution, bounds, cautious weight decay.
//!
//! The update is the difference between the weights before the rule (after weight decay) and behind it: `u = (1 − ηλ)θ − θ'`.
//! What depends on all of it (the fraction that a mask keeps, a norm) is found beforehand, by a rule that works on copies.

use crate::float::Float;
use crate::kernel::{InstructionSet, Loop, Prologue};

/// A block that a rule has updated.
pub(crate) struct Updated<'a, T> {
    /// The weights before, not decayed.
    pub before: &'a [T],
    /// The gradient as the prologue takes it.
    pub grad: &'a [T],
    pub prologue: Prologue<T>,
    /// Only elements that go against their gradient are kept.
    pub cautious: bool,
}

impl<T: Float> Updated<'_, T> {
    /// The update of element `i`, whose weight is now `after`, and whether caution lets it pass.
    #[inline(always)]
    fn update(&self, i: usize, after: T) -> (T, bool) {
        let prologue = &self.prologue;
        let theta = self.before[i];
        let u = theta * prologue.keep - after;
        // as the rule saw it
        let g = (self.grad[i] * prologue.scale).clamp_to(prologue.limit) + theta * prologue.coupled;
        // by signs: a product of small numbers may be zero
        (u, !self.cautious | (u.sign() * g.sign() > T::ZERO))
    }
}

/// Of the elements that caution lets pass: how many there are, and the sum of the squares of their updates.
pub(crate) type Passed = [f64; 2];

struct Count<'a, T> {
    updated: Updated<'a, T>,
    after: &'a [T],
}

impl<T: Float> Loop for Count<'_, T> {
    type Output = Passed;

    #[inline(always)]
    fn run(self) -> Passed {
        // sums side by side, joined in a fixed order: the same bits on every instruction set
        const SUMMANDS: usize = 16;
        let (mut counts, mut squares) = ([0.0f64; SUMMANDS], [0.0f64; SUMMANDS]);
        for (i, after) in self.after.iter().enumerate() {
            let (u, passes) = self.updated.update(i, *after);
            let u = u.wide();
            counts[i % SUMMANDS] += f64::from(u8::from(passes));
            squares[i % SUMMANDS] += if passes { u * u } else { 0.0 };
        }
        [counts.iter().sum(), squares.iter().sum()]
    }
}

/// What of an update caution lets pass.
pub(crate) fn count<T: Float>(isa: InstructionSet, updated: Updated<'_, T>, after: &[T]) -> Passed {
    isa.run(Count { updated, after })
}

struct Finish<'a, T> {
    updated: Updated<'a, T>,
    after: &'a mut [T],
    factor: T,
}

impl<T: Float> Loop for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (i, theta) in self.after.iter_mut().enumerate() {
            let (u, passes) = self.updated.update(i, *theta);
            let base = self.updated.before[i] * self.updated.prologue.keep;
            *theta = base - (u * self.factor).or(passes, T::ZERO);
        }
    }
}

/// Keeps of the update what caution lets pass, `factor` times.
pub(crate) fn finish<T: Float>(isa: InstructionSet, updated: Updated<'_, T>, after: &mut [T], factor: f64) {
    isa.run(Finish { updated, after, factor: T::of(factor) });
}

struct DecayLoop<'a, T> {
    before: &'a [T],
    after: &'a mut [T],
    shrink: T,
}

impl<T: Float> Loop for DecayLoop<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (before, theta) in self.before.iter().zip(self.after) {
            let u = *before - *theta;
            let along = u.sign() * before.sign() >= T::ZERO;
            *theta = *theta - (self.shrink * *before).or(along, T::ZERO);
        }
    }
}

/// Weight decay where it goes the way of the update.
pub(crate) fn decay<T: Float>(isa: InstructionSet, before: &[T], after: &mut [T], shrink: f64) {
    isa.run(DecayLoop { before, after, shrink: T::of(shrink) });
}
