//! Memory that begins on a cache line.

use bytemuck::{Pod, Zeroable};

/// One cache line, so that every array begins on one.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// How many arrays lie side by side before their places repeat.
const PLACES: usize = 8;

/// An array of numbers that begins on a cache line.
#[derive(Debug, Clone)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    /// Lines before the first number.
    skip: usize,
    bytes: usize,
}

impl Aligned {
    pub fn new(bytes: usize) -> Self {
        Self { lines: bytemuck::zeroed_vec(bytes.div_ceil(64)), skip: 0, bytes }
    }

    /// The same, for the array with number `place` of those that a step walks through side by side.
    ///
    /// Allocators begin all large arrays at one offset in a page, and processors compare the low 12 bits of a load's address
    /// with those of the stores before it: arrays that begin at one offset, as parameter and gradient do, cost a step an
    /// eighth of its speed. From 448 bytes between them on, nothing is lost.
    pub fn side_by_side(bytes: usize, place: usize) -> Self {
        const APART: usize = 448 / 64;
        // small arrays lie anywhere as it is
        let skip = if bytes < 256 * 1024 { 0 } else { (place % PLACES + 1) * APART };
        Self { lines: bytemuck::zeroed_vec(skip + bytes.div_ceil(64)), skip, bytes }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    pub fn slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&bytemuck::cast_slice::<_, u8>(&self.lines[self.skip..])[..self.bytes])
    }

    pub fn slice_mut<T: Pod>(&mut self) -> &mut [T] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines[self.skip..]);
        bytemuck::cast_slice_mut(&mut bytes[..self.bytes])
    }

    pub fn address(&mut self) -> *mut u8 {
        self.slice_mut::<u8>().as_mut_ptr()
    }
}
