//! Neural-network optimizers over plain slices: every step in one pass over memory, with the same
//! bits for any number of threads and any instruction set.
//!
//! An [`Optimizer`] is made from a rule ([`Sgd`], [`AdamW`], …, or by name from the [`registry`])
//! and the parameters' names, shapes and types. A step takes a learning rate and borrowed slices:
//!
//! ```
//! use steepest::{DType, Optimizer, Param, Sgd, Slot};
//! // f(θ) = Σθ², from (1, 2), with α = 0.1: each step multiplies θ by 0.8
//! let mut theta = [1.0f64, 2.0];
//! let mut optimizer = Optimizer::builder(Sgd::default())
//!     .build([Param::new("theta", [2], DType::F64)])?;
//! for _ in 0..100 {
//!     let gradient = theta.map(|x| 2.0 * x);
//!     optimizer.step(0.1, &mut [Slot::new(&mut theta, &gradient)])?;
//! }
//! assert!(theta.iter().all(|x| x.abs() < 1e-9));
//! # Ok::<(), steepest::Error>(())
//! ```

mod clip;
mod combine;
mod driver;
mod dtype;
mod error;
mod exact;
pub mod functions;
mod gradient_check;
mod group;
mod health;
mod kernel;
mod lbfgs;
pub mod linalg;
mod minimize;
mod optimizer;
mod packed;
mod packed_step;
mod param;
mod precision;
mod random;
mod real;
pub mod registry;
pub mod rule;
mod rules;
pub mod schedule;
pub mod settings;
mod state;
pub mod stop;

pub use clip::Clip;
pub use combine::{
    Accumulator, Averaging, Ema, Evaluation, Lookahead, Sam, SamReport, SamStep, Swa, Tensors, UpdateClip,
};
pub use dtype::{DType, Slice, SliceMut};
pub use error::{Error, Result, nearest};
pub use gradient_check::{Coordinate, GradientCheck, GradientCheckOptions, Precision, check_gradient};
pub use group::Group;
pub use health::{NonFinite, NonFiniteAt, TensorHealth, Verdict};
pub use kernel::{ElementKernel, Float, Level, element};
#[doc(hidden)]
pub use kernel::{read, stream};
pub use lbfgs::{Lbfgs, LbfgsMinimizer, LineSearch};
pub use minimize::{LearningRate, Minimize, Minimum, Point, Visit, minimize};
pub use optimizer::{Assignment, Builder, Optimizer, StepArgs, StepReport};
pub use param::{Gradient, Param, Slot};
pub use precision::{Master, Rounding, StateFormat};
pub use real::{Average, Real};
pub use rule::{Holds, IntoRule, Rule};
pub use rules::*;
pub use settings::Dialect;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
