//! What was read: a table of named, typed columns, or images.

use std::sync::Arc;

use crate::error::{Error, Kind, Result, list};
use crate::nearest::nearest_name;
use crate::place::Place;
use crate::roles::Roles;
use crate::written::Written;

/// A table of named columns, all of the same length.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What to call it in messages: the file or the embedded data set.
    pub name: String,
    /// The columns, in the order of the file.
    pub columns: Vec<Column>,
    /// What the reader decided and the user should hear, one sentence each.
    pub notes: Vec<String>,
    /// The column to predict, where the source knows it (embedded data sets do).
    pub default_target: Option<String>,
    /// What columns are for, where it was said.
    pub roles: Roles,
    /// Columns of the source that were left out when it was read.
    pub(crate) dropped: Vec<String>,
    /// The line of the file on which each row begins; empty for formats without lines.
    pub(crate) lines: Vec<u32>,
    /// The first row of each of several files, and its path; empty for one file.
    pub(crate) files: Vec<(usize, Arc<str>)>,
    pub(crate) rows: usize,
}

/// One named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name in the header, trimmed; `c1`, `c2`, .. where the file has no header.
    pub name: String,
    /// One value for each row.
    pub values: Values,
    /// How the source writes them.
    pub written: Written,
    /// Cells that did not read as what the column is and count as missing: their rows, ascending, and texts.
    pub unread: Vec<(usize, String)>,
}

impl Column {
    /// A column of values that were not read from text.
    pub fn new(name: impl Into<String>, values: Values) -> Self {
        let has_fractions = match &values {
            Values::Number(numbers) => numbers.iter().any(|value| !value.is_nan() && value.fract() != 0.0),
            _ => false,
        };
        let written = Written::usual(values.kind(), has_fractions);
        Self { name: name.into(), values, written, unread: Vec::new() }
    }

    /// The value of a row as text, as a CSV file would hold it; `None` where it is missing. Panics if `row`
    /// is out of range.
    pub fn text(&self, row: usize) -> Option<String> {
        self.values.text(row, &self.written)
    }

    /// The same, but for cells that did not read, which are as the source has them.
    pub(crate) fn source_text(&self, row: usize) -> Option<String> {
        let unread = || {
            let at = self.unread.binary_search_by_key(&row, |(row, _)| *row).ok()?;
            Some(self.unread[at].1.clone())
        };
        self.text(row).or_else(unread)
    }
}

/// The values of a column, one for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Finite numbers; NaN is a missing one.
    Number(Vec<f64>),
    /// Text: for each row the index of its level. Levels are distinct and sorted; `None` is missing.
    Category {
        /// Index into `levels`, one for each row.
        codes: Vec<Option<u32>>,
        /// The distinct texts, sorted by bytes.
        levels: Vec<String>,
    },
    /// True or false; `None` is missing.
    Boolean(Vec<Option<bool>>),
    /// Days since 1970-01-01 UTC, with a fraction where the source has a time of day; NaN is a missing one.
    Date(Vec<f64>),
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Values::Number(values) | Values::Date(values) => values.len(),
            Values::Category { codes, .. } => codes.len(),
            Values::Boolean(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        match self {
            Values::Number(_) => Kind::Number,
            Values::Category { .. } => Kind::Category,
            Values::Boolean(_) => Kind::Boolean,
            Values::Date(_) => Kind::Date,
        }
    }

    /// Whether the value of a row is known. Panics if `row` is out of range.
    pub fn is_valid(&self, row: usize) -> bool {
        match self {
            Values::Number(values) | Values::Date(values) => !values[row].is_nan(),
            Values::Category { codes, .. } => codes[row].is_some(),
            Values::Boolean(values) => values[row].is_some(),
        }
    }

    /// Number of rows whose value is missing.
    pub fn missing(&self) -> usize {
        (0..self.len()).filter(|&row| !self.is_valid(row)).count()
    }

    /// The value of a row as text.
    pub(crate) fn text(&self, row: usize, written: &Written) -> Option<String> {
        match self {
            Values::Number(values) => (!values[row].is_nan()).then(|| written.number(values[row])),
            Values::Category { codes, levels } => codes[row].map(|code| levels[code as usize].clone()),
            Values::Boolean(values) => values[row].map(|value| written.word(value).to_owned()),
            Values::Date(values) => (!values[row].is_nan()).then(|| written.date(values[row])),
        }
    }
}

