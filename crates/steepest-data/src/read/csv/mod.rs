//! CSV: text with one record a line, fields between separators.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8};

use super::column::Column;
use super::encoding::{Decoded, detect, named, of_head};
use super::limits::MAX_RECORD_BYTES;
use super::open::io_error;
use super::options::ReadOptions;
use super::raw::{RawColumn, RawTable};
use super::typed::typed;
use crate::error::{Error, Result, shown};
use crate::table::Table;
use crate::typing::is_missing;
use frame::Frame;
use records::{Cut, Records, read_all};

mod comment;
mod frame;
mod records;
mod sample;

/// How much of a file is looked at to find out how it is written, in bytes; more only if it has few lines.
const SNIFFED_BYTES: usize = 64 << 10;
/// The fewest lines that are looked at, unless they are longer than any record may be.
const SNIFFED_LINES: usize = 20;

/// Opens the same bytes anew.
pub(crate) type Reopen<'a> = &'a dyn Fn() -> Result<Box<dyn Read>>;

/// Reads a table.
///
/// `path` is for messages only.
pub(crate) fn read(open: Reopen<'_>, path: &Path, options: &ReadOptions) -> Result<RawTable> {
    let mut input = open()?;
    let head = head(&mut input, SNIFFED_BYTES as u64, path)?;
    let marked = of_head(&head);
    let asked = options.encoding.as_deref().map(named).transpose()?;
    let (encoding, assumed) = match (asked, marked) {
        (Some(asked), _) => (asked, false),
        (None, Some((encoding, _))) => (encoding, false),
        (None, None) => match std::str::from_utf8(&head) {
            Err(error) if error.error_len().is_some() => (detect(open()?, path)?.unwrap_or(UTF_8), false),
            _ => (UTF_8, true),
        },
    };
    let mark = marked.filter(|(marked, _)| *marked == encoding).map_or(0, |(_, mark)| mark);
    let mut start = Cursor::new(head);
    start.set_position(mark as u64);
    let table = match decoded(start.chain(input), encoding, path, options) {
        // the first byte that is not UTF-8 lies far behind the first ones
        Err(error @ Error::NotUtf8 { .. }) if assumed => match detect(open()?, path)? {
            None => return Err(error),
            Some(encoding) => (decoded(open()?, encoding, path, options)?, encoding),
        },
        outcome => (outcome?, encoding),
    };
    let (mut table, encoding) = table;
    if encoding != UTF_8 && asked.is_none() {
        table.notes.insert(0, format!("the text is read as {}, which its bytes tell", encoding.name()));
    }
    Ok(table)
}

fn head(input: &mut impl Read, bytes: u64, path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(bytes).read_to_end(&mut head).map_err(|error| io_error(path, error))?;
    Ok(head)
}

fn decoded(
    input: impl Read,
    encoding: &'static Encoding,
    path: &Path,
    options: &ReadOptions,
) -> Result<RawTable> {
    if encoding == UTF_8 {
        table(input, path, options)
    } else {
        table(Decoded::new(input, encoding), path, options)
    }
}

/// Reads a table from UTF-8.
fn table(mut input: impl Read, path: &Path, options: &ReadOptions) -> Result<RawTable> {
    let (mut head, mut more) = (Vec::new(), SNIFFED_BYTES);
    let whole = loop {
        let piece = self::head(&mut input, more as u64, path)?;
        head.extend_from_slice(&piece);
        if piece.len() < more {
            break true;
        }
        let lines = memchr::memchr2_iter(b'\n', b'\r', &head).count();
        if lines >= SNIFFED_LINES || head.len() > MAX_RECORD_BYTES {
            break false;
        }
        more = head.len();
    };
    let text = String::from_utf8_lossy(&head);
    let text = match &text {
        // a letter that was cut
        Cow::Owned(text) if !whole => text.trim_end_matches('\u{fffd}'),
        text => text,
    };
    let mut frame = Frame::of(text, whole, options);
    let cut = Cut {
        path,
        delimiter: frame.delimiter,
        comment: frame.comment(),
        width: frame.width,
        first_line: frame.first_line,
    };
    let mut records = read_all(Cursor::new(&head).chain(input), &cut)?;
    if records.lines.is_empty() {
        let found = if frame.header.is_some() { "a header alone" } else { "nothing" };
        return Err(Error::Empty { path: path.to_owned(), found });
    }
    let header = frame.header.take();
    let mut notes = std::mem::take(&mut frame.notes);
    if !options.all_rows {
        leave_out_totals(&mut records, &mut notes);
    }
    Ok(into_raw(records, header, notes, &frame))
}

