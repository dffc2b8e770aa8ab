//! Codes that look like numbers: `07` and `7`, `1.10` and `1.1`, digits beyond what f64 holds.

use std::collections::{HashMap, HashSet};

/// A column with more spellings than this holds measurements, not codes.
const MOST_CODES: usize = 64;
/// How many spellings are kept while two of one number are looked for.
const MOST_KEPT: usize = 10_000;
/// Digits that f64 always holds.
const EXACT_DIGITS: usize = 15;

/// Why cells that read as numbers are codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The row of a cell such as `07`.
    LeadingZero(usize),
    /// The rows of two spellings of one number.
    TwoSpellings(usize, usize),
    /// The row of a whole number that f64 does not hold.
    TooLong(usize),
}

/// What the spellings of a column of numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spellings {
    /// Every number has one.
    Numbers,
    /// Numbers all the same, but these two rows spell one number in two ways, or this one is not held exactly.
    Doubtful(Code),
    /// Codes.
    Codes(Code),
}

/// Looks at numbers while they are read, at the cost of a glance each.
#[derive(Debug, Default)]
pub(super) struct Glance {
    known: usize,
    /// Cells with a zero before other digits: how many, and the row of the first.
    leading_zeros: (usize, usize),
    /// Whole numbers that f64 does not hold: how many, and the row of the first.
    too_long: (usize, usize),
    has_fractions: bool,
    /// Whether some number has an exponent, or more digits than f64 always holds.
    is_long: bool,
    /// Digits behind the point of the first number.
    decimals: Option<usize>,
    decimals_differ: bool,
    /// Whether some number has no digit before its point.
    bare_points: bool,
    /// Whether some number could be written shorter.
    could_be_shorter: bool,
}

/// A number as everyone writes it, without sign: its whole part, fraction and exponent.
fn parts(number: &str) -> (&str, &str, &str) {
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => number.split_at(at),
        None => (number, ""),
    };
    match mantissa.find('.') {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..], exponent),
        None => (mantissa, "", exponent),
    }
}

impl Glance {
    /// Takes in a number without sign and marks, such as `1500.25`.
    pub(super) fn at(&mut self, number: &str, value: f64, row: usize) {
        let count = |(seen, first): (usize, usize)| (seen + 1, if seen == 0 { row } else { first });
        self.known += 1;
        let (whole, fraction, exponent) = parts(number);
        if whole.len() > 1 && whole.starts_with('0') {
            self.leading_zeros = count(self.leading_zeros);
        }
        let is_whole = exponent.is_empty() && fraction.bytes().all(|digit| digit == b'0');
        if whole.len() > EXACT_DIGITS && is_whole && !is_exact(whole, value) {
            self.too_long = count(self.too_long);
        }
        self.has_fractions |= whole.len() < number.len();
        self.is_long |= !exponent.is_empty() || number.len() > EXACT_DIGITS;
        match self.decimals {
            None => self.decimals = Some(fraction.len()),
            Some(decimals) => self.decimals_differ |= decimals != fraction.len(),
        }
        self.bare_points |= whole.is_empty();
        self.could_be_shorter |= fraction.ends_with('0') || whole.is_empty() || !exponent.is_empty()
            // "5." is 5
            || (fraction.is_empty() && whole.len() < number.len());
    }

    /// Digits behind the point, where all numbers have as many, and so few that these digits are all there is to them.
    pub(super) fn places(&self) -> Option<u8> {
        let all_alike = !self.decimals_differ && !self.is_long && self.leading_zeros.0 == 0;
        self.decimals.filter(|&places| all_alike && places > 0).map(|places| places as u8)
    }

    /// Whether some number had a point or an exponent.
    pub(super) fn has_fractions(&self) -> bool {
        self.has_fractions
    }

    /// Decides. `spelled` gives the numbers again, each with its row, sign and spelling.
    pub(super) fn decide<I: Iterator<Item = (usize, f64, String)>>(
        &self,
        allowed_strays: usize,
        spelled: impl Fn() -> I,
    ) -> Spellings {
        let (zeros, row) = self.leading_zeros;
        // one zero too many among measurements is a slip
        if zeros > 0 && (!self.has_fractions || zeros > allowed_strays) {
            return Spellings::Codes(Code::LeadingZero(row));
        }
        let (long, row) = self.too_long;
        if long > allowed_strays || (long > 0 && long == self.known) {
            return Spellings::Codes(Code::TooLong(row));
        }
        if self.could_be_shorter
            && (self.decimals_differ || self.decimals == Some(0) || self.bare_points)
            && let found @ (Spellings::Codes(_) | Spellings::Doubtful(_)) = two_spellings(&spelled)
        {
            return found;
        }
        if long > 0 {
            return Spellings::Doubtful(Code::TooLong(row));
        }
        if zeros > 0 {
            Spellings::Doubtful(Code::LeadingZero(self.leading_zeros.1))
        } else {
            Spellings::Numbers
        }
    }
}

