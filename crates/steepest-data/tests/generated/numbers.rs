//! Columns of numbers. A number is drawn as whole units of its last decimal, so that its decimal text, and
//! with it the nearest f64, is known exactly.

use steepest_data::Kind;

use crate::chance::Chance;
use crate::table::{AMBIGUOUS, Convention, Value, Written};

/// How a column writes its numbers.
#[derive(Clone, Copy, Debug)]
struct Writing {
    decimals: usize,
    /// Cut zeros at the end of decimals.
    is_shortest: bool,
    decimal: char,
    group: Option<char>,
    /// Write `.5` for a half.
    bare_point: bool,
    negative: Negative,
    has_plus: bool,
    unit: Option<Unit>,
    exponent: Option<Exponent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Negative {
    None,
    Hyphen,
    Minus,
    Parentheses,
}

#[derive(Clone, Copy, Debug)]
struct Unit {
    symbol: &'static str,
    is_before: bool,
    /// Between number and symbol.
    blank: &'static str,
    /// `-$5` or `$-5`.
    sign_first: bool,
}

#[derive(Clone, Copy, Debug)]
enum Exponent {
    /// `1.5e3`
    Short,
    /// `1.5E+03`
    Long,
}

impl Writing {
    fn text(&self, units: i64) -> String {
        let size = units.unsigned_abs();
        let number = match self.exponent {
            Some(exponent) => self.scientific(size, exponent),
            None => self.decimal(size),
        };
        let sign = match self.negative {
            _ if units > 0 && self.has_plus => "+",
            Negative::Hyphen if units < 0 => "-",
            Negative::Minus if units < 0 => "−",
            _ => "",
        };
        let text = match self.unit {
            Some(Unit { symbol, is_before: true, blank, sign_first: true }) => {
                format!("{sign}{symbol}{blank}{number}")
            }
            Some(Unit { symbol, is_before: true, blank, .. }) => format!("{symbol}{blank}{sign}{number}"),
            Some(Unit { symbol, blank, .. }) => format!("{sign}{number}{blank}{symbol}"),
            None => format!("{sign}{number}"),
        };
        if units < 0 && self.negative == Negative::Parentheses { format!("({text})") } else { text }
    }

    fn decimal(&self, size: u64) -> String {
        let digits = format!("{size:0width$}", width = self.decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.decimals);
        let mut text = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.extend(self.group);
            }
            text.push(digit);
        }
        let fraction = if self.is_shortest { fraction.trim_end_matches('0') } else { fraction };
        if !fraction.is_empty() {
            if self.bare_point && text == "0" {
                text.clear();
            }
            text.push(self.decimal);
            text.push_str(fraction);
        }
        text
    }

    fn scientific(&self, size: u64, exponent: Exponent) -> String {
        let digits = size.to_string();
        let power = digits.len() as i64 - 1 - self.decimals as i64;
        let (first, rest) = digits.split_at(1);
        let rest = if self.is_shortest { rest.trim_end_matches('0') } else { rest };
        let mut text = first.to_owned();
        if !rest.is_empty() {
            text.push(self.decimal);
            text.push_str(rest);
        }
        match exponent {
            Exponent::Short => format!("{text}e{power}"),
            Exponent::Long => format!("{text}E{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()),
        }
    }

    /// The f64 nearest to the decimal number.
    fn value(&self, units: i64) -> Value {
        Value::Number(format!("{units}e-{}", self.decimals).parse().expect("a decimal number"))
    }

    fn cell(&self, units: i64) -> (String, Value) {
        (self.text(units), self.value(units))
    }

    fn column(&self, tags: Vec<&'static str>, units: &[i64]) -> Written {
        let cells = units.iter().map(|&units| self.cell(units)).collect();
        Written { kind: Kind::Number, tags, cells }
    }
}

const PLAIN: Writing = Writing {
    decimals: 0,
    is_shortest: false,
    decimal: '.',
    group: None,
    bare_point: false,
    negative: Negative::Hyphen,
    has_plus: false,
    unit: None,
    exponent: None,
};

