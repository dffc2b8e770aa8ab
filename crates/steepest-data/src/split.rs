//! Which rows are for training, for validation and for the test.

use crate::error::{Error, Result};
use crate::random::Stream;

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
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut groups = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        groups[label as usize].push(row);
    }
    split_groups(&groups, labels.len(), fractions, seed)
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
    let count = groups.iter().max().map_or(0, |&group| group as usize + 1);
    let mut rows = vec![Vec::new(); count];
    for (row, &group) in groups.iter().enumerate() {
        rows[group as usize].push(row);
    }
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
    let mut order: Vec<usize> = (0..times.len()).collect();
    // rows whose time is not known count as the oldest
    let time = |row: usize| if times[row].is_nan() { f64::NEG_INFINITY } else { times[row] };
    order.sort_by(|&a, &b| time(a).total_cmp(&time(b)).then(a.cmp(&b)));
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
