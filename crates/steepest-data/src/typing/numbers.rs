//! Columns of numbers: whether a column is one, which marks it has, and what its cells are worth.

use super::codes::{Code, Glance, Spellings};
use super::context::{Context, FEWEST_FOR_STRAYS, Typed, Unread, allowed_strays};
use super::dates;
use super::missing::is_missing_value;
use super::number::{Digits, READINGS};
use crate::error::{Error, Kind, Result, shown};
use crate::read::raw::Cells;
use crate::table::Values;
use crate::written::{Decimal, Notation, Thousands, Written};

/// What a column turned out to be.
pub(super) enum Inferred {
    Numbers(Typed),
    /// No numbers; the sentence says why the cells are text although they look like numbers.
    Text(Option<String>),
}

type Reading = (Decimal, Option<Thousands>);

/// The numbers of a column; text where its cells are none, or are codes.
pub(super) fn infer(cells: &Cells, context: &Context<'_>) -> Result<Inferred> {
    let mut telling = None;
    let (values, notation, glance, reading, unread) = match plain(cells, context)? {
        Some((values, glance)) => {
            let notation = plain_notation(&glance);
            (values, notation, glance, (Decimal::Point, None), Unread::default())
        }
        None => {
            let census = Census::of(cells);
            let strays = allowed_strays(census.known);
            if census.most() == 0 || census.known - census.most() > strays {
                return Ok(Inferred::Text(census.nearly_numbers(cells, context)));
            }
            let readings = READINGS.iter().filter(|reading| context.allows(**reading));
            let reading = census.choose(readings.copied(), context, false)?;
            if census.known - census.count(reading) > strays {
                return Ok(Inferred::Text(census.nearly_numbers(cells, context)));
            }
            telling = census.telling(reading, cells).filter(|_| !context.commas_separate);
            let read = read_with(cells, reading, context)?;
            let notation = Notation { places: read.glance.places(), ..read.notation };
            (read.values, notation, read.glance, reading, read.unread)
        }
    };
    let known = values.iter().filter(|value| !value.is_nan()).count() + unread.count();
    let doubt = match glance.decide(allowed_strays(known), || spelled(cells, reading)) {
        Spellings::Numbers => None,
        Spellings::Doubtful(code) => Some(doubtful(code, cells, context)),
        Spellings::Codes(code) => return Ok(Inferred::Text(Some(codes(code, cells, context)))),
    };
    let marked = notation.thousands.is_some() || notation.decimal == Some(Decimal::Comma);
    // 20241103 and seconds since 1970 have neither marks nor units
    let plainly = |cell: &str| cell.parse::<f64>().is_ok();
    let may_be_dates = notation.thousands.is_none()
        && notation.decimal != Some(Decimal::Comma)
        && cells
            .iter()
            .filter(|cell| !is_missing_value(cell) && Digits::of(cell).is_some())
            .take(3)
            .all(plainly);
    let mut typed = match may_be_dates {
        true => dates::infer_numbers(values, Some(notation), context),
        false => Typed::new(Values::Number(values), Written::Number(notation)),
    };
    if marked {
        typed.notes.push(marks(notation, reading, cells, context));
    }
    typed.notes.extend(telling.map(|row| {
        format!(
            "column {:?}: only {:?} in {} tells which mark is the decimal one; say so if it is a slip",
            shown(context.column),
            shown(cells.get(row)),
            (context.place)(row)
        )
    }));
    typed.notes.extend(doubt);
    Ok(Inferred::Numbers(unread.into(typed, context)?))
}

