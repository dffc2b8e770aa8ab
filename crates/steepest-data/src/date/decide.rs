//! The format of a column, by its own cells.

use super::format::{self, DateFormat};
use super::numbers::{self, Name};
use super::reading::{self, Shape};
use super::triple::{DateOrder, Last, ORDERS, Triple};

/// What the cells of a column say about its dates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decided {
    /// No dates.
    No,
    /// Dates of this format.
    Format(DateFormat),
    /// Dates that could be written in either order, and are not the same dates. Where years have two digits,
    /// [`DateOrder::YearFirst`] may be meant as well.
    Ambiguous { day_first: DateFormat, month_first: DateFormat },
    /// Some cells are dates with the day first alone, others with the month first alone: no order reads
    /// them all, and which one is meant by the rest cannot be known.
    Mixed { day_first_example: String, month_first_example: String },
}

/// Finds the format in which all cells but at most `allowed_strays` are dates. Cells are trimmed and not
/// missing; those that [`is_zero`] accepts do not count.
///
/// Where day and month could change places, a cell with a number above 12 decides; where there is none,
/// `order`; where that says nothing, points decide for the day first, for nobody writes the month first with
/// them.
pub(crate) fn decide<'a>(
    cells: impl Iterator<Item = &'a str> + Clone,
    order: Option<DateOrder>,
    allowed_strays: usize,
) -> Decided {
    let mut evidence = Evidence::default();
    for cell in cells {
        if !is_zero(cell) {
            evidence.add(cell);
            if evidence.unread > allowed_strays {
                return Decided::No;
            }
        }
    }
    evidence.decide(order, allowed_strays)
}

/// Whether the cell is a date of zeros, with or without a time of zeros, which databases write for a missing
/// one.
pub(crate) fn is_zero(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    let Some((date, time)) = bytes.split_at_checked(10) else { return false };
    let (first, second) = if date[4] == b'0' { (2, 5) } else { (4, 7) };
    let mark = date[first];
    matches!(mark, b'-' | b'/' | b'.')
        && date
            .iter()
            .enumerate()
            .all(|(at, &byte)| byte == if at == first || at == second { mark } else { b'0' })
        && time.iter().all(|byte| b"0:. TZ".contains(byte))
}

#[derive(Default)]
struct Evidence<'a> {
    cells: usize,
    unread: usize,
    /// Cells of each format; three numbers in any order count as [`DateFormat::DayMonthYear`].
    of_format: [usize; DateFormat::EpochNanoseconds as usize + 1],
    /// Year-first dates with points that a version could be, and those that none is.
    loose: usize,
    days_above_12: usize,
    /// Months that follow their year's last two digits, as the second year of a season does: 2010-11.
    seasons: usize,
    /// `Mar-99` and `Mar '24`, where the number is no day.
    short_years: usize,
    triples: Triples<'a>,
    first_whole: Option<u64>,
    whole_numbers_vary: bool,
}

/// Three numbers of which two could be day, month or year.
#[derive(Default)]
struct Triples<'a> {
    /// Cells that a set of orders reads; bit `order as usize` is set where the order reads it.
    read_by: [usize; 8],
    /// Cells that are different dates with the day first and with the month first.
    differ: usize,
    points: usize,
    short: usize,
    padded: usize,
    strokes: usize,
    /// Least and greatest first and last number of the cells with two digits each.
    first: Option<(u8, u8)>,
    last: Option<(u8, u8)>,
    day_first_example: Option<&'a str>,
    month_first_example: Option<&'a str>,
}

impl<'a> Evidence<'a> {
    fn add(&mut self, cell: &'a str) {
        self.cells += 1;
        match self.format_of(cell) {
            Some(format) => self.of_format[format as usize] += 1,
            None => self.unread += 1,
        }
    }

