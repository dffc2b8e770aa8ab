//! A table read and held to its truth.

use std::fmt::Display;

use steepest_data::{Loaded, ReadOptions, Source, Values, load};
use tempfile::TempDir;

use crate::table::{Column, Table, Value};

/// What became of a table.
#[derive(Debug)]
pub enum Outcome {
    /// Every column as declared.
    Right,
    /// Refused for a column that nobody can decide.
    RightlyRefused,
    /// Refused without need: what was said.
    Refused(String),
    /// Read as something else: where.
    Wrong(String),
}

/// Half a millisecond, in days: nearer than any text here says.
const DATE_TOLERANCE: f64 = 0.0005 / 86_400.0;

/// Writes the table and reads it.
pub fn outcome(table: &Table, folder: &TempDir) -> Outcome {
    let path = table.style.write(&table.columns, folder.path());
    let source = Source::parse(path.to_str().expect("a path in UTF-8"));
    match load(&source, &ReadOptions::default()) {
        Ok(Loaded::Table(read)) => compare(table, &read).map_or_else(Outcome::Wrong, |()| Outcome::Right),
        Ok(Loaded::Images(_)) => Outcome::Wrong("images were read".to_owned()),
        Err(error) => {
            let message = error.to_string();
            let named: Vec<&Column> = table
                .columns
                .iter()
                .filter(|column| message.contains(&format!("{:?}", column.name)))
                .collect();
            if named.iter().any(|column| column.is_ambiguous()) {
                return Outcome::RightlyRefused;
            }
            let tags: Vec<_> = named.iter().map(|column| column.tags.join(", ")).collect();
            Outcome::Refused(format!("({}): {message}", tags.join("; ")))
        }
    }
}

fn compare(table: &Table, read: &steepest_data::Table) -> Result<(), String> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let found: Vec<&str> = read.columns.iter().map(|column| column.name.as_str()).collect();
    expect("the names of the columns", format!("{names:?}"), format!("{found:?}"))?;
    expect("the number of rows", table.rows(), read.rows())?;
    let differences: Vec<String> = table
        .columns
        .iter()
        .zip(&read.columns)
        .filter_map(|(column, found)| {
            let difference = compare_column(column, &found.values).err()?;
            Some(format!("column {:?} ({}): {difference}", column.name, column.tags.join(", ")))
        })
        .collect();
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n  ")) }
}

fn compare_column(column: &Column, values: &Values) -> Result<(), String> {
    if column.kind != values.kind() {
        let first = column.cells.iter().zip(&column.truth).find(|(_, value)| **value != Value::Missing);
        let cell = first.map_or("", |(cell, _)| cell);
        return expect(&format!("the type, of cells like {cell:?}"), column.kind, values.kind());
    }
    for (row, truth) in column.truth.iter().enumerate() {
        let found = value(values, row);
        let is_equal = match (truth, &found) {
            (Value::Date(expected), Value::Date(found)) => (expected - found).abs() <= DATE_TOLERANCE,
            (expected, found) => expected == found,
        };
        if !is_equal {
            let what = format!("row {row}, {:?}", column.cells[row]);
            return expect(&what, format!("{truth:?}"), format!("{found:?}"));
        }
    }
    Ok(())
}

fn value(values: &Values, row: usize) -> Value {
    if !values.is_valid(row) {
        return Value::Missing;
    }
    match values {
        Values::Number(values) => Value::Number(values[row]),
        Values::Date(values) => Value::Date(values[row]),
        Values::Boolean(values) => values[row].map_or(Value::Missing, Value::Boolean),
        Values::Category { codes, levels } => {
            codes[row].map_or(Value::Missing, |code| Value::Text(levels[code as usize].clone()))
        }
    }
}

fn expect<T: PartialEq + Display>(what: &str, expected: T, found: T) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what}: declared {expected}, read {found}")) }
}
