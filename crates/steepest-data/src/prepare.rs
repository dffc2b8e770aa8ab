//! From loaded data to encoded parts, in one call.

use std::collections::{HashMap, HashSet};

use crate::encoder::{AnyEncoder, Encoder};
use crate::error::{Error, Result};
use crate::features::{Features, Targets};
use crate::images::ImageEncoder;
use crate::place::Place;
use crate::split::{Division, Fractions, Split, SplitBy, divide, split_stratified};
use crate::suspect;
use crate::table::{Images, Loaded, Table, Values};
use crate::task::{FEWEST_ROWS, Target, Task, TaskChoice, choose_target, class_texts, infer};

/// What to predict and how to split. What else columns are for stands in [`Table::roles`].
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PrepareOptions {
    /// The column to predict. Default: see [`choose_target`]. Tables only.
    pub target: Option<String>,
    /// Number or class. Default: inferred.
    pub task: TaskChoice,
    /// The fractions of the rows that are held back. Default: 0.15 each.
    pub fractions: Fractions,
    /// The seed of the split. Default: 0.
    pub seed: u64,
    /// A row without a target is an error. Default: it is left out.
    pub strict: bool,
    /// Numbers have a feature for each of so many stretches between quantiles, beside their one. Default: 0, none.
    pub pieces: usize,
}

/// Parts of the data that lie elsewhere; they are not split off then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held<'a> {
    /// The rows that decide when to stop.
    pub validation: Option<&'a Loaded>,
    /// The rows that are looked at once, at the end.
    pub test: Option<&'a Loaded>,
}

/// One part of the data, encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The inputs.
    pub features: Features,
    /// What to predict.
    pub targets: Targets,
    /// How much each row counts, of mean 1 over the training rows; `None` where all count alike.
    pub weights: Option<Vec<f32>>,
    /// Where the rows lie in their source; empty for the part to learn from.
    pub places: Vec<Place>,
}

/// Data ready for training.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The task.
    pub task: Task,
    /// Everything the user should hear: first what looks suspicious, then what the reader decided, the target, the task,
    /// what the encoder decided.
    pub notes: Vec<String>,
    /// The fitted encoder.
    pub encoder: AnyEncoder,
    /// Which rows went where; none in parts that lie elsewhere.
    pub split: Split,
    /// The part to learn from.
    pub train: Part,
    /// The part that decides when to stop; no rows where its fraction is 0.
    pub validation: Part,
    /// The part for the end; no rows where its fraction is 0.
    pub test: Part,
}

/// Chooses the target, infers the task, splits, fits the encoder on the training rows, and encodes all parts.
///
/// # Errors
/// Those of [`choose_target`], [`infer`], [`split`](crate::split()), [`Encoder::fit`] and [`ImageEncoder::fit`].
pub fn prepare(loaded: &Loaded, options: &PrepareOptions) -> Result<Prepared> {
    prepare_with(loaded, Held::default(), options)
}

/// The same, with parts that lie elsewhere.
///
/// # Errors
/// As [`prepare`]; and what [`AnyEncoder::encode`] and [`AnyEncoder::encode_target`] refuse of the other parts.
pub fn prepare_with(loaded: &Loaded, held: Held<'_>, options: &PrepareOptions) -> Result<Prepared> {
    prepare_divided(loaded, held, options, None)
}

/// Other divisions of the rows that are not for the test, each prepared as if it had been the first: to see by how much
/// results depend on which rows are for training. The test part keeps its rows.
///
/// # Errors
/// As [`prepare_with`]; [`Error::EmptyPart`] where there are too few rows, groups or times to be divided so.
pub fn divide_again(
    loaded: &Loaded,
    held: Held<'_>,
    options: &PrepareOptions,
    first: &Split,
    how: Division,
) -> Result<Prepared> {
    let mut rows = [first.train.as_slice(), first.validation.as_slice()].concat();
    rows.sort_unstable();
    let divided = match loaded {
        Loaded::Table(table) => {
            let target = choose_target(table, options.target.as_deref())?;
            let task = infer(table, &target, options.task)?.task;
            divide(&split_by(table, &target, task, &rows)?, first, how)?
        }
        Loaded::Images(images) => {
            let labels = images.known_labels()?;
            divide(&SplitBy::Classes(rows.iter().map(|&row| labels[row]).collect()), first, how)?
        }
    };
    let mut split = divided.of(&rows);
    // rows for the test that there were stay
    split.test.extend(&first.test);
    split.test.sort_unstable();
    prepare_divided(loaded, held, options, Some(&split))
}

