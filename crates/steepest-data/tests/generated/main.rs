//! Random tables with declared truth: what people write is generated together with what it means, and every
//! column has to be read as meant. A reader may refuse a column that nobody can decide; it may never give
//! another value.
//!
//! What a table is follows from its number alone: `STEEPEST_TABLE=137` shows table 137 and what became of
//! it. Numbers in per cent are declared in per cent, `12.5 %` as 12.5.

mod calendar;
mod chance;
mod compare;
mod dates;
mod file;
mod formats;
mod numbers;
mod table;
mod texts;

use std::collections::BTreeMap;

use compare::{Outcome, outcome};
use table::Table;
use tempfile::TempDir;

const TABLES: u64 = 500;
/// The most tables that may be refused without need.
const MOST_REFUSED: usize = TABLES as usize / 100;

#[test]
fn every_table_is_read_as_declared() {
    let folder = TempDir::new().unwrap();
    if let Ok(number) = std::env::var("STEEPEST_TABLE") {
        let table = Table::generate(number.parse().expect("STEEPEST_TABLE is the number of a table"));
        println!("{}{:?}", table.describe(), outcome(&table, &folder));
        return;
    }
    let (mut right, mut rightly_refused) = (0, 0);
    let (mut refused, mut wrong) = (Vec::new(), Vec::new());
    for number in 0..TABLES {
        match outcome(&Table::generate(number), &folder) {
            Outcome::Right => right += 1,
            Outcome::RightlyRefused => rightly_refused += 1,
            Outcome::Refused(reason) => refused.push(format!("table {number}: {reason}")),
            Outcome::Wrong(reason) => wrong.push(format!("table {number}: {reason}")),
        }
    }
    let summary = format!(
        "{TABLES} tables: {right} read as declared, {rightly_refused} rightly refused, {} refused without need, {} wrong",
        refused.len(),
        wrong.len()
    );
    println!("{summary}");
    assert!(
        wrong.is_empty() && refused.len() <= MOST_REFUSED,
        "{summary}\nwrong:\n{}\nrefused:\n{}\nSTEEPEST_TABLE=NUMBER shows one",
        wrong.join("\n"),
        refused.join("\n")
    );
}

#[test]
fn plain_tables_are_read_as_declared() {
    let folder = TempDir::new().unwrap();
    for number in 0..50 {
        let table = Table::plain(number);
        let outcome = outcome(&table, &folder);
        assert!(matches!(outcome, Outcome::Right), "{outcome:?}\n{}", table.describe());
    }
}

/// A way of writing that no table has is a way that is not tested.
#[test]
fn every_way_of_writing_occurs_often() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    for table in (0..TABLES).map(Table::generate) {
        let style = &table.style;
        count(format!("separator {:?}", style.separator));
        count(format!("{:?}", style.encoding));
        count(format!("quotes: {:?}", style.quoting));
        count(format!("gzip: {}", style.gzip));
        let head = style.head.first();
        count(format!("comments: {}", head.is_some_and(|line| line.starts_with('#'))));
        count(format!("title: {}", head.is_some_and(|line| !line.starts_with('#'))));
        for column in &table.columns {
            count(column.kind.to_string());
            column.tags.iter().for_each(|tag| count((*tag).to_owned()));
        }
    }
    println!("{counts:#?}");
    let rare: Vec<_> = counts.iter().filter(|(_, count)| **count < 5).collect();
    assert!(rare.is_empty(), "too rare to be tested: {rare:?}");
    assert_eq!(counts.len(), WAYS, "ways of writing in {TABLES} tables");
}

/// How many kinds of columns, cells and files the generator has.
const WAYS: usize = 113;
