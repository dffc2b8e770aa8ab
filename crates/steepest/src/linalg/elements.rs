//! Loops over the elements, lines and chunks of whole tensors.
//!
//! A sum is made of one sum for each chunk, joined in their order. Chunks depend on the length alone, so
//! threads and instruction sets change no bit.
#![allow(unsafe_code)] // loads and stores without bounds checks

use super::PANEL;
use crate::float::Float;
use crate::kernel::{InstructionSet, Loop, tree_sum};
use crate::parallel;

/// Chunks that a loop over elements is cut into, at most.
const CHUNKS: usize = 64;
/// Elements of a chunk, at least.
const CHUNK: usize = 16 * 1024;

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

/// The length that all slices have.
///
/// # Panics
/// If they differ in length.
fn common_len<T, const W: usize, const R: usize>(written: &[&mut [T]; W], read: &[&[T]; R]) -> usize {
    const { assert!(W + R > 0) };
    let len = if W > 0 { written[0].len() } else { read[0].len() };
    assert!(written.iter().all(|w| w.len() == len) && read.iter().all(|r| r.len() == len));
    len
}

/// A loop over the elements of slices of one length. `formula` is held by value: behind a reference, what it
/// holds would have to be read again after every element that is written.
struct Map<'a, T, F, const W: usize, const R: usize> {
    /// That of every slice: checked once, where a `Map` is made.
    len: usize,
    written: [&'a mut [T]; W],
    read: [&'a [T]; R],
    formula: F,
}

impl<'a, T, F, const W: usize, const R: usize> Map<'a, T, F, W, R> {
    fn new(written: [&'a mut [T]; W], read: [&'a [T]; R], formula: F) -> Self {
        Self { len: common_len(&written, &read), written, read, formula }
    }
}

/// The slices of a [`Map`] as pointers, which stay in registers.
#[derive(Clone, Copy)]
struct Places<T, const W: usize, const R: usize> {
    written: [*mut T; W],
    read: [*const T; R],
}

// iterators over arrays are not always inlined into code for an instruction set
#[allow(clippy::needless_range_loop)]
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
        let Self { len, mut written, read, formula } = self;
        let places = Places::of(&mut written, &read);
        for i in 0..len {
            // SAFETY: `Map::new` checked that every slice has this length, and they are borrowed here.
            unsafe {
                let (old, read) = places.load(i);
                places.store(i, formula(old, read));
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
        const SUMMANDS: usize = 16;
        let Map { len, mut written, read, formula } = self.0;
        let places = Places::of(&mut written, &read);
        let mut sums = [0.0f64; SUMMANDS];
        let mut block = |first: usize, count: usize| {
            // all are computed before one is written: they do not have to wait for each other
            let (mut new, mut terms) = ([[T::ZERO; W]; SUMMANDS], [0.0; SUMMANDS]);
            for lane in 0..count {
                // SAFETY: as in `Map`.
                let (old, read) = unsafe { places.load(first + lane) };
                (new[lane], terms[lane]) = formula(old, read);
            }
            for lane in 0..count {
                // SAFETY: as in `Map`.
                unsafe { places.store(first + lane, new[lane]) };
                sums[lane] += terms[lane];
            }
        };
        for i in 0..len / SUMMANDS {
            block(i * SUMMANDS, SUMMANDS);
        }
        block(len / SUMMANDS * SUMMANDS, len % SUMMANDS);
        tree_sum(sums)
    }
}

// What runs on a chunk is no type of its own: chunks are large, and what cuts them is compiled once instead
// of for every caller.
type OnChunk<'a, T, const W: usize, const R: usize> = dyn Fn([&mut [T]; W], [&[T]; R]) -> f64 + Sync + 'a;
type FromChunk<'a, T, const W: usize, const R: usize> =
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
        if self.parallel { parallel::join(a, b) } else { (a(), b()) }
    }

    /// Cuts the slices into chunks and calls `run` on each; the sum of what it returns, in the order of the
    /// chunks.
    fn chunks<T: Float, const W: usize, const R: usize>(
        self,
        written: [&mut [T]; W],
        read: [&[T]; R],
        run: &OnChunk<T, W, R>,
    ) -> f64 {
        let len = common_len(&written, &read);
        let chunk = len.div_ceil(CHUNKS).next_multiple_of(PANEL).max(CHUNK);
        let mut sums = [0.0; CHUNKS];
        let count = len.div_ceil(chunk);
        self.split(&mut sums[..count], (0, chunk), written, read, &|_, written, read| run(written, read));
        sums[..count].iter().sum()
    }

    /// Halves what is left until it is one chunk, of `chunk` elements from `start` on.
    fn split<T: Float, const W: usize, const R: usize>(
        self,
        sums: &mut [f64],
        (start, chunk): (usize, usize),
        written: [&mut [T]; W],
        read: [&[T]; R],
        run: &FromChunk<T, W, R>,
    ) {
        match sums {
            [] => {}
            [sum] => *sum = run(start, written, read),
            _ => {
                let (first, second) = sums.split_at_mut(sums.len() / 2);
                let at = first.len() * chunk;
                let [left, right] = halves(written, at);
                let (before, after) = (read.map(|r| &r[..at]), read.map(|r| &r[at..]));
                self.both(
                    || self.split(first, (start, chunk), left, before, run),
                    || self.split(second, (start + at, chunk), right, after, run),
                );
            }
        }
    }

    /// Calls `run` with each line of `line` elements of the slices and with where it begins; the sum of what
    /// it returns, in an order of the lines that no thread changes.
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
        let len = common_len(&written, &read);
        if len == 0 {
            return 0.0;
        }
        assert!(len.is_multiple_of(line));
        let chunk = len.div_ceil(CHUNKS).max(CHUNK).next_multiple_of(line);
        let mut sums = [0.0; CHUNKS];
        let count = len.div_ceil(chunk);
        let alone = Self { parallel: false, ..self };
        self.split(&mut sums[..count], (0, chunk), written, read, &|start, mut written, read| {
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

    /// Each place of `written` becomes what `formula` makes of its elements and those of `read`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn map<T: Float, const W: usize, const R: usize>(
        self,
        written: [&mut [T]; W],
        read: [&[T]; R],
        formula: impl Fn([T; W], [T; R]) -> [T; W] + Copy + Sync,
    ) {
        const { assert!(W > 0) };
        self.chunks(written, read, &|written, read| self.isa.run(Map::new(written, read, formula)));
    }

    /// [`map`](Self::map) that also sums, in f64, the second value of `formula`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn map_sum<T: Float, const W: usize, const R: usize>(
        self,
        written: [&mut [T]; W],
        read: [&[T]; R],
        formula: impl Fn([T; W], [T; R]) -> ([T; W], f64) + Copy + Sync,
    ) -> f64 {
        self.chunks(written, read, &|written, read| self.isa.run(Sum(Map::new(written, read, formula))))
    }

    /// Σ x², in f64.
    pub fn sum_of_squares<T: Float>(self, x: &[T]) -> f64 {
        self.map_sum([], [x], |[], [x]| ([], x.wide() * x.wide()))
    }

    /// Each place of `into` becomes what `formula` makes of its number and of Σ (scale·x)², in f64, over the
    /// axis of `x` that has `size` elements, each `inner` behind the last: `(columns, 1)` for the rows of a
    /// matrix, `(rows, columns)` for its columns.
    pub fn squares_along<T: Float>(
        self,
        x: &[T],
        scale: T,
        (size, inner): (usize, usize),
        into: &mut [T],
        formula: impl Fn(T, f64) -> T + Sync,
    ) {
        const LINES: usize = 16;
        const TOGETHER: usize = 256;
        if inner == 1 {
            self.rows(into, LINES, |block, into| {
                for (i, into) in into.iter_mut().enumerate() {
                    let line = &x[(LINES * block + i) * size..][..size];
                    let square = move |[]: [T; 0], [x]: [T; 1]| {
                        let x = (x * scale).wide();
                        ([], x * x)
                    };
                    *into = formula(*into, self.map_sum([], [line], square));
                }
            });
            return;
        }
        self.rows(into, TOGETHER, |block, into| {
            let mut from = 0;
            while from < into.len() {
                // places that lie side by side have lines that do
                let place = block * TOGETHER + from;
                let first = place / inner * inner * size + place % inner;
                let together = (into.len() - from).min(inner - place % inner);
                let into = &mut into[from..from + together];
                let mut sums = [0.0f64; TOGETHER];
                for k in 0..size {
                    let line = &x[first + k * inner..][..together];
                    for (sum, x) in sums.iter_mut().zip(line) {
                        let x = (*x * scale).wide();
                        *sum += x * x;
                    }
                }
                into.iter_mut().zip(sums).for_each(|(into, sum)| *into = formula(*into, sum));
                from += together;
            }
        });
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

    /// Calls `run` with each run of `a.1` elements of `a.0` and one of `b.1` of `b.0`, such as its own
    /// workspace; and with the loops to use in it, which use threads only where there are more of them than
    /// runs.
    pub fn pairs<T: Send>(
        self,
        a: (&mut [T], usize),
        b: (&mut [T], usize),
        run: impl Fn(Self, &mut [T], &mut [T]) + Sync,
    ) {
        let (len_a, len_b) = (a.1.max(1), b.1.max(1));
        if self.parallel {
            let few = a.0.len().div_ceil(len_a) < parallel::threads();
            let inside = Self { parallel: few, ..self };
            parallel::pairs((a.0, len_a), (b.0, len_b), |a, b| run(inside, a, b));
        } else {
            a.0.chunks_mut(len_a).zip(b.0.chunks_mut(len_b)).for_each(|(a, b)| run(self, a, b));
        }
    }

    /// Calls `run` with each run of `len` elements of `written` and its number.
    pub fn rows<T: Send>(self, written: &mut [T], len: usize, run: impl Fn(usize, &mut [T]) + Sync) {
        self.rows_of(written, len, &run);
    }

    /// Compiled once instead of for every caller, as for chunks.
    fn rows_of<T: Send>(self, written: &mut [T], len: usize, run: &(dyn Fn(usize, &mut [T]) + Sync)) {
        let len = len.max(1);
        if self.parallel {
            parallel::rows(written, len, run);
        } else {
            written.chunks_mut(len).enumerate().for_each(|(i, row)| run(i, row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{drawn, loops};
    use super::*;

    #[test]
    fn sums_do_not_depend_on_threads_or_instruction_set() {
        for n in [0, 1, 17, CHUNK + 3, 5 * CHUNK + 100] {
            let x = drawn::<f32>(5, n);
            let sums: Vec<u64> = loops().map(|loops| loops.sum_of_squares(&x).to_bits()).collect();
            assert!(sums.iter().all(|sum| *sum == sums[0]), "{n}");
            let plain: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((f64::from_bits(sums[0]) - plain).abs() <= 1e-12 * plain);
        }
    }

    #[test]
    fn squares_are_summed_along_any_axis() {
        let shape = [3, 70, 5, 100];
        let x = drawn::<f64>(8, shape.iter().product());
        for axis in 0..4 {
            let (size, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
            let mut expected = vec![0.5; x.len() / size];
            for (i, x) in x.iter().enumerate() {
                expected[i / (inner * size) * inner + i % inner] += (2.0 * x).powi(2);
            }
            for loops in loops() {
                let mut found = vec![0.5; expected.len()];
                loops.squares_along(&x, 2.0, (size, inner), &mut found, |old, sum| old + sum);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() <= 1e-13 * expected, "{axis} {loops:?}");
                }
            }
        }
    }

    #[test]
    #[should_panic]
    fn slices_of_two_lengths_are_refused() {
        Loops::default().map([&mut [0.0f32; 3]], [&[1.0; 2]], |_, [x]| [x]);
    }
}
