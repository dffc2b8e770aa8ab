//! What the tests of this folder share.

use super::Loops;
use super::decomposition::largest;
use crate::kernel::InstructionSet;
use crate::real::Real;

/// `n` numbers from −1 to 1 that depend on `seed`.
pub fn drawn<T: Real>(seed: u64, n: usize) -> Vec<T> {
    let mut z = seed;
    let mut next = || {
        z = z.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        T::of((z >> 11) as f64 * 2f64.powi(-52) - 1.0)
    };
    (0..n).map(|_| next()).collect()
}

/// On one thread and on all, on every instruction set of this processor.
pub fn loops() -> impl Iterator<Item = Loops> {
    let instruction_sets = InstructionSet::ALL.into_iter().filter(|level| level.is_available());
    instruction_sets.flat_map(|isa| [false, true].map(|parallel| Loops { isa, parallel }))
}

pub fn bits<T: Real>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.wide().to_bits()).collect()
}

/// The largest size of a number; NaN if there is one.
pub fn worst(x: impl Iterator<Item = f64>) -> f64 {
    largest(&x.collect::<Vec<f64>>())
}

/// How far the columns of `q` are from being orthogonal and of length 1.
pub fn not_orthogonal(q: &[f64], n: usize) -> f64 {
    worst((0..n * n).map(|ij| {
        let (i, j) = (ij / n, ij % n);
        (0..n).map(|k| q[k * n + i] * q[k * n + j]).sum::<f64>() - f64::from(u8::from(i == j))
    }))
}
