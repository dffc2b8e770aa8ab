//! What is drawn at random, and by which numbers: see [`Draws`].

use steepest::{Draws, random_at};

/// What a draw is for: draws of one seed for different purposes are independent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Coalitions = 1,
    Lime = 2,
    Permutation = 3,
}

/// The draws of a seed, a purpose and a number.
pub(crate) fn draws(seed: u64, purpose: Purpose, number: u64) -> Draws {
    // apart from the draws of other crates with the same seed
    const CRATE: u64 = 0x6578_706c_6169_6e00;
    Draws::new(seed, CRATE + purpose as u64, number)
}

/// The first `count` numbers of a random order of `0..n`, by Fisher and Yates.
pub(crate) fn some_of(draws: &mut Draws, n: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    for at in 0..count.min(n) {
        all.swap(at, at + draws.below(n - at));
    }
    all.truncate(count);
    all
}

/// A number that stands for a row: the same wherever the row stands.
pub(crate) fn row_key(row: &[f64]) -> u64 {
    row.iter().fold(0xCBF2_9CE4_8422_2325, |key, value| random_at(key, value.to_bits()))
}