/// `count` numbers of up to `digits` digits, small ones as often as large ones.
fn draw(chance: &mut Chance, count: usize, digits: usize, with_negative: bool) -> Vec<i64> {
    let number = |_| {
        let bound = 10_usize.pow(1 + chance.below(digits) as u32);
        let size = chance.below(bound) as i64;
        if with_negative && chance.one_in(3) { -size } else { size }
    };
    (0..count).map(number).collect()
}

/// Numbers with this many decimals and nothing special.
pub fn plain(chance: &mut Chance, count: usize, decimals: usize) -> Written {
    let units = draw(chance, count, 6, true);
    Writing { decimals, ..PLAIN }.column(vec!["plain"], &units)
}

/// A column of a random way, decided by its own cells.
pub fn column(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    loop {
        let written = try_column(chance, convention, count);
        if !is_misread(&written, convention) {
            return written;
        }
    }
}

/// A column in which each mark could be a decimal point or stand between thousands, with what was meant.
pub fn ambiguous(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    let is_grouped = matches!(convention.group, ',' | '.') && chance.one_in(2);
    let mut writing = Writing { decimal: convention.decimal, negative: Negative::None, ..PLAIN };
    let bound = if is_grouped {
        writing.group = Some(convention.group);
        1_000_000
    } else {
        writing.decimals = 3;
        999_999
    };
    let units: Vec<i64> = (0..count).map(|_| chance.between(1_000, bound - 1)).collect();
    let written = writing.column(vec!["either mark", AMBIGUOUS], &units);
    assert!(is_undecided(&written), "meant to be undecidable");
    written
}

fn try_column(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    let mut writing = Writing { decimal: convention.decimal, ..PLAIN };
    let negatives: &[Negative] = match convention.unicode {
        true => &[Negative::None, Negative::Hyphen, Negative::Hyphen, Negative::Minus, Negative::Parentheses],
        false => &[Negative::None, Negative::Hyphen, Negative::Hyphen, Negative::Parentheses],
    };
    writing.negative = chance.pick(negatives);
    let mut tags = Vec::new();
    let mut digits = 2 + chance.below(6);
    match chance.below(18) {
        0 | 1 => {
            // at most 7 digits: 8 could be days, 10, 12 and 13 seconds
            tags.push("whole");
            if chance.one_in(5) {
                digits = 1;
            }
        }
        2 => return look_alikes(chance, count),
        3..6 => {
            tags.push("as many decimals");
            writing.decimals = 1 + chance.below(6);
        }
        6 | 7 => {
            tags.push("shortest");
            writing.decimals = 1 + chance.below(6);
            writing.is_shortest = true;
            writing.bare_point = chance.one_in(4);
            if writing.bare_point {
                tags.push("without zero before the mark");
            }
        }
        8..11 => {
            tags.push("thousands, whole");
            writing.group = Some(convention.group);
            digits = 4 + chance.below(5);
        }
        11..14 => {
            tags.push("thousands, decimals");
            writing.group = Some(convention.group);
            writing.decimals = 1 + chance.below(3);
            digits = 5 + writing.decimals + chance.below(3);
        }
        14 => return scientific(chance, writing, count),
        15 if chance.one_in(3) => return with_one_telling_cell(chance, convention, count),
        15 | 16 => return look_alikes(chance, count),
        _ => return with_two_spellings(chance, writing, count),
    }
    if let Some(group) = writing.group {
        tags.push(match group {
            ',' => "comma between thousands",
            '.' => "point between thousands",
            ' ' => "blank between thousands",
            '\'' | '’' => "apostrophe between thousands",
            _ => "no-break blank between thousands",
        });
    }
    if writing.decimals > 0 && writing.decimal == ',' {
        tags.push("decimal comma");
    }
    unit(chance, &mut writing, &mut tags);
    let has_negative = writing.negative != Negative::None;
    match writing.negative {
        Negative::Minus => tags.push("U+2212"),
        Negative::Parentheses => tags.push("parentheses"),
        Negative::Hyphen if chance.one_in(6) => {
            writing.has_plus = true;
            tags.push("plus");
        }
        _ => {}
    }
    let units = draw(chance, count, digits, has_negative);
    if is_loosely_grouped(chance, &writing, convention) {
        tags.push("thousands marked here and there");
        let bare = Writing { group: None, ..writing };
        let cell = |&units: &i64| if chance.one_in(3) { bare.cell(units) } else { writing.cell(units) };
        return Written { kind: Kind::Number, tags, cells: units.iter().map(cell).collect() };
    }
    writing.column(tags, &units)
}

