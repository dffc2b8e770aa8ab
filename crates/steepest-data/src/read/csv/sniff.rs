//! The first records of a file, whatever they are, to find out how it is written.

use crate::typing::is_marked_number;
use csv_core::{ReadRecordResult, ReaderBuilder};

use super::comment::{Comment, fields};
use crate::read::limits::MAX_COLUMNS;

/// How many records are looked at.
pub(super) const RECORDS: usize = 100;
/// And how many of their fields, where more than a few records have as many.
const FIELDS: usize = 1 << 18;
const FEWEST_RECORDS: usize = 3;

/// A record and the line on which it begins.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) line: u64,
    /// The line behind it.
    pub(super) next_line: u64,
    /// Trimmed.
    pub(super) fields: Vec<String>,
}

impl Record {
    /// Cells that are not empty.
    pub(super) fn filled(&self) -> usize {
        self.fields.iter().filter(|cell| !cell.is_empty()).count()
    }
}

/// The first records from `text` on, whose first line is `line`, without those that a comment line is and
/// without a last one that `text` may have cut.
pub(super) fn records(
    text: &str,
    mut line: u64,
    whole: bool,
    delimiter: u8,
    comment: Option<Comment<'_>>,
) -> Vec<Record> {
    let mut csv = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut output, mut ends) = (vec![0; 4096], vec![0; 256]);
    let (mut rest, mut records) = (text.as_bytes(), Vec::new());
    let mut looked_at = 0;
    while records.len() < RECORDS && (looked_at < FIELDS || records.len() < FEWEST_RECORDS) {
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        line += lines(&rest[..blank]);
        rest = &rest[blank..];
        let as_wide = || {
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            records.last().is_some_and(|last: &Record| last.fields.len() == fields(&rest[..end], delimiter))
        };
        if comment.is_some_and(|comment| comment.is(rest, as_wide)) {
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
            rest = &rest[end..];
            continue;
        }
        let (start, mut length, mut count) = (rest, 0, 0);
        let complete = loop {
            let (result, read, wrote, ended) =
                csv.read_record(rest, &mut output[length..], &mut ends[count..]);
            rest = &rest[read..];
            length += wrote;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty if !whole => break false,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => output.resize(output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if count > MAX_COLUMNS => break false,
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record => break true,
                ReadRecordResult::End => break false,
            }
        };
        if !complete {
            break;
        }
        // the state machine leaves the second half of a pair to the next record
        if start[..start.len() - rest.len()].ends_with(b"\r") && rest.starts_with(b"\n") {
            rest = &rest[1..];
        }
        looked_at += count;
        let mut from = 0;
        let cells = ends[..count].iter().map(|&end| {
            let cell = String::from_utf8_lossy(&output[from..end]).trim().to_owned();
            from = end;
            cell
        });
        let length = lines(&start[..start.len() - rest.len()]);
        records.push(Record { line, next_line: line + length.max(1), fields: cells.collect() });
        line += length;
    }
    records
}

/// Lines that end in these bytes, which do not end within a pair: with a line feed, or with a carriage return
/// and none behind it.
fn lines(bytes: &[u8]) -> u64 {
    let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    (0..bytes.len()).filter(ends).count() as u64
}

/// The separator, among comma, semicolon, tab and bar, that gives the most even records, and these records;
/// comma where none gives two fields.
pub(super) fn sniff(text: &str, records: impl Fn(u8) -> Vec<Record>) -> (u8, Vec<Record>) {
    let mut best = (b',', (0.0, 0), None);
    // of two that are as even, the comma is more often a part of cells
    for delimiter in [b'\t', b';', b'|', b','] {
        let records = records(delimiter);
        let width = usual_width(&records);
        if width < 2 {
            continue;
        }
        let even = records.iter().filter(|record| record.fields.len() == width).count() as f64
            / records.len() as f64;
        // "1,5;2,5": both are even there, and the commas stand inside numbers
        let decimal_commas = delimiter == b',' && best.1.0 == 1.0 && commas_are_decimal(text);
        if !decimal_commas && (even, width) > best.1 {
            best = (delimiter, (even, width), Some(records));
        }
    }
    // each line is a number with commas in it, under a name without
    let is_number = |record: &Record| is_marked_number(&record.fields.join(","));
    let one_column = best.0 == b','
        && best.1.0 < 1.0
        && best
            .2
            .as_ref()
            .is_some_and(|records| records[0].fields.len() == 1 && records[1..].iter().all(is_number));
    if one_column {
        // a name and numbers below it: the commas are theirs
        return (b'\t', records(b'\t'));
    }
    (best.0, best.2.unwrap_or_else(|| records(b',')))
}

/// The number of fields that most records have; the larger of two that are as frequent.
pub(super) fn usual_width(records: &[Record]) -> usize {
    let mut widths: Vec<usize> = records.iter().map(|record| record.fields.len()).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

fn commas_are_decimal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let around = |at: usize| {
        at > 0 && bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    memchr::memchr_iter(b',', bytes).all(around)
}