    /// The only format in which the cell is a date.
    fn format_of(&mut self, cell: &'a str) -> Option<DateFormat> {
        let reading = reading::read(cell)?;
        let format = match reading.shape {
            Shape::YearFirst { day, loose, .. } => {
                self.loose += usize::from(loose);
                self.days_above_12 += usize::from(day > 12);
                DateFormat::YearMonthDay
            }
            Shape::Named { .. } => DateFormat::MonthName,
            Shape::Numbers(triple) => {
                return self.triples.add(&triple, cell).then_some(DateFormat::DayMonthYear);
            }
            Shape::Month { year, month } => {
                self.seasons += usize::from((year + 1) % 100 == u16::from(month));
                DateFormat::Month
            }
            Shape::NameAndTwoDigits { number, is_year, .. } => {
                self.short_years += usize::from(is_year || number == 0 || number > 31);
                DateFormat::MonthShortYear
            }
            Shape::Quarter { .. } => DateFormat::Quarter,
            Shape::Week { .. } => DateFormat::Week,
            Shape::Time => DateFormat::TimeOfDay,
            Shape::Compact { .. } => DateFormat::Compact,
            Shape::Whole(number) => {
                let first = *self.first_whole.get_or_insert(number);
                self.whole_numbers_vary |= number != first;
                return numbers::classify(number as f64, Name::Silent);
            }
        };
        format::day_exists(&reading, format).then_some(format)
    }

    fn decide(&self, order: Option<DateOrder>, allowed_strays: usize) -> Decided {
        let count = |format: DateFormat| self.of_format[format as usize];
        // dates that every format reads
        let (iso, named) = (count(DateFormat::YearMonthDay), count(DateFormat::MonthName));
        let complete = iso + named;
        let other =
            OTHERS.into_iter().rev().max_by_key(|&format| count(format)).filter(|&format| count(format) > 0);
        let with_complete = |format| if format == DateFormat::TimeOfDay { 0 } else { complete };

        let mut decided = Decided::No;
        if let Some(format) = other {
            let strays = self.cells - with_complete(format) - count(format);
            if strays <= allowed_strays && strays < self.cells - strays {
                decided = match format {
                    DateFormat::DayMonthYear => self.triples.decide(order, allowed_strays - strays),
                    _ if self.is_plausible(format) => Decided::Format(format),
                    _ => Decided::No,
                };
            }
        }
        let strays = self.cells - complete;
        let base = if iso >= named { DateFormat::YearMonthDay } else { DateFormat::MonthName };
        // a stray that could be two dates makes no column of certain ones uncertain
        if !matches!(decided, Decided::Format(_))
            && strays <= allowed_strays
            && strays < complete
            && self.is_plausible(base)
        {
            decided = Decided::Format(base);
        }
        decided
    }

    /// Whether the cells of a format are not rather something else that is written so.
    fn is_plausible(&self, format: DateFormat) -> bool {
        let count = self.of_format[format as usize];
        match format {
            DateFormat::YearMonthDay => self.loose < count || self.days_above_12 > 0,
            DateFormat::Month => self.seasons < count,
            DateFormat::MonthShortYear => self.short_years > 0,
            DateFormat::EpochSeconds | DateFormat::EpochMilliseconds => self.whole_numbers_vary,
            DateFormat::Compact => self.whole_numbers_vary || self.first_whole.is_none(),
            _ => true,
        }
    }
}

/// The formats that only some columns have, most common first.
const OTHERS: [DateFormat; 9] = [
    DateFormat::DayMonthYear,
    DateFormat::TimeOfDay,
    DateFormat::Month,
    DateFormat::Compact,
    DateFormat::EpochSeconds,
    DateFormat::EpochMilliseconds,
    DateFormat::Quarter,
    DateFormat::Week,
    DateFormat::MonthShortYear,
];

const DAY_FIRST: usize = 1 << DateOrder::DayFirst as usize;
const MONTH_FIRST: usize = 1 << DateOrder::MonthFirst as usize;
const YEAR_FIRST: usize = 1 << DateOrder::YearFirst as usize;
const YEAR_LAST: usize = DAY_FIRST | MONTH_FIRST;

/// How many cells that prove one order outweigh a cell that proves the other, so that this is an error in
/// that cell and no second order.
const OUTWEIGHS: usize = 20;

