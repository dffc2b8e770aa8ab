//! How to read a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::roles::Roles;
use crate::table::{Column, Loaded};
use crate::written::{Conventions, Expected};

/// How to read a file. The default finds everything out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// CSV: the encoding, by a label of the Encoding Standard (`windows-1252`, `utf-16le`, `shift_jis`, ..). Default:
    /// UTF-8 where the bytes are, else found from them.
    pub encoding: Option<String>,
    /// CSV: how many lines at the beginning are no part of the table. Default: titles and comments are found.
    pub skip_lines: Option<usize>,
    /// CSV: what a line that is no part of the table begins with; if empty, there are no such lines. Default: `#`, `//`
    /// or `%` where the file begins with such lines.
    pub comment: Option<String>,
    /// CSV: the separator, an ASCII character. Default: sniffed among comma, semicolon, tab and bar.
    pub delimiter: Option<u8>,
    /// CSV: whether the first record is a header. Default: yes, unless it looks like the data below it.
    pub header: Option<bool>,
    /// What columns have to be, by name: a cell that does not read so counts as missing. Columns not named are
    /// inferred.
    pub columns: BTreeMap<String, Expected>,
    /// Columns that are not named in `columns` are of no interest: they are read as text. Default: false.
    pub others_as_text: bool,
    /// Every row counts, also one that sums up the others: each is to be predicted. Default: false.
    pub all_rows: bool,
    /// Columns that the table must have. Default: none.
    pub required: Vec<String>,
    /// What columns are for. Default: nothing is said.
    pub roles: Roles,
    /// The column to predict, which is not left out when only some columns are asked for. Default: see
    /// [`choose_target`](crate::choose_target).
    pub target: Option<String>,
    /// What is known about how numbers and dates are written. Default: each column tells.
    pub conventions: Conventions,
    /// A cell that does not read as what its column is, is an error. Default: it counts as missing.
    pub strict: bool,
    /// Count infinities as missing. Default: they are an error.
    pub infinity_is_missing: bool,
    /// IDX: where the labels are.
    pub labels: Labels,
    /// The most memory that the table may need, in bytes: as it is read, and what its types and features will need of it; more
    /// is [`Error::TooLarge`](crate::Error::TooLarge), mostly before it is taken. Categories of many levels need more once
    /// they are encoded. Default: see [`default_max_memory`](crate::read::default_max_memory); `u64::MAX` is no bound.
    pub max_memory: Option<u64>,
    /// Only some rows, chosen at random. Default: all rows.
    pub sample: Option<Sample>,
}

/// A sample of rows. The same file, number and seed give the same rows, which keep their order and the lines they lie on;
/// of several files it is one sample over all. A row that sums up the others is never chosen. A file is gone through twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many rows; all of them where there are no more.
    pub rows: u64,
    /// What decides which.
    pub seed: u64,
}

/// Where the labels of an IDX file of images are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// Beside the images, by the usual names (`train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, with
    /// or without `.gz`); none, with a note, if there is no such file.
    #[default]
    Find,
    /// In this file.
    At(PathBuf),
    /// Do not look for any.
    None,
}

impl ReadOptions {
    /// How to read other data, so that its columns get the types that they have here.
    pub fn like(loaded: &Loaded, strict: bool) -> Self {
        let Loaded::Table(table) = loaded else { return Self::default() };
        let expected = |column: &Column| {
            let written = Some(column.written.clone());
            (column.name.clone(), Expected { kind: column.values.kind(), written })
        };
        let columns: BTreeMap<String, Expected> = table.columns.iter().map(expected).collect();
        Self { columns, others_as_text: true, strict, ..Self::default() }
    }
}
