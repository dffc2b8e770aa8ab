//! What a trained network goes by: its columns against stored rows of its training, in words and units of the data.
//!
//! [`FinishedRun::explainer`](crate::FinishedRun::explainer) reads rows and says what explaining them will take, an
//! [`Explainer`] does it. How values are found: [`steepest_explain`].

mod asked;
mod curves;
mod data;
mod explained;
mod explainer;
mod importance;
mod lacks;
mod network;
mod outputs;
mod plan;
mod players;
mod rectified;
mod rows;
#[cfg(test)]
mod tests;

pub use asked::{ExplainOptions, Join, Method, Scale};
pub use explained::{Activation, Curve, Explained, ExplainedRow, Made, Pair, RowOutput};
pub use explainer::Explainer;
pub(crate) use importance::{FEWEST_SHUFFLED, importance};
pub use lacks::Lacks;
pub use plan::Plan;
pub(crate) use rows::Rows;
