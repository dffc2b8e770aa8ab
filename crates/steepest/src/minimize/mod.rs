//! Minimizing a plain function: the library without a network.

mod gradient_check;
mod lbfgs;
mod run;

pub use gradient_check::{Coordinate, GradientCheck, GradientCheckOptions, Precision, check_gradient};
pub use lbfgs::{Lbfgs, LbfgsMinimizer, LineSearch};
pub use run::{LearningRate, Minimize, Minimum, Point, Visit, minimize};
