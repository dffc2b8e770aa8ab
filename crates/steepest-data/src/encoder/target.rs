//! The column to predict.

use std::collections::{HashMap, HashSet};

use super::scale::{is_sane, mean_and_std, without_far};
use crate::error::{Error, Kind, Result, list, shown};
use crate::features::Targets;
use crate::table::{Column, Table, Values};
use crate::task::{Task, class_texts};
use crate::typing::coerce_column;
use crate::written::{Expected, Written};

/// How the target is encoded.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "task", rename_all = "lowercase")]
pub(super) enum TargetCode {
    Regression {
        column: String,
        of: Kind,
        #[serde(default = "Written::unrecorded", skip_serializing_if = "Written::is_unrecorded")]
        written: Written,
        /// Mean and standard deviation, of all training rows but those beyond the limit.
        mean: f64,
        std: f64,
        /// How far from 0 a standardized target may lie in training, where a few lie far from all others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<f64>,
        /// The least and the greatest standardized value in training, as training takes them; before format 3 nothing was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<[f64; 2]>,
    },
    Classes {
        column: String,
        of: Kind,
        #[serde(default = "Written::unrecorded", skip_serializing_if = "Written::is_unrecorded")]
        written: Written,
        classes: Vec<String>,
    },
}

impl TargetCode {
    /// What is wrong with it, if it was not fitted but changed.
    pub(super) fn fault(&self) -> Option<String> {
        match self {
            Self::Regression { mean, std, limit, range, .. } => {
                let sane = is_sane(*mean, *std)
                    && limit.is_none_or(|limit| limit > 0.0)
                    && range.is_none_or(|[least, greatest]| least <= greatest);
                (!sane).then(|| "the target's mean, standard deviation, limit or range cannot be".to_owned())
            }
            Self::Classes { classes, .. } => fault_of_classes(classes),
        }
    }

    /// Fits the code on the training rows.
    pub(super) fn fit(table: &Table, column: &Column, task: Task, train: &[usize]) -> Result<Self> {
        check_known(table, column, train)?;
        let one_value = || Error::OneValue {
            column: column.name.clone(),
            value: train.first().and_then(|&row| column.text(row)).unwrap_or_default(),
        };
        let (name, of, written) = (column.name.clone(), column.values.kind(), column.written.clone());
        if task.is_classification() {
            let classes = class_texts(column, train);
            if classes.len() < 2 {
                return Err(one_value());
            }
            return Ok(Self::Classes { column: name, of, written, classes });
        }
        if let (Values::Category { .. }, Some(&row)) = (&column.values, train.first()) {
            let value = column.text(row).unwrap_or_default();
            return Err(Error::TargetNotNumber { column: name, place: table.place(row), value });
        }
        let values: Vec<f64> = train.iter().map(|&row| as_number(&column.values, row)).collect();
        let near = without_far(&values);
        let (mean, std) = mean_and_std(near.as_deref().unwrap_or(&values)).ok_or_else(one_value)?;
        let limit =
            near.map(|near| near.iter().fold(0.0f64, |most, value| most.max(((value - mean) / std).abs())));
        let most = limit.unwrap_or(f64::INFINITY);
        let learned = values.iter().map(|value| ((value - mean) / std).clamp(-most, most));
        let range = learned.fold([f64::INFINITY, f64::NEG_INFINITY], |[least, greatest], value| {
            [least.min(value), greatest.max(value)]
        });
        Ok(Self::Regression { column: name, of, written, mean, std, limit, range: Some(range) })
    }

    pub(super) fn task(&self) -> Task {
        match self {
            Self::Regression { .. } => Task::Regression,
            Self::Classes { classes, .. } => Task::classes(classes.len()),
        }
    }

    /// The name of the column.
    pub(super) fn column(&self) -> &str {
        let (Self::Regression { column, .. } | Self::Classes { column, .. }) = self;
        column
    }

    /// What the column has to be.
    pub(super) fn expected(&self) -> Expected {
        let (Self::Regression { of, written, .. } | Self::Classes { of, written, .. }) = self;
        Expected { kind: *of, written: Some(written.clone()) }
    }

    /// The names of the classes, in the order of their codes; empty for regression.
    pub(super) fn classes(&self) -> &[String] {
        match self {
            Self::Regression { .. } => &[],
            Self::Classes { classes, .. } => classes,
        }
    }

    /// Encodes rows of a table.
    pub(super) fn encode(&self, table: &Table, rows: &[usize]) -> Result<Targets> {
        let column = table.column(self.column())?;
        check_known(table, column, rows)?;
        let column = &*coerce_column(table, column, &self.expected())?;
        match self {
            Self::Regression { mean, std, .. } => {
                // f32 ends at 3e38; a target that far out is an error of the data that the loss will show
                let code = |value: f64| ((value - mean) / std).clamp(-1e30, 1e30) as f32;
                Ok(Targets::Values(rows.iter().map(|&row| code(as_number(&column.values, row))).collect()))
            }
            Self::Classes { column: name, classes, written, .. } => {
                let code: HashMap<&str, u32> =
                    classes.iter().enumerate().map(|(code, class)| (class.as_str(), code as u32)).collect();
                let codes = rows.iter().map(|&row| {
                    // as training spelled it, whatever the source
                    let text = column.values.text(row, written).unwrap_or_default();
                    code.get(text.as_str()).copied().ok_or_else(|| Error::UnknownClass {
                        column: name.clone(),
                        place: table.place(row),
                        value: text,
                        known: list(classes.iter().map(String::as_str)),
                    })
                });
                Ok(Targets::Classes(codes.collect::<Result<_>>()?))
            }
        }
    }

