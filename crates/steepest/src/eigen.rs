//! Eigenvectors of symmetric matrices and orthogonal bases, in f64 and in work space: what Shampoo and SOAP are made of.
//!
//! A matrix is made tridiagonal by reflections and diagonal by rotations (Golub & Van Loan, Matrix Computations,
//! algorithms 8.3.1 to 8.3.3). Vectors lie in panels of 16 rows, which the reflections and rotations pass over one after
//! the other: threads share panels and lanes hold rows, so neither changes a bit.

use crate::float::Float;
use crate::kernel::{Loop, tree_sum};
use crate::matrix::{Loops, PANEL, Packed, packed_len, padded, take};
use std::ops::Range;

/// Rotations that are collected before panels are passed over, in units of the matrix's side.
const COLLECTED: usize = 16;
/// Steps allowed for one eigenvalue; two or three are usual.
const MOST_STEPS: usize = 60;

/// Takes `len` numbers of f64 from the work space `rest`.
pub(crate) fn take_wide<'a, T: Float>(rest: &mut &'a mut [T], len: usize) -> &'a mut [f64] {
    &mut bytemuck::cast_slice_mut(take(rest, wide_len::<T>(len)))[..len]
}

fn wide_len<T>(len: usize) -> usize {
    padded(len) * (size_of::<f64>() / size_of::<T>())
}

/// Work space for matrices of one size.
pub(crate) struct Desk<'a> {
    n: usize,
    /// Vectors: panels of 16 rows, or of 16 columns.
    panels: &'a mut [f64],
    /// The matrix; behind each row, its product with a vector.
    matrix: &'a mut [f64],
    /// Row k: the vector u of the k-th reflection I − uuᵀ, 0 where it leaves things alone.
    reflectors: &'a mut [f64],
    /// Eigenvalues, or what stands for them.
    pub values: &'a mut [f64],
    beside: &'a mut [f64],
    vector: &'a mut [f64],
    /// Which places change places, in the order of sorting.
    swaps: &'a mut [f64],
    rotations: &'a mut [f64],
}

/// How many numbers of f32 (or f64, of which half would do) the desk for matrices of side `n` takes.
pub(crate) fn desk_len(n: usize) -> usize {
    let numbers = packed_len(n, n) + padded(n * (n + 1)) + padded(n * n) + 4 * padded(n);
    wide_len::<f32>(numbers + padded(3 * COLLECTED * n))
}

/// `x − (x·u)u` for all 16 rows x of a panel and one reflection after the other.
struct Reflect<'a> {
    reflectors: &'a [f64],
    /// Which of them.
    which: Range<usize>,
    /// The first element of the k-th that is not 0 is k + `offset`.
    offset: usize,
    backwards: bool,
    lines: &'a mut [[f64; PANEL]],
}

impl Loop for Reflect<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { reflectors, which, offset, backwards, lines } = self;
        let n = lines.len();
        for i in 0..which.len() {
            let k = if backwards { which.end - 1 - i } else { which.start + i };
            let first = k + offset;
            let (u, lines) = (&reflectors[k * n + first..(k + 1) * n], &mut lines[first..]);
            let mut sums = [[0.0; PANEL]; 2];
            let (pairs, last) = lines.as_chunks::<2>();
            let (of_pairs, of_last) = u.as_chunks::<2>();
            for (lines, u) in pairs.iter().zip(of_pairs) {
                for h in 0..2 {
                    for r in 0..PANEL {
                        sums[h][r] += lines[h][r] * u[h];
                    }
                }
            }
            for (line, u) in last.iter().zip(of_last) {
                for r in 0..PANEL {
                    sums[0][r] += line[r] * u;
                }
            }
            let mut product = [0.0; PANEL];
            for r in 0..PANEL {
                product[r] = sums[0][r] + sums[1][r];
            }
            for (line, u) in lines.iter_mut().zip(u) {
                for r in 0..PANEL {
                    line[r] -= product[r] * u;
                }
            }
        }
    }
}

/// Neighbouring lines turned in their plane, one rotation (place, cosine, sine) after the other.
struct Rotate<'a> {
    rotations: &'a [[f64; 3]],
    lines: &'a mut [[f64; PANEL]],
}

