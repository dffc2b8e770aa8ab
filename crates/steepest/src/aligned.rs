//! Memory that begins on a cache line.

use bytemuck::Pod;

/// Bytes of a cache line, and of the numbers that it is made of.
const LINE: usize = 64;
const WORD: usize = size_of::<u64>();

/// How many arrays lie side by side before their places repeat.
const PLACES: usize = 8;

/// An array of numbers that begins on a cache line.
#[derive(Debug)]
pub(crate) struct Aligned {
    words: Vec<u64>,
    /// Words before the first number.
    skip: usize,
    bytes: usize,
    /// Lines between the first line and that of the first number.
    apart: usize,
}

impl Aligned {
    pub fn new(bytes: usize) -> Self {
        Self::with(bytes, 0)
    }

    /// The same, for the array with number `place` of those that a step walks through side by side.
    ///
    /// Allocators begin all large arrays at one offset in a page, and processors compare the low 12 bits of a load's address
    /// with those of the stores before it: arrays that begin at one offset, as parameter and gradient do, cost a step an
    /// eighth of its speed. From 448 bytes between them on, nothing is lost.
    pub fn side_by_side(bytes: usize, place: usize) -> Self {
        const APART: usize = 448 / LINE;
        // small arrays lie anywhere as it is
        Self::with(bytes, if bytes < 256 * 1024 { 0 } else { (place % PLACES + 1) * APART })
    }

    fn with(bytes: usize, apart: usize) -> Self {
        // an empty one has no address to keep
        let room = if bytes == 0 { 0 } else { apart * LINE + bytes.next_multiple_of(LINE) + LINE - WORD };
        let words: Vec<u64> = bytemuck::zeroed_vec(room / WORD);
        let to_line = if bytes == 0 { 0 } else { words.as_ptr().addr().wrapping_neg() % LINE + apart * LINE };
        Self { words, skip: to_line / WORD, bytes, apart }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    pub fn slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&bytemuck::cast_slice::<_, u8>(&self.words[self.skip..])[..self.bytes])
    }

    pub fn slice_mut<T: Pod>(&mut self) -> &mut [T] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words[self.skip..]);
        bytemuck::cast_slice_mut(&mut bytes[..self.bytes])
    }

    pub fn address(&mut self) -> *mut u8 {
        self.slice_mut::<u8>().as_mut_ptr()
    }
}

impl Clone for Aligned {
    /// On a line of its own memory.
    fn clone(&self) -> Self {
        let mut copy = Self::with(self.bytes, self.apart);
        copy.slice_mut::<u8>().copy_from_slice(self.slice());
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_and_their_copies_begin_on_a_line() {
        for bytes in [0, 1, 63, 64, 65, 4096, 300 * 1024] {
            for place in 0..9 {
                let mut array = Aligned::side_by_side(bytes, place);
                array.slice_mut::<u8>().iter_mut().enumerate().for_each(|(i, byte)| *byte = i as u8);
                let mut copy = array.clone();
                for array in [&mut array, &mut copy] {
                    assert_eq!((array.slice::<u8>().len(), array.len()), (bytes, bytes));
                    assert!(bytes == 0 || array.address().addr().is_multiple_of(LINE));
                    assert!(array.slice::<u8>().iter().enumerate().all(|(i, byte)| *byte == i as u8));
                }
            }
        }
    }
}
