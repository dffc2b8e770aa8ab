//! Arrow files (Feather is one) and Arrow streams, through Arrow's own readers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use arrow_array::{RecordBatch, UInt64Array};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::take::take_record_batch;

use super::arrow::{Gathered, is_read, least_needed};
use super::guarded::guarded;
use super::keep::Keep;
use super::memory::{Budget, ROW_BYTES};
use super::open::io_error;
use super::raw::RawTable;
use crate::error::{Error, Result};

/// How much longer than its compressed bytes the content of a buffer is believed to be.
const MOST_EXPANSION: i64 = 1 << 17;
/// What the reader takes beside messages.
const READER_BYTES: u64 = 256 << 10;

/// Reads a table from an Arrow file or an Arrow stream, or some of its rows. `path` is for messages only.
pub(super) fn read(
    mut file: File,
    is_file: bool,
    path: &Path,
    budget: &Budget,
    keep: Keep<'_>,
) -> Result<RawTable> {
    let sizes = check_lengths(&mut file, is_file, path)?;
    let budget = &budget.holding(sizes.held());
    budget.check_all(path, 0)?;
    let failed = |error| damaged(path, &error);
    let gathered = guarded(path, || {
        if is_file {
            let reader = FileReader::try_new_buffered(file, None).map_err(failed)?;
            gather(reader.schema(), reader, sizes.rows, path, budget, keep)
        } else {
            let reader = StreamReader::try_new_buffered(file, None).map_err(failed)?;
            gather(reader.schema(), reader, sizes.rows, path, budget, keep)
        }
    })?;
    gathered.into_raw(path, keep)
}

/// How many rows an Arrow file or an Arrow stream has, by the messages before its batches.
pub(super) fn count(mut file: File, is_file: bool, path: &Path) -> Result<u64> {
    Ok(check_lengths(&mut file, is_file, path)?.rows)
}

fn gather(
    schema: SchemaRef,
    batches: impl Iterator<Item = std::result::Result<RecordBatch, ArrowError>>,
    rows: u64,
    path: &Path,
    budget: &Budget,
    keep: Keep<'_>,
) -> Result<Gathered> {
    let row: u64 = schema.fields().iter().map(|field| least_needed(field.data_type())).sum();
    budget.check_all(path, keep.count(rows).saturating_mul(row + ROW_BYTES))?;
    let fields = schema.fields().iter().enumerate();
    let read: Vec<usize> =
        fields.filter(|(_, field)| is_read(field.data_type())).map(|(index, _)| index).collect();
    let (mut gathered, mut first) = (Gathered::new(schema), 0);
    for batch in batches {
        let batch = batch.map_err(|error| damaged(path, &error))?;
        let batch = batch.project(&read).map_err(|error| damaged(path, &error))?;
        let kept = keep.of(first, batch.num_rows());
        first += batch.num_rows() as u64;
        match kept {
            None => gathered.push(&batch, path, budget)?,
            Some(kept) => {
                let some = taken(&batch, kept).map_err(|error| damaged(path, &error))?;
                gathered.push(&some, path, budget)?;
            }
        }
    }
    Ok(gathered)
}

/// Some rows of a batch.
fn taken(
    batch: &RecordBatch,
    rows: impl Iterator<Item = usize>,
) -> std::result::Result<RecordBatch, ArrowError> {
    let rows: UInt64Array = rows.map(|row| row as u64).collect();
    // of no columns, which Arrow takes nothing from, any rows are the same
    if batch.num_columns() == 0 { Ok(batch.slice(0, rows.len())) } else { take_record_batch(batch, &rows) }
}

fn damaged(path: &Path, error: &ArrowError) -> Error {
    Error::Damaged { path: path.to_owned(), reason: error.to_string() }
}

/// What the messages of a file say of it.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    rows: u64,
    /// The most bytes that a message has, packed and unpacked together.
    largest: u64,
    /// The bytes of all dictionaries, which stay while the batches come and go.
    dictionaries: u64,
}

/// Checks the lengths that a file speaks of: the reader allocates as much, and a program that is refused memory ends. What
/// else is wrong is for the reader to say.
fn check_lengths(file: &mut File, is_file: bool, path: &Path) -> Result<Sizes> {
    let sizes = if is_file { listed(file, path) } else { following(file, path) }?;
    file.rewind().map_err(|error| io_error(path, error))?;
    Ok(sizes)
}

/// The messages of a file, which the list at its end names: its reader reads no others.
fn listed(file: &mut File, path: &Path) -> Result<Sizes> {
    let size = file.metadata().map_err(|error| io_error(path, error))?.len();
    // what the reader will find too is its to say
    let blocks = blocks(file, size).or_else(|error| match error.kind() {
        io::ErrorKind::InvalidData => Err(io_error(path, error)),
        _ => Ok(None),
    })?;
    let mut sizes = Sizes::default();
    for Block { at, body, length } in blocks.unwrap_or_default() {
        if at.checked_add(length).is_none_or(|end| end > size) {
            let reason =
                format!("a message is said to have {length} bytes from {at} on, in a file of {size}");
            return Err(Error::Damaged { path: path.to_owned(), reason });
        }
        if let Ok(message) = message(file, at, Some((body, at + length))) {
            sizes.add(&message, path)?;
        }
    }
    Ok(sizes)
}

