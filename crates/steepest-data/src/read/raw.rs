//! A table as its source has it: named columns of cells, before their types are decided.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::column::Decimals;
use super::options::ReadOptions;
use crate::error::{Error, Kind, Place, Result};
use crate::table::{Column, Table};
use crate::typing::{Context, convert, from_typed, is_missing};

/// What a reader makes of a file. All readers make the same, so that a table means the same in every format.
#[derive(Debug, Default)]
pub(crate) struct RawTable {
    pub(crate) columns: Vec<RawColumn>,
    /// The line on which each row begins; empty for formats without lines.
    pub(crate) lines: Vec<u32>,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Whether commas separate the cells. Then a point is a decimal point, and a comma stands only in cells that are
    /// quoted.
    pub(crate) commas_separate: bool,
    /// Whether the file names its columns; `None` for formats that always do.
    pub(crate) has_header: Option<bool>,
    /// The first row of each of several files, and its path; empty for one file.
    pub(crate) files: Vec<(usize, Arc<str>)>,
    /// What the reader decided and the user should hear, one sentence each.
    pub(crate) notes: Vec<String>,
}

/// A column before its type is decided.
#[derive(Debug)]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    pub(crate) cells: RawCells,
}

/// The cells of a column: text where the source has text, else what the source says they are.
#[derive(Debug)]
pub(crate) enum RawCells {
    /// Trimmed; an empty one is missing.
    Text(Cells),
    /// Text of which most is plain decimals, held in 4 or 5 bytes each.
    Decimal(Decimals),
    /// Numbers that f64 holds exactly as the source has them; NaN is missing. Infinite where the source is.
    Number(Vec<f64>),
    /// `None` is missing.
    Boolean(Vec<Option<bool>>),
    /// Days since 1970-01-01 UTC; NaN is missing.
    Date(Vec<f64>),
}

/// The cells of one column, one after the other in one buffer: no allocation per cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells {
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

impl Cells {
    pub(crate) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    pub(crate) fn pop(&mut self) {
        self.ends.pop();
        self.text.truncate(self.ends.last().copied().unwrap_or(0));
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }

    /// The cells in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len()).map(|row| self.get(row))
    }
}

impl<'a> FromIterator<&'a str> for Cells {
    fn from_iter<I: IntoIterator<Item = &'a str>>(cells: I) -> Self {
        let mut all = Self::default();
        cells.into_iter().for_each(|cell| all.push(cell));
        all
    }
}

impl RawTable {
    /// Decides the type of every column. `path` is what errors call the source.
    pub(crate) fn into_table(self, path: &Path, options: &ReadOptions) -> Result<Table> {
        let mut seen = HashMap::new();
        for (index, column) in self.columns.iter().enumerate() {
            if let Some(first) = seen.insert(column.name.as_str(), index + 1) {
                let name = column.name.clone();
                return Err(Error::DuplicateColumn { path: path.to_owned(), name, first, second: index + 1 });
            }
        }
        let mut notes = self.notes;
        let mut columns = Vec::with_capacity(self.columns.len());
        for RawColumn { name, cells } in self.columns {
            let place = |row: usize| Place::of(row, &self.lines, &self.files);
            let context =
                Context { column: &name, place: &place, infinity_is_missing: options.infinity_is_missing };
            let asked = options.kinds.get(&name).copied();
            let cells = match cells {
                RawCells::Decimal(decimals)
                    if matches!(asked, None | Some(Kind::Number))
                        && decimals.others().iter().all(|cell| is_missing(cell)) =>
                {
                    RawCells::Number(decimals.to_f64(|_, _| f64::NAN))
                }
                RawCells::Decimal(decimals) => RawCells::Text(decimals.to_cells()),
                cells => cells,
            };
            let values = match cells {
                RawCells::Text(cells) => {
                    // where commas separate fields, a comma inside a field is no decimal point
                    let (values, comma) = convert(cells.iter(), asked, !self.commas_separate, &context)?;
                    if comma {
                        notes.push(format!("column {name:?}: the comma is read as a decimal point"));
                    }
                    values
                }
                typed => from_typed(typed, asked, &context)?,
            };
            columns.push(Column { name, values });
        }
        if columns.is_empty() {
            return Err(Error::NoFeatures { dropped: notes });
        }
        let mut table = Table::new(path.display().to_string(), columns);
        table.rows = self.rows;
        table.lines = self.lines;
        table.files = self.files;
        table.notes = notes;
        Ok(table)
    }
}
