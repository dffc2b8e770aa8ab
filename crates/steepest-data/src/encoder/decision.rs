//! What becomes of a column of the training table: which code it gets or why none, and what the user should
//! know.

use std::fmt;

use super::calendar::Calendar;
use super::input::{Code, Input};
use super::pieces::Pieces;
use super::scale::Scale;
use super::words::Words;
use crate::error::shown;
use crate::table::{Column, Values};
use crate::task::distinct;

/// Categories have at most this many levels of their own.
pub const MOST_LEVELS: usize = 64;
/// A level of its own occurs at least this often in training; rarer ones teach the network what "other"
/// means.
const RAREST_LEVEL: usize = 2;
/// Text with more distinct values than this may be a key.
const KEY_LEVELS: usize = 20;

/// What is decided about one column.
#[derive(Debug)]
pub(super) struct Decision<'a> {
    /// The name of the column.
    column: &'a str,
    /// How the column is encoded, or why it is left out.
    input: Result<Input, Reason>,
    notes: Vec<Note>,
}

/// Why a column is left out.
#[derive(Debug)]
enum Reason {
    NoValues,
    OneValue {
        value: String,
    },
    NumbersTheRows,
    HardlyDiffers,
    /// Nearly every row has its own text.
    Key {
        distinct: usize,
        known: usize,
    },
    NoLevelTwice,
    NoWords,
}

/// What the user should know about a column.
#[derive(Debug)]
enum Note {
    HeavyTail,
    RareLevels { merged: usize, distinct: usize },
    Missing { missing: usize, rows: usize },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoValues => write!(f, "it has no values in training"),
            Reason::OneValue { value } => write!(f, "it is {:?} in every training row", shown(value)),
            Reason::NumbersTheRows => write!(f, "it numbers the rows"),
            Reason::HardlyDiffers => write!(f, "its values hardly differ"),
            Reason::Key { distinct, known } => {
                write!(f, "{distinct} different texts in {known} rows, like names or keys")
            }
            Reason::NoLevelTwice => write!(f, "no text in it occurs twice"),
            Reason::NoWords => write!(f, "no word stands in at least three of its texts, but not in all"),
        }
    }
}

impl Note {
    /// The sentence about the column of this name.
    fn about(&self, column: &str) -> String {
        let column = shown(column);
        match self {
            Note::HeavyTail => format!("column {column:?} has a heavy tail and is squashed with asinh"),
            Note::RareLevels { merged, distinct } => {
                format!(
                    "column {column:?}: {merged} rare levels of {distinct} are taken together as \"other\""
                )
            }
            Note::Missing { missing, rows } => format!(
                "column {column:?} misses {missing} of {rows} training values; a feature of its own says where"
            ),
        }
    }
}

impl<'a> Decision<'a> {
    /// Decides about a column by its training rows. `as_words` is for text whose words are to be learned from; numbers get at most
    /// so many `pieces`.
    pub(super) fn on(column: &'a Column, train: &[usize], as_words: bool, pieces: usize) -> Self {
        let mut notes = Vec::new();
        let input = fit(column, train, as_words, pieces, &mut notes);
        Self { column: &column.name, input, notes }
    }

    /// One sentence for each note.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| note.about(self.column))
    }

    /// How the column is encoded, or the sentence that says why it is left out.
    pub(super) fn input(self) -> Result<Input, String> {
        self.input.map_err(|reason| format!("column {:?} is left out: {reason}", shown(self.column)))
    }
}

