//! What a person sees in a date.

use super::calendar::{self, MILLISECONDS_PER_DAY};

/// What a person would use of a date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// 0 is Monday, 6 is Sunday.
    pub weekday: u8,
    /// 1 to 366.
    pub day_of_year: u16,
    /// Hours since midnight, 0 to below 24, to the millisecond.
    pub hour_fraction: f64,
}

/// The parts of a date in days since 1970-01-01, in UTC; `None` outside the years 1 to 9999.
pub(crate) fn parts(days: f64) -> Option<Parts> {
    if days.is_nan() {
        return None;
    }
    let total = calendar::milliseconds(days);
    let date = calendar::date_of(total.div_euclid(MILLISECONDS_PER_DAY))?;
    Some(Parts {
        year: date.year().into(),
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
        weekday: date.weekday().to_monday_zero_offset().unsigned_abs(),
        day_of_year: date.day_of_year().unsigned_abs(),
        hour_fraction: total.rem_euclid(MILLISECONDS_PER_DAY) as f64 / 3_600_000.0,
    })
}
