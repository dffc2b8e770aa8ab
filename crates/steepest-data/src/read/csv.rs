//! CSV: text with one record a line, fields between separators.
//!
//! Tokenized by `csv-core`, the state machine inside Arrow's CSV reader, and not by that reader itself: it
//! cannot say on which line a ragged record lies, and it holds any record in memory however long.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::open::io_error;
use super::options::ReadOptions;
use super::raw::{Cells, RawCells, RawColumn, RawTable};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::typing::is_missing;

/// The longest record that is read, in bytes: far beyond any table, far below any memory.
pub const MAX_RECORD_BYTES: usize = 16 << 20;
/// The most columns of a table.
pub const MAX_COLUMNS: usize = 100_000;
/// How much of a file is looked at to find the separator, in bytes.
const SNIFFED_BYTES: u64 = 64 << 10;
/// How many records are looked at to find the separator and the header.
const SNIFFED_RECORDS: usize = 100;

/// Reads a table.
///
/// `path` is for messages only.
pub(crate) fn read(mut input: impl Read, path: &Path, options: &ReadOptions) -> Result<RawTable> {
    let mut head = Vec::new();
    input.by_ref().take(SNIFFED_BYTES).read_to_end(&mut head).map_err(|error| io_error(path, error))?;
    let whole = (head.len() as u64) < SNIFFED_BYTES;
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(Error::NotUtf8 { path: path.to_owned(), line: 1, column: 1 });
    }
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    let delimiter = options.delimiter.unwrap_or_else(|| sniff(&head, whole));
    Records::new(BufReader::with_capacity(1 << 18, Cursor::new(head).chain(input)), path, delimiter)
        .read_all()?
        .into_raw(path, delimiter, options)
}

/// The separator, among comma, semicolon, tab and bar, that gives the most even records; comma where none
/// gives two fields.
fn sniff(head: &[u8], whole: bool) -> u8 {
    let mut best = (b',', (0.0, 0));
    for delimiter in [b',', b';', b'\t', b'|'] {
        let counts = field_counts(head, delimiter, whole);
        let Some(&first) = counts.first() else {
            continue;
        };
        if first < 2 {
            continue;
        }
        let even = counts.iter().filter(|&&count| count == first).count() as f64 / counts.len() as f64;
        // "1,5;2,5": both are even there, and the commas stand inside numbers
        let decimal_commas = best.0 == b',' && best.1.0 > 0.0 && even == 1.0 && commas_are_decimal(head);
        if decimal_commas || (even, first) > best.1 {
            best = (delimiter, (even, first));
        }
    }
    best.0
}

fn commas_are_decimal(head: &[u8]) -> bool {
    let around = |at: usize| {
        at > 0 && head[at - 1].is_ascii_digit() && head.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    head.iter().enumerate().filter(|(_, byte)| **byte == b',').all(|(at, _)| around(at))
}

/// The number of fields of the first records, without a last one that the sample may have cut.
fn field_counts(head: &[u8], delimiter: u8, whole: bool) -> Vec<usize> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut text, mut ends) = (vec![0; 4096], vec![0; 256]);
    let (mut rest, mut fields, mut counts) = (head, 0, Vec::new());
    while counts.len() < SNIFFED_RECORDS {
        if rest.is_empty() && !whole {
            break;
        }
        let (result, read, _, found) = reader.read_record(rest, &mut text, &mut ends);
        rest = &rest[read..];
        fields += found;
        match result {
            // only the number of fields matters, so the buffers are overwritten
            ReadRecordResult::InputEmpty
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => {}
            ReadRecordResult::Record => counts.push(std::mem::take(&mut fields)),
            ReadRecordResult::End => break,
        }
    }
    counts
}

/// The records of a file, as text in columns; the header, if there is one, is the first record.
struct AllRecords {
    columns: Vec<Cells>,
    lines: Vec<u32>,
}

/// Reads records and keeps count of lines.
struct Records<'p, R> {
    input: R,
    path: &'p Path,
    csv: Reader,
    /// The line on which the next byte lies, from 1.
    line: u64,
    /// The fields of the current record, without separators and quotes.
    text: Vec<u8>,
    /// Where each field ends in `text`.
    ends: Vec<usize>,
}

impl<'p, R: BufRead> Records<'p, R> {
    fn new(input: R, path: &'p Path, delimiter: u8) -> Self {
        let csv = ReaderBuilder::new().delimiter(delimiter).build();
        Self { input, path, csv, line: 1, text: vec![0; 4096], ends: vec![0; 64] }
    }

    fn read_all(mut self) -> Result<AllRecords> {
        let path = || self.path.to_owned();
        let mut raw = AllRecords { columns: Vec::new(), lines: Vec::new() };
        loop {
            self.skip_blank_lines()?;
            let line = self.line;
            let Some((bytes, fields)) = self.next()? else {
                break;
            };
            let text = std::str::from_utf8(&self.text[..bytes]).map_err(|error| Error::NotUtf8 {
                path: self.path.to_owned(),
                line,
                column: self.ends[..fields].iter().filter(|&&end| end <= error.valid_up_to()).count() + 1,
            })?;
            if raw.lines.is_empty() {
                raw.columns = vec![Cells::default(); fields];
            } else if fields != raw.columns.len() {
                let hint =
                    if self.line > line + 1 { " (a quote opens here and closes lines later)" } else { "" };
                let expected = raw.columns.len();
                return Err(Error::RaggedRow { path: path(), line, expected, found: fields, hint });
            }
            let mut start = 0;
            for (column, &end) in raw.columns.iter_mut().zip(&self.ends[..fields]) {
                // fields end at separators, which are ASCII, so the cut falls between characters unless the
                // separator is not
                let cell =
                    text.get(start..end).ok_or_else(|| Error::NotUtf8 { path: path(), line, column: 1 })?;
                column.push(cell.trim());
                start = end;
            }
            raw.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        }
        Ok(raw)
    }

