//! What a run looks like: pictures as SVG and PNG, event files for TensorBoard, from events and from what a run directory
//! holds.
//!
//! Nothing here trains or prints. Text from outside, such as the names of columns and classes, is data: it is escaped
//! wherever it is drawn.

mod number;
mod picture;
pub mod tensorboard;

pub use number::{short, significant};
pub use picture::{Bars, Picture, Surface, Way};
