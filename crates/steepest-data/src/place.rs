//! Where something lies in the data.

use std::sync::Arc;

use crate::shown::shown;

/// Where a cell lies: the line of its file where the format has lines, else its row. Both count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The line on which the record begins.
    Line(u64),
    /// The row, for formats without lines.
    Row(u64),
    /// The place in one of several files.
    In(Box<InFile>),
}

/// A place in one of several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFile {
    /// The path of the file.
    pub file: Arc<str>,
    /// The place in it.
    pub place: Place,
}

impl Place {
    /// Of a row (from 0), from the lines of all rows, empty or 0 where the format has none, and the rows with
    /// which files begin, empty for one file.
    pub(crate) fn of(row: usize, lines: &[u32], files: &[(usize, Arc<str>)]) -> Self {
        let file =
            files.partition_point(|(first, _)| *first <= row).checked_sub(1).map(|index| &files[index]);
        let place = match lines.get(row) {
            Some(&line) if line > 0 => Place::Line(u64::from(line)),
            _ => Place::Row((row - file.map_or(0, |(first, _)| *first)) as u64 + 1),
        };
        match file {
            Some((_, file)) => Place::In(Box::new(InFile { file: file.clone(), place })),
            None => place,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "row {row}"),
            Place::In(place) => write!(f, "{} {}", shown(&place.file).as_path(), place.place),
        }
    }
}
