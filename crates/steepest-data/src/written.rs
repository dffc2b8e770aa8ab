//! How the cells of a column are written: decided once, stored with the model, and expected of what is predicted.

use std::fmt;

use crate::date::{self, DateFormat, DateOrder};
use crate::error::Kind;

/// How the cells of a column are written.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// As they are.
    Text,
    /// As they are, and every one but an empty one is a value, also `NA`.
    Verbatim,
    /// Numbers with these marks.
    Number(Notation),
    /// The words for true and false.
    Boolean {
        /// As the column spells it: `true`, `True`.
        yes: String,
        /// As the column spells it.
        no: String,
    },
    /// Dates in this format.
    Date(DateFormat),
    /// Dates in this format, with a time and a zone. They are kept in UTC.
    ZonedDate(DateFormat),
    /// Not known: encoders did not store it before format 2. Numbers with marks are refused then.
    Unrecorded,
}

impl Written {
    /// For encoders that did not store it.
    pub(crate) fn unrecorded() -> Self {
        Self::Unrecorded
    }

    pub(crate) fn is_unrecorded(&self) -> bool {
        *self == Self::Unrecorded
    }

    /// The word for true or false.
    pub(crate) fn word(&self, value: bool) -> &str {
        match self {
            Self::Boolean { yes, no } => {
                if value {
                    yes
                } else {
                    no
                }
            }
            _ => {
                if value {
                    "true"
                } else {
                    "false"
                }
            }
        }
    }

    /// A number as text that reads back as the same number.
    pub(crate) fn number(&self, value: f64) -> String {
        match self {
            Self::Number(Notation { places: Some(places @ 1..), .. }) => {
                // minus zero is zero to everyone but a computer
                let value = if value == 0.0 { 0.0 } else { value };
                let text = format!("{value:.*}", usize::from(*places));
                // what was read had so many digits; what was computed may have more
                if text.parse() == Ok(value) { text } else { number_text(value) }
            }
            _ => number_text(value),
        }
    }

    /// A date as text that reads back as the same date.
    pub(crate) fn date(&self, days: f64) -> String {
        match self {
            Self::Date(format) => date::text(days, Some(format)),
            Self::ZonedDate(format) => {
                let text = date::text(days, Some(format));
                if text.contains('T') { text + "Z" } else { text + "T00:00:00Z" }
            }
            _ => date::text(days, None),
        }
    }

    /// How the source of typed values would be written: numbers with a point, dates by year, month and day.
    pub(crate) fn usual(kind: Kind, has_fractions: bool) -> Self {
        match kind {
            Kind::Number => Self::Number(Notation {
                decimal: has_fractions.then_some(Decimal::Point),
                ..Notation::default()
            }),
            Kind::Boolean => Self::Boolean { yes: "true".to_owned(), no: "false".to_owned() },
            Kind::Date => Self::Date(DateFormat::default()),
            Kind::Category => Self::Text,
        }
    }
}

/// What a column has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Its type.
    pub kind: Kind,
    /// How its cells are written; `None` where the cells decide.
    pub written: Option<Written>,
}

impl From<Kind> for Expected {
    fn from(kind: Kind) -> Self {
        Self { kind, written: None }
    }
}

/// What is known about how cells are written, where a column alone does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conventions {
    /// The mark between whole and fraction. Default: each column tells.
    pub decimal: Option<Decimal>,
    /// The mark between groups of three digits. Default: each column tells.
    pub thousands: Option<Thousands>,
    /// Which of the numbers of 03/11/2023 is the day. Default: each column tells.
    pub dates: Option<DateOrder>,
}

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Notation {
    /// What separates whole from fraction; `None` where no cell has a fraction.
    pub decimal: Option<Decimal>,
    /// What separates groups of three digits; `None` where no cell has such groups.
    pub thousands: Option<Thousands>,
    /// Digits behind the decimal mark, where all cells have as many: the classes 1.0 and 2.0 keep their spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<u8>,
    /// Whether the cells have a sign of per cent: without it, 0.5 may be half or half a hundredth.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub percent: bool,
}

/// The mark between whole and fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decimal {
    /// `1.5`
    Point,
    /// `1,5`
    Comma,
}

/// The mark between groups of three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thousands {
    /// `1,500`
    Comma,
    /// `1.500`
    Point,
    /// `1 500`; also the blanks that do not break a line.
    Blank,
    /// `1'500`
    Apostrophe,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decimal::Point => "point",
            Decimal::Comma => "comma",
        })
    }
}

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Thousands::Comma => "comma",
            Thousands::Point => "point",
            Thousands::Blank => "blank",
            Thousands::Apostrophe => "apostrophe",
        })
    }
}

impl fmt::Display for Notation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = if self.percent { " and per cent" } else { "" };
        match (self.decimal, self.thousands) {
            (None, None) => write!(f, "digits alone{percent}"),
            (Some(decimal), None) => write!(f, "a decimal {decimal}{percent}"),
            (None, Some(thousands)) => write!(f, "thousands with {}{percent}", thousands.with_article()),
            (Some(decimal), Some(thousands)) => {
                write!(f, "a decimal {decimal} and thousands with {}{percent}", thousands.with_article())
            }
        }
    }
}

impl Notation {
    /// Whether some cell had a mark.
    pub(crate) fn is_marked(self) -> bool {
        self.decimal.is_some() || self.thousands.is_some()
    }
}

impl Thousands {
    fn with_article(self) -> &'static str {
        match self {
            Thousands::Comma => "a comma",
            Thousands::Point => "a point",
            Thousands::Blank => "a blank",
            Thousands::Apostrophe => "an apostrophe",
        }
    }
}

/// A number as the shortest text that reads back as the same number.
pub(crate) fn number_text(value: f64) -> String {
    // minus zero is zero to everyone but a computer
    let value = if value == 0.0 { 0.0 } else { value };
    // `{:?}` writes 1e300 where `{}` would write three hundred digits; small whole numbers read better
    // without ".0"
    if value == value.trunc() && value.abs() <= 9_007_199_254_740_992.0 {
        format!("{value:.0}")
    } else {
        format!("{value:?}")
    }
}
