//! What was chosen, as a run keeps it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use steepest_choose::choose::{Choice, Point};
use steepest_choose::stats::{BestSet, Replicates, SetOptions, best_set};
use steepest_data::Prepared;

/// The version of the files that tuning leaves.
const FORMAT: u32 = 1;

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its settings.
    pub point: Point,
    /// How far it was trained, as a part of the full schedule.
    pub to: f64,
    /// The mean validation loss there, over divisions of the rows and trainings; absent where it had diverged at once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<f64>,
    /// Where it diverged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub diverged_at: Option<f64>,
    /// Whether it cannot be told from the best, as far as 95 % go; absent where the losses are too few to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_set: Option<bool>,
    /// Whether it is sure, as far as 95 % go, to cost at most 5 % more than the best.
    pub in_plateau: bool,
}

/// How something was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The learning rate alone, by `lr = "auto"`; the winner's training is the run.
    Auto,
    /// By [`tune`](super::tune()).
    Tune,
}

/// What was chosen before a run, `trials/choice.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The version: 1.
    pub format: u32,
    /// How it was chosen.
    pub how: How,
    /// The candidates, the best first.
    pub tried: Vec<Tried>,
    /// Whether no candidate can be told from another.
    pub differences_are_noise: bool,
    /// Whether the best lies at the edge of what was tried.
    pub at_edge: bool,
    /// The part of the full schedule at which the last of them were compared.
    pub compared_at: f64,
    /// Whether nothing measured by how much another start would move a loss, so that 3 % of it were taken.
    pub noise_is_assumed: bool,
    /// What it cost, in full trainings; of `auto` without the winner's on the run's own division of the rows.
    pub cost: f64,
    /// What a grid as fine as what was tried would have cost.
    pub grid_cost: f64,
    /// Divisions of the rows on which candidates were compared.
    pub splits: usize,
    /// Trainings on each of them.
    pub trainings: u64,
}

impl Chosen {
    /// What a choice says. `cost` and `grid_cost` are 0 yet.
    ///
    /// `groups`: for each division, which validation rows belong together, or are one row of several divisions.
    pub(super) fn of<T>(
        choice: &Choice<T>,
        how: How,
        splits: &[Arc<Prepared>],
        groups: &[Vec<u64>],
        trainings: u64,
    ) -> Self {
        let rows = splits.iter().map(|split| split.train.features.rows).sum::<usize>() / splits.len().max(1);
        // validation rows that lie in a file of their own are in no group that is known
        let known =
            splits.iter().zip(groups).all(|(split, groups)| groups.len() == split.validation.features.rows);
        let groups = known.then_some(groups);
        let set = best_set(&choice.entrants(), &SetOptions { groups, ..SetOptions::new(rows) }).ok();
        let plateau = set.as_ref().map(|set| set.plateau(0.05)).unwrap_or_default();
        let tried = |&index: &usize| {
            let outcome = &choice.outcomes[index];
            let last = outcome.rungs.last();
            Tried {
                point: outcome.candidate.point.clone(),
                to: last.map_or(0.0, |rung| rung.to),
                loss: last.map(|rung| rung.mean).filter(|loss| loss.is_finite()),
                diverged_at: outcome.diverged.map(|divergence| divergence.at),
                in_set: set.as_ref().map(|set| set.verdicts[index].is_in_set()),
                in_plateau: plateau.contains(&index),
            }
        };
        Self {
            format: FORMAT,
            how,
            tried: choice.order.iter().map(tried).collect(),
            differences_are_noise: set.as_ref().is_some_and(BestSet::differences_are_noise),
            at_edge: choice.at_edge || is_at_edge(choice),
            compared_at: choice.outcomes[choice.winner].rungs.last().map_or(0.0, |rung| rung.to),
            noise_is_assumed: set.as_ref().is_some_and(|set| set.replicates == Replicates::Assumed),
            cost: 0.0,
            grid_cost: 0.0,
            splits: splits.len(),
            trainings,
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("finite numbers")
    }
}

/// Whether the winner has the smallest or the largest value of the one number that was searched.
fn is_at_edge<T>(choice: &Choice<T>) -> bool {
    let [name] = &choice.best().point.keys().collect::<Vec<_>>()[..] else { return false };
    let Some(own) = choice.best().number(name) else { return false };
    let values = || choice.outcomes.iter().filter_map(|outcome| outcome.candidate.number(name));
    values().count() > 2 && (values().all(|value| value >= own) || values().all(|value| value <= own))
}
