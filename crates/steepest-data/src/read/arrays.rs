//! From Arrow's arrays to cells.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::raw::{Cells, RawCells};

/// The largest whole number up to which f64 holds all of them.
const EXACT: u64 = 1 << 53;
/// Decimals of at most 15 digits survive f64.
const EXACT_DIGITS: u32 = 15;

/// How the type of an Arrow column becomes one of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
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

/// How columns of this type are read; `None` if they are not.
pub(super) fn reading(data_type: &DataType) -> Option<Reading> {
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

/// How long the texts of an array are all together: words of a dictionary, and views of one text, may stand in many rows.
pub(super) fn text_bytes(array: &ArrayRef) -> u64 {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value_data().len() as u64,
        DataType::LargeUtf8 => array.as_string::<i64>().value_data().len() as u64,
        DataType::Utf8View => array.as_string_view().lengths().map(u64::from).sum(),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let words = dictionary.values();
            if words.is_empty() {
                return 0;
            }
            let lengths: Vec<u64> = match words.data_type() {
                DataType::Utf8 => {
                    words.as_string::<i32>().offsets().lengths().map(|length| length as u64).collect()
                }
                DataType::LargeUtf8 => {
                    words.as_string::<i64>().offsets().lengths().map(|length| length as u64).collect()
                }
                DataType::Utf8View => words.as_string_view().lengths().map(u64::from).collect(),
                _ => return 0,
            };
            dictionary.normalized_keys().into_iter().map(|word| lengths[word]).sum()
        }
        _ => 0,
    }
}

/// The cells of an array.
pub(super) fn piece(array: &ArrayRef, reading: Reading) -> RawCells {
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
