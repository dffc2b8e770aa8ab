//! How a column writes its dates, and the date of a cell in a format.

use serde::{Deserialize, Serialize};
use std::fmt;

use super::calendar::{self, MILLISECONDS_PER_DAY};
use super::reading::{self, Reading, Shape};
use super::triple::{DateOrder, ORDERS, full_year};

/// How the dates of a column are written. Saved encoders hold these words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// 2024-11-03: ISO 8601 and what is close to it. Encoders that say nothing were made from these alone.
    #[default]
    YearMonthDay,
    /// 03/11/2024, 3.11.24.
    DayMonthYear,
    /// 11/03/2024.
    MonthDayYear,
    /// 24/11/03.
    ShortYearMonthDay,
    /// 3 Nov 2024, in any order.
    MonthName,
    /// 2024-11, Nov 2024, 11/2024: the first day of a month.
    Month,
    /// Nov-24: the first day of a month.
    MonthShortYear,
    /// 2024-Q4: the first day of a quarter.
    Quarter,
    /// 2024-W44: its Monday, or the day that 2024-W44-7 names.
    Week,
    /// 13:03, 1:03 PM: a part of a day.
    TimeOfDay,
    /// 20241103, 20241103130300.
    Compact,
    /// Since 1970-01-01 UTC, as the next three.
    EpochSeconds,
    /// Thousandths of a second.
    EpochMilliseconds,
    /// Millionths of a second.
    EpochMicroseconds,
    /// Thousand-millionths of a second.
    EpochNanoseconds,
}

impl fmt::Display for DateFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            DateFormat::YearMonthDay => "year-month-day",
            DateFormat::DayMonthYear => "day/month/year",
            DateFormat::MonthDayYear => "month/day/year",
            DateFormat::ShortYearMonthDay => "year/month/day with years of two digits",
            DateFormat::MonthName => "day, month name, year",
            DateFormat::Month => "month of a year",
            DateFormat::MonthShortYear => "month name and year of two digits",
            DateFormat::Quarter => "quarter of a year",
            DateFormat::Week => "ISO week",
            DateFormat::TimeOfDay => "time of day",
            DateFormat::Compact => "yearmonthday without marks",
            DateFormat::EpochSeconds => "seconds since 1970",
            DateFormat::EpochMilliseconds => "milliseconds since 1970",
            DateFormat::EpochMicroseconds => "microseconds since 1970",
            DateFormat::EpochNanoseconds => "nanoseconds since 1970",
        })
    }
}

impl From<DateOrder> for DateFormat {
    fn from(order: DateOrder) -> Self {
        match order {
            DateOrder::DayFirst => DateFormat::DayMonthYear,
            DateOrder::MonthFirst => DateFormat::MonthDayYear,
            DateOrder::YearFirst => DateFormat::ShortYearMonthDay,
        }
    }
}

impl DateFormat {
    /// Whether it is one of the orders of day, month and year as numbers.
    pub(crate) fn has_order(self) -> bool {
        self == DateFormat::YearMonthDay || self.order().is_some()
    }

    fn order(self) -> Option<DateOrder> {
        ORDERS.into_iter().find(|&order| self == order.into())
    }

    /// Units in a second, for numbers since 1970.
    pub(super) fn per_second(self) -> Option<f64> {
        match self {
            DateFormat::EpochSeconds => Some(1.0),
            DateFormat::EpochMilliseconds => Some(1e3),
            DateFormat::EpochMicroseconds => Some(1e6),
            DateFormat::EpochNanoseconds => Some(1e9),
            _ => None,
        }
    }
}

/// The date of a cell in this format, in days since 1970-01-01 UTC; a part of a day for a time of day. A date
/// that can be read in one way only (2024-11-03, 3 Nov 2024) is read in every format but the time of day.
pub(crate) fn parse(cell: &str, format: &DateFormat) -> Option<f64> {
    if (format.per_second().is_some() || *format == DateFormat::Month)
        && let Ok(number) = cell.parse()
        && let Some(days) = from_number(number, format)
    {
        return Some(days);
    }
    let reading = reading::read(cell)?;
    Some(calendar::days(milliseconds(&reading, *format)?))
}

