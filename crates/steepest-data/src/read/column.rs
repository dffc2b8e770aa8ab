//! A column of text while it is read: as decimals as long as it is one of decimals, else as text.

use std::borrow::Cow;

use super::cells::Cells;
use super::decimals::{DECIMAL_BYTES, Decimals};
use super::memory::{NUMBER_BYTES, TEXT_BYTES};
use super::raw::RawCells;

/// A column with more distinct cells that are no decimals is text.
const MOST_OTHERS: usize = 1024;

/// A column while it is read.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    Decimal(Decimals),
    Text(Cells),
}

impl Default for Column {
    fn default() -> Self {
        Column::Decimal(Decimals::default())
    }
}

impl Column {
    pub(crate) fn push(&mut self, cell: &str) {
        match self {
            Column::Decimal(decimals) => decimals.push(cell),
            Column::Text(cells) => cells.push(cell),
        }
    }

    pub(crate) fn pop(&mut self) {
        match self {
            Column::Decimal(decimals) => decimals.pop(),
            Column::Text(cells) => cells.pop(),
        }
    }

    /// The cell of a row, as the file has it.
    pub(crate) fn text(&self, row: usize) -> Cow<'_, str> {
        match self {
            Column::Text(cells) => Cow::Borrowed(cells.get(row)),
            Column::Decimal(decimals) => decimals.text(row),
        }
    }

    /// Whether all cells are empty.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Column::Text(cells) => cells.iter().all(str::is_empty),
            Column::Decimal(decimals) => {
                !decimals.has_decimals() && decimals.others().iter().all(String::is_empty)
            }
        }
    }

    /// Holds a column as text from here on if it is not one of decimals; to be called now and then.
    pub(crate) fn settle(&mut self) {
        let Column::Decimal(decimals) = self else { return };
        let blank = decimals.others().iter().all(String::is_empty);
        if decimals.others().len() > MOST_OTHERS || (!decimals.has_decimals() && !blank) {
            *self = Column::Text(decimals.to_cells());
        }
    }

    /// The memory that this needs, and what will be made of it, in bytes.
    pub(super) fn needed(&self) -> u64 {
        match self {
            Column::Decimal(decimals) => decimals.needed(),
            Column::Text(cells) => cells.needed(),
        }
    }

    /// What one more cell needs, without its text.
    pub(super) fn needed_by_cell(&self) -> u64 {
        match self {
            Column::Decimal(_) => DECIMAL_BYTES + NUMBER_BYTES,
            Column::Text(_) => TEXT_BYTES,
        }
    }

    pub(crate) fn into_cells(self) -> RawCells {
        match self {
            Column::Decimal(decimals) => RawCells::Decimal(decimals),
            Column::Text(cells) => RawCells::Text(cells),
        }
    }
}
