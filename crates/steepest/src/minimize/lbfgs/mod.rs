//! L-BFGS: curvature from the last gradients, and a line search.

mod history;
mod line_search;
mod minimizer;
mod settings;
mod vector;

pub use minimizer::LbfgsMinimizer;
pub use settings::{Lbfgs, LineSearch};