/// A column that has to be numbers. `trained` are the marks that it had in training.
///
/// A cell reads as in training, if it does so at all. Where training had no marks, and for marks that it did not have, the
/// column's own cells decide; `context` may say what is meant instead.
///
/// # Errors
/// [`Error::OtherNotation`] for a cell that reads, but not as the column does; [`Error::AmbiguousNumber`].
pub(super) fn read_as(cells: &Cells, trained: Option<Notation>, context: &Context<'_>) -> Result<Typed> {
    let said = context.conventions.decimal.is_some() || context.conventions.thousands.is_some();
    let marks_of_training = trained.filter(|trained| trained.is_marked() && !said);
    let percent = trained.is_some_and(|trained| trained.percent);
    let usual_marks = marks_of_training.is_none_or(|trained| {
        trained.decimal != Some(Decimal::Comma) && trained.thousands != Some(Thousands::Point)
    });
    let trained_plainly = usual_marks && !percent;
    if trained_plainly && let Some((values, glance)) = plain(cells, context)? {
        let written = trained.unwrap_or_else(|| plain_notation(&glance));
        return Ok(Typed::new(Values::Number(values), Written::Number(written)));
    }
    let census = Census::of(cells);
    // where training had no fractions, a mark that may be a decimal one is news
    let is_news = |trained: &Notation| trained.decimal.is_none() && census.ambiguous.is_some();
    let exact = marks_of_training
        .filter(|trained| !is_news(trained) || trained.thousands.is_some_and(is_point_or_comma))
        .map(as_trained)
        .filter(|exact| census.count(*exact) == census.most());
    let reading = match exact {
        Some(exact) => exact,
        None => {
            let readings = READINGS.iter().copied().filter(|reading| context.allows(*reading));
            // whole numbers in training: with thousands they are whole still
            census.choose(readings, context, trained.is_some() && marks_of_training.is_none())?
        }
    };
    let fits = marks_of_training.is_none_or(|trained| {
        trained.decimal.is_none_or(|trained| trained == reading.0)
            && (trained.thousands.is_none() || trained.thousands == reading.1)
    });
    let column_reads = if fits { reading } else { marks_of_training.map_or(reading, as_trained) };
    let other_unit = |cell: &str| {
        trained.is_some()
            && !is_missing_value(cell)
            && Digits::of(cell)
                .is_some_and(|digits| (digits.unit == Some("%")) != percent && digits.is_not_zero())
    };
    let other = |(_, cell): &(usize, &str)| reads_otherwise(cell, column_reads) || other_unit(cell);
    if let Some((row, cell)) = cells.iter().enumerate().find(other) {
        let (column, place, value) = context.cell(row, cell);
        let expected = trained.unwrap_or_default().to_string();
        return Err(Error::OtherNotation { column, place, value, expected });
    }
    let Read { values, mut notation, unread, glance } = read_with(cells, column_reads, context)?;
    notation.places = glance.places();
    // in training, a column of numbers without one is none
    if let (None, true, Some((row, cell))) =
        (trained, values.iter().all(|value| value.is_nan()), unread.first())
    {
        let (column, place, value) = context.cell(row, cell);
        return Err(Error::Unreadable { column, place, value, expected: Kind::Number });
    }
    let news = notation.thousands.is_some() || notation.decimal == Some(Decimal::Comma);
    let mut typed = Typed::new(Values::Number(values), Written::Number(trained.unwrap_or(notation)));
    if news && exact.is_none() {
        typed.notes.push(marks(notation, column_reads, cells, context));
    }
    unread.into(typed, context)
}

fn is_point_or_comma(mark: Thousands) -> bool {
    matches!(mark, Thousands::Point | Thousands::Comma)
}

/// The reading of numbers with these marks.
fn as_trained(trained: Notation) -> Reading {
    let usual = if trained.thousands == Some(Thousands::Point) { Decimal::Comma } else { Decimal::Point };
    (trained.decimal.unwrap_or(usual), trained.thousands)
}

/// Whether a cell is a number, but not in this reading.
fn reads_otherwise(cell: &str, (decimal, thousands): Reading) -> bool {
    !is_missing_value(cell)
        && Digits::of(cell)
            .is_some_and(|digits| digits.notation(decimal, thousands).is_none() && digits.readings() != 0)
}

fn plain_notation(glance: &Glance) -> Notation {
    let decimal = glance.has_fractions().then_some(Decimal::Point);
    Notation { decimal, thousands: None, places: glance.places(), percent: false }
}

/// Numbers of a column for an encoder that does not know how they were written: marks are refused.
pub(super) fn read_unmarked(cells: &Cells, context: &Context<'_>) -> Result<Typed> {
    let marked = |(_, cell): &(usize, &str)| {
        !is_missing_value(cell) && cell.parse::<f64>().is_err() && Digits::of(cell).is_some()
    };
    if let Some((row, cell)) = cells.iter().enumerate().find(marked) {
        let (column, place, value) = context.cell(row, cell);
        return Err(Error::MarkedNumber { column, place, value });
    }
    let reading = (Decimal::Point, None);
    let Read { values, notation, unread, glance: _ } = read_with(cells, reading, context)?;
    unread.into(Typed::new(Values::Number(values), Written::Number(notation)), context)
}

