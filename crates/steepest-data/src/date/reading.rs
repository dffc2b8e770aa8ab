//! What stands in a cell, without a decision what it means where it could mean several dates.

use super::names;
use super::time;
use super::tokens::{Cursor, Digits, Word};
use super::triple::{Last, Triple, full_year};

/// A cell that may be a date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) shape: Shape,
    /// Milliseconds since midnight UTC; 0 where no time stands.
    pub(super) time: i64,
}

/// How a cell is written. Years have four digits where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// Year, month, day, in this order. `loose`: with points and without leading zeros, as versions are
    /// written too.
    YearFirst {
        year: u16,
        month: u8,
        day: u8,
        loose: bool,
    },
    /// The month by its name.
    Named {
        year: u16,
        month: u8,
        day: u8,
    },
    /// Three numbers of which no name says what they are.
    Numbers(Triple),
    /// A month of a year, without a day.
    Month {
        year: u16,
        month: u8,
    },
    /// `Mar-24`: a day of a month or a year without its century. `is_year`: an apostrophe says so.
    NameAndTwoDigits {
        month: u8,
        number: u8,
        is_year: bool,
    },
    Quarter {
        year: u16,
        quarter: u8,
    },
    /// An ISO week; weekday 1 is Monday.
    Week {
        year: u16,
        week: u8,
        weekday: u8,
    },
    /// A time alone.
    Time,
    /// `YYYYMMDD` with a time behind it.
    Compact {
        date: u64,
    },
    /// Digits alone.
    Whole(u64),
}

/// Years that a month, quarter or week may lie in: `4711-03` is a number of something.
const YEARS_OF_PERIODS: std::ops::RangeInclusive<u16> = 1600..=2199;

pub(super) fn read(cell: &str) -> Option<Reading> {
    let mut cursor = Cursor::new(cell);
    if cursor.at_digit() {
        return from_number(cursor);
    }
    let word = cursor.word()?;
    // "mar" is March, and Tuesday in Spanish: what follows decides
    from_name(&word, cursor).or_else(|| after_weekday(&word, cursor))
}

fn after_weekday(word: &Word, mut cursor: Cursor<'_>) -> Option<Reading> {
    if !names::is_weekday(word) {
        return None;
    }
    cursor.eat(b'.');
    cursor.skip(b",");
    let reading = if cursor.at_digit() {
        from_number(cursor)?
    } else {
        let word = cursor.word()?;
        from_name(&word, cursor)?
    };
    let is_day = matches!(reading.shape, Shape::Named { .. } | Shape::Numbers(_) | Shape::YearFirst { .. });
    is_day.then_some(reading)
}

fn from_number(start: Cursor<'_>) -> Option<Reading> {
    let mut cursor = start;
    let first = cursor.digits()?;
    let next = cursor.peek();
    match (first.width, next) {
        (_, None) => alone(Shape::Whole(first.value), cursor),
        (4, Some(mark @ (b'-' | b'/' | b'.'))) => year_first(first.year()?, mark, cursor),
        (4, Some(b'Q' | b'q' | b'W' | b'w' | b' ')) => period(first.year()?, cursor),
        (8, Some(b'T' | b't' | b' ')) => {
            cursor.any(b"Tt ");
            let mut compact = cursor;
            let time = time::read_compact(&mut compact).filter(|_| compact.done()).or_else(|| {
                let time = time::read(&mut cursor)?;
                cursor.done().then_some(time)
            })?;
            Some(Reading { shape: Shape::Compact { date: first.value }, time })
        }
        (1 | 2, Some(b':')) => time_alone(start),
        (1 | 2, Some(mark)) => {
            let mut after = cursor;
            if matches!(mark, b'-' | b'/' | b'.') && separator(&mut after, mark) && after.at_digit() {
                numbers(first, mark, after)
            } else {
                day_and_name(first.value as u8, cursor).or_else(|| time_alone(start))
            }
        }
        _ => None,
    }
}

