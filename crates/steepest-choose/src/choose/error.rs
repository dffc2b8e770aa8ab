use super::candidate::Candidate;

/// What is wrong with a [`Plan`](super::Plan) or a [`Space`](super::Space). It is found before anything is trained.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is nothing to choose from.
    #[error("there are no candidates, expected at least one; {remedy}")]
    NoCandidates {
        /// What to do.
        remedy: &'static str,
    },
    /// Nothing to train on, or nothing to train with.
    #[error("the plan has no {what}, expected at least one; give {example}")]
    Without {
        /// Splits, seeds, rungs, steps.
        what: &'static str,
        /// What could be given.
        example: &'static str,
    },
    /// Two candidates are the same.
    #[error("candidates {first} and {second} are both {settings}; take one of them out")]
    Duplicate {
        /// The first one's number, from 0.
        first: usize,
        /// The second one's.
        second: usize,
        /// What they are.
        settings: String,
    },
    /// A rung to which no step is taken.
    #[error(
        "the rung at {to} of {steps} steps is less than one step; train for at least {least} steps, or begin at a later rung"
    )]
    RungBelowOneStep {
        /// The rung, as a fraction of the schedule.
        to: f64,
        /// Steps of the full schedule.
        steps: u64,
        /// How many it would need.
        least: u64,
    },
    /// Rungs that do not rise, or lie beyond the end.
    #[error(
        "rung {rung} is at {found} of the schedule, expected more than {after} and at most 1; give rising fractions"
    )]
    BadRung {
        /// Which rung, from 0.
        rung: usize,
        /// Where it is.
        found: f64,
        /// Where the one before it is; 0 for the first.
        after: f64,
    },
    /// Survivors that a rung cannot have, or splits that a later rung lacks.
    #[error("rung {rung} has {found} {what}, expected {expected}; correct the plan")]
    BadCount {
        /// Which rung, from 0.
        rung: usize,
        /// Survivors or splits.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be, in words.
        expected: String,
    },
    /// The same seed twice would be the same training twice.
    #[error("seed {seed} is there twice; give different ones")]
    RepeatedSeed {
        /// The seed.
        seed: u64,
    },
    /// A number that is none, or not positive where that is needed.
    #[error("{what} is {found}, expected {expected}; give one")]
    BadNumber {
        /// What the number is.
        what: String,
        /// What was given.
        found: f64,
        /// What is needed.
        expected: &'static str,
    },
    /// A range with nothing in it.
    #[error("the range of `{setting}` goes from {low} to {high} and is empty; {remedy}")]
    EmptyRange {
        /// The setting.
        setting: String,
        /// Its lower end; the number of words of a choice.
        low: f64,
        /// Its upper end; the number of words of a choice.
        high: f64,
        /// What to do.
        remedy: &'static str,
    },
}

/// What ends a choice without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E: std::error::Error + 'static> {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A training failed. What was found until then has been handed to the observer.
    #[error("training {candidate} on split {split} with seed {seed}: {source}")]
    Training {
        /// What was trained.
        candidate: Candidate,
        /// On which split, from 0.
        split: usize,
        /// With which seed.
        seed: u64,
        /// What went wrong.
        source: E,
    },
    /// Trainings on one split report different numbers of rows, or none.
    #[error(
        "{candidate} has the losses of {found} validation rows on split {split}, expected {expected}; report the same rows for every candidate and seed"
    )]
    Rows {
        /// Of which candidate.
        candidate: Candidate,
        /// On which split, from 0.
        split: usize,
        /// How many rows.
        found: usize,
        /// How many others have there, in words.
        expected: String,
    },
    /// No candidate is left.
    #[error("all {count} candidates diverged, the last of them at {latest} of the schedule; {remedy}")]
    AllDiverged {
        /// How many there were.
        count: usize,
        /// Where the one that came farthest diverged.
        latest: f64,
        /// What to do.
        remedy: &'static str,
    },
    /// The journal is that of another training.
    #[error(
        "the journal is of `{found}`, expected `{expected}`; go on with the same data and settings, or without the journal"
    )]
    OtherJournal {
        /// What the journal says.
        found: String,
        /// What the plan says.
        expected: String,
    },
}
