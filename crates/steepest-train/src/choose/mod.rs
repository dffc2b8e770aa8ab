//! Choosing by validation: a learning rate that is `auto`, or whatever [`tune`] is asked for.
//!
//! What is chosen among is trained by [`steepest_choose`], which knows nothing of networks; here are the [`Networks`] that it
//! trains, on divisions of the rows that are not for the test, and the journal in the run's directory from which a choice that
//! was cut goes on.

use crate::file_names::{JOURNAL, RACES};

mod apply;
mod begin;
mod chosen;
mod compare;
#[cfg(test)]
mod fixture;
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
pub use networks::{NetworkTrial, Networks};
pub use search::Search;
pub use tune::TuneOptions;

/// The files that a choice or a comparison kept of what it found, and what is wrong with each.
pub(crate) fn check_journals(run: &std::path::Path) -> Vec<(&'static str, Option<String>)> {
    let trials = trials::check_journal(run).map(|problem| (JOURNAL, problem));
    let races = compare::check_races(run).map(|problem| (RACES, problem));
    trials.into_iter().chain(races).collect()
}
