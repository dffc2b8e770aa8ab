//! Plain decimals, which are most of all cells, held as numbers from which their text can be given back.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cells::Cells;
use super::memory::NUMBER_BYTES;

/// The most digits after the point: powers of ten up to here are exact in f64.
const MOST_AFTER_POINT: usize = 22;
/// The least of at most nine digits. Codes below this stand for other texts.
const LEAST: i32 = -999_999_999;

const POWERS: [f64; MOST_AFTER_POINT + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The most that a decimal takes here.
pub(super) const DECIMAL_BYTES: u64 = 5;

/// A number as its digits and how many of them stand after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    mantissa: i32,
    after_point: u8,
}

impl Decimal {
    /// Reads what [`push_text`](Self::push_text) writes, and nothing else: digits with at most a minus before
    /// and a point between them, without needless zeros before them.
    fn read(cell: &str) -> Option<Self> {
        let bytes = cell.as_bytes();
        let (negative, digits) = match bytes {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() > MOST_AFTER_POINT + 2 {
            return None;
        }
        let (mut mantissa, mut point) = (0u64, None);
        for (at, &byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
                b'.' if point.is_none() => point = Some(at),
                _ => return None,
            }
            if mantissa > LEAST.unsigned_abs() as u64 {
                return None;
            }
        }
        let whole = point.unwrap_or(digits.len());
        let after_point = digits.len() - whole - usize::from(point.is_some());
        let usual = whole > 0
            && (whole == 1 || digits[0] != b'0')
            && (point.is_none() || after_point > 0)
            && after_point <= MOST_AFTER_POINT
            && !(negative && mantissa == 0);
        usual.then(|| Self {
            mantissa: if negative { -(mantissa as i32) } else { mantissa as i32 },
            after_point: after_point as u8,
        })
    }

    /// The nearest number: both sides of the division are exact, and the division rounds once.
    fn value(self) -> f64 {
        f64::from(self.mantissa) / POWERS[usize::from(self.after_point)]
    }

    fn push_text(self, text: &mut String) {
        use std::fmt::Write;
        let (magnitude, after_point) = (self.mantissa.unsigned_abs(), usize::from(self.after_point));
        let sign = if self.mantissa < 0 { "-" } else { "" };
        // writing to a String does not fail
        let _ = if after_point == 0 {
            write!(text, "{sign}{magnitude}")
        } else {
            let digits = format!("{magnitude:0width$}", width = after_point + 1);
            let (whole, fraction) = digits.split_at(digits.len() - after_point);
            write!(text, "{sign}{whole}.{fraction}")
        };
    }
}

/// Cells of which most are plain decimals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decimals {
    /// For each cell its digits, or, below [`LEAST`], which of `others` it is.
    codes: Vec<i32>,
    after_point: AfterPoint,
    others: Vec<String>,
    /// The place in `others`.
    known: HashMap<String, u32>,
    /// Bytes of `others`.
    other_bytes: u64,
}

/// What stands behind the points of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fractions {
    /// Whether some number has a point.
    pub(crate) any: bool,
    /// Whether one has other than three digits behind it.
    pub(crate) other_than_three: bool,
    /// Whether two have not as many digits behind it.
    pub(crate) two_lengths: bool,
    /// Whether one ends in a zero behind it.
    pub(crate) end_in_zero: bool,
    /// Digits behind the point, where all have as many.
    pub(crate) places: Option<u8>,
}

/// Digits after the point, of each cell.
#[derive(Clone, Debug, Default)]
enum AfterPoint {
    /// No decimal yet.
    #[default]
    Unknown,
    /// As many everywhere.
    All(u8),
    Each(Vec<u8>),
}

impl Decimals {
    pub(crate) fn len(&self) -> usize {
        self.codes.len()
    }

    pub(super) fn push(&mut self, cell: &str) {
        let Some(decimal) = Decimal::read(cell) else {
            let place = match self.known.get(cell) {
                Some(&place) => place,
                None => {
                    let place = self.others.len() as u32;
                    self.others.push(cell.to_owned());
                    self.other_bytes += cell.len() as u64;
                    self.known.insert(cell.to_owned(), place);
                    place
                }
            };
            self.codes.push(i32::MIN + place as i32);
            if let AfterPoint::Each(each) = &mut self.after_point {
                each.push(0);
            }
            return;
        };
        self.push_decimal(decimal);
    }

    fn push_decimal(&mut self, Decimal { mantissa, after_point }: Decimal) {
        match &mut self.after_point {
            AfterPoint::Unknown => self.after_point = AfterPoint::All(after_point),
            AfterPoint::All(all) if *all == after_point => {}
            AfterPoint::All(all) => {
                let mut each = vec![*all; self.codes.len()];
                each.push(after_point);
                self.after_point = AfterPoint::Each(each);
            }
            AfterPoint::Each(each) => each.push(after_point),
        }
        self.codes.push(mantissa);
    }

    pub(super) fn pop(&mut self) {
        self.codes.pop();
        if let AfterPoint::Each(each) = &mut self.after_point {
            each.pop();
        }
    }

