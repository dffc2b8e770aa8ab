//! Learning-rate schedules: pure functions of the step number.
//!
//! A schedule gives a **factor** of the base learning rate, dimensionless, for a step counted from
//! 0: the learning rate of an optimizer's `t`-th step (`t` = 1, 2, …) is `base · factor(t − 1)`.
//! What a step is (a batch, an epoch) is for the caller to say. Since a factor depends on nothing
//! but the step's number, resuming a run needs that number and nothing else.
//!
//! Every factor is finite and not negative, for every `u64`, once the schedule's length is known.
//!
//! The length of a schedule that ends with the run is its setting `steps`; 0, the default, stands
//! for the whole run, and [`Schedule::resolve`] puts the length in once it is known. Before that a
//! factor is NaN, and the step that is given it is refused. [`LearningRate::over`](crate::LearningRate::over) does
//! both at once: a base rate and a schedule, over so many steps.
//!
//! [`ReduceOnPlateau`] is another kind: it looks at a metric, so it has a state to save.
//!
//! ```
//! use steepest::schedule::{Cosine, Schedule, Warmup};
//! let cosine = Cosine { floor: 0.1, ..Cosine::default() };
//! let mut schedule = Warmup::new(10, 0.0, Box::new(cosine))?;
//! schedule.resolve(110);
//! let base = 1e-3;
//! assert_eq!(base * schedule.factor(5), 0.5e-3);
//! assert_eq!(base * schedule.factor(10), 1e-3);
//! assert_eq!(base * schedule.factor(110), 1e-4);
//! # Ok::<(), steepest::Error>(())
//! ```

mod constant;
mod cosine;
mod cosine_log;
mod cosine_restarts;
mod curve;
mod cyclic;
mod entry;
mod exponential;
mod factor;
mod inner;
mod inverse_sqrt;
mod inverse_time;
mod linear;
mod multi_step;
mod one_cycle;
pub mod plateau;
mod polynomial;
mod registry;
mod sequence;
mod step;
#[cfg(test)]
mod tests;
mod warmup;

pub use constant::Constant;
pub use cosine::{AfterEnd, Cosine};
pub use cosine_log::CosineLog;
pub use cosine_restarts::CosineRestarts;
pub use cyclic::{Cyclic, CyclicMode};
pub use entry::{ScheduleEntry, Traits};
pub use exponential::Exponential;
pub use factor::Schedule;
pub use inner::Names;
pub use inverse_sqrt::InverseSqrt;
pub use inverse_time::InverseTime;
pub use linear::Linear;
pub use multi_step::MultiStep;
pub use one_cycle::{Anneal, OneCycle};
pub use plateau::ReduceOnPlateau;
pub use polynomial::Polynomial;
pub use registry::{REGISTRY, find, make};
pub use sequence::{Sequence, SequenceSettings};
pub use step::Step;
pub use warmup::{Warmup, WarmupSettings};
