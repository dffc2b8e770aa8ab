//! Sums over slices, in an order that no instruction set and no thread changes.

use crate::dtype::DType;
use crate::float::Float;
use crate::kernel::instruction_set::{InstructionSet, Loop};
use crate::kernel::prefetch::{LINE, READ_AHEAD, fetch};
use crate::real::Real;

/// What one read of a gradient tells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct GradientStats {
    /// Σ g², in f64. Not finite when some g is not, or, for f64 only, when it overflows.
    pub sum_of_squares: f64,
    /// How many elements are exactly zero.
    pub zeros: u64,
}

/// `FUSED`: squares are added without being rounded, which for f32 changes nothing, for their squares are exact in f64.
struct Stats<'a, T, const FUSED: bool> {
    grad: &'a [T],
    /// Up to where memory may be asked for early; 0 where all may lie in a cache.
    prefetch: usize,
}

impl<T: Float, const FUSED: bool> Loop for Stats<'_, T, FUSED> {
    type Output = GradientStats;

    #[inline(always)]
    fn run(self) -> GradientStats {
        // 16 sums side by side, joined in a fixed order: the same bits on every instruction set
        const SUMMANDS: usize = 16;
        // zeros are counted in a loop of their own, over what is in the first-level cache: in one, both become slow code
        const PART: usize = 16 * SUMMANDS;
        let (mut sums, mut zeros) = ([0.0f64; SUMMANDS], 0);
        let mut rest = self.grad;
        while !rest.is_empty() {
            let start = self.grad.len() - rest.len();
            if start + READ_AHEAD + PART <= self.prefetch {
                let next = self.grad.as_ptr().wrapping_add(start + READ_AHEAD);
                for offset in (0..PART).step_by(LINE / size_of::<T>()) {
                    fetch(next.wrapping_add(offset).cast());
                }
            }
            let (part, later) = rest.split_at(PART.min(rest.len()));
            rest = later;
            let (blocks, tail) = part.as_chunks::<SUMMANDS>();
            for block in blocks {
                for i in 0..SUMMANDS {
                    sums[i] = Self::add_square(sums[i], block[i].into());
                }
            }
            for i in 0..tail.len() {
                sums[i] = Self::add_square(sums[i], tail[i].into());
            }
            let mut count = 0u32;
            for g in part {
                count += u32::from(*g == T::ZERO);
            }
            zeros += u64::from(count);
        }
        GradientStats { sum_of_squares: tree_sum(sums), zeros }
    }
}

impl<T, const FUSED: bool> Stats<'_, T, FUSED> {
    #[inline(always)]
    fn add_square(sum: f64, x: f64) -> f64 {
        if FUSED { x.mul_add(x, sum) } else { sum + x * x }
    }
}

/// The sum of all, halves added to halves.
#[inline(always)]
pub(crate) fn tree_sum<const SUMMANDS: usize>(mut sums: [f64; SUMMANDS]) -> f64 {
    const { assert!(SUMMANDS.is_power_of_two()) };
    let mut half = SUMMANDS / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

/// Sum of squares and zeros of at most 2³² elements; `prefetch` is up to where memory may be asked for early.
pub(crate) fn gradient_stats<T: Float>(isa: InstructionSet, grad: &[T], prefetch: usize) -> GradientStats {
    // the higher instruction sets have a fused multiply-add
    if matches!(T::DTYPE, DType::F32) && isa >= InstructionSet::Avx2 {
        isa.run(Stats::<T, true> { grad, prefetch })
    } else {
        isa.run(Stats::<T, false> { grad, prefetch })
    }
}

/// `Σ |g|` for `SUM`, else `Σ (|g|/largest)ᵖ`.
struct Powers<'a, T, const SUM: bool> {
    values: &'a [T],
    largest: f64,
    p: f64,
}

