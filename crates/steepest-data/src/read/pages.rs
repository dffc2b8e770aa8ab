//! The pages of a Parquet file, whose headers say how long they are unpacked: Parquet's reader allocates as much.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

/// A file whose pages are looked at before they are read.
pub(super) struct Pages {
    file: File,
    /// Where each column of a group of rows begins, in order, and which column it is.
    starts: Vec<(u64, usize)>,
    held: Held,
}

/// What the pages take that are unpacked at the same time: of each column its dictionary, and the page that is read.
#[derive(Clone, Debug)]
pub(super) struct Held(Arc<Mutex<Sizes>>);

#[derive(Debug, Default)]
struct Sizes {
    columns: Vec<[u64; 2]>,
    total: u64,
    allowed: u64,
}

impl Pages {
    /// The pages of a file, of which so many bytes may be held.
    pub(super) fn new(file: File, metadata: &ParquetMetaData, allowed: u64) -> Self {
        let groups = metadata.row_groups().iter();
        let mut starts: Vec<(u64, usize)> = groups
            .flat_map(|group| group.columns().iter().enumerate())
            .map(|(index, column)| (column.byte_range().0, index))
            .collect();
        starts.sort_unstable();
        let columns = vec![[0; 2]; metadata.file_metadata().schema_descr().num_columns()];
        let held = Held(Arc::new(Mutex::new(Sizes { columns, total: 0, allowed })));
        Self { file, starts, held }
    }

    pub(super) fn held(&self) -> Held {
        self.held.clone()
    }
}

impl Held {
    /// How many bytes there are, more than are allowed if a page was refused.
    pub(super) fn bytes(&self) -> u64 {
        self.sizes().total
    }

    fn sizes(&self) -> MutexGuard<'_, Sizes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a page in place of the last one of its column; whether there is room for it.
    fn take(&self, column: usize, page: &Header) -> bool {
        let mut sizes = self.sizes();
        let Sizes { columns, total, allowed } = &mut *sizes;
        if let Some(held) = columns.get_mut(column) {
            let held = &mut held[usize::from(page.is_dictionary)];
            *total = *total - *held + page.bytes;
            *held = page.bytes;
        }
        *total <= *allowed
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        Length::len(&self.file)
    }
}

impl ChunkReader for Pages {
    type T = NeverAtItsEnd;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut input = self.file.get_read(start)?;
        // reading begins anew where a page does, with its header
        if let Some(page) = Header::of(input.fill_buf()?) {
            let next = self.starts.partition_point(|(first, _)| *first <= start);
            let column = next.checked_sub(1).map_or(usize::MAX, |index| self.starts[index].1);
            if !self.held.take(column, &page) {
                return Err(ParquetError::General(format!("a page of {} bytes", page.bytes)));
            }
        }
        Ok(NeverAtItsEnd(input))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.file.get_bytes(start, length)
    }
}

/// A file whose end is an error. Parquet's reader passes over the fields of a page's header that it does not know, without a
/// look at whether they are there: a list that is said to have two billion elements would take it minutes.
pub(super) struct NeverAtItsEnd(BufReader<File>);

impl Read for NeverAtItsEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

/// What a page's header says first: in Thrift's compact protocol, three whole numbers in fields 1 to 3, a checksum in field 4
/// or none, and of a dictionary the number of its values in field 7, as all who write Parquet write them.
struct Header {
    is_dictionary: bool,
    /// Packed and unpacked together, and of a dictionary once more as values.
    bytes: u64,
}

/// The most bytes of a value of a dictionary, but for texts, which stay where they are.
const VALUE_BYTES: u64 = 8;

impl Header {
    fn of(mut bytes: &[u8]) -> Option<Self> {
        // the next field, and an i32 in it: as the reader has it, which looks at no type and cuts what is longer
        let number = |bytes: &mut &[u8]| {
            let (1, rest) = (bytes.first()? >> 4, &bytes[1..]) else { return None };
            let length = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
            let zigzag = (rest[..length].iter().zip((0..).step_by(7)))
                .fold(0u64, |all, (byte, shift)| all | u64::from(byte & 0x7F).wrapping_shl(shift));
            *bytes = &rest[length..];
            // a negative one is for the reader to refuse
            u32::try_from(((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)) as i32).ok().map(u64::from)
        };
        let (kind, unpacked, packed) = (number(&mut bytes)?, number(&mut bytes)?, number(&mut bytes)?);
        let is_dictionary = kind == 2;
        // field 7, a structure, whose first field is the number of values: the reader makes room for as many
        let checksum = bytes.first().is_some_and(|first| first >> 4 == 1);
        if checksum {
            let _ = number(&mut bytes);
        }
        let behind = if checksum { 3 } else { 4 };
        let values = match bytes.split_first() {
            Some((first, mut inside)) if is_dictionary && first >> 4 == behind => {
                number(&mut inside).unwrap_or(0)
            }
            _ => 0,
        };
        Some(Self { is_dictionary, bytes: unpacked + packed + values * VALUE_BYTES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_begins_with_kind_and_sizes() {
        let header = Header::of(&[0x15, 4, 0x15, 0x80, 0x02, 0x15, 20, 0]).unwrap();
        assert!(header.is_dictionary);
        assert_eq!(header.bytes, 128 + 10);
        // 64 values of eight bytes, without a checksum and with one, however it begins
        for page in [
            &[0x15, 4, 0x15, 2, 0x15, 2, 0x4C, 0x15, 0x80, 0x01][..],
            &[0x15, 4, 0x15, 2, 0x15, 2, 0x15, 9, 0x3C, 0x15, 0x80, 0x01],
        ] {
            assert_eq!(Header::of(page).unwrap().bytes, 1 + 1 + 64 * 8, "{page:?}");
        }
        // more of them, in more bytes than they need
        let long = [0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0x90, 0x03];
        let page = [&[0x15, 4, 0x15, 2, 0x15, 2, 0x4C, 0x15][..], &long[..]].concat();
        assert!(Header::of(&page).unwrap().bytes > 1 << 32);
        assert!(Header::of(&[0x15, 4, 0x15, 0x80]).is_none());
        assert!(Header::of(&[0x15, 3]).is_none() && Header::of(&[]).is_none());
    }
}
