//! From the cells of a column to typed values: what type a column has, and what its cells say.
//!
//! A column is decided as a whole. The first type that fits wins: number, true or false, date, text; a number if
//! nothing is known. At most 1 % of the known cells, or one of at least ten, may be of another kind: they count as
//! missing, and a note names the first. Numbers that are codes are text: see [`codes`].

mod booleans;
mod category;
mod codes;
mod context;
mod dates;
mod decimals;
mod missing;
mod number;
mod numbers;

use std::borrow::Cow;

pub(crate) use category::category;
pub(crate) use context::{Context, Typed};
pub(crate) use missing::is_missing;
pub(crate) use number::is_marked_number;

use crate::error::{Kind, Result};
use crate::read::raw::{Cells, RawCells};
use crate::table::{Column, Table, Values};
use crate::written::{Conventions, Expected, Written};
use missing::is_missing_value;

/// Types a column: as expected, or as its cells tell.
pub(crate) fn decide(cells: RawCells, expected: Option<&Expected>, context: &Context<'_>) -> Result<Typed> {
    match cells {
        RawCells::Text(cells) => match expected {
            None => infer(&cells, context),
            Some(expected) => read_as(&cells, expected, context),
        },
        RawCells::Literal(cells) => match literals(&cells, expected) {
            Some(typed) => Ok(typed),
            None => decide(RawCells::Text(cells), expected, context),
        },
        RawCells::Decimal(held) => match decimals::decide(&held, expected, context) {
            Some(typed) => Ok(typed),
            None => decide(RawCells::Text(held.to_cells()), expected, context),
        },
        typed => {
            let typed = from_typed(typed, context)?;
            match expected {
                Some(expected) if expected.kind != typed.values.kind() => {
                    coerce(&typed.values, &typed.written, expected, context)
                }
                Some(Expected { kind: Kind::Date, written: Some(trained) }) => {
                    dates::held_to(typed, trained, context)
                }
                _ => Ok(typed),
            }
        }
    }
}

/// The numbers of a column that has to be numbers, where the source writes all numbers alike: the marks that the column
/// had in training, in a file of text, mean nothing here.
fn literals(cells: &Cells, expected: Option<&Expected>) -> Option<Typed> {
    let Some(Expected { kind: Kind::Number, written: Some(written) }) = expected else { return None };
    let number = |cell: &str| match is_missing_value(cell) {
        true => Some(f64::NAN),
        false => cell.parse().ok().filter(|value: &f64| value.is_finite()),
    };
    let numbers = cells.iter().map(number).collect::<Option<_>>()?;
    Some(Typed::new(Values::Number(numbers), written.clone()))
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
    // beside a plus, a minus is a sign and not a gap
    let has_plus = cells.iter().any(|cell| cell == "+");
    let is_known = |cell: &&str| !is_missing(cell) || (has_plus && *cell == "-");
    Typed::new(category(cells.iter().map(|cell| Some(cell).filter(is_known))), Written::Text)
}

/// The type that was asked for, or that the column had in training.
fn read_as(cells: &Cells, expected: &Expected, context: &Context<'_>) -> Result<Typed> {
    match (expected.kind, &expected.written) {
        (Kind::Category, Some(Written::Unrecorded)) => {
            let known = cells.iter().map(|cell| (!missing::was_missing(cell)).then_some(cell));
            Ok(Typed::new(category(known), Written::Text))
        }
        (Kind::Category, Some(Written::Verbatim)) => {
            let known = cells.iter().map(|cell| (!cell.is_empty()).then_some(cell));
            Ok(Typed::new(category(known), Written::Verbatim))
        }
        (Kind::Category, _) => Ok(text(cells)),
        (Kind::Number, Some(Written::Number(notation))) => numbers::read_as(cells, Some(*notation), context),
        (Kind::Number, Some(Written::Unrecorded)) => numbers::read_unmarked(cells, context),
        (Kind::Number, _) => numbers::read_as(cells, None, context),
        (Kind::Boolean, written) => booleans::read(cells, written.as_ref(), context),
        (Kind::Date, Some(Written::Date(format))) => dates::read_trained(cells, format, false, context),
        (Kind::Date, Some(Written::ZonedDate(format))) => dates::read_trained(cells, format, true, context),
        (Kind::Date, Some(Written::Unrecorded)) => {
            dates::read(cells, &crate::date::DateFormat::default(), context)
        }
        (Kind::Date, _) => dates::read_as_dates(cells, context),
    }
}

/// What the source says that the values are.
fn from_typed(cells: RawCells, context: &Context<'_>) -> Result<Typed> {
    Ok(match cells {
        RawCells::Text(cells) | RawCells::Literal(cells) => return infer(&cells, context),
        RawCells::Decimal(held) => return infer(&held.to_cells(), context),
        RawCells::Number(mut numbers) => {
            for (row, value) in numbers.iter_mut().enumerate().filter(|(_, value)| value.is_infinite()) {
                *value = context.finite(*value, row, &value.to_string())?;
            }
            dates::infer_numbers(numbers, None, context)
        }
        RawCells::Boolean(booleans) => {
            Typed::new(Values::Boolean(booleans), Written::usual(Kind::Boolean, false))
        }
        RawCells::Date(days) => Typed::new(Values::Date(days), Written::usual(Kind::Date, false)),
        RawCells::Instant(days) => {
            Typed::new(Values::Date(days), Written::ZonedDate(crate::date::DateFormat::default()))
        }
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
    Ok(Cow::Owned(Column {
        name: column.name.clone(),
        values,
        written,
        unread: column.unread.iter().cloned().chain(unread).collect(),
    }))
}
