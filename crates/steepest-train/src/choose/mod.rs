//! Choosing by validation: a learning rate that is `auto`, or whatever [`tune`] is asked for.
//!
//! What is chosen among is trained by [`steepest_choose`], which knows nothing of networks; here are the [`Networks`] that it
//! trains, on divisions of the rows that are not for the test, and the journal in the run's directory from which a choice that
//! was cut goes on.

mod apply;
mod asked;
mod begin;
mod chosen;
mod compare;
#[cfg(test)]
mod fixture;
mod journals;
mod lines;
mod networks;
mod ramps;
mod rate;
mod ready;
mod search;
mod timing;
mod trials;
mod tune;

pub use begin::tune;
pub(crate) use begin::{begin, resume};
pub use chosen::{Chosen, How, Tried};
pub use compare::{CompareOptions, Compared, Comparison, Estimate, Reached, Versus, compare, resume_compare};
pub(crate) use journals::check_journals;
pub use networks::{NetworkTrial, Networks};
pub use search::Search;
pub(crate) use timing::step_seconds;
pub use tune::TuneOptions;