impl Loop for Rotate<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for &[place, c, s] in self.rotations {
            let [x, y] = &mut self.lines[place as usize..][..2] else { return };
            for r in 0..PANEL {
                let (a, b) = (x[r], y[r]);
                x[r] = c * a + s * b;
                y[r] = c * b - s * a;
            }
        }
    }
}

/// Rows of a matrix: `row ← row − uᵢw − wᵢu`, then its product with `next`, which goes behind the row.
struct Update<'a> {
    rows: &'a mut [f64],
    stride: usize,
    /// The elements of u and w that belong to these rows.
    own: (&'a [f64], &'a [f64]),
    u: &'a [f64],
    w: &'a [f64],
    next: &'a [f64],
}

impl Loop for Update<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { rows, stride, own: (own_u, own_w), u, w, next } = self;
        let from = stride - 1 - u.len();
        for (row, (ui, wi)) in rows.chunks_exact_mut(stride).zip(own_u.iter().zip(own_w)) {
            let (row, product) = row[from..].split_at_mut(u.len());
            let mut sums = [0.0; 16];
            let (blocks, last) = row.as_chunks_mut::<16>();
            let (us, u_last) = u.as_chunks::<16>();
            let (ws, w_last) = w.as_chunks::<16>();
            let (nexts, next_last) = next.as_chunks::<16>();
            for (((row, u), w), next) in blocks.iter_mut().zip(us).zip(ws).zip(nexts) {
                for j in 0..16 {
                    row[j] -= ui * w[j] + wi * u[j];
                    sums[j] += row[j] * next[j];
                }
            }
            for j in 0..last.len() {
                last[j] -= ui * w_last[j] + wi * u_last[j];
                sums[j] += last[j] * next_last[j];
            }
            product[0] = tree_sum(sums);
        }
    }
}

/// Makes of `x` the u of the reflection I − uuᵀ that leaves only its first element; returns that element.
fn reflector(x: &mut [f64]) -> f64 {
    let Some((first, rest)) = x.split_first_mut() else { return 0.0 };
    let square: f64 = rest.iter().map(|x| *x * *x).sum();
    let old = *first;
    if square < f64::MIN_POSITIVE {
        x.fill(0.0);
        return old;
    }
    let norm = (old * old + square).sqrt().copysign(old);
    *first = old + norm;
    let scale = (2.0 / (*first * *first + square)).sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
    -norm
}

/// The two coordinates that a swap of the k-th step of sorting exchanges.
fn swap_of(k: usize, swaps: &[f64]) -> (usize, usize) {
    (k, swaps[k] as usize)
}

