//! Numbers as people write them: with a decimal point or comma, thousands in groups, signs, currencies, per cent.

use crate::written::{Decimal, Notation, Thousands};

/// A way to read marks. All that there are, in the order in which they are preferred where they read the same.
pub(super) const READINGS: [(Decimal, Option<Thousands>); 8] = [
    (Decimal::Point, None),
    (Decimal::Point, Some(Thousands::Comma)),
    (Decimal::Point, Some(Thousands::Blank)),
    (Decimal::Point, Some(Thousands::Apostrophe)),
    (Decimal::Comma, None),
    (Decimal::Comma, Some(Thousands::Point)),
    (Decimal::Comma, Some(Thousands::Blank)),
    (Decimal::Comma, Some(Thousands::Apostrophe)),
];

/// A cell taken apart: sign and unit aside, its digits and the marks between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Digits<'a> {
    pub(super) negative: bool,
    /// Digits with marks between them, at least one digit.
    body: &'a str,
    /// `e5`, or nothing.
    exponent: &'a str,
    /// A currency, or `%`.
    pub(super) unit: Option<&'a str>,
}

const CURRENCIES: [&str; 22] = [
    "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₪", "฿", "₫", "₴", "zł", "kr", "R$", "US$", "USD", "EUR", "GBP",
    "CHF", "JPY", "Fr.",
];

/// Takes a unit or a sign off one end of `text`, with the blanks beside it.
fn strip_unit(text: &str, behind: bool) -> Option<(&str, &str)> {
    let strip = |unit: &'static str| {
        let rest = if behind { text.strip_suffix(unit) } else { text.strip_prefix(unit) }?;
        let rest = if behind { rest.trim_end() } else { rest.trim_start() };
        // "kr" behind a letter is the end of a word
        let touches = if behind { rest.chars().next_back() } else { rest.chars().next() };
        (!touches.is_some_and(char::is_alphabetic)).then_some((rest, unit))
    };
    // the longest first: R$ before $
    let currency = CURRENCIES.iter().filter_map(|unit| strip(unit)).max_by_key(|(_, unit)| unit.len());
    currency.or_else(|| strip("%"))
}

impl<'a> Digits<'a> {
    /// Takes a trimmed cell apart; `None` if it is no number in any notation.
    pub(super) fn of(cell: &'a str) -> Option<Self> {
        // longer ones are no numbers that anybody reads, and the value is put together in a small buffer
        if cell.len() > LONGEST || !cell.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Swiss prices without Rappen: 5.-
        let cell = [".-", ".\u{2013}", ".\u{2014}", ",-"]
            .iter()
            .find_map(|end| cell.strip_suffix(end))
            .unwrap_or(cell);
        let (mut text, mut negative, mut signed, mut unit) = (cell, false, false, None);
        // sign and unit come in both orders, at both ends: -$5, $-5, 5 €, 5-
        loop {
            if let (Some(inside), false) =
                (text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')), signed)
            {
                (text, negative, signed) = (inside.trim(), true, true);
            }
            let first = text.chars().next()?;
            let last = text.chars().next_back()?;
            if let ('+' | '-' | '\u{2212}' | '\u{2010}' | '\u{2013}' | '\u{ff0d}', false) = (first, signed) {
                (text, negative, signed) = (text[first.len_utf8()..].trim_start(), first != '+', true);
            } else if let ('-' | '\u{2212}', false) = (last, signed) {
                (text, negative, signed) = (text[..text.len() - last.len_utf8()].trim_end(), true, true);
            } else if first.is_ascii_digit() && last.is_ascii_digit() || unit.is_some() {
                break;
            } else if let Some((rest, found)) = strip_unit(text, false).or_else(|| strip_unit(text, true)) {
                (text, unit) = (rest, Some(found));
            } else {
                break;
            }
        }
        let (body, exponent) = match text.find(['e', 'E']) {
            Some(at) if at > 0 => text.split_at(at),
            _ => (text, ""),
        };
        let plain_exponent = exponent.is_empty() || {
            let digits = exponent[1..].trim_start_matches(['+', '-']);
            exponent.len() - digits.len() <= 2 && is_digits(digits) && digits.len() < 5
        };
        let known = body.chars().all(|c| c.is_ascii_digit() || mark(c).is_some());
        let ends_well = body.ends_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        let starts_well = body.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        let has_digit = body.bytes().any(|byte| byte.is_ascii_digit());
        (plain_exponent && known && starts_well && ends_well && has_digit).then_some(Self {
            negative,
            body,
            exponent,
            unit,
        })
    }

    /// Whether there is a mark that could be read in two ways.
    pub(super) fn has_point_or_comma(&self) -> bool {
        self.body.contains(['.', ','])
    }

    /// Whether some digit is not 0.
    pub(super) fn is_not_zero(&self) -> bool {
        self.body.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
    }

    /// Whether there are digits alone, and at least four of them before any exponent.
    pub(super) fn is_bare_thousand(&self) -> bool {
        is_digits(self.body) && self.body.len() >= 4 && !self.body.starts_with('0')
    }

    /// Whether the cell has one mark and reads both as a fraction of three digits and as thousands: `1.500`, `12,345`.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.split(Decimal::Point, Some(Thousands::Comma)).is_some()
            && self.split(Decimal::Comma, Some(Thousands::Point)).is_some()
            && self.has_point_or_comma()
    }

