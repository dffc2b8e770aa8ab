//! A matrix and the square matrices of its two sides: what Shampoo, SOAP and Kron compute with.

use crate::linalg::{Decomposition, Loops, Matrix, Number, Workspace, packed_either_len, packed_len};
use crate::real::Average;
use crate::rule::StateSpec;

/// From which side of a matrix those of one of its axes are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The sides of a matrix of `rows` × `columns` that are not longer than `max_side`, with their lengths.
pub(super) fn sides(of: (usize, usize), max_side: u64) -> impl Iterator<Item = (Side, usize)> {
    let both = [(Side::Left, of.0), (Side::Right, of.1)];
    both.into_iter().filter(move |(_, n)| *n as u64 <= max_side)
}

/// State arrays of matrices for each of these sides, under the names for left and right.
pub(super) fn side_state(
    of: (usize, usize),
    max_side: u64,
    names: [[&'static str; 2]; 2],
) -> impl Iterator<Item = StateSpec> {
    sides(of, max_side).flat_map(move |(side, n)| {
        names[usize::from(side == Side::Right)].map(|name| StateSpec {
            name,
            shape: vec![n, n],
            initial: 0.0,
        })
    })
}

/// The lower part of xxᵀ for the left side, of xᵀx for the right.
pub(super) fn gram<T: Number>(loops: Loops, side: Side, x: Matrix<'_, T>, pack: &mut [T], into: &mut [T]) {
    let packed = match side {
        Side::Left => loops.pack_rows(x, pack),
        Side::Right => loops.pack_columns(x, pack),
    };
    loops.product(packed, packed, true, into);
}

/// A matrix that is multiplied from its sides, and the workspace of that.
pub(super) struct SideProducts<'a, T> {
    pub rows: usize,
    pub columns: usize,
    /// The matrix.
    pub x: &'a mut [T],
    /// The result of a product, which then becomes x.
    pub spare: &'a mut [T],
    /// x, packed.
    pub pack: &'a mut [T],
    /// A matrix of a side, packed.
    pub pack_square: &'a mut [T],
}

impl<'a, T: Number> SideProducts<'a, T> {
    /// For sides up to `n` long; where there is one, `pack` has `least` elements at least.
    pub fn new(
        (rows, columns): (usize, usize),
        n: usize,
        least: usize,
        workspace: &mut Workspace<'a, T>,
    ) -> Self {
        let pack = if n > 0 { packed_either_len(rows, columns).max(least) } else { 0 };
        Self {
            rows,
            columns,
            x: workspace.take(rows * columns),
            spare: workspace.take(rows * columns),
            pack: workspace.take(pack),
            pack_square: workspace.take(packed_len(n, n)),
        }
    }

    /// `x ← F·x` for a factor F of the left side, `x ← x·F` for one of the right; with `transposed`, Fᵀ in
    /// place of F. With `lower`, F is a lower triangle, whose zeros are not multiplied.
    pub fn multiply(&mut self, loops: Loops, side: Side, factor: &[T], transposed: bool, lower: bool) {
        let (rows, columns) = (self.rows, self.columns);
        let x = Matrix { data: &*self.x, rows, columns };
        let n = if side == Side::Left { rows } else { columns };
        let of_factor = Matrix { data: factor, rows: n, columns: n };
        // the left operand's rows, the right one's columns
        let by_rows = (side == Side::Left) != transposed;
        let factor = match (by_rows, lower) {
            (true, false) => loops.pack_rows(of_factor, self.pack_square),
            (true, true) => loops.pack_rows(of_factor, self.pack_square).until_diagonal(),
            (false, false) => loops.pack_columns(of_factor, self.pack_square),
            (false, true) => loops.pack_columns(of_factor, self.pack_square).from_diagonal(),
        };
        match side {
            Side::Left => loops.product(factor, loops.pack_columns(x, self.pack), false, self.spare),
            Side::Right => loops.product(loops.pack_rows(x, self.pack), factor, false, self.spare),
        }
        std::mem::swap(&mut self.x, &mut self.spare);
    }
}

/// The workspace of Shampoo and SOAP: products, and decompositions of the matrices of sides.
pub(super) struct SideMatrices<'a, T> {
    pub products: SideProducts<'a, T>,
    /// A matrix of a side.
    square: &'a mut [T],
    decomposition: &'a mut [f64],
}

impl<'a, T: Number> SideMatrices<'a, T> {
    pub fn new(of: (usize, usize), max_side: u64, workspace: &mut Workspace<'a, T>) -> Self {
        let n = sides(of, max_side).map(|(_, n)| n).max().unwrap_or(0);
        Self {
            products: SideProducts::new(of, n, 0, workspace),
            square: workspace.take(n * n),
            decomposition: workspace.take_wide(Decomposition::workspace(n)),
        }
    }

    /// A decomposition of a matrix of side `n`.
    pub fn decomposition(&mut self, n: usize) -> Decomposition<'_> {
        Decomposition::new(n, &mut Workspace::new(self.decomposition))
    }

    /// The same, the last [`product`](Self::product) and x.
    pub fn decomposition_of_product(&mut self, n: usize) -> (Decomposition<'_>, &[T], &[T]) {
        let decomposition = Decomposition::new(n, &mut Workspace::new(self.decomposition));
        (decomposition, &self.square[..n * n], self.products.x)
    }

    /// [`SideProducts::multiply`] with a matrix that has no zeros to leave out.
    pub fn multiply(&mut self, loops: Loops, side: Side, q: &[T], transposed: bool) {
        self.products.multiply(loops, side, q, transposed, false);
    }

    /// Averages `into` and xxᵀ for the left side, xᵀx for the right.
    pub fn average_gram(&mut self, loops: Loops, side: Side, average: Average<T>, into: &mut [T]) {
        let SideProducts { rows, columns, ref x, ref mut pack, .. } = self.products;
        let n = if side == Side::Left { rows } else { columns };
        let square = &mut self.square[..n * n];
        gram(loops, side, Matrix { data: x, rows, columns }, pack, square);
        loops.mirror(square, n);
        loops.map([into], [&*square], move |[s], [new]| [average.mix(s, new)]);
    }

    /// The product of `matrix`, which is symmetric, and `q`, both of side `n`.
    pub fn product(&mut self, loops: Loops, matrix: &[T], q: &[T], n: usize) {
        let matrix = loops.pack_symmetric(matrix, n, self.products.pack_square);
        // no decomposition is under way, so its memory has room for q
        let q = Matrix { data: q, rows: n, columns: n };
        let q = loops.pack_columns(q, bytemuck::cast_slice_mut(self.decomposition));
        loops.product(matrix, q, false, &mut self.square[..n * n]);
    }
}
