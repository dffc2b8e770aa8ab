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

/// Checks the lengths that a file speaks of: the reader allocates as much, and a program that is refused memory ends. What
/// else is wrong is for the reader to say.
fn check_lengths(file: &mut File, start: u64, path: &Path) -> Result<()> {
    let damaged = |reason: String| Err(Error::Damaged { path: path.to_owned(), reason });
    let size = file.metadata().map_err(|error| io_error(path, error))?.len();
    // a file has a list of its messages at its end, a stream has not
    let blocks =
        if start == FILE_START { blocks(file, size).ok().flatten().unwrap_or_default() } else { Vec::new() };
    for (at, length) in blocks {
        if at.checked_add(length).is_none_or(|end| end > size) {
            return damaged(format!(
                "a message is said to have {length} bytes from {at} on, in a file of {size}"
            ));
        }
        if let Ok((_, Some(length))) = message(file, at) {
            return damaged(format!("a compressed buffer is said to hold {length} bytes"));
        }
    }
    let mut at = start;
    while let Ok((Some(next), absurd)) = message(file, at) {
        if let Some(length) = absurd {
            return damaged(format!("a compressed buffer is said to hold {length} bytes"));
        }
        at = next;
    }
    file.rewind().map_err(|error| io_error(path, error))
}

/// Where the messages of a file lie, by the list at its end: place and length.
fn blocks(file: &mut File, size: u64) -> io::Result<Option<Vec<(u64, u64)>>> {
    const END: u64 = 10; // a length, and the signature
    let Some(end) = size.checked_sub(END) else { return Ok(None) };
    file.seek(SeekFrom::Start(end))?;
    let length = u64::from(number(file)?);
    let Some(start) = end.checked_sub(length) else { return Ok(None) };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    let Ok(footer) = arrow_ipc::root_as_footer(&bytes) else { return Ok(None) };
    let block = |block: &arrow_ipc::Block| {
        // a negative length is as absurd as a huge one
        let of = |length: i64| u64::try_from(length).unwrap_or(u64::MAX);
        let length = of(i64::from(block.metaDataLength())).saturating_add(of(block.bodyLength()));
        (of(block.offset()), length)
    };
    let lists = [footer.dictionaries(), footer.recordBatches()];
    Ok(Some(lists.into_iter().flatten().flatten().map(block).collect()))
}

/// Where the message behind that at this place begins, and the length that some compressed buffer of this one absurdly
/// claims to have.
fn message(file: &mut File, mut at: u64) -> io::Result<(Option<u64>, Option<i64>)> {
    let mut metadata = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    let mut length = number(file)?;
    at += 4;
    if length == u32::MAX {
        length = number(file)?;
        at += 4;
    }
    let read = file.by_ref().take(u64::from(length)).read_to_end(&mut metadata)?;
    let Ok(message) = arrow_ipc::root_as_message(&metadata) else { return Ok((None, None)) };
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
                return Ok((None, Some(unpacked)));
            }
        }
    }
    let next = u64::try_from(message.bodyLength()).ok().and_then(|body| at.checked_add(body));
    Ok((next, None))
}

fn number(file: &mut File) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}