fn into_raw(
    mut records: Records,
    header: Option<Vec<String>>,
    mut notes: Vec<String>,
    frame: &Frame,
) -> RawTable {
    if let (Some((count, line)), Some(comment)) = (records.comments, &frame.comment) {
        notes.push(format!(
            "{count} lines among the rows, the first line {line}, begin with {:?} and are left out",
            shown(comment)
        ));
    }
    if let Some((count, line)) = records.blank_ends {
        notes.push(format!("{count} rows, the first on line {line}, have blank cells behind the last column, which are left out"));
    }
    let written = |index: usize| header.as_ref().map_or("", |header| header[index].as_str());
    let mut width = records.columns.len();
    while width > 1 && written(width - 1).is_empty() && records.columns[width - 1].is_blank() {
        width -= 1;
    }
    if width < records.columns.len() {
        let count = records.columns.len() - width;
        notes.push(format!(
            "the last {count} of {} columns have neither name nor cell and are left out",
            width + count
        ));
        records.columns.truncate(width);
    }
    let has_header = header.is_some();
    let mut columns = Vec::with_capacity(width);
    for (index, column) in records.columns.into_iter().enumerate() {
        let written = written(index);
        let name = if written.is_empty() { format!("c{}", index + 1) } else { written.to_owned() };
        if has_header && written.is_empty() {
            notes.push(format!(
                "column {} has no name in the header and is called {:?}",
                index + 1,
                shown(&name)
            ));
        }
        columns.push(RawColumn { name, cells: column.into_cells() });
    }
    RawTable {
        columns,
        rows: records.lines.len(),
        lines: records.lines,
        commas_separate: frame.delimiter == b',',
        has_header: Some(has_header),
        notes,
        ..RawTable::default()
    }
}

/// The most rows that sum up the others.
const MOST_TOTALS: usize = 3;

/// Last rows that sum up the others are none of them: those with a word for it that no other row has in that place, where
/// the word is no value of its column, or the numbers are the sums or means of the others.
fn leave_out_totals(records: &mut Records, notes: &mut Vec<String>) {
    if records.columns.len() < 2 {
        return;
    }
    for _ in 0..MOST_TOTALS {
        let Some(last) = records.lines.len().checked_sub(1).filter(|&last| last > 0) else { return };
        let word_of = |column: &&Column| {
            let word = column.text(last);
            // a word that other rows have too is a level
            is_total(&word) && !(0..last).any(|row| column.text(row) == word)
        };
        let Some(column) = records.columns.iter().find(word_of) else { return };
        let others_are_numbers = numbers(column, last).is_some_and(|others| !others.is_empty());
        if !others_are_numbers && !records.columns.iter().any(|column| sums_up(column, last)) {
            return;
        }
        let word = column.text(last);
        let word = format!("{:?}", shown(&word));
        records.columns.iter_mut().for_each(Column::pop);
        let line = records.lines.pop().unwrap_or_default();
        notes.push(format!("line {line}, one of the last, is left out: {word} in it sums up the others"));
    }
}

/// The numbers of the first rows; `None` if other words stand among them.
fn numbers(column: &Column, rows: usize) -> Option<Vec<f64>> {
    let known = (0..rows).map(|row| column.text(row)).filter(|cell| !is_missing(cell));
    known.map(|cell| cell.parse().ok().filter(|number: &f64| number.is_finite())).collect()
}

/// Whether the last cell is the sum or the mean of those above it, as far as it is written out.
fn sums_up(column: &Column, last: usize) -> bool {
    let (Ok(total), Some(others)) = (column.text(last).parse::<f64>(), numbers(column, last)) else {
        return false;
    };
    let sum: f64 = others.iter().sum();
    let near = |other: f64| (total - other).abs() <= 0.005 * total.abs().max(f64::MIN_POSITIVE);
    others.len() > 1 && total != 0.0 && (near(sum) || near(sum / others.len() as f64))
}

fn is_total(cell: &str) -> bool {
    const WORDS: [&str; 21] = [
        "total",
        "totals",
        "grand total",
        "sum",
        "sums",
        "summe",
        "gesamt",
        "gesamtsumme",
        "insgesamt",
        "somme",
        "totale",
        "total general",
        "average",
        "mean",
        "subtotal",
        "count",
        "mittelwert",
        "durchschnitt",
        "moyenne",
        "promedio",
        "media",
    ];
    let cell = cell.trim_end_matches(':').trim_end().to_lowercase();
    WORDS.contains(&cell.as_str())
}

/// For the reader of embedded data: every column's type is found by inference.
pub(crate) fn read_bytes(open: Reopen<'_>, name: &str) -> Result<Table> {
    let options = ReadOptions::default();
    typed(read(open, Path::new(name), &options)?, Path::new(name), &options)
}
