#![doc = include_str!("../README.md")]
//! # Where things are
//!
//! | | |
//! | --- | --- |
//! | making an optimizer | [`Optimizer::builder`], [`Builder`], [`Group`], [`Clip`], [`Clips`], [`NonFinite`] |
//! | a step | [`Optimizer::step`], [`Slot`], [`Slots`], [`StepArgs`], [`StepReport`], [`TensorHealth`] |
//! | the learning rate | [`schedule`], [`LearningRate::over`]; other settings: [`Optimizer::change`] |
//! | evaluating | [`Optimizer::evaluation`], [`Ema`], [`Swa`], [`Lookahead`] |
//! | saving | [`Optimizer::save`](Optimizer#method.save), `load`, `to_bytes`, `from_bytes` (feature `safetensors`) |
//! | few bytes | [`StateFormat`], [`Master`], [`Rounding`] |
//! | by name | [`registry`], [`mod@settings`] |
//! | functions | [`minimize()`], [`Minimize`], [`Lbfgs`], [`check_gradient()`], [`stop`], [`functions`] |
//! | an optimizer of one's own | [`rule`], [`linalg`] |

mod aligned;
mod clip;
mod dtype;
mod error;
#[cfg(feature = "serde")]
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
mod parallel;
mod param;
mod precision;
mod random;
mod real;
pub mod registry;
pub mod rule;
mod rules;
pub mod schedule;
pub mod settings;
mod state_slice;
mod step;
pub mod stop;
mod value;
mod wrappers;

pub use clip::{Clip, Clips};
pub use dtype::{DType, Slice, SliceMut};
pub use error::{Error, GradientFault, Result};
pub use file::{Disk, FileSystem, OpenFile, write_atomically, write_atomically_on};
pub use float::Float;
pub use half::{bf16, f16};
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
#[cfg(feature = "safetensors")]
pub use optimizer::{FromRule, LoadedPart};
pub use param::{Gradient, Param, Slot, Slots};
pub use precision::{Master, Rounding, StateFormat};
#[doc(hidden)]
pub use random::{Draws, at as random_at};
pub use real::{Average, Real};
pub use rule::{IntoRule, Rule, StateKind};
pub use rules::*;
pub use settings::Dialect;
pub use state_slice::{StateLayout, StateSlice, StateType};
pub use step::{StepArgs, StepReport};
pub use wrappers::{
    Accumulator, Averaging, Ema, Evaluation, Lookahead, Sam, SamReport, SamStep, Swa, Tensors, UpdateClip,
};
