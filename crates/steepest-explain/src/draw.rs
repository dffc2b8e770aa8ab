//! Draws that are numbered: each is a pure function of the seed and its number, so that neither threads nor the order of rows
//! can change a bit.

use steepest::random_at;

/// What a draw is for: draws of one seed for different purposes are independent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Coalitions = 1,
    Lime = 2,
    Permutation = 3,
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    key: u64,
    counter: u64,
}

impl Draw {
    /// The stream of a seed, a purpose and a number.
    pub fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        // apart from the draws of other crates with the same seed
        const CRATE: u64 = 0x6578_706c_6169_6e00;
        Self { key: random_at(random_at(seed, CRATE + purpose as u64), number), counter: 0 }
    }

    pub fn bits(&mut self) -> u64 {
        self.counter += 1;
        random_at(self.key, self.counter - 1)
    }

    /// A whole number in `0..bound`, each equally likely (Lemire 2019). `bound` is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= rejected {
                return (product >> 64) as usize;
            }
        }
    }

    /// The first `count` numbers of a random order of `0..n`, by Fisher and Yates.
    pub fn some_of(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        for at in 0..count.min(n) {
            all.swap(at, at + self.below(n - at));
        }
        all.truncate(count);
        all
    }
}

/// A number that stands for a row: the same wherever the row stands.
pub(crate) fn row_key(row: &[f64]) -> u64 {
    row.iter().fold(0xCBF2_9CE4_8422_2325, |key, value| random_at(key, value.to_bits()))
}
