//! Parquet, through Arrow's own reader.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};

use super::arrow::{Gathered, is_read, least_needed};
use super::guarded::guarded;
use super::keep::Keep;
use super::memory::{Budget, ROW_BYTES};
use super::pages::Pages;
use super::raw::RawTable;
use crate::error::{Error, Result};

/// Rows decoded at a time: enough to be quick, little beside the table itself.
const BATCH_ROWS: usize = 1 << 14;

/// Reads a table, or some of its rows. `path` is for messages only.
pub(super) fn read(file: File, path: &Path, budget: &Budget, keep: Keep<'_>) -> Result<RawTable> {
    guarded(path, || decode(file, path, budget, keep))?.into_raw(path, keep)
}

/// How many rows a table has, by its footer.
pub(super) fn count(file: File, path: &Path) -> Result<u64> {
    let metadata = guarded(path, || metadata(&file).map_err(|error| damaged(path, &error)))?;
    rows(&metadata, path)
}

fn damaged(path: &Path, error: &impl ToString) -> Error {
    Error::Damaged { path: path.to_owned(), reason: error.to_string() }
}

fn rows(metadata: &ArrowReaderMetadata, path: &Path) -> Result<u64> {
    let mut groups = metadata.metadata().row_groups().iter();
    groups
        .try_fold(0u64, |all, group| all.checked_add(u64::try_from(group.num_rows()).ok()?))
        .ok_or_else(|| damaged(path, &"a group of rows is said to have fewer than none"))
}

fn decode(file: File, path: &Path, budget: &Budget, keep: Keep<'_>) -> Result<Gathered> {
    let metadata = metadata(&file).map_err(|error| damaged(path, &error))?;
    check_places(&metadata, &file, path)?;
    check_size(&metadata, path, budget, keep)?;
    let pages = Pages::new(file, metadata.metadata(), budget.left());
    let held = pages.held();
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(pages, metadata);
    let schema = builder.schema().clone();
    let read = schema.fields().iter().enumerate().filter(|(_, field)| is_read(field.data_type()));
    let read = ProjectionMask::roots(builder.parquet_schema(), read.map(|(index, _)| index));
    if let Keep::Rows(kept) = keep {
        builder = builder.with_row_selection(selection(kept));
    }
    let batches = builder.with_projection(read).with_batch_size(BATCH_ROWS).build();
    let mut gathered = Gathered::new(schema);
    for batch in batches.map_err(|error| damaged(path, &error))? {
        let batch = batch.or_else(|error| {
            // a page that there is no room for ends reading too
            budget.check_all(path, held.bytes())?;
            Err(damaged(path, &error))
        })?;
        let held = held.bytes().saturating_add(batch.get_array_memory_size() as u64);
        gathered.push(&batch, path, &budget.holding(held))?;
    }
    Ok(gathered)
}

/// Checks what the reader takes for granted: that columns lie inside the file.
fn check_places(metadata: &ArrowReaderMetadata, file: &File, path: &Path) -> Result<()> {
    let length = file.metadata().map_err(|error| damaged(path, &error))?.len();
    for column in metadata.metadata().row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let inside = u64::try_from(start)
            .ok()
            .zip(u64::try_from(column.compressed_size()).ok())
            .and_then(|(start, size)| start.checked_add(size))
            .is_some_and(|end| end <= length);
        if !inside {
            let (size, name) = (column.compressed_size(), column.column_path());
            let reason =
                format!("column {name} is said to have {size} bytes from {start} on, in a file of {length}");
            return Err(damaged(path, &reason));
        }
    }
    Ok(())
}

/// Refuses a table that needs more memory than is allowed whatever its cells are. How long texts are, only reading them
/// tells.
fn check_size(metadata: &ArrowReaderMetadata, path: &Path, budget: &Budget, keep: Keep<'_>) -> Result<()> {
    let row: u64 = metadata.schema().fields().iter().map(|field| least_needed(field.data_type())).sum();
    let rows = keep.count(rows(metadata, path)?);
    budget.check_all(path, rows.saturating_mul(row + ROW_BYTES))
}

/// These rows, each an index from 0, and those between them skipped.
fn selection(rows: &[u64]) -> RowSelection {
    let mut next = 0;
    let mut selectors = Vec::with_capacity(2 * rows.len());
    for &row in rows {
        selectors.push(RowSelector::skip((row - next) as usize));
        selectors.push(RowSelector::select(1));
        next = row + 1;
    }
    RowSelection::from(selectors)
}

/// The file's metadata. Texts come as views, so that a word of many rows is held once; dictionaries of anything but text,
/// which the reader cannot build, as plain columns.
fn metadata(file: &File) -> parquet::errors::Result<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new();
    let metadata = ArrowReaderMetadata::load(file, options.clone())?;
    let plain = |field: &Arc<Field>| {
        let held = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            held => held,
        };
        let held = if held.is_string() { &DataType::Utf8View } else { held };
        Arc::new(field.as_ref().clone().with_data_type(held.clone()))
    };
    let fields: Fields = metadata.schema().fields().iter().map(plain).collect();
    if fields == *metadata.schema().fields() {
        return Ok(metadata);
    }
    let schema = Schema::new_with_metadata(fields, metadata.schema().metadata().clone());
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options.with_schema(Arc::new(schema)))
}
