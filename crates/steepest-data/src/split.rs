//! Which rows are for training, for validation and for the test.

use crate::error::{Error, Result};
use crate::random::Stream;
use std::collections::BTreeSet;

/// The fractions of the rows that are held back; the rest is for training.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fractions {
    /// Fraction of the rows for validation, 0 to 1. Default 0.15.
    pub validation: f64,
    /// Fraction of the rows for the test, 0 to 1. Default 0.15.
    pub test: f64,
}

impl Default for Fractions {
    fn default() -> Self {
        Self { validation: 0.15, test: 0.15 }
    }
}

impl Fractions {
    fn check(self) -> Result<()> {
        let Self { validation, test } = self;
        // written so that NaN fails
        if validation >= 0.0 && test >= 0.0 && validation + test < 1.0 {
            Ok(())
        } else {
            Err(Error::Fractions { validation, test })
        }
    }
}

/// The rows of each part, ascending. Every row is in exactly one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The rows to learn from.
    pub train: Vec<usize>,
    /// The rows that decide when to stop.
    pub validation: Vec<usize>,
    /// The rows that are looked at once, at the end.
    pub test: Vec<usize>,
}

/// What must not be torn apart when rows are divided.
#[derive(Clone, Debug)]
pub(crate) enum SplitBy {
    /// Nothing, of so many rows.
    None(usize),
    /// Each part has the same fraction of each class.
    Classes(Vec<u32>),
    /// The rows of a group stay together.
    Groups {
        /// The column that says so.
        column: String,
        /// The group of each row.
        of: Vec<u32>,
    },
    /// The later ones are held back.
    Times(Vec<f64>),
}

impl SplitBy {
    /// The same of some of the rows.
    fn of(&self, rows: &[usize]) -> Self {
        match self {
            Self::None(_) => Self::None(rows.len()),
            Self::Classes(classes) => Self::Classes(rows.iter().map(|&row| classes[row]).collect()),
            Self::Groups { column, of } => {
                Self::Groups { column: column.clone(), of: rows.iter().map(|&row| of[row]).collect() }
            }
            Self::Times(times) => Self::Times(rows.iter().map(|&row| times[row]).collect()),
        }
    }

    /// The first division of the rows.
    pub fn split(&self, fractions: Fractions, seed: u64) -> Result<Split> {
        match self {
            Self::None(rows) => split(*rows, fractions, seed),
            Self::Classes(classes) => split_stratified(classes, fractions, seed),
            Self::Groups { column, of } => split_grouped(of, fractions, seed).map_err(|error| match error {
                Error::EmptyPart { part, .. } => few_groups(column, of, part),
                error => error,
            }),
            Self::Times(times) => split_by_time(times, fractions),
        }
    }
}

fn few_groups(column: &str, of: &[u32], part: &'static str) -> Error {
    let groups = of.iter().collect::<BTreeSet<_>>().len();
    Error::FewGroups { column: column.to_owned(), groups, part }
}

/// How rows are divided another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// At random, with as many rows for validation as the first time. By time there is one such division only, the first.
    Again {
        /// The seed.
        seed: u64,
    },
    /// The rows are dealt into `of` folds, of which number `fold`, from 0, is for validation and the others for training. By
    /// time, into `of + 1` stretches: number `fold + 1` is for validation, and what was before it for training.
    Fold {
        /// Which one.
        fold: usize,
        /// Of how many, at least 2.
        of: usize,
        /// The seed by which they are dealt.
        seed: u64,
    },
    /// The rows are dealt as for [`Division::Fold`], but the fold is for the test, and the others are divided at random into
    /// training and validation, which has the same part of them as the first time. Needs a first division without a test.
    TestFold {
        /// Which one.
        fold: usize,
        /// Of how many, at least 2.
        of: usize,
        /// The seed by which they are dealt, and the others divided.
        seed: u64,
    },
}

/// Divides rows another time.
pub(crate) fn divide(by: &SplitBy, first: &Split, how: Division) -> Result<Split> {
    let rows = first.train.len() + first.validation.len();
    let fractions = Fractions { validation: first.validation.len() as f64 / rows.max(1) as f64, test: 0.0 };
    match how {
        Division::Again { seed } => by.split(fractions, seed),
        Division::Fold { fold, of, seed } => fold_of(by, rows, fold, of, seed),
        Division::TestFold { fold, of, seed } => {
            let outer = fold_of(by, rows, fold, of, seed)?;
            let inner = by.of(&outer.train).split(fractions, seed)?;
            Ok(Split { test: outer.validation, ..inner.of(&outer.train) })
        }
    }
}

