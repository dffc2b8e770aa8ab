//! Products of matrices, and how their operands are packed.
//!
//! Each element of a product is one chain of fused multiply-adds over the inner axis, in its order. Blocks,
//! threads and instruction sets decide only which elements are computed side by side, so every bit is the
//! same for all of them. That, and that a step allocates nothing, is why products are here and not from a
//! crate: the `gemm` crate allocates in every call, and the sizes of a processor's caches decide in which
//! order it adds.
//!
//! Operands are packed first: panels of [`PANEL`] rows (or columns), the inner axis outermost, so that one
//! kernel serves both sides of a product, and `X·Xᵀ` packs `X` once. Of a symmetric matrix only the lower
//! part is computed and read.

use super::{Loops, Number, PANEL};
use crate::float::Float;
use std::ops::Range;

/// How far along the inner axis a panel is read before the next: 16 KiB of f32, half a first-level cache.
const DEPTH: usize = 256;
/// Panels of rows that a task computes.
const ROWS: usize = 4 * PANEL;

/// A row-major matrix of `rows` × `columns`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T> {
    /// Its elements, row after row.
    pub data: &'a [T],
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub columns: usize,
}

/// A packed operand: `count` rows or columns, each `depth` long.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a, T> {
    data: &'a [T],
    count: usize,
    depth: usize,
    reach: Reach,
}

/// Which places of a packed row or column a product reads; the others are zeros.
#[derive(Debug, Clone, Copy)]
enum Reach {
    All,
    /// Up to the end of its panel's square on the diagonal.
    UntilDiagonal,
    /// From the beginning of that square on.
    FromDiagonal,
}

impl<'a, T> Packed<'a, T> {
    /// What lies packed in `data`: `count` rows or columns, each `depth` long.
    pub(super) fn of(data: &'a [T], count: usize, depth: usize) -> Self {
        Self { data: &data[..packed_len(count, depth)], count, depth, reach: Reach::All }
    }

    /// The same where nothing lies behind the diagonal, as in the rows of a lower triangle: products leave
    /// out those zeros.
    pub fn until_diagonal(self) -> Self {
        Self { reach: Reach::UntilDiagonal, ..self }
    }

    /// The same where nothing lies before the diagonal, as in the columns of a lower triangle.
    pub fn from_diagonal(self) -> Self {
        Self { reach: Reach::FromDiagonal, ..self }
    }

    /// Where the panel that begins with row `first` is read.
    fn places(&self, first: usize) -> Range<usize> {
        match self.reach {
            Reach::All => 0..self.depth,
            Reach::UntilDiagonal => 0..self.depth.min(first + PANEL),
            Reach::FromDiagonal => self.depth.min(first)..self.depth,
        }
    }
}

/// How many elements `count` rows of `depth` take when packed.
pub const fn packed_len(count: usize, depth: usize) -> usize {
    count.next_multiple_of(PANEL) * depth
}

/// How many elements a matrix takes whether its rows are packed or its columns.
pub fn packed_either_len(rows: usize, columns: usize) -> usize {
    packed_len(rows, columns).max(packed_len(columns, rows))
}

impl Loops {
    /// Packs the rows of `x`: the left side of `x·y`, or the right side of `y·xᵀ`.
    pub fn pack_rows<'a, T: Float>(self, x: Matrix<'_, T>, into: &'a mut [T]) -> Packed<'a, T> {
        let (count, depth) = (x.rows, x.columns);
        let into = &mut into[..packed_len(count, depth)];
        self.rows(into, PANEL * depth, |panel, into| {
            let first = panel * PANEL;
            let rows = PANEL.min(count - first);
            let (lines, _) = into.as_chunks_mut::<PANEL>();
            transpose(&x.data[first * depth..][..rows * depth], depth, rows, lines);
        });
        Packed::of(into, count, depth)
    }

