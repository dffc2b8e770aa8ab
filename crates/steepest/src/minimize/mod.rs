//! Minimizing a plain function: the library without a network.

mod difference_quotient;
mod gradient_check;
mod lbfgs;
mod run;

pub use gradient_check::{Coordinate, GradientCheck, GradientCheckOptions, check_gradient};
pub use lbfgs::{Lbfgs, LbfgsMinimizer, LineSearch};
pub use run::{LearningRate, Minimize, Minimum, Point, Visit, minimize};
