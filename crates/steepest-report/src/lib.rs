//! What a run looks like: a page, pictures as SVG and PNG, event files for TensorBoard, from events and from what a run
//! directory holds.
//!
//! Nothing here trains or prints. Text from outside, such as the names of columns and classes, is data: it is escaped
//! wherever it is drawn. Who has something to add to a report makes a [`Section`].

mod choice;
mod command;
mod compare;
mod compared;
mod epochs;
mod explained;
mod failure;
mod fit;
#[cfg(test)]
mod fixture;
mod health;
mod number;
mod overview;
mod page;
mod picture;
mod predictions;
mod run;
pub mod tensorboard;

pub use choice::{choice_table, choice_words};
pub use command::quoted;
pub use compare::page as comparison;
pub use compared::{comparison_page, comparison_table, comparison_words};
pub use explained::pictures as explained_pictures;
pub use failure::{Failure, failure};
pub use fit::{flat_settings, page as report};
pub use health::{complaints, is_often};
pub use number::{count, duration, short, significant};
pub use page::{Block, Chart, Page, Section, Series, Tone};
pub use picture::{Bars, Drawing, Intervals, Picture, Surface, Way};
pub use run::{Column, Run, read_comparison};
