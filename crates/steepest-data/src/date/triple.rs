//! Three numbers that could be day, month and year in several orders.

use serde::{Deserialize, Serialize};

use super::calendar;

/// Which of the first two numbers of 03/11/2023 is the day, or that 23/11/03 begins with its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 3 November 2023.
    DayFirst,
    /// 11 March 2023.
    MonthFirst,
    /// 03/11/23 is 23 November 2003. Years of four digits that come first need no order.
    YearFirst,
}

pub(super) const ORDERS: [DateOrder; 3] = [DateOrder::DayFirst, DateOrder::MonthFirst, DateOrder::YearFirst];

/// `03/11/2023` or `03.11.23`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Triple {
    pub(super) numbers: [u8; 2],
    pub(super) last: Last,
    pub(super) separator: u8,
    /// Whether a leading zero stands before one of the first two numbers, which no version has.
    pub(super) padded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Last {
    /// Four digits.
    Year(u16),
    /// Two digits: a year, or a day behind a year and a month.
    TwoDigits(u8),
}

/// The year of two digits.
pub(super) fn full_year(two_digits: u8) -> u16 {
    // the usual pivot, that of POSIX
    u16::from(two_digits) + if two_digits >= 69 { 1900 } else { 2000 }
}

impl Triple {
    /// The day that the numbers name in this order, if the calendar has it.
    pub(super) fn day(&self, order: DateOrder) -> Option<i64> {
        use DateOrder::{DayFirst, MonthFirst, YearFirst};
        let [first, second] = self.numbers;
        let year_behind = match self.last {
            Last::Year(year) => year,
            Last::TwoDigits(year) => full_year(year),
        };
        match (order, self.last) {
            (DayFirst, _) => calendar::day(year_behind, second, first),
            (MonthFirst, _) => calendar::day(year_behind, first, second),
            (YearFirst, Last::TwoDigits(day)) => calendar::day(full_year(first), second, day),
            (YearFirst, Last::Year(_)) => None,
        }
    }
}
