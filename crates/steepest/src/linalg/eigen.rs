//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! A matrix is made tridiagonal by reflections and diagonal by rotations (Golub & Van Loan, Matrix
//! Computations, algorithms 8.3.1 to 8.3.3). Vectors lie in panels of 16 rows, which the reflections and
//! rotations pass over one after the other: threads share panels and lanes hold rows, so neither changes a
//! bit.

use super::decomposition::{Decomposition, descending, largest, swap_of};
use super::reflections::{Reflect, Rotate, Update, identity, lines_of, reflector};
use super::{Loops, PANEL, Packed};
use crate::float::Float;

/// Steps allowed for one eigenvalue; two or three are usual.
const MOST_STEPS: usize = 60;

impl Decomposition<'_> {
    /// Computes eigenvalues and eigenvectors of the symmetric matrix `of`, divided by `divisor`.
    pub fn eigen<T: Float>(&mut self, loops: Loops, of: &[T], divisor: f64) {
        let (n, stride) = (self.n, self.n + 1);
        loops.rows(self.panels, PANEL * n, identity);
        let largest = largest(of);
        if largest == 0.0 || !largest.is_finite() {
            // every basis serves a matrix of zeros, and none one with NaN in it
            self.values.fill(largest * 0.0);
            self.panels.iter_mut().for_each(|x| *x += largest * 0.0);
            return;
        }
        loops.rows(self.matrix, stride, |i, row| {
            row.iter_mut().zip(&of[i * n..(i + 1) * n]).for_each(|(a, x)| *a = x.wide() / largest);
        });
        self.tridiagonalize(loops);
        loops.rows(self.panels, PANEL * n, |_, lines| {
            let (which, lines) = (0..n.saturating_sub(2), lines_of(lines));
            let reflectors = &*self.reflectors;
            loops.isa.run(Reflect { reflectors, which, offset: 1, backwards: false, lines });
        });
        self.diagonalize(loops);
        descending(self.values, self.swaps);
        let swaps = &*self.swaps;
        loops.rows(self.panels, PANEL * n, |_, lines| {
            let lines = lines_of(lines);
            for k in 0..n {
                let (a, b) = swap_of(k, swaps);
                lines.swap(a, b);
            }
        });
        self.values.iter_mut().for_each(|x| *x *= largest / divisor);
    }

    /// `matrix` = HTHᵀ: the diagonal of T into `values`, what is next to it into `off_diagonal`, H's
    /// reflections into `reflectors`.
    fn tridiagonalize(&mut self, loops: Loops) {
        let (n, stride) = (self.n, self.n + 1);
        self.vector.fill(0.0);
        self.swaps.fill(0.0);
        for k in 0..n {
            let (before, own) = self.reflectors.split_at_mut(k * n);
            let next = &mut own[..n];
            // the first reflection finds nothing to update yet
            let u = if k > 0 { &before[(k - 1) * n..] } else { &*self.swaps };
            let (row, below) = self.matrix[k * stride..].split_at_mut(stride);
            for j in k..n {
                row[j] -= u[k] * self.vector[j] + self.vector[k] * u[j];
            }
            self.values[k] = row[k];
            if k + 1 == n {
                break;
            }
            next[..=k].fill(0.0);
            next[k + 1..].copy_from_slice(&row[k + 1..n]);
            self.off_diagonal[k] = reflector(&mut next[k + 1..]);
            let (w, next) = (&*self.vector, &*next);
            loops.rows(below, PANEL * stride, |block, rows| {
                let first = k + 1 + PANEL * block;
                loops.isa.run(Update {
                    rows,
                    stride,
                    own: (&u[first..], &w[first..]),
                    u: &u[k + 1..],
                    w: &w[k + 1..],
                    next: &next[k + 1..],
                });
            });
            let mut along = 0.0;
            for (i, u) in next.iter().enumerate().skip(k + 1) {
                self.vector[i] = self.matrix[i * stride + n];
                along += self.vector[i] * u;
            }
            self.vector.iter_mut().zip(next).for_each(|(w, u)| *w -= 0.5 * along * u);
            self.vector[..=k].fill(0.0);
        }
    }

    /// Turns the tridiagonal matrix into its eigenvalues, in `values`, and the columns of `panels` into its
    /// vectors.
    fn diagonalize(&mut self, loops: Loops) {
        let (n, d, e) = (self.n, &mut *self.values, &mut *self.off_diagonal);
        let (rotations, _) = self.rotations.as_chunks_mut::<3>();
        // the elements are at most 1: what is smaller than this fraction of a last place changes nothing
        let negligible = |e: f64, a: f64, b: f64| e.abs() <= f64::EPSILON * (a.abs() + b.abs()).max(0.125);
        let (mut collected, mut steps) = (0, 0);
        let mut high = n - 1;
        while high > 0 {
            if negligible(e[high - 1], d[high - 1], d[high]) || steps > MOST_STEPS {
                (high, steps) = (high - 1, 0);
                continue;
            }
            let mut low = high - 1;
            while low > 0 && !negligible(e[low - 1], d[low - 1], d[low]) {
                low -= 1;
            }
            steps += 1;
            if collected + high > rotations.len() {
                turn(loops, &rotations[..collected], self.panels, n);
                collected = 0;
            }
            // Wilkinson's shift: the eigenvalue of the last two rows that is nearer to the last element
            let half = 0.5 * (d[high - 1] - d[high]);
            let (corner, last) = (e[high - 1], d[high]);
            let root = (half * half + corner * corner).sqrt();
            let mut x = d[low] - (last - corner * (corner / (half + root.copysign(half))));
            let mut z = e[low];
            for k in low..high {
                let r = (x * x + z * z).sqrt();
                let (c, s) = if r > 0.0 { (x / r, z / r) } else { (1.0, 0.0) };
                if k > low {
                    e[k - 1] = r;
                }
                let (a, b, g) = (d[k], e[k], d[k + 1]);
                let moved = s * (s * (g - a) + 2.0 * c * b);
                d[k] = a + moved;
                d[k + 1] = g - moved;
                e[k] = c * s * (g - a) + (c - s) * (c + s) * b;
                if k + 1 < high {
                    (x, z) = (e[k], s * e[k + 1]);
                    e[k + 1] *= c;
                }
                rotations[collected] = [k as f64, c, s];
                collected += 1;
            }
        }
        turn(loops, &rotations[..collected], self.panels, n);
    }

    /// Writes the symmetric matrix of the same eigenvectors whose eigenvalues are the squares of `values`
    /// into `into`.
    pub fn square<T: Float>(&mut self, loops: Loops, into: &mut [T]) {
        let (n, values) = (self.n, &*self.values);
        loops.rows(self.panels, PANEL * n, |_, lines| {
            for (line, value) in lines_of(lines).iter_mut().zip(values) {
                line.iter_mut().for_each(|x| *x *= value);
            }
        });
        let packed = Packed::of(self.panels, n, n);
        loops.product(packed, packed, true, self.reflectors);
        loops.mirror(self.reflectors, n);
        let product = &*self.reflectors;
        loops.rows(into, n, |i, row| {
            row.iter_mut().zip(&product[i * n..]).for_each(|(x, of)| *x = T::of(*of));
        });
    }

    /// Writes the eigenvectors of [`eigen`](Self::eigen) as the columns of `into`. Those whose eigenvalue is
    /// below `least` are any basis of their space: they become the one whose i-th vector has zeros before
    /// place i.
    pub fn eigenvectors<T: Float>(&mut self, loops: Loops, least: f64, into: &mut [T]) {
        let n = self.n;
        // NaN is not above
        let from = self.values.iter().take_while(|x| **x > least).count();
        self.triangularize(loops, from);
        let panels = &*self.panels;
        loops.rows(into, n, |i, row| {
            let lines = panels[i / PANEL * PANEL * n..].as_chunks::<PANEL>().0;
            row.iter_mut().zip(lines).for_each(|(x, line)| *x = T::of(line[i % PANEL]));
        });
    }
}

