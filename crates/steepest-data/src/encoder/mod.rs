//! From a table or images to `f32` features: fitted on the training rows, saved with the model.
//!
//! | column | features |
//! | --- | --- |
//! | number | one: `(x - mean) / std`, clipped to ±10; with a heavy tail, of `asinh((x - center) / scale)` instead of x |
//! | date | the days as such a number; and for the year, the month, the week and the day two each, where they vary: sine and cosine of how far they have come |
//! | boolean | one: 0 or 1, missing as the mean |
//! | category | one for each level (0 or 1), for at most 64 levels that occur at least twice; one for all others, if there are any |
//! | text that is to be learned from | one for each of at most 128 words that stand in at least three rows |
//!
//! A column that has missing values in training has one feature more, 1 where the value is missing. There,
//! and wherever else a number is missing, its feature is 0, which is the training mean.
//!
//! **Heavy tails.** A column with a training value more than 10 standard deviations from the mean (incomes,
//! counts) would give a network one huge input and thousands that are nearly equal. It is passed through
//! `asinh((x - median) / scale)` first, the scale being the interquartile range / 1.349 (a standard
//! deviation, for a normal column), or the standard deviation where that is 0: linear in the middle,
//! logarithmic in both tails, monotonic, and harmless to any sign. The clip to ±10 is for what comes later: a
//! mistyped cell at prediction time moves the output as far as a rare one, not to infinity.
//!
//! **The target**, where it is a number, is standardized. Values far from all others (more than 10 spreads from the
//! median, and three times as far as the next nearer one) are mistakes more often than not, and one of them makes all
//! others the same number. They are left out of mean and standard deviation, and in training count as the farthest of
//! the others does: a note names them. Scores take them as they are.
//!
//! **Left out**, with a note: columns with one value in training, text of which most rows have their own
//! (names, keys), and whole numbers without repetition under a name like `id`.
//!
//! **Numbers in pieces.** On request ([`PrepareOptions::pieces`](crate::PrepareOptions::pieces)) a number, and the days of a date, have a feature
//! more for each of so many stretches between quantiles of the training rows: how far the number has come through it, from −½ to ½
//! (Gorishniy et al. 2022, section 3.2). Equal quantiles are one; a missing number counts as the median there.
//!
//! Images: see [`ImageEncoder`](crate::ImageEncoder).

mod any;
mod calendar;
mod decision;
mod input;
mod pieces;
mod scale;
mod table;
mod target;
mod words;

pub(crate) use scale::is_sane;
pub(crate) use target::fault_of_classes;

pub use any::AnyEncoder;
pub use decision::MOST_LEVELS;
pub(crate) use decision::is_key_name;
pub(crate) use scale::SENTINELS;
pub use table::{Encoder, pieces_of_each};
pub use target::KnownTargets;
