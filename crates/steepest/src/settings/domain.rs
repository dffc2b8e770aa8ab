//! Which values are valid.

use crate::hint::nearest;
use crate::value::Value;
use std::fmt;

/// An interval of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    low: f64,
    low_open: bool,
    high: f64,
    high_open: bool,
}

impl Range {
    /// Every finite number.
    pub const FINITE: Self = Self::new(f64::NEG_INFINITY, true, f64::INFINITY, true);
    /// `[0, ∞)`
    pub const NON_NEGATIVE: Self = Self::new(0.0, false, f64::INFINITY, true);
    /// `(0, ∞)`
    pub const POSITIVE: Self = Self::new(0.0, true, f64::INFINITY, true);
    /// `[0, 1)`: the rates of moving averages.
    pub const RATE: Self = Self::new(0.0, false, 1.0, true);
    /// `[0, 1]`
    pub const FRACTION: Self = Self::new(0.0, false, 1.0, false);
    /// `[1, ∞)`
    pub const AT_LEAST_ONE: Self = Self::new(1.0, false, f64::INFINITY, true);

    /// The interval from `low` to `high`, each end open or closed.
    pub const fn new(low: f64, low_open: bool, high: f64, high_open: bool) -> Self {
        Self { low, low_open, high, high_open }
    }

    /// The lower end; −∞ where there is none.
    pub const fn low(&self) -> f64 {
        self.low
    }

    /// Whether the lower end is no part of the interval.
    pub const fn is_low_open(&self) -> bool {
        self.low_open
    }

    /// The upper end; ∞ where there is none.
    pub const fn high(&self) -> f64 {
        self.high
    }

    /// Whether the upper end is no part of the interval.
    pub const fn is_high_open(&self) -> bool {
        self.high_open
    }

    /// Whether `x` lies in the interval; NaN lies in none.
    pub fn contains(&self, x: f64) -> bool {
        let above = if self.low_open { x > self.low } else { x >= self.low };
        let below = if self.high_open { x < self.high } else { x <= self.high };
        above && below
    }

    /// The number of the interval closest to `x`; its lower end for NaN.
    pub fn nearest(&self, x: f64) -> f64 {
        let low = if self.low_open { self.low.next_up() } else { self.low };
        let high = if self.high_open { self.high.next_down() } else { self.high };
        if x.is_nan() { low.max(f64::MIN) } else { x.clamp(low, high) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |x: f64| match x {
            f64::INFINITY => "∞".to_owned(),
            f64::NEG_INFINITY => "-∞".to_owned(),
            x => x.to_string(),
        };
        let open = if self.low_open { '(' } else { '[' };
        let close = if self.high_open { ')' } else { ']' };
        write!(f, "{open}{}, {}{close}", bound(self.low), bound(self.high))
    }
}

/// The valid values of a setting. `Display` says them: `[0, 1)`, `whole, [1, ∞)`, `torch, optax`, …
///
/// ```
/// use steepest::settings::{Domain, Range, Value};
/// let rate = Domain::Interval(Range::RATE);
/// assert!(rate.contains(&Value::Number(0.9)) && !rate.contains(&Value::Number(1.0)));
/// assert_eq!(rate.nearest(&Value::Number(-0.1)), Some(Value::Number(0.0)));
/// assert_eq!(rate.nearest(&Value::Flag(true)), None); // of another type
/// assert_eq!(rate.bounds().map(|range| (range.low(), range.high())), Some((0.0, 1.0)));
///
/// let words = Domain::Words(vec!["torch", "optax"]);
/// assert!(words.contains(&Value::Word("optax".into())));
/// assert_eq!((words.words(), words.to_string()), (["torch", "optax"].as_slice(), "torch, optax".into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Domain {
    /// The numbers of an interval.
    Interval(Range),
    /// The whole numbers of an interval, from 0 to 2⁵³ − 1 at most.
    Whole(Range),
    /// `true` and `false`.
    Flag,
    /// One of these words.
    Words(Vec<&'static str>),
    /// Any number of these words, with commas between them.
    Names(Vec<&'static str>),
    /// Lists of any length, with each number in an interval.
    List(Range),
}

/// From here on, not every whole number is an f64.
const WHOLE_END: f64 = 9_007_199_254_740_992.0;

impl Domain {
    /// Whether a setting may have this value.
    pub fn contains(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Interval(range), Value::Number(x)) => range.contains(*x),
            (Self::Whole(range), Value::Number(x)) => range.contains(*x) && is_whole(*x),
            (Self::Flag, Value::Flag(_)) => true,
            (Self::Words(words), Value::Word(word)) => words.contains(&word.as_str()),
            (Self::Names(words), Value::Word(names)) => {
                names.split(',').all(|name| words.contains(&name.trim()))
            }
            (Self::List(range), Value::Numbers(xs)) => xs.iter().all(|x| range.contains(*x)),
            // a list of one number is written as that number
            (Self::List(range), Value::Number(x)) => range.contains(*x),
            _ => false,
        }
    }