    pub(crate) fn extend(&mut self, more: &Decimals) {
        for row in 0..more.len() {
            match more.get(row) {
                Err(other) => self.push(other),
                Ok(decimal) => self.push_decimal(decimal),
            }
        }
    }

    /// The memory that these need, and what will be made of them, in bytes. Each of the others stands here twice, and is text
    /// once more if they are many.
    pub(super) fn needed(&self) -> u64 {
        self.codes.len() as u64 * (DECIMAL_BYTES + NUMBER_BYTES) + 4 * self.other_bytes
    }

    /// The decimal of a row, or the text that is none.
    fn get(&self, row: usize) -> Result<Decimal, &str> {
        let code = self.codes[row];
        if code < LEAST {
            return Err(&self.others[(code - i32::MIN) as usize]);
        }
        let after_point = match &self.after_point {
            AfterPoint::Unknown => 0,
            AfterPoint::All(all) => *all,
            AfterPoint::Each(each) => each[row],
        };
        Ok(Decimal { mantissa: code, after_point })
    }

    /// The cell of a row, as the file has it.
    pub(super) fn text(&self, row: usize) -> Cow<'_, str> {
        match self.get(row) {
            Err(other) => Cow::Borrowed(other),
            Ok(decimal) => {
                let mut text = String::new();
                decimal.push_text(&mut text);
                Cow::Owned(text)
            }
        }
    }

    /// Whether some cell is a plain decimal.
    pub(super) fn has_decimals(&self) -> bool {
        !matches!(self.after_point, AfterPoint::Unknown)
    }

    /// The distinct cells that are no plain decimals, in order of appearance; an empty one is missing.
    pub(crate) fn others(&self) -> &[String] {
        &self.others
    }

    /// What stands behind the points.
    pub(crate) fn fractions(&self) -> Fractions {
        let decimals = (0..self.len()).filter_map(|row| self.get(row).ok());
        let places = match self.after_point {
            AfterPoint::All(places) => Some(places).filter(|&places| places > 0),
            _ => None,
        };
        let none = Fractions { places, ..Fractions::default() };
        decimals.fold(none, |seen, Decimal { mantissa, after_point }| Fractions {
            places,
            any: seen.any || after_point > 0,
            other_than_three: seen.other_than_three || !matches!(after_point, 0 | 3),
            two_lengths: matches!(self.after_point, AfterPoint::Each(_)),
            end_in_zero: seen.end_in_zero || (after_point > 0 && mantissa % 10 == 0),
        })
    }

    /// The numbers, each the nearest to its text, and what `other` makes of a cell that is no plain decimal.
    pub(crate) fn to_f64(&self, mut other: impl FnMut(usize, &str) -> f64) -> Vec<f64> {
        let number = |row| match self.get(row) {
            Ok(decimal) => decimal.value(),
            Err(text) => other(row, text),
        };
        (0..self.len()).map(number).collect()
    }

    /// The cells as the file has them.
    pub(crate) fn to_cells(&self) -> Cells {
        let (mut cells, mut text) = (Cells::default(), String::new());
        for row in 0..self.len() {
            match self.get(row) {
                Ok(decimal) => {
                    text.clear();
                    decimal.push_text(&mut text);
                    cells.push(&text);
                }
                Err(other) => cells.push(other),
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(cells: &[&str]) -> Decimals {
        let mut decimals = Decimals::default();
        cells.iter().for_each(|cell| decimals.push(cell));
        decimals
    }

    #[test]
    fn what_is_held_as_a_number() {
        for cell in ["0", "7", "-1", "10", "1.50", "-0.25", "999999999", "0.000000001", "-12.3456789"] {
            assert!(Decimal::read(cell).is_some(), "{cell}");
        }
        for cell in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "007",
            "-0",
            "-0.0",
            "1e5",
            "1,5",
            "1000000000",
            "1.2.3",
            "--1",
            "1 ",
            "٣",
        ] {
            assert!(Decimal::read(cell).is_none(), "{cell}");
        }
    }

    proptest! {
        #[test]
        fn cells_come_back(cells in proptest::collection::vec("(-?[0-9]{1,10}(\\.[0-9]{0,12})?|[a-c]{0,2}|-|\\+1|1e3)", 0..40)) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let decimals = column(&cells);
            let texts = decimals.to_cells();
            prop_assert_eq!(texts.iter().collect::<Vec<_>>(), cells.clone());
            let numbers = decimals.to_f64(|_, text| text.parse().unwrap_or(f64::NAN));
            for (number, cell) in numbers.iter().zip(&cells) {
                prop_assert_eq!(number.to_bits(), cell.parse().unwrap_or(f64::NAN).to_bits(), "{}", cell);
            }
        }

        #[test]
        fn a_decimal_is_the_nearest_number(mantissa in -999_999_999i32..=999_999_999, after_point in 0..=22u8) {
            let decimal = Decimal { mantissa, after_point };
            let mut text = String::new();
            decimal.push_text(&mut text);
            prop_assert_eq!(decimal.value(), text.parse::<f64>().unwrap());
            prop_assert_eq!(Decimal::read(&text), Some(decimal));
        }
    }
}
