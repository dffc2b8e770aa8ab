//! The section of a page.

use super::pictures::drawn;
use crate::number::{count, significant};
use crate::page::{Block, Section, Tone};
use steepest_train::explain::{Explained, Method};

/// Lines of tables.
const MOST_LINES: usize = 20;

/// What the network goes by, as it was last explained; without blocks where it was not.
pub(crate) fn section(found: Option<&Explained>) -> Section {
    let mut section = Section::new("What it goes by");
    let Some(found) = found else { return section };
    section = section.with(Block::plain(&intro(found)));
    for warning in &found.warnings {
        section = section.with(Block::Text(Tone::Warning, warning.clone()));
    }
    for drawn in drawn(found) {
        section = section.with(Block::Picture(drawn.drawing()));
    }
    if !found.importance.is_empty() {
        let row = |column: &steepest_train::ColumnImportance| {
            let [low, high] = column.interval;
            vec![
                column.column.clone(),
                significant(column.increase, 3),
                format!("{} to {}", significant(low, 3), significant(high, 3)),
            ]
        };
        section = section.with(Block::plain(
            "What the loss grows by where a column is shuffled among the rows: what the network cannot do without.",
        ));
        section = section.with(Block::Table {
            head: ["column", "loss grows by", "95 % interval"].map(str::to_owned).into(),
            rows: found.importance.iter().take(MOST_LINES).map(row).collect(),
        });
    }
    section
}

fn intro(found: &Explained) -> String {
    let made = &found.made;
    let exact = found.rows.iter().filter(|row| row.exact).count();
    let how = match made.method {
        Method::Path => {
            "path attribution (expected integrated gradients), which is no Shapley value".to_owned()
        }
        Method::Lime => "LIME: a line through the neighbourhood of each row".to_owned(),
        Method::Linear => "the local linear model of each row: the network's slopes there".to_owned(),
        Method::Auto | Method::Shapley if exact == found.rows.len() => "Shapley values, exact".to_owned(),
        Method::Auto | Method::Shapley => {
            format!("Shapley values, estimated from at most {} coalitions a row", made.evaluations)
        }
    };
    format!(
        "{} ({}) against {} of training: {how}. Values say what the network does with a column, not what the column does in the world.",
        count(found.rows.len() as u64, "row"),
        steepest_data::shown(&found.data),
        count(made.background as u64, "row"),
    )
}