/// Since 1970-01-01 UTC.
fn milliseconds(reading: &Reading, format: DateFormat) -> Option<i64> {
    if let (Shape::Whole(number), DateFormat::Compact) = (reading.shape, format) {
        return compact(number);
    }
    let day = match (reading.shape, format) {
        (Shape::Time, DateFormat::TimeOfDay) => Some(0),
        (_, DateFormat::TimeOfDay) => None,
        (Shape::YearFirst { year, month, day, .. } | Shape::Named { year, month, day }, _) => {
            calendar::day(year, month, day)
        }
        (Shape::Numbers(triple), _) => triple.day(format.order()?),
        (Shape::Month { year, month }, DateFormat::Month) => calendar::day(year, month, 1),
        (Shape::NameAndTwoDigits { month, number, .. }, DateFormat::MonthShortYear) => {
            calendar::day(full_year(number), month, 1)
        }
        (Shape::Quarter { year, quarter }, DateFormat::Quarter) => calendar::day(year, quarter * 3 - 2, 1),
        (Shape::Week { year, week, weekday }, DateFormat::Week) => calendar::day_of_week(year, week, weekday),
        (Shape::Compact { date }, DateFormat::Compact) => compact_day(date),
        _ => None,
    };
    Some(day? * MILLISECONDS_PER_DAY + reading.time)
}

/// Whether the calendar has the day of a cell that is written in this format.
pub(super) fn day_exists(reading: &Reading, format: DateFormat) -> bool {
    milliseconds(reading, format).is_some()
}

fn compact_day(date: u64) -> Option<i64> {
    calendar::day((date / 10_000) as u16, (date / 100 % 100) as u8, (date % 100) as u8)
}

/// Milliseconds since 1970-01-01 UTC of `YYYYMMDD` or `YYYYMMDDHHMMSS`.
pub(super) fn compact(number: u64) -> Option<i64> {
    let (date, time) = match number {
        10_000_000..=99_999_999 => (number, 0),
        10_000_000_000_000..=99_999_999_999_999 => (number / 1_000_000, number % 1_000_000),
        _ => return None,
    };
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let time = (hour * 3600 + minute * 60 + second) * 1000;
    Some(compact_day(date)? * MILLISECONDS_PER_DAY + time as i64)
}

/// The date of a number, in days since 1970-01-01 UTC, to the millisecond: for dates without marks and for
/// numbers since 1970. `None` for every other format.
pub(crate) fn from_number(value: f64, format: &DateFormat) -> Option<f64> {
    if *format == DateFormat::Compact {
        let whole = (0.0..1e14).contains(&value) && value.fract() == 0.0;
        return whole.then(|| compact(value as u64)).flatten().map(calendar::days);
    }
    if *format == DateFormat::Month {
        let whole = (0.0..1e6).contains(&value) && value.fract() == 0.0;
        let month = |value: u32| calendar::day((value / 100) as u16, (value % 100) as u8, 1);
        return whole
            .then(|| month(value as u32))
            .flatten()
            .map(|day| calendar::days(day * MILLISECONDS_PER_DAY));
    }
    let milliseconds = (value / format.per_second()? * 1000.0).round() as i64;
    let in_calendar =
        value.is_finite() && calendar::date_of(milliseconds.div_euclid(MILLISECONDS_PER_DAY)).is_some();
    in_calendar.then(|| calendar::days(milliseconds))
}

/// Whether another order of day, month and year reads the cell, where this format, which is one of the
/// orders, does not.
pub(crate) fn reads_otherwise(cell: &str, format: &DateFormat) -> bool {
    if format.order().is_none() && *format != DateFormat::YearMonthDay {
        return false;
    }
    match reading::read(cell).map(|reading| reading.shape) {
        Some(Shape::Numbers(triple)) => {
            let read = |order| triple.day(order).is_some();
            !format.order().is_some_and(read) && ORDERS.into_iter().any(read)
        }
        _ => false,
    }
}

/// Writes what [`parse`] reads back as the same number, for numbers that [`parse`] made; other times to the
/// millisecond. Times of day as `HH:MM:SS`, all else as ISO dates, whatever the format was.
pub(crate) fn text(days: f64, format: Option<&DateFormat>) -> String {
    let total = calendar::milliseconds(days);
    if format == Some(&DateFormat::TimeOfDay) && (0..=MILLISECONDS_PER_DAY).contains(&total) {
        return time_text(total);
    }
    let rest = total.rem_euclid(MILLISECONDS_PER_DAY);
    match calendar::date_of(total.div_euclid(MILLISECONDS_PER_DAY)) {
        Some(date) => {
            let mut text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
            if rest != 0 {
                text.push('T');
                text.push_str(&time_text(rest));
            }
            text
        }
        // no calendar names this day, and another one would be wrong
        None => days.to_string(),
    }
}

fn time_text(milliseconds: i64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest != 0 {
        text.push_str(&format!(".{rest:03}"));
    }
    text
}
