//! Draws for the generator: all a function of the table's number.

use steepest_data::random::Stream;

/// A stream of draws.
pub struct Chance(Stream);

impl Chance {
    /// The draws of a table.
    pub fn new(number: u64) -> Self {
        Self(Stream::new(b"generate", 14, number))
    }

    /// A whole number in `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    /// A whole number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.0.below((high - low + 1) as u64) as i64
    }

    /// True once in `n` draws.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these, each equally likely.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// One of these, as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, among: &[(usize, T)]) -> T {
        let mut left = self.below(among.iter().map(|(weight, _)| weight).sum());
        for &(weight, item) in among {
            if left < weight {
                return item;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// `count` different whole numbers in `0..bound`, in order.
    pub fn places(&mut self, count: usize, bound: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..bound).collect();
        self.0.shuffle(&mut all);
        all.truncate(count);
        all.sort_unstable();
        all
    }

    /// Puts the elements in a random order.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        self.0.shuffle(elements);
    }
}
