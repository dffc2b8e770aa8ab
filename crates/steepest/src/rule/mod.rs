//! What an optimizer is: a rule that says how one step changes a parameter.
//!
//! An [`ElementRule`] treats every element alone; its file holds only the formula, and the kernel owns loading, storing,
//! instruction sets and threads. A [`TensorRule`] sees a whole tensor at once. Both become a [`Rule`], which is what an
//! [`Optimizer`](crate::Optimizer) is built from.

mod compiled;
mod element;
mod tensor;

pub use compiled::{Body, Fallback, IntoRule, Rule};
pub use element::{Decay, ElementRule, MAX_STATES, MAX_SUMS, Scope, StateKind, Step, Sums};
pub use tensor::{StateSpec, TensorKernel, TensorRule, TensorView};
