//! A table: a file's style and its columns, each with what its cells mean.

use std::fmt::Write as _;

use steepest_data::Kind;

use crate::chance::Chance;
use crate::file::{Encoding, Style};
use crate::{dates, numbers, texts};

/// What a cell means.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Missing,
    Number(f64),
    Text(String),
    Boolean(bool),
    /// Days since 1970-01-01 UTC, or a fraction of a day.
    Date(f64),
}

/// The known cells of a column.
pub struct Written {
    pub kind: Kind,
    /// What is special about the column; the first says how it is written.
    pub tags: Vec<&'static str>,
    /// The text and the meaning of each.
    pub cells: Vec<(String, Value)>,
}

/// The tag of columns that no reader can decide: refusing them is right, as is reading them as declared.
pub const AMBIGUOUS: &str = "ambiguous";

/// A column with its truth.
#[derive(Clone)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub tags: Vec<&'static str>,
    /// Whether quotes around texts go around these cells too.
    pub is_text: bool,
    pub cells: Vec<String>,
    pub truth: Vec<Value>,
}

impl Column {
    /// Whether a row has a value.
    pub fn is_known(&self, row: usize) -> bool {
        self.truth[row] != Value::Missing
    }

    /// Whether a refusal is right.
    pub fn is_ambiguous(&self) -> bool {
        self.tags.contains(&AMBIGUOUS)
    }
}

/// A table with its truth.
pub struct Table {
    /// All that it is a function of.
    pub number: u64,
    pub style: Style,
    pub columns: Vec<Column>,
}

/// What the numbers and dates of one file have in common. People and programs write a file in one
/// convention, so a reader may take what one column shows for the others.
pub struct Convention {
    pub separator: char,
    pub decimal: char,
    pub group: char,
    pub day_first: bool,
    /// Whether the encoding has U+2212 and U+202F, which Windows-1252 lacks.
    pub unicode: bool,
}

impl Convention {
    fn draw(chance: &mut Chance, separator: char, unicode: bool) -> Self {
        let decimal = match separator {
            ',' => chance.weighted(&[(5, '.'), (1, ',')]),
            ';' => chance.weighted(&[(1, '.'), (2, ',')]),
            _ => chance.pick(&['.', ',']),
        };
        let mark = if decimal == '.' { ',' } else { '.' };
        let mut groups = vec![(4, mark), (2, ' '), (2, '\u{a0}')];
        if unicode {
            groups.push((1, '\u{202f}'));
        }
        if decimal == '.' {
            groups.extend([(1, '\''), (1, '’')]);
        }
        let group = chance.weighted(&groups);
        Self { separator, decimal, group, day_first: chance.one_in(2), unicode }
    }
}

const NAMES: [&str; 25] = [
    "price",
    "width, mm",
    "city",
    "température",
    "Größe",
    "qty",
    "weight",
    "x1",
    "value",
    "Straße",
    "remarks",
    "señal",
    "level",
    "height (cm)",
    "batch",
    "zone",
    "Länge",
    "Fläche",
    "measure_b",
    "Origin",
    "kind of thing",
    "r²",
    "état",
    "code",
    "w",
];

/// Of those, the ones that can be dates in whole numbers too.
const NEUTRAL: [&str; 7] = ["city", "x1", "Straße", "señal", "zone", "Origin", "w"];
/// The names of dates in whole numbers.
const MOMENTS: [&str; 4] = ["timestamp", "created_at", "date", "event time"];

const ANYWHERE: [&str; 9] = ["", "NA", "N/A", "n/a", "NaN", "null", "NULL", "<NA>", "#N/A"];
const NO_TEXT: [&str; 6] = ["None", "-", "--", "?", ".", "#DIV/0!"];
const ZERO_DATE: &str = "0000-00-00";
const STRAYS: [&str; 6] = ["12O.5", "0.7l", "abc", "see note", "l2", "broken"];
/// Days that no calendar has.
const NO_DAYS: [&str; 3] = ["31.02.2023", "2023-02-30", "13/32/2023"];

impl Table {
    /// The table of this number.
    pub fn generate(number: u64) -> Self {
        let mut chance = Chance::new(number);
        let style = Style::draw(&mut chance);
        let convention =
            Convention::draw(&mut chance, style.separator, style.encoding != Encoding::Windows1252);
        let (rows, width) = (20 + chance.below(381), 2 + chance.below(11));
        let ambiguous = chance.one_in(12).then(|| chance.below(width));
        let accents = chance.below(width);
        let known = |chance: &mut Chance, index: usize, count: usize| {
            // an encoding of one byte cannot be told from ASCII without a letter beyond it
            if style.encoding == Encoding::Windows1252 && accents == index {
                return texts::accents(chance, count);
            }
            if ambiguous == Some(index) {
                // only a comma file's numbers are always decided
                return if style.separator != ',' && chance.one_in(2) {
                    numbers::ambiguous(chance, &convention, count)
                } else {
                    dates::ambiguous(chance, &convention, count)
                };
            }
            match chance.below(20) {
                0..9 => numbers::column(chance, &convention, count),
                9..15 => dates::column(chance, &convention, count),
                _ => texts::column(chance, count),
            }
        };
        let columns = columns(&mut chance, rows, width, false, known);
        Self { number, style, columns }
    }

