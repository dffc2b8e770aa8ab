//! Solutions of triangular systems with many right sides.

use super::products::{copy, panel};
use super::{Loops, Matrix, Number, PANEL, Packed, Request, Workspace, packed_len};

/// Workspace of [`Loops::solve_lower`].
struct Pieces<'a, T> {
    /// −T, its rows packed.
    pack: &'a mut [T],
    /// The inverses of the triangles on its diagonal.
    inverse: &'a mut [T],
}

impl<'a, T> Pieces<'a, T> {
    fn new(n: usize, workspace: &mut Workspace<'a, T>) -> Self {
        Self { pack: workspace.take(packed_len(n, n)), inverse: workspace.take(packed_len(n, PANEL)) }
    }
}

impl Loops {
    /// The workspace of [`solve_lower`](Self::solve_lower) for a triangle of `n` rows.
    pub fn solve_lower_workspace(n: usize) -> Request {
        Request::of::<f64, _>(|workspace| Pieces::new(n, workspace))
    }

    /// `pack ← T⁻¹x`, its columns packed; T is the lower triangle of `t`, whatever lies above it. Where T has
    /// a 0 on its diagonal, the row is divided by the smallest number instead.
    ///
    /// The triangles of 16 rows on the diagonal are inverted first: what is left are products of tiles, where
    /// a substitution, row after row, would wait for each.
    pub fn solve_lower<T: Number>(self, t: &[T], x: Matrix<'_, T>, pack: &mut [T], workspace: &mut [T]) {
        let n = x.rows;
        let Pieces { pack: pack_t, inverse } = Pieces::new(n, &mut Workspace::new(workspace));
        self.pack_rows(Matrix { data: t, rows: n, columns: n }, pack_t);
        // a tile adds, and what is solved already is to be taken away
        pack_t.iter_mut().for_each(|x| *x = -*x);
        let left = Packed::of(pack_t, n, n);
        let (inverse, _) = inverse.as_chunks_mut::<PANEL>();
        for (lines, first) in inverse.chunks_exact_mut(PANEL).zip((0..n).step_by(PANEL)) {
            invert_lower(&t[first * (n + 1)..], n, (n - first).min(PANEL), lines);
        }
        let inverse = &*inverse;
        self.rows(&mut pack[..packed_len(x.columns, n)], PANEL * n, |panel_of_x, lines| {
            let column = panel_of_x * PANEL;
            let width = PANEL.min(x.columns - column);
            let (lines, _) = lines.as_chunks_mut::<PANEL>();
            for first in (0..n).step_by(PANEL) {
                let (above, here) = lines.split_at_mut(first);
                let here_rows = here.len().min(PANEL);
                let (mut left_over, mut solved) = ([[T::ZERO; PANEL]; PANEL], [[T::ZERO; PANEL]; PANEL]);
                for (i, line) in left_over[..here_rows].iter_mut().enumerate() {
                    copy(&x.data[(first + i) * x.columns + column..], &mut line[..width]);
                }
                T::tile(self, panel(left, first, 0, first), above, &mut left_over);
                T::tile(self, &inverse[first..][..PANEL], &left_over, &mut solved);
                here[..here_rows].copy_from_slice(&solved[..here_rows]);
            }
        });
    }

    /// The same where `pack` already holds the columns of x, a matrix of `(rows, columns)`, by substitution:
    /// all it needs is memory for the packed rows of T, [`packed_len`] of them.
    pub fn solve_lower_packed<T: Number>(
        self,
        t: &[T],
        (n, columns): (usize, usize),
        pack: &mut [T],
        pack_t: &mut [T],
    ) {
        let left = self.pack_rows(Matrix { data: t, rows: n, columns: n }, pack_t);
        let least = T::of(T::SMALLEST);
        self.rows(&mut pack[..packed_len(columns, n)], PANEL * n, |_, lines| {
            let (lines, _) = lines.as_chunks_mut::<PANEL>();
            for first in (0..n).step_by(PANEL) {
                let (above, here) = lines.split_at_mut(first);
                let here_rows = here.len().min(PANEL);
                // x − T·(what is solved already)
                let mut tile = [[T::ZERO; PANEL]; PANEL];
                T::tile(self, panel(left, first, 0, first), above, &mut tile);
                for i in 0..here_rows {
                    let row = &t[(first + i) * n..];
                    let mut line = here[i];
                    for j in 0..PANEL {
                        line[j] = line[j] - tile[i][j];
                    }
                    for k in 0..i {
                        for j in 0..PANEL {
                            line[j] = line[j] - row[first + k] * here[k][j];
                        }
                    }
                    let diagonal = row[first + i].max(least);
                    here[i] = line.map(|x| x / diagonal);
                }
            }
        });
    }
}

/// `lines[k][i] ←` row i, column k of the inverse of the lower triangle of `t`, `n` numbers a row; 0 behind
/// its `rows`.
fn invert_lower<T: Number>(t: &[T], n: usize, rows: usize, lines: &mut [[T; PANEL]]) {
    lines.fill([T::ZERO; PANEL]);
    let least = T::of(T::SMALLEST);
    for i in 0..rows {
        let diagonal = t[i * n + i].max(least);
        lines[i][i] = T::of(1.0) / diagonal;
        for (j, line) in lines[..i].iter_mut().enumerate() {
            let sum = (j..i).fold(T::ZERO, |sum, k| sum + t[i * n + k] * line[k]);
            line[i] = -sum / diagonal;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bits, drawn, loops};
    use super::*;

    #[test]
    fn a_triangle_times_its_solution_is_what_was_given() {
        for (n, columns) in [(1, 1), (15, 3), (16, 16), (17, 40), (70, 33)] {
            let (mut t, x) = (drawn::<f64>(6, n * n), drawn::<f64>(7, n * columns));
            (0..n).for_each(|i| t[i * n + i] += 2.0);
            t.iter_mut().enumerate().filter(|(i, _)| i % n < i / n).for_each(|(_, t)| *t *= 0.3);
            let mut first = Vec::new();
            for loops in loops() {
                let mut pack = vec![9.0; packed_len(columns, n)];
                let mut workspace = vec![9.0; Loops::solve_lower_workspace(n).len()];
                let mut y = vec![0.0; n * columns];
                loops.solve_lower(&t, Matrix { data: &x, rows: n, columns }, &mut pack, &mut workspace);
                loops.unpack_columns(&pack, n, &mut y, columns);
                for (at, x) in x.iter().enumerate() {
                    let (i, j) = (at / columns, at % columns);
                    let product: f64 = (0..=i).map(|k| t[i * n + k] * y[k * columns + j]).sum();
                    assert!((product - x).abs() < 1e-13, "{n} {columns} {i} {j}: {product} {x}");
                }
                first = if first.is_empty() { bits(&y) } else { first };
                assert_eq!(bits(&y), first, "{n} {columns} {loops:?}");
            }
        }
    }
}
