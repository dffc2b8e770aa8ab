//! Readers. The format is recognised by a file's first bytes, and has to agree with its name where the name
//! says one.
//!
//! | format | recognised by | gives |
//! | --- | --- | --- |
//! | CSV, TSV and the like | being none of the others | [`Table`](crate::Table) |
//! | JSON: one object a line, or an array of objects | `{"`, `[{` | [`Table`](crate::Table) |
//! | Parquet | `PAR1` | [`Table`](crate::Table) |
//! | Arrow: file (Feather 2 is one) and stream | `ARROW1`, four bytes of ones | [`Table`](crate::Table) |
//! | IDX (MNIST and its kin) | two zero bytes, an element type, a rank | [`Images`](crate::Images) |
//!
//! Each may be compressed as gzip or zstd.
//!
//! **Missing** is an empty cell or one of `NA`, `N/A`, `#N/A`, `NaN`, `null` (in any case), `?`, `-`. Cells
//! are trimmed. A column has the first type that fits all its known cells: number, boolean (`true`, `false`
//! in any case), date (`2026-11-22`, with or without a time), category.

use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::table::{Images, Loaded, Table};

use open::{Format, agree, io_error, open};
use raw::RawTable;
use typed::typed;

mod arrow;
mod cells;
mod column;
pub(crate) mod csv;
pub(crate) mod decimals;
mod encoding;
pub(crate) mod idx;
mod ipc;
mod json;
mod open;
mod options;
mod parquet;
pub(crate) mod raw;
mod several;
mod typed;
mod western;

pub use csv::{MAX_COLUMNS, MAX_RECORD_BYTES};
pub use options::{Labels, ReadOptions};

/// What a reader makes of a file.
enum Content {
    Table(RawTable),
    Images(Images),
}

/// Reads a file of any known format.
///
/// Memory: the table, and the text of its cells while it is read; a record of text of more than
/// [`MAX_RECORD_BYTES`] is an error.
///
/// # Errors
/// Nearly every variant of [`Error`]; none of them panics, whatever the bytes.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded> {
    loaded(path, path, options)
}

fn loaded(path: &Path, shown: &Path, options: &ReadOptions) -> Result<Loaded> {
    match content(path, shown, options)? {
        Content::Table(table) => typed(table, shown, options).map(Loaded::Table),
        Content::Images(images) => Ok(Loaded::Images(images)),
    }
}

/// Reads several files, of any known formats but images, as one table that messages call `name`. Columns are
/// joined by name, types are decided over all rows, and the first file decides whether text has a header.
///
/// # Errors
/// [`Error::OtherColumns`] where a file lacks a column of the first or adds one; for the rest see [`read`].
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

/// What lies at a path, which errors call `shown`.
fn content(path: &Path, shown: &Path, options: &ReadOptions) -> Result<Content> {
    let opened = open(path, shown)?;
    agree(shown, opened.format)?;
    let table = match opened.format {
        Format::Text => csv::read(&|| Ok(open(path, shown)?.input), shown, options)?,
        Format::JsonLines => json::read_lines(opened.input, shown)?,
        Format::JsonArray => json::read_array(opened.input, shown)?,
        // read from their ends
        Format::Parquet => parquet::read(opened.into_file(path, shown)?, shown)?,
        Format::ArrowFile => ipc::read_file(opened.into_file(path, shown)?, shown)?,
        Format::ArrowStream => ipc::read_stream(opened.input, shown)?,
        Format::Idx => return idx::read(opened.input, shown, options).map(Content::Images),
        Format::Other(found) => {
            return Err(Error::UnsupportedFormat { path: shown.to_owned(), found: found.to_owned() });
        }
    };
    Ok(Content::Table(table))
}