/// Only where a comma cannot be a decimal mark may a column have `1,500` beside `1500`.
fn is_loosely_grouped(chance: &mut Chance, writing: &Writing, convention: &Convention) -> bool {
    writing.group == Some(',') && convention.separator == ',' && chance.one_in(6)
}

/// Plain whole numbers that could be taken for something else: truth values, days, moments, identifiers.
fn look_alikes(chance: &mut Chance, count: usize) -> Written {
    let (tag, low, high) = chance.pick(&[
        ("0 and 1", 0, 1),
        ("years", 1980, 2025),
        ("one number", 7, 7),
        ("8 digits, no days", 40_000_000, 99_999_999),
        ("10 digits, no seconds", 4_000_000_000, 9_999_999_999),
        ("15 digits", 100_000_000_000_000, 999_999_999_999_999),
    ]);
    let units: Vec<i64> = (0..count).map(|_| chance.between(low, high)).collect();
    PLAIN.column(vec![tag], &units)
}

/// Numbers with a mark before three digits, and one cell that shows what the mark is.
fn with_one_telling_cell(chance: &mut Chance, convention: &Convention, count: usize) -> Written {
    let mut writing = Writing { decimal: convention.decimal, negative: Negative::None, ..PLAIN };
    let is_grouped = matches!(convention.group, ',' | '.') && chance.one_in(2);
    if is_grouped {
        writing.group = Some(convention.group);
    } else {
        writing.decimals = 3;
    }
    let mut cells: Vec<_> = (0..count).map(|_| writing.cell(chance.between(1_000, 999_999))).collect();
    let (tag, telling) = match is_grouped {
        true => ("one cell has two groups", writing.cell(chance.between(1_000_000, 9_999_999))),
        false if chance.one_in(2) => {
            ("one cell has four digits before the mark", writing.cell(chance.between(1_000_000, 9_999_999)))
        }
        false => {
            let cell = Writing { decimals: 1, ..writing }.cell(chance.between(10, 9_999));
            ("one cell has one digit behind the mark", cell)
        }
    };
    cells[chance.below(count)] = telling;
    Written { kind: Kind::Number, tags: vec![tag], cells }
}

fn scientific(chance: &mut Chance, mut writing: Writing, count: usize) -> Written {
    if !matches!(writing.negative, Negative::None | Negative::Hyphen) {
        writing.negative = Negative::Hyphen;
    }
    writing.decimals = chance.below(12);
    writing.is_shortest = chance.one_in(2);
    writing.exponent = Some(chance.pick(&[Exponent::Short, Exponent::Long]));
    let mut tags = vec!["scientific"];
    if writing.decimal == ',' {
        tags.push("decimal comma");
    }
    let power = 10_i64.pow(2 + chance.below(5) as u32);
    // as many digits in all, so that a number has one spelling
    let units: Vec<i64> = (0..count)
        .map(|_| {
            let size = chance.between(power, 10 * power - 1);
            let is_negative = writing.negative == Negative::Hyphen && chance.one_in(3);
            if is_negative { -size } else { size }
        })
        .collect();
    writing.column(tags, &units)
}

/// Numbers of which one is spelled in two ways, while there are too many spellings for codes.
fn with_two_spellings(chance: &mut Chance, mut writing: Writing, count: usize) -> Written {
    if count < 110 {
        return look_alikes(chance, count);
    }
    writing.decimals = 2;
    writing.negative = Negative::None;
    let shortest = Writing { is_shortest: true, ..writing };
    // more than 64 spellings in any case
    let mut cells: Vec<_> = (0..count as i64).map(|row| writing.cell(100 + 10 * (row % 100))).collect();
    for place in chance.places(8, count) {
        cells[place] = shortest.cell(100 + 10 * (place as i64 % 100));
    }
    cells[0] = writing.cell(150);
    cells[1] = shortest.cell(150);
    chance.shuffle(&mut cells);
    Written { kind: Kind::Number, tags: vec!["two spellings, many numbers"], cells }
}