    /// Whole and fraction, if the cell reads so: at most one decimal mark, and thousands in groups of three all the way.
    fn split(&self, decimal: Decimal, thousands: Option<Thousands>) -> Option<(&'a str, &'a str)> {
        let point = if decimal == Decimal::Point { '.' } else { ',' };
        let (whole, fraction) = self.body.split_once(point).unwrap_or((self.body, ""));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some((whole, fraction));
        }
        // nobody writes 1,500e3 for a million and a half: before an exponent stands a fraction
        let thousands = thousands.filter(|_| self.exponent.is_empty())?;
        let mut groups = whole.split(|c| mark(c) == Some(thousands));
        let first = groups.next()?;
        let well = is_digits(first) && first.len() <= 3 && !first.starts_with('0');
        let mut rest: Vec<&str> = groups.collect();
        let of = |group: &&str, digits: usize| group.len() == digits && is_digits(group);
        let last_of_three = rest.pop().is_some_and(|group| of(&group, 3));
        // India has lakhs and crores: 12,34,567
        let lakhs = thousands == Thousands::Comma && first.len() <= 2 && !rest.is_empty();
        let groups_fit =
            rest.iter().all(|group| of(group, 3)) || (lakhs && rest.iter().all(|group| of(group, 2)));
        (well && last_of_three && groups_fit).then_some((whole, fraction))
    }

    /// Which of [`READINGS`] read the cell, as bits.
    pub(super) fn readings(&self) -> u8 {
        READINGS.iter().enumerate().fold(0, |bits, (bit, &(decimal, thousands))| {
            bits | u8::from(self.split(decimal, thousands).is_some()) << bit
        })
    }

    /// The marks that this reading finds in the cell.
    pub(super) fn notation(&self, decimal: Decimal, thousands: Option<Thousands>) -> Option<Notation> {
        let (whole, _) = self.split(decimal, thousands)?;
        let has_fraction = whole.len() < self.body.len();
        Some(Notation {
            decimal: has_fraction.then_some(decimal),
            thousands: thousands.filter(|_| !whole.bytes().all(|byte| byte.is_ascii_digit())),
            places: None,
            percent: self.unit == Some("%"),
        })
    }

    /// The value and the number as everyone writes it, without sign: `1500.25`. `buffer` is for the text.
    pub(super) fn value(
        &self,
        decimal: Decimal,
        thousands: Option<Thousands>,
        buffer: &mut String,
    ) -> Option<f64> {
        let (whole, fraction) = self.split(decimal, thousands)?;
        buffer.clear();
        buffer.extend(whole.chars().filter(char::is_ascii_digit));
        if !fraction.is_empty() {
            buffer.push('.');
            buffer.push_str(fraction);
        }
        buffer.push_str(self.exponent);
        let value: f64 = buffer.parse().ok()?;
        Some(if self.negative { -value } else { value })
    }
}

/// Whether a cell is a number in some notation.
pub(crate) fn is_marked_number(cell: &str) -> bool {
    Digits::of(cell.trim()).is_some_and(|digits| digits.readings() != 0)
}

/// Cells that are longer are no numbers.
const LONGEST: usize = 64;

