//! What differences between trained models are worth.
//!
//! | question | function |
//! | --- | --- |
//! | is one of two models better on other rows? | [`paired_difference`] |
//! | which of several candidates may be the best? | [`best_set`] |
//! | which of them cost next to nothing against the best? | [`BestSet::plateau`] |
//! | several tests at once | [`holm`] |
//! | how sure is a fraction of so many trials? | [`binomial_interval`] |
//! | how many standard errors does an interval reach? | [`student_quantile`] |
//!
//! Everything is a pure function of its arguments. What is drawn at random is numbered, not drawn one after the other, so
//! that the same seed gives the same bits for any number of threads. `tests/coverage.rs` holds all of it to what it claims.

mod binomial;
mod error;
mod holm;
mod losses;
mod noise;
mod paired;
mod resample;
mod set;
mod special;

pub use binomial::binomial_interval;
pub use error::{Error, Result};
pub use holm::holm;
pub use losses::Trainings;
pub use noise::Replicates;
pub use paired::{Difference, Rows, paired_difference};
pub use set::{BestSet, Entrant, Excess, SetOptions, Verdict, best_set};
pub use special::student_quantile;
