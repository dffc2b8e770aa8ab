//! Dates: the format is decided by all cells of a column together, or asked for.

use super::context::{Context, Typed, Unread, allowed_strays};
use super::missing::is_missing_value;
use crate::date::{self, DateFormat, Decided};
use crate::error::{Error, Kind, Result, shown};
use crate::read::raw::Cells;
use crate::table::Values;
use crate::written::{Notation, Written, number_text};

/// The dates of a column; `None` if its cells are none.
pub(super) fn infer(cells: &Cells, context: &Context<'_>) -> Result<Option<Typed>> {
    let known = cells.iter().filter(|cell| !is_missing_value(cell));
    // a text column costs a handful of cells, a count of all of them would not
    let Some(first) = known.clone().next() else { return Ok(None) };
    if !first.bytes().any(|byte| byte.is_ascii_digit()) && known.clone().take(20).all(|cell| cell == first) {
        return Ok(None);
    }
    let strays = allowed_strays(cells.len());
    match date::decide(known.clone(), context.conventions.dates, strays) {
        Decided::No => Ok(None),
        Decided::Format(format) => {
            let typed = read(cells, &format, context)?;
            let known = known.count();
            Ok((typed.unread.len() <= allowed_strays(known)).then_some(typed))
        }
        Decided::Ambiguous { day_first, month_first } => {
            let differs = |cell: &str| date::parse(cell, &day_first) != date::parse(cell, &month_first);
            let (row, cell) = cells
                .iter()
                .enumerate()
                .find(|(_, cell)| !is_missing_value(cell) && differs(cell))
                .unwrap_or((0, first));
            let (column, place, value) = context.cell(row, cell);
            Err(Error::AmbiguousDate { column, place, value })
        }
        Decided::Mixed { day_first_example, month_first_example } => Err(Error::MixedDates {
            column: context.column.to_owned(),
            day_first: shown(&day_first_example).cut(),
            month_first: shown(&month_first_example).cut(),
        }),
    }
}

/// Numbers that are dates, such as 20241103 or seconds since 1970; else the numbers.
///
/// `notation` is that of the numbers, if it is known.
pub(super) fn infer_numbers(numbers: Vec<f64>, notation: Option<Notation>, context: &Context<'_>) -> Typed {
    let Some(format) = date::decide_numbers(&numbers, context.column) else {
        let usual = || {
            let has_fractions = numbers.iter().any(|value| value.fract() != 0.0 && !value.is_nan());
            Written::usual(Kind::Number, has_fractions)
        };
        let written = notation.map_or_else(usual, Written::Number);
        return Typed::new(Values::Number(numbers), written);
    };
    numbers_as(numbers, format, context)
}

/// Numbers as dates of this format.
pub(super) fn numbers_as(numbers: Vec<f64>, format: DateFormat, context: &Context<'_>) -> Typed {
    let days = numbers.iter().map(|&value| date::from_number(value, &format).unwrap_or(f64::NAN)).collect();
    let mut typed = Typed::new(Values::Date(days), Written::Date(format));
    if let (Some(first), Written::Date(format)) =
        (numbers.iter().find(|value| !value.is_nan()), &typed.written)
    {
        typed.notes.push(format!(
            "column {:?} is read as dates, {} as {format}",
            shown(context.column),
            number_text(*first)
        ));
    }
    typed
}

/// The dates of a column in the format that it had in training, or in the order that is said.
///
/// # Errors
/// [`Error::OtherNotation`] for cells that are dates in another format alone.
pub(super) fn read_trained(
    cells: &Cells,
    format: &DateFormat,
    zoned: bool,
    context: &Context<'_>,
) -> Result<Typed> {
    let said = context.conventions.dates.filter(|_| format.has_order()).map(DateFormat::from);
    let format = &said.unwrap_or(*format);
    let known = || cells.iter().enumerate().filter(|(_, cell)| !is_missing_value(cell));
    // nobody puts the month first and points behind it
    let is_dotted = |cell: &str| cell.contains('.') && !cell.contains(['/', ':']);
    let dots_surprise = said.is_none() && *format == DateFormat::MonthDayYear;
    let surprises = |cell: &str| {
        date::reads_otherwise(cell, format)
            || (dots_surprise && is_dotted(cell))
            // ten in the morning is another time where it has a zone
            || (has_time(cell) && has_zone(cell) != zoned && *format != DateFormat::TimeOfDay)
    };
    let mut first_other = known().find(|(_, cell)| surprises(cell));
    if first_other.is_none() {
        let unread: Vec<(usize, &str)> =
            known().filter(|(_, cell)| date::parse(cell, format).is_none()).collect();
        let are_dates = !unread.is_empty()
            && !matches!(date::decide(unread.iter().map(|(_, cell)| *cell), None, 0), Decided::No);
        first_other = unread.first().copied().filter(|_| are_dates);
    }
    match first_other {
        None => read(cells, format, context),
        Some((row, cell)) => {
            let (column, place, value) = context.cell(row, cell);
            Err(Error::OtherNotation { column, place, value, expected: in_words(*format, zoned) })
        }
    }
}

