//! Rows that are explained, as they are read.

use super::explained::ExplainedRow;
use crate::error::Result;
use crate::finished::FinishedRun;
use crate::tables::Tables;
use steepest_data::{AnyEncoder, Features, Loaded, Values};
use steepest_explain::Players;

/// Rows of the run's own data that are explained where no data is given.
const USUAL_ROWS: usize = 100;

/// Rows that are read.
pub(super) struct Data {
    pub loaded: Loaded,
    pub features: Features,
    /// The number of each in what is loaded.
    pub rows: Vec<usize>,
    /// What they are, in words.
    pub what: String,
}

impl Data {
    /// Some of the rows that are loaded.
    pub fn encoded(encoder: &AnyEncoder, loaded: Loaded, rows: Vec<usize>, what: String) -> Result<Self> {
        Ok(Self { features: encoder.encode(&loaded, &rows)?, loaded, rows, what })
    }

    /// The run's own rows that are least known.
    pub fn of_run(run: &FinishedRun) -> Result<Self> {
        let tables = Tables::read(run.settings())?;
        let prepared = tables.prepare(run.settings())?;
        let (loaded, all, part) = tables.least_known(&prepared.split);
        let count = all.len().min(USUAL_ROWS);
        let rows: Vec<usize> = (0..count).map(|at| all[at * all.len() / count]).collect();
        let what = match count < all.len() {
            true => format!("{count} of the run's {} {part} rows", all.len()),
            false => format!("the run's {count} {part} rows"),
        };
        Self::encoded(run.encoder(), loaded.clone(), rows, what)
    }

    /// One row, with what the data has in the columns of each player; nothing is explained of it yet.
    pub fn row(&self, at: usize, players: &Players) -> ExplainedRow {
        let row = self.rows[at];
        let columns = || (0..players.len()).map(|player| players.members(player));
        let (texts, numbers) = match &self.loaded {
            Loaded::Table(table) => {
                let text = |name: &String| {
                    let text = table.column(name).ok().and_then(|column| column.text(row));
                    text.unwrap_or_else(|| "missing".to_owned())
                };
                let number = |names: &[String]| match (names, &table.column(&names[0]).ok()?.values) {
                    ([_], Values::Number(values) | Values::Date(values)) => {
                        Some(values[row]).filter(|value| value.is_finite())
                    }
                    _ => None,
                };
                let texts = columns().map(|names| names.iter().map(text).collect::<Vec<_>>().join(", "));
                (texts.collect(), columns().map(number).collect())
            }
            // as they are drawn
            Loaded::Images(_) => {
                (Vec::new(), self.features.row(at).iter().map(|x| Some(f64::from(*x))).collect())
            }
        };
        let place = self.loaded.place(row).to_string();
        ExplainedRow { row: row + 1, place, texts, numbers, ..ExplainedRow::default() }
    }
}
