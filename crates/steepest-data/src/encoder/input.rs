//! One column as features.

use std::collections::HashMap;

use super::calendar::Calendar;
use super::pieces::Pieces;
use super::scale::Scale;
use super::words::Words;
use crate::error::{Kind, shown};
use crate::table::{Column, Values};
use crate::written::number_text;
use crate::written::{Expected, Written};

/// How one column is encoded.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Input {
    pub(super) column: String,
    /// How the column is written; format 1 did not say.
    #[serde(default = "Written::unrecorded", skip_serializing_if = "Written::is_unrecorded")]
    pub(super) written: Written,
    #[serde(flatten)]
    pub(super) code: Code,
    /// Numbers and dates in pieces, beside what the code makes of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pieces: Option<Pieces>,
    /// Whether a feature says that the value is missing.
    pub(super) flag_missing: bool,
    /// The least and the greatest value in training, of numbers and dates; format 1 did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range: Option<[f64; 2]>,
    /// The fraction of training rows whose level has no feature of its own; format 1 did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unlisted: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Code {
    Number(Scale),
    /// As format 1 has it: the days as a number.
    Date(Scale),
    Calendar(Calendar),
    Boolean {
        mean: f64,
    },
    Category {
        levels: Vec<String>,
        other: bool,
    },
    Words(Words),
    /// Only whether the value is there: all that are have the same.
    Presence {
        of: Kind,
    },
}

impl Input {
    /// The type that the column had in training.
    pub(super) fn kind(&self) -> Kind {
        match &self.code {
            Code::Number(_) => Kind::Number,
            Code::Date(_) | Code::Calendar(_) => Kind::Date,
            Code::Boolean { .. } => Kind::Boolean,
            Code::Category { .. } | Code::Words(_) => Kind::Category,
            Code::Presence { of } => *of,
        }
    }

    /// What the column has to be.
    pub(super) fn expected(&self) -> Expected {
        Expected { kind: self.kind(), written: Some(self.written.clone()) }
    }

    fn pieces_width(&self) -> usize {
        self.pieces.as_ref().map_or(0, Pieces::width)
    }

    /// Number of features without pieces and the flag.
    fn values_width(&self) -> usize {
        match &self.code {
            Code::Number(_) | Code::Date(_) | Code::Boolean { .. } => 1,
            Code::Calendar(calendar) => calendar.width(),
            Code::Words(words) => words.width(),
            Code::Category { levels, other } => levels.len() + usize::from(*other),
            Code::Presence { .. } => 0,
        }
    }

    /// What is wrong with it, if it was not fitted but changed.
    pub(super) fn fault(&self) -> Option<String> {
        let sane = match &self.code {
            Code::Number(scale) | Code::Date(scale) => scale.is_sane(),
            Code::Calendar(calendar) => calendar.is_sane(),
            Code::Boolean { mean } => (0.0..=1.0).contains(mean),
            Code::Category { .. } | Code::Words(_) | Code::Presence { .. } => true,
        };
        // of a column that only is there or not, whether it is missing is the one feature
        let sane = sane && self.pieces.as_ref().is_none_or(Pieces::is_sane);
        let featureless = matches!(self.code, Code::Presence { .. }) && !self.flag_missing;
        let range = self.range.is_none_or(|[least, greatest]| least <= greatest);
        let fault = if !sane {
            "its mean, its standard deviation or its pieces cannot be"
        } else if !range {
            "its range cannot be"
        } else if featureless {
            "it has no feature"
        } else {
            return None;
        };
        Some(format!("column {:?}: {fault}", shown(&self.column)))
    }

    /// Number of features.
    pub(super) fn width(&self) -> usize {
        self.values_width() + self.pieces_width() + usize::from(self.flag_missing)
    }

