//! Loops over whole tensors, and products of matrices: what [tensor rules](crate::rule::TensorRule) are written with.
//!
//! Each element of a product is one chain of fused multiply-adds over the inner axis, in its order. Blocks,
//! threads and instruction sets decide only which elements are computed side by side, so every bit is the same for
//! all of them. That, and that a step allocates nothing, is why products are here and not from a crate: the `gemm`
//! crate allocates in every call, and the sizes of a processor's caches decide in which order it adds.
//!
//! Operands are packed first: panels of [`PANEL`] rows (or columns), the inner axis outermost, so that one kernel
//! serves both sides of a product, and `X·Xᵀ` packs `X` once. Of a symmetric matrix only the lower part is computed
//! and read.
#![allow(unsafe_code)] // vector intrinsics, and loads without bounds checks in the loops over elements

use crate::float::Float;
use crate::kernel::{InstructionSet, Loop, tree_sum};
use rayon::prelude::*;
use std::ops::Range;

/// Rows or columns of a panel: the registers of a tile, and the numbers in one, on the largest instruction set.
pub const PANEL: usize = 16;
/// How far along the inner axis a panel is read before the next: 16 KiB of f32, half a first-level cache.
const DEPTH: usize = 256;
/// Panels of rows that a task computes.
const ROWS: usize = 4 * PANEL;
/// Parts that a loop over elements is cut into, at most: what sums are joined over.
const PARTS: usize = 64;
/// Elements of a part, at least.
const PART: usize = 16 * 1024;

/// How the loops of a step run: on which instruction set, and whether on all threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loops {
    pub(crate) isa: InstructionSet,
    pub(crate) parallel: bool,
}

impl Default for Loops {
    /// On the best instruction set of this processor, and on all threads.
    fn default() -> Self {
        Self { isa: InstructionSet::best(), parallel: true }
    }
}

/// `len` rounded up to whole panels: every piece of work space begins on a cache line.
pub const fn padded(len: usize) -> usize {
    len.div_ceil(PANEL) * PANEL
}

/// Takes the first `len` elements of the work space `rest`; they hold whatever was left there.
pub fn take<'a, T>(rest: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (taken, left) = std::mem::take(rest).split_at_mut(padded(len));
    *rest = left;
    &mut taken[..len]
}

// ---------------------------------------------------------------------------------------------
// Elements
// ---------------------------------------------------------------------------------------------

/// A loop over the elements of slices of one length. `of` is held by value: behind a reference, what it holds would have to
/// be read again after every element that is written.
struct Map<'a, T, F, const W: usize, const R: usize> {
    written: [&'a mut [T]; W],
    read: [&'a [T]; R],
    of: F,
}

/// The slices of a [`Map`] as pointers, which stay in registers.
#[derive(Clone, Copy)]
struct Places<T, const W: usize, const R: usize> {
    written: [*mut T; W],
    read: [*const T; R],
}

#[allow(clippy::needless_range_loop)] // iterators over arrays are not always inlined into code for an instruction set
impl<T: Float, const W: usize, const R: usize> Places<T, W, R> {
    fn of(written: &mut [&mut [T]; W], read: &[&[T]; R]) -> Self {
        Self {
            written: written.each_mut().map(|w| w.as_mut_ptr()),
            read: read.each_ref().map(|r| r.as_ptr()),
        }
    }

    /// Element `i` of each.
    ///
    /// # Safety
    /// `i` is below the length of every slice, which nothing else writes.
    #[inline(always)]
    unsafe fn load(&self, i: usize) -> ([T; W], [T; R]) {
        // nor are the closures of `map` and `from_fn`
        let (mut written, mut read) = ([T::ZERO; W], [T::ZERO; R]);
        for k in 0..W {
            // SAFETY: the caller's contract.
            written[k] = unsafe { *self.written[k].add(i) };
        }
        for k in 0..R {
            // SAFETY: the caller's contract.
            read[k] = unsafe { *self.read[k].add(i) };
        }
        (written, read)
    }

    /// Writes element `i` of each that is written.
    ///
    /// # Safety
    /// As for [`Places::load`].
    #[inline(always)]
    unsafe fn store(&self, i: usize, new: [T; W]) {
        for k in 0..W {
            // SAFETY: the caller's contract.
            unsafe { *self.written[k].add(i) = new[k] };
        }
    }
}

impl<T: Float, F, const W: usize, const R: usize> Loop for Map<'_, T, F, W, R>
where
    F: Fn([T; W], [T; R]) -> [T; W],
{
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let Self { mut written, read, of } = self;
        let places = Places::of(&mut written, &read);
        for i in 0..written[0].len() {
            // SAFETY: `Loops::parts` checked that every slice has this length, and they are borrowed here.
            unsafe {
                let (old, read) = places.load(i);
                places.store(i, of(old, read));
            }
        }
        0.0
    }
}

