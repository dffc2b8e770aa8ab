//! What the library promises beside its formulas; what holds of every optimizer is in `tests/optimizers`.

#[path = "../common/mod.rs"]
mod common;

mod change;
mod clips;
mod compat;
mod curves;
mod doors;
mod lent;
mod matrix;
mod minimize;
mod outside;
mod quantized;
mod registry;
mod schedules;
mod state;
mod step;
mod wrappers;
