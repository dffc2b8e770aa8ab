//! Arrow files (Feather is one) and Arrow streams, through Arrow's own readers.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::arrow::{Gathered, guarded};
use super::raw::RawTable;
use crate::error::{Error, Result};

/// Reads a table from an Arrow file. `path` is for messages only.
pub(super) fn read_file(file: File, path: &Path) -> Result<RawTable> {
    let decode = || {
        let reader = FileReader::try_new_buffered(file, None)?;
        gather(reader.schema(), reader)
    };
    guarded(path, || decode().map_err(|error| damaged(path, &error)))?.into_raw(path)
}

/// Reads a table from an Arrow stream. `path` is for messages only.
pub(super) fn read_stream(input: impl Read, path: &Path) -> Result<RawTable> {
    let decode = || {
        let reader = StreamReader::try_new(BufReader::new(input), None)?;
        gather(reader.schema(), reader)
    };
    guarded(path, || decode().map_err(|error| damaged(path, &error)))?.into_raw(path)
}

fn gather(
    schema: SchemaRef,
    batches: impl Iterator<Item = std::result::Result<RecordBatch, ArrowError>>,
) -> std::result::Result<Gathered, ArrowError> {
    let mut gathered = Gathered::new(schema);
    for batch in batches {
        gathered.push(&batch?);
    }
    Ok(gathered)
}

fn damaged(path: &Path, error: &ArrowError) -> Error {
    Error::Damaged { path: path.to_owned(), reason: error.to_string() }
}
