//! From the cells of a column to typed values: what type a column has, and what its cells say.
//!
//! A column is decided as a whole. The first type that fits wins: number, true or false, date, text; a number if
//! nothing is known. At most 1 % of the known cells, or one of at least ten, may be of another kind: they count as
//! missing, and a note names the first. Numbers that are codes are text: see [`codes`].

mod booleans;
mod category;
mod codes;
mod dates;
mod missing;
mod number;
mod numbers;
mod written;

use std::borrow::Cow;

pub(crate) use category::category;
pub(crate) use missing::is_missing;
pub use number::{Decimal, Notation, Thousands};
pub use written::{Conventions, Expected, Written};

use crate::error::{Error, Kind, Place, Result, shown};
use crate::read::raw::{Cells, RawCells};
use crate::table::{Column, Table, Values};
use missing::is_missing_value;

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
    fn new(values: Values, written: Written) -> Self {
        Self { values, written, notes: Vec::new(), unread: 0 }
    }
}

/// Cells that may be of another kind than the rest, of so many.
fn allowed_strays(known: usize) -> usize {
    // one of a handful is as likely a type as a slip
    if known < FEWEST_FOR_STRAYS { 0 } else { (known / 100).max(1) }
}

/// With fewer cells none may be of another kind.
const FEWEST_FOR_STRAYS: usize = 10;

impl Context<'_> {
    /// The finite number, or NaN for an infinite one where that counts as missing.
    fn finite(&self, value: f64, row: usize, cell: &str) -> Result<f64> {
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
struct Unread {
    count: usize,
    first: Option<(usize, String)>,
}

impl Unread {
    fn at(&mut self, row: usize, cell: &str) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((row, cell.to_owned()));
        }
    }

    /// Adds what was left out to a column, or refuses it.
    fn into(self, mut typed: Typed, known: usize, context: &Context<'_>) -> Result<Typed> {
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

/// Types a column: as expected, or as its cells tell.
pub(crate) fn decide(cells: RawCells, expected: Option<&Expected>, context: &Context<'_>) -> Result<Typed> {
    match cells {
        RawCells::Text(cells) => match expected {
            None => infer(&cells, context),
            Some(expected) => read_as(&cells, expected, context),
        },
        typed => {
            let typed = from_typed(typed, context)?;
            match expected {
                Some(expected) if expected.kind != typed.values.kind() => {
                    coerce(&typed.values, &typed.written, expected, context)
                }
                _ => Ok(typed),
            }
        }
    }
}

/// The first type that fits.
fn infer(cells: &Cells, context: &Context<'_>) -> Result<Typed> {
    let why_text = match numbers::infer(cells, context)? {
        numbers::Inferred::Numbers(typed) => return Ok(typed),
        numbers::Inferred::Text(why) => why,
    };
    if why_text.is_none() {
        if let Some(typed) = booleans::infer(cells) {
            return Ok(typed);
        }
        if let Some(typed) = dates::infer(cells, context)? {
            return Ok(typed);
        }
    }
    let mut typed = text(cells);
    typed.notes.extend(why_text);
    Ok(typed)
}

fn text(cells: &Cells) -> Typed {
    Typed::new(category(cells.iter().map(|cell| (!is_missing(cell)).then_some(cell))), Written::Text)
}

/// The type that was asked for, or that the column had in training.
fn read_as(cells: &Cells, expected: &Expected, context: &Context<'_>) -> Result<Typed> {
    match (expected.kind, &expected.written) {
        (Kind::Category, Some(Written::Unrecorded)) => {
            let known = cells.iter().map(|cell| (!missing::was_missing(cell)).then_some(cell));
            Ok(Typed::new(category(known), Written::Text))
        }
        (Kind::Category, _) => Ok(text(cells)),
        (Kind::Number, Some(Written::Number(notation))) => numbers::read_as(cells, Some(*notation), context),
        (Kind::Number, Some(Written::Unrecorded)) => numbers::read_unmarked(cells, context),
        (Kind::Number, _) => numbers::read_as(cells, None, context),
        (Kind::Boolean, written) => booleans::read(cells, written.as_ref(), context),
        (Kind::Date, Some(Written::Date(format))) => dates::read_trained(cells, format, context),
        (Kind::Date, Some(Written::Unrecorded)) => {
            dates::read_trained(cells, &crate::date::DateFormat::default(), context)
        }
        (Kind::Date, _) => dates::read_as_dates(cells, context),
    }
}

/// What the source says that the values are.
fn from_typed(cells: RawCells, context: &Context<'_>) -> Result<Typed> {
    Ok(match cells {
        RawCells::Text(cells) => return infer(&cells, context),
        RawCells::Number(mut numbers) => {
            for (row, value) in numbers.iter_mut().enumerate().filter(|(_, value)| value.is_infinite()) {
                *value = context.finite(*value, row, &value.to_string())?;
            }
            dates::infer_numbers(numbers, context)
        }
        RawCells::Boolean(booleans) => {
            Typed::new(Values::Boolean(booleans), Written::usual(Kind::Boolean, false))
        }
        RawCells::Date(days) => Typed::new(Values::Date(days), Written::usual(Kind::Date, false)),
    })
}

/// Values as the expected type: through their text, as if they came from a text file.
fn coerce(values: &Values, written: &Written, expected: &Expected, context: &Context<'_>) -> Result<Typed> {
    let mut cells = Cells::default();
    for row in 0..values.len() {
        cells.push(values.text(row, written).as_deref().unwrap_or_default());
    }
    // the text is our own: it has no marks but the point
    let canonical = match &expected.written {
        Some(Written::Number(_) | Written::Unrecorded) | None => Expected::from(expected.kind),
        Some(_) => expected.clone(),
    };
    read_as(
        &cells,
        &canonical,
        &Context { commas_separate: true, conventions: Conventions::default(), ..*context },
    )
}

/// The values of a column of a table as the expected type: the same where they are of it.
pub(crate) fn coerce_column<'a>(
    table: &Table,
    column: &'a Column,
    expected: &Expected,
) -> Result<Cow<'a, Column>> {
    if column.values.kind() == expected.kind {
        return Ok(Cow::Borrowed(column));
    }
    let place = |row| table.place(row);
    let context = Context {
        column: &column.name,
        place: &place,
        commas_separate: true,
        conventions: Conventions::default(),
        infinity_is_missing: false,
        strict: false,
    };
    let Typed { values, written, unread, .. } = coerce(&column.values, &column.written, expected, &context)?;
    Ok(Cow::Owned(Column { name: column.name.clone(), values, written, unread: column.unread + unread }))
}