impl<T: Float, const SUM: bool> Loop for Powers<'_, T, SUM> {
    type Output = f64;
    const HIGHEST: InstructionSet = InstructionSet::Avx2;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0f64; 16];
        // below this a power adds nothing to 1, and may be no number of f64
        let least = (-1000.0 / self.p).exp2();
        let (blocks, tail) = self.values.as_chunks::<16>();
        let term = |x: T| {
            let size = x.abs().wide();
            if SUM { size } else { (size / self.largest).max(least).power(self.p) }
        };
        for block in blocks {
            for i in 0..16 {
                sums[i] += term(block[i]);
            }
        }
        for i in 0..tail.len() {
            sums[i] += term(tail[i]);
        }
        tree_sum(sums)
    }
}

struct Largest<'a, T> {
    values: &'a [T],
}

impl<T: Float> Loop for Largest<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut largest = [T::ZERO; 16];
        let (blocks, tail) = self.values.as_chunks::<16>();
        for block in blocks {
            for i in 0..16 {
                largest[i] = block[i].abs().max(largest[i]);
            }
        }
        for i in 0..tail.len() {
            largest[i] = tail[i].abs().max(largest[i]);
        }
        largest.into_iter().fold(T::ZERO, Real::max).wide()
    }
}

/// The norm of this order, in `[1, ∞]`, of numbers that are finite: `(Σ |x|ᵖ)^(1/p)`, for infinity the largest size. Orders but 1
/// and infinity are computed to 1e-12 of it.
pub(crate) fn norm_of_order<T: Float>(isa: InstructionSet, order: f64, values: &[T]) -> f64 {
    if order == 1.0 {
        return isa.run(Powers::<T, true> { values, largest: 1.0, p: 1.0 }).min(f64::MAX);
    }
    let largest = isa.run(Largest { values });
    if largest == 0.0 || order == f64::INFINITY {
        return largest;
    }
    let sum = isa.run(Powers::<T, false> { values, largest, p: order });
    (largest * sum.power(1.0 / order)).min(f64::MAX)
}

/// The norm of this order of what has these norms in its parts; finite, also where it would be above all numbers.
pub(crate) fn join_norms(order: f64, norms: impl Iterator<Item = f64> + Clone) -> f64 {
    if order == 2.0 {
        let total = norms.clone().map(|n| n * n).sum::<f64>().sqrt();
        return if total.is_finite() { total } else { norms.fold(0.0f64, f64::hypot).min(f64::MAX) };
    }
    if order == 1.0 {
        return norms.sum::<f64>().min(f64::MAX);
    }
    let largest = norms.clone().fold(0.0, f64::max);
    if largest == 0.0 || order == f64::INFINITY {
        return largest;
    }
    let least = (-1000.0 / order).exp2();
    let sum: f64 = norms.map(|n| Real::max(n / largest, least).power(order)).sum();
    (largest * sum.power(1.0 / order)).min(f64::MAX)
}

struct Change<'a, T> {
    before: &'a [T],
    after: &'a [T],
}

impl<T: Float> Loop for Change<'_, T> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let (mut moved, mut size) = ([0.0f64; 16], [0.0f64; 16]);
        let n = self.before.len().min(self.after.len());
        for i in 0..n {
            let (b, a): (f64, f64) = (self.before[i].into(), self.after[i].into());
            moved[i % 16] += (a - b) * (a - b);
            size[i % 16] += b * b;
        }
        (tree_sum(moved), tree_sum(size))
    }
}

/// `Σ (after − before)²` and `Σ before²`.
pub(crate) fn change<T: Float>(isa: InstructionSet, before: &[T], after: &[T]) -> (f64, f64) {
    isa.run(Change { before, after })
}

struct Scale<'a, T> {
    values: &'a mut [T],
    factor: T,
}

impl<T: Float> Loop for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for x in self.values {
            *x = *x * self.factor;
        }
    }
}

/// `values ← factor·values`
pub(crate) fn scale<T: Float>(isa: InstructionSet, values: &mut [T], factor: f64) {
    isa.run(Scale { values, factor: T::of(factor) })
}