/// The mark that a character is.
fn mark(c: char) -> Option<Thousands> {
    Some(match c {
        ',' => Thousands::Comma,
        '.' => Thousands::Point,
        // blank, no-break, thin, narrow no-break, figure
        ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2007}' => Thousands::Blank,
        '\'' | '\u{2019}' => Thousands::Apostrophe,
        _ => return None,
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, decimal: Decimal, thousands: Option<Thousands>) -> Option<f64> {
        Digits::of(cell)?.value(decimal, thousands, &mut String::new())
    }

    #[test]
    fn marks_signs_and_units() {
        use Decimal::{Comma, Point};
        for (cell, decimal, thousands, value) in [
            ("1,500", Point, Some(Thousands::Comma), 1500.0),
            ("1,500", Comma, None, 1.5),
            ("1.299,99", Comma, Some(Thousands::Point), 1299.99),
            ("1,234,567.5", Point, Some(Thousands::Comma), 1_234_567.5),
            ("1 234,5", Comma, Some(Thousands::Blank), 1234.5),
            ("1\u{a0}234", Point, Some(Thousands::Blank), 1234.0),
            ("1\u{202f}234,5", Comma, Some(Thousands::Blank), 1234.5),
            ("1'234.50", Point, Some(Thousands::Apostrophe), 1234.5),
            ("\u{2212}3.5", Point, None, -3.5),
            ("(11.84)", Point, None, -11.84),
            ("($1,200)", Point, Some(Thousands::Comma), -1200.0),
            ("$(1,234.50)", Point, Some(Thousands::Comma), -1234.5),
            ("12,34,567", Point, Some(Thousands::Comma), 1_234_567.0),
            ("-$5", Point, None, -5.0),
            ("$-5", Point, None, -5.0),
            ("$ 5.25", Point, None, 5.25),
            ("12,5 €", Comma, None, 12.5),
            ("EUR 12", Point, None, 12.0),
            ("R$ 7", Point, None, 7.0),
            ("45 %", Point, None, 45.0),
            ("-45%", Point, None, -45.0),
            ("11.84-", Point, None, -11.84),
            ("5.-", Point, None, 5.0),
            ("\u{2013}5", Point, None, -5.0),
            (".5", Point, None, 0.5),
            ("5.", Point, None, 5.0),
            (",5", Comma, None, 0.5),
            ("+1e-3", Point, None, 1e-3),
            ("1,5e3", Comma, None, 1500.0),
        ] {
            assert_eq!(read(cell, decimal, thousands), Some(value), "{cell:?}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for cell in [
            "", "-", "12O.5", "0.7l", "1e", "e5", "1-2", "--5", "(-5)", "5kg", "1.2.3.4.", "$", "%", "1''5",
            " ", "1_000", "0x10", "12 34", "5 6", "inf", "5kr.", "+-1", "1e5e5", "1,2,3", "(5", "٣",
        ] {
            let all: Vec<f64> = READINGS.iter().filter_map(|&(d, t)| read(cell, d, t)).collect();
            assert!(all.is_empty(), "{cell:?} {all:?}");
        }
    }

    #[test]
    fn groups_are_of_three() {
        for (cell, bits) in [
            ("1500", 0b1111_1111),
            ("1,500", 0b1111_0010),
            ("1,50", 0b1111_0000),
            ("0,500", 0b1111_0000),
            ("1234,500", 0b1111_0000),
            ("1,234,567", 0b0000_0010),
            ("1.234.567", 0b0010_0000),
            ("1.299,99", 0b0010_0000),
            ("1,299.99", 0b0000_0010),
            ("1 234", 0b0100_0100),
            ("1,23,456", 0b0000_0010),
            ("1,23,45", 0),
            ("1.23.456", 0),
        ] {
            assert_eq!(Digits::of(cell).map_or(0, |digits| digits.readings()), bits, "{cell}");
        }
        assert!(Digits::of("12,345").unwrap().is_ambiguous());
        assert!(!Digits::of("0.500").unwrap().is_ambiguous());
        assert!(!Digits::of("1500").unwrap().is_ambiguous());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,20}") {
            if let Some(digits) = Digits::of(&text) {
                for (decimal, thousands) in READINGS {
                    let _ = digits.value(decimal, thousands, &mut String::new());
                }
            }
        }

        #[test]
        fn a_number_reads_as_rust_reads_it(value in proptest::prelude::any::<f32>()) {
            let text = format!("{value:?}");
            if value.is_finite() {
                proptest::prop_assert_eq!(read(&text, Decimal::Point, None), Some(text.parse::<f64>().unwrap()));
            }
        }
    }
}
