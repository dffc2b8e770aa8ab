//! From the cells of a column to typed values: what type the column has, and what its cells say.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::date;
use crate::error::{Error, Kind, Place, Result};
use crate::read::raw::{Cells, RawCells};
use crate::table::{Column, Table, Values};

/// Whether a trimmed cell says that there is no value.
pub(crate) fn is_missing(cell: &str) -> bool {
    // most cells are numbers: one look decides
    if cell.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    match cell.len() {
        0 => true,
        1 => cell == "?" || cell == "-",
        2..=4 => ["na", "n/a", "nan", "null", "#n/a"].iter().any(|word| word.eq_ignore_ascii_case(cell)),
        _ => false,
    }
}

/// A number as Rust reads it, or with a decimal comma. Infinite where the cell says so or overflows; never
/// NaN.
pub(crate) fn number(cell: &str, decimal_comma: bool) -> Option<f64> {
    let value: f64 = if decimal_comma && cell.contains(',') {
        // a point beside the comma is a thousands separator somewhere and a typing error elsewhere: not a
        // number here
        if cell.contains('.') {
            return None;
        }
        cell.replacen(',', ".", 1).parse().ok()?
    } else {
        cell.parse().ok()?
    };
    (!value.is_nan()).then_some(value)
}

fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// What the conversion of a column needs to know beside its cells.
pub(crate) struct Context<'a> {
    pub(crate) column: &'a str,
    /// Where a row lies, for messages.
    pub(crate) place: &'a dyn Fn(usize) -> Place,
    pub(crate) infinity_is_missing: bool,
}

impl Context<'_> {
    fn changed(&self, row: usize, value: &str, expected: Kind) -> Error {
        Error::TypeChanged {
            column: self.column.to_owned(),
            place: (self.place)(row),
            value: value.to_owned(),
            expected,
        }
    }

    /// The finite number, or NaN for an infinite one where that counts as missing.
    pub(crate) fn finite(&self, value: f64, row: usize, cell: &str) -> Result<f64> {
        if value.is_finite() {
            Ok(value)
        } else if self.infinity_is_missing {
            Ok(f64::NAN)
        } else {
            Err(Error::Infinite {
                column: self.column.to_owned(),
                place: (self.place)(row),
                value: cell.to_owned(),
            })
        }
    }
}

/// The type that fits every known cell: number before boolean before date before category; a number if all
/// are missing. The flag says whether the numbers need a decimal comma.
fn infer<'a>(cells: impl Iterator<Item = &'a str> + Clone, decimal_comma: bool) -> (Kind, bool) {
    let mut known = cells.filter(|cell| !is_missing(cell));
    // each `all` stops at its first contradiction, so a text column costs a handful of cells
    if known.clone().all(|cell| number(cell, false).is_some()) {
        (Kind::Number, false)
    } else if decimal_comma && known.clone().all(|cell| number(cell, true).is_some()) {
        (Kind::Number, true)
    } else if known.clone().all(|cell| boolean(cell).is_some()) {
        (Kind::Boolean, false)
    } else if known.all(|cell| date::parse(cell).is_some()) {
        (Kind::Date, false)
    } else {
        (Kind::Category, false)
    }
}

/// All cells as numbers, NaN where missing, infinite where the cell is; `None` at the first that is no
/// number.
fn plain_numbers<'a>(cells: impl Iterator<Item = &'a str>) -> Option<Vec<f64>> {
    cells.map(|cell| if is_missing(cell) { Some(f64::NAN) } else { number(cell, false) }).collect()
}

