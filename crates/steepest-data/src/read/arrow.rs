//! From Arrow's arrays to cells: what Parquet and Arrow files share.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

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

impl Gathered {
    pub(super) fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| {
            reading(field.data_type())
                .map(|reading| (reading, piece(&arrow_array::new_empty_array(field.data_type()), reading)))
        });
        Self { columns: columns.collect(), schema, rows: 0 }
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            if let Some((reading, cells)) = column {
                append(cells, piece(array, *reading), *reading);
            }
        }
    }

    /// The table. Columns of lists, structures, bytes and the like are left out with a note.
    pub(super) fn into_raw(self, path: &Path) -> Result<RawTable> {
        if self.rows == 0 {
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

thread_local! {
    /// Whether a panic of this thread is expected and says nothing to the user.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder that panics on some damaged files; nothing of it outlives the attempt, and nothing is
/// printed.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    QUIET.set(false);
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let reason = format!("its reader gave up: {}", said.unwrap_or("no reason given"));
        Err(Error::Damaged { path: path.to_owned(), reason })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// The hook goes around the one that is there at the first call: no other test of this crate's own calls it.
    #[test]
    fn a_panic_of_a_decoder_is_damage_and_prints_nothing() {
        let here = std::thread::current().id();
        let said = Arc::new(AtomicUsize::new(0));
        let (usual, counted) = (std::panic::take_hook(), said.clone());
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == here {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            usual(panic);
        }));
        let outcome = guarded(Path::new("t.parquet"), || -> Result<()> { panic!("no such {}", "page") });
        let Err(Error::Damaged { reason, .. }) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("no such page"), "{reason}");
        assert_eq!(said.load(Ordering::Relaxed), 0);
    }
}
