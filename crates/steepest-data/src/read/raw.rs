//! A table as its source has it: named columns of cells, before their types are decided.

use std::sync::Arc;

pub(crate) use super::cells::Cells;
use super::decimals::Decimals;
use super::memory::{NUMBER_BYTES, table_bytes};

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

impl RawTable {
    /// The memory that this needs, and what will be made of it, in bytes.
    pub(super) fn needed(&self) -> u64 {
        table_bytes(self.rows, self.columns.iter().map(|column| column.cells.needed()))
    }
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
    /// The same, of a source that writes all numbers with a decimal point, as JSON does.
    Literal(Cells),
    /// Text of which most is plain decimals, held in 4 or 5 bytes each.
    Decimal(Decimals),
    /// Numbers that f64 holds exactly as the source has them; NaN is missing. Infinite where the source is.
    Number(Vec<f64>),
    /// `None` is missing.
    Boolean(Vec<Option<bool>>),
    /// Days since 1970-01-01; NaN is missing.
    Date(Vec<f64>),
    /// The same, where the source has a zone: the days are in UTC.
    Instant(Vec<f64>),
}

impl RawCells {
    /// The memory that these need, and what will be made of them, in bytes.
    pub(super) fn needed(&self) -> u64 {
        match self {
            RawCells::Text(cells) | RawCells::Literal(cells) => cells.needed(),
            RawCells::Decimal(decimals) => decimals.needed(),
            RawCells::Number(values) | RawCells::Date(values) | RawCells::Instant(values) => {
                values.len() as u64 * (8 + NUMBER_BYTES)
            }
            RawCells::Boolean(values) => values.len() as u64 * (1 + NUMBER_BYTES),
        }
    }
}