impl Context<'_> {
    fn allows(&self, (decimal, thousands): Reading) -> bool {
        self.conventions.decimal.is_none_or(|asked| asked == decimal)
            && self.conventions.thousands.is_none_or(|asked| thousands.is_none_or(|found| found == asked))
            // what groups thousands is not the decimal mark
            && !matches!(
                (self.conventions.thousands, decimal),
                (Some(Thousands::Comma), Decimal::Comma) | (Some(Thousands::Point), Decimal::Point)
            )
    }
}

/// All cells as numbers that everyone writes so: digits with a decimal point. `None` at the first that is none.
fn plain(cells: &Cells, context: &Context<'_>) -> Result<Option<(Vec<f64>, Glance)>> {
    let asked = context.conventions;
    if asked.decimal == Some(Decimal::Comma) || asked.thousands == Some(Thousands::Point) {
        return Ok(None);
    }
    let mut glance = Glance::default();
    let mut values = Vec::with_capacity(cells.len());
    // in a file whose cells no comma separates, 1.500 alone does not say what its point is
    let (mut points, mut only_threes, mut bare_thousands) = (0usize, true, false);
    for (row, cell) in cells.iter().enumerate() {
        if is_missing_value(cell) {
            values.push(f64::NAN);
            continue;
        }
        let Ok(value) = cell.parse::<f64>() else { return Ok(None) };
        let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
        glance.at(digits, value, row);
        if !context.commas_separate && only_threes {
            match digits.find('.') {
                Some(at) => {
                    points += 1;
                    only_threes = (1..4).contains(&at) && digits.len() - at == 4 && !digits.starts_with('0');
                }
                None => bare_thousands |= digits.len() > 3,
            }
        }
        values.push(context.finite(value, row, cell)?);
    }
    let doubtful = !context.commas_separate && points > 0 && only_threes && !bare_thousands;
    Ok((!doubtful || asked.decimal.is_some() || asked.thousands.is_some()).then_some((values, glance)))
}

/// How many cells each reading reads, and what else decides between them.
struct Census {
    known: usize,
    counts: [usize; READINGS.len()],
    /// Cells that are a number in some notation.
    numbers: usize,
    /// The row of the first cell that no reading reads.
    first_other: Option<usize>,
    /// Whether some cell has one mark and reads in two ways, and the row of the first.
    ambiguous: Option<(usize, String)>,
    /// Cells with a point or a comma.
    marked: usize,
    bare_thousand: bool,
    /// Whether two currencies, or a currency and per cent, stand in the column.
    units_differ: bool,
    /// Cells with a sign of per cent, and others that are not zero.
    percent: usize,
    bare: usize,
}

impl Census {
    fn of(cells: &Cells) -> Self {
        let mut census = Self {
            known: 0,
            counts: [0; READINGS.len()],
            numbers: 0,
            first_other: None,
            ambiguous: None,
            marked: 0,
            bare_thousand: false,
            units_differ: false,
            percent: 0,
            bare: 0,
        };
        let mut unit = None;
        let most_strays = allowed_strays(cells.len()).max(1);
        for (row, cell) in cells.iter().enumerate() {
            if is_missing_value(cell) {
                continue;
            }
            census.known += 1;
            let digits = Digits::of(cell).map(|digits| (digits, digits.readings()));
            let Some((digits, bits)) = digits.filter(|(_, bits)| *bits != 0) else {
                census.first_other.get_or_insert(row);
                // text, beyond doubt: its other cells need not be looked at
                let others = census.known - census.numbers;
                if others > most_strays && others > census.numbers {
                    census.counts = [0; READINGS.len()];
                    return census;
                }
                continue;
            };
            census.numbers += 1;
            for (bit, count) in census.counts.iter_mut().enumerate() {
                *count += usize::from(bits >> bit & 1);
            }
            census.marked += usize::from(digits.has_point_or_comma());
            census.bare_thousand |= digits.is_bare_thousand();
            if census.ambiguous.is_none() && digits.is_ambiguous() {
                census.ambiguous = Some((row, cell.to_owned()));
            }
            census.units_differ |= digits.unit.is_some() && unit.is_some() && unit != digits.unit;
            unit = unit.or(digits.unit);
            match digits.unit {
                Some("%") => census.percent += 1,
                _ => census.bare += usize::from(digits.is_not_zero()),
            }
        }
        // 35 % and 0.35 in one column are two units
        census.units_differ |= census.percent.min(census.bare) > allowed_strays(census.known);
        census
    }

    /// Cells that the best reading reads; none where units differ, for then the numbers do not compare.
    fn most(&self) -> usize {
        if self.units_differ { 0 } else { self.counts.iter().copied().max().unwrap_or(0) }
    }