    /// A table without anything that needs deciding: UTF-8, commas, decimal points, ISO dates, empty cells.
    pub fn plain(number: u64) -> Self {
        let mut chance = Chance::new(number);
        let (rows, width) = (60 + chance.below(100), 6);
        let known = |chance: &mut Chance, index: usize, count: usize| match index {
            0 => numbers::plain(chance, count, 2),
            1 => numbers::plain(chance, count, 0),
            2 => dates::plain(chance, count),
            3 => texts::accents(chance, count),
            4 => texts::booleans(chance, count),
            _ => numbers::plain(chance, count, 4),
        };
        let columns = columns(&mut chance, rows, width, true, known);
        Self { number, style: Style::plain(), columns }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns[0].cells.len()
    }

    /// The truth and the beginning of the text, for a person who looks into a failure.
    pub fn describe(&self) -> String {
        let mut text = format!("table {}, {} rows, {:?}\n", self.number, self.rows(), self.style);
        for column in &self.columns {
            let _ = write!(text, "  {:?}: {}, {}; ", column.name, column.kind, column.tags.join(", "));
            let pairs = column.cells.iter().zip(&column.truth).take(6);
            let shown: Vec<String> = pairs.map(|(cell, value)| format!("{cell:?} = {value:?}")).collect();
            let _ = writeln!(text, "{}", shown.join("; "));
        }
        for line in self.style.text(&self.columns).lines().take(8) {
            let _ = writeln!(text, "  | {line}");
        }
        text
    }
}

/// The spellings of missing that a column may have: those that cannot be meant as one of its values.
fn spellings(written: &Written) -> Vec<&'static str> {
    let mut spellings = ANYWHERE.to_vec();
    if written.kind == Kind::Category {
        spellings.extend(["-", "?"]);
        return spellings;
    }
    spellings.extend(NO_TEXT);
    if written.kind == Kind::Date {
        spellings.push("NaT");
    }
    if written.tags.contains(&dates::DASHES) {
        spellings.extend([ZERO_DATE; 4]);
    }
    spellings
}

/// Draws the columns. Where cells are missing or do not read is drawn first: what a column shows as a whole
/// must be shown by the cells that remain. In plain tables missing cells are empty and all others read.
fn columns(
    chance: &mut Chance,
    rows: usize,
    width: usize,
    is_plain: bool,
    known: impl Fn(&mut Chance, usize, usize) -> Written,
) -> Vec<Column> {
    let mut names = NAMES;
    chance.shuffle(&mut names);
    // in each row one column is known, so that no line is blank
    let kept: Vec<usize> = (0..rows).map(|_| chance.below(width)).collect();
    let column = |(index, name): (usize, &&str)| {
        // of a plain table the last column is the target, which must be known
        let rate = if chance.one_in(2) || is_plain && index + 1 == width { 0 } else { 1 + chance.below(20) };
        let is_missing: Vec<bool> =
            (0..rows).map(|row| chance.below(100) < rate && kept[row] != index).collect();
        let count = is_missing.iter().filter(|&&missing| !missing).count();
        let mut strays = 0;
        if !is_plain && chance.one_in(4) {
            strays = 1 + chance.below((count / 100).max(1));
        }
        let mut written = known(chance, index, count - strays);
        // in a category every text reads, and a column that is ambiguous has enough to it
        let has_strays =
            matches!(written.kind, Kind::Number | Kind::Date) && !written.tags.contains(&AMBIGUOUS);
        if strays > 0 && !has_strays {
            (strays, written) = (0, known(chance, index, count));
        }
        let spelling = if is_plain { "" } else { chance.pick(&spellings(&written)) };
        if is_missing.contains(&true) {
            written.tags.push(if spelling.is_empty() { "empty" } else { spelling });
        }
        if strays > 0 {
            written.tags.push("strays");
            // between the first and the last row: there they could be a row of units or of sums
            for place in chance.places(strays, count - strays - 1) {
                let has_no_day = written.kind == Kind::Date && chance.one_in(3);
                let stray = if has_no_day { chance.pick(&NO_DAYS) } else { chance.pick(&STRAYS) };
                written.cells.insert(place + 1, (stray.to_owned(), Value::Missing));
            }
        }
        let mut known = written.cells.into_iter();
        let hole = || (spelling.to_owned(), Value::Missing);
        let (cells, truth) = is_missing
            .iter()
            .map(|missing| if *missing { hole() } else { known.next().expect("a cell for each known row") })
            .unzip();
        let is_text = written.kind == Kind::Category;
        let needs_name = written.tags.iter().any(|tag| dates::LIKE_NUMBERS.contains(tag));
        let name = if needs_name && (!NEUTRAL.contains(name) || chance.one_in(2)) {
            format!("{} {index}", chance.pick(&MOMENTS))
        } else {
            (*name).to_owned()
        };
        Column { name, kind: written.kind, tags: written.tags, is_text, cells, truth }
    };
    names.iter().enumerate().take(width).map(column).collect()
}
