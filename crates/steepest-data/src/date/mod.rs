//! Dates as days since 1970-01-01 UTC. Times are kept to the millisecond.
//!
//! A cell goes one way: [`tokens`] → [`reading`] (what stands there, whichever date that is) → [`format`]
//! (the one date that it is in this column). [`decide`] and [`numbers`] find the format of a column.

mod calendar;
mod decide;
mod format;
mod names;
mod numbers;
mod parts;
mod reading;
mod time;
mod tokens;
mod triple;

pub(crate) use self::{
    decide::{Decided, decide, is_zero},
    format::{from_number, parse, reads_otherwise, text},
    numbers::decide_numbers,
    parts::{Parts, parts},
};
pub use self::{format::DateFormat, triple::DateOrder};

#[cfg(test)]
mod tests;
