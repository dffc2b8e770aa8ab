//! Choosing a learning rate, or several settings at once, over anything that trains, and saying honestly what the differences
//! between the candidates are worth.
//!
//! - [`choose`] is successive halving over two traits: something that starts trainings and a training that advances to a
//!   fraction of its schedule. It can be interrupted anywhere and ends the same, bit for bit.
//! - [`stats`] knows nothing of trainings: losses go in, sets, intervals and p values come out.
//!
//! ```text
//! Choice::entrants → stats::best_set → which candidates may be the best, and which cost next to nothing
//! ```

pub mod choose;
pub mod stats;
