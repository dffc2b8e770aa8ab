//! What shuffling a column costs, a line a column.

use crate::output::{significant, table};
use steepest_data::shown;
use steepest_train::ColumnImportance;

/// Lines on the terminal.
const MOST_LINES: usize = 12;

/// A line for each column, the most important first.
pub fn table_of(columns: &[ColumnImportance]) -> String {
    let mut rows = vec![vec!["column".to_owned(), "loss grows by".to_owned(), "95 %".to_owned()]];
    for column in columns.iter().take(MOST_LINES) {
        let [low, high] = column.interval;
        let interval = format!("{} to {}", number(low), number(high));
        rows.push(vec![shown_name(&column.column), number(column.increase), interval]);
    }
    let more = match columns.len().checked_sub(MOST_LINES) {
        Some(more) if more > 0 => format!("and {more} more, each at most that\n"),
        _ => String::new(),
    };
    table(&rows) + &more
}

/// The same without a heading, beside what else is said of a run.
pub fn lines(columns: &[ColumnImportance]) -> Vec<String> {
    if columns.is_empty() {
        return Vec::new();
    }
    let shown = columns.len().min(MOST_LINES);
    let name = |column: &ColumnImportance| shown_name(&column.column);
    let width = columns[..shown].iter().map(|column| name(column).chars().count()).max().unwrap_or(0);
    let mut lines = vec!["what shuffling each costs in loss (95 %):".to_owned()];
    lines.extend(columns[..shown].iter().map(|column| {
        let [low, high] = column.interval;
        format!(
            "{:<width$}  {:>7} ({} to {})",
            name(column),
            number(column.increase),
            number(low),
            number(high)
        )
    }));
    if columns.len() > shown {
        lines.push(format!("and {} more, each at most that", columns.len() - shown));
    }
    lines
}

fn shown_name(name: &str) -> String {
    shown(name).at_most(30).to_string()
}

/// Losses of a run differ in the third decimal or not at all.
fn number(x: f64) -> String {
    match x.abs() {
        size if size >= 1.0 => significant(x, 3),
        size if size < 5e-5 => "0".to_owned(),
        _ => format!("{x:.4}"),
    }
}