/// Points may have a blank behind them: `3. 11. 2023`.
fn separator(cursor: &mut Cursor<'_>, mark: u8) -> bool {
    let found = cursor.eat(mark);
    if found && mark == b'.' {
        cursor.blanks();
    }
    found
}

/// Behind `2024-`.
fn year_first(year: u16, mark: u8, mut cursor: Cursor<'_>) -> Option<Reading> {
    let mut ahead = cursor;
    separator(&mut ahead, mark);
    if !ahead.at_digit() {
        cursor.eat(mark);
        return period(year, cursor).or_else(|| {
            let month = names::month(&cursor.word()?)?;
            cursor.eat(mark).then_some(())?;
            let day = cursor.digits()?.small(1, 2)?;
            with_time(Shape::Named { year, month, day }, cursor)
        });
    }
    cursor = ahead;
    let month = cursor.digits()?;
    if cursor.done() {
        let month = month.small(2, 2)?;
        return (mark != b'.').then(|| month_of(year, month)).flatten();
    }
    separator(&mut cursor, mark).then_some(())?;
    let day = cursor.digits()?;
    let loose = mark == b'.' && (month.width == 1 || day.width == 1);
    if mark == b'.' {
        cursor.eat(b'.');
    }
    with_time(Shape::YearFirst { year, month: month.small(1, 2)?, day: day.small(1, 2)?, loose }, cursor)
}

/// Behind a year: `Q1`, `W07`, `W07-3`, with or without a mark before.
fn period(year: u16, mut cursor: Cursor<'_>) -> Option<Reading> {
    cursor.blanks();
    let letter = cursor.any(b"QqWw")?;
    let digits = cursor.digits()?;
    if !YEARS_OF_PERIODS.contains(&year) {
        return None;
    }
    let shape = if letter.eq_ignore_ascii_case(&b'q') {
        Shape::Quarter { year, quarter: quarter(digits)? }
    } else {
        let (week, weekday) = match digits.width {
            2 if cursor.eat(b'-') => (digits.value, u64::from(cursor.digits()?.small(1, 1)?)),
            2 => (digits.value, 1),
            3 => (digits.value / 10, digits.value % 10),
            _ => return None,
        };
        Shape::Week { year, week: week as u8, weekday: weekday as u8 }
    };
    alone(shape, cursor)
}

fn quarter(digits: Digits) -> Option<u8> {
    digits.small(1, 1).filter(|quarter| (1..=4).contains(quarter))
}

/// Behind `03/`.
fn numbers(first: Digits, mark: u8, mut cursor: Cursor<'_>) -> Option<Reading> {
    let second = cursor.digits()?;
    if let Some(year) = second.year() {
        // `3-2024` is rather a number of something
        let is_month = mark == b'/' || (mark == b'-' && first.width == 2);
        return (is_month && cursor.done()).then(|| month_of(year, first.small(1, 2)?)).flatten();
    }
    let numbers = [first.small(1, 2)?, second.small(1, 2)?];
    let both_two_digits = first.width == 2 && second.width == 2;
    separator(&mut cursor, mark).then_some(())?;
    let last = cursor.digits()?;
    let last = match last.width {
        // a year such as 0023 is a typing error
        4 if last.value >= 1000 => Last::Year(last.value as u16),
        // `1.2.34` and `4-4-21` are versions and numbers of things; nobody writes them with strokes
        2 if both_two_digits || mark == b'/' => Last::TwoDigits(last.value as u8),
        _ => return None,
    };
    let padded = [first, second].iter().any(|digits| digits.width == 2 && digits.value < 10);
    with_time(Shape::Numbers(Triple { numbers, last, separator: mark, padded }), cursor)
}

const MARKS: &[u8] = b"-/.,";
const ORDINALS: &[&str] = &["st", "nd", "rd", "th", "er"];
/// Between day, month and year in some languages.
const LINKS: &[&str] = &["of", "de", "del"];

