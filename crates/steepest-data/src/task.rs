//! What is to be predicted: the target column, and whether it is a number or a class.

use std::collections::BTreeSet;

use crate::error::{Error, Result, shown};
use crate::table::{Column, Table, Values};

/// Fewest rows that anything can be learnt from.
pub const FEWEST_ROWS: usize = 10;
/// Whole numbers with more distinct values than this are taken for a quantity.
pub const MOST_NUMBER_CLASSES: usize = 20;

/// What the network is to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A number.
    Regression,
    /// One of two classes.
    Binary,
    /// One of this many classes, at least 3.
    Classes(usize),
}

impl Task {
    /// The task with this many classes. Panics below 2.
    pub fn classes(classes: usize) -> Self {
        match classes {
            0 | 1 => panic!("{classes} classes are no task"),
            2 => Task::Binary,
            _ => Task::Classes(classes),
        }
    }

    /// Number of classes: 2 or more, or 0 for regression.
    pub fn class_count(self) -> usize {
        match self {
            Task::Regression => 0,
            Task::Binary => 2,
            Task::Classes(classes) => classes,
        }
    }

    /// Number of outputs of a network for this task: 1 for regression, 1 (a logit) for two classes, else one
    /// for each class.
    pub fn outputs(self) -> usize {
        match self {
            Task::Regression | Task::Binary => 1,
            Task::Classes(classes) => classes,
        }
    }

    /// Whether classes are predicted.
    pub fn is_classification(self) -> bool {
        self != Task::Regression
    }
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskChoice {
    /// Decide from the target column.
    #[default]
    Infer,
    /// A number.
    Regression,
    /// A class, also where the target is a number.
    Classes,
}

/// The column to predict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index of the column in the table.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// A sentence on why this column, where the user named none.
    pub note: Option<String>,
}

/// The task and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The task.
    pub task: Task,
    /// One sentence: what was inferred and why.
    pub reason: String,
}

/// Chooses the column to predict: the one that was named; else the one the source names; else a column called
/// `target`, `label`, `class` or `y` in any case; else the last.
///
/// # Errors
/// [`Error::NoSuchColumn`] with the nearest name.
pub fn choose_target(table: &Table, asked: Option<&str>) -> Result<Target> {
    let known = asked.or(table.default_target.as_deref());
    if let Some(name) = known {
        table.roles.check_target(name)?;
        let index = table.column_index(name)?;
        let note =
            asked.is_none().then(|| format!("the target is {:?}, as usual for this data set", shown(name)));
        return Ok(Target { index, name: name.to_owned(), note });
    }
    // a column that is there for something else is not meant
    let free = |column: &&Column| table.roles.check_target(&column.name).is_ok();
    let names: Vec<&str> = table.columns.iter().filter(free).map(|column| column.name.as_str()).collect();
    let Some(usual) = usual_target(&names) else {
        return Err(Error::NoFeatures { dropped: vec!["the table has no columns".to_owned()] });
    };
    let name = names[usual];
    let why = if is_usual(name) { "by its name" } else { "the last column" };
    let note = Some(format!("no target was named; {:?} it is, {why}", shown(name)));
    Ok(Target { index: table.column_index(name)?, name: name.to_owned(), note })
}

const USUAL_TARGETS: [&str; 4] = ["target", "label", "class", "y"];

fn is_usual(name: &str) -> bool {
    USUAL_TARGETS.iter().any(|usual| usual.eq_ignore_ascii_case(name))
}

/// The column that is predicted where none is named: one with a usual name, or the last.
pub(crate) fn usual_target(names: &[&str]) -> Option<usize> {
    let named = |usual: &&str| names.iter().position(|name| name.eq_ignore_ascii_case(usual));
    USUAL_TARGETS.iter().find_map(named).or(names.len().checked_sub(1))
}

