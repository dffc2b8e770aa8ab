//! The one source of randomness: ChaCha8 streams named by their purpose, a seed and a number.
//!
//! Splits and orders are stored nowhere, so a run can only resume if they never change. The algorithm is
//! therefore fixed here and not borrowed from a crate that may improve it:
//!
//! 1. The 32-byte ChaCha8 key is
//!    `purpose (8 bytes ASCII) | seed (u64, little-endian) | number (u64, little-endian) | 0`.
//! 2. A whole number below `n` is the high half of the 128-bit product of a 64-bit draw and `n`; draws whose
//!    low half is below `2^64 mod n` are rejected (Lemire 2019, "Fast Random Integer Generation in an
//!    Interval").
//! 3. A shuffle is Fisher-Yates from the last place down: for `i = len-1 .. 1`, swap `i` with a number below
//!    `i + 1`.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers that is a pure function of (purpose, seed, number).
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream for a purpose, a seed and a number (an epoch, a class).
    pub fn new(purpose: &[u8; 8], seed: u64, number: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(purpose);
        key[8..16].copy_from_slice(&seed.to_le_bytes());
        key[16..24].copy_from_slice(&number.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number in `0..bound`, each equally likely. Panics if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below 0");
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= rejected {
                return (product >> 64) as u64;
            }
        }
    }

    /// Puts the elements in a random order, each order equally likely.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for i in (1..elements.len()).rev() {
            elements.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the stream itself: a change here breaks the resuming of every run.
    #[test]
    fn the_order_never_changes() {
        let mut order: Vec<u32> = (0..10).collect();
        Stream::new(b"order\0\0\0", 7, 3).shuffle(&mut order);
        assert_eq!(order, RECORDED);
    }

    /// From a second implementation, in Python, of the text above; not to be changed.
    const RECORDED: [u32; 10] = [2, 8, 9, 7, 6, 0, 1, 3, 5, 4];

    #[test]
    fn below_reaches_every_number_about_equally() {
        let mut counts = [0u32; 7];
        let mut stream = Stream::new(b"test\0\0\0\0", 1, 0);
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        // the standard deviation of a count is 93; five of them
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 465), "{counts:?}");
    }
}
