//! Columns of dates, timestamps and times of day.

use steepest_data::Kind;

use crate::calendar::{Civil, civil, days, iso_week};
use crate::chance::Chance;
use crate::table::{AMBIGUOUS, Convention, Value, Written};

/// The tag of columns in which `0000-00-00` looks like the other cells.
pub const DASHES: &str = "year first, dashes";

/// The tags of columns that could be whole numbers if their names said so.
pub const LIKE_NUMBERS: [&str; 3] = ["compact", "epoch seconds", "epoch milliseconds"];

const SECONDS_A_DAY: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn written(tags: Vec<&'static str>, cells: Vec<(String, f64)>) -> Written {
    let cells = cells.into_iter().map(|(text, days)| (text, Value::Date(days))).collect();
    Written { kind: Kind::Date, tags, cells }
}

/// `count` days over one to fourteen years, from a day of 2002 to 2021 on.
fn draw(chance: &mut Chance, count: usize) -> Vec<i64> {
    let first = chance.between(11_700, 18_700);
    let span = chance.between(365, 5_000);
    (0..count).map(|_| first + chance.between(0, span)).collect()
}

/// ISO dates without times.
pub fn plain(chance: &mut Chance, count: usize) -> Written {
    let cell = |day| {
        let Civil { year, month, day: of_month } = civil(day);
        (format!("{year}-{month:02}-{of_month:02}"), day as f64)
    };
    written(vec!["plain"], draw(chance, count).into_iter().map(cell).collect())
}

/// A column in which each date could be day first or month first, with what was meant.
pub fn ambiguous(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    let mut cells: Vec<(String, f64)> = (0..count)
        .map(|_| {
            let date = Civil {
                year: chance.between(2019, 2024),
                month: chance.between(1, 12),
                day: chance.between(1, 12),
            };
            (slashed(date, convention.day_first, '/', true), days(date) as f64)
        })
        .collect();
    // a date that the two orders read differently
    let date = Civil { year: 2023, month: 11, day: 3 };
    cells[0] = (slashed(date, convention.day_first, '/', true), days(date) as f64);
    written(vec!["either order", AMBIGUOUS], cells)
}

/// A column of a random way, decided by its own cells.
pub fn column(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    match chance.below(17) {
        0..4 => iso(chance, count),
        4..9 => day_or_month_first(chance, convention, count),
        9 | 10 => month_names(chance, count),
        11 => compact(chance, count),
        12 => weeks(chance, count),
        13 => months(chance, count),
        14 | 15 => epoch(chance, count),
        _ => times(chance, count),
    }
}

fn slashed(Civil { year, month, day }: Civil, day_first: bool, separator: char, is_padded: bool) -> String {
    let (first, second) = if day_first { (day, month) } else { (month, day) };
    if is_padded {
        format!("{first:02}{separator}{second:02}{separator}{year}")
    } else {
        format!("{first}{separator}{second}{separator}{year}")
    }
}

/// How a column writes the time of day behind its dates.
#[derive(Clone, Copy)]
enum Clock {
    Minutes,
    Seconds,
    Milliseconds,
}

impl Clock {
    /// A time at random, and the milliseconds since midnight.
    fn draw(self, chance: &mut Chance) -> (String, i64) {
        let (hour, minute, second) = (chance.between(0, 23), chance.between(0, 59), chance.between(0, 59));
        let milli = chance.between(0, 999);
        let whole = 1_000 * (3_600 * hour + 60 * minute);
        match self {
            Clock::Minutes => (format!("{hour:02}:{minute:02}"), whole),
            Clock::Seconds => (format!("{hour:02}:{minute:02}:{second:02}"), whole + 1_000 * second),
            Clock::Milliseconds => {
                (format!("{hour:02}:{minute:02}:{second:02}.{milli:03}"), whole + 1_000 * second + milli)
            }
        }
    }
}

fn fraction(milliseconds: i64) -> f64 {
    milliseconds as f64 / (1_000 * SECONDS_A_DAY) as f64
}

/// Adds a time to dates.
fn with_times(
    chance: &mut Chance,
    clock: Clock,
    joint: &str,
    dates: Vec<(String, f64)>,
) -> Vec<(String, f64)> {
    let cell = |(date, days): (String, f64)| {
        let (time, milliseconds) = clock.draw(chance);
        (format!("{date}{joint}{time}"), days + fraction(milliseconds))
    };
    dates.into_iter().map(cell).collect()
}

