//! The calendar, by `jiff`, in the days and milliseconds since 1970-01-01 UTC that the other files count in.

use jiff::SignedDuration;
use jiff::civil::{Date, ISOWeekDate, Weekday, date};

pub(super) const MILLISECONDS_PER_DAY: i64 = 86_400_000;

const EPOCH: Date = date(1970, 1, 1);

fn since_epoch(date: Date) -> i64 {
    date.duration_since(EPOCH).as_hours() / 24
}

/// The day, or `None` if the calendar has no such day in the years 1 to 9999.
pub(super) fn day(year: u16, month: u8, day: u8) -> Option<i64> {
    if !(1..=9999).contains(&year) {
        return None;
    }
    let date = Date::new(year as i16, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(since_epoch(date))
}

/// A day of an ISO week; weekday 1 is Monday.
pub(super) fn day_of_week(year: u16, week: u8, weekday: u8) -> Option<i64> {
    let weekday = Weekday::from_monday_one_offset(i8::try_from(weekday).ok()?).ok()?;
    let week = ISOWeekDate::new(i16::try_from(year).ok()?, i8::try_from(week).ok()?, weekday).ok()?;
    Some(since_epoch(week.date()))
}

/// The inverse of [`day`].
pub(super) fn date_of(day: i64) -> Option<Date> {
    let date = EPOCH.checked_add(SignedDuration::try_from_hours(day.checked_mul(24)?)?).ok()?;
    (date.year() >= 1).then_some(date)
}

/// Milliseconds since the epoch as days.
pub(super) fn days(milliseconds: i64) -> f64 {
    milliseconds as f64 / MILLISECONDS_PER_DAY as f64
}

/// Days as whole milliseconds: the inverse of [`days`].
pub(super) fn milliseconds(days: f64) -> i64 {
    (days * MILLISECONDS_PER_DAY as f64).round() as i64
}