/// Sorts `values`, the largest first, and notes how.
fn descending(values: &mut [f64], swaps: &mut [f64]) {
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
fn largest<T: Float>(x: &[T]) -> f64 {
    x.iter().map(|x| x.wide().abs()).fold(0.0, |m: f64, x| if x <= m || m.is_nan() { m } else { x })
}

fn lines_of(panel: &mut [f64]) -> &mut [[f64; PANEL]] {
    panel.as_chunks_mut().0
}

impl<'a> Desk<'a> {
    /// A desk for matrices of side `n` from the work space `rest`.
    pub fn new<T: Float>(rest: &mut &'a mut [T], n: usize) -> Self {
        Self {
            n,
            panels: take_wide(rest, packed_len(n, n)),
            matrix: take_wide(rest, n * (n + 1)),
            reflectors: take_wide(rest, n * n),
            values: take_wide(rest, n),
            beside: take_wide(rest, n),
            vector: take_wide(rest, n),
            swaps: take_wide(rest, n),
            rotations: take_wide(rest, 3 * COLLECTED * n),
        }
    }

    /// Computes eigenvalues and eigenvectors of the symmetric matrix `of`, divided by `divisor`.
    pub fn eigen<T: Float>(&mut self, loops: Loops, of: &[T], divisor: f64) {
        let (n, stride) = (self.n, self.n + 1);
        loops.rows(self.panels, PANEL * n, |panel, lines| {
            for (i, line) in lines_of(lines).iter_mut().enumerate() {
                *line = std::array::from_fn(|r| f64::from(u8::from(PANEL * panel + r == i)));
            }
        });
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

    /// `matrix` = HTHᵀ: the diagonal of T into `values`, what is beside it into `beside`, H's reflections into `reflectors`.
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
            self.beside[k] = reflector(&mut next[k + 1..]);
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

    /// Turns the tridiagonal matrix into its eigenvalues, in `values`, and the columns of `panels` into its vectors.
    fn diagonalize(&mut self, loops: Loops) {
        let (n, d, e) = (self.n, &mut *self.values, &mut *self.beside);
        let (rotations, _) = self.rotations.as_chunks_mut::<3>();
        // the elements are at most 1: what is smaller than this share of a last place is lost beside them anyway
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

    /// Writes the symmetric matrix of the same eigenvectors whose eigenvalues are the squares of `values` into `into`.
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

    /// Writes the eigenvectors of [`eigen`](Self::eigen) as the columns of `into`. Those whose eigenvalue is below `least` are
    /// any basis of their space: they become the one whose i-th vector has zeros before place i.
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

    /// Reflects the lines of all panels from `from` on such that row k has zeros behind line `from` + k.
    fn triangularize(&mut self, loops: Loops, from: usize) {
        let n = self.n;
        let height = n - from;
        for first in (0..height).step_by(PANEL) {
            let which = first..height.min(first + PANEL);
            let (panel, others) = self.panels[first * n..].split_at_mut(PANEL * n);
            let lines = &mut lines_of(panel)[from..];
            for k in which.clone() {
                let u = &mut self.reflectors[k * height..(k + 1) * height];
                for (u, line) in u.iter_mut().zip(&*lines).skip(k) {
                    *u = line[k - first];
                }
                reflector(&mut u[k..]);
                let (reflectors, which) = (&*self.reflectors, k..k + 1);
                loops.isa.run(Reflect { reflectors, which, offset: 0, backwards: false, lines });
            }
            let reflectors = &*self.reflectors;
            loops.rows(others, PANEL * n, |_, panel| {
                let (which, lines) = (which.clone(), &mut lines_of(panel)[from..]);
                loops.isa.run(Reflect { reflectors, which, offset: 0, backwards: false, lines });
            });
        }
    }

    /// Sorts the columns of `s` by `values`, the largest first, and writes the orthogonal factor of the result into `into`.
    pub fn orthogonal<T: Float>(&mut self, loops: Loops, s: &[T], into: &mut [T]) {
        let n = self.n;
        descending(self.values, self.swaps);
        let order = &mut *self.vector;
        (0..n).for_each(|i| order[i] = i as f64);
        for k in 0..n {
            let (a, b) = swap_of(k, self.swaps);
            order.swap(a, b);
        }
        let order = &*order;
        let largest = largest(s).max(f64::MIN_POSITIVE);
        loops.rows(self.panels, PANEL * n, |panel, lines| {
            let order = &order[PANEL * panel..n.min(PANEL * (panel + 1))];
            for (line, row) in lines_of(lines).iter_mut().zip(s.chunks_exact(n)) {
                *line = [0.0; PANEL];
                line.iter_mut().zip(order).for_each(|(x, of)| *x = row[*of as usize].wide() / largest);
            }
        });
        self.triangularize(loops, 0);
        let reflectors = &*self.reflectors;
        loops.rows(self.panels, PANEL * n, |panel, lines| {
            let lines = lines_of(lines);
            for (i, line) in lines.iter_mut().enumerate() {
                *line = std::array::from_fn(|r| f64::from(u8::from(PANEL * panel + r == i)));
            }
            // a column of the identity meets nothing in the reflections behind its place
            let which = 0..n.min(PANEL * (panel + 1));
            loops.isa.run(Reflect { reflectors, which, offset: 0, backwards: true, lines });
        });
        let panels = &*self.panels;
        loops.rows(into, n, |i, row| {
            for (panel, row) in row.chunks_mut(PANEL).enumerate() {
                let line = &panels[panel * PANEL * n + i * PANEL..];
                row.iter_mut().zip(line).for_each(|(x, of)| *x = T::of(*of));
            }
        });
    }

    /// Which column each column of the last [`orthogonal`](Self::orthogonal) was.
    pub fn order(&self, k: usize) -> usize {
        self.vector[k] as usize
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
    use super::*;
    use crate::kernel::InstructionSet;

    fn loops() -> impl Iterator<Item = Loops> {
        let levels = InstructionSet::ALL.into_iter().filter(|level| level.is_available());
        levels.flat_map(|level| [false, true].map(|parallel| Loops { isa: level, parallel }))
    }

    /// A matrix of rank `rank`, with eigenvalues of very different size where `uneven`.
    fn symmetric(n: usize, rank: usize, uneven: bool) -> Vec<f64> {
        let size = |k: usize| if uneven { 10f64.powf(-6.0 * k as f64 / n as f64) } else { 1.0 };
        let x = |i: usize, k: usize| ((i * 31 + k * 17).pow(2) as f64 * 0.37).sin() * size(k);
        let at = |i, j| (0..rank).map(|k| x(i, k) * x(j, k)).sum();
        (0..n * n).map(|ij| at(ij / n, ij % n)).collect()
    }

    fn worst(x: impl Iterator<Item = f64>) -> f64 {
        largest(&x.collect::<Vec<f64>>())
    }

    fn not_orthogonal(q: &[f64], n: usize) -> f64 {
        worst((0..n * n).map(|ij| {
            let (i, j) = (ij / n, ij % n);
            (0..n).map(|k| q[k * n + i] * q[k * n + j]).sum::<f64>() - f64::from(u8::from(i == j))
        }))
    }

    #[test]
    fn eigenvectors_are_orthogonal_and_give_the_matrix_back() {
        for (n, rank) in [(1, 1), (2, 2), (3, 1), (15, 15), (16, 4), (33, 31), (70, 69), (70, 0)] {
            for uneven in [false, true] {
                let a = symmetric(n, rank, uneven);
                let largest = worst(a.iter().copied());
                let mut first = None;
                for loops in loops() {
                    let mut space = vec![f64::NAN; desk_len(n)];
                    let mut desk = Desk::new(&mut space.as_mut_slice(), n);
                    desk.eigen(loops, &a, 1.0);
                    let mut q = vec![0.0; n * n];
                    desk.eigenvectors(loops, 1e-12 * largest, &mut q);
                    let values = desk.values.to_vec();
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
        let loops = Loops { isa: InstructionSet::best(), parallel: false };
        let mut space = vec![f64::NAN; desk_len(n)];
        let mut desk = Desk::new(&mut space.as_mut_slice(), n);
        desk.eigen(loops, &a, 1.0);
        let mut q = vec![0.0; n * n];
        desk.eigenvectors(loops, 1e-9, &mut q);
        for k in 0..5 {
            assert!(worst((0..k).map(|i| q[i * n + 15 + k])) < 1e-14);
            assert!(q[k * n + 15 + k].abs() > 1e-3);
        }
    }

    #[test]
    fn the_orthogonal_factor_times_a_triangle_is_the_sorted_matrix() {
        for n in [1, 2, 16, 17, 40] {
            let s: Vec<f64> = (0..n * n).map(|i| (i as f64 * 1.3).sin()).collect();
            let mut first = None;
            for loops in loops() {
                let mut space = vec![f64::NAN; desk_len(n)];
                let mut desk = Desk::new(&mut space.as_mut_slice(), n);
                (0..n).for_each(|i| desk.values[i] = (i as f64 * 2.1).cos());
                let mut q = vec![0.0; n * n];
                desk.orthogonal(loops, &s, &mut q);
                assert!(not_orthogonal(&q, n) < 1e-13);
                // QᵀS is upper triangular in the new order
                let below = worst((0..n * n).filter(|ij| ij / n > ij % n).map(|ij| {
                    let (i, j) = (ij / n, desk.order(ij % n));
                    (0..n).map(|k| q[k * n + i] * s[k * n + j]).sum::<f64>()
                }));
                assert!(below < 1e-13, "{n}: {below:e}");
                let bits: Vec<u64> = q.iter().map(|x| x.to_bits()).collect();
                assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits);
            }
        }
    }
}