fn fit(
    column: &Column,
    train: &[usize],
    as_words: bool,
    most_pieces: usize,
    notes: &mut Vec<Note>,
) -> Result<Input, Reason> {
    let values = select(&column.values, train);
    let missing = values.missing();
    let known = train.len() - missing;
    let distinct = distinct(&values);
    if known == 0 {
        return Err(Reason::NoValues);
    }
    if distinct == 1 && missing == 0 {
        return Err(Reason::OneValue { value: values.text(0, &column.written).unwrap_or_default() });
    }
    let (mut range, mut unlisted, mut pieces) = (None, None, None);
    let code = match &values {
        _ if distinct == 1 => Code::Presence { of: values.kind() },
        Values::Date(days) => {
            let days: Vec<f64> = days.iter().copied().filter(|value| !value.is_nan()).collect();
            range = Some(range_of(&days));
            pieces = Pieces::fit(&days, most_pieces);
            let calendar = Calendar::fit(days).ok_or(Reason::HardlyDiffers)?;
            if calendar.squashes() {
                notes.push(Note::HeavyTail);
            }
            Code::Calendar(calendar)
        }
        Values::Number(numbers) => {
            let numbers: Vec<f64> = numbers.iter().copied().filter(|value| !value.is_nan()).collect();
            if distinct == known
                && is_key_name(&column.name)
                && numbers.iter().all(|value| value.fract() == 0.0)
            {
                return Err(Reason::NumbersTheRows);
            }
            range = Some(range_of(&numbers));
            pieces = Pieces::fit(&numbers, most_pieces);
            let scale = Scale::fit(numbers).ok_or(Reason::HardlyDiffers)?;
            if scale.squashes() {
                notes.push(Note::HeavyTail);
            }
            Code::Number(scale)
        }
        Values::Boolean(booleans) => {
            let ones = booleans.iter().flatten().filter(|&&value| value).count();
            Code::Boolean { mean: ones as f64 / known as f64 }
        }
        Values::Category { codes, levels } if as_words => {
            let texts = codes.iter().flatten().map(|&code| levels[code as usize].as_str());
            Code::Words(Words::fit(texts).ok_or(Reason::NoWords)?)
        }
        Values::Category { codes, levels } => {
            if distinct > KEY_LEVELS && distinct * 2 > known {
                return Err(Reason::Key { distinct, known });
            }
            let (levels, merged, listed) = frequent_levels(codes, levels);
            if merged > 0 {
                notes.push(Note::RareLevels { merged, distinct });
            }
            if levels.is_empty() && missing == 0 {
                return Err(Reason::NoLevelTwice);
            }
            unlisted = Some(1.0 - listed as f64 / known as f64);
            Code::Category { levels, other: merged > 0 }
        }
    };
    if missing > 0 {
        notes.push(Note::Missing { missing, rows: train.len() });
    }
    let (name, written) = (column.name.clone(), column.written.clone());
    Ok(Input { column: name, written, code, pieces, flag_missing: missing > 0, range, unlisted })
}

/// The values of some rows.
fn select(values: &Values, rows: &[usize]) -> Values {
    match values {
        Values::Number(values) => Values::Number(rows.iter().map(|&row| values[row]).collect()),
        Values::Date(values) => Values::Date(rows.iter().map(|&row| values[row]).collect()),
        Values::Boolean(values) => Values::Boolean(rows.iter().map(|&row| values[row]).collect()),
        Values::Category { codes, levels } => {
            Values::Category { codes: rows.iter().map(|&row| codes[row]).collect(), levels: levels.clone() }
        }
    }
}

/// Whether people give such a name to a column that numbers its rows.
pub(crate) fn is_key_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["id", "index", "idx", "row", "rowid", "row number", "unnamed: 0", "c1", "no", "nr"]
        .contains(&name.as_str())
        || name.ends_with("_id")
        || name.ends_with(" id")
}

fn range_of(known: &[f64]) -> [f64; 2] {
    [
        known.iter().copied().fold(f64::INFINITY, f64::min),
        known.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    ]
}

/// The levels worth a feature of their own, sorted, how many others occur, and in how many rows one of its own is.
fn frequent_levels(codes: &[Option<u32>], levels: &[String]) -> (Vec<String>, usize, usize) {
    let mut counts = vec![0usize; levels.len()];
    for &code in codes.iter().flatten() {
        counts[code as usize] += 1;
    }
    let occurring = counts.iter().filter(|&&count| count > 0).count();
    let mut frequent: Vec<usize> = (0..levels.len()).filter(|&level| counts[level] >= RAREST_LEVEL).collect();
    // levels are sorted, so that ties go to the earlier in the alphabet on every machine
    frequent.sort_by_key(|&level| (std::cmp::Reverse(counts[level]), level));
    frequent.truncate(MOST_LEVELS);
    frequent.sort_unstable();
    let merged = occurring - frequent.len();
    let listed = frequent.iter().map(|&level| counts[level]).sum();
    (frequent.into_iter().map(|level| levels[level].clone()).collect(), merged, listed)
}
