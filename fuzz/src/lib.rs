//! What the fuzz targets run: a function of bytes for each reader.
//!
//! An error is always right. A panic, an abort, memory beyond [`memory::LIMIT`] or seconds without an end are not; and
//! where a reader promises more than that, it is checked here: a table that was read is consistent, encodes to finite
//! numbers, and encodes alike when it is read again; what loads saves to a text that loads again to the same.

mod choices;
mod folder;
mod memory;
mod readers;
mod state;
mod table;
mod texts;
mod train;

pub use readers::{arrow, csv, idx, json, packed, parquet};
pub use state::state;
pub use texts::{encoder, schema};
pub use train::{checkpoint, run, settings, weights};
