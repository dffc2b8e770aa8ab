//! Loops that decompositions are made of: reflections, rotations and updates of 16 rows at a time.

use super::PANEL;
use crate::kernel::{Loop, tree_sum};
use std::ops::Range;

/// `x − (x·u)u` for all 16 rows x of a panel and one reflection after the other.
pub(super) struct Reflect<'a> {
    pub reflectors: &'a [f64],
    /// Which of them.
    pub which: Range<usize>,
    /// The first element of the k-th that is not 0 is k + `offset`.
    pub offset: usize,
    pub backwards: bool,
    pub lines: &'a mut [[f64; PANEL]],
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
pub(super) struct Rotate<'a> {
    pub rotations: &'a [[f64; 3]],
    pub lines: &'a mut [[f64; PANEL]],
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
pub(super) struct Update<'a> {
    pub rows: &'a mut [f64],
    pub stride: usize,
    /// The elements of u and w that belong to these rows.
    pub own: (&'a [f64], &'a [f64]),
    pub u: &'a [f64],
    pub w: &'a [f64],
    pub next: &'a [f64],
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
pub(super) fn reflector(x: &mut [f64]) -> f64 {
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

/// The lines of a panel, 16 numbers each.
pub(super) fn lines_of(panel: &mut [f64]) -> &mut [[f64; PANEL]] {
    panel.as_chunks_mut().0
}

/// The lines of the identity in panel number `panel`.
pub(super) fn identity(panel: usize, lines: &mut [f64]) {
    for (i, line) in lines_of(lines).iter_mut().enumerate() {
        *line = std::array::from_fn(|r| f64::from(u8::from(PANEL * panel + r == i)));
    }
}
