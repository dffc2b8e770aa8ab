//! Readers. The format is recognised by a file's first bytes, and has to agree with its name where the name
//! says one.
//!
//! | format | recognised by | gives |
//! | --- | --- | --- |
//! | CSV, TSV and the like | being none of the others | [`Table`] |
//! | JSON: one object a line, or an array of objects | `{"`, `[{` | [`Table`] |
//! | Parquet | `PAR1` | [`Table`] |
//! | Arrow: file (Feather 2 is one) and stream | `ARROW1`, four bytes of ones | [`Table`] |
//! | IDX (MNIST and its kin) | two zero bytes, an element type, a rank | [`Images`](crate::Images) |
//!
//! Each may be compressed as gzip or zstd.
//!
//! **Text** is UTF-8, UTF-16 or what encoding its bytes tell. Comments, titles, a row of units and a last row of
//! totals are left out, each with a note. Cells are trimmed; what they are is decided by the whole column.

use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Result;
use crate::table::{Loaded, Table};

use content::{Content, content};
use memory::Budget;
use open::io_error;
use typed::typed;

mod arrays;
mod arrow;
mod cells;
mod column;
mod content;
pub(crate) mod csv;
pub(crate) mod decimals;
mod encoding;
mod guarded;
pub(crate) mod idx;
mod ipc;
mod json;
pub(crate) mod keep;
mod limits;
pub(crate) mod memory;
mod open;
mod options;
mod pages;
mod parquet;
pub(crate) mod raw;
mod several;
mod typed;
mod western;

pub use limits::{MAX_COLUMNS, MAX_RECORD_BYTES};
pub use memory::default_max_memory;
pub use options::{Labels, ReadOptions, Sample};

/// Reads a file of any known format.
///
/// Memory: the table, and the text of its cells while it is read, up to [`ReadOptions::max_memory`]; a record of text of more
/// than [`MAX_RECORD_BYTES`] is an error, and so is gzip or zstd that expands more than 200 : 1 beyond 16 MiB.
///
/// # Errors
/// Nearly every variant of [`Error`](crate::Error); none of them panics, whatever the bytes.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded> {
    loaded(path, path, options)
}

fn loaded(path: &Path, shown: &Path, options: &ReadOptions) -> Result<Loaded> {
    match content(path, shown, options, &Budget::of(options))? {
        Content::Table(table) => typed(table, shown, options).map(Loaded::Table),
        Content::Images(images) => Ok(Loaded::Images(images)),
    }
}

/// Reads several files, of any known formats but images, as one table that messages call `name`. Columns are
/// joined by name, types are decided over all rows, and the first file decides whether text has a header.
///
/// # Errors
/// [`Error::OtherColumns`](crate::Error::OtherColumns) where a file lacks a column of the first or adds one; for the rest see [`read`].
pub fn read_files(paths: &[PathBuf], name: &str, options: &ReadOptions) -> Result<Table> {
    typed(several::read(paths, options)?, Path::new(name), options)
}

/// Reads what comes on standard input, of any known format, by way of a temporary file.
///
/// # Errors
/// See [`read`].
pub fn read_standard_input(options: &ReadOptions) -> Result<Loaded> {
    spooled(std::io::stdin().lock(), Path::new("standard input"), options)
}

fn spooled(mut input: impl Read, shown: &Path, options: &ReadOptions) -> Result<Loaded> {
    let failed = |error| io_error(shown, error);
    let mut file = NamedTempFile::new().map_err(failed)?;
    std::io::copy(&mut input, &mut file).map_err(failed)?;
    loaded(file.path(), shown, options)
}