    /// Packs the columns of `x`: the right side of `y·x`, or the left side of `xᵀ·y`.
    pub fn pack_columns<'a, T: Float>(self, x: Matrix<'_, T>, into: &'a mut [T]) -> Packed<'a, T> {
        let (count, depth) = (x.columns, x.rows);
        let into = &mut into[..packed_len(count, depth)];
        self.rows(into, PANEL * depth, |panel, into| {
            let first = panel * PANEL;
            let columns = PANEL.min(count - first);
            let (lines, _) = into.as_chunks_mut::<PANEL>();
            for (line, row) in lines.iter_mut().zip(x.data.chunks_exact(count)) {
                line[..columns].copy_from_slice(&row[first..first + columns]);
                line[columns..].fill(T::ZERO);
            }
        });
        Packed::of(into, count, depth)
    }

    /// Packs a symmetric matrix of which only the lower part is there, for either side.
    pub fn pack_symmetric<'a, T: Float>(self, x: &[T], n: usize, into: &'a mut [T]) -> Packed<'a, T> {
        let into = &mut into[..packed_len(n, n)];
        self.rows(into, PANEL * n, |panel, into| {
            let first = panel * PANEL;
            let rows = PANEL.min(n - first);
            let (lines, _) = into.as_chunks_mut::<PANEL>();
            // left of the diagonal block: its own rows; below it: the columns that mirror them
            transpose(&x[first * n..][..rows * n], n, rows, &mut lines[..first]);
            for (k, line) in lines.iter_mut().enumerate().skip(first + rows) {
                line[..rows].copy_from_slice(&x[k * n + first..][..rows]);
                line[rows..].fill(T::ZERO);
            }
            for (k, line) in lines.iter_mut().enumerate().skip(first).take(rows) {
                for (r, of) in line.iter_mut().enumerate() {
                    let (i, j) = (k.max(first + r), k.min(first + r));
                    *of = if r < rows { x[i * n + j] } else { T::ZERO };
                }
            }
        });
        Packed::of(into, n, n)
    }

    /// `into ← a·b`: row i, column j is the product of row i of `a` and column j of `b`. With `lower`, only
    /// where j ≤ i, and whatever lies in the same tile of 16 × 16. Zeros that
    /// [`until_diagonal`](Packed::until_diagonal) and [`from_diagonal`](Packed::from_diagonal) promise are
    /// not multiplied.
    pub fn product<T: Number>(self, a: Packed<'_, T>, b: Packed<'_, T>, lower: bool, into: &mut [T]) {
        assert_eq!(a.depth, b.depth);
        let (rows, columns, depth) = (a.count, b.count, a.depth);
        self.rows(&mut into[..rows * columns], ROWS * columns, |block, into| {
            let first = block * ROWS;
            let rows = into.len() / columns;
            let columns_to = if lower { columns.min(first + rows) } else { columns };
            for from in (0..depth).step_by(DEPTH) {
                let deep = DEPTH.min(depth - from);
                for column in (0..columns_to).step_by(PANEL) {
                    for row in (0..rows).step_by(PANEL) {
                        if lower && column > first + row {
                            continue;
                        }
                        let (of_row, of_column) = (a.places(first + row), b.places(column));
                        let start = of_row.start.max(of_column.start).max(from);
                        let end = of_row.end.min(of_column.end).min(from + deep);
                        if start >= end && from > 0 {
                            continue;
                        }
                        let reached = end.saturating_sub(start);
                        let right = panel(b, column, start, reached);
                        let left = panel(a, first + row, start, reached);
                        let (height, width) = (PANEL.min(rows - row), PANEL.min(columns - column));
                        let mut tile = [[T::ZERO; PANEL]; PANEL];
                        if from > 0 {
                            for (i, line) in tile[..height].iter_mut().enumerate() {
                                copy(&into[(row + i) * columns + column..], &mut line[..width]);
                            }
                        }
                        T::tile(self, left, right, &mut tile);
                        for (i, line) in tile[..height].iter().enumerate() {
                            copy(line, &mut into[(row + i) * columns + column..][..width]);
                        }
                    }
                }
            }
            if depth == 0 {
                into.fill(T::ZERO);
            }
        });
    }

    /// `into ← xᵀ`.
    pub fn transpose<T: Float>(self, x: Matrix<'_, T>, into: &mut [T]) {
        self.rows(into, PANEL * x.rows, |block, into| {
            // tiles: neither side leaves its cache lines half used
            let (first, columns) = (block * PANEL, into.len() / x.rows);
            for top in (0..x.rows).step_by(PANEL) {
                for row in top..x.rows.min(top + PANEL) {
                    for (j, from) in x.data[row * x.columns + first..][..columns].iter().enumerate() {
                        into[j * x.rows + row] = *from;
                    }
                }
            }
        });
    }

    /// The matrix of `columns` columns whose packed columns, `depth` long, are in `packed`.
    pub fn unpack_columns<T: Float>(self, packed: &[T], depth: usize, into: &mut [T], columns: usize) {
        self.rows(into, columns, |row, into| unpack_row(packed, depth, row, into));
    }

    /// Fills the upper part of a symmetric matrix from its lower part.
    pub fn mirror<T: Copy>(self, x: &mut [T], n: usize) {
        for i in 1..n {
            let (above, row) = x.split_at_mut(i * n);
            for j in 0..i {
                above[j * n + i] = row[j];
            }
        }
    }
}