fn fold_of(by: &SplitBy, rows: usize, fold: usize, of: usize, seed: u64) -> Result<Split> {
    // which fold each row is in; a row that is in none is for neither part
    let folds: Vec<Option<usize>> = match by {
        SplitBy::None(rows) => dealt(&[(0..*rows).collect()], *rows, of, seed),
        SplitBy::Classes(classes) => dealt(&members(classes), rows, of, seed),
        SplitBy::Groups { of: groups, .. } => {
            let mut members = members(groups);
            members.retain(|rows| !rows.is_empty());
            Stream::new(b"split\0\0\0", seed, 0).shuffle(&mut members);
            // the largest first, each to the fold that has least; of equals the first
            members.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
            let (mut folds, mut sizes) = (vec![None; rows], vec![0; of]);
            for group in members {
                let least = (0..of).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
                sizes[least] += group.len();
                group.iter().for_each(|&row| folds[row] = Some(least));
            }
            folds
        }
        SplitBy::Times(times) => {
            let (order, time) = in_time(times);
            let mut stretches = vec![0; times.len()];
            for (at, &row) in order.iter().enumerate() {
                // rows of one time stay together, in the earlier stretch
                let same = at > 0 && time(order[at - 1]) == time(row);
                stretches[row] = if same { stretches[order[at - 1]] } else { at * (of + 1) / times.len() };
            }
            let part = |stretch: usize| match stretch.cmp(&(fold + 1)) {
                std::cmp::Ordering::Less => Some(of),
                std::cmp::Ordering::Equal => Some(fold),
                std::cmp::Ordering::Greater => None,
            };
            stretches.into_iter().map(part).collect()
        }
    };
    let part = |held: bool| -> Vec<usize> {
        (0..rows).filter(|&row| folds[row].is_some_and(|of| (of == fold) == held)).collect()
    };
    let split = Split { train: part(false), validation: part(true), test: Vec::new() };
    let fractions = Fractions { validation: 1.0 / of as f64, test: 0.0 };
    split.sorted(rows, fractions).map_err(|error| match (error, by) {
        (Error::EmptyPart { part, .. }, SplitBy::Groups { column, of }) => few_groups(column, of, part),
        (error, _) => error,
    })
}

/// The rows of each class or group.
fn members(labels: &[u32]) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); labels.iter().max().map_or(0, |&label| label as usize + 1)];
    labels.iter().enumerate().for_each(|(row, &label)| members[label as usize].push(row));
    members
}

/// The rows in the order of their times, and the time of each; rows whose time is not known count as the oldest.
fn in_time(times: &[f64]) -> (Vec<usize>, impl Fn(usize) -> f64) {
    let time = |row: usize| if times[row].is_nan() { f64::NEG_INFINITY } else { times[row] };
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by(|&a, &b| time(a).total_cmp(&time(b)).then(a.cmp(&b)));
    (order, time)
}

/// Deals the rows of each class into folds, one after the other, so that folds differ by a row and classes within them by one.
fn dealt(classes: &[Vec<usize>], rows: usize, of: usize, seed: u64) -> Vec<Option<usize>> {
    let (mut folds, mut next) = (vec![None; rows], 0);
    for (number, class) in classes.iter().enumerate() {
        let mut class = class.clone();
        Stream::new(b"split\0\0\0", seed, number as u64).shuffle(&mut class);
        for row in &class {
            // as in the first division, a class of one or two rows stays in training: no fold has this number
            let small = class.len() <= 2 && classes.len() > 1;
            folds[*row] = Some(if small { of } else { next % of });
            next += usize::from(!small);
        }
    }
    folds
}

/// Splits `0..rows`: a pure function of its arguments.
///
/// Shuffles the rows with the stream (`"split"`, seed, 0) of [`crate::random`]; the first
/// `round(rows * validation)` are for validation, the next `round(rows * test)` for the test, the rest for training.
///
/// # Errors
/// [`Error::Fractions`]; [`Error::EmptyPart`] if a part whose fraction is above 0 would hold no row, or
/// training none.
pub fn split(rows: usize, fractions: Fractions, seed: u64) -> Result<Split> {
    split_groups(&[(0..rows).collect()], rows, fractions, seed)
}

/// Splits the rows so that each part has the same fraction of each class: a pure function of its arguments.
///
/// Each class is shuffled with its own stream (`"split"`, seed, class) and dealt as in [`split`]. What
/// rounding gives or takes in one class is carried to the next, so that the parts keep their sizes; a class
/// differs from its fraction by at most one row a part. A class of one or two rows stays in training.
///
/// # Errors
/// As [`split`].
pub fn split_stratified(labels: &[u32], fractions: Fractions, seed: u64) -> Result<Split> {
    split_groups(&members(labels), labels.len(), fractions, seed)
}