fn prepare_divided(
    loaded: &Loaded,
    held: Held<'_>,
    options: &PrepareOptions,
    split: Option<&Split>,
) -> Result<Prepared> {
    let mut fractions = options.fractions;
    if held.validation.is_some() {
        fractions.validation = 0.0;
    }
    if held.test.is_some() {
        fractions.test = 0.0;
    }
    let options = &PrepareOptions { fractions, ..options.clone() };
    let mut notes = Vec::new();
    let (split, encoder) = match loaded {
        Loaded::Table(table) => of_table(table, options, split, &mut notes)?,
        Loaded::Images(images) => of_images(images, options, split, &mut notes)?,
    };
    notes.extend_from_slice(encoder.notes());
    let mean_weight = weights(loaded, &split.train)?.map(|weights| mean(&weights));
    let part = |loaded: &Loaded, rows: &[usize]| -> Result<Part> {
        let weights = match mean_weight {
            Some(mean) => weights(loaded, rows)?
                .map(|weights| weights.into_iter().map(|weight| (weight / mean) as f32).collect()),
            None => None,
        };
        let (features, targets) = (encoder.encode(loaded, rows)?, encoder.encode_target(loaded, rows)?);
        Ok(Part { features, targets, weights, places: Vec::new() })
    };
    let train = part(loaded, &split.train)?;
    let mut held_back = |other: Option<&Loaded>, rows: &[usize], name: &'static str| -> Result<Part> {
        let Some(other) = other else {
            let places = rows.iter().map(|&row| loaded.place(row)).collect();
            return Ok(Part { places, ..part(loaded, rows)? });
        };
        let read = || -> Result<(Part, Vec<String>)> {
            let all: Vec<usize> = (0..other.rows()).collect();
            let known = encoder.encode_known_target(other, &all)?;
            let places = known.rows.iter().map(|&row| other.place(row)).collect();
            let part = Part { places, ..part(other, &known.rows)? };
            let groups = shared_groups(loaded, &split.train, other, &known.rows);
            let mut said = suspect::shared_with_training(name, &train.features, &part.features, groups);
            said.extend(known.notes(&format!(" of {name}"), "and are left out"));
            Ok((part, said))
        };
        let (part, said) = read().map_err(|error| Error::InPart { part: name, error: Box::new(error) })?;
        notes.splice(0..0, said);
        Ok(part)
    };
    let validation = held_back(held.validation, &split.validation, "the validation file")?;
    let test = held_back(held.test, &split.test, "the test file")?;
    Ok(Prepared { task: encoder.task(), notes, encoder, split, train, validation, test })
}

/// For some rows, a number that is the same for those of one group, where a column has this role; else each row's own.
pub fn groups(loaded: &Loaded, rows: &[usize]) -> Vec<u64> {
    let own = || rows.iter().map(|&row| row as u64).collect();
    let Loaded::Table(table) = loaded else { return own() };
    let Some(column) = table.roles.group.as_deref().and_then(|name| table.column_index(name).ok()) else {
        return own();
    };
    // of all rows, so that a group has one number in every part
    let all: Vec<usize> = (0..table.rows()).collect();
    let codes = codes(table, column, &all);
    rows.iter().map(|&row| u64::from(codes[row])).collect()
}

/// The column of groups, where one has this role, and the groups of some rows of both.
fn shared_groups<'a>(
    loaded: &'a Loaded,
    train: &[usize],
    other: &Loaded,
    rows: &[usize],
) -> Option<(&'a str, HashSet<String>, HashSet<String>)> {
    let (Loaded::Table(table), Loaded::Table(other)) = (loaded, other) else { return None };
    let name = table.roles.group.as_deref()?;
    let groups = |table: &Table, rows: &[usize]| -> Option<HashSet<String>> {
        let column = table.column(name).ok()?;
        Some(rows.iter().filter_map(|&row| column.text(row)).collect())
    };
    Some((name, groups(table, train)?, groups(other, rows)?))
}

fn of_table(
    table: &Table,
    options: &PrepareOptions,
    given: Option<&Split>,
    notes: &mut Vec<String>,
) -> Result<(Split, AnyEncoder)> {
    let target = choose_target(table, options.target.as_deref())?;
    let inferred = infer(table, &target, options.task)?;
    let rows = known_rows(table, &target, options.strict, notes)?;
    let anew = || {
        Ok(split_by(table, &target, inferred.task, &rows)?.split(options.fractions, options.seed)?.of(&rows))
    };
    let split = given.cloned().map_or_else(anew, Ok)?;
    let encoder = Encoder::fit_in_pieces(table, &target, inferred.task, &split.train, options.pieces)?;
    notes.splice(0..0, suspect::notes(table, &target, encoder.task(), &split));
    notes.extend(table.notes.iter().cloned());
    notes.extend(target.note);
    notes.push(inferred.reason);
    Ok((split, AnyEncoder::Table(encoder)))
}

