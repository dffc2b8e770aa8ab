//! What the conversion of a column goes by, and what comes of it.

use crate::error::{Error, Result, shown};
use crate::place::Place;
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
    /// Cells that do not read and count as missing: their rows and texts.
    pub(crate) unread: Vec<(usize, String)>,
    /// Dates that mean that there is none, and count as missing: their rows and texts.
    pub(crate) open_ends: Vec<(usize, String)>,
}

impl Typed {
    pub(super) fn new(values: Values, written: Written) -> Self {
        Self { values, written, notes: Vec::new(), unread: Vec::new(), open_ends: Vec::new() }
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
    /// What errors about a cell begin with: the column, the place, and the cell as it is shown.
    pub(super) fn cell(&self, row: usize, cell: &str) -> (String, Place, String) {
        (self.column.to_owned(), (self.place)(row), shown(cell).cut())
    }

    /// The finite number, or NaN for an infinite one where that counts as missing.
    pub(super) fn finite(&self, value: f64, row: usize, cell: &str) -> Result<f64> {
        if value.is_finite() {
            Ok(value)
        } else if self.infinity_is_missing {
            Ok(f64::NAN)
        } else {
            let (column, place, value) = self.cell(row, cell);
            Err(Error::Infinite { column, place, value })
        }
    }
}

/// Cells that do not read: their rows and texts.
#[derive(Debug, Default)]
pub(super) struct Unread(Vec<(usize, String)>);

impl Unread {
    pub(super) fn at(&mut self, row: usize, cell: &str) {
        self.0.push((row, cell.to_owned()));
    }

    pub(super) fn first(&self) -> Option<(usize, &str)> {
        self.0.first().map(|(row, cell)| (*row, cell.as_str()))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds what was left out to a column, or refuses it.
    pub(super) fn into(self, mut typed: Typed, context: &Context<'_>) -> Result<Typed> {
        let Some((row, cell)) = self.0.first() else { return Ok(typed) };
        let (column, place, value) = context.cell(*row, cell);
        let kind = typed.values.kind();
        let known = typed.values.len() - typed.values.missing() + self.0.len();
        if context.strict {
            return Err(Error::Unreadable { column, place, value, expected: kind });
        }
        let (column, value) = (shown(&column), shown(&value));
        typed.notes.push(match self.0.len() {
            1 => format!("column {column:?}, {place}: {value:?} does not read as {kind} and counts as missing"),
            count => format!(
                "column {column:?}, {count} of {known} cells do not read as {kind}, the first in {place}, {value:?}; they count \
                 as missing"
            ),
        });
        typed.unread = self.0;
        Ok(typed)
    }
}