fn is_exact(digits: &str, value: f64) -> bool {
    let Ok(whole) = digits.parse::<u128>() else { return false };
    // as far as u128 goes, f64 goes too
    value.abs() as u128 == whole
}

fn two_spellings<I: Iterator<Item = (usize, f64, String)>>(spelled: &impl Fn() -> I) -> Spellings {
    // how often each occurs, and where first
    let mut seen: HashMap<String, (usize, usize, f64)> = HashMap::new();
    for (row, value, text) in spelled() {
        seen.entry(text).or_insert((0, row, value)).0 += 1;
        if seen.len() > MOST_CODES {
            break;
        }
    }
    if seen.len() > MOST_CODES {
        return among_many(spelled);
    }
    let mut by_value: Vec<(f64, usize, usize)> =
        seen.into_values().map(|(count, row, value)| (value, row, count)).collect();
    by_value.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let pairs = || by_value.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let both_repeat = pairs().find(|pair| pair[0].2 > 1 && pair[1].2 > 1);
    match (both_repeat, pairs().next()) {
        (Some(pair), _) => Spellings::Codes(Code::TwoSpellings(pair[0].1, pair[1].1)),
        (None, Some(pair)) => Spellings::Doubtful(Code::TwoSpellings(pair[0].1, pair[1].1)),
        (None, None) => Spellings::Numbers,
    }
}

/// Two spellings of one number among so many that they are numbers all the same.
fn among_many<I: Iterator<Item = (usize, f64, String)>>(spelled: &impl Fn() -> I) -> Spellings {
    let short = |text: &str| {
        let (whole, fraction, exponent) = parts(text);
        !fraction.ends_with('0') && !whole.is_empty() && exponent.is_empty() && !text.ends_with('.')
    };
    let mut long: HashSet<u64> = HashSet::new();
    let mut first: HashMap<u64, (usize, String)> = HashMap::new();
    for (_, value, text) in spelled() {
        if !short(&text) && long.len() < MOST_KEPT {
            long.insert(value.to_bits());
        }
    }
    for (row, value, text) in spelled().filter(|(_, value, _)| long.contains(&value.to_bits())) {
        let (other, before) = first.entry(value.to_bits()).or_insert_with(|| (row, text.clone()));
        if *before != text {
            return Spellings::Doubtful(Code::TwoSpellings(*other, row));
        }
    }
    Spellings::Numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(cells: &[&str]) -> Spellings {
        let mut glance = Glance::default();
        let read = |cell: &str| cell.parse::<f64>().unwrap();
        for (row, cell) in cells.iter().enumerate() {
            glance.at(cell.trim_start_matches('-'), read(cell), row);
        }
        let spelled = || cells.iter().enumerate().map(|(row, cell)| (row, read(cell), (*cell).to_owned()));
        glance.decide((cells.len() / 100).max(1), spelled)
    }

    #[test]
    fn codes_and_numbers() {
        use Spellings::{Codes, Doubtful, Numbers};
        assert_eq!(decide(&["7", "07", "7"]), Codes(Code::LeadingZero(1)));
        assert_eq!(decide(&["0", "10", "-5", "0.5"]), Numbers);
        assert_eq!(decide(&["1.1", "1.10", "1.1", "1.10"]), Codes(Code::TwoSpellings(0, 1)));
        assert_eq!(decide(&["1", "1.0", "1", "1.0"]), Codes(Code::TwoSpellings(0, 1)));
        assert_eq!(decide(&[".5", "0.5", ".5", "0.5"]), Codes(Code::TwoSpellings(0, 1)));
        assert_eq!(decide(&["1.1", "1.10", "1.1", "1.2"]), Doubtful(Code::TwoSpellings(0, 1)));
        assert_eq!(decide(&["1.10", "1.25", "2.00", "2.00"]), Numbers);
        assert_eq!(decide(&["10000000000000000001", "10000000000000000002"]), Codes(Code::TooLong(0)));
        assert_eq!(decide(&["9007199254740993.0", "9007199254740995.0"]), Codes(Code::TooLong(0)));
        // 2^53 and its double are held exactly
        assert_eq!(decide(&["9007199254740992", "18014398509481984"]), Numbers);
        // a zero too many among measurements
        assert_eq!(decide(&["1.5", "02.5", "3.25"]), Doubtful(Code::LeadingZero(1)));
        let many: Vec<String> = (0..70).map(|x| format!("{x}.5")).chain(["3.50".to_owned()]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(decide(&many), Doubtful(Code::TwoSpellings(3, 70)));
    }
}
