//! Civil dates as days, written apart from the crate's own so that an error there cannot hide here.

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Days since 1970-01-01, counted year by year and month by month; for years from 1970.
pub fn days(date: Civil) -> i64 {
    let years: i64 = (1970..date.year).map(days_in_year).sum();
    let months: i64 = (1..date.month).map(|month| days_in_month(date.year, month)).sum();
    years + months + date.day - 1
}

/// The date of a day since 1970-01-01, for days from 0.
pub fn civil(mut day: i64) -> Civil {
    let (mut year, mut month) = (1970, 1);
    while day >= days_in_year(year) {
        day -= days_in_year(year);
        year += 1;
    }
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    Civil { year, month, day: day + 1 }
}

/// The year and week of ISO 8601 that a day belongs to, and its weekday, Monday 1 to Sunday 7.
pub fn iso_week(day: i64) -> (i64, i64, i64) {
    // 1970-01-01 was a Thursday
    let weekday = (day + 3) % 7 + 1;
    // a week belongs to the year of its Thursday
    let thursday = day + 4 - weekday;
    let year = civil(thursday).year;
    let first = days(Civil { year, month: 1, day: 1 });
    (year, (thursday - first) / 7 + 1, weekday)
}

#[test]
fn the_calendar_agrees_with_known_days() {
    let known = [
        (0, 1970, 1, 1),
        (11_016, 2000, 2, 29),
        (11_017, 2000, 3, 1),
        (19_782, 2024, 2, 29),
        (20_088, 2024, 12, 31),
    ];
    for (day, year, month, of_month) in known {
        let date = Civil { year, month, day: of_month };
        assert_eq!((days(date), civil(day)), (day, date));
    }
    // 2021-01-03 was the Sunday of 2020's week 53, 2024-12-30 the Monday of 2025's first
    assert_eq!(iso_week(18_630), (2020, 53, 7));
    assert_eq!(iso_week(20_087), (2025, 1, 1));
}