struct Sum<'a, T, F, const W: usize, const R: usize>(Map<'a, T, F, W, R>);

impl<T: Float, F, const W: usize, const R: usize> Loop for Sum<'_, T, F, W, R>
where
    F: Fn([T; W], [T; R]) -> ([T; W], f64),
{
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        // sums side by side, joined in a fixed order: the same bits on every instruction set
        const LANES: usize = 16;
        let Map { mut written, read, of } = self.0;
        let len = if W > 0 { written[0].len() } else { read[0].len() };
        let places = Places::of(&mut written, &read);
        let mut sums = [0.0f64; LANES];
        let mut some = |first: usize, count: usize| {
            // all are computed before one is written: they do not have to wait for each other
            let (mut new, mut terms) = ([[T::ZERO; W]; LANES], [0.0; LANES]);
            for lane in 0..count {
                // SAFETY: as in `Map`.
                let (old, read) = unsafe { places.load(first + lane) };
                (new[lane], terms[lane]) = of(old, read);
            }
            for lane in 0..count {
                // SAFETY: as in `Map`.
                unsafe { places.store(first + lane, new[lane]) };
                sums[lane] += terms[lane];
            }
        };
        for block in 0..len / LANES {
            some(block * LANES, LANES);
        }
        some(len / LANES * LANES, len % LANES);
        tree_sum(sums)
    }
}

// What runs on a part is no type of its own: the parts are large, and what cuts them is compiled once instead of for every caller.
type OnPart<'a, T, const W: usize, const R: usize> = dyn Fn([&mut [T]; W], [&[T]; R]) -> f64 + Sync + 'a;
type FromPart<'a, T, const W: usize, const R: usize> =
    dyn Fn(usize, [&mut [T]; W], [&[T]; R]) -> f64 + Sync + 'a;

