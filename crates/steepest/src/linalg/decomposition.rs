//! What decompositions of square matrices share: their memory, and the sorting of values.

use super::{Request, Workspace, packed_len};
use crate::float::Float;

/// Rotations that are collected before panels are passed over, in units of the matrix's side.
const COLLECTED: usize = 16;

/// A decomposition of a square matrix, in f64: [eigenvectors](Self::eigen) or an [orthogonal
/// basis](Self::orthogonal).
pub(crate) struct Decomposition<'a> {
    pub(super) n: usize,
    /// Vectors: panels of 16 rows, or of 16 columns.
    pub(super) panels: &'a mut [f64],
    /// The matrix; behind each row, its product with a vector.
    pub(super) matrix: &'a mut [f64],
    /// Row k: the vector u of the k-th reflection I − uuᵀ, 0 where it leaves things alone.
    pub(super) reflectors: &'a mut [f64],
    /// Eigenvalues, or what stands for them.
    pub values: &'a mut [f64],
    /// What is next to the diagonal of a tridiagonal matrix.
    pub(super) off_diagonal: &'a mut [f64],
    pub(super) vector: &'a mut [f64],
    /// Which places change places, in the order of sorting.
    pub(super) swaps: &'a mut [f64],
    pub(super) rotations: &'a mut [f64],
}

impl<'a> Decomposition<'a> {
    /// The workspace of matrices of side `n`.
    pub fn workspace(n: usize) -> Request {
        Request::of(|workspace| Decomposition::new(n, workspace))
    }

    /// For matrices of side `n`.
    pub fn new(n: usize, workspace: &mut Workspace<'a, f64>) -> Self {
        Self {
            n,
            panels: workspace.take(packed_len(n, n)),
            matrix: workspace.take(n * (n + 1)),
            reflectors: workspace.take(n * n),
            values: workspace.take(n),
            off_diagonal: workspace.take(n),
            vector: workspace.take(n),
            swaps: workspace.take(n),
            rotations: workspace.take(3 * COLLECTED * n),
        }
    }
}

/// The two coordinates that a swap of the k-th step of sorting exchanges.
pub(super) fn swap_of(k: usize, swaps: &[f64]) -> (usize, usize) {
    (k, swaps[k] as usize)
}

/// Sorts `values`, the largest first, and notes how.
pub(super) fn descending(values: &mut [f64], swaps: &mut [f64]) {
    for (k, swap) in swaps[..values.len()].iter_mut().enumerate() {
        let mut largest = k;
        for i in k + 1..values.len() {
            if values[i] > values[largest] {
                largest = i;
            }
        }
        values.swap(k, largest);
        *swap = largest as f64;
    }
}

/// The largest size of an element; NaN if there is one.
pub(super) fn largest<T: Float>(x: &[T]) -> f64 {
    x.iter().map(|x| x.wide().abs()).fold(0.0, |m: f64, x| if x <= m || m.is_nan() { m } else { x })
}