    /// The valid value closest to this one: in size for numbers, in spelling for words. None for a value of
    /// another type, and for a word that is like no other.
    pub fn nearest(&self, value: &Value) -> Option<Value> {
        Some(match (self, value) {
            (Self::Interval(range), Value::Number(x)) => Value::Number(range.nearest(*x)),
            (Self::Whole(range), Value::Number(x)) => Value::Number(nearest_whole(range, *x)),
            (Self::Flag, Value::Flag(flag)) => Value::Flag(*flag),
            (Self::Words(words), Value::Word(word)) => Value::Word(like(words, word)?.to_owned()),
            (Self::Names(words), Value::Word(names)) => {
                let names: Option<Vec<&str>> =
                    names.split(',').map(|name| like(words, name.trim())).collect();
                Value::Word(names?.join(","))
            }
            (Self::List(range), Value::Numbers(xs)) => {
                Value::Numbers(xs.iter().map(|x| range.nearest(*x)).collect())
            }
            (Self::List(range), Value::Number(x)) => Value::Numbers(vec![range.nearest(*x)]),
            _ => return None,
        })
    }

    /// The interval that numbers must lie in, each of them in a list; none for flags and words.
    pub fn bounds(&self) -> Option<Range> {
        match self {
            Self::Interval(range) | Self::Whole(range) | Self::List(range) => Some(*range),
            Self::Flag | Self::Words(_) | Self::Names(_) => None,
        }
    }

    /// The valid words; none for flags and numbers.
    pub fn words(&self) -> &[&'static str] {
        match self {
            Self::Words(words) | Self::Names(words) => words,
            Self::Interval(_) | Self::Whole(_) | Self::List(_) | Self::Flag => &[],
        }
    }
}

fn is_whole(x: f64) -> bool {
    (0.0..WHOLE_END).contains(&x) && x.fract() == 0.0
}

fn nearest_whole(range: &Range, x: f64) -> f64 {
    let (low, high) = (range.low.max(0.0), range.high.min(WHOLE_END - 1.0));
    let low = low.ceil() + f64::from(u8::from(range.low_open && range.low == low.ceil()));
    let high = high.floor() - f64::from(u8::from(range.high_open && range.high == high.floor()));
    // NaN becomes the lower end, as in `Range::nearest`
    x.round().max(low).min(high)
}

fn like<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    words.iter().find(|known| **known == word).copied().or_else(|| nearest(word, words.iter().copied()))
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interval(range) => write!(f, "{range}"),
            Self::Whole(range) => write!(f, "whole, {range}"),
            Self::Flag => write!(f, "true, false"),
            Self::Words(words) => write!(f, "{}", words.join(", ")),
            Self::Names(words) => write!(f, "names among {}", words.join(", ")),
            Self::List(range) => write!(f, "each in {range}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_value_is_in_the_domain() {
        let whole = |range| Domain::Whole(range);
        let number = Value::Number;
        let cases = [
            (Domain::Interval(Range::POSITIVE), -1.0, 5e-324),
            (Domain::Interval(Range::RATE), 7.0, 1.0f64.next_down()),
            (Domain::Interval(Range::FRACTION), f64::NAN, 0.0),
            (whole(Range::POSITIVE), -3.5, 1.0),
            (whole(Range::AT_LEAST_ONE), 2.4, 2.0),
            (whole(Range::NON_NEGATIVE), 1e300, WHOLE_END - 1.0),
            (whole(Range::new(0.5, false, 3.0, true)), 9.0, 2.0),
            (whole(Range::new(0.5, false, 3.0, true)), f64::NAN, 1.0),
        ];
        for (domain, x, expected) in cases {
            assert_eq!(domain.nearest(&number(x)), Some(number(expected)), "{domain} {x}");
            assert!(domain.contains(&number(expected)) && !domain.contains(&number(x)), "{domain} {x}");
        }
        let list = Domain::List(Range::FRACTION);
        let found = list.nearest(&Value::Numbers(vec![0.5, 2.0]));
        assert_eq!(found, Some(Value::Numbers(vec![0.5, 1.0])));
        assert!(list.contains(&number(0.5)) && !list.contains(&Value::Numbers(vec![0.5, 2.0])));
    }

    #[test]
    fn words_are_found_by_their_spelling() {
        let word = |text: &str| Value::Word(text.to_owned());
        let (words, names) = (Domain::Words(vec!["min", "max"]), Domain::Names(vec!["constant", "cosine"]));
        assert_eq!(words.nearest(&word("mxa")), Some(word("max")));
        assert_eq!(words.nearest(&word("average")), None);
        assert!(names.contains(&word("cosine, constant")) && !names.contains(&word("cosine,cosinus")));
        assert_eq!(names.nearest(&word("cosine,cosinus")), Some(word("cosine,cosine")));
        assert!(Domain::Flag.contains(&Value::Flag(false)) && !Domain::Flag.contains(&word("false")));
    }
}