fn in_words(format: DateFormat, zoned: bool) -> String {
    if zoned { format!("{format} with a zone") } else { format.to_string() }
}

fn has_time(cell: &str) -> bool {
    cell.contains(':')
}

/// Whether a zone stands behind a time.
fn has_zone(cell: &str) -> bool {
    let Some((_, behind)) = cell.split_once(':') else { return false };
    behind.ends_with(['Z', 'z'])
        || behind.ends_with("UTC")
        || behind.ends_with("GMT")
        || behind.contains(['+', '-'])
}

/// Typed dates, for a column that was so in training.
pub(super) fn held_to(typed: Typed, trained: &Written, context: &Context<'_>) -> Result<Typed> {
    let Values::Date(days) = &typed.values else { return Ok(typed) };
    let zoned = |written: &Written| matches!(written, Written::ZonedDate(_));
    let has_time = |days: &f64| days.fract() != 0.0;
    let differs = zoned(trained) != zoned(&typed.written) && !trained.is_unrecorded();
    if differs && let Some(row) = days.iter().position(has_time) {
        let (column, place) = (context.column.to_owned(), (context.place)(row));
        let value = typed.written.date(days[row]);
        let expected = in_words(DateFormat::default(), zoned(trained));
        return Err(Error::OtherNotation { column, place, value, expected });
    }
    Ok(Typed { written: trained.clone(), ..typed })
}

/// The dates of a column in this format.
pub(super) fn read(cells: &Cells, format: &DateFormat, context: &Context<'_>) -> Result<Typed> {
    let (mut unread, mut known, mut times, mut zones) = (Unread::default(), 0, 0, 0);
    // 9999-12-31 is how databases say that there is no end
    let year_9999 = date::parse("9999-01-01", &DateFormat::default()).unwrap_or(f64::INFINITY);
    let mut open_ends = Vec::new();
    let mut days = Vec::with_capacity(cells.len());
    for (row, cell) in cells.iter().enumerate() {
        if is_missing_value(cell) {
            days.push(f64::NAN);
            continue;
        }
        known += 1;
        times += usize::from(has_time(cell));
        zones += usize::from(has_zone(cell));
        match date::parse(cell, format) {
            Some(value) if value >= year_9999 => {
                open_ends.push((row, cell.to_owned()));
                days.push(f64::NAN);
            }
            Some(value) => days.push(value),
            None => {
                unread.at(row, cell);
                days.push(f64::NAN);
            }
        }
    }
    let written = if zones > 0 { Written::ZonedDate(*format) } else { Written::Date(*format) };
    let mut typed = unread.into(Typed::new(Values::Date(days), written), context)?;
    if zones > 0 && zones < times {
        typed.notes.push(format!(
            "column {:?}: {zones} of {times} times have a zone; the others count as UTC",
            shown(context.column)
        ));
    }
    if let Some((_, cell)) = open_ends.first() {
        let (column, count) = (shown(context.column), open_ends.len());
        typed.notes.push(format!(
            "column {column:?}: {:?}, which means that there is no date, counts as missing in {count} of {known} cells",
            shown(cell)
        ));
    }
    typed.open_ends = open_ends;
    typed.notes.extend(short_years(cells, &typed.values, context));
    Ok(typed)
}

/// Says how years of two digits are read, where a century could be meant that is not.
fn short_years(cells: &Cells, values: &Values, context: &Context<'_>) -> Option<String> {
    let Values::Date(days) = values else { return None };
    let is_short = |cell: &str| !cell.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 2);
    let far = |days: f64| date::parts(days).is_some_and(|parts| parts.year >= 2035);
    let at = (0..days.len()).find(|&row| far(days[row]) && is_short(cells.get(row)))?;
    Some(format!(
        "column {:?}: years of two digits count as 1969 to 2068, so {:?} in {} is {}; write all four where another century is \
         meant",
        shown(context.column),
        shown(cells.get(at)),
        (context.place)(at),
        date::text(days[at], None)
    ))
}

/// A column that has to be dates, in whatever format.
pub(super) fn read_as_dates(cells: &Cells, context: &Context<'_>) -> Result<Typed> {
    let known = cells.iter().filter(|cell| !is_missing_value(cell));
    let all = cells.len();
    if let Some(typed) = as_numbers(cells) {
        // a name that tells: it was said that these are dates
        if let Some(format) = date::decide_numbers(&typed, "date") {
            return Ok(numbers_as(typed, format, context));
        }
    }
    match date::decide(known, context.conventions.dates, all) {
        Decided::Format(format) => read(cells, &format, context),
        Decided::Ambiguous { .. } | Decided::Mixed { .. } => match infer(cells, context)? {
            Some(typed) => Ok(typed),
            None => read(cells, &DateFormat::default(), context),
        },
        Decided::No => read(cells, &DateFormat::default(), context),
    }
}

fn as_numbers(cells: &Cells) -> Option<Vec<f64>> {
    cells.iter().map(|cell| if is_missing_value(cell) { Some(f64::NAN) } else { cell.parse().ok() }).collect()
}