    fn count(&self, reading: Reading) -> usize {
        READINGS.iter().position(|known| *known == reading).map_or(0, |at| self.counts[at])
    }

    /// The reading among these that reads the most cells. Where a point and a comma could both be the decimal mark:
    /// the point, if commas separate the cells; the mark, if numbers of 1000 and more have none; the mark of thousands, if
    /// the numbers are known to be `whole`.
    ///
    /// # Errors
    /// [`Error::AmbiguousNumber`] where nothing decides.
    fn choose(
        &self,
        readings: impl Iterator<Item = Reading> + Clone,
        context: &Context<'_>,
        whole: bool,
    ) -> Result<Reading> {
        let most = readings.clone().map(|reading| self.count(reading)).max().unwrap_or(0);
        let mut best = readings.clone().filter(|reading| self.count(*reading) == most);
        let first = best.clone().next().unwrap_or((Decimal::Point, None));
        let Some((row, cell)) = &self.ambiguous else { return Ok(first) };
        let of = |decimal: Decimal| best.clone().find(|reading| reading.0 == decimal);
        let (Some(point), Some(comma)) = (of(Decimal::Point), of(Decimal::Comma)) else {
            return Ok(first);
        };
        if context.commas_separate {
            return Ok(point);
        }
        let mark_is_point = cell.contains('.');
        if self.bare_thousand {
            return Ok(if mark_is_point { point } else { comma });
        }
        if whole {
            let thousands = best.find(|reading| match reading.1 {
                Some(Thousands::Comma) => !mark_is_point,
                Some(Thousands::Point) => mark_is_point,
                _ => false,
            });
            if let Some(reading) = thousands {
                return Ok(reading);
            }
        }
        Err(self.ambiguous(*row, cell, context))
    }

    /// The only cells that tell what the marks mean, where they are so few that they may be slips: the row of the first.
    fn telling(&self, reading: Reading, cells: &Cells) -> Option<usize> {
        self.ambiguous.as_ref()?;
        let other = |other: &&Reading| {
            let both = self.count(**other);
            other.0 != reading.0
                && both < self.count(reading)
                && (self.count(reading) - both) * 100 <= self.marked
        };
        let other = READINGS.iter().find(other)?;
        let reads = |digits: &Digits<'_>, reading: Reading| digits.notation(reading.0, reading.1).is_some();
        cells.iter().position(|cell| {
            !is_missing_value(cell)
                && Digits::of(cell).is_some_and(|digits| reads(&digits, reading) && !reads(&digits, *other))
        })
    }

    fn ambiguous(&self, row: usize, cell: &str, context: &Context<'_>) -> Error {
        let (column, place, value) = context.cell(row, cell);
        let reads_as = |decimal, thousands| {
            let value =
                Digits::of(cell).and_then(|digits| digits.value(decimal, thousands, &mut String::new()));
            value.map_or_else(String::new, |value| value.to_string())
        };
        let (point, comma) = (
            reads_as(Decimal::Point, Some(Thousands::Comma)),
            reads_as(Decimal::Comma, Some(Thousands::Point)),
        );
        let (as_decimal, as_thousands) = if cell.contains('.') { (point, comma) } else { (comma, point) };
        let either = Box::new([as_decimal, as_thousands]);
        Error::AmbiguousNumber { column, place, value, either }
    }

    /// Why a column is text although most of its cells are numbers.
    fn nearly_numbers(&self, cells: &Cells, context: &Context<'_>) -> Option<String> {
        let column = shown(context.column);
        if self.units_differ && self.numbers * 2 > self.known {
            return Some(format!(
                "column {column:?} has numbers in more than one unit, so it is taken as text; convert them to one"
            ));
        }
        let Some(row) = self.first_other else {
            let best = *READINGS.iter().max_by_key(|reading| self.count(**reading))?;
            let other = cells.iter().position(|cell| reads_otherwise(cell, best))?;
            return (self.known >= FEWEST_FOR_STRAYS).then(|| {
                format!(
                    "column {column:?} is taken as text: no one way to write numbers reads all its cells, and {:?} in {} is \
                     written in another way than most",
                    shown(cells.get(other)),
                    (context.place)(other)
                )
            });
        };
        let others = self.known - self.numbers;
        let place = (context.place)(row);
        (self.numbers > others && self.known >= FEWEST_FOR_STRAYS).then(|| {
            format!(
                "column {column:?} is taken as text: {others} of its {} cells are no numbers, the first in {place}, {:?}; \
                 have it read as numbers if these are missing",
                self.known,
                shown(cells.get(row))
            )
        })
    }
}