/// The rows whose target is known; others are left out.
fn known_rows(table: &Table, target: &Target, strict: bool, notes: &mut Vec<String>) -> Result<Vec<usize>> {
    let values = &table.columns[target.index].values;
    let (known, missing): (Vec<usize>, Vec<usize>) = (0..table.rows()).partition(|&row| values.is_valid(row));
    if let Some(&first) = missing.first() {
        let (count, place) = (missing.len(), table.place(first));
        if strict {
            return Err(Error::TargetMissing { column: target.name.clone(), count, place });
        }
        notes.push(format!(
            "{count} of {} rows have no target and are left out, the first in {place}",
            table.rows()
        ));
    }
    Ok(known)
}

/// How the rows are to be divided, as their roles ask: by group, by time, or at random, by class where there are classes.
fn split_by(table: &Table, target: &Target, task: Task, rows: &[usize]) -> Result<SplitBy> {
    Ok(if let Some(group) = &table.roles.group {
        SplitBy::Groups { column: group.clone(), of: codes(table, table.column_index(group)?, rows) }
    } else if let Some(time) = &table.roles.time {
        SplitBy::Times(match &table.column(time)?.values {
            Values::Number(values) | Values::Date(values) => rows.iter().map(|&row| values[row]).collect(),
            // text that is in order, such as versions
            _ => codes(table, table.column_index(time)?, rows).into_iter().map(f64::from).collect(),
        })
    } else if task.is_classification() {
        SplitBy::Classes(codes(table, target.index, rows))
    } else {
        SplitBy::None(rows.len())
    })
}

fn of_images(
    images: &Images,
    options: &PrepareOptions,
    given: Option<&Split>,
    notes: &mut Vec<String>,
) -> Result<(Split, AnyEncoder)> {
    if images.count() < FEWEST_ROWS {
        return Err(Error::TooFewRows { rows: images.count(), needed: FEWEST_ROWS });
    }
    let anew = || split_stratified(images.known_labels()?, options.fractions, options.seed);
    let split = given.cloned().map_or_else(anew, Ok)?;
    let encoder = ImageEncoder::fit(images, &split.train)?;
    notes.extend(images.notes.iter().cloned());
    notes.push(format!(
        "images of {} x {} pixels are predicted as one of {} classes",
        images.height,
        images.width,
        encoder.classes().len()
    ));
    if options.task == TaskChoice::Regression {
        notes.push("labels of images are classes; the choice of regression is ignored".to_owned());
    }
    Ok((split, AnyEncoder::Images(encoder)))
}

/// How much each of some rows counts, where a column says so.
fn weights(loaded: &Loaded, rows: &[usize]) -> Result<Option<Vec<f64>>> {
    let Loaded::Table(table) = loaded else { return Ok(None) };
    let Some(name) = &table.roles.weight else { return Ok(None) };
    let column = table.column(name)?;
    let bad = |row: usize| Error::BadWeight {
        column: name.clone(),
        place: table.place(row),
        value: column.text(row).unwrap_or_else(|| "a missing value".to_owned()),
    };
    let Values::Number(values) = &column.values else {
        return Err(bad(0));
    };
    match rows.iter().find(|&&row| values[row].is_nan() || values[row] < 0.0) {
        Some(&row) => Err(bad(row)),
        None if !rows.is_empty() && rows.iter().all(|&row| values[row] == 0.0) => Err(bad(rows[0])),
        None => Ok(Some(rows.iter().map(|&row| values[row]).collect())),
    }
}

fn mean(weights: &[f64]) -> f64 {
    let count = weights.len().max(1) as f64;
    weights.iter().map(|weight| weight / count).sum()
}

/// The class of some rows of a column, as an index among its classes in order; rows without one have a class of their
/// own.
fn codes(table: &Table, column: usize, rows: &[usize]) -> Vec<u32> {
    let column = &table.columns[column];
    let classes = class_texts(column, rows);
    let code: HashMap<&str, u32> =
        classes.iter().enumerate().map(|(code, class)| (class.as_str(), code as u32)).collect();
    let own = |at: usize| (classes.len() + at) as u32;
    rows.iter()
        .enumerate()
        .map(|(at, &row)| column.text(row).map_or_else(|| own(at), |text| code[text.as_str()]))
        .collect()
}
