//! Classic test functions with exact gradients, known minima and a window to draw them in.
//!
//! ```
//! use steepest::functions::find;
//! let rosenbrock = find("rosenbrock")?;
//! let x = rosenbrock.start(2)?;
//! assert_eq!(x, [-1.2, 1.0]);
//! let mut g = vec![0.0; 2];
//! rosenbrock.gradient(&x, &mut g);
//! assert!((rosenbrock.value(&x) - 24.2).abs() < 1e-14);
//! assert!((g[0] + 215.6).abs() < 1e-12 && (g[1] + 88.0).abs() < 1e-12);
//! # Ok::<(), steepest::Error>(())
//! ```

mod classic;
mod function;
#[cfg(test)]
mod tests;

pub use classic::{FUNCTIONS, find};
pub use function::{Dimension, Function, GlobalMinimum};
