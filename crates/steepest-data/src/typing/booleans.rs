//! True and false.

use super::context::{Context, Typed, Unread};
use super::missing::is_missing_value;
use crate::error::{Kind, Result};
use crate::read::raw::Cells;
use crate::table::Values;
use crate::written::Written;

fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// The words of a column, as it first spells them; `None` unless every known cell is one.
pub(super) fn infer(cells: &Cells) -> Option<Typed> {
    let (mut yes, mut no) = (None, None);
    let mut values = Vec::with_capacity(cells.len());
    for cell in cells.iter() {
        values.push(if is_missing_value(cell) {
            None
        } else {
            let value = boolean(cell)?;
            (if value { &mut yes } else { &mut no }).get_or_insert(cell);
            Some(value)
        });
    }
    let written =
        Written::Boolean { yes: yes.unwrap_or("true").to_owned(), no: no.unwrap_or("false").to_owned() };
    Some(Typed::new(Values::Boolean(values), written))
}

/// A column that is true or false; 1 and 0 are too, and what the column was written with.
pub(super) fn read(cells: &Cells, written: Option<&Written>, context: &Context<'_>) -> Result<Typed> {
    let usual = Written::usual(Kind::Boolean, false);
    let written = written.filter(|written| matches!(written, Written::Boolean { .. })).unwrap_or(&usual);
    let mut unread = Unread::default();
    let read = |(row, cell): (usize, &str)| {
        if is_missing_value(cell) {
            return None;
        }
        let value = match cell {
            "0" => Some(false),
            "1" => Some(true),
            _ => boolean(cell),
        };
        if value.is_none() {
            unread.at(row, cell);
        }
        value
    };
    let values = cells.iter().enumerate().map(read).collect();
    unread.into(Typed::new(Values::Boolean(values), written.clone()), context)
}
