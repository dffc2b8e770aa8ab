//! What a schedule is: a factor for each step.

use crate::error::{Error, Result};
use crate::settings::Values;
use std::fmt;

/// A learning-rate schedule.
pub trait Schedule: Send + Sync + fmt::Debug {
    /// The factor of the base learning rate at `step`, counted from 0; finite and ≥ 0 for every
    /// `step`. While a length is still "the whole run" it is NaN, which no optimizer takes for a rate:
    /// [`resolve`](Self::resolve) it first.
    fn factor(&self, step: u64) -> f64;

    /// The name in [`REGISTRY`](crate::schedule::REGISTRY).
    fn name(&self) -> &'static str;

    /// All settings, such that `make(self.name(), &self.values())` gives the same schedule.
    fn values(&self) -> Values;

    /// Whether each setting lies in its range and all agree.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Puts `total_steps`, the run's length, wherever a length is 0 for "the whole run". Does
    /// nothing where the length is given.
    fn resolve(&mut self, _total_steps: u64) {}

    /// Whether a length is still 0 for "the whole run".
    fn is_unresolved(&self) -> bool {
        false
    }

    /// What a trainer asks before its first step.
    ///
    /// # Errors
    /// What [`validate`](Self::validate) finds, and [`Error::Conflict`] while a length is not
    /// known: a schedule that waits for the end of a run must know where that is.
    fn ready(&self) -> Result<()> {
        self.validate()?;
        if self.is_unresolved() {
            return Err(Error::Conflict {
                owner: self.name(),
                conflict: "its length is the whole run (steps = 0), and that length is not known".to_owned(),
                remedy: "set `steps`, limit the run by steps or epochs, or call `resolve`".to_owned(),
            });
        }
        Ok(())
    }
}