impl<'a> Triples<'a> {
    /// Says whether any order reads the cell.
    fn add(&mut self, triple: &Triple, cell: &'a str) -> bool {
        let days = ORDERS.map(|order| triple.day(order));
        let read_by =
            days.iter().enumerate().map(|(order, day)| usize::from(day.is_some()) << order).sum::<usize>();
        if read_by == 0 {
            return false;
        }
        self.read_by[read_by] += 1;
        let differs = read_by & YEAR_LAST == YEAR_LAST && triple.numbers[0] != triple.numbers[1];
        self.differ += usize::from(differs);
        self.points += usize::from(triple.separator == b'.');
        self.strokes += usize::from(triple.separator == b'/');
        self.padded += usize::from(triple.padded);
        if let Last::TwoDigits(last) = triple.last {
            self.short += 1;
            widen(&mut self.first, triple.numbers[0]);
            widen(&mut self.last, last);
        }
        match read_by & YEAR_LAST {
            DAY_FIRST => _ = self.day_first_example.get_or_insert(cell),
            MONTH_FIRST => _ = self.month_first_example.get_or_insert(cell),
            _ => {}
        }
        true
    }

    /// Cells that one of these orders reads, and none of those.
    fn only(&self, these: usize, not_those: usize) -> usize {
        let counts = self.read_by.iter().enumerate();
        counts.filter(|(by, _)| by & these != 0 && by & not_those == 0).map(|(_, count)| count).sum()
    }

    fn decide(&self, order: Option<DateOrder>, allowed_strays: usize) -> Decided {
        let cells: usize = self.read_by.iter().sum();
        // 10.12.14 may be a version; none has leading zeros
        if self.short == cells && self.strokes == 0 && self.padded == 0 {
            return Decided::No;
        }
        let within = |order: DateOrder, strays: usize| {
            if strays <= allowed_strays { Decided::Format(order.into()) } else { Decided::No }
        };
        let (year_first, year_last) = (self.only(YEAR_FIRST, YEAR_LAST), self.only(YEAR_LAST, YEAR_FIRST));
        if year_first.min(year_last) * OUTWEIGHS > year_first.max(year_last) {
            return Decided::No;
        }
        let year_is_first = if year_first != year_last {
            Some(year_first > year_last)
        } else {
            self.guess_year_is_first(cells, order)
        };
        match year_is_first {
            Some(true) => return within(DateOrder::YearFirst, year_last),
            Some(false) => {}
            None => return AMBIGUOUS,
        }

        let (day_first, month_first) = (self.only(DAY_FIRST, MONTH_FIRST), self.only(MONTH_FIRST, DAY_FIRST));
        let (likely, proofs, against) = if day_first >= month_first {
            (DateOrder::DayFirst, day_first, month_first)
        } else {
            (DateOrder::MonthFirst, month_first, day_first)
        };
        if proofs == 0 {
            let order = order.filter(|&order| order != DateOrder::YearFirst);
            let by_custom = (self.differ == 0 || self.points == cells).then_some(DateOrder::DayFirst);
            return order.or(by_custom).map_or(AMBIGUOUS, |order| within(order, year_first));
        }
        match (self.day_first_example, self.month_first_example) {
            (Some(day_first), Some(month_first))
                if against + year_first > allowed_strays || against * OUTWEIGHS > proofs =>
            {
                Decided::Mixed {
                    day_first_example: day_first.to_owned(),
                    month_first_example: month_first.to_owned(),
                }
            }
            _ => within(likely, against + year_first),
        }
    }

    /// Whether the first of three numbers of two digits is the year, where no cell proves it; `None` if that
    /// cannot be known.
    fn guess_year_is_first(&self, cells: usize, order: Option<DateOrder>) -> Option<bool> {
        if let Some(order) = order {
            return Some(order == DateOrder::YearFirst);
        }
        // Days come from all over the month, years from a few. The reverse proves nothing: the last numbers
        // of 01/06/01, 01/06/02, ... 01/06/24 are years although they spread.
        let span = |range: Option<(u8, u8)>| range.map_or(0, |(least, greatest)| greatest - least);
        let (first, last) = (span(self.first), span(self.last));
        (self.points == cells || (first >= 12 && first >= last + 8)).then_some(false)
    }
}

const AMBIGUOUS: Decided =
    Decided::Ambiguous { day_first: DateFormat::DayMonthYear, month_first: DateFormat::MonthDayYear };

fn widen(range: &mut Option<(u8, u8)>, value: u8) {
    let (least, greatest) = range.unwrap_or((value, value));
    *range = Some((least.min(value), greatest.max(value)));
}
