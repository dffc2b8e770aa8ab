//! What is wrong with what was given.

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with the arguments of an explanation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fewer of something than an explanation needs.
    #[error("{found} {what}, expected at least {least}; {remedy}")]
    TooFew {
        /// What there are too few of.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many are needed.
        least: u64,
        /// What to do.
        remedy: &'static str,
    },
    /// A budget that is too small for the columns there are.
    #[error(
        "{found} evaluations for each row, expected at least {least}; allow more time, explain fewer rows, or join columns"
    )]
    SmallBudget {
        /// How many coalitions are allowed.
        found: u64,
        /// How many are needed.
        least: u64,
    },
    /// A background of fewer than two rows.
    #[error(
        "{found} rows in the background, expected at least 2; give rows like those that the model was trained on, best a hundred"
    )]
    SmallBackground {
        /// How many there are.
        found: usize,
    },
    /// More of something than a method can take.
    #[error("{found} {what}, expected at most {most}; {remedy}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many can be taken.
        most: u64,
        /// What to do.
        remedy: &'static str,
    },
    /// Numbers that are no whole number of rows.
    #[error(
        "{found} numbers in {what}, expected a multiple of {width}, the features of a row; give whole rows"
    )]
    Ragged {
        /// What they are.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many a row has.
        width: usize,
    },
    /// A number that is not finite.
    #[error("{what} has {found} in row {row}, expected a finite number; leave the row out or fill it in")]
    NotFinite {
        /// Rows, the background, or outputs of the model.
        what: &'static str,
        /// The row, from 0.
        row: usize,
        /// What was found.
        found: f64,
    },
    /// A feature that belongs to no player, or to several.
    #[error("feature {feature} belongs to {found} players, expected one; give each feature to one player")]
    Unowned {
        /// The feature, from 0.
        feature: usize,
        /// How many players have it.
        found: usize,
    },
    /// A name that no player has.
    #[error("there is no column {name:?}; the columns are {known}")]
    NoSuchPlayer {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The method needs gradients.
    #[error(
        "the model gives no gradients, which path attribution and local linear models need; take Shapley values or LIME instead"
    )]
    NoGradients,
}