    /// csv-core skips blank lines too, but then the line of the record would be unknown.
    fn skip_blank_lines(&mut self) -> Result<()> {
        loop {
            let bytes = self.input.fill_buf().map_err(|error| io_error(self.path, error))?;
            let blank = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            self.line += newlines(&bytes[..blank]);
            let ended = blank < bytes.len() || bytes.is_empty();
            self.input.consume(blank);
            if ended {
                return Ok(());
            }
        }
    }

    /// Reads one record: its length in `text` and its number of fields; `None` at the end.
    fn next(&mut self) -> Result<Option<(usize, usize)>> {
        let first_line = self.line;
        let (mut length, mut fields, mut consumed, mut quotes) = (0, 0, 0, 0);
        loop {
            let bytes = self.input.fill_buf().map_err(|error| io_error(self.path, error))?;
            let at_end = bytes.is_empty();
            let (result, read, wrote, ended) =
                self.csv.read_record(bytes, &mut self.text[length..], &mut self.ends[fields..]);
            let seen = &bytes[..read];
            if let Some(zero) = seen.iter().position(|&byte| byte == 0) {
                let line = self.line + newlines(&seen[..zero]);
                return Err(Error::BinaryBytes { path: self.path.to_owned(), line });
            }
            self.line += newlines(seen);
            quotes += seen.iter().filter(|&&byte| byte == b'"').count();
            self.input.consume(read);
            length += wrote;
            fields += ended;
            consumed += read;
            if consumed > MAX_RECORD_BYTES {
                let path = self.path.to_owned();
                return Err(Error::RecordTooLong { path, line: first_line, limit: MAX_RECORD_BYTES });
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if fields > MAX_COLUMNS => {
                    let path = self.path.to_owned();
                    return Err(Error::TooManyColumns { path, found: fields, limit: MAX_COLUMNS });
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    // ends only at the end of the file, having swallowed lines: the quote was not meant to
                    // hold them
                    if at_end && quotes % 2 == 1 && self.line > first_line {
                        return Err(Error::UnclosedQuote { path: self.path.to_owned(), line: first_line });
                    }
                    return Ok(Some((length, fields)));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

impl AllRecords {
    /// Splits off the header.
    fn into_raw(self, path: &Path, delimiter: u8, options: &ReadOptions) -> Result<RawTable> {
        if self.lines.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), found: "nothing" });
        }
        let mut notes = Vec::new();
        let header = options.header.unwrap_or_else(|| self.first_record_is_header());
        if options.header.is_none() && !header {
            notes.push("the first line looks like data, so the file has no header and its columns are called c1, c2, ..".to_owned());
        }
        let first = usize::from(header);
        if self.lines.len() == first {
            return Err(Error::Empty { path: path.to_owned(), found: "a header alone" });
        }
        let names = self.names(header, &mut notes);
        let column = |(name, cells): (String, Cells)| RawColumn {
            name,
            cells: RawCells::Text(cells.iter().skip(first).collect()),
        };
        let lines = self.lines[first..].to_vec();
        Ok(RawTable {
            columns: names.into_iter().zip(self.columns).map(column).collect(),
            rows: lines.len(),
            lines,
            commas_separate: delimiter == b',',
            notes,
        })
    }

    fn names(&self, header: bool, notes: &mut Vec<String>) -> Vec<String> {
        let mut names = Vec::with_capacity(self.columns.len());
        for (index, cells) in self.columns.iter().enumerate() {
            let written = if header { cells.get(0) } else { "" };
            let name = if written.is_empty() { format!("c{}", index + 1) } else { written.to_owned() };
            if header && written.is_empty() {
                notes.push(format!("column {} has no name in the header and is called {name:?}", index + 1));
            }
            names.push(name);
        }
        names
    }

    /// Whether the first record names the columns: yes, unless every column of numbers has a number there
    /// too.
    ///
    /// Numbers that count up by one (0, 1, 2 as pandas writes for nameless columns; years) are names all the
    /// same.
    fn first_record_is_header(&self) -> bool {
        let last = self.lines.len().min(SNIFFED_RECORDS);
        let numeric = |cells: &&Cells| {
            let mut known = (1..last).map(|row| cells.get(row)).filter(|cell| !is_missing(cell)).peekable();
            known.peek().is_some() && known.all(|cell| number(cell).is_some())
        };
        let mut first: Vec<&str> = self.columns.iter().filter(numeric).map(|cells| cells.get(0)).collect();
        if last == 1 {
            first = self.columns.iter().map(|cells| cells.get(0)).collect();
        }
        let numbers: Vec<f64> = first.iter().filter_map(|cell| number(cell)).collect();
        let all_numbers = !first.is_empty()
            && !numbers.is_empty()
            && first.iter().all(|cell| number(cell).is_some() || (!cell.is_empty() && is_missing(cell)));
        let begins_like_names =
            numbers.len() > 3 || numbers.first().is_some_and(|&n| n == 0.0 || (1500.0..2200.0).contains(&n));
        let counts_up =
            numbers.len() > 1 && begins_like_names && numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
        !all_numbers || counts_up
    }
}

/// A number with a decimal point.
fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|value: &f64| !value.is_nan())
}

/// For the reader of embedded data: every column's type is found by inference.
pub(crate) fn read_bytes(input: impl Read, name: &str) -> Result<Table> {
    let options = ReadOptions::default();
    read(input, Path::new(name), &options)?.into_table(Path::new(name), &options)
}