/// The messages of a stream, one behind the other.
fn following(file: &mut File, path: &Path) -> Result<Sizes> {
    let (mut sizes, mut at) = (Sizes::default(), 0);
    while let Ok(message) = message(file, at, None) {
        sizes.add(&message, path)?;
        let Some(next) = message.next.filter(|&next| next > at) else { break };
        at = next;
    }
    Ok(sizes)
}

impl Sizes {
    fn add(&mut self, message: &Message, path: &Path) -> Result<()> {
        if let Some(length) = message.absurd {
            let reason = format!("a compressed buffer is said to hold {length} bytes");
            return Err(Error::Damaged { path: path.to_owned(), reason });
        }
        self.rows = self.rows.saturating_add(message.rows);
        self.largest = self.largest.max(message.bytes);
        if message.is_dictionary {
            self.dictionaries = self.dictionaries.saturating_add(message.bytes);
        }
        Ok(())
    }

    /// What is held while a batch is read. Arrow cuts the columns of a batch out of its message, so that they take no more
    /// than the message does.
    fn held(&self) -> u64 {
        READER_BYTES.saturating_add(self.largest).saturating_add(self.dictionaries)
    }
}

/// Where a message of a file lies, by the list at its end.
struct Block {
    at: u64,
    /// Where the buffers begin: the reader takes the list's word for it, not the message's.
    body: u64,
    length: u64,
}

/// The messages of a file, by the list at its end.
fn blocks(file: &mut File, size: u64) -> io::Result<Option<Vec<Block>>> {
    const END: u64 = 10; // a length, and the signature
    let Some(end) = size.checked_sub(END) else { return Ok(None) };
    file.seek(SeekFrom::Start(end))?;
    let length = u64::from(number(file)?);
    let Some(start) = end.checked_sub(length) else {
        let reason = format!("its list of messages is said to have {length} bytes, in a file of {size}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    let Ok(footer) = arrow_ipc::root_as_footer(&bytes) else { return Ok(None) };
    let block = |block: &arrow_ipc::Block| {
        // a negative length is as absurd as a huge one
        let of = |length: i64| u64::try_from(length).unwrap_or(u64::MAX);
        let (at, metadata) = (of(block.offset()), of(i64::from(block.metaDataLength())));
        let (body, length) = (at.saturating_add(metadata), metadata.saturating_add(of(block.bodyLength())));
        Block { at, body, length }
    };
    let lists = [footer.dictionaries(), footer.recordBatches()];
    Ok(Some(lists.into_iter().flatten().flatten().map(block).collect()))
}

/// What a message says of itself.
#[derive(Debug, Default)]
struct Message {
    /// Where the message behind it begins.
    next: Option<u64>,
    /// The length that some compressed buffer absurdly claims to have.
    absurd: Option<i64>,
    is_dictionary: bool,
    /// Rows of a batch; those of a dictionary are none.
    rows: u64,
    /// Its bytes, and what its compressed buffers unpack to.
    bytes: u64,
}

/// The message at this place, whose buffers lie behind it, or where they are listed to begin and to end.
fn message(file: &mut File, mut at: u64, listed: Option<(u64, u64)>) -> io::Result<Message> {
    let mut metadata = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    let mut length = number(file)?;
    at += 4;
    if length == u32::MAX {
        length = number(file)?;
        at += 4;
    }
    // the reader of a file takes the list's word for this length too
    let length = listed.map_or(u64::from(length), |(body, _)| body.saturating_sub(at));
    let read = file.by_ref().take(length).read_to_end(&mut metadata)?;
    if let Some((body, end)) = listed
        && arrow_ipc::root_as_message(&metadata).is_err()
    {
        // it also finds a message that goes on in what the list calls its buffers
        file.by_ref().take(end.saturating_sub(body)).read_to_end(&mut metadata)?;
    }
    let Ok(message) = arrow_ipc::root_as_message(&metadata) else { return Ok(Message::default()) };
    at = listed.map_or(at + read as u64, |(body, _)| body);
    let body = u64::try_from(message.bodyLength()).ok();
    let bytes = body.unwrap_or(0).saturating_add(metadata.len() as u64);
    let mut found = Message { bytes, ..Message::default() };
    let rows = message.header_as_record_batch().map_or(0, |batch| batch.length());
    found.rows = u64::try_from(rows).unwrap_or(0);
    let dictionary = message.header_as_dictionary_batch();
    found.is_dictionary = dictionary.is_some();
    let batch = message.header_as_record_batch().or_else(|| dictionary?.data());
    if let Some(batch) = batch.filter(|batch| batch.compression().is_some()) {
        for buffer in batch.buffers().into_iter().flatten().filter(|buffer| buffer.length() >= 8) {
            file.seek(SeekFrom::Start(at.saturating_add(u64::try_from(buffer.offset()).unwrap_or(0))))?;
            let mut unpacked = [0; 8];
            file.read_exact(&mut unpacked)?;
            let unpacked = i64::from_le_bytes(unpacked);
            if unpacked > buffer.length().saturating_mul(MOST_EXPANSION) {
                return Ok(Message { absurd: Some(unpacked), ..found });
            }
            found.bytes = found.bytes.saturating_add(u64::try_from(unpacked).unwrap_or(0));
        }
    }
    found.next = body.and_then(|body| at.checked_add(body));
    Ok(found)
}

fn number(file: &mut File) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}