/// Copies the beginning of `from`; whole lines by moves of registers instead of a call.
#[inline(always)]
pub(super) fn copy<T: Copy>(from: &[T], into: &mut [T]) {
    if let (Some(from), Ok(into)) = (from.first_chunk::<PANEL>(), <&mut [T; PANEL]>::try_from(&mut *into)) {
        *into = *from;
    } else {
        into.copy_from_slice(&from[..into.len()]);
    }
}

/// `deep` places from `from` on of the panel that begins with row `first`.
pub(super) fn panel<T>(of: Packed<'_, T>, first: usize, from: usize, deep: usize) -> &[[T; PANEL]] {
    of.data[first * of.depth + from * PANEL..][..deep * PANEL].as_chunks().0
}

/// Row `row` of a matrix whose packed columns, `depth` long, are in `packed`.
pub fn unpack_row<T: Float>(packed: &[T], depth: usize, row: usize, into: &mut [T]) {
    for (panel, into) in into.chunks_mut(PANEL).enumerate() {
        copy(&packed[panel * PANEL * depth + row * PANEL..], into);
    }
}

/// `lines[k][r] ← x[r·depth + k]`, 0 for rows that `x` does not have.
fn transpose<T: Float>(x: &[T], depth: usize, rows: usize, lines: &mut [[T; PANEL]]) {
    let mut from = [&x[..0]; PANEL];
    for (r, from) in from[..rows].iter_mut().enumerate() {
        *from = &x[r * depth..][..lines.len()];
    }
    if rows == PANEL {
        for (k, line) in lines.iter_mut().enumerate() {
            for r in 0..PANEL {
                line[r] = from[r][k];
            }
        }
    } else {
        for (k, line) in lines.iter_mut().enumerate() {
            for r in 0..PANEL {
                line[r] = if r < rows { from[r][k] } else { T::ZERO };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bits, drawn, loops};
    use super::*;

    fn every_product_is_a_chain_of_fused_multiply_adds<T: Number>(fma: impl Fn(T, T, T) -> T) {
        for (m, n, k) in [(1, 1, 1), (16, 16, 16), (33, 31, 7), (5, 70, 300), (130, 17, 600), (3, 4, 0)] {
            let (a, b) = (drawn::<T>(1, m * k), drawn::<T>(2, k * n));
            let mut expected = vec![T::ZERO; m * n];
            for i in 0..m {
                for j in 0..n {
                    for l in 0..k {
                        expected[i * n + j] = fma(a[i * k + l], b[l * n + j], expected[i * n + j]);
                    }
                }
            }
            for loops in loops() {
                let (mut pack_a, mut pack_b) =
                    (vec![T::of(9.0); packed_len(m, k)], vec![T::of(9.0); packed_len(n, k)]);
                let a = loops.pack_rows(Matrix { data: &a, rows: m, columns: k }, &mut pack_a);
                let b = loops.pack_columns(Matrix { data: &b, rows: k, columns: n }, &mut pack_b);
                let mut found = vec![T::of(7.0); m * n];
                loops.product(a, b, false, &mut found);
                assert_eq!(bits(&found), bits(&expected), "{m} {n} {k} {loops:?}");
            }
        }
    }

    #[test]
    fn every_product_has_the_bits_of_the_obvious_one() {
        every_product_is_a_chain_of_fused_multiply_adds::<f32>(f32::mul_add);
        every_product_is_a_chain_of_fused_multiply_adds::<f64>(f64::mul_add);
    }

    #[test]
    fn symmetric_products_need_only_their_lower_part() {
        for n in [1, 15, 16, 17, 70, 130] {
            let k = 40;
            let x = drawn::<f64>(3, n * k);
            for loops in loops() {
                let mut pack = vec![0.0; packed_len(n, k.max(n))];
                let packed = loops.pack_rows(Matrix { data: &x, rows: n, columns: k }, &mut pack);
                let (mut whole, mut lower) = (vec![0.0; n * n], vec![f64::NAN; n * n]);
                loops.product(packed, packed, false, &mut whole);
                loops.product(packed, packed, true, &mut lower);
                // the mirrored element is the same chain with its factors exchanged
                let mut mirrored = lower.clone();
                loops.mirror(&mut mirrored, n);
                assert_eq!(bits(&mirrored), bits(&whole), "{n} {loops:?}");
                let mut other = pack.clone();
                let a = loops.pack_symmetric(&lower, n, &mut pack).data.to_vec();
                let b =
                    loops.pack_rows(Matrix { data: &whole, rows: n, columns: n }, &mut other).data.to_vec();
                assert_eq!(bits(&a), bits(&b), "{n} {loops:?}");
            }
        }
    }

    #[test]
    fn products_with_a_triangle_leave_out_its_zeros() {
        for (n, k) in [(1, 3), (16, 16), (17, 40), (70, 33), (300, 20)] {
            let mut l = drawn::<f64>(4, n * n);
            (0..n).for_each(|i| l[i * n + i + 1..(i + 1) * n].fill(0.0));
            let (x, y) = (drawn::<f64>(5, n * k), drawn::<f64>(6, k * n));
            let l = Matrix { data: &l, rows: n, columns: n };
            for loops in loops() {
                let (mut pack_l, mut pack) =
                    (vec![0.0; packed_len(n, n)], vec![0.0; packed_len(k.max(n), n)]);
                let mut compare = |by_rows: bool, left: bool| {
                    let packed = match by_rows {
                        true => loops.pack_rows(l, &mut pack_l),
                        false => loops.pack_columns(l, &mut pack_l),
                    };
                    let marked = if by_rows { packed.until_diagonal() } else { packed.from_diagonal() };
                    let [mut whole, mut found] = [(); 2].map(|()| vec![9.0; n * k]);
                    for (l, into) in [(packed, &mut whole), (marked, &mut found)] {
                        if left {
                            let x = Matrix { data: &x, rows: n, columns: k };
                            loops.product(l, loops.pack_columns(x, &mut pack), false, into);
                        } else {
                            let y = Matrix { data: &y, rows: k, columns: n };
                            loops.product(loops.pack_rows(y, &mut pack), l, false, into);
                        }
                    }
                    assert_eq!(bits(&found), bits(&whole), "{n} {k} {by_rows} {left} {loops:?}");
                };
                [(true, true), (true, false), (false, true), (false, false)]
                    .into_iter()
                    .for_each(|(by_rows, left)| compare(by_rows, left));
                // L·L has only a lower part; both sides marked
                let mut other = vec![0.0; packed_len(n, n)];
                let [mut whole, mut found] = [(); 2].map(|()| vec![9.0; n * n]);
                let (a, b) = (loops.pack_rows(l, &mut pack_l), loops.pack_columns(l, &mut other));
                loops.product(a, b, false, &mut whole);
                loops.product(a.until_diagonal(), b.from_diagonal(), false, &mut found);
                assert_eq!(bits(&found), bits(&whole), "{n} {loops:?}");
            }
        }
    }
}
