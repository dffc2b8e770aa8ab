//! One column as features.

use std::collections::HashMap;

use super::scale::Scale;
use crate::error::Kind;
use crate::table::Values;

/// How one column is encoded.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Input {
    pub(super) column: String,
    #[serde(flatten)]
    pub(super) code: Code,
    /// Whether a feature says that the value is missing.
    pub(super) flag_missing: bool,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Code {
    Number(Scale),
    Date(Scale),
    Boolean {
        mean: f64,
    },
    Category {
        levels: Vec<String>,
        other: bool,
    },
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
            Code::Date(_) => Kind::Date,
            Code::Boolean { .. } => Kind::Boolean,
            Code::Category { .. } => Kind::Category,
            Code::Presence { of } => *of,
        }
    }

    /// Number of features without the flag.
    fn values_width(&self) -> usize {
        match &self.code {
            Code::Number(_) | Code::Date(_) | Code::Boolean { .. } => 1,
            Code::Category { levels, other } => levels.len() + usize::from(*other),
            Code::Presence { .. } => 0,
        }
    }

    /// Number of features.
    pub(super) fn width(&self) -> usize {
        self.values_width() + usize::from(self.flag_missing)
    }

    /// The names of the features.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let column = &self.column;
        let (own, levels, other): (_, &[String], _) = match &self.code {
            Code::Category { levels, other } => (None, levels, *other),
            Code::Presence { .. } => (None, &[], false),
            _ => (Some(column.clone()), &[], false),
        };
        own.into_iter()
            .chain(levels.iter().map(move |level| format!("{column} = {level}")))
            .chain(other.then(|| format!("{column} (other)")))
            .chain(self.flag_missing.then(|| format!("{column} (missing)")))
    }

    /// Writes the features of some rows into their places: `out` begins at this input's first feature,
    /// `stride` apart.
    pub(super) fn encode(&self, values: &Values, rows: &[usize], out: &mut [f32], stride: usize) {
        let flag = self.flag_missing.then(|| self.values_width());
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
}
