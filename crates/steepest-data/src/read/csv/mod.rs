//! CSV: text with one record a line, fields between separators.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8};

use super::encoding::{Decoded, detect, named, of_head};
use super::keep::{self, Counted, Keep};
use super::limits::MAX_RECORD_BYTES;
use super::memory::Budget;
use super::open::io_error;
use super::options::ReadOptions;
use super::raw::{RawColumn, RawTable};
use super::typed::typed;
use crate::error::{Error, Result, shown};
use crate::table::Table;
use frame::Frame;
use records::{count_all, read_all};
use scan::Records;
use totals::{leave_out_totals, totals};

mod comment;
mod frame;
mod records;
mod scan;
mod sniff;
mod totals;

/// How much of a file is looked at to find out how it is written, in bytes; more only if it has few lines.
const SNIFFED_BYTES: usize = 64 << 10;
/// The fewest lines that are looked at, unless they are longer than this or, in bytes, any record may be.
const SNIFFED_LINES: usize = 20;
const FEW_LINES: usize = 3;
const SNIFFED_OF_FEW: usize = 1 << 20;
/// How many times what is looked at is held meanwhile: as it is, and cut into cells in two ways.
const SNIFFED_COPIES: u64 = 4;

/// Opens the same bytes anew.
pub(crate) type Reopen<'a> = &'a dyn Fn() -> Result<Box<dyn Read>>;

/// Reads a table, or some of its rows.
///
/// `path` is for messages only.
pub(super) fn read(
    open: Reopen<'_>,
    path: &Path,
    options: &ReadOptions,
    budget: &Budget,
    keep: Keep<'_>,
) -> Result<RawTable> {
    let (mut table, found) =
        in_its_encoding(open, path, options, |input| table(input, path, options, budget, keep))?;
    if let Some(encoding) = found {
        table.notes.insert(0, format!("the text is read as {}, which its bytes tell", encoding.name()));
    }
    Ok(table)
}

/// How many rows a table has, without those at its end that sum up the others.
pub(super) fn count(
    open: Reopen<'_>,
    path: &Path,
    options: &ReadOptions,
    budget: &Budget,
) -> Result<Counted> {
    let (counted, _) =
        in_its_encoding(open, path, options, |input| count_rows(input, path, options, budget))?;
    Ok(counted)
}

/// What `read` makes of a file's text as UTF-8, and the encoding if it is another that nobody named.
fn in_its_encoding<T>(
    open: Reopen<'_>,
    path: &Path,
    options: &ReadOptions,
    read: impl Fn(Box<dyn Read + '_>) -> Result<T>,
) -> Result<(T, Option<&'static Encoding>)> {
    let decoded = |input: Box<dyn Read>, encoding| {
        read(if encoding == UTF_8 { input } else { Box::new(Decoded::new(input, encoding)) })
    };
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
    let (made, encoding) = match decoded(Box::new(start.chain(input)), encoding) {
        // the first byte that is not UTF-8 lies far behind the first ones
        Err(error @ Error::NotUtf8 { .. }) if assumed => match detect(open()?, path)? {
            None => return Err(error),
            Some(encoding) => (decoded(open()?, encoding)?, encoding),
        },
        outcome => (outcome?, encoding),
    };
    Ok((made, Some(encoding).filter(|&encoding| encoding != UTF_8 && asked.is_none())))
}

fn head(input: &mut impl Read, bytes: u64, path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(bytes).read_to_end(&mut head).map_err(|error| io_error(path, error))?;
    Ok(head)
}

/// The beginning of a text, which is held while the rest is read, and how the text is to be read.
fn framed(
    input: &mut impl Read,
    path: &Path,
    options: &ReadOptions,
    budget: &Budget,
) -> Result<(Vec<u8>, Frame)> {
    let (head, whole) = beginning(input, path)?;
    budget.check(path, SNIFFED_COPIES * head.len() as u64)?;
    let frame = Frame::of(&text_of(&head, whole), whole, options);
    Ok((head, frame))
}

/// Reads a table from UTF-8.
fn table(
    mut input: impl Read,
    path: &Path,
    options: &ReadOptions,
    budget: &Budget,
    keep: Keep<'_>,
) -> Result<RawTable> {
    let (head, mut frame) = framed(&mut input, path, options, budget)?;
    let budget = &budget.holding(head.len() as u64);
    let mut records = read_all(Cursor::new(&head).chain(input), &frame.cut(path, budget), keep)?;
    let header = frame.header.take();
    if records.lines.is_empty() && keep.is_all() {
        return Err(no_rows(path, header.is_some()));
    }
    let mut notes = std::mem::take(&mut frame.notes);
    // of a sample they are none
    if !options.all_rows && keep.is_all() {
        leave_out_totals(&mut records, &mut notes);
    }
    Ok(into_raw(records, header, notes, &frame))
}

/// Counts the rows of a table in UTF-8.
fn count_rows(mut input: impl Read, path: &Path, options: &ReadOptions, budget: &Budget) -> Result<Counted> {
    let (head, frame) = framed(&mut input, path, options, budget)?;
    let budget = &budget.holding(head.len() as u64);
    let counted = count_all(Cursor::new(&head).chain(input), &frame.cut(path, budget))?;
    let has_header = frame.header.is_some();
    if counted.rows == 0 {
        return Err(no_rows(path, has_header));
    }
    let totals = if options.all_rows { 0 } else { totals(&counted.last) };
    Ok(Counted { rows: counted.rows - totals, has_header: Some(has_header) })
}

fn no_rows(path: &Path, has_header: bool) -> Error {
    let found = if has_header { "a header alone" } else { "nothing" };
    Error::Empty { path: path.to_owned(), found }
}

/// As much of the beginning as tells how a file is written, and whether that is all of it.
fn beginning(input: &mut impl Read, path: &Path) -> Result<(Vec<u8>, bool)> {
    let (mut head, mut more) = (Vec::new(), SNIFFED_BYTES);
    loop {
        let piece = self::head(input, more as u64, path)?;
        head.extend_from_slice(&piece);
        if piece.len() < more {
            return Ok((head, true));
        }
        let lines = memchr::memchr2_iter(b'\n', b'\r', &head).count();
        let enough = lines >= SNIFFED_LINES || (lines >= FEW_LINES && head.len() >= SNIFFED_OF_FEW);
        if enough || head.len() > MAX_RECORD_BYTES {
            return Ok((head, false));
        }
        more = head.len();
    }
}

fn text_of(head: &[u8], whole: bool) -> Cow<'_, str> {
    match String::from_utf8_lossy(head) {
        // a letter that was cut
        Cow::Owned(text) if !whole => Cow::Owned(text.trim_end_matches('\u{fffd}').to_owned()),
        text => text,
    }
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

/// For the reader of embedded data of so many rows. How it is written is known: options say what columns are for and which rows
/// are wanted.
pub(crate) fn read_embedded(open: Reopen<'_>, name: &str, rows: u64, options: &ReadOptions) -> Result<Table> {
    let usual = ReadOptions::default();
    let (name, budget) = (Path::new(name), Budget::unbounded());
    let raw = match options.sample.filter(|sample| sample.rows < rows) {
        None => read(open, name, &usual, &budget, Keep::All)?,
        Some(sample) => {
            let mut raw = read(open, name, &usual, &budget, Keep::Rows(&keep::chosen(sample, rows)))?;
            raw.notes.insert(0, keep::note(sample, rows));
            raw
        }
    };
    typed(raw, name, &ReadOptions { conventions: usual.conventions, ..options.clone() })
}
