//! From bytes to fields: where records and fields begin and end.
//!
//! Lines without a quote, nearly all there are, are cut at their separators here. A record with a quote goes
//! through `csv-core`, the state machine inside Arrow's CSV reader, and not through that reader itself: it
//! cannot say on which line a ragged record lies, and it holds any record in memory however long.

use std::io::Read;
use std::path::Path;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr_iter, memchr2, memchr3_iter};

use super::comment::{Comment, fields};
use crate::error::{Error, Result};
use crate::read::column::Column;
use crate::read::limits::{MAX_COLUMNS, MAX_RECORD_BYTES};
use crate::read::memory::Budget;
use crate::read::open::io_error;

/// Bytes that are looked at together.
const BLOCK_BYTES: usize = 1 << 20;
/// Fields that are looked at together: no more than a block has bytes, also where one long record needs a longer one.
const BLOCK_FIELDS: usize = BLOCK_BYTES;
/// Set in the place of a field that lies in `spelled`.
pub(super) const SPELLED: u32 = 1 << 31;

/// What the records of a file hold.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) columns: Vec<Column>,
    /// The line on which each record begins.
    pub(super) lines: Vec<u32>,
    /// Comment lines among the records: how many, and the first.
    pub(super) comments: Option<(usize, u64)>,
    /// Records with blank cells beyond the last column: how many, and the line of the first.
    pub(super) blank_ends: Option<(usize, u64)>,
}

/// How a file is cut.
pub(super) struct Cut<'a> {
    pub(super) path: &'a Path,
    pub(super) delimiter: u8,
    /// What a line that is no record begins with.
    pub(super) comment: Option<Comment<'a>>,
    /// Fields of each record; `None` if the first record tells.
    pub(super) width: Option<usize>,
    /// The first line that counts.
    pub(super) first_line: u64,
    pub(super) budget: &'a Budget,
}

/// A block of the file.
pub(super) struct Scan<'a, R> {
    input: R,
    pub(super) cut: &'a Cut<'a>,
    csv: Reader,
    /// The line on which the next byte lies, from 1.
    pub(super) line: u64,
    pub(super) buffer: Vec<u8>,
    /// How much of the buffer is filled.
    filled: usize,
    /// How much of it is looked at.
    visible: usize,
    /// Whether every carriage return in it stands before a line feed; alone it ends a line too.
    plain: bool,
    /// Whether nothing follows the buffer.
    ended: bool,
    pub(super) width: Option<usize>,
    /// Start and end of each field of the block, record by record; with [`SPELLED`] in `spelled`, else in the
    /// buffer.
    pub(super) fields: Vec<(u32, u32)>,
    /// Where each record of the block begins in the buffer.
    pub(super) starts: Vec<u32>,
    /// Fields without their quotes.
    pub(super) spelled: Vec<u8>,
    pub(super) records: Records,
}

impl<'a, R: Read> Scan<'a, R> {
    pub(super) fn new(input: R, cut: &'a Cut<'a>) -> Self {
        Self {
            input,
            cut,
            csv: ReaderBuilder::new().delimiter(cut.delimiter).build(),
            line: 1,
            buffer: vec![0; BLOCK_BYTES],
            filled: 0,
            visible: 0,
            plain: true,
            ended: false,
            width: cut.width,
            fields: Vec::new(),
            starts: Vec::new(),
            spelled: Vec::new(),
            records: Records::default(),
        }
    }

