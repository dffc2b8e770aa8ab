//! From fields to columns of cells.

use std::io::Read;

use csv_core::ReaderBuilder;
use rayon::prelude::*;

use super::scan::{Cut, Records, SPELLED, Scan};
use super::totals::MOST_TOTALS;
use crate::error::{Error, Result};
use crate::read::column::Column;
use crate::read::keep::Keep;
use crate::read::memory::{ROW_BYTES, table_bytes};

/// How many records a file has, and the cells of the last ones.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) rows: u64,
    pub(super) last: Vec<Vec<String>>,
}

/// Reads all records, or those of a sample; each is looked at.
pub(super) fn read_all(input: impl Read, cut: &Cut<'_>, keep: Keep<'_>) -> Result<Records> {
    let (mut scan, mut first) = (Scan::new(input, cut), 0);
    scan.each_block(|scan, consumed| {
        // the first record may be what tells how many there are
        scan.records.columns.resize_with(scan.width.unwrap_or(0), Column::default);
        let found = scan.starts.len();
        let kept = keep.of(first, found);
        let rows = kept.clone().map_or(found, Iterator::count);
        cut.budget.check(cut.path, scan.needed() + scan.needed_by_block(consumed, rows))?;
        scan.take(consumed, kept)?;
        first += found as u64;
        cut.budget.check(cut.path, scan.needed())
    })?;
    Ok(scan.records)
}

/// Counts all records, each of which is looked at.
pub(super) fn count_all(input: impl Read, cut: &Cut<'_>) -> Result<Ends> {
    let (mut scan, mut seen) = (Scan::new(input, cut), Ends::default());
    scan.each_block(|scan, consumed| {
        seen.rows += scan.starts.len() as u64;
        seen.last.extend(scan.last(consumed)?);
        seen.last.drain(..seen.last.len().saturating_sub(MOST_TOTALS));
        scan.records.lines.clear();
        cut.budget.check(cut.path, scan.working_bytes())
    })?;
    Ok(seen)
}

impl<R: Read> Scan<'_, R> {
    /// The memory that the records need, and this work.
    fn needed(&self) -> u64 {
        let Records { columns, lines, .. } = &self.records;
        self.working_bytes() + table_bytes(lines.len(), columns.iter().map(Column::needed))
    }

    /// What so many rows of the block will need, if its columns go on as they are. Looked at before they are taken, for
    /// what holds them may grow to twice its length.
    fn needed_by_block(&self, consumed: usize, rows: usize) -> u64 {
        let text = 2 * consumed * rows / self.starts.len().max(1);
        let row = self.records.columns.iter().map(Column::needed_by_cell).sum::<u64>() + ROW_BYTES;
        text as u64 + row * rows as u64
    }

    fn working_bytes(&self) -> u64 {
        let fields = self.fields.capacity() * size_of::<(u32, u32)>();
        (self.buffer.len() + self.spelled.capacity() + fields + self.starts.capacity() * 4) as u64
    }

    /// The text of the block, and of the fields without their quotes.
    fn texts(&self, consumed: usize) -> Result<[&str; 2]> {
        let not_utf8 = |at: usize| {
            // lines are known where records begin, so count from there
            let record = self.starts.partition_point(|&start| start as usize <= at).max(1) - 1;
            let start = self.starts.get(record).map_or(0, |&start| start as usize);
            let line = self.line_of(record);
            let column = fields_before(&self.buffer[start.min(at)..at], self.cut.delimiter) + 1;
            Error::NotUtf8 { path: self.cut.path.to_owned(), line, column }
        };
        let text =
            std::str::from_utf8(&self.buffer[..consumed]).map_err(|error| not_utf8(error.valid_up_to()))?;
        let spelled = std::str::from_utf8(&self.spelled).map_err(|_| not_utf8(0))?;
        Ok([text, spelled])
    }

    /// The line on which a record of the block begins; if it has none, the line behind it.
    fn line_of(&self, record: usize) -> u64 {
        let first = self.records.lines.len() - self.starts.len();
        self.records.lines.get(first + record).map_or(self.line, |&line| u64::from(line))
    }

    /// The cells of the last records of the block.
    fn last(&self, consumed: usize) -> Result<Vec<Vec<String>>> {
        let texts = self.texts(consumed)?;
        let Some(width) = self.width else { return Ok(Vec::new()) };
        let from = self.starts.len().saturating_sub(MOST_TOTALS) * width;
        let cell = |&field: &(u32, u32)| trimmed(cell(texts, field).unwrap_or_default()).to_owned();
        Ok(self.fields[from..].chunks(width).map(|record| record.iter().map(cell).collect()).collect())
    }

    /// Adds the fields that were found to the columns; only those of some records, if not all are kept.
    fn take(
        &mut self,
        consumed: usize,
        kept: Option<impl Iterator<Item = usize> + Clone + Sync>,
    ) -> Result<()> {
        let mut columns = std::mem::take(&mut self.records.columns);
        let texts = self.texts(consumed)?;
        // without a record there is nothing to add, and maybe no width yet
        let width = self.width.unwrap_or(1);
        let fields = &self.fields;
        let add = |column: &mut Column, field: &(u32, u32)| {
            cell(texts, *field).map(|cell| column.push(trimmed(cell))).is_some()
        };
        let whole = columns.par_iter_mut().enumerate().all(|(index, column)| {
            let whole = match kept.clone() {
                None => fields.iter().skip(index).step_by(width).all(|field| add(column, field)),
                Some(mut kept) => kept.all(|record| add(column, &fields[record * width + index])),
            };
            column.settle();
            whole
        });
        self.records.columns = columns;
        if !whole {
            return Err(Error::NotUtf8 { path: self.cut.path.to_owned(), line: self.line_of(0), column: 1 });
        }
        if let Some(kept) = kept {
            let lines = &mut self.records.lines;
            let new = lines.split_off(lines.len() - self.starts.len());
            lines.extend(kept.map(|record| new[record]));
        }
        Ok(())
    }
}

/// A cell of a block, whose text is the first, and the second of fields that had quotes; `None` if it does not begin and end
/// between letters: fields end at separators, which are ASCII unless somebody says otherwise.
fn cell(texts: [&str; 2], (start, end): (u32, u32)) -> Option<&str> {
    let [text, mark] = if start & SPELLED == 0 { [0, 0] } else { [1, SPELLED] };
    texts[text as usize].get((start ^ mark) as usize..(end ^ mark) as usize)
}

/// Without blanks around it; most cells have none.
fn trimmed(cell: &str) -> &str {
    match cell.as_bytes() {
        [] => cell,
        [first, .., last] | [first @ last] if (b'!'..0x7F).contains(first) && (b'!'..0x7F).contains(last) => {
            cell
        }
        _ => cell.trim(),
    }
}

/// Fields that end in these bytes, which begin a record.
fn fields_before(bytes: &[u8], delimiter: u8) -> usize {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut text, mut ends) = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 1]);
    reader.read_record(bytes, &mut text, &mut ends).3
}