fn halves<'a, T, const W: usize>(slices: [&'a mut [T]; W], at: usize) -> [[&'a mut [T]; W]; 2] {
    let mut both: [[&'a mut [T]; W]; 2] =
        [std::array::from_fn(|_| Default::default()), std::array::from_fn(|_| Default::default())];
    for (k, slice) in slices.into_iter().enumerate() {
        (both[0][k], both[1][k]) = slice.split_at_mut(at);
    }
    both
}

impl Loops {
    fn both<A: Send, B: Send>(self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        if self.parallel { rayon::join(a, b) } else { (a(), b()) }
    }

    /// Cuts the slices into parts and calls `run` on each; the sum of what it returns, in the order of the parts.
    fn parts<T: Float, const W: usize, const R: usize>(
        self,
        written: [&mut [T]; W],
        read: [&[T]; R],
        run: &OnPart<T, W, R>,
    ) -> f64 {
        let len = if W > 0 { written[0].len() } else { read[0].len() };
        assert!(written.iter().all(|w| w.len() == len) && read.iter().all(|r| r.len() == len));
        // of the length alone, so that the sums are joined alike whoever computes them
        let part = padded(len.div_ceil(PARTS)).max(PART);
        let mut sums = [0.0; PARTS];
        let count = len.div_ceil(part);
        self.split(&mut sums[..count], (0, part), written, read, &|_, written, read| run(written, read));
        sums[..count].iter().sum()
    }

    /// Halves what is left until it is one part, `part` elements from `start` on.
    fn split<T: Float, const W: usize, const R: usize>(
        self,
        sums: &mut [f64],
        (start, part): (usize, usize),
        written: [&mut [T]; W],
        read: [&[T]; R],
        run: &FromPart<T, W, R>,
    ) {
        match sums {
            [] => {}
            [sum] => *sum = run(start, written, read),
            _ => {
                let (first, second) = sums.split_at_mut(sums.len() / 2);
                let at = first.len() * part;
                let [left, right] = halves(written, at);
                let (before, after) = (read.map(|r| &r[..at]), read.map(|r| &r[at..]));
                self.both(
                    || self.split(first, (start, part), left, before, run),
                    || self.split(second, (start + at, part), right, after, run),
                );
            }
        }
    }

    /// Calls `run` with each line of `line` elements of the slices and with where it begins; the sum of what it
    /// returns, in an order of the lines that no thread changes.
    ///
    /// # Panics
    /// If the slices differ in length, or `line` does not divide it.
    pub fn lines<T: Float, const W: usize, const R: usize>(
        self,
        line: usize,
        written: [&mut [T]; W],
        read: [&[T]; R],
        run: impl Fn(Self, usize, [&mut [T]; W], [&[T]; R]) -> f64 + Sync,
    ) -> f64 {
        const { assert!(W + R > 0) };
        let len = if W > 0 { written[0].len() } else { read[0].len() };
        if len == 0 {
            return 0.0;
        }
        assert!(written.iter().all(|w| w.len() == len) && read.iter().all(|r| r.len() == len));
        assert!(len.is_multiple_of(line));
        let part = len.div_ceil(PARTS).max(PART).div_ceil(line) * line;
        let mut sums = [0.0; PARTS];
        let count = len.div_ceil(part);
        let alone = Self { parallel: false, ..self };
        self.split(&mut sums[..count], (0, part), written, read, &|start, mut written, read| {
            let mut sum = 0.0;
            let end = if W > 0 { written[0].len() } else { read[0].len() };
            for at in (0..end).step_by(line) {
                let [now, rest] = halves(written, line);
                written = rest;
                sum += run(alone, start + at, now, read.map(|r| &r[at..at + line]));
            }
            sum
        });
        sums[..count].iter().sum()
    }

    /// Each place of `written` becomes what `of` makes of its elements and those of `read`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn map<T: Float, const W: usize, const R: usize>(
        self,
        written: [&mut [T]; W],
        read: [&[T]; R],
        of: impl Fn([T; W], [T; R]) -> [T; W] + Copy + Sync,
    ) {
        const { assert!(W > 0) };
        self.parts(written, read, &|written, read| self.isa.run(Map { written, read, of }));
    }

    /// [`map`](Self::map) that also sums, in f64, the second value of `of`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn map_sum<T: Float, const W: usize, const R: usize>(
        self,
        written: [&mut [T]; W],
        read: [&[T]; R],
        of: impl Fn([T; W], [T; R]) -> ([T; W], f64) + Copy + Sync,
    ) -> f64 {
        const { assert!(W + R > 0) };
        self.parts(written, read, &|written, read| self.isa.run(Sum(Map { written, read, of })))
    }

    /// Σ x², in f64.
    pub fn sum_of_squares<T: Float>(self, x: &[T]) -> f64 {
        self.map_sum([], [x], |[], [x]| ([], x.wide() * x.wide()))
    }

    /// `θ ← keep·θ − rate·u`; returns `Σ (θ' − θ)²`.
    pub fn subtract<T: Float>(self, theta: &mut [T], u: &[T], keep: f64, rate: f64) -> f64 {
        let (keep, rate) = (T::of(keep), T::of(rate));
        self.map_sum([theta], [u], move |[theta], [u]| {
            let new = theta * keep - rate * u;
            let moved = new.wide() - theta.wide();
            ([new], moved * moved)
        })
    }

    /// Calls `run` with each run of `a.1` elements of `a.0` and one of `b.1` of `b.0`, such as its own work space; and with
    /// the loops to use in it, which use threads only where there are more of them than runs.
    pub fn pairs<T: Send>(
        self,
        a: (&mut [T], usize),
        b: (&mut [T], usize),
        run: impl Fn(Self, &mut [T], &mut [T]) + Sync,
    ) {
        let (len_a, len_b) = (a.1.max(1), b.1.max(1));
        if self.parallel {
            let few = a.0.len().div_ceil(len_a) < rayon::current_num_threads();
            let inside = Self { parallel: few, ..self };
            let pairs = a.0.par_chunks_mut(len_a).zip(b.0.par_chunks_mut(len_b));
            pairs.for_each(|(a, b)| run(inside, a, b));
        } else {
            a.0.chunks_mut(len_a).zip(b.0.chunks_mut(len_b)).for_each(|(a, b)| run(self, a, b));
        }
    }

    /// Calls `run` with each run of `len` elements of `written` and its number.
    pub fn rows<T: Send>(self, written: &mut [T], len: usize, run: impl Fn(usize, &mut [T]) + Sync) {
        self.rows_of(written, len, &run);
    }

    /// Compiled once instead of for every caller, as above.
    fn rows_of<T: Send>(self, written: &mut [T], len: usize, run: &(dyn Fn(usize, &mut [T]) + Sync)) {
        let len = len.max(1);
        if self.parallel {
            written.par_chunks_mut(len).enumerate().for_each(|(i, row)| run(i, row));
        } else {
            written.chunks_mut(len).enumerate().for_each(|(i, row)| run(i, row));
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Products
// ---------------------------------------------------------------------------------------------

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
    part: Part,
}

/// Which places of a packed row or column a product reads; the others are zeros.
#[derive(Debug, Clone, Copy)]
enum Part {
    All,
    /// Up to the end of its panel's square on the diagonal.
    Until,
    /// From the beginning of that square on.
    From,
}

impl<'a, T> Packed<'a, T> {
    /// What lies packed in `data`: `count` rows or columns, each `depth` long.
    pub(crate) fn of(data: &'a [T], count: usize, depth: usize) -> Self {
        Self { data: &data[..packed_len(count, depth)], count, depth, part: Part::All }
    }

    /// The same where nothing lies behind the diagonal, as in the rows of a lower triangle: products leave out those
    /// zeros.
    pub fn until_diagonal(self) -> Self {
        Self { part: Part::Until, ..self }
    }

    /// The same where nothing lies before the diagonal, as in the columns of a lower triangle.
    pub fn from_diagonal(self) -> Self {
        Self { part: Part::From, ..self }
    }

    /// Where the panel that begins with row `first` is read.
    fn reach(&self, first: usize) -> Range<usize> {
        match self.part {
            Part::All => 0..self.depth,
            Part::Until => 0..self.depth.min(first + PANEL),
            Part::From => self.depth.min(first)..self.depth,
        }
    }
}

/// How many elements `count` rows of `depth` take when packed.
pub const fn packed_len(count: usize, depth: usize) -> usize {
    padded(count) * depth
}

/// How many elements of work space [`Loops::solve_lower`] needs for a triangle of `n` rows.
pub const fn solve_len(n: usize) -> usize {
    packed_len(n, n) + packed_len(n, PANEL)
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

    /// `into ← a·b`: row i, column j is the product of row i of `a` and column j of `b`. With `lower`, only where
    /// j ≤ i, and whatever lies in the same tile of 16 × 16. Zeros that [`until_diagonal`](Packed::until_diagonal) and
    /// [`from_diagonal`](Packed::from_diagonal) promise are not multiplied.
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
                        let (of_row, of_column) = (a.reach(first + row), b.reach(column));
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
                        T::tile(self.isa, left, right, &mut tile);
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

    /// `pack ← T⁻¹x`, its columns packed; T is the lower triangle of `t`, whatever lies above it. Where T has a 0 on its
    /// diagonal, the row is divided by the smallest number instead. `work` has [`solve_len`] elements.
    ///
    /// The triangles of 16 rows on the diagonal are inverted first: what is left are products of tiles, where a
    /// substitution, row after row, would wait for each.
    pub fn solve_lower<T: Number>(self, t: &[T], x: Matrix<'_, T>, pack: &mut [T], work: &mut [T]) {
        let n = x.rows;
        let (pack_t, inverse) = work[..solve_len(n)].split_at_mut(packed_len(n, n));
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
                T::tile(self.isa, panel(left, first, 0, first), above, &mut left_over);
                T::tile(self.isa, &inverse[first..][..PANEL], &left_over, &mut solved);
                here[..here_rows].copy_from_slice(&solved[..here_rows]);
            }
        });
    }

    /// The same where `pack` already holds the columns of x, a matrix of `(rows, columns)`, by substitution: it needs room for
    /// T alone, [`packed_len`] of its rows.
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
                T::tile(self.isa, panel(left, first, 0, first), above, &mut tile);
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
fn copy<T: Copy>(from: &[T], into: &mut [T]) {
    if let (Some(from), Ok(into)) = (from.first_chunk::<PANEL>(), <&mut [T; PANEL]>::try_from(&mut *into)) {
        *into = *from;
    } else {
        into.copy_from_slice(&from[..into.len()]);
    }
}

fn panel<T>(of: Packed<'_, T>, first: usize, from: usize, deep: usize) -> &[[T; PANEL]] {
    of.data[first * of.depth + from * PANEL..][..deep * PANEL].as_chunks().0
}

/// Row `row` of a matrix whose packed columns, `depth` long, are in `packed`.
pub fn unpack_row<T: Float>(packed: &[T], depth: usize, row: usize, into: &mut [T]) {
    for (panel, into) in into.chunks_mut(PANEL).enumerate() {
        copy(&packed[panel * PANEL * depth + row * PANEL..], into);
    }
}

/// `lines[k][i] ←` row i, column k of the inverse of the lower triangle of `t`, `n` numbers a row; 0 behind its `rows`.
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

/// A type that matrices are multiplied in.
pub trait Number: Float {
    /// The distance from 1 to the next number.
    const EPSILON: f64;
    /// The smallest number that has all its digits.
    const SMALLEST: f64;
    /// `c ← c + aᵀ·b`: for each k in order, `c[i][j] ← a[k][i]·b[k][j] + c[i][j]`, rounded once.
    #[doc(hidden)]
    fn tile(isa: InstructionSet, a: &[[Self; PANEL]], b: &[[Self; PANEL]], c: &mut [[Self; PANEL]; PANEL]);
}

/// The obvious version: every other is held to its bits.
macro_rules! plain_tile {
    ($a:expr, $b:expr, $c:expr) => {
        for (i, line) in $c.iter_mut().enumerate() {
            let mut sums = *line;
            for (a, b) in $a.iter().zip($b) {
                for j in 0..PANEL {
                    sums[j] = a[i].mul_add(b[j], sums[j]);
                }
            }
            *line = sums;
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::PANEL;
    use std::arch::x86_64::*;

    /// A tile in registers: `$h` rows and `$w` registers at a time.
    macro_rules! tile {
        ($name:ident, $t:ty, $features:literal, $v:ty, $n:literal, $h:literal, $w:literal,
         $load:ident, $store:ident, $all:ident, $fma:ident) => {
            #[target_feature(enable = $features)]
            pub fn $name(a: &[[$t; PANEL]], b: &[[$t; PANEL]], c: &mut [[$t; PANEL]; PANEL]) {
                const { assert!(PANEL % $h == 0 && PANEL % ($w * $n) == 0) };
                for top in (0..PANEL).step_by($h) {
                    for left in (0..PANEL).step_by($w * $n) {
                        let mut sums = [[$all(0.0); $w]; $h];
                        for i in 0..$h {
                            for j in 0..$w {
                                // SAFETY: the slice has the register's length.
                                sums[i][j] = unsafe { $load(c[top + i][left + j * $n..][..$n].as_ptr()) };
                            }
                        }
                        for (a, b) in a.iter().zip(b) {
                            let mut right = [$all(0.0); $w];
                            for j in 0..$w {
                                // SAFETY: as above.
                                right[j] = unsafe { $load(b[left + j * $n..][..$n].as_ptr()) };
                            }
                            for i in 0..$h {
                                let x = $all(a[top + i]);
                                for j in 0..$w {
                                    sums[i][j] = $fma(x, right[j], sums[i][j]);
                                }
                            }
                        }
                        for i in 0..$h {
                            for j in 0..$w {
                                // SAFETY: as above.
                                unsafe { $store(c[top + i][left + j * $n..][..$n].as_mut_ptr(), sums[i][j]) };
                            }
                        }
                    }
                }
            }
        };
    }
    tile!(
        f32_512,
        f32,
        "avx512f",
        __m512,
        16,
        16,
        1,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_fmadd_ps
    );
    tile!(
        f64_512,
        f64,
        "avx512f",
        __m512d,
        8,
        8,
        2,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_fmadd_pd
    );
    tile!(
        f32_256,
        f32,
        "avx2,fma",
        __m256,
        8,
        4,
        2,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_fmadd_ps
    );
    tile!(
        f64_256,
        f64,
        "avx2,fma",
        __m256d,
        4,
        4,
        2,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_fmadd_pd
    );
}

macro_rules! number {
    ($t:ident, $avx512:ident, $avx2:ident) => {
        impl Number for $t {
            const EPSILON: f64 = $t::EPSILON as f64;
            const SMALLEST: f64 = $t::MIN_POSITIVE as f64;
            fn tile(
                isa: InstructionSet,
                a: &[[Self; PANEL]],
                b: &[[Self; PANEL]],
                c: &mut [[Self; PANEL]; PANEL],
            ) {
                #[cfg(target_arch = "x86_64")]
                match isa {
                    // SAFETY: `Builder::level` and `InstructionSet::best` let only available levels through.
                    InstructionSet::Avx512 => return unsafe { x86::$avx512(a, b, c) },
                    // SAFETY: as above; the level includes FMA.
                    InstructionSet::Avx2 => return unsafe { x86::$avx2(a, b, c) },
                    InstructionSet::Scalar | InstructionSet::Baseline => {}
                }
                let _ = isa;
                plain_tile!(a, b, c);
            }
        }
    };
}
number!(f32, f32_512, f32_256);
number!(f64, f64_512, f64_256);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::Real;

    fn drawn<T: Real>(seed: u64, n: usize) -> Vec<T> {
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::of((z >> 11) as f64 * 2f64.powi(-52) - 1.0)
        };
        (0..n).map(|_| next()).collect()
    }

    fn loops() -> impl Iterator<Item = Loops> {
        let levels = InstructionSet::ALL.into_iter().filter(|level| level.is_available());
        levels.flat_map(|level| [false, true].map(|parallel| Loops { isa: level, parallel }))
    }

    fn bits<T: Real>(x: &[T]) -> Vec<u64> {
        x.iter().map(|x| x.wide().to_bits()).collect()
    }

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

    #[test]
    fn a_triangle_times_its_solution_is_what_was_given() {
        for (n, columns) in [(1, 1), (15, 3), (16, 16), (17, 40), (70, 33)] {
            let (mut t, x) = (drawn::<f64>(6, n * n), drawn::<f64>(7, n * columns));
            (0..n).for_each(|i| t[i * n + i] += 2.0);
            t.iter_mut().enumerate().filter(|(i, _)| i % n < i / n).for_each(|(_, t)| *t *= 0.3);
            let mut first = Vec::new();
            for loops in loops() {
                let (mut pack, mut work) = (vec![9.0; packed_len(columns, n)], vec![9.0; solve_len(n)]);
                let mut y = vec![0.0; n * columns];
                loops.solve_lower(&t, Matrix { data: &x, rows: n, columns }, &mut pack, &mut work);
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

    #[test]
    fn sums_do_not_depend_on_threads_or_instruction_set() {
        for n in [0, 1, 17, PART + 3, 5 * PART + 100] {
            let x = drawn::<f32>(5, n);
            let sums: Vec<u64> = loops().map(|loops| loops.sum_of_squares(&x).to_bits()).collect();
            assert!(sums.iter().all(|sum| *sum == sums[0]), "{n}");
            let plain: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((f64::from_bits(sums[0]) - plain).abs() <= 1e-12 * plain);
        }
    }
}