    /// Goes through the file; `look` is called with the fields of each block, and how much of it they are.
    pub(super) fn each_block(&mut self, mut look: impl FnMut(&mut Self, usize) -> Result<()>) -> Result<()> {
        loop {
            self.fill()?;
            let consumed = self.scan()?;
            look(self, consumed)?;
            if self.ended && consumed == self.filled {
                return Ok(());
            }
            if consumed == 0 {
                self.check_length(self.filled)?;
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            self.buffer.copy_within(consumed..self.filled, 0);
            self.filled -= consumed;
        }
    }
}

/// How a record ended.
enum Outcome {
    /// It ends before this place in the buffer.
    Complete(usize),
    /// It has a quote.
    Quoted,
    /// It goes on beyond the buffer.
    Unfinished,
}

impl<R: Read> Scan<'_, R> {
    fn fill(&mut self) -> Result<()> {
        let before = self.filled;
        while self.filled < self.buffer.len() && !self.ended {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    self.ended = read == 0;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(self.cut.path, error)),
            }
        }
        if let Some(zero) = memchr(0, &self.buffer[before..self.filled]) {
            let line = self.line + self.lines_in(0, before + zero);
            return Err(Error::BinaryBytes { path: self.cut.path.to_owned(), line });
        }
        Ok(())
    }

    /// Finds the fields of all records that are whole in the buffer; how much of it they are.
    fn scan(&mut self) -> Result<usize> {
        self.fields.clear();
        self.starts.clear();
        self.spelled.clear();
        // what follows a carriage return decides what it is
        let cut_pair = !self.ended && self.filled > 0 && self.buffer[self.filled - 1] == b'\r';
        self.visible = self.filled - usize::from(cut_pair);
        self.plain = !memchr_iter(b'\r', &self.buffer[..self.visible]).any(|at| self.is_lone_return(at));
        let mut at = 0;
        loop {
            while at < self.visible && matches!(self.buffer[at], b'\n' | b'\r') {
                self.line += self.lines_in(at, at + 1);
                at += 1;
            }
            if at == self.visible || self.fields.len() > BLOCK_FIELDS {
                return Ok(at);
            }
            let skipped = self.line < self.cut.first_line;
            let line = &self.buffer[at..self.visible];
            let as_wide = || {
                let end = memchr2(b'\n', b'\r', line).unwrap_or(line.len());
                self.width == Some(fields(&line[..end], self.cut.delimiter))
            };
            if skipped || self.cut.comment.is_some_and(|comment| comment.is(line, as_wide)) {
                let Some(end) = self.line_end(at) else { return Ok(at) };
                if !skipped {
                    self.records.comments.get_or_insert((0, self.line)).0 += 1;
                }
                self.line += self.lines_in(at, end);
                at = end;
                continue;
            }
            let (base, first_line) = (self.fields.len(), self.line);
            let outcome = match if self.plain { self.plain_record(at) } else { Outcome::Quoted } {
                Outcome::Quoted => {
                    self.fields.truncate(base);
                    self.quoted_record(at)?
                }
                outcome => outcome,
            };
            let Outcome::Complete(end) = outcome else {
                self.fields.truncate(base);
                return Ok(at);
            };
            self.check_length(end - at)?;
            self.line += self.lines_in(at, end);
            let spans_lines = self.line > first_line && self.lines_in(at, end - 1) > 0;
            self.starts.push(at as u32);
            self.check_width(base, first_line, spans_lines)?;
            self.records.lines.push(u32::try_from(first_line).unwrap_or(u32::MAX));
            at = end;
        }
    }

    fn is_lone_return(&self, at: usize) -> bool {
        self.buffer[at] == b'\r' && (at + 1 == self.filled || self.buffer[at + 1] != b'\n')
    }

    /// Lines that end in this part of the buffer.
    fn lines_in(&self, from: usize, to: usize) -> u64 {
        let feeds = memchr_iter(b'\n', &self.buffer[from..to]).count();
        let returns = if self.plain { 0 } else { (from..to).filter(|&at| self.is_lone_return(at)).count() };
        (feeds + returns) as u64
    }

    /// The place behind the line that begins here; `None` if it goes on beyond the buffer.
    fn line_end(&self, at: usize) -> Option<usize> {
        match memchr2(b'\n', b'\r', &self.buffer[at..self.visible]) {
            Some(length) => {
                let end = at + length;
                Some(if self.buffer[end] == b'\n' || self.is_lone_return(end) { end + 1 } else { end + 2 })
            }
            None => self.ended.then_some(self.visible),
        }
    }

    fn check_length(&self, length: usize) -> Result<()> {
        if length <= MAX_RECORD_BYTES {
            return Ok(());
        }
        Err(Error::RecordTooLong { path: self.cut.path.to_owned(), line: self.line, limit: MAX_RECORD_BYTES })
    }

    /// Every record has as many fields as the first; blank ones beyond are let go.
    fn check_width(&mut self, base: usize, line: u64, spans_lines: bool) -> Result<()> {
        let found = self.fields.len() - base;
        if found > MAX_COLUMNS {
            return Err(Error::TooManyColumns { path: self.cut.path.to_owned(), found, limit: MAX_COLUMNS });
        }
        let width = *self.width.get_or_insert(found);
        if found == width {
            return Ok(());
        }
        let blank = |&(start, end): &(u32, u32)| {
            let (bytes, mark) =
                if start & SPELLED == 0 { (&self.buffer, 0) } else { (&self.spelled, SPELLED) };
            bytes[(start ^ mark) as usize..(end ^ mark) as usize].iter().all(u8::is_ascii_whitespace)
        };
        if found > width && self.fields[base + width..].iter().all(blank) {
            self.fields.truncate(base + width);
            self.records.blank_ends.get_or_insert((0, line)).0 += 1;
            return Ok(());
        }
        let hint = if spans_lines { " (a quote opens here and closes lines later)" } else { "" };
        Err(Error::RaggedRow { path: self.cut.path.to_owned(), line, expected: width, found, hint })
    }

    /// Cuts a line without a quote at its separators.
    fn plain_record(&mut self, start: usize) -> Outcome {
        let bytes = &self.buffer[start..self.visible];
        let (mut field, base) = (start, self.fields.len());
        for at in memchr3_iter(self.cut.delimiter, b'\n', b'"', bytes) {
            let place = start + at;
            match bytes[at] {
                b'\n' => {
                    let end = if at > 0 && bytes[at - 1] == b'\r' { place - 1 } else { place };
                    self.fields.push((field as u32, end.max(field) as u32));
                    return Outcome::Complete(place + 1);
                }
                b'"' => return Outcome::Quoted,
                _ => {
                    self.fields.push((field as u32, place as u32));
                    field = place + 1;
                    // as many are an error, which need not count all of them
                    if self.fields.len() > base + MAX_COLUMNS {
                        return Outcome::Complete(place + 1);
                    }
                }
            }
        }
        if !self.ended {
            return Outcome::Unfinished;
        }
        // a carriage return here would be a lone one, which plain text does not have
        self.fields.push((field as u32, self.visible as u32));
        Outcome::Complete(self.visible)
    }

    /// Cuts a record as the state machine does.
    fn quoted_record(&mut self, start: usize) -> Result<Outcome> {
        self.csv.reset();
        let base = self.spelled.len();
        let (mut at, mut length, mut count) = (start, 0, 0);
        let mut ends = vec![0; self.width.unwrap_or(16) + 1];
        loop {
            self.spelled.resize(self.spelled.len().max(base + length * 2 + 256), 0);
            let input = &self.buffer[at..self.visible];
            let nothing_more = input.is_empty();
            let (result, read, wrote, ended) =
                self.csv.read_record(input, &mut self.spelled[base + length..], &mut ends[count..]);
            at += read;
            length += wrote;
            count += ended;
            self.check_length(at - start)?;
            match result {
                ReadRecordResult::InputEmpty if !self.ended => {
                    self.spelled.truncate(base);
                    return Ok(Outcome::Unfinished);
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull => {}
                ReadRecordResult::OutputEndsFull if count > MAX_COLUMNS => {
                    let path = self.cut.path.to_owned();
                    return Err(Error::TooManyColumns { path, found: count, limit: MAX_COLUMNS });
                }
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => {
                    // ends only at the end of the file, having swallowed lines: the quote was not meant to hold
                    // them
                    let quotes = memchr_iter(b'"', &self.buffer[start..at]).count();
                    if nothing_more && quotes % 2 == 1 && self.lines_in(start, at) > 0 {
                        return Err(Error::UnclosedQuote { path: self.cut.path.to_owned(), line: self.line });
                    }
                    break;
                }
            }
        }
        self.spelled.truncate(base + length);
        let mut field = base as u32;
        for &end in &ends[..count] {
            let end = (base + end) as u32;
            self.fields.push((field | SPELLED, end | SPELLED));
            field = end;
        }
        Ok(Outcome::Complete(at))
    }
}
