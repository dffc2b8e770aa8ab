//! Parquet, through Arrow's own reader.

use std::panic::catch_unwind;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::open::open_plain;
use super::raw::{RawCells, RawColumn, RawTable};
use crate::error::{Error, Result};

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
        DataType::Null | DataType::Decimal128(..) => Reading::Number,
        data_type if data_type.is_integer() || data_type.is_floating() => Reading::Number,
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

/// What a file holds: its schema, the pieces of each column, and how many rows.
type Decoded = (SchemaRef, Vec<Vec<ArrayRef>>, usize);

fn decode(path: &Path) -> Result<Decoded> {
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
    let file = open_plain(path)?;
    let length = file.metadata().map_err(|error| damaged(error.to_string()))?.len();
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| damaged(error.to_string()))?;
    // the reader takes these places for granted
    for column in builder.metadata().row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let inside = u64::try_from(start)
            .ok()
            .zip(u64::try_from(column.compressed_size()).ok())
            .and_then(|(start, size)| start.checked_add(size))
            .is_some_and(|end| end <= length);
        if !inside {
            let (size, name) = (column.compressed_size(), column.column_path());
            return Err(damaged(format!(
                "column {name} is said to have {size} bytes from {start} on, in a file of {length}"
            )));
        }
    }
    let schema = builder.schema().clone();
    let mut arrays: Vec<Vec<ArrayRef>> = vec![Vec::new(); schema.fields().len()];
    let mut rows = 0;
    for batch in builder.with_batch_size(BATCH_ROWS).build().map_err(|error| damaged(error.to_string()))? {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        rows += batch.num_rows();
        for (column, array) in arrays.iter_mut().zip(batch.columns()) {
            column.push(array.clone());
        }
    }
    Ok((schema, arrays, rows))
}

/// Reads a table. Columns of lists, structures, bytes and the like are left out with a note.
pub(crate) fn read(path: &Path) -> Result<RawTable> {
    // the reader panics on some damaged files; nothing of it outlives the attempt
    let (schema, arrays, rows) = catch_unwind(|| decode(path)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let reason = format!("its reader gave up: {}", said.unwrap_or("no reason given"));
        Err(Error::Damaged { path: path.to_owned(), reason })
    })?;
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
        columns.push(RawColumn { name: name.clone(), cells: cells(&arrays, &reading) });
    }
    Ok(RawTable { columns, rows, notes, ..RawTable::default() })
}

fn cells(arrays: &[ArrayRef], reading: &Reading) -> RawCells {
    match reading {
        // NaN counts as missing, as in text
        Reading::Number => RawCells::Number(
            arrays.iter().flat_map(numbers_of).map(|value| value.unwrap_or(f64::NAN)).collect(),
        ),
        Reading::Boolean => {
            RawCells::Boolean(arrays.iter().flat_map(|array| array.as_boolean().iter()).collect())
        }
        Reading::Date { per_day } => RawCells::Date(
            arrays
                .iter()
                .flat_map(numbers_of)
                .map(|value| value.map_or(f64::NAN, |value| value / per_day))
                .collect(),
        ),
        Reading::Text => {
            let texts = arrays.iter().flat_map(texts_of);
            RawCells::Text(texts.map(|text| text.map_or("", str::trim)).collect())
        }
    }
}

/// A column's numbers. Written out here, because Arrow's general `cast` is the largest of its crates.
fn numbers_of(array: &ArrayRef) -> Vec<Option<f64>> {
    fn all<T: ArrowPrimitiveType>(array: &ArrayRef, to: impl Fn(T::Native) -> f64) -> Vec<Option<f64>> {
        array.as_primitive::<T>().iter().map(|x| x.map(&to)).collect()
    }
    match array.data_type() {
        DataType::Int8 => all::<Int8Type>(array, f64::from),
        DataType::Int16 => all::<Int16Type>(array, f64::from),
        DataType::Int32 => all::<Int32Type>(array, f64::from),
        DataType::Int64 => all::<Int64Type>(array, |x| x as f64),
        DataType::UInt8 => all::<UInt8Type>(array, f64::from),
        DataType::UInt16 => all::<UInt16Type>(array, f64::from),
        DataType::UInt32 => all::<UInt32Type>(array, f64::from),
        DataType::UInt64 => all::<UInt64Type>(array, |x| x as f64),
        DataType::Float16 => all::<Float16Type>(array, f64::from),
        DataType::Float32 => all::<Float32Type>(array, f64::from),
        DataType::Float64 => all::<Float64Type>(array, |x| x),
        DataType::Decimal128(_, scale) => {
            let unit = 10f64.powi(i32::from(*scale));
            all::<Decimal128Type>(array, |x| x as f64 / unit)
        }
        DataType::Date32 => all::<Date32Type>(array, f64::from),
        DataType::Date64 => all::<Date64Type>(array, |x| x as f64),
        DataType::Timestamp(TimeUnit::Second, _) => all::<TimestampSecondType>(array, |x| x as f64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => all::<TimestampMillisecondType>(array, |x| x as f64),
        DataType::Timestamp(TimeUnit::Microsecond, _) => all::<TimestampMicrosecondType>(array, |x| x as f64),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => all::<TimestampNanosecondType>(array, |x| x as f64),
        // `Null`, and nothing else that `reading` lets through
        _ => vec![None; array.len()],
    }
}

/// A column's texts, spelt out where it is stored as a dictionary.
fn texts_of(array: &ArrayRef) -> Vec<Option<&str>> {
    match array.data_type() {
        DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
        DataType::Utf8View => array.as_string_view().iter().collect(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let words = texts_of(dictionary.values());
            let keys = dictionary.keys();
            let codes = dictionary.normalized_keys();
            (0..keys.len()).map(|i| if keys.is_null(i) { None } else { words[codes[i]] }).collect()
        }
        _ => array.as_string::<i32>().iter().collect(),
    }
}