fn unit(chance: &mut Chance, writing: &mut Writing, tags: &mut Vec<&'static str>) {
    if !chance.one_in(4) {
        return;
    }
    let is_percent = chance.one_in(2);
    let symbol = if is_percent { "%" } else { chance.pick(&["$", "€", "€", "£"]) };
    let is_before = !is_percent && symbol != "€" || chance.one_in(3);
    let blank = if is_before { chance.pick(&["", "", " "]) } else { chance.pick(&["", " ", "\u{a0}"]) };
    writing.unit = Some(Unit { symbol, is_before, blank, sign_first: chance.one_in(2) });
    tags.push(match (is_percent, is_before) {
        (true, true) => "% before",
        (true, false) => "% behind",
        (false, true) => "currency before",
        (false, false) => "currency behind",
    });
}

/// Whether all cells with a mark have one mark, with one to three digits before it and three behind, and no
/// whole number of 1000 or more stands bare: then they could be thousands or decimals.
fn is_undecided(written: &Written) -> bool {
    let mut marks = Vec::new();
    for (text, _) in &written.cells {
        // a blank between digits is a mark, one beside a symbol is not
        let number =
            text.trim_matches(|character: char| !character.is_ascii_digit() && !",.".contains(character));
        if number.contains([' ', '\u{a0}', '\u{202f}', '\'', '’', 'e', 'E']) {
            return false;
        }
        match number.split_once([',', '.']) {
            None if number.len() > 3 => return false,
            None => {}
            Some((before, behind)) => {
                if before.is_empty() || before.len() > 3 || behind.len() != 3 || behind.contains([',', '.']) {
                    return false;
                }
                marks.push(if number.contains(',') { ',' } else { '.' });
            }
        }
    }
    marks.dedup();
    marks.len() == 1
}

/// Whether the column is one that a reader must refuse, or, in a comma file, takes for the other convention:
/// there a point is a decimal point and a comma stands between thousands as long as nothing else shows.
fn is_misread(written: &Written, convention: &Convention) -> bool {
    let is_usual = convention.decimal == '.' && convention.separator == ',';
    is_undecided(written) && !is_usual
}

#[test]
fn numbers_are_written_as_people_do() {
    let euro = Unit { symbol: "€", is_before: false, blank: " ", sign_first: true };
    let dollar = Unit { symbol: "$", is_before: true, blank: "", sign_first: true };
    let grouped = Writing { decimals: 2, decimal: ',', group: Some('.'), unit: Some(euro), ..PLAIN };
    assert_eq!(grouped.text(-123_456_789), "-1.234.567,89 €");
    assert_eq!(grouped.value(-123_456_789), Value::Number(-1_234_567.89));
    let cut = Writing { decimals: 3, is_shortest: true, bare_point: true, has_plus: true, ..PLAIN };
    assert_eq!([500, -1_250, 2_000, 0].map(|units| cut.text(units)), ["+.5", "-1.25", "+2", "0"]);
    let booked = Writing { decimals: 2, negative: Negative::Parentheses, unit: Some(dollar), ..PLAIN };
    assert_eq!(booked.text(-1_184), "($11.84)");
    let power = Writing { decimals: 6, exponent: Some(Exponent::Long), ..PLAIN };
    assert_eq!(power.cell(1_250), ("1.250E-03".to_owned(), Value::Number(0.00125)));
}

#[test]
fn undecided_columns_are_known() {
    let undecided = |texts: &[&str]| {
        let cells = texts.iter().map(|text| ((*text).to_owned(), Value::Missing)).collect();
        is_undecided(&Written { kind: Kind::Number, tags: vec![], cells })
    };
    assert!(undecided(&["1,500", "560", "-12,000"]));
    assert!(undecided(&["$1.500", "(2.750)", "7 %"]));
    for decided in [
        &["1,500", "1500"],
        &["1,500", "1,234,567"],
        &["1,500", "2,5"],
        &["1.299", "1.299,50"],
        &["12", "560"],
    ] {
        assert!(!undecided(decided), "{decided:?}");
    }
}
