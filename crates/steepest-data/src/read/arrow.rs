//! From Arrow's arrays to cells: what Parquet and Arrow files share.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef, TimeUnit};

use super::keep::Keep;
use super::memory::{Budget, COLUMN_BYTES, NUMBER_BYTES, ROW_BYTES, TEXT_BYTES};
use super::raw::{Cells, RawCells, RawColumn, RawTable};
use crate::error::{Error, Result, shown};

/// The largest whole number up to which f64 holds all of them.
const EXACT: u64 = 1 << 53;
/// Decimals of at most 15 digits survive f64.
const EXACT_DIGITS: u32 = 15;

/// How the type of an Arrow column becomes one of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    Number,
    /// A number of seconds, from so many units in one.
    Duration {
        per_second: f64,
    },
    /// So many digits after the point.
    Decimal {
        scale: i8,
    },
    Boolean,
    Text,
    /// A whole number of so many units a day.
    Date {
        per_day: f64,
    },
    /// A time of day as a whole number of units, 10^`digits` in a second.
    Time {
        digits: u32,
    },
}

fn per_second(unit: TimeUnit) -> f64 {
    10f64.powi(digits(unit) as i32)
}

fn digits(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

fn reading(data_type: &DataType) -> Option<Reading> {
    Some(match data_type {
        DataType::Boolean => Reading::Boolean,
        DataType::Null => Reading::Number,
        data_type if data_type.is_integer() || data_type.is_floating() => Reading::Number,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Reading::Decimal { scale: *scale },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Reading::Text,
        DataType::Date32 => Reading::Date { per_day: 1.0 },
        DataType::Date64 => Reading::Date { per_day: 86_400e3 },
        DataType::Timestamp(unit, _) => Reading::Date { per_day: 86_400.0 * per_second(*unit) },
        DataType::Time32(unit) | DataType::Time64(unit) => Reading::Time { digits: digits(*unit) },
        DataType::Duration(unit) => Reading::Duration { per_second: per_second(*unit) },
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => reading(values)?,
        _ => return None,
    })
}

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
        let columns = self.columns.iter().flatten().map(|(_, cells)| COLUMN_BYTES + cells.needed());
        self.rows as u64 * ROW_BYTES + columns.sum::<u64>()
    }

    /// Adds the rows of a batch, whose columns are all that the schema has, or those that are read (`read_alone`).
    pub(super) fn push(
        &mut self,
        batch: &RecordBatch,
        read_alone: bool,
        path: &Path,
        budget: &Budget,
    ) -> Result<()> {
        let columns = self.columns.iter_mut().filter(|column| !read_alone || column.is_some());
        let columns =
            columns.zip(batch.columns()).filter_map(|(column, array)| Some((column.as_mut()?, array)));
        let columns: Vec<_> = columns.collect();
        let least = |array: &ArrayRef| least_needed(array.data_type()) * array.len() as u64;
        let more: u64 = columns.iter().map(|(_, array)| least(array) + 2 * text_bytes(array)).sum();
        let batch_bytes = batch.get_array_memory_size() as u64;
        let before: u64 = columns.iter().map(|((_, cells), _)| COLUMN_BYTES + cells.needed()).sum();
        budget.check(path, before + more + batch_bytes)?;
        for ((reading, cells), array) in columns {
            append(cells, piece(array, *reading), *reading);
        }
        self.rows += batch.num_rows();
        budget.check(path, self.needed() + batch_bytes)
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

/// How long the texts of an array are all together: words of a dictionary, and views of one text, may stand in many rows.
fn text_bytes(array: &ArrayRef) -> u64 {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value_data().len() as u64,
        DataType::LargeUtf8 => array.as_string::<i64>().value_data().len() as u64,
        // the low half of a view is its length
        DataType::Utf8View => array.as_string_view().views().iter().map(|&view| u64::from(view as u32)).sum(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let words = dictionary.values();
            let length = |word: usize| match words.data_type() {
                DataType::Utf8 => words.as_string::<i32>().value_length(word) as u64,
                DataType::LargeUtf8 => words.as_string::<i64>().value_length(word) as u64,
                DataType::Utf8View => u64::from(words.as_string_view().views()[word] as u32),
                _ => 0,
            };
            if !words.data_type().is_string() || words.is_empty() {
                return 0;
            }
            let lengths: Vec<u64> = (0..words.len()).map(length).collect();
            dictionary.normalized_keys().into_iter().map(|word| lengths[word]).sum()
        }
        _ => 0,
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

/// The cells of an array.
fn piece(array: &ArrayRef, reading: Reading) -> RawCells {
    if let DataType::Dictionary(..) = array.data_type() {
        let dictionary = array.as_any_dictionary();
        let words = piece(dictionary.values(), reading);
        let keys = dictionary.keys();
        // without values there are no keys to normalize, and every row is missing
        let codes =
            if dictionary.values().is_empty() { vec![0; keys.len()] } else { dictionary.normalized_keys() };
        let known = !dictionary.values().is_empty();
        return spelt_out(
            &words,
            codes.into_iter().enumerate().map(|(row, code)| (known && keys.is_valid(row)).then_some(code)),
        );
    }
    match reading {
        Reading::Number => numbers_of(array),
        Reading::Duration { per_second } => RawCells::Number(units_of(array, per_second)),
        Reading::Date { per_day } => RawCells::Date(units_of(array, per_day)),
        Reading::Decimal { scale } => decimals_of(array, scale),
        Reading::Boolean => RawCells::Boolean(array.as_boolean().iter().collect()),
        Reading::Text => RawCells::Text(match array.data_type() {
            DataType::LargeUtf8 => texts(array.as_string::<i64>().iter()),
            DataType::Utf8View => texts(array.as_string_view().iter()),
            _ => texts(array.as_string::<i32>().iter()),
        }),
        Reading::Time { digits } => times_of(array, digits),
    }
}

fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Cells {
    texts.map(|text| text.map_or("", str::trim)).collect()
}

/// The cells that codes stand for.
fn spelt_out(words: &RawCells, codes: impl Iterator<Item = Option<usize>>) -> RawCells {
    let number = |words: &[f64], code: Option<usize>| code.map_or(f64::NAN, |code| words[code]);
    match words {
        RawCells::Text(words) | RawCells::Literal(words) => {
            RawCells::Text(codes.map(|code| code.map_or("", |code| words.get(code))).collect())
        }
        RawCells::Number(words) => RawCells::Number(codes.map(|code| number(words, code)).collect()),
        RawCells::Date(words) | RawCells::Instant(words) => {
            RawCells::Date(codes.map(|code| number(words, code)).collect())
        }
        RawCells::Decimal(words) => spelt_out(&RawCells::Text(words.to_cells()), codes),
        RawCells::Boolean(words) => RawCells::Boolean(codes.map(|code| words[code?]).collect()),
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

/// Every value of an array through `to`; `missing` where there is none.
fn all<T: ArrowPrimitiveType, V: Clone>(array: &ArrayRef, missing: V, to: impl Fn(T::Native) -> V) -> Vec<V> {
    array.as_primitive::<T>().iter().map(|value| value.map_or_else(|| missing.clone(), &to)).collect()
}

/// A column of numbers. Written out here, because Arrow's general `cast` is the largest of its crates.
fn numbers_of(array: &ArrayRef) -> RawCells {
    const NAN: f64 = f64::NAN;
    RawCells::Number(match array.data_type() {
        DataType::Int8 => all::<Int8Type, _>(array, NAN, f64::from),
        DataType::Int16 => all::<Int16Type, _>(array, NAN, f64::from),
        DataType::Int32 => all::<Int32Type, _>(array, NAN, f64::from),
        DataType::UInt8 => all::<UInt8Type, _>(array, NAN, f64::from),
        DataType::UInt16 => all::<UInt16Type, _>(array, NAN, f64::from),
        DataType::UInt32 => all::<UInt32Type, _>(array, NAN, f64::from),
        DataType::Int64 => return whole_numbers::<Int64Type>(array, i64::unsigned_abs, |x| x as f64),
        DataType::UInt64 => return whole_numbers::<UInt64Type>(array, |x| x, |x| x as f64),
        // NaN counts as missing, as in text
        DataType::Float16 => all::<Float16Type, _>(array, NAN, f64::from),
        DataType::Float32 => all::<Float32Type, _>(array, NAN, f64::from),
        DataType::Float64 => all::<Float64Type, _>(array, NAN, |x| x),
        // `Null`, and nothing else that `reading` lets through
        _ => vec![NAN; array.len()],
    })
}

/// Whole numbers; their digits where f64 does not hold them all.
fn whole_numbers<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    size: impl Fn(T::Native) -> u64,
    to: impl Fn(T::Native) -> f64,
) -> RawCells
where
    T::Native: ToString,
{
    if array.as_primitive::<T>().iter().flatten().all(|value| size(value) <= EXACT) {
        RawCells::Number(all::<T, _>(array, f64::NAN, to))
    } else {
        RawCells::Text(
            all::<T, _>(array, String::new(), |value| value.to_string()).iter().map(String::as_str).collect(),
        )
    }
}

/// Decimals; their digits where f64 does not hold them all.
fn decimals_of(array: &ArrayRef, scale: i8) -> RawCells {
    fn of<T: DecimalType>(array: &ArrayRef, scale: i8) -> RawCells
    where
        T::Native: ToString,
    {
        let texts =
            all::<T, _>(array, String::new(), |value| T::format_decimal(value, T::MAX_PRECISION, scale));
        let exact = texts.iter().all(|text| {
            text.bytes().filter(u8::is_ascii_digit).skip_while(|&byte| byte == b'0').count()
                <= EXACT_DIGITS as usize
        });
        if exact {
            // the nearest number, as it is read from text
            RawCells::Number(texts.iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect())
        } else {
            RawCells::Text(texts.iter().map(String::as_str).collect())
        }
    }
    match array.data_type() {
        DataType::Decimal32(..) => of::<Decimal32Type>(array, scale),
        DataType::Decimal64(..) => of::<Decimal64Type>(array, scale),
        DataType::Decimal128(..) => of::<Decimal128Type>(array, scale),
        _ => of::<Decimal256Type>(array, scale),
    }
}

/// Dates and durations, from so many units in one of ours.
fn units_of(array: &ArrayRef, units: f64) -> Vec<f64> {
    const NAN: f64 = f64::NAN;
    let whole = |x: i64| x as f64 / units;
    match array.data_type() {
        DataType::Date32 => all::<Date32Type, _>(array, NAN, |x| f64::from(x) / units),
        DataType::Date64 => all::<Date64Type, _>(array, NAN, whole),
        DataType::Timestamp(TimeUnit::Second, _) => all::<TimestampSecondType, _>(array, NAN, whole),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            all::<TimestampMillisecondType, _>(array, NAN, whole)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            all::<TimestampMicrosecondType, _>(array, NAN, whole)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => all::<TimestampNanosecondType, _>(array, NAN, whole),
        DataType::Duration(TimeUnit::Second) => all::<DurationSecondType, _>(array, NAN, whole),
        DataType::Duration(TimeUnit::Millisecond) => all::<DurationMillisecondType, _>(array, NAN, whole),
        DataType::Duration(TimeUnit::Microsecond) => all::<DurationMicrosecondType, _>(array, NAN, whole),
        _ => all::<DurationNanosecondType, _>(array, NAN, whole),
    }
}

/// Times of day as a CSV file has them.
fn times_of(array: &ArrayRef, digits: u32) -> RawCells {
    let text = |units: i64| {
        let (seconds, rest) = (units.div_euclid(10i64.pow(digits)), units.rem_euclid(10i64.pow(digits)));
        let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if rest != 0 {
            let fraction = format!(".{rest:0width$}", width = digits as usize);
            text.push_str(fraction.trim_end_matches('0'));
        }
        text
    };
    let short = |units: i32| text(i64::from(units));
    let texts = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => all::<Time32SecondType, _>(array, String::new(), short),
        DataType::Time32(_) => all::<Time32MillisecondType, _>(array, String::new(), short),
        DataType::Time64(TimeUnit::Microsecond) => {
            all::<Time64MicrosecondType, _>(array, String::new(), text)
        }
        _ => all::<Time64NanosecondType, _>(array, String::new(), text),
    };
    RawCells::Text(texts.iter().map(String::as_str).collect())
}
