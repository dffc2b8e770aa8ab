//! Shapley values: what each column adds to an output, averaged over all orders in which columns can become known.

mod design;
mod exact;
mod explain;
mod fit;
mod game;
mod interactions;
mod row;
mod sampled;

pub use explain::{ShapleyOptions, coalitions, is_exact, shapley, shapley_watched};
pub use interactions::{Interactions, MOST_PLAYERS as MOST_INTERACTING, interactions};
pub use row::Row;
