//! Parquet, through Arrow's own reader.

use std::collections::HashMap;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::column::{Context, category, coerce, is_missing};
use super::{ReadOptions, open_plain};
use crate::error::{Error, Place, Result};
use crate::table::{Column, Table, Values};

/// Rows decoded at a time: enough to be quick, little beside the table itself.
const BATCH_ROWS: usize = 1 << 14;

/// How the type of an Arrow column becomes one of ours.
enum Reading {
    Number,
    Boolean,
    Text,
    /// A whole number of so many units a day.
    Date {
        per_day: f64,
    },
}

fn reading(data_type: &DataType) -> Option<Reading> {
    Some(match data_type {
        DataType::Boolean => Reading::Boolean,
        data_type if data_type.is_numeric() || *data_type == DataType::Null => Reading::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Reading::Text,
        DataType::Dictionary(_, values)
            if reading(values).is_some_and(|values| matches!(values, Reading::Text)) =>
        {
            Reading::Text
        }
        DataType::Date32 => Reading::Date { per_day: 1.0 },
        DataType::Date64 => Reading::Date { per_day: 86_400e3 },
        DataType::Timestamp(unit, _) => Reading::Date {
            per_day: match unit {
                TimeUnit::Second => 86_400.0,
                TimeUnit::Millisecond => 86_400e3,
                TimeUnit::Microsecond => 86_400e6,
                TimeUnit::Nanosecond => 86_400e9,
            },
        },
        _ => return None,
    })
}

/// Reads a table. Columns of lists, structures, bytes and the like are left out with a note.
pub(crate) fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
    let file = open_plain(path)?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| damaged(error.to_string()))?;
    let schema = builder.schema().clone();
    let mut seen = HashMap::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if let Some(first) = seen.insert(field.name().clone(), index + 1) {
            let name = field.name().clone();
            return Err(Error::DuplicateColumn { path: path.to_owned(), name, first, second: index + 1 });
        }
    }
    let mut arrays: Vec<Vec<ArrayRef>> = vec![Vec::new(); schema.fields().len()];
    let mut rows = 0;
    for batch in builder.with_batch_size(BATCH_ROWS).build().map_err(|error| damaged(error.to_string()))? {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        rows += batch.num_rows();
        for (column, array) in arrays.iter_mut().zip(batch.columns()) {
            column.push(array.clone());
        }
    }
    if rows == 0 {
        return Err(Error::Empty { path: path.to_owned(), found: "a schema alone" });
    }
    let (mut columns, mut notes) = (Vec::new(), Vec::new());
    for (field, arrays) in schema.fields().iter().zip(arrays) {
        let name = field.name();
        let Some(reading) = reading(field.data_type()) else {
            notes.push(format!(
                "column {name:?} of type {} is left out: only numbers, text, booleans and dates are read",
                field.data_type()
            ));
            continue;
        };
        let place = |row: usize| Place::Row(row as u64 + 1);
        let context =
            Context { column: name, place: &place, infinity_is_missing: options.infinity_is_missing };
        let values = values(&arrays, &reading, &context).map_err(|error| match error {
            ColumnError::Arrow(error) => damaged(format!("column {name:?}: {error}")),
            ColumnError::Data(error) => *error,
        })?;
        let values = match options.kinds.get(name) {
            Some(&kind) if kind != values.kind() => coerce(&values, kind, &context)?.into_owned(),
            _ => values,
        };
        columns.push(Column { name: name.clone(), values });
    }
    if columns.is_empty() {
        return Err(Error::NoFeatures { dropped: notes });
    }
    let mut table = Table::new(path.display().to_string(), columns);
    table.notes = notes;
    Ok(table)
}

enum ColumnError {
    Arrow(arrow_schema::ArrowError),
    Data(Box<Error>),
}

impl From<arrow_schema::ArrowError> for ColumnError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        ColumnError::Arrow(error)
    }
}

impl From<Error> for ColumnError {
    fn from(error: Error) -> Self {
        ColumnError::Data(Box::new(error))
    }
}

fn values(
    arrays: &[ArrayRef],
    reading: &Reading,
    context: &Context<'_>,
) -> std::result::Result<Values, ColumnError> {
    Ok(match reading {
        Reading::Number => {
            let mut numbers = Vec::new();
            for array in arrays {
                let array = cast(array, &DataType::Float64)?;
                for value in array.as_primitive::<Float64Type>() {
                    let value = value.unwrap_or(f64::NAN);
                    // NaN counts as missing, as in text
                    let row = numbers.len();
                    numbers.push(if value.is_nan() {
                        value
                    } else {
                        context.finite(value, row, &value.to_string())?
                    });
                }
            }
            Values::Number(numbers)
        }
        Reading::Boolean => {
            Values::Boolean(arrays.iter().flat_map(|array| array.as_boolean().iter()).collect())
        }
        Reading::Date { per_day } => {
            let mut days = Vec::new();
            for array in arrays {
                // Date32 casts by way of Int32
                let array = if *array.data_type() == DataType::Date32 {
                    cast(array, &DataType::Int32)?
                } else {
                    array.clone()
                };
                let array = cast(&array, &DataType::Int64)?;
                days.extend(
                    array
                        .as_primitive::<Int64Type>()
                        .iter()
                        .map(|value| value.map_or(f64::NAN, |value| value as f64 / per_day)),
                );
            }
            Values::Date(days)
        }
        Reading::Text => {
            let texts = arrays
                .iter()
                .map(|array| cast(array, &DataType::LargeUtf8))
                .collect::<std::result::Result<Vec<_>, _>>()?;
            let cells = texts.iter().flat_map(|array| array.as_string::<i64>().iter());
            category(cells.map(|cell| cell.map(str::trim).filter(|cell| !is_missing(cell))))
        }
    })
}
