use super::candidate::Candidate;
use super::journal::Journal;
use super::plan::Dropped;
use crate::stats::{Entrant, Trainings};

/// What a choice cost, in full schedules of one training.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// What all trainings advanced, those that diverged as far as they came. What is trained again because it was not
    /// saved, after an interruption or in place of others that diverged, is not in it.
    pub total: f64,
    /// What all but the winner's trainings advanced.
    pub extra: f64,
    /// The winner's trainings, by which `extra` is to be divided where a plan has several splits or seeds.
    pub trainings: usize,
}

/// Where a training was no longer finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divergence {
    /// The split, from 0.
    pub split: usize,
    /// The seed.
    pub seed: u64,
    /// The fraction of the full schedule.
    pub at: f64,
}

/// What a candidate's trainings cost at one rung.
#[derive(Debug, Clone, PartialEq)]
pub struct RungResult {
    /// The rung's fraction of the schedule.
    pub to: f64,
    /// The mean over splits of the mean over seeds of the mean over rows.
    pub mean: f64,
    /// By split, seed, validation row.
    pub losses: Vec<Vec<Vec<f64>>>,
}

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The candidate.
    pub candidate: Candidate,
    /// The rungs that all its trainings came to.
    pub rungs: Vec<RungResult>,
    /// The earliest place at which one of them diverged.
    pub diverged: Option<Divergence>,
}

/// One of the winner's trainings.
#[derive(Debug)]
pub struct Trained<T> {
    /// The split, from 0.
    pub split: usize,
    /// The seed.
    pub seed: u64,
    /// The training at the end; `None` where it ended in an earlier process and was not saved.
    pub trial: Option<T>,
}

/// What was chosen.
#[derive(Debug)]
pub struct Choice<T> {
    /// The number of the winner.
    pub winner: usize,
    /// Of each candidate, by its number.
    pub outcomes: Vec<Outcome>,
    /// Numbers of all candidates, the best first: who came farther is before who ended earlier, and who diverged last.
    pub order: Vec<usize>,
    /// What it cost.
    pub cost: Cost,
    /// How many candidates were added at an edge.
    pub extended: usize,
    /// Whether the winner still lies at the edge of what was tried of the setting that may grow.
    pub at_edge: bool,
    /// What the plan had taken out.
    pub dropped: Vec<Dropped>,
    /// The winner's trainings, at the end of the last rung.
    pub trained: Vec<Trained<T>>,
    /// Everything that was found.
    pub journal: Journal,
}

impl<T> Choice<T> {
    /// The winner.
    pub fn best(&self) -> &Candidate {
        &self.outcomes[self.winner].candidate
    }

    /// What [`best_set`](crate::stats::best_set) needs, by candidate.
    pub fn entrants(&self) -> Vec<Entrant<'_>> {
        self.outcomes
            .iter()
            .map(|outcome| Entrant {
                rungs: outcome.rungs.iter().map(|rung| Trainings { losses: borrow(&rung.losses) }).collect(),
                diverged: outcome.diverged.map(|divergence| divergence.at),
            })
            .collect()
    }
}

fn borrow(losses: &[Vec<Vec<f64>>]) -> Vec<Vec<&[f64]>> {
    losses.iter().map(|split| split.iter().map(|rows| &rows[..]).collect()).collect()
}

/// What is there where the observer ended it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopped {
    /// The best of the last rung that was complete; `None` before the first.
    pub leading: Option<Candidate>,
    /// Everything that was found, to go on from.
    pub journal: Journal,
}

/// How a choice ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// It came to its end.
    Chosen(Choice<T>),
    /// The observer stopped it.
    Stopped(Stopped),
}
