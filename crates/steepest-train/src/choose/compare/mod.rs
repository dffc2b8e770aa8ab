//! Optimizers side by side: each with a learning rate chosen for it, on rows that no choice has seen.
//!
//! Every row is held back once. On the other rows of a fold each optimizer goes through the same procedure, as a user would: rates
//! are halved on a part of them ([`Plan::quick`](steepest_choose::choose::Plan::quick)), and the best rate's training goes on to its
//! end. What is compared is the procedure, so that differences hold what choosing the rate adds to chance (`race.rs`). How many
//! rates an optimizer may try is counted once, from the time that its steps take, so that all have about the same seconds
//! (`counts.rs`). Everything that is found is kept, and a comparison that was cut goes on from there (`begin.rs`).

mod begin;
mod comparison;
mod counts;
mod entrant;
mod race;
mod ready;
#[cfg(test)]
mod tests;

pub use begin::{compare, resume_compare};
pub use comparison::{Compared, Comparison, Estimate, Reached, Versus};
pub use entrant::CompareOptions;
pub(super) use race::Race;
