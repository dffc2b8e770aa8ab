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

mod aligned;
mod clip;
mod dtype;
mod error;
pub mod exact;
mod file;
mod float;
pub mod functions;
mod health;
mod hint;
mod kernel;
pub mod linalg;
mod minimize;
pub mod names;
mod optimizer;
mod page;
mod param;
mod precision;
mod random;
mod real;
pub mod registry;
pub mod rule;
mod rules;
pub mod schedule;
pub mod settings;
mod step;
pub mod stop;
mod value;
mod wrappers;

pub use clip::Clip;
pub use dtype::{DType, Slice, SliceMut};
pub use error::{Error, GradientFault, Result};
pub use file::{Disk, FileSystem, OpenFile, write_atomically, write_atomically_on};
pub use float::Float;
pub use health::{NonFinite, NonFiniteAt, NotFinite, TensorHealth, Verdict};
pub use hint::{Hint, nearest};
pub use kernel::{ElementKernel, InstructionSet, element};
#[doc(hidden)]
pub use kernel::{read, stream};
pub use minimize::{
    Coordinate, GradientCheck, GradientCheckOptions, IntoMinimizer, Iterate, Lbfgs, LbfgsMinimizer,
    LearningRate, LineSearch, Minimize, MinimizeReport, Minimizer, Objective, Point, Visit, check_gradient,
    check_objective, minimize,
};
pub use optimizer::{Assignment, Builder, Group, Optimizer};
pub use param::{Gradient, Param, Slot};
pub use precision::{Master, Rounding, StateFormat};
#[doc(hidden)]
pub use random::at as random_at;
pub use real::{Average, Real};
pub use rule::{IntoRule, Rule, StateKind};
pub use rules::*;
pub use settings::Dialect;
pub use step::{StepArgs, StepReport};
pub use wrappers::{
    Accumulator, Averaging, Ema, Evaluation, Lookahead, Sam, SamReport, SamStep, Swa, Tensors, UpdateClip,
};

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