struct Read {
    values: Vec<f64>,
    notation: Notation,
    glance: Glance,
    unread: Unread,
}

fn read_with(cells: &Cells, (decimal, thousands): Reading, context: &Context<'_>) -> Result<Read> {
    let mut read = Read {
        values: Vec::with_capacity(cells.len()),
        notation: Notation::default(),
        glance: Glance::default(),
        unread: Unread::default(),
    };
    let mut buffer = String::new();
    for (row, cell) in cells.iter().enumerate() {
        if is_missing_value(cell) {
            read.values.push(f64::NAN);
            continue;
        }
        let digits = Digits::of(cell);
        let value = digits.and_then(|digits| digits.value(decimal, thousands, &mut buffer));
        let Some((digits, value)) = digits.zip(value) else {
            // "inf" is a number, though no digits
            match cell.parse::<f64>().ok().filter(|value| value.is_infinite()) {
                Some(value) => read.values.push(context.finite(value, row, cell)?),
                None => {
                    read.unread.at(row, cell);
                    read.values.push(f64::NAN);
                }
            }
            continue;
        };
        let marks = digits.notation(decimal, thousands).unwrap_or_default();
        read.notation.decimal = read.notation.decimal.or(marks.decimal);
        read.notation.thousands = read.notation.thousands.or(marks.thousands);
        read.notation.percent |= marks.percent;
        read.glance.at(&buffer, value, row);
        read.values.push(context.finite(value, row, cell)?);
    }
    Ok(read)
}

/// The numbers of a column as everyone writes them, with their rows.
fn spelled(cells: &Cells, (decimal, thousands): Reading) -> impl Iterator<Item = (usize, f64, String)> {
    let known = cells.iter().enumerate().filter(|(_, cell)| !is_missing_value(cell));
    known.filter_map(move |(row, cell)| {
        let mut text = String::new();
        let value = Digits::of(cell)?.value(decimal, thousands, &mut text)?;
        // without the sign, 0.5 and -0.50 would be one number
        if value.is_sign_negative() {
            text.insert(0, '-');
        }
        Some((row, value, text))
    })
}

fn marks(notation: Notation, reading: Reading, cells: &Cells, context: &Context<'_>) -> String {
    let column = shown(context.column);
    if notation.thousands.is_none() {
        return format!("column {column:?}: the comma is read as a decimal point");
    }
    let mut buffer = String::new();
    let grouped = cells.iter().enumerate().find_map(|(row, cell)| {
        let digits = Digits::of(cell).filter(|_| !is_missing_value(cell))?;
        digits.notation(reading.0, reading.1)?.thousands?;
        Some((row, cell, digits.value(reading.0, reading.1, &mut buffer)?))
    });
    match grouped {
        Some((row, cell, value)) => format!(
            "column {column:?} has {notation}: {:?} in {} is {value}",
            shown(cell),
            (context.place)(row)
        ),
        None => format!("column {column:?} has {notation}"),
    }
}

fn codes(code: Code, cells: &Cells, context: &Context<'_>) -> String {
    let column = shown(context.column);
    let cell = |row: usize| shown(cells.get(row));
    match code {
        Code::LeadingZero(row) => format!(
            "column {column:?} holds codes, not numbers: {:?} in {} begins with a zero",
            cell(row),
            (context.place)(row)
        ),
        Code::TwoSpellings(a, b) => format!(
            "column {column:?} holds codes, not numbers: {:?} and {:?} both occur more than once ({} and {})",
            cell(a),
            cell(b),
            (context.place)(a),
            (context.place)(b)
        ),
        Code::TooLong(row) => format!(
            "column {column:?} holds codes, not numbers: {:?} in {} has more digits than a number keeps",
            cell(row),
            (context.place)(row)
        ),
    }
}

fn doubtful(code: Code, cells: &Cells, context: &Context<'_>) -> String {
    let column = shown(context.column);
    let cell = |row: usize| shown(cells.get(row));
    let what = match code {
        Code::LeadingZero(row) => format!("{:?} in {}", cell(row), (context.place)(row)),
        Code::TwoSpellings(a, b) => format!(
            "{:?} and {:?} ({} and {}) are one number",
            cell(a),
            cell(b),
            (context.place)(a),
            (context.place)(b)
        ),
        Code::TooLong(row) => {
            format!("{:?} in {} has more digits than a number keeps", cell(row), (context.place)(row))
        }
    };
    format!(
        "column {column:?} is read as numbers, though {what}; have it read as categories if they are codes"
    )
}
