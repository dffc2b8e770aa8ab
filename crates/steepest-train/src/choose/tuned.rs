//! What tuning found, as a run keeps it.

use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use steepest_choose::choose::Point;

/// The version of the files that tuning leaves.
pub(super) const FORMAT: u32 = 1;
/// Where the choice lies in a run.
pub(super) const CHOICE: &str = "trials/choice.json";

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its settings.
    pub point: Point,
    /// How far it was trained, as a part of the full schedule.
    pub to: f64,
    /// The mean validation loss there, over folds and trainings; absent where it had diverged at once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<f64>,
    /// Where it diverged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub diverged_at: Option<f64>,
    /// Whether it cannot be told from the best, as far as 95 % go.
    pub in_set: bool,
    /// Whether it is sure, as far as 95 % go, to cost at most 5 % more than the best.
    pub in_plateau: bool,
}

/// What was chosen, `trials/choice.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// The version: 1.
    pub format: u32,
    /// The candidates, the best first.
    pub tried: Vec<Tried>,
    /// Whether no candidate can be told from another.
    pub differences_are_noise: bool,
    /// Whether the best lies at the edge of what was tried.
    pub at_edge: bool,
    /// What it cost, in full trainings.
    pub cost: f64,
    /// What a grid as fine as what was tried would have cost.
    pub grid_cost: f64,
    /// Folds, and trainings on each.
    pub folds: usize,
    /// Trainings on each fold.
    pub trainings: u64,
}

/// The choice that a tuned run was made from; `None` for a run that was not tuned.
pub fn tuned(run: &Path) -> Option<Tuned> {
    serde_json::from_str(&fs::read_to_string(run.join(CHOICE)).ok()?).ok()
}