/// Behind the day of `3-Mar-2024`, `3. März 2024`, `3rd of March, 2024`, `03MAR2024`.
fn day_and_name(day: u8, mut cursor: Cursor<'_>) -> Option<Reading> {
    cursor.eat_word(ORDINALS);
    cursor.skip(MARKS);
    let mut word = cursor.word()?;
    if word.is_any(LINKS) {
        cursor.blanks();
        word = cursor.word()?;
    }
    let month = names::month(&word)?;
    cursor.skip(MARKS);
    if cursor.eat_word(LINKS) {
        cursor.blanks();
    }
    let year = year(&mut cursor)?;
    with_time(Shape::Named { year, month, day }, cursor)
}

/// A year of four digits, or of two with or without an apostrophe.
fn year(cursor: &mut Cursor<'_>) -> Option<u16> {
    cursor.eat(b'\'');
    let digits = cursor.digits()?;
    digits.year().or_else(|| digits.small(2, 2).map(full_year))
}

/// Behind a word: `Jan 3, 2024`, `Jan-03-2024`, `Nov 2024`, `Mar-24`, `Q1 2024`, `Jan 3 13:03:00 2024`.
fn from_name(word: &Word, mut cursor: Cursor<'_>) -> Option<Reading> {
    if word.is_any(&["q"]) {
        let quarter = quarter(cursor.digits()?)?;
        cursor.skip(b"-/");
        let year = cursor.digits()?.year().filter(|year| YEARS_OF_PERIODS.contains(year))?;
        return alone(Shape::Quarter { year, quarter }, cursor);
    }
    let month = names::month(word)?;
    cursor.skip(MARKS);
    if cursor.eat(b'\'') {
        let number = cursor.digits()?.small(2, 2)?;
        return alone(Shape::NameAndTwoDigits { month, number, is_year: true }, cursor);
    }
    let first = cursor.digits()?;
    if let Some(year) = first.year() {
        return cursor.done().then(|| month_of(year, month)).flatten();
    }
    let day = first.small(1, 2)?;
    if cursor.done() {
        first.small(2, 2)?;
        return alone(Shape::NameAndTwoDigits { month, number: day, is_year: false }, cursor);
    }
    cursor.eat_word(ORDINALS);
    cursor.skip(MARKS).then_some(())?;
    // the time stands before the year where C's `asctime` wrote the date
    let mut ahead = cursor;
    if let Some(time) = time::read(&mut ahead) {
        ahead.blanks();
        let year = ahead.digits()?.year()?;
        return ahead.done().then_some(Reading { shape: Shape::Named { year, month, day }, time });
    }
    let year = year(&mut cursor)?;
    with_time(Shape::Named { year, month, day }, cursor)
}

fn month_of(year: u16, month: u8) -> Option<Reading> {
    let is_month = YEARS_OF_PERIODS.contains(&year) && (1..=12).contains(&month);
    is_month.then_some(Reading { shape: Shape::Month { year, month }, time: 0 })
}

fn alone(shape: Shape, cursor: Cursor<'_>) -> Option<Reading> {
    cursor.done().then_some(Reading { shape, time: 0 })
}

fn time_alone(mut cursor: Cursor<'_>) -> Option<Reading> {
    let time = time::within_a_day(time::read(&mut cursor)?);
    cursor.done().then_some(Reading { shape: Shape::Time, time })
}

/// A date that ends here or has a time behind a blank, `T` or a comma; behind a colon in the logs of servers.
fn with_time(shape: Shape, mut cursor: Cursor<'_>) -> Option<Reading> {
    let mut time = 0;
    if !cursor.done() {
        let named = matches!(shape, Shape::Named { .. });
        let apart = cursor.any(b"Tt").is_some() || cursor.skip(b",") || (named && cursor.eat(b':'));
        time = apart.then(|| time::read(&mut cursor)).flatten()?;
        cursor.done().then_some(())?;
    }
    Some(Reading { shape, time })
}