/// Decides the task from the target column, over all rows whose target is known.
///
/// Text and booleans are classes. So are numbers with two distinct values, and whole numbers with at most
/// [`MOST_NUMBER_CLASSES`] distinct values of which each stands, on average, in at least as many rows as
/// there are classes (`distinct <= sqrt(rows)`). Everything else is regression. A [`TaskChoice`] overrides
/// this.
///
/// # Errors
/// [`Error::TooFewRows`] below [`FEWEST_ROWS`]; [`Error::OneValue`];
/// [`Error::TargetNotNumber`] where regression was asked for and the target is text;
/// [`Error::TooManyClasses`] where most rows have a class of their own.
pub fn infer(table: &Table, target: &Target, choice: TaskChoice) -> Result<Inferred> {
    let column = &table.columns[target.index];
    let rows = table.rows() - column.values.missing();
    if rows < FEWEST_ROWS {
        return Err(Error::TooFewRows { rows, needed: FEWEST_ROWS });
    }
    let distinct = distinct(&column.values);
    if distinct == 1 {
        let value = (0..table.rows()).find_map(|row| column.text(row)).unwrap_or_default();
        return Err(Error::OneValue { column: column.name.clone(), value: shown(&value).cut() });
    }
    let regression = |reason: String| Ok(Inferred { task: Task::Regression, reason });
    let classes = |reason: String, advice| {
        if distinct > 2 && distinct * 2 > rows {
            return Err(Error::TooManyClasses {
                column: column.name.clone(),
                classes: distinct,
                rows,
                advice,
            });
        }
        Ok(Inferred { task: Task::classes(distinct), reason })
    };
    let name = shown(&column.name);
    match (choice, &column.values) {
        (TaskChoice::Regression, Values::Category { .. }) => Err(not_a_number(table, column)),
        (TaskChoice::Regression, _) => regression(format!("{name:?} is predicted as a number, as asked")),
        (TaskChoice::Classes, _) => classes(
            format!("{name:?} is predicted as one of {distinct} classes, as asked"),
            "ask for regression or choose another target",
        ),
        (TaskChoice::Infer, Values::Category { .. } | Values::Boolean(_)) => {
            let what = if matches!(column.values, Values::Boolean(_)) { "true or false" } else { "text" };
            classes(
                format!("{name:?} is predicted as one of {distinct} classes, because it is {what}"),
                "choose another target, or mend the cells that should be numbers",
            )
        }
        (TaskChoice::Infer, Values::Date(_)) => {
            regression(format!("{name:?} is predicted as a number (days), because it is a date"))
        }
        (TaskChoice::Infer, Values::Number(values)) => {
            if distinct == 2 {
                return classes(
                    format!("{name:?} is predicted as one of 2 classes, because it has two values"),
                    "",
                );
            }
            let whole = values.iter().all(|value| value.is_nan() || value.fract() == 0.0);
            if whole && distinct <= MOST_NUMBER_CLASSES && distinct * distinct <= rows {
                classes(
                    format!(
                        "{name:?} is predicted as one of {distinct} classes, because it has only {distinct} different whole numbers in {rows} rows; \
                         ask for regression if it is a quantity"
                    ),
                    "ask for regression",
                )
            } else if whole {
                let remedy = match distinct <= MOST_NUMBER_CLASSES {
                    true => "; ask for classes if none of them is more than another",
                    false => "",
                };
                regression(format!(
                    "{name:?} is predicted as a number, because it has {distinct} different whole numbers in {rows} rows{remedy}"
                ))
            } else {
                regression(format!("{name:?} is predicted as a number, because it has fractions"))
            }
        }
    }
}

fn not_a_number(table: &Table, column: &Column) -> Error {
    let not_number = |row: &usize| column.text(*row).is_some_and(|text| text.parse::<f64>().is_err());
    let row = (0..table.rows()).find(not_number).unwrap_or(0);
    Error::TargetNotNumber {
        column: column.name.clone(),
        place: table.place(row),
        value: shown(&column.text(row).unwrap_or_default()).cut(),
    }
}

/// Number of distinct known values.
pub(crate) fn distinct(values: &Values) -> usize {
    match values {
        Values::Number(values) | Values::Date(values) => {
            let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            known.sort_unstable_by(f64::total_cmp);
            // by value, so that -0 and 0 are one
            known.dedup_by(|a, b| a == b);
            known.len()
        }
        Values::Category { codes, levels } => {
            let mut occurs = vec![false; levels.len()];
            for &code in codes.iter().flatten() {
                occurs[code as usize] = true;
            }
            occurs.into_iter().filter(|&occurs| occurs).count()
        }
        Values::Boolean(values) => values.iter().flatten().collect::<BTreeSet<_>>().len(),
    }
}

/// The classes among some rows of a column, in order: numbers by value, text by bytes, false before true.
pub(crate) fn class_texts(column: &Column, rows: &[usize]) -> Vec<String> {
    match &column.values {
        Values::Number(values) => {
            let mut known: Vec<f64> =
                rows.iter().map(|&row| values[row]).filter(|value| !value.is_nan()).collect();
            known.sort_unstable_by(f64::total_cmp);
            known.dedup_by(|a, b| a == b);
            known.into_iter().map(|value| column.written.number(value)).collect()
        }
        Values::Boolean(values) => {
            let occurs = |value: &bool| rows.iter().any(|&row| values[row] == Some(*value));
            [false, true]
                .into_iter()
                .filter(occurs)
                .map(|value| column.written.word(value).to_owned())
                .collect()
        }
        _ => {
            // dates as text sort as dates do
            rows.iter().filter_map(|&row| column.text(row)).collect::<BTreeSet<_>>().into_iter().collect()
        }
    }
}
