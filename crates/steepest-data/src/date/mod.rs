//! Dates as days since 1970-01-01 UTC. Times are kept to the millisecond.

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
/// How the dates of a column are written.
pub enum DateFormat {
    /// `2026-11-22`
    Iso,
}
impl DateFormat {
    pub(crate) fn iso() -> Self {
        Self::Iso
    }
}
impl std::fmt::Display for DateFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("year-month-day")
    }
}
/// Which of the first two numbers of 03/11/2023 is the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// day first
    DayFirst,
    /// month first
    MonthFirst,
}
pub(crate) enum Decided {
    No,
    Format(DateFormat),
    Ambiguous { day_first: DateFormat, month_first: DateFormat },
}
pub(crate) fn decide<'a>(
    mut cells: impl Iterator<Item = &'a str> + Clone,
    _order: Option<DateOrder>,
    strays: usize,
) -> Decided {
    let mut bad = 0;
    if cells.all(|cell| {
        bad += usize::from(parse_iso(cell).is_none());
        bad <= strays
    }) {
        Decided::Format(DateFormat::Iso)
    } else {
        Decided::No
    }
}
pub(crate) fn parse(cell: &str, _format: &DateFormat) -> Option<f64> {
    parse_iso(cell)
}
pub(crate) fn reads_otherwise(_cell: &str, _format: &DateFormat) -> bool {
    false
}
pub(crate) fn decide_numbers(_values: &[f64], _name: &str) -> Option<DateFormat> {
    None
}
pub(crate) fn from_number(_value: f64, _format: &DateFormat) -> Option<f64> {
    None
}
pub(crate) fn text(days: f64, _format: Option<&DateFormat>) -> String {
    text_iso(days)
}
pub(crate) fn is_zero(cell: &str) -> bool {
    cell == "0000-00-00"
}
/// What a person would use of a date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) year: i32,
    pub(crate) month: u8,
    pub(crate) weekday: u8,
    pub(crate) day_of_year: u16,
    pub(crate) hour: f64,
}
pub(crate) fn parts(_days: f64) -> Option<Parts> {
    None
}

/// Reads `YYYY-MM-DD` or `YYYY/MM/DD`, for the years 1 to 9999, with or without a time
/// `HH:MM[:SS[.fraction]]` after `T` or a space, with or without a zone `Z` or `±HH[:]MM`. A time without a
/// zone counts as UTC. `None` for everything else, also for 30 February; never a guess at formats that mean
/// two things (01/02/2026).
pub(crate) fn parse_iso(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || (bytes[4] != b'-' && bytes[4] != b'/') || bytes[7] != bytes[4] {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..10])?);
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let milliseconds = match bytes.get(10) {
        None => 0,
        Some(b'T' | b't' | b' ') => time(&bytes[11..])?,
        Some(_) => return None,
    };
    Some((days * MILLISECONDS_PER_DAY + milliseconds) as f64 / MILLISECONDS_PER_DAY as f64)
}

/// Writes what [`parse`] reads back as the same number, for numbers that [`parse`] made; other times to the
/// millisecond.
pub(crate) fn text_iso(days: f64) -> String {
    let total = (days * MILLISECONDS_PER_DAY as f64).round() as i64;
    let (year, month, day) = civil_from_days(total.div_euclid(MILLISECONDS_PER_DAY));
    let rest = total.rem_euclid(MILLISECONDS_PER_DAY);
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if rest != 0 {
        let (seconds, milliseconds) = (rest / 1000, rest % 1000);
        text.push_str(&format!("T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        if milliseconds != 0 {
            text.push_str(&format!(".{milliseconds:03}"));
        }
    }
    text
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// Milliseconds since midnight UTC, from what stands after the `T`.
fn time(bytes: &[u8]) -> Option<i64> {
    let two = |at: usize| digits(bytes.get(at..at + 2)?);
    let (hour, minute) = (two(0)?, two(3)?);
    if bytes[2] != b':' || hour > 23 || minute > 59 {
        return None;
    }
    let mut milliseconds = (hour * 60 + minute) * 60_000;
    let mut at = 5;
    if bytes.get(at) == Some(&b':') {
        let second = two(at + 1)?;
        // a leap second is the last millisecond's neighbour, not an error
        if second > 60 {
            return None;
        }
        milliseconds += second * 1000;
        at += 3;
        if bytes.get(at) == Some(&b'.') {
            let fraction: Vec<u8> = bytes[at + 1..].iter().copied().take_while(u8::is_ascii_digit).collect();
            if fraction.is_empty() {
                return None;
            }
            at += 1 + fraction.len();
            let mut three = [b'0'; 3];
            let kept = fraction.len().min(3);
            three[..kept].copy_from_slice(&fraction[..kept]);
            milliseconds += digits(&three)?;
        }
    }
    let zone = &bytes[at..];
    let offset = match zone {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), hours_minutes @ ..] => {
            let minutes = match hours_minutes {
                [a, b] => digits(&[*a, *b])? * 60,
                [a, b, c, d] | [a, b, b':', c, d] => digits(&[*a, *b])? * 60 + digits(&[*c, *d])?,
                _ => return None,
            };
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    Some(milliseconds - offset * 60_000)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. The year is counted from March, so that the leap day
/// comes last (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        for (written, days) in [
            ("1970-01-01", 0.0),
            ("1970-01-02T12:00", 1.5),
            ("1969/12/31", -1.0),
            ("2000-02-29", 11_016.0),
            ("2026-11-22 06:00:00Z", 20_779.25),
            ("2026-11-22T08:00:00.000+02:00", 20_779.25),
            ("2026-11-22T03:30:00-0230", 20_779.25),
        ] {
            assert_eq!(parse_iso(written), Some(days), "{written}");
        }
        for wrong in [
            "2026-02-30",
            "2025-02-29",
            "1900-02-29",
            "2026-13-01",
            "01/02/2026",
            "2026-1-1",
            "2026-11-22T",
            "2026-11-22T25:00",
            "2026-11-22x",
            "ü026-11-2",
        ] {
            assert_eq!(parse_iso(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_written_date_reads_back(milliseconds in -60_000_000_000_000i64..250_000_000_000_000) {
            let days = milliseconds as f64 / MILLISECONDS_PER_DAY as f64;
            prop_assert_eq!(parse_iso(&text_iso(days)), Some(days));
        }

        #[test]
        fn no_text_panics(text in ".{0,32}") {
            let _ = parse_iso(&text);
        }
    }
}
