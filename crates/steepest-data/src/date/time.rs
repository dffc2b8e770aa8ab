//! A time of day and its zone.

use super::calendar::MILLISECONDS_PER_DAY;
use super::tokens::Cursor;

/// Reads `HH:MM[:SS[.fraction]]` or `H[:MM[:SS]] PM`, with or without a zone, as milliseconds since midnight
/// UTC: below zero or beyond a day where the zone makes it so. Without a zone the time counts as UTC.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<i64> {
    let hour = i64::from(cursor.digits()?.small(1, 2)?);
    let mut after_the_hour = 0;
    let has_minute = cursor.eat(b':');
    if has_minute {
        let minute = cursor.digits()?.small(2, 2)?;
        if minute > 59 {
            return None;
        }
        after_the_hour += i64::from(minute) * 60_000;
        if cursor.eat(b':') {
            let second = cursor.digits()?.small(2, 2)?;
            after_the_hour += seconds(second, cursor)?;
        }
    }
    let hour = match half_of_the_day(cursor) {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + 12 * half,
        // midnight at the end of a day
        None if has_minute && (hour < 24 || (hour == 24 && after_the_hour == 0)) => hour,
        _ => return None,
    };
    Some(hour * 3_600_000 + after_the_hour - offset(cursor)?)
}

/// Reads `HHMM[SS[.fraction]]` in one run of digits, with or without a zone.
pub(super) fn read_compact(cursor: &mut Cursor<'_>) -> Option<i64> {
    let digits = cursor.digits()?;
    let (hour_minute, second) = match digits.width {
        4 => (digits.value, None),
        6 => (digits.value / 100, Some((digits.value % 100) as u8)),
        _ => return None,
    };
    let (hour, minute) = (hour_minute as i64 / 100, hour_minute as i64 % 100);
    if hour > 23 || minute > 59 {
        return None;
    }
    let after_the_minute = match second {
        Some(second) => seconds(second, cursor)?,
        None => 0,
    };
    Some((hour * 60 + minute) * 60_000 + after_the_minute - offset(cursor)?)
}

/// Seconds and the fraction behind them, in milliseconds.
fn seconds(second: u8, cursor: &mut Cursor<'_>) -> Option<i64> {
    // a leap second is the last millisecond's neighbour, not an error
    if second > 60 {
        return None;
    }
    let fraction = match cursor.any(b".,") {
        Some(_) => cursor.milliseconds()?,
        None => 0,
    };
    Some(i64::from(second) * 1000 + fraction)
}

/// 0 for AM, 1 for PM.
fn half_of_the_day(cursor: &mut Cursor<'_>) -> Option<i64> {
    let mut ahead = *cursor;
    ahead.blanks();
    let word = ahead.word()?;
    let half = match word.letters() {
        [b'a', b'm'] => 0,
        [b'p', b'm'] => 1,
        [letter @ (b'a' | b'p')] if ahead.eat(b'.') => {
            ahead.blanks();
            if !ahead.eat_word(&["m"]) {
                return None;
            }
            ahead.eat(b'.');
            i64::from(*letter == b'p')
        }
        _ => return None,
    };
    *cursor = ahead;
    Some(half)
}

/// The zone's distance from UTC in milliseconds, 0 where no zone stands.
fn offset(cursor: &mut Cursor<'_>) -> Option<i64> {
    let mut ahead = *cursor;
    ahead.blanks();
    if ahead.eat_word(&["z"]) {
        *cursor = ahead;
        return Some(0);
    }
    let named = utc(&mut ahead);
    let mut minutes = 0;
    if let Some(sign) = ahead.any(b"+-") {
        let digits = ahead.digits()?;
        let (hours, rest) = match digits.width {
            2 if ahead.eat(b':') => (digits.value, u64::from(ahead.digits()?.small(2, 2)?)),
            2 => (digits.value, 0),
            4 => (digits.value / 100, digits.value % 100),
            _ => return None,
        };
        minutes = (hours * 60 + rest) as i64;
        if sign == b'-' {
            minutes = -minutes;
        }
        ahead.zone_name();
        let mut after = ahead;
        if after.blanks() && utc(&mut after) {
            ahead = after;
        }
    } else if !named {
        return Some(0);
    }
    *cursor = ahead;
    Some(minutes * 60_000)
}

fn utc(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat_word(&["utc", "gmt"])
}

/// A time alone as a part of a day: the zone may have moved it over midnight.
pub(super) fn within_a_day(milliseconds: i64) -> i64 {
    // the end of a day stays its end
    if milliseconds == MILLISECONDS_PER_DAY {
        milliseconds
    } else {
        milliseconds.rem_euclid(MILLISECONDS_PER_DAY)
    }
}
