//! Several files as one table: their columns are joined by name, their rows one below the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::{Content, count, rows};
use super::keep::{self, Keep};
use super::memory::Budget;
use super::options::ReadOptions;
use super::raw::{Cells, RawCells, RawTable};
use crate::date::{self, DateFormat};
use crate::error::{Error, Result, list, shown};
use crate::written::{Written, number_text};

/// Reads files of any known formats but images. The first one decides whether there is a header; a sample is one over all.
pub(super) fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<RawTable> {
    let budget = Budget::of(options);
    let Some(sample) = options.sample else { return read_rows(paths, options, budget, None) };
    let counts = counts(paths, options, &budget)?;
    let total = counts.iter().sum();
    if total <= sample.rows {
        return read_rows(paths, options, budget, None);
    }
    let chosen = keep::chosen(sample, total);
    let mut table = read_rows(paths, options, budget, Some(&shares(&chosen, &counts)))?;
    table.notes.insert(0, keep::note(sample, total));
    Ok(table)
}

/// How many rows each file has.
fn counts(paths: &[PathBuf], options: &ReadOptions, budget: &Budget) -> Result<Vec<u64>> {
    let (mut options, mut counts) = (options.clone(), Vec::new());
    for path in paths {
        let counted = count(path, path, &options, budget)?;
        options.header = options.header.or(counted.has_header);
        counts.push(counted.rows);
    }
    Ok(counts)
}

/// What of the chosen rows of all files each file has, counted from its own first row.
fn shares(chosen: &[u64], counts: &[u64]) -> Vec<Vec<u64>> {
    let mut first = 0;
    let share = |&count: &u64| {
        let range = first..first + count;
        first += count;
        chosen.iter().filter(|row| range.contains(row)).map(|row| row - range.start).collect()
    };
    counts.iter().map(share).collect()
}

/// Reads some rows of each file, or all.
fn read_rows(
    paths: &[PathBuf],
    options: &ReadOptions,
    mut budget: Budget,
    shares: Option<&[Vec<u64>]>,
) -> Result<RawTable> {
    let mut options = options.clone();
    let mut all: Option<RawTable> = None;
    for (index, path) in paths.iter().enumerate() {
        let keep = shares.map_or(Keep::All, |shares| Keep::Rows(&shares[index]));
        let Content::Table(mut table) = rows(path, path, &options, &budget, keep)? else {
            return Err(Error::WrongFormat {
                path: path.clone(),
                expected: "a table, as one of several files,",
                found: "images",
                advice: "name one file of images alone",
            });
        };
        let file = path.display().to_string();
        for note in &mut table.notes {
            *note = format!("{}: {note}", shown(&file).as_path());
        }
        table.files = vec![(0, Arc::from(file))];
        match &mut all {
            None => {
                options.header = options.header.or(table.has_header);
                all = Some(table);
            }
            Some(all) => join(all, table, path)?,
        }
        budget = budget.after(all.as_ref().map_or(0, RawTable::needed));
    }
    all.ok_or_else(|| Error::NoFiles { pattern: String::new() })
}

fn join(all: &mut RawTable, mut more: RawTable, path: &Path) -> Result<()> {
    let names = |table: &RawTable| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let (known, found) = (names(all), names(&more));
    let without = |some: &[String], others: &[String]| {
        let missing: Vec<&str> =
            some.iter().filter(|name| !others.contains(name)).map(String::as_str).collect();
        if missing.is_empty() { "none".to_owned() } else { list(missing.into_iter()) }
    };
    let mut sorted = [known.clone(), found.clone()];
    sorted.iter_mut().for_each(|names| names.sort_unstable());
    if sorted[0] != sorted[1] {
        return Err(Error::OtherColumns {
            path: path.to_owned(),
            first: all.files[0].1.to_string(),
            lacks: without(&known, &found),
            adds: without(&found, &known),
        });
    }
    for column in &mut all.columns {
        // the names are the same, so each is found
        if let Some(at) = more.columns.iter().position(|other| other.name == column.name) {
            let other = more.columns.swap_remove(at);
            column.cells =
                joined(std::mem::replace(&mut column.cells, RawCells::Number(Vec::new())), other.cells);
        }
    }
    // a format without lines says where its rows lie by their number
    let mut lines = std::mem::take(&mut all.lines);
    if lines.is_empty() != more.lines.is_empty() {
        lines.resize(all.rows, 0);
        more.lines.resize(more.rows, 0);
    }
    lines.extend(more.lines);
    all.lines = lines;
    all.files.extend(more.files.into_iter().map(|(row, file)| (row + all.rows, file)));
    all.rows += more.rows;
    all.commas_separate &= more.commas_separate;
    all.notes.extend(more.notes);
    Ok(())
}

/// Cells of two files, as text where they are of different kinds.
fn joined(first: RawCells, second: RawCells) -> RawCells {
    match (first, second) {
        (RawCells::Number(mut cells), RawCells::Number(more)) => {
            cells.extend(more);
            RawCells::Number(cells)
        }
        (RawCells::Instant(mut cells), RawCells::Instant(more)) => {
            cells.extend(more);
            RawCells::Instant(cells)
        }
        (RawCells::Date(mut cells), RawCells::Date(more)) => {
            cells.extend(more);
            RawCells::Date(cells)
        }
        (RawCells::Boolean(mut cells), RawCells::Boolean(more)) => {
            cells.extend(more);
            RawCells::Boolean(cells)
        }
        (RawCells::Decimal(mut cells), RawCells::Decimal(more)) => {
            cells.extend(&more);
            RawCells::Decimal(cells)
        }
        (RawCells::Literal(mut cells), RawCells::Literal(more)) => {
            more.iter().for_each(|cell| cells.push(cell));
            RawCells::Literal(cells)
        }
        (first, second) => {
            let mut cells = as_text(first);
            as_text(second).iter().for_each(|cell| cells.push(cell));
            RawCells::Text(cells)
        }
    }
}

fn as_text(cells: RawCells) -> Cells {
    let texts = |numbers: Vec<f64>, text: fn(f64) -> String| {
        let mut cells = Cells::default();
        numbers
            .into_iter()
            .for_each(|number| cells.push(&if number.is_nan() { String::new() } else { text(number) }));
        cells
    };
    match cells {
        RawCells::Text(cells) | RawCells::Literal(cells) => cells,
        RawCells::Decimal(decimals) => decimals.to_cells(),
        RawCells::Number(numbers) => texts(numbers, |number| {
            // all digits of a whole number, for its neighbours may be codes
            if number == number.trunc() && number.abs() < 1e18 {
                format!("{number:.0}")
            } else {
                number_text(number)
            }
        }),
        RawCells::Date(days) => texts(days, |days| date::text(days, None)),
        RawCells::Instant(days) => texts(days, |days| Written::ZonedDate(DateFormat::default()).date(days)),
        RawCells::Boolean(booleans) => {
            let word = |value| match value {
                None => "",
                Some(false) => "false",
                Some(true) => "true",
            };
            booleans.into_iter().map(word).collect()
        }
    }
}
