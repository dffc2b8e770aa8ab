//! One file per optimizer: its documentation, settings, scalars of a step and formula.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod radam;
mod rmsprop;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
