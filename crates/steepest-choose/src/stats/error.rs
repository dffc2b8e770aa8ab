/// The result of everything in [`stats`](super).
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with the arguments of a function of [`stats`](super).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number outside its range.
    #[error("{name} is {found}, expected a number {range}; give one")]
    OutOfRange {
        /// What the number is.
        name: &'static str,
        /// The number that was given.
        found: f64,
        /// Where it has to lie, in words.
        range: &'static str,
    },
    /// Fewer of something than the statistic needs.
    #[error("{found} {what}, expected at least {least}; {remedy}")]
    TooFew {
        /// What there are too few of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// Two lists that belong together have different lengths.
    #[error(
        "{what}: {found}, expected {expected}; give the losses of the same trainings and rows in the same order"
    )]
    Unpaired {
        /// What is compared, and of which candidate, split and seed.
        what: String,
        /// The length found.
        found: usize,
        /// The length expected.
        expected: usize,
    },
    /// A loss that is no finite number.
    #[error(
        "the loss of row {row} of {which} is {found}, expected a finite number; report such a training as diverged"
    )]
    NotFinite {
        /// Which training: candidate, split and seed.
        which: String,
        /// The row, from 0.
        row: usize,
        /// What was found.
        found: f64,
    },
}
