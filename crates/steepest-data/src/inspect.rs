//! Looking at data: summaries of columns, and export to CSV.

use std::borrow::Cow;

use crate::error::Kind;
use crate::table::{Loaded, Table, Values};
use crate::task::distinct;

/// How many of the most frequent levels a summary names.
const TOP: usize = 5;

/// A table in one screen.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// What it is called.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// One summary for each column.
    pub columns: Vec<ColumnSummary>,
}

/// A column in one line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ColumnSummary {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: Kind,
    /// Rows without a value.
    pub missing: usize,
    /// Distinct values, missing not counted.
    pub distinct: usize,
    /// Least, mean and greatest value of numbers and dates (days since 1970-01-01); `None` for others, or
    /// where all are missing.
    pub range: Option<[f64; 3]>,
    /// The most frequent levels of categories and booleans with their counts, at most 5.
    pub top: Vec<(String, usize)>,
}

/// Describes every column of a table. Images can be described as a table
/// ([`Images::to_table`](crate::Images::to_table)).
pub fn describe(table: &Table) -> Summary {
    let columns = table.columns.iter().map(|column| ColumnSummary {
        name: column.name.clone(),
        kind: column.values.kind(),
        missing: column.values.missing(),
        distinct: distinct(&column.values),
        range: range(&column.values),
        top: top(&column.values),
    });
    Summary { name: table.name.clone(), rows: table.rows(), columns: columns.collect() }
}

fn range(values: &Values) -> Option<[f64; 3]> {
    let (Values::Number(values) | Values::Date(values)) = values else {
        return None;
    };
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let count = known().count();
    if count == 0 {
        return None;
    }
    // divided before it is summed: numbers near the end of f64 have a mean too
    let mean = known().map(|value| value / count as f64).sum();
    Some([known().fold(f64::INFINITY, f64::min), mean, known().fold(f64::NEG_INFINITY, f64::max)])
}

fn top(values: &Values) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = match values {
        Values::Number(_) | Values::Date(_) => return Vec::new(),
        Values::Boolean(values) => [false, true]
            .into_iter()
            .map(|level| (level.to_string(), values.iter().filter(|&&value| value == Some(level)).count()))
            .collect(),
        Values::Category { codes, levels } => {
            let mut counts: Vec<(&String, usize)> = levels.iter().map(|level| (level, 0)).collect();
            for &code in codes.iter().flatten() {
                counts[code as usize].1 += 1;
            }
            // text is copied for the few that are shown
            counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
            counts.into_iter().take(TOP).map(|(level, count)| (level.clone(), count)).collect()
        }
    };
    counts.retain(|&(_, count)| count > 0);
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counts
}

/// The data as CSV with a header, UTF-8, LF. Reading it back gives the same values, but for times below a
/// millisecond, and for text that reads as something else (a level `12` or `NA`). Images become one column
/// for each pixel (`p0`, `p1`, ..) and, where known, `label`.
pub fn to_csv(loaded: &Loaded) -> Vec<u8> {
    let images_table;
    let table = match loaded {
        Loaded::Table(table) => table,
        Loaded::Images(images) => {
            images_table = images.to_table();
            &images_table
        }
    };
    let mut out = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        write_cell(&mut out, index, &column.name);
    }
    out.push(b'\n');
    for row in 0..table.rows() {
        for (index, column) in table.columns.iter().enumerate() {
            let text = column.source_text(row).unwrap_or_default();
            // a line without a byte would be skipped as blank
            if text.is_empty() && table.columns.len() == 1 {
                out.extend_from_slice(b"\"\"");
            }
            write_cell(&mut out, index, &text);
        }
        out.push(b'\n');
    }
    out
}

fn write_cell(out: &mut Vec<u8>, index: usize, text: &str) {
    if index > 0 {
        out.push(b',');
    }
    out.extend_from_slice(csv_cell(text).as_bytes());
}

/// A text as a cell of CSV: in quotes where it has to be.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    // the other separators are quoted too, so that sniffing cannot go wrong
    match text.contains([',', '"', '\n', '\r', ';', '\t', '|']) {
        true => Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))),
        false => Cow::Borrowed(text),
    }
}
