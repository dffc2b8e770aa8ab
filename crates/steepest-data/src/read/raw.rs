//! A table as its source has it: named columns of cells, before their types are decided.

use std::sync::Arc;

use super::column::Decimals;

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