/// Turns the columns of the matrix whose rows are in `panels`.
fn turn(loops: Loops, rotations: &[[f64; 3]], panels: &mut [f64], n: usize) {
    loops.rows(panels, PANEL * n, |_, lines| {
        loops.isa.run(Rotate { rotations, lines: lines_of(lines) });
    });
}

#[cfg(test)]
mod tests {
    use super::super::Workspace;
    use super::super::testing::{loops, not_orthogonal, worst};
    use super::*;

    /// A matrix of rank `rank`, with eigenvalues of very different size where `uneven`.
    fn symmetric(n: usize, rank: usize, uneven: bool) -> Vec<f64> {
        let size = |k: usize| if uneven { 10f64.powf(-6.0 * k as f64 / n as f64) } else { 1.0 };
        let x = |i: usize, k: usize| ((i * 31 + k * 17).pow(2) as f64 * 0.37).sin() * size(k);
        let at = |i, j| (0..rank).map(|k| x(i, k) * x(j, k)).sum();
        (0..n * n).map(|ij| at(ij / n, ij % n)).collect()
    }

    #[test]
    fn eigenvectors_are_orthogonal_and_give_the_matrix_back() {
        for (n, rank) in [(1, 1), (2, 2), (3, 1), (15, 15), (16, 4), (33, 31), (70, 69), (70, 0)] {
            for uneven in [false, true] {
                let a = symmetric(n, rank, uneven);
                let largest = worst(a.iter().copied());
                let mut first = None;
                for loops in loops() {
                    let mut memory = vec![f64::NAN; Decomposition::workspace(n).len()];
                    let mut of = Decomposition::new(n, &mut Workspace::new(&mut memory));
                    of.eigen(loops, &a, 1.0);
                    let mut q = vec![0.0; n * n];
                    of.eigenvectors(loops, 1e-12 * largest, &mut q);
                    let values = of.values.to_vec();
                    assert!(values.is_sorted_by(|a, b| a >= b));
                    assert!(not_orthogonal(&q, n) < 1e-13 * n as f64, "{n} {rank}");
                    let error = worst((0..n * n).map(|ij| {
                        let (i, j) = (ij / n, ij % n);
                        let sum: f64 = (0..n).map(|k| q[i * n + k] * values[k] * q[j * n + k]).sum();
                        sum - a[ij]
                    }));
                    assert!(error <= 1e-14 * n as f64 * largest, "{n} {rank} {uneven}: {error:e}");
                    let bits: Vec<u64> = q.iter().chain(&values).map(|x| x.to_bits()).collect();
                    assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits, "{n} {loops:?}");
                }
            }
        }
    }

    #[test]
    fn an_empty_space_has_the_basis_that_begins_with_zeros() {
        let n = 20;
        let a = symmetric(n, 15, false);
        let loops = Loops { parallel: false, ..Loops::default() };
        let mut memory = vec![f64::NAN; Decomposition::workspace(n).len()];
        let mut of = Decomposition::new(n, &mut Workspace::new(&mut memory));
        of.eigen(loops, &a, 1.0);
        let mut q = vec![0.0; n * n];
        of.eigenvectors(loops, 1e-9, &mut q);
        for k in 0..5 {
            assert!(worst((0..k).map(|i| q[i * n + 15 + k])) < 1e-14);
            assert!(q[k * n + 15 + k].abs() > 1e-3);
        }
    }
}