/// Splits the rows so that all rows of one group are in one part: a pure function of its arguments.
///
/// The groups are shuffled with the stream (`"split"`, seed, 0). Each goes to validation if that brings its number of
/// rows nearer to its fraction, else to the test if so there, else to training.
///
/// # Errors
/// As [`split`].
pub fn split_grouped(groups: &[u32], fractions: Fractions, seed: u64) -> Result<Split> {
    fractions.check()?;
    let mut rows = members(groups);
    rows.retain(|rows| !rows.is_empty());
    Stream::new(b"split\0\0\0", seed, 0).shuffle(&mut rows);
    let mut split = Split { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
    let ideal = |fraction: f64| groups.len() as f64 * fraction;
    let (ideal_validation, ideal_test) = (ideal(fractions.validation), ideal(fractions.test));
    for mut group in rows {
        let nearer = |part: &[usize], ideal: f64| {
            let (before, after) = (part.len() as f64, (part.len() + group.len()) as f64);
            (after - ideal).abs() < (before - ideal).abs()
        };
        let part = if nearer(&split.validation, ideal_validation) {
            &mut split.validation
        } else if nearer(&split.test, ideal_test) {
            &mut split.test
        } else {
            &mut split.train
        };
        part.append(&mut group);
    }
    split.sorted(groups.len(), fractions)
}

/// Splits the rows by time: the earliest for training, the latest for the test, those between for validation. Rows of one
/// time stay together: the later part gets them. A pure function of its arguments.
///
/// # Errors
/// As [`split`].
pub fn split_by_time(times: &[f64], fractions: Fractions) -> Result<Split> {
    fractions.check()?;
    let (order, time) = in_time(times);
    let rows = order.len() as f64;
    let begin = |fraction: f64| {
        let mut at = ((rows * (1.0 - fraction)).round() as usize).min(order.len());
        while at > 0 && at < order.len() && time(order[at - 1]) == time(order[at]) {
            at -= 1;
        }
        at
    };
    let test = begin(fractions.test);
    let validation = begin(fractions.test + fractions.validation).min(test);
    let split = Split {
        train: order[..validation].to_vec(),
        validation: order[validation..test].to_vec(),
        test: order[test..].to_vec(),
    };
    split.sorted(times.len(), fractions)
}

impl Split {
    /// Each part ascending, and none of them empty that should not be.
    fn sorted(mut self, rows: usize, fractions: Fractions) -> Result<Self> {
        for (part, name, fraction) in [
            (&mut self.train, "training", 1.0 - fractions.validation - fractions.test),
            (&mut self.validation, "validation", fractions.validation),
            (&mut self.test, "the test", fractions.test),
        ] {
            if part.is_empty() && fraction > 0.0 {
                return Err(Error::EmptyPart { rows, part: name, fraction });
            }
            part.sort_unstable();
        }
        Ok(self)
    }

    /// The same parts of the rows that were split, where these are some of a table.
    pub(crate) fn of(self, rows: &[usize]) -> Self {
        let of = |part: Vec<usize>| part.into_iter().map(|at| rows[at]).collect();
        Self { train: of(self.train), validation: of(self.validation), test: of(self.test) }
    }
}

fn split_groups(groups: &[Vec<usize>], rows: usize, fractions: Fractions, seed: u64) -> Result<Split> {
    fractions.check()?;
    let mut split = Split { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
    // what earlier groups owe each part, in rows, within -1..1
    let [mut owed_validation, mut owed_test] = [0.0; 2];
    for (number, group) in groups.iter().enumerate() {
        let mut group = group.clone();
        Stream::new(b"split\0\0\0", seed, number as u64).shuffle(&mut group);
        let mut left = if group.len() <= 2 { 0 } else { group.len() - 1 };
        let mut rest = group.as_slice();
        for (part, fraction, owed) in [
            (&mut split.validation, fractions.validation, &mut owed_validation),
            (&mut split.test, fractions.test, &mut owed_test),
        ] {
            let ideal = group.len() as f64 * fraction;
            let (low, high) = (ideal.floor() as usize, ideal.ceil() as usize);
            let take = ((ideal + *owed).round().max(0.0) as usize).clamp(low, high).min(left);
            // classes too small to be dealt at all owe nothing, or the next class would pay for all of them
            *owed = (*owed + ideal - take as f64).clamp(-1.0, 1.0);
            left -= take;
            let (taken, others) = rest.split_at(take);
            part.extend_from_slice(taken);
            rest = others;
        }
        split.train.extend_from_slice(rest);
    }
    split.sorted(rows, fractions)
}
