//! From batches of Arrow's arrays to a table: what Parquet and Arrow files share.

use std::path::Path;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};

use super::arrays::{Reading, piece, reading, text_bytes};
use super::keep::Keep;
use super::memory::{Budget, NUMBER_BYTES, TEXT_BYTES, table_bytes};
use super::raw::{Cells, RawCells, RawColumn, RawTable};
use crate::error::{Error, Result, shown};

/// Gathers a table from batches of rows.
pub(super) struct Gathered {
    schema: SchemaRef,
    /// What has come of each column; `None` for one that is left out.
    columns: Vec<Option<(Reading, RawCells)>>,
    rows: usize,
}

/// Whether columns of this type are read.
pub(super) fn is_read(data_type: &DataType) -> bool {
    reading(data_type).is_some()
}

/// What a cell of this type needs at least, in bytes; 0 if it is not read.
pub(super) fn least_needed(data_type: &DataType) -> u64 {
    match reading(data_type) {
        None => 0,
        Some(Reading::Text | Reading::Time { .. }) => TEXT_BYTES,
        Some(Reading::Boolean) => 1 + NUMBER_BYTES,
        Some(_) => 8 + NUMBER_BYTES,
    }
}

impl Gathered {
    pub(super) fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| {
            reading(field.data_type())
                .map(|reading| (reading, piece(&arrow_array::new_empty_array(field.data_type()), reading)))
        });
        Self { columns: columns.collect(), schema, rows: 0 }
    }

    /// The memory that this needs, and what will be made of it, in bytes.
    fn needed(&self) -> u64 {
        table_bytes(self.rows, self.columns.iter().flatten().map(|(_, cells)| cells.needed()))
    }

    /// Adds the rows of a batch, which has the columns that are read and no others. What the batch itself takes is the
    /// budget's to know.
    pub(super) fn push(&mut self, batch: &RecordBatch, path: &Path, budget: &Budget) -> Result<()> {
        let least = |array: &ArrayRef| least_needed(array.data_type()) * array.len() as u64;
        let more: u64 = batch.columns().iter().map(|array| least(array) + 2 * text_bytes(array)).sum();
        budget.check_all(path, self.needed().saturating_add(more))?;
        for ((reading, cells), array) in self.columns.iter_mut().flatten().zip(batch.columns()) {
            append(cells, piece(array, *reading), *reading);
        }
        self.rows += batch.num_rows();
        budget.check_all(path, self.needed())
    }

    /// The table. Columns of lists, structures, bytes and the like are left out with a note.
    pub(super) fn into_raw(self, path: &Path, keep: Keep<'_>) -> Result<RawTable> {
        if self.rows == 0 && keep.is_all() {
            return Err(Error::Empty { path: path.to_owned(), found: "a schema alone" });
        }
        let (mut columns, mut notes) = (Vec::new(), Vec::new());
        for (field, column) in self.schema.fields().iter().zip(self.columns) {
            let name = field.name().trim();
            let Some((reading, cells)) = column else {
                notes.push(format!(
                    "column {:?} of type {} is left out: only numbers, text, booleans, dates and times are read",
                    shown(name),
                    called(field.data_type())
                ));
                continue;
            };
            if matches!(reading, Reading::Duration { .. }) {
                notes.push(format!("column {:?} holds durations, read as numbers of seconds", shown(name)));
            }
            let cells = match (field.data_type(), cells) {
                (DataType::Timestamp(_, Some(_)), RawCells::Date(days)) => RawCells::Instant(days),
                (_, cells) => cells,
            };
            columns.push(RawColumn { name: name.to_owned(), cells });
        }
        // texts are read as in a file with commas between its cells
        Ok(RawTable { columns, rows: self.rows, notes, commas_separate: true, ..RawTable::default() })
    }
}

/// A type that is not read, without the fields inside it.
fn called(data_type: &DataType) -> String {
    match data_type {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "list".to_owned(),
        DataType::ListView(_) | DataType::LargeListView(_) => "list".to_owned(),
        DataType::Struct(_) => "structure".to_owned(),
        DataType::Map(..) => "map".to_owned(),
        DataType::Union(..) => "union".to_owned(),
        data_type if data_type.is_binary() => "bytes".to_owned(),
        // a time zone is text of the file
        other => shown(&other.to_string()).to_string(),
    }
}

/// Adds a piece of a column to what there is of it. Numbers become text where one of the two is.
fn append(cells: &mut RawCells, piece: RawCells, reading: Reading) {
    let text = |numbers: Vec<f64>| {
        let mut cells = Cells::default();
        for number in numbers {
            match reading {
                _ if number.is_nan() => cells.push(""),
                // exact: these have at most 15 digits
                Reading::Decimal { scale } => {
                    cells.push(&format!("{number:.*}", usize::try_from(scale).unwrap_or(0)))
                }
                _ => cells.push(&format!("{number:.0}")),
            }
        }
        cells
    };
    match (cells, piece) {
        (RawCells::Text(cells), RawCells::Text(piece)) => piece.iter().for_each(|cell| cells.push(cell)),
        (RawCells::Text(cells), RawCells::Number(piece)) => {
            text(piece).iter().for_each(|cell| cells.push(cell))
        }
        (cells @ RawCells::Number(_), RawCells::Text(piece)) => {
            if let RawCells::Number(numbers) = std::mem::replace(cells, RawCells::Boolean(Vec::new())) {
                let mut all = text(numbers);
                piece.iter().for_each(|cell| all.push(cell));
                *cells = RawCells::Text(all);
            }
        }
        (RawCells::Number(cells), RawCells::Number(piece))
        | (RawCells::Date(cells), RawCells::Date(piece)) => {
            cells.extend(piece);
        }
        (RawCells::Boolean(cells), RawCells::Boolean(piece)) => cells.extend(piece),
        (cells, piece) => unreachable!("one reading gave {cells:?} and {piece:?}"),
    }
}
