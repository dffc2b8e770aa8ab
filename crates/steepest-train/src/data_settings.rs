//! The settings of the data: where it is, what its columns are for, how its cells are written.

use crate::bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use steepest_data::{
    Conventions, DateOrder, Decimal, Fractions, Labels, PrepareOptions, ReadOptions, Roles, Sample, Schema,
    Source, TaskChoice, Thousands,
};

/// The pieces of a number where nothing is said.
pub(crate) const USUAL_PIECES: u64 = 16;

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    /// A built-in name or a file. Default: `digits`.
    pub source: String,
    /// More files with the same columns: all of them are one table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_files: Vec<String>,
    /// The column to predict. Default: the source's own, one with a usual name, or the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `infer`, `regression` or `classes`. Default: infer, from the target.
    pub task: TaskChoice,
    /// The labels of IDX images. Default: the file with the usual name beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// The fraction of the rows that decides when to stop, in `[0, 1)`. Default 0.15.
    pub validation: f64,
    /// The fraction of the rows that only the final numbers see, in `[0, 1)`. Default 0.15.
    pub test: f64,
    /// The rows that decide when to stop, where they lie in a file of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_file: Option<String>,
    /// The rows that only the final numbers see, where they lie in a file of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_file: Option<String>,
    /// Columns that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// The only columns that are learned from. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Columns that are read as numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub number: Vec<String>,
    /// Columns that are read as categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Columns that are read as dates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub date: Vec<String>,
    /// Columns of text whose words are learned from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Features of a number for so many stretches between quantiles, beside its one; below 2 none, and all numbers together at most 4,096. Default: 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pieces: Option<u64>,
    /// Columns that are kept, but not learned from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id: Vec<String>,
    /// The column that says how much each row counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// The column that says which rows belong together: they are never on both sides of a split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The column that says when: the past is for training, the future for the test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The decimal mark, `point` or `comma`. Default: each column tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// The mark between groups of three digits: `comma`, `point`, `blank` or `apostrophe`. Default: each column tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Thousands>,
    /// What comes first in 03/11/2023: `day_first` or `month_first`. Default: each column tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// The encoding of a file of text, by a label of the Encoding Standard such as `utf-8` or `windows-1252`. Default: the
    /// bytes tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What a line of text that is no row begins with. Default: found by the first lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Lines of text before the table. Default: found by the first lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_lines: Option<u64>,
    /// Infinite numbers count as missing. Default: false, they are an error.
    pub infinity_is_missing: bool,
    /// A cell that does not read, or a row without a target, is an error. Default: false, they count as missing or are
    /// left out.
    pub strict: bool,
    /// Leave no rows of the data in the run. Default: false, a hundred encoded training rows are left, which explanations
    /// compare with.
    pub no_rows: bool,
    /// Only so many rows, chosen at random by the seed of the run. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The most memory that the data, and training beside it, may need, such as `2G`. Default: 60 % of what is available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<Bytes>,
    /// What each column is, as `steepest_data::Schema` has it; the fields above go before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
}

impl Default for DataSettings {
    fn default() -> Self {
        let Fractions { validation, test } = Fractions::default();
        Self {
            source: "digits".into(),
            more_files: Vec::new(),
            target: None,
            task: TaskChoice::Infer,
            labels: None,
            validation,
            test,
            validation_file: None,
            test_file: None,
            drop: Vec::new(),
            only: Vec::new(),
            number: Vec::new(),
            category: Vec::new(),
            date: Vec::new(),
            text: Vec::new(),
            pieces: None,
            id: Vec::new(),
            weight: None,
            group: None,
            time: None,
            decimal: None,
            thousands: None,
            date_order: None,
            encoding: None,
            comment: None,
            skip_lines: None,
            infinity_is_missing: false,
            strict: false,
            no_rows: false,
            rows: None,
            max_memory: None,
            schema: None,
        }
    }
}

impl DataSettings {
    /// Where the data comes from.
    pub fn source(&self) -> Source {
        match self.more_files.as_slice() {
            [] => Source::parse(&self.source),
            more => Source::Files([&self.source].into_iter().chain(more).map(Into::into).collect()),
        }
    }

    /// What columns are for, as far as it is said here.
    fn roles(&self) -> Roles {
        Roles {
            drop: self.drop.clone(),
            only: self.only.clone(),
            number: self.number.clone(),
            category: self.category.clone(),
            date: self.date.clone(),
            text: self.text.clone(),
            id: self.id.clone(),
            weight: self.weight.clone(),
            group: self.group.clone(),
            time: self.time.clone(),
        }
    }

    /// The most pieces of a number.
    pub(crate) fn pieces(&self) -> u64 {
        self.pieces.unwrap_or(USUAL_PIECES)
    }

    fn target(&self) -> Option<String> {
        self.target.clone().or_else(|| self.schema.as_ref()?.target().map(str::to_owned))
    }

    /// The most memory, in bytes, that data and training may need; `None` where nothing is said and nothing is known.
    pub(crate) fn max_memory(&self) -> Option<u64> {
        self.max_memory.map(|bytes| bytes.0).or_else(steepest_data::read::default_max_memory)
    }

    /// How the data is read; `seed` decides about a sample of rows.
    pub fn read_options(&self, seed: u64) -> ReadOptions {
        let mut options = ReadOptions {
            labels: self.labels.clone().map_or(Labels::Find, Labels::At),
            roles: self.roles(),
            target: self.target(),
            conventions: Conventions {
                decimal: self.decimal,
                thousands: self.thousands,
                dates: self.date_order,
            },
            encoding: self.encoding.clone(),
            comment: self.comment.clone(),
            skip_lines: self.skip_lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
            infinity_is_missing: self.infinity_is_missing,
            strict: self.strict,
            max_memory: self.max_memory.map(|bytes| bytes.0),
            sample: self.rows.map(|rows| Sample { rows, seed }),
            ..ReadOptions::default()
        };
        if let Some(schema) = &self.schema {
            schema.complete(&mut options);
        }
        options
    }

    pub(crate) fn prepare_options(&self, seed: u64) -> PrepareOptions {
        PrepareOptions {
            target: self.target(),
            task: self.task,
            fractions: Fractions { validation: self.validation, test: self.test },
            seed,
            strict: self.strict,
            pieces: self.pieces() as usize,
        }
    }
}
