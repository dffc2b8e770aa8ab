//! What the conversion of a column goes by, and what comes of it.

use crate::error::{Error, Place, Result, shown};
use crate::table::Values;
use crate::written::{Conventions, Written};

/// What the conversion of a column needs to know beside its cells.
pub(crate) struct Context<'a> {
    pub(crate) column: &'a str,
    /// Where a row lies, for messages.
    pub(crate) place: &'a dyn Fn(usize) -> Place,
    /// Whether commas separate the cells: then a point is a decimal point, unless a cell has two groups.
    pub(crate) commas_separate: bool,
    pub(crate) conventions: Conventions,
    pub(crate) infinity_is_missing: bool,
    /// Whether a cell that does not read is an error.
    pub(crate) strict: bool,
}

/// A column with its type.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) values: Values,
    pub(crate) written: Written,
    /// What was decided and the user should hear.
    pub(crate) notes: Vec<String>,
    /// Cells that do not read and count as missing.
    pub(crate) unread: usize,
}

impl Typed {
    pub(super) fn new(values: Values, written: Written) -> Self {
        Self { values, written, notes: Vec::new(), unread: 0 }
    }
}

/// Cells that may be of another kind than the rest, of so many.
pub(super) fn allowed_strays(known: usize) -> usize {
    // one of a handful is as likely a type as a slip
    if known < FEWEST_FOR_STRAYS { 0 } else { (known / 100).max(1) }
}

/// With fewer cells none may be of another kind.
pub(super) const FEWEST_FOR_STRAYS: usize = 10;

impl Context<'_> {
    /// The finite number, or NaN for an infinite one where that counts as missing.
    pub(super) fn finite(&self, value: f64, row: usize, cell: &str) -> Result<f64> {
        if value.is_finite() {
            Ok(value)
        } else if self.infinity_is_missing {
            Ok(f64::NAN)
        } else {
            let (column, place) = (self.column.to_owned(), (self.place)(row));
            Err(Error::Infinite { column, place, value: shown(cell) })
        }
    }
}

/// Cells that do not read.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) count: usize,
    first: Option<(usize, String)>,
}

impl Unread {
    pub(super) fn at(&mut self, row: usize, cell: &str) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((row, cell.to_owned()));
        }
    }

    /// Adds what was left out to a column, or refuses it.
    pub(super) fn into(self, mut typed: Typed, known: usize, context: &Context<'_>) -> Result<Typed> {
        let Some((row, cell)) = self.first else { return Ok(typed) };
        let (column, place) = (context.column, (context.place)(row));
        let kind = typed.values.kind();
        if context.strict {
            let (column, value) = (column.to_owned(), shown(&cell));
            return Err(Error::Unreadable { column, place, value, expected: kind });
        }
        typed.unread = self.count;
        let cells = match self.count {
            1 => format!("{place}: {:?} does not read as {kind} and counts", shown(&cell)),
            count => format!(
                "{count} of {known} cells do not read as {kind}, the first in {place}, {:?}; they count",
                shown(&cell)
            ),
        };
        typed.notes.push(format!("column {column:?}, {cells} as missing"));
        Ok(typed)
    }
}
