//! Numbers that are dates: `20241103` and seconds since 1970. A date that is taken for a number is a worse
//! feature; a number that is taken for a date is wrong. So both the values and the name must allow it.

use super::format::{self, DateFormat};
use super::parts::parts;

/// What the name of a column says about the numbers in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Moments, of this unit if it says one.
    Moments(Option<DateFormat>),
    /// Something that is counted, measured or numbered.
    Others,
    Silent,
}

/// Words for what is counted, measured or numbered, and for how long something took; also those that end as
/// a word for a moment does.
const OTHERS: &str = "account amount balance barcode budget bytes candidate code cost count cpu downtime duration ean \
    elapsed id ids imei income interval isbn key latency lifetime mandate mobile no num number overtime phone \
    population price processing reaction response revenue runtime salary sales size sku sometime tel telephone \
    total travel upc uptime value waiting wall zip";

impl Name {
    /// Goes by whole words, for "sentiment" and "candidate" are no moments.
    pub(super) fn of(name: &str) -> Self {
        let words = words(name);
        if OTHERS.split(' ').any(|other| words.iter().any(|word| word == other)) {
            return Name::Others;
        }
        let (unit, last) = match words.split_last() {
            Some((unit, rest)) if epoch_of_unit(unit).is_some() => (epoch_of_unit(unit), rest.last()),
            _ => (None, words.last()),
        };
        let is_moment = |word: &String| {
            ["date", "time", "timestamp", "epoch", "created", "updated"].iter().any(|end| word.ends_with(end))
        };
        let last_is_moment = last.is_some_and(|word| word == "ts" || (word == "at" && words.len() > 1));
        if last_is_moment || words.iter().any(is_moment) { Name::Moments(unit) } else { Name::Silent }
    }
}

fn epoch_of_unit(word: &str) -> Option<DateFormat> {
    match word {
        "s" | "sec" | "secs" | "seconds" => Some(DateFormat::EpochSeconds),
        "ms" | "msec" | "millis" | "milliseconds" => Some(DateFormat::EpochMilliseconds),
        "us" | "usec" | "micros" | "microseconds" => Some(DateFormat::EpochMicroseconds),
        "ns" | "nsec" | "nanos" | "nanoseconds" => Some(DateFormat::EpochNanoseconds),
        _ => None,
    }
}

/// The words of `created_at`, `Created At` and `createdAt`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower_case = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || (after_lower_case && character.is_uppercase()) {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        after_lower_case = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Years that a date without marks may have: other numbers of eight digits are numbers.
fn is_compact(value: f64) -> bool {
    let days = format::from_number(value, &DateFormat::Compact);
    let year = days.and_then(parts).map(|parts| parts.year);
    year.is_some_and(|year| (1900..=2100).contains(&year))
}

/// Whether a number may be a year and a month, such as 202411.
fn is_month(value: f64) -> bool {
    (190_001.0..210_013.0).contains(&value) && value.fract() == 0.0 && (1.0..13.0).contains(&(value % 100.0))
}

/// So many different months are no chance.
const FEWEST_MONTHS: usize = 6;

/// The format in which this number is a date, if any. A name that speaks of moments allows more: other years
/// (1973 to 2103 instead of 2004 to 2030), parts of a unit, and units of which identifiers are as long.
pub(super) fn classify(value: f64, name: Name) -> Option<DateFormat> {
    use DateFormat::{EpochMicroseconds, EpochMilliseconds, EpochNanoseconds, EpochSeconds};
    if is_compact(value) {
        return Some(DateFormat::Compact);
    }
    let (range, units, unit): (_, &[_], _) = match name {
        Name::Others => return None,
        Name::Silent => (1.1e9..1.9e9, &[EpochSeconds, EpochMilliseconds], None),
        Name::Moments(unit) => {
            (1e8..4.2e9, &[EpochSeconds, EpochMilliseconds, EpochMicroseconds, EpochNanoseconds], unit)
        }
    };
    if name == Name::Silent && value.fract() != 0.0 {
        return None;
    }
    let format = *units.iter().find(|units| range.contains(&(value / units.per_second().unwrap_or(1.0))))?;
    unit.is_none_or(|unit| unit == format).then_some(format)
}

/// The format of numbers that are dates, by their values and the name of their column; `None` for other
/// numbers and where all are the same. NaN is missing.
pub(crate) fn decide_numbers(values: &[f64], name: &str) -> Option<DateFormat> {
    let mut known = values.iter().copied().filter(|value| !value.is_nan());
    let first = known.clone().next()?;
    let name = Name::of(name);
    if name != Name::Others && is_month(first) && known.clone().all(is_month) {
        let mut months: Vec<u32> = known.map(|value| value as u32).collect();
        months.sort_unstable();
        months.dedup();
        let enough = if matches!(name, Name::Moments(_)) { 2 } else { FEWEST_MONTHS };
        return (months.len() >= enough).then_some(DateFormat::Month);
    }
    known.next();
    let format = classify(first, name)?;
    let mut varies = false;
    for value in known {
        if classify(value, name) != Some(format) {
            return None;
        }
        varies |= value != first;
    }
    varies.then_some(format)
}
