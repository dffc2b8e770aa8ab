//! Readers. The format is recognised by a file's first bytes, and has to agree with its name where the name
//! says one.
//!
//! | format | recognised by | gives |
//! | --- | --- | --- |
//! | CSV, TSV and the like, plain or gzip | being none of the others | [`Table`](crate::Table) |
//! | Parquet | `PAR1` | [`Table`](crate::Table) |
//! | IDX (MNIST and its kin), plain or gzip | two zero bytes, an element type, a rank | [`Images`](crate::Images) |
//!
//! **Missing** is an empty cell or one of `NA`, `N/A`, `#N/A`, `NaN`, `null` (in any case), `?`, `-`. Cells
//! are trimmed. A column has the first type that fits all its known cells: number, boolean (`true`, `false`
//! in any case), date (`2026-11-22`, with or without a time), category.

use std::path::Path;

use crate::error::{Error, Result};
use crate::table::Loaded;

use typed::typed;

use open::{Format, Opened, agree, open};

pub(crate) mod csv;
pub(crate) mod idx;
mod open;
mod options;
mod parquet;
pub(crate) mod raw;
mod typed;

pub use csv::{MAX_COLUMNS, MAX_RECORD_BYTES};
pub use options::{Labels, ReadOptions};

/// Reads a file of any known format.
///
/// Memory: the table, and the text of a CSV file while it is read; a record of more than [`MAX_RECORD_BYTES`]
/// is an error.
///
/// # Errors
/// Nearly every variant of [`Error`]; none of them panics, whatever the bytes.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded> {
    let Opened { format, input, gzip } = open(path)?;
    agree(path, format)?;
    match format {
        Format::Text => typed(csv::read(input, path, options)?, path, options).map(Loaded::Table),
        Format::Parquet if gzip => {
            Err(Error::UnsupportedFormat { path: path.to_owned(), found: "Parquet inside gzip".to_owned() })
        }
        // Parquet is read from its end, so from the file and not from the stream
        Format::Parquet => typed(parquet::read(path)?, path, options).map(Loaded::Table),
        Format::Idx => idx::read(input, path, options).map(Loaded::Images),
        Format::Other(found) => {
            Err(Error::UnsupportedFormat { path: path.to_owned(), found: found.to_owned() })
        }
    }
}
