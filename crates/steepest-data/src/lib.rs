//! Data for training: readers, embedded sets, task inference, encoders, splits and batches.
//!
//! This crate knows no tensors and no optimizer: it returns plain `f32` arrays, row-major, and says what it
//! did.
//!
//! The way of a table, one module per station:
//!
//! ```text
//! Source ─ load ─> Table or Images ─ choose_target, infer ─> Task ─ split ─> rows
//!                                    ─ Encoder::fit (training rows only) ─ encode ─> Features ─ Batches, gather ─> a batch
//! ```
//!
//! [`prepare()`] walks all of it at once:
//!
//! ```
//! use steepest_data::{PrepareOptions, ReadOptions, Source, load, prepare};
//!
//! let flowers = load(&Source::parse("iris"), &ReadOptions::default())?;
//! let prepared = prepare(&flowers, &PrepareOptions::default())?;
//! assert_eq!(prepared.task.outputs(), 3);
//! assert_eq!(prepared.train.features.width, 4);
//! # Ok::<(), steepest_data::Error>(())
//! ```
//!
//! All randomness (splits, orders) is a pure function of a seed; see [`random`].

pub mod batch;
mod date;
pub mod embedded;
pub mod encoder;
pub mod error;
pub mod features;
pub mod images;
pub mod inspect;
mod nearest;
pub mod place;
pub mod prepare;
pub mod random;
pub mod read;
pub mod roles;
pub mod schema;
pub mod shown;
pub mod source;
pub mod split;
mod suspect;
pub mod table;
pub mod task;
mod typing;
pub mod written;

pub use batch::{BatchSize, Batches, gather};
pub use date::{DateFormat, DateOrder};
pub use encoder::{AnyEncoder, Encoder, KnownTargets, pieces_of_each};
pub use error::{Error, Kind, Result};
pub use features::{Features, Targets};
pub use images::ImageEncoder;
pub use inspect::{ColumnSummary, Summary, csv_cell, describe, to_csv};
pub use place::{InFile, Place};
pub use prepare::{Held, Part, PrepareOptions, Prepared, divide_again, groups, prepare, prepare_with};
pub use read::{Labels, ReadOptions, Sample};
pub use roles::{Role, Roles};
pub use schema::{Schema, SchemaColumn};
pub use shown::{Shown, is_unseen, memory_text, seen_json, shown, shown_path};
pub use source::{Source, load};
pub use split::{Division, Fractions, Split, split, split_by_time, split_grouped, split_stratified};
pub use table::{Column, Images, Loaded, Table, Values};
pub use task::{Inferred, Target, Task, TaskChoice, choose_target, infer};
pub use written::{Conventions, Decimal, Expected, Notation, Thousands, Written};
