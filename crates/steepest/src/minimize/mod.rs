//! Minimizing a plain function: the library without a network.

mod difference_quotient;
mod gradient_check;
mod lbfgs;
mod learning_rate;
mod limits;
mod minimizer;
mod objective;
mod run;
mod trace;

pub use gradient_check::{Coordinate, GradientCheck, GradientCheckOptions, check_gradient, check_objective};
pub use lbfgs::{Lbfgs, LbfgsMinimizer, LineSearch};
pub use learning_rate::LearningRate;
pub use minimizer::{IntoMinimizer, Iterate, Minimizer};
pub use objective::Objective;
pub use run::{Minimize, MinimizeReport, minimize};
pub use trace::{Point, Visit};
