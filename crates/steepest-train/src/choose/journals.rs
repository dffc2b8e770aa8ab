//! What `verify` says of the files in which a choice or a comparison kept what it found.

use super::compare::Race;
use super::lines::check;
use crate::file_names::{JOURNAL, RACES};
use std::path::Path;
use steepest_choose::choose::Entry;

/// Those that are there, and what is wrong with each.
pub(crate) fn check_journals(run: &Path) -> Vec<(&'static str, Option<String>)> {
    let trials = check::<Entry>(&run.join(JOURNAL)).map(|problem| (JOURNAL, problem));
    let races = check::<Race>(&run.join(RACES)).map(|problem| (RACES, problem));
    trials.into_iter().chain(races).collect()
}
