//! From a path to what lies there, by the reader of its format.

use std::path::Path;

use super::keep::{self, Counted, Keep};
use super::memory::Budget;
use super::open::{Format, Opened, agree, open};
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

impl Content {
    fn add_note(&mut self, note: String) {
        match self {
            Content::Table(table) => table.notes.insert(0, note),
            Content::Images(images) => images.notes.insert(0, note),
        }
    }
}

/// What lies at a path, which errors call `shown`; the sample of it that the options ask for.
pub(super) fn content(path: &Path, shown: &Path, options: &ReadOptions, budget: &Budget) -> Result<Content> {
    let Some(sample) = options.sample else { return rows(path, shown, options, budget, Keep::All) };
    let counted = count(path, shown, options, budget)?.rows;
    if counted <= sample.rows {
        return rows(path, shown, options, budget, Keep::All);
    }
    let chosen = keep::chosen(sample, counted);
    let mut content = rows(path, shown, options, budget, Keep::Rows(&chosen))?;
    content.add_note(keep::note(sample, counted));
    Ok(content)
}

/// Some rows of what lies at a path.
pub(super) fn rows(
    path: &Path,
    shown: &Path,
    options: &ReadOptions,
    budget: &Budget,
    keep: Keep<'_>,
) -> Result<Content> {
    let opened = open(path, shown, budget)?;
    agree(shown, opened.format)?;
    let table = match opened.format {
        Format::Text => csv::read(&|| Ok(open(path, shown, budget)?.input), shown, options, budget, keep)?,
        Format::JsonLines => json::read_lines(opened.input, shown, budget, keep)?,
        Format::JsonArray => json::read_array(opened.input, shown, budget, keep)?,
        // read from their ends
        Format::Parquet => parquet::read(opened.into_file(path, shown)?, shown, budget, keep)?,
        format @ (Format::ArrowFile | Format::ArrowStream) => {
            let is_file = format == Format::ArrowFile;
            ipc::read(opened.into_file(path, shown)?, is_file, shown, budget, keep)?
        }
        Format::Idx => return idx::read(opened, shown, options, budget, keep).map(Content::Images),
        Format::Other(found) => return Err(unsupported(shown, found)),
    };
    Ok(Content::Table(table))
}

/// How many rows there are, without those that sum up the others.
pub(super) fn count(path: &Path, shown: &Path, options: &ReadOptions, budget: &Budget) -> Result<Counted> {
    let opened = open(path, shown, budget)?;
    agree(shown, opened.format)?;
    let rows = match opened.format {
        Format::Text => return csv::count(&|| Ok(open(path, shown, budget)?.input), shown, options, budget),
        Format::JsonLines => json::count_lines(opened.input, shown)?,
        Format::JsonArray => json::count_array(opened.input, shown, budget)?,
        Format::Parquet => parquet::count(opened.into_file(path, shown)?, shown)?,
        format @ (Format::ArrowFile | Format::ArrowStream) => {
            ipc::count(opened.into_file(path, shown)?, format == Format::ArrowFile, shown)?
        }
        Format::Idx => {
            let Opened { input, .. } = opened;
            idx::count(input, shown)?
        }
        Format::Other(found) => return Err(unsupported(shown, found)),
    };
    Ok(Counted { rows, has_header: None })
}

fn unsupported(shown: &Path, found: &str) -> Error {
    Error::UnsupportedFormat { path: shown.to_owned(), found: found.to_owned() }
}
