use serde::{Deserialize, Serialize};

use super::candidate::Candidate;

/// How a training stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    /// The loss of each validation row of the split, always the same rows in the same order.
    Losses(Vec<f64>),
    /// It is no longer finite.
    Diverged {
        /// The fraction of the full schedule at which it was found out.
        at: f64,
    },
}

impl Standing {
    /// Losses of which one is not finite are those of a training that diverged, at the latest when it was looked at.
    pub(super) fn settled(self, to: f64) -> Self {
        match self {
            Self::Losses(losses) if losses.iter().all(|loss| loss.is_finite()) => Self::Losses(losses),
            Self::Diverged { at } if (0.0..=to).contains(&at) => Self::Diverged { at },
            _ => Self::Diverged { at: to },
        }
    }
}

/// What can be trained.
pub trait Train: Sync {
    /// One training.
    type Trial: Trial<Error = Self::Error>;
    /// What can go wrong. That a training diverges is no error but a [`Standing`].
    type Error: std::error::Error + Send + 'static;

    /// Begins a training from nothing.
    ///
    /// All candidates get the same splits and seeds, and are compared pair by pair: the same split is to be the same training and
    /// validation rows, the same seed the same initial weights and order of batches. The schedule is that of the full training,
    /// whatever part of it the trial will see.
    ///
    /// # Errors
    /// What keeps the training from beginning.
    fn start(&self, candidate: &Candidate, split: usize, seed: u64) -> Result<Self::Trial, Self::Error>;

    /// A training as it was when it had advanced to the fraction `to`, in an earlier process whose journal is gone on from; `None`
    /// where it was not saved. It is then started again, if it has to go on.
    ///
    /// # Errors
    /// What was saved cannot be read.
    fn restore(
        &self,
        candidate: &Candidate,
        split: usize,
        seed: u64,
        to: f64,
    ) -> Result<Option<Self::Trial>, Self::Error> {
        let _ = (candidate, split, seed, to);
        Ok(None)
    }
}

/// A training that goes on when it is told to.
pub trait Trial: Send {
    /// What can go wrong.
    type Error;

    /// Trains on to this fraction of the full schedule, from wherever it is, and says what the validation rows cost then.
    ///
    /// To arrive in one go or in several is to give the same bits, and so is another number of threads. Rungs are the plan's numbers,
    /// passed on exactly: 1 is the end. A training that is no longer finite is best ended at once.
    ///
    /// # Errors
    /// What keeps the training from going on.
    fn advance(&mut self, to: f64) -> Result<Standing, Self::Error>;
}
