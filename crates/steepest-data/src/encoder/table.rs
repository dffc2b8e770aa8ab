//! The encoder of tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::decision::Decision;
use super::input::Input;
use super::target::{KnownTargets, TargetCode};
use crate::error::{Error, Result, list};
use crate::features::{FORMAT, Features, Targets};
use crate::read::ReadOptions;
use crate::roles::Role;
use crate::table::{Column, Table};
use crate::task::{Target, Task};
use crate::typing::coerce_column;
use crate::written::Expected;

/// The fraction of rows that are unlike training, beyond which predictions are in doubt.
const LOUD: f64 = 0.05;

/// The most pieces of all numbers together.
const MOST_PIECES: usize = 4_096;

/// How many pieces each of so many numbers gets where so many are asked for: all together at most 4,096, and none below two.
pub fn pieces_of_each(numbers: usize, asked: usize) -> usize {
    match asked.min(MOST_PIECES / numbers.max(1)) {
        0 | 1 => 0,
        pieces => pieces,
    }
}

/// Encodes tables. See the [module](super) for what becomes of which column.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Encoder {
    format: u32,
    target: TargetCode,
    inputs: Vec<Input>,
    /// Columns of the training table that are not used, so that meeting them again is no news.
    dropped: Vec<String>,
    notes: Vec<String>,
}

impl Encoder {
    /// Fits an encoder on the training rows of a table, and on nothing else.
    ///
    /// # Errors
    /// [`Error::NoFeatures`] if every column but the target is left out; [`Error::OneValue`] or
    /// [`Error::TargetMissing`] if the target is so in the training rows; [`Error::TargetNotNumber`] for
    /// regression on text. Panics if a row is out of range.
    pub fn fit(table: &Table, target: &Target, task: Task, train: &[usize]) -> Result<Self> {
        Self::fit_in_pieces(table, target, task, train, 0)
    }

    /// The same, with at most so many `pieces` of each number; 0 and 1 are none. Of many numbers each gets fewer: see
    /// [`pieces_of_each`].
    ///
    /// # Errors
    /// As [`Encoder::fit`].
    pub fn fit_in_pieces(
        table: &Table,
        target: &Target,
        task: Task,
        train: &[usize],
        pieces: usize,
    ) -> Result<Self> {
        let target_column = &table.columns[target.index];
        let target = TargetCode::fit(table, target_column, task, train)?;
        let (mut inputs, mut dropped, mut notes, mut reasons) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let is_input =
            |column: &&Column| column.name != target_column.name && table.roles.is_feature(&column.name);
        dropped.extend(table.dropped.iter().cloned());
        let apart = |column: &&Column| column.name != target_column.name && !is_input(column);
        dropped.extend(table.columns.iter().filter(apart).map(|column| column.name.clone()));
        let count = table.numbers();
        let of_each = pieces_of_each(count, pieces);
        if pieces > 1 && of_each < pieces {
            notes.push(match of_each {
                0 => format!("there are {count} numbers, too many for pieces of each"),
                _ => format!("there are {count} numbers: each comes in {of_each} pieces instead of {pieces}"),
            });
        }
        for column in table.columns.iter().filter(is_input) {
            let decision = Decision::on(column, train, table.roles.of(&column.name) == Role::Text, of_each);
            notes.extend(decision.notes());
            match decision.input() {
                Ok(input) => inputs.push(input),
                Err(reason) => {
                    dropped.push(column.name.clone());
                    reasons.push(reason);
                }
            }
        }
        if inputs.is_empty() {
            return Err(Error::NoFeatures { dropped: reasons });
        }
        notes.splice(0..0, reasons);
        notes.extend(target.note(table, target_column, train));
        Ok(Self { format: FORMAT, target, inputs, dropped, notes })
    }

    /// What is wrong with it, if it was not fitted but changed.
    pub(super) fn fault(&self) -> Option<String> {
        let inputs = || self.inputs.iter().find_map(Input::fault);
        let none = || (self.width() == 0).then(|| "it has no features".to_owned());
        self.target.fault().or_else(inputs).or_else(none)
    }

    /// The task, with the number of classes that the training rows have.
    pub fn task(&self) -> Task {
        self.target.task()
    }

