//! Parquet, through Arrow's own reader.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::arrow::{Gathered, guarded};
use super::raw::RawTable;
use crate::error::{Error, Result};

/// Rows decoded at a time: enough to be quick, little beside the table itself.
const BATCH_ROWS: usize = 1 << 14;

/// Reads a table. `path` is for messages only.
pub(super) fn read(file: File, path: &Path) -> Result<RawTable> {
    guarded(path, || decode(file, path))?.into_raw(path)
}

fn decode(file: File, path: &Path) -> Result<Gathered> {
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
    let length = file.metadata().map_err(|error| damaged(error.to_string()))?.len();
    let metadata = metadata(&file).map_err(|error| damaged(error.to_string()))?;
    // the reader takes these places for granted
    for column in metadata.metadata().row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let inside = u64::try_from(start)
            .ok()
            .zip(u64::try_from(column.compressed_size()).ok())
            .and_then(|(start, size)| start.checked_add(size))
            .is_some_and(|end| end <= length);
        if !inside {
            let (size, name) = (column.compressed_size(), column.column_path());
            return Err(damaged(format!(
                "column {name} is said to have {size} bytes from {start} on, in a file of {length}"
            )));
        }
    }
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mut gathered = Gathered::new(builder.schema().clone());
    for batch in builder.with_batch_size(BATCH_ROWS).build().map_err(|error| damaged(error.to_string()))? {
        gathered.push(&batch.map_err(|error| damaged(error.to_string()))?);
    }
    Ok(gathered)
}

/// The file's metadata, with plain columns in place of dictionaries that the reader cannot build: it builds
/// those of text alone, and the file holds plain columns in any case.
fn metadata(file: &File) -> parquet::errors::Result<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new();
    let metadata = ArrowReaderMetadata::load(file, options.clone())?;
    let mut changed = false;
    let plain = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, values)
            if !matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) =>
        {
            changed = true;
            Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone()))
        }
        _ => field.clone(),
    };
    let fields: Fields = metadata.schema().fields().iter().map(plain).collect();
    if !changed {
        return Ok(metadata);
    }
    let schema = Schema::new_with_metadata(fields, metadata.schema().metadata().clone());
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options.with_schema(Arc::new(schema)))
}
