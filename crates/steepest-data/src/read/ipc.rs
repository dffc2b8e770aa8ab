//! Arrow files (Feather is one) and Arrow streams, through Arrow's own readers.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::arrow::{Gathered, guarded};
use super::open::io_error;
use super::raw::RawTable;
use crate::error::{Error, Result};

/// How much longer than its compressed bytes the content of a buffer is believed to be.
const MOST_EXPANSION: i64 = 1 << 17;
/// Bytes before the first message of a file.
const FILE_START: u64 = 8;

/// Reads a table from an Arrow file. `path` is for messages only.
pub(super) fn read_file(mut file: File, path: &Path) -> Result<RawTable> {
    check_lengths(&mut file, FILE_START, path)?;
    let decode = || {
        let reader = FileReader::try_new_buffered(file, None)?;
        gather(reader.schema(), reader)
    };
    guarded(path, || decode().map_err(|error| damaged(path, &error)))?.into_raw(path)
}

/// Reads a table from an Arrow stream. `path` is for messages only.
pub(super) fn read_stream(mut file: File, path: &Path) -> Result<RawTable> {
    check_lengths(&mut file, 0, path)?;
    let decode = || {
        let reader = StreamReader::try_new(BufReader::new(file), None)?;
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

/// Checks the lengths that compressed buffers are said to have when they are unpacked: the reader allocates as
/// much, and a program that is refused memory ends. What else is wrong is for the reader to say.
fn check_lengths(file: &mut File, start: u64, path: &Path) -> Result<()> {
    let absurd = absurd_length(file, start).ok().flatten();
    file.rewind().map_err(|error| io_error(path, error))?;
    match absurd {
        Some(length) => {
            let reason = format!("a compressed buffer is said to hold {length} bytes");
            Err(Error::Damaged { path: path.to_owned(), reason })
        }
        None => Ok(()),
    }
}

/// Such a length, if some buffer has one.
fn absurd_length(file: &mut File, mut at: u64) -> io::Result<Option<i64>> {
    let mut metadata = Vec::new();
    loop {
        file.seek(SeekFrom::Start(at))?;
        let mut length = number(file)?;
        at += 4;
        if length == u32::MAX {
            length = number(file)?;
            at += 4;
        }
        metadata.clear();
        let read = file.by_ref().take(u64::from(length)).read_to_end(&mut metadata)?;
        let Ok(message) = arrow_ipc::root_as_message(&metadata) else { return Ok(None) };
        at += read as u64;
        let batch = message
            .header_as_record_batch()
            .or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()));
        if let Some(batch) = batch.filter(|batch| batch.compression().is_some()) {
            for buffer in batch.buffers().into_iter().flatten().filter(|buffer| buffer.length() >= 8) {
                file.seek(SeekFrom::Start(at.saturating_add(u64::try_from(buffer.offset()).unwrap_or(0))))?;
                let mut unpacked = [0; 8];
                file.read_exact(&mut unpacked)?;
                let unpacked = i64::from_le_bytes(unpacked);
                if unpacked > buffer.length().saturating_mul(MOST_EXPANSION) {
                    return Ok(Some(unpacked));
                }
            }
        }
        let Ok(body) = u64::try_from(message.bodyLength()) else { return Ok(None) };
        at = at.saturating_add(body);
    }
}

fn number(file: &mut File) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}