fn iso(chance: &mut Chance, count: usize) -> Written {
    let separator = chance.pick(&['-', '-', '/']);
    let mut tags = vec![if separator == '-' { DASHES } else { "year first, slashes" }];
    let date = |day| {
        let Civil { year, month, day: of_month } = civil(day);
        (format!("{year}{separator}{month:02}{separator}{of_month:02}"), day as f64)
    };
    let mut cells: Vec<(String, f64)> = draw(chance, count).into_iter().map(date).collect();
    if chance.one_in(4) {
        return written(tags, cells);
    }
    let clock = chance.pick(&[Clock::Minutes, Clock::Seconds, Clock::Milliseconds]);
    let joint = if separator == '-' { chance.pick(&[" ", "T"]) } else { " " };
    tags.push(match clock {
        Clock::Minutes => "minutes",
        Clock::Seconds => "seconds",
        Clock::Milliseconds => "milliseconds",
    });
    cells = with_times(chance, clock, joint, cells);
    if separator == '-' && !chance.one_in(3) {
        let zones: [(&'static str, [(&str, i64); 2]); 6] = [
            ("zone Z", [("Z", 0); 2]),
            ("zone +01:00", [("+01:00", 60), ("+02:00", 120)]),
            ("zone -0500", [("-0500", -300), ("-0400", -240)]),
            ("zone +05:30", [("+05:30", 330); 2]),
            ("zone +00", [("+00", 0); 2]),
            ("zone UTC", [(" UTC", 0); 2]),
        ];
        let (tag, offsets) = chance.pick(&zones);
        tags.push(tag);
        for (text, days) in &mut cells {
            let (zone, minutes) = chance.pick(&offsets);
            text.push_str(zone);
            *days -= minutes as f64 / 1_440.0;
        }
    }
    written(tags, cells)
}

/// Day or month first, as the file has it. One day at least is above 12, which shows the order.
fn day_or_month_first(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    let separator =
        if convention.day_first { chance.pick(&['/', '.', '.', '-']) } else { chance.pick(&['/', '/', '-']) };
    let mut tags = vec![if convention.day_first { "day first" } else { "month first" }];
    tags.push(match separator {
        '/' => "slashes",
        '.' => "dots",
        _ => "dashes",
    });
    let mut dates: Vec<Civil> = draw(chance, count).into_iter().map(civil).collect();
    if chance.one_in(6) {
        tags.push("one day above 12");
        dates.iter_mut().for_each(|date| date.day = (date.day - 1) % 12 + 1);
    }
    let shown = chance.below(count);
    dates[shown].day = 13 + chance.between(0, 15);
    let is_padded = !chance.one_in(3);
    let cell = |&date: &Civil| (slashed(date, convention.day_first, separator, is_padded), days(date) as f64);
    let mut cells: Vec<(String, f64)> = dates.iter().map(cell).collect();
    if chance.one_in(2) {
        tags.push("with time");
        let clock = chance.pick(&[Clock::Minutes, Clock::Seconds]);
        cells = with_times(chance, clock, " ", cells);
    }
    written(tags, cells)
}

fn month_names(chance: &mut Chance, count: usize) -> Written {
    let way = chance.below(7);
    let cell = |day| {
        let Civil { year, month, day: of_month } = civil(day);
        let name = MONTHS[month as usize - 1];
        let short = &name[..3];
        let text = match way {
            0 => format!("{short} {of_month}, {year}"),
            1 => format!("{name} {of_month}, {year}"),
            2 => format!("{of_month}-{short}-{year}"),
            3 => format!("{of_month:02}-{}-{year}", short.to_uppercase()),
            4 => format!("{of_month} {name} {year}"),
            5 => format!("{of_month:02} {short} {year}"),
            _ => format!("{of_month:02}-{short}-{year}"),
        };
        (text, day as f64)
    };
    let mut cells: Vec<(String, f64)> = draw(chance, count).into_iter().map(cell).collect();
    let mut tags = vec!["month names"];
    if chance.one_in(6) {
        tags.push("with time");
        cells = with_times(chance, Clock::Seconds, " ", cells);
    }
    written(tags, cells)
}

fn compact(chance: &mut Chance, count: usize) -> Written {
    let cell = |day| {
        let Civil { year, month, day: of_month } = civil(day);
        (format!("{year}{month:02}{of_month:02}"), day as f64)
    };
    written(vec!["compact"], draw(chance, count).into_iter().map(cell).collect())
}

/// ISO weeks. A week without a day is its Monday.
fn weeks(chance: &mut Chance, count: usize) -> Written {
    let has_day = chance.one_in(2);
    let cell = |day| {
        let (year, week, weekday) = iso_week(day);
        if has_day {
            (format!("{year}-W{week:02}-{weekday}"), day as f64)
        } else {
            (format!("{year}-W{week:02}"), (day + 1 - weekday) as f64)
        }
    };
    let tag = if has_day { "ISO week and day" } else { "ISO week" };
    written(vec![tag], draw(chance, count).into_iter().map(cell).collect())
}

/// Years and months: the first of the month.
fn months(chance: &mut Chance, count: usize) -> Written {
    let is_named = chance.one_in(4);
    let cell = |day| {
        let Civil { year, month, .. } = civil(day);
        let text = if is_named {
            format!("{} {year}", &MONTHS[month as usize - 1][..3])
        } else {
            format!("{year}-{month:02}")
        };
        (text, days(Civil { year, month, day: 1 }) as f64)
    };
    let tag = if is_named { "month name and year" } else { "year and month" };
    written(vec![tag], draw(chance, count).into_iter().map(cell).collect())
}

fn epoch(chance: &mut Chance, count: usize) -> Written {
    let in_milliseconds = chance.one_in(2);
    // from 2005 to 2029: other numbers of ten digits may well be something else
    let days = draw(chance, count).into_iter().map(|day| 12_900 + day % 8_900);
    let cell = |day: i64| {
        let seconds = day * SECONDS_A_DAY + chance.between(0, SECONDS_A_DAY - 1);
        let milliseconds = 1_000 * seconds + if in_milliseconds { chance.between(0, 999) } else { 0 };
        let text = if in_milliseconds { milliseconds } else { seconds }.to_string();
        (text, day as f64 + fraction(milliseconds - 1_000 * SECONDS_A_DAY * day))
    };
    let tag = if in_milliseconds { "epoch milliseconds" } else { "epoch seconds" };
    written(vec![tag], days.map(cell).collect())
}

/// Times of day without a date.
fn times(chance: &mut Chance, count: usize) -> Written {
    let clock = chance.pick(&[Clock::Minutes, Clock::Seconds]);
    let cell = |_| {
        let (text, milliseconds) = clock.draw(chance);
        (text, fraction(milliseconds))
    };
    written(vec!["time of day"], (0..count).map(cell).collect())
}
