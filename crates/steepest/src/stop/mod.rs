//! When to stop: rules, how they combine, and which one it was.
//!
//! A [`Stop`] says when; a [`Stopper`] watches a run and remembers what the rules need; a
//! [`Reason`] says which rule it was, with its numbers.
//!
//! ```
//! use std::time::Duration;
//! use steepest::stop::{Progress, Stop, Stopper};
//! let stop = Stop::max_epochs(100.0) | Stop::max_time(Duration::from_secs(60)) | Stop::no_improvement(2);
//! let mut stopper = Stopper::new(stop)?;
//! let losses = [0.9, 0.4, 0.5, 0.6];
//! let reason = (1..).zip(losses).find_map(|(epoch, loss)| {
//!     stopper.observe(&Progress {
//!         step: 10 * epoch,
//!         epoch: epoch as f64,
//!         metric: Some(loss),
//!         ..Progress::default()
//!     })
//! });
//! let reason = reason.unwrap();
//! assert_eq!(reason.stopped_by(), "no_improvement");
//! assert_eq!(
//!     reason.to_string(),
//!     "no improvement of the validation metric for 2 epochs; best 0.4 at epoch 2"
//! );
//! # Ok::<(), steepest::Error>(())
//! ```

mod combine;
mod divergence;
mod gradient_tolerance;
mod max_epochs;
mod max_steps;
mod max_time;
mod no_improvement;
mod non_finite;
mod reason;
mod rule;
mod rules;
mod stopper;
mod target_loss;
#[cfg(test)]
mod tests;
mod words;

pub use divergence::{Diverged, Divergence};
pub use gradient_tolerance::{GradientTolerance, SmallGradient};
pub use max_epochs::{EpochsDone, MaxEpochs};
pub use max_steps::{MaxSteps, StepsDone};
pub use max_time::{MaxTime, TimeSpent};
pub use no_improvement::{NoImprovement, NotImproved, Watch};
pub use non_finite::{FoundNonFinite, NonFinite};
pub use rule::{Best, Progress};
pub use rules::{REGISTRY, Reason, Stop, StopEntry, find, make};
pub use stopper::{Stopper, StopperState};
pub use target_loss::{TargetLoss, TargetReached};