    /// Which features are pieces of a number that has one of its own.
    pub(super) fn are_pieces(&self) -> impl Iterator<Item = bool> + '_ {
        let pieces = self.values_width()..self.values_width() + self.pieces_width();
        (0..self.width()).map(move |at| pieces.contains(&at))
    }

    /// The names of the features.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let column = &self.column;
        let names = match &self.code {
            Code::Number(_) | Code::Date(_) | Code::Boolean { .. } => vec![column.clone()],
            Code::Calendar(calendar) => calendar.names(column),
            Code::Words(words) => words.names(column),
            Code::Category { levels, other } => {
                let levels = levels.iter().map(|level| format!("{column} = {level}"));
                levels.chain(other.then(|| format!("{column} (other)"))).collect()
            }
            Code::Presence { .. } => Vec::new(),
        };
        let text = |value: f64| match self.kind() {
            Kind::Date => self.written.date(value),
            _ => number_text(value),
        };
        let pieces = self.pieces.as_ref().map(|pieces| pieces.names(column, text)).unwrap_or_default();
        names.into_iter().chain(pieces).chain(self.flag_missing.then(|| format!("{column} (missing)")))
    }

    /// Writes the features of some rows into their places: `out` begins at this input's first feature,
    /// `stride` apart.
    pub(super) fn encode(&self, values: &Values, rows: &[usize], out: &mut [f32], stride: usize) {
        let first_piece = self.values_width();
        let flag = self.flag_missing.then(|| first_piece + self.pieces_width());
        if let (Some(pieces), Values::Number(numbers) | Values::Date(numbers)) = (&self.pieces, values) {
            for (&row, slot) in rows.iter().zip(out.chunks_mut(stride)) {
                pieces.encode(numbers[row], &mut slot[first_piece..first_piece + pieces.width()]);
            }
        }
        let slots = rows.iter().zip(out.chunks_mut(stride));
        match (&self.code, values) {
            (Code::Number(scale) | Code::Date(scale), Values::Number(numbers) | Values::Date(numbers)) => {
                for (&row, slot) in slots {
                    // a missing number stays 0, the mean
                    if !numbers[row].is_nan() {
                        slot[0] = scale.apply(numbers[row]);
                    } else if let Some(flag) = flag {
                        slot[flag] = 1.0;
                    }
                }
            }
            (Code::Calendar(calendar), Values::Date(days)) => {
                for (&row, slot) in slots {
                    if !days[row].is_nan() {
                        calendar.encode(days[row], &mut slot[..calendar.width()]);
                    } else if let Some(flag) = flag {
                        slot[flag] = 1.0;
                    }
                }
            }
            (Code::Words(words), Values::Category { codes, levels }) => {
                let places: Vec<Vec<usize>> = levels.iter().map(|level| words.places(level)).collect();
                for (&row, slot) in slots {
                    match codes[row] {
                        Some(code) => places[code as usize].iter().for_each(|&place| slot[place] = 1.0),
                        None => flag.into_iter().for_each(|flag| slot[flag] = 1.0),
                    }
                }
            }
            (Code::Boolean { mean }, Values::Boolean(booleans)) => {
                for (&row, slot) in slots {
                    slot[0] = booleans[row].map_or(*mean as f32, |value| f32::from(u8::from(value)));
                    if let (None, Some(flag)) = (booleans[row], flag) {
                        slot[flag] = 1.0;
                    }
                }
            }
            (Code::Category { levels: kept, other }, Values::Category { codes, levels }) => {
                let place: HashMap<&str, usize> =
                    kept.iter().enumerate().map(|(place, level)| (level.as_str(), place)).collect();
                // an unseen level is "other" where training knew such rows; elsewhere it is all zero, because
                // no weight was ever trained for it
                let other = other.then_some(kept.len());
                let place: Vec<Option<usize>> =
                    levels.iter().map(|level| place.get(level.as_str()).copied().or(other)).collect();
                for (&row, slot) in slots {
                    if let Some(place) = codes[row].map_or(flag, |code| place[code as usize]) {
                        slot[place] = 1.0;
                    }
                }
            }
            (Code::Presence { .. }, values) => {
                for (&row, slot) in slots {
                    slot[0] = f32::from(u8::from(!values.is_valid(row)));
                }
            }
            (code, values) => unreachable!("{} was coerced before: {code:?}", values.kind()),
        }
    }

    /// What is unlike training in some rows: the fraction of the rows, and what they have.
    pub(super) fn surprises(&self, column: &Column, rows: &[usize]) -> Vec<(f64, String)> {
        let name = shown(&self.column);
        let all = rows.len().max(1) as f64;
        let mut found = Vec::new();
        let mut tell = |count: usize, usual: f64, what: &dyn Fn() -> String| {
            let share = count as f64 / all;
            if share > usual {
                found.push((
                    share - usual,
                    format!("column {name:?}, {count} of {} rows: {}", rows.len(), what()),
                ));
            }
        };
        if !self.flag_missing {
            let missing = rows.iter().filter(|&&row| !column.values.is_valid(row)).count();
            tell(missing, 0.0, &|| "the value is missing, which it never was in training".to_owned());
        }
        match (&self.code, &column.values) {
            (_, Values::Number(values) | Values::Date(values)) => {
                if let Some([least, greatest]) = self.range {
                    let beyond = |value: f64| value < least || value > greatest;
                    let count = rows.iter().filter(|&&row| beyond(values[row])).count();
                    let text = |value: f64| match column.values {
                        Values::Date(_) => self.written.date(value),
                        _ => number_text(value),
                    };
                    tell(count, 0.0, &|| {
                        format!(
                            "the value lies outside what training had, {} to {}",
                            text(least),
                            text(greatest)
                        )
                    });
                }
            }
            (Code::Category { levels: kept, .. }, Values::Category { codes, levels }) => {
                let known: Vec<bool> = levels.iter().map(|level| kept.contains(level)).collect();
                let unseen =
                    || rows.iter().filter_map(|&row| codes[row]).filter(|&code| !known[code as usize]);
                tell(unseen().count(), self.unlisted.unwrap_or(0.0), &|| {
                    let level = unseen().next().map_or("", |code| &levels[code as usize]);
                    let alike = kept.iter().find(|kept| kept.to_lowercase() == level.to_lowercase());
                    let hint = alike.map_or_else(String::new, |alike| {
                        format!("; {:?} was, so spell it as training did", shown(alike))
                    });
                    format!("the level was not known from training, such as {:?}{hint}", shown(level))
                });
            }
            _ => {}
        }
        found
    }
}