impl Table {
    /// How many columns are numbers or dates.
    pub fn numbers(&self) -> usize {
        self.columns
            .iter()
            .filter(|column| matches!(column.values, Values::Number(_) | Values::Date(_)))
            .count()
    }

    /// A table from columns, without lines or notes. Panics if the columns differ in length.
    pub fn new(name: impl Into<String>, columns: Vec<Column>) -> Self {
        let rows = columns.first().map_or(0, |column| column.values.len());
        for column in &columns {
            assert_eq!(column.values.len(), rows, "column {:?} differs in length", column.name);
        }
        Self {
            name: name.into(),
            columns,
            notes: Vec::new(),
            default_target: None,
            roles: Roles::default(),
            dropped: Vec::new(),
            lines: Vec::new(),
            files: Vec::new(),
            rows,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column of this name, exactly as written.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`] with the nearest name.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.column_index(name).map(|index| &self.columns[index])
    }

    /// The index of the column of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchColumn`] with the nearest name.
    pub fn column_index(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| Error::NoSuchColumn {
            name: name.to_owned(),
            nearest: nearest_name(name, self.columns.iter().map(|column| column.name.as_str())),
            known: list(self.columns.iter().map(|column| column.name.as_str())),
        })
    }

    /// Where a row (from 0) lies in its file.
    pub fn place(&self, row: usize) -> Place {
        Place::of(row, &self.lines, &self.files)
    }
}

/// Images of one size, with or without labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// What to call them in messages.
    pub name: String,
    /// Colours of a pixel: 1 or 3.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// The pixels, `count x channels x height x width`, row-major.
    pub pixels: Vec<u8>,
    /// The value of the brightest possible pixel: 255, or 16 for the embedded digits.
    pub pixel_max: u8,
    /// The class of each image, an index into `levels`.
    pub labels: Option<Vec<u32>>,
    /// The names of the classes, in order of their numbers.
    pub levels: Vec<String>,
    /// What the reader decided and the user should hear, one sentence each.
    pub notes: Vec<String>,
}

impl Images {
    /// Number of images.
    pub fn count(&self) -> usize {
        self.pixels.len().checked_div(self.size()).unwrap_or(0)
    }

    /// Pixels of one image, `channels * height * width`.
    pub fn size(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// The same as a table: a column of numbers for each pixel (`p0`, `p1`, .. in the order of the image)
    /// and, where the labels are known, a column `label` of classes.
    pub fn to_table(&self) -> Table {
        let size = self.size();
        let pixel = |index: usize| {
            self.pixels.iter().skip(index).step_by(size).map(|&pixel| f64::from(pixel)).collect()
        };
        let mut columns: Vec<Column> =
            (0..size).map(|index| Column::new(format!("p{index}"), Values::Number(pixel(index)))).collect();
        if let Some(labels) = &self.labels {
            let codes = labels.iter().map(|&label| Some(label)).collect();
            columns.push(Column::new("label", Values::Category { codes, levels: self.levels.clone() }));
        }
        let mut table = Table::new(self.name.clone(), columns);
        table.default_target = self.labels.is_some().then(|| "label".to_owned());
        table
    }

    /// The labels.
    ///
    /// # Errors
    /// [`Error::NoLabels`] where there are none.
    pub fn known_labels(&self) -> Result<&[u32]> {
        self.labels
            .as_deref()
            .ok_or_else(|| Error::NoLabels { name: self.name.clone(), tried: String::new() })
    }
}

/// What a source holds.
#[allow(clippy::large_enum_variant)] // there are one or two in a program
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// Named columns.
    Table(Table),
    /// Images.
    Images(Images),
}

impl Loaded {
    /// What to call it in messages.
    pub fn name(&self) -> &str {
        match self {
            Loaded::Table(table) => &table.name,
            Loaded::Images(images) => &images.name,
        }
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        match self {
            Loaded::Table(table) => table.rows(),
            Loaded::Images(images) => images.count(),
        }
    }

    /// Where a sample (from 0) lies in its file.
    pub fn place(&self, row: usize) -> Place {
        match self {
            Loaded::Table(table) => table.place(row),
            Loaded::Images(_) => Place::Row(row as u64 + 1),
        }
    }

    /// What the reader decided and the user should hear.
    pub fn notes(&self) -> &[String] {
        match self {
            Loaded::Table(table) => &table.notes,
            Loaded::Images(images) => &images.notes,
        }
    }

    pub(crate) fn add_note(&mut self, note: String) {
        match self {
            Loaded::Table(table) => table.notes.push(note),
            Loaded::Images(images) => images.notes.push(note),
        }
    }
}