    /// Number of features of a sample.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(Input::width).sum()
    }

    /// The names of the features, such as `age`, `colour = red`, `colour (other)`, `age (missing)`.
    pub fn names(&self) -> Vec<String> {
        self.inputs.iter().flat_map(Input::names).collect()
    }

    /// Which features are pieces of a number, which stands beside them as one feature.
    pub fn are_pieces(&self) -> Vec<bool> {
        self.inputs.iter().flat_map(Input::are_pieces).collect()
    }

    /// The columns that are used, in the order of their features.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|input| input.column.as_str())
    }

    /// The columns that are used, each with where its features lie in a sample.
    pub fn features_of_columns(&self) -> Vec<(String, std::ops::Range<usize>)> {
        let mut end = 0;
        let of = |input: &Input| {
            let begin = end;
            end += input.width();
            (input.column.clone(), begin..end)
        };
        self.inputs.iter().map(of).collect()
    }

    /// The name of the target column.
    pub fn target(&self) -> &str {
        self.target.column()
    }

    /// The names of the classes, in the order of their codes; empty for regression.
    pub fn classes(&self) -> &[String] {
        self.target.classes()
    }

    /// What was decided on fitting, one sentence each (columns left out, levels merged).
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How to read a table for this encoder, so that its columns get the types they had in training: a file
    /// with three rows may hold nothing but numbers in a column of text.
    pub fn read_options(&self) -> ReadOptions {
        let mut columns: BTreeMap<String, Expected> =
            self.inputs.iter().map(|input| (input.column.clone(), input.expected())).collect();
        columns.insert(self.target().to_owned(), self.target.expected());
        ReadOptions { columns, others_as_text: true, all_rows: true, ..ReadOptions::default() }
    }

    /// Encodes rows of a table. Columns are found by name; the target may be absent; columns that were not
    /// there in training are ignored with a note.
    ///
    /// # Errors
    /// [`Error::MissingColumns`] naming all of them. Panics if a row is out of range.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Result<Features> {
        let by_name: HashMap<&str, &Column> =
            table.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let lacking = self.columns().filter(|column| !by_name.contains_key(column));
        let lacking: Vec<String> = lacking.map(str::to_owned).collect();
        if !lacking.is_empty() {
            return Err(Error::MissingColumns { names: lacking });
        }
        let width = self.width();
        let mut data = vec![0.0; rows.len() * width];
        let mut first = 0;
        let mut surprises = Vec::new();
        for input in &self.inputs {
            let column = coerce_column(table, by_name[input.column.as_str()], &input.expected())?;
            if !rows.is_empty() {
                input.encode(&column.values, rows, &mut data[first..], width);
                surprises.extend(input.surprises(&column, rows));
            }
            first += input.width();
        }
        surprises.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (loud, quiet): (Vec<_>, Vec<_>) = surprises.into_iter().partition(|(share, _)| *share > LOUD);
        let warnings = loud.into_iter().map(|(_, note)| note).collect();
        let notes = self.ignored(table).into_iter().chain(quiet.into_iter().map(|(_, note)| note)).collect();
        Ok(Features { rows: rows.len(), width, data, names: self.names(), notes, warnings })
    }

    fn ignored(&self, table: &Table) -> Vec<String> {
        let used: HashSet<&str> =
            self.columns().chain(self.dropped.iter().map(String::as_str)).chain([self.target()]).collect();
        let extra: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| !used.contains(name))
            .collect();
        if extra.is_empty() {
            return Vec::new();
        }
        vec![format!("columns that the model was not trained with are ignored: {}", list(extra.into_iter()))]
    }

    /// Encodes the target of rows of a table.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`]; [`Error::TargetMissing`]; [`Error::UnknownClass`].
    /// Panics if a row is out of range.
    pub fn encode_target(&self, table: &Table, rows: &[usize]) -> Result<Targets> {
        self.target.encode(table, rows)
    }

    /// Encodes the target of those of the rows where it is known.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`]. Panics if a row is out of range.
    pub fn encode_known_target(&self, table: &Table, rows: &[usize]) -> Result<KnownTargets> {
        self.target.encode_known(table, rows)
    }

    /// The name of a class. Panics if `code` is not below the number of classes.
    pub fn decode_class(&self, code: u32) -> &str {
        &self.classes()[code as usize]
    }

    /// A standardized prediction in the target's own unit (days since 1970-01-01 for a date); as it is for
    /// classes.
    pub fn invert_target(&self, standardized: f32) -> f64 {
        self.target.invert(standardized)
    }

    /// How far from 0 a standardized target may lie in training, where a few training rows lie so far from all others
    /// that they would decide everything; infinite elsewhere. Scores are of the targets as they are.
    pub fn target_limit(&self) -> f64 {
        self.target.limit()
    }

    /// The least and the greatest standardized target that training took: a prediction beyond is none that it could have learned.
    /// `None` for classes, and for encoders of before format 3.
    pub fn target_range(&self) -> Option<[f64; 2]> {
        self.target.range()
    }

    /// The standard deviation of the target on the training rows (those far from all others left out), in its own unit;
    /// 1 for classes. An error of standardized targets times this is an error in the target's unit.
    pub fn target_scale(&self) -> f64 {
        self.target.scale()
    }
}