    /// Encodes the target of those of the rows where it is known, and a class that training had.
    pub(super) fn encode_known(&self, table: &Table, rows: &[usize]) -> Result<KnownTargets> {
        let column = &*coerce_column(table, table.column(self.column())?, &self.expected())?;
        let (known, missing): (Vec<usize>, Vec<usize>) =
            rows.iter().partition(|&&row| column.values.is_valid(row));
        let classes: HashSet<&str> = self.classes().iter().map(String::as_str).collect();
        let is_new = |row: &usize| match self {
            Self::Regression { .. } => None,
            Self::Classes { written, .. } => {
                column.values.text(*row, written).filter(|text| !classes.contains(text.as_str()))
            }
        };
        let new: Vec<String> = known.iter().filter_map(is_new).collect();
        let rows: Vec<usize> = known.into_iter().filter(|row| is_new(row).is_none()).collect();
        let targets = self.encode(table, &rows)?;
        Ok(KnownTargets { rows, targets, missing: missing.len(), new_classes: new })
    }

    /// How far from 0 a standardized target may lie in training.
    pub(super) fn limit(&self) -> f64 {
        match self {
            Self::Regression { limit: Some(limit), .. } => *limit,
            Self::Regression { limit: None, .. } | Self::Classes { .. } => f64::INFINITY,
        }
    }

    /// The least and the greatest standardized value that training took.
    pub(super) fn range(&self) -> Option<[f64; 2]> {
        match self {
            Self::Regression { range, .. } => *range,
            Self::Classes { .. } => None,
        }
    }

    /// What becomes of training rows whose target lies far from all others, with the farthest.
    pub(super) fn note(&self, table: &Table, target: &Column, train: &[usize]) -> Option<String> {
        let Self::Regression { column, mean, std, limit: Some(limit), .. } = self else { return None };
        let far = |row: usize| ((as_number(&target.values, row) - mean) / std).abs();
        let beyond = train.iter().filter(|&&row| far(row) > *limit).count();
        let farthest = *train.iter().max_by(|a, b| far(**a).total_cmp(&far(**b)))?;
        let column = shown(column);
        Some(format!(
            "{beyond} of {} training rows {} a {column:?} far from all others ({}, {}): in training it counts as the \
             farthest of the others does, so that these are learned",
            train.len(),
            if beyond == 1 { "has" } else { "have" },
            shown(&target.text(farthest).unwrap_or_default()),
            table.place(farthest),
        ))
    }

    /// A standardized prediction in the target's own unit; as it is for classes.
    pub(super) fn invert(&self, standardized: f32) -> f64 {
        match self {
            Self::Regression { mean, std, .. } => f64::from(standardized) * std + mean,
            Self::Classes { .. } => f64::from(standardized),
        }
    }

    /// The standard deviation on the training rows but those beyond the limit; 1 for classes.
    pub(super) fn scale(&self) -> f64 {
        match self {
            Self::Regression { std, .. } => *std,
            Self::Classes { .. } => 1.0,
        }
    }
}

/// The target of some rows, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownTargets {
    /// The rows whose target is known.
    pub rows: Vec<usize>,
    /// Their targets.
    pub targets: Targets,
    /// How many rows have none.
    pub missing: usize,
    /// The class of each row whose class training did not have.
    pub new_classes: Vec<String>,
}

impl KnownTargets {
    /// What is to be said of the rows that are not among these: `of` follows the number of all rows, `so` is what becomes of
    /// them.
    pub fn notes(&self, of: &str, so: &str) -> Vec<String> {
        let all = self.rows.len() + self.missing + self.new_classes.len();
        let missing =
            (self.missing > 0).then(|| format!("{} of {all} rows{of} have no target, {so}", self.missing));
        let new = self.new_classes.first().map(|class| {
            let class = shown(class);
            format!(
                "{} of {all} rows{of} have a class that training did not have, such as {class:?}, {so}",
                self.new_classes.len()
            )
        });
        missing.into_iter().chain(new).collect()
    }
}

/// A number, a date or a boolean as a number; NaN where missing.
fn as_number(values: &Values, row: usize) -> f64 {
    match values {
        Values::Number(values) | Values::Date(values) => values[row],
        Values::Boolean(values) => values[row].map_or(f64::NAN, |value| f64::from(u8::from(value))),
        Values::Category { .. } => f64::NAN,
    }
}

fn check_known(table: &Table, column: &Column, rows: &[usize]) -> Result<()> {
    let mut missing = rows.iter().filter(|&&row| !column.values.is_valid(row));
    match missing.next() {
        None => Ok(()),
        Some(&first) => {
            let count = 1 + missing.count();
            Err(Error::TargetMissing { column: column.name.clone(), count, place: table.place(first) })
        }
    }
}

/// What is wrong with the names of classes, of which there are at least two, all different.
pub(crate) fn fault_of_classes(classes: &[String]) -> Option<String> {
    let different: HashSet<&String> = classes.iter().collect();
    match (classes.len(), different.len()) {
        (0 | 1, _) => Some(format!("there are at least two classes, and it has {}", classes.len())),
        (all, different) if different < all => Some("two of its classes have one name".to_owned()),
        _ => None,
    }
}
