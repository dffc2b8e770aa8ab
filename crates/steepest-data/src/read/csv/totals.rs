//! Rows at the end of a table that sum up the others.

use super::scan::Records;
use crate::error::shown;
use crate::read::column::Column;
use crate::typing::is_missing;

/// The most rows that sum up the others.
pub(super) const MOST_TOTALS: usize = 3;

/// Last rows that sum up the others are none of them: those with a word for it that no other row has in that place, where
/// the word is no value of its column, or the numbers are the sums or means of the others.
pub(super) fn leave_out_totals(records: &mut Records, notes: &mut Vec<String>) {
    if records.columns.len() < 2 {
        return;
    }
    for _ in 0..MOST_TOTALS {
        let Some(last) = records.lines.len().checked_sub(1).filter(|&last| last > 0) else { return };
        let word_of = |column: &&Column| {
            let word = column.text(last);
            // a word that other rows have too is a level
            is_total(&word) && !(0..last).any(|row| column.text(row) == word)
        };
        let Some(column) = records.columns.iter().find(word_of) else { return };
        let others_are_numbers = numbers(column, last).is_some_and(|others| !others.is_empty());
        if !others_are_numbers && !records.columns.iter().any(|column| sums_up(column, last)) {
            return;
        }
        let word = column.text(last);
        let word = format!("{:?}", shown(&word));
        records.columns.iter_mut().for_each(Column::pop);
        let line = records.lines.pop().unwrap_or_default();
        notes.push(format!("line {line}, one of the last, is left out: {word} in it sums up the others"));
    }
}

/// How many of the last rows, whose cells these are, may sum up the others, for they have a word for it: none of them is
/// chosen for a sample, which does not know whether another row has the word too.
pub(super) fn totals(last: &[Vec<String>]) -> u64 {
    let is = |cells: &&Vec<String>| cells.len() > 1 && cells.iter().any(|cell| is_total(cell));
    last.iter().rev().take_while(is).count() as u64
}

/// The numbers of the first rows; `None` if other words stand among them.
fn numbers(column: &Column, rows: usize) -> Option<Vec<f64>> {
    let known = (0..rows).map(|row| column.text(row)).filter(|cell| !is_missing(cell));
    known.map(|cell| cell.parse().ok().filter(|number: &f64| number.is_finite())).collect()
}

/// Whether the last cell is the sum or the mean of those above it, as far as it is written out.
fn sums_up(column: &Column, last: usize) -> bool {
    let (Ok(total), Some(others)) = (column.text(last).parse::<f64>(), numbers(column, last)) else {
        return false;
    };
    let sum: f64 = others.iter().sum();
    let near = |other: f64| (total - other).abs() <= 0.005 * total.abs().max(f64::MIN_POSITIVE);
    others.len() > 1 && total != 0.0 && (near(sum) || near(sum / others.len() as f64))
}

fn is_total(cell: &str) -> bool {
    const WORDS: [&str; 21] = [
        "total",
        "totals",
        "grand total",
        "sum",
        "sums",
        "summe",
        "gesamt",
        "gesamtsumme",
        "insgesamt",
        "somme",
        "totale",
        "total general",
        "average",
        "mean",
        "subtotal",
        "count",
        "mittelwert",
        "durchschnitt",
        "moyenne",
        "promedio",
        "media",
    ];
    let cell = cell.trim_end_matches(':').trim_end().to_lowercase();
    WORDS.contains(&cell.as_str())
}