/// Converts cells to the asked type, or else to the one that fits them all. `decimal_comma` allows one where
/// points do not fit; the second result says whether it was used.
pub(crate) fn convert<'a>(
    cells: impl Iterator<Item = &'a str> + Clone,
    asked: Option<Kind>,
    decimal_comma: bool,
    context: &Context<'_>,
) -> Result<(Values, bool)> {
    // the commonest column by far is read in one pass, without a look ahead at its type
    if let (None | Some(Kind::Number), Some(mut values)) = (asked, plain_numbers(cells.clone())) {
        for (row, (value, cell)) in values.iter_mut().zip(cells).enumerate() {
            if value.is_infinite() {
                *value = context.finite(*value, row, cell)?;
            }
        }
        return Ok((Values::Number(values), false));
    }
    let (kind, comma) = match asked {
        None => infer(cells.clone(), decimal_comma),
        Some(Kind::Number) => {
            let (found, comma) = infer(cells.clone(), decimal_comma);
            (Kind::Number, comma && found == Kind::Number)
        }
        Some(kind) => (kind, false),
    };
    let known = cells.enumerate().map(|(row, cell)| (row, (!is_missing(cell)).then_some(cell)));
    let values = match kind {
        Kind::Number => Values::Number(
            known
                .map(|(row, cell)| match cell {
                    None => Ok(f64::NAN),
                    Some(cell) => {
                        let value = number(cell, comma).ok_or_else(|| context.changed(row, cell, kind))?;
                        context.finite(value, row, cell)
                    }
                })
                .collect::<Result<_>>()?,
        ),
        Kind::Boolean => Values::Boolean(
            known
                .map(|(row, cell)| {
                    cell.map(|cell| match cell {
                        "0" => Ok(false),
                        "1" => Ok(true),
                        _ => boolean(cell).ok_or_else(|| context.changed(row, cell, kind)),
                    })
                    .transpose()
                })
                .collect::<Result<_>>()?,
        ),
        Kind::Date => Values::Date(
            known
                .map(|(row, cell)| match cell {
                    None => Ok(f64::NAN),
                    Some(cell) => date::parse(cell).ok_or_else(|| context.changed(row, cell, kind)),
                })
                .collect::<Result<_>>()?,
        ),
        Kind::Category => category(known.map(|(_, cell)| cell)),
    };
    Ok((values, comma))
}

/// Codes and sorted levels from texts.
pub(crate) fn category<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Values {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut codes: Vec<Option<u32>> = texts
        .map(|text| {
            text.map(|text| {
                let next = known.len() as u32;
                *known.entry(text).or_insert(next)
            })
        })
        .collect();
    let mut sorted: Vec<(&str, u32)> = known.into_iter().collect();
    sorted.sort_unstable();
    let mut rank = vec![0; sorted.len()];
    for (place, &(_, first_seen)) in sorted.iter().enumerate() {
        rank[first_seen as usize] = place as u32;
    }
    for code in codes.iter_mut().flatten() {
        *code = rank[*code as usize];
    }
    Values::Category { codes, levels: sorted.into_iter().map(|(text, _)| text.to_owned()).collect() }
}

/// What the source says that they are, or else the asked type.
pub(crate) fn from_typed(cells: RawCells, asked: Option<Kind>, context: &Context<'_>) -> Result<Values> {
    let values = match cells {
        RawCells::Decimal(decimals) => {
            return Ok(convert(decimals.to_cells().iter(), asked, false, context)?.0);
        }
        RawCells::Text(cells) => return Ok(convert(cells.iter(), asked, false, context)?.0),
        RawCells::Number(mut numbers) => {
            for (row, value) in numbers.iter_mut().enumerate().filter(|(_, value)| value.is_infinite()) {
                *value = context.finite(*value, row, &value.to_string())?;
            }
            Values::Number(numbers)
        }
        RawCells::Boolean(booleans) => Values::Boolean(booleans),
        RawCells::Date(days) => Values::Date(days),
    };
    match asked {
        Some(kind) => Ok(coerce(&values, kind, context)?.into_owned()),
        None => Ok(values),
    }
}

/// Values as the asked type: the same values where they are of it, else through their text, as if they came
/// from a CSV file.
pub(crate) fn coerce<'a>(values: &'a Values, kind: Kind, context: &Context<'_>) -> Result<Cow<'a, Values>> {
    if values.kind() == kind {
        return Ok(Cow::Borrowed(values));
    }
    // a date is a number of days to us, but nobody means that by a number
    let mut cells = Cells::default();
    for row in 0..values.len() {
        cells.push(values.text(row).as_deref().unwrap_or_default());
    }
    Ok(Cow::Owned(convert(cells.iter(), Some(kind), false, context)?.0))
}

/// The values of a column of a table as the asked type.
pub(crate) fn coerce_column<'a>(table: &Table, column: &'a Column, kind: Kind) -> Result<Cow<'a, Values>> {
    let place = |row| table.place(row);
    coerce(&column.values, kind, &Context { column: &column.name, place: &place, infinity_is_missing: false })
}
