//! From a path to what lies there, by the reader of its format.

use std::path::Path;

use super::open::{Format, agree, open};
use super::options::ReadOptions;
use super::raw::RawTable;
use super::{csv, idx, ipc, json, parquet};
use crate::error::{Error, Result};
use crate::table::Images;

/// What a reader makes of a file.
pub(super) enum Content {
    Table(RawTable),
    Images(Images),
}

/// What lies at a path, which errors call `shown`.
pub(super) fn content(path: &Path, shown: &Path, options: &ReadOptions) -> Result<Content> {
    let opened = open(path, shown)?;
    agree(shown, opened.format)?;
    let table = match opened.format {
        Format::Text => csv::read(&|| Ok(open(path, shown)?.input), shown, options)?,
        Format::JsonLines => json::read_lines(opened.input, shown)?,
        Format::JsonArray => json::read_array(opened.input, shown)?,
        // read from their ends
        Format::Parquet => parquet::read(opened.into_file(path, shown)?, shown)?,
        Format::ArrowFile => ipc::read_file(opened.into_file(path, shown)?, shown)?,
        Format::ArrowStream => ipc::read_stream(opened.into_file(path, shown)?, shown)?,
        Format::Idx => return idx::read(opened.input, shown, options).map(Content::Images),
        Format::Other(found) => {
            return Err(Error::UnsupportedFormat { path: shown.to_owned(), found: found.to_owned() });
        }
    };
    Ok(Content::Table(table))
}
