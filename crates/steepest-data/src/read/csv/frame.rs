//! What stands around a table in a file of text: comments, titles, a header, units; and its separator.

use std::path::Path;

use super::comment::Comment;
use super::scan::Cut;
use super::sniff::{Record, records, sniff, usual_width};
use crate::error::{list, shown};
use crate::read::memory::Budget;
use crate::read::options::ReadOptions;
use crate::typing::is_missing;

/// What begins a line that is no record, where the file begins with such lines.
const COMMENTS: [&str; 3] = ["#", "//", "%"];
/// The most lines of titles.
const MOST_TITLES: usize = 20;

/// How a file is to be read.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) delimiter: u8,
    /// What begins a line that is no record.
    pub(super) comment: Option<String>,
    /// Whether the first lines say so, and not the options.
    pub(super) comment_is_found: bool,
    /// The header, as it is written.
    pub(super) header: Option<Vec<String>>,
    /// Number of columns; `None` if the first record tells.
    pub(super) width: Option<usize>,
    /// The first line of the data.
    pub(super) first_line: u64,
    /// What was found, one sentence each.
    pub(super) notes: Vec<String>,
}

impl Frame {
    /// Finds out from the beginning of a file, which is the `whole` of it or not.
    pub(super) fn of(text: &str, whole: bool, options: &ReadOptions) -> Self {
        let mut frame = Frame { comment: options.comment.clone(), ..Frame::default() };
        let (mut text, mut line) = after_lines(text, options.skip_lines.unwrap_or(0), 1);
        let mut comment = None;
        if frame.comment.is_none() {
            comment = Comments::of(text, line);
            if let Some(Comments { prefix, rest, rest_line, .. }) = comment {
                (text, line) = (rest, rest_line);
                // the other two begin cells of many a table
                frame.comment = (prefix == "#").then(|| prefix.to_owned());
                frame.comment_is_found = true;
            }
        }
        let of = |delimiter| records(text, line, whole, delimiter, frame.comment());
        let (delimiter, mut records) = match options.delimiter {
            Some(delimiter) => (delimiter, of(delimiter)),
            None => sniff(text, of),
        };
        frame.delimiter = delimiter;
        if let Some(comments) = comment {
            match comments.header(delimiter, &records, options) {
                Some(header) => {
                    frame.notes.push(format!(
                        "line {} is the header, without the {:?} before it",
                        header.line, comments.prefix
                    ));
                    records.insert(0, header);
                    frame.comment = None;
                }
                None => frame.notes.push(comments.note()),
            }
        }
        if options.header != Some(false) && options.skip_lines.is_none() {
            frame.leave_out_titles(&mut records);
        }
        frame.find_header(&records, options);
        frame
    }

    /// How the records are cut.
    pub(super) fn cut<'a>(&'a self, path: &'a Path, budget: &'a Budget) -> Cut<'a> {
        Cut {
            path,
            delimiter: self.delimiter,
            comment: self.comment(),
            width: self.width,
            first_line: self.first_line,
            budget,
        }
    }

    /// What comment lines among the records begin with.
    pub(super) fn comment(&self) -> Option<Comment<'_>> {
        // every line begins with nothing, also the one behind the last
        let prefix = self.comment.as_deref().filter(|prefix| !prefix.is_empty());
        prefix.map(if self.comment_is_found { Comment::Found } else { Comment::Said })
    }

    /// Lines before the header that have a cell or two.
    fn leave_out_titles(&mut self, records: &mut Vec<Record>) {
        let width = usual_width(records);
        let is_title = |record: &&Record| {
            let (fields, filled) = (record.fields.len(), record.filled());
            let alone = filled == 1 && !record.fields[0].is_empty();
            filled == 0 || (fields < width && filled * 2 <= width) || (fields == width && alone)
        };
        let titles = records.iter().take_while(is_title).count();
        let Some(header) = records.get(titles) else { return };
        let padded = records[..titles].iter().any(|record| record.fields.len() == width);
        let known = header_of(&records[titles..]);
        let fits = width > 1
            && (1..=MOST_TITLES).contains(&titles)
            && header.fields.len() == width
            && header.filled() * 2 > width
            // in a line as wide as the table, a lone cell could be a row of it
            && (known == Header::Sure || (known == Header::Likely && !padded));
        if !fits {
            return;
        }
        for title in records.drain(..titles).filter(|title| title.filled() > 0) {
            let words = title.fields.join(" ");
            self.notes.push(format!("line {} is left out: {:?} is a title", title.line, shown(words.trim())));
        }
    }

    fn find_header(&mut self, records: &[Record], options: &ReadOptions) {
        let Some(first) = records.first() else { return };
        let header = options.header.unwrap_or_else(|| header_of(records) != Header::None);
        if options.header.is_none() && !header {
            self.notes.push("the first line looks like data, so the file has no header and its columns are called c1, c2, ..".to_owned());
        }
        if !header {
            self.first_line = first.line;
            return;
        }
        self.width = Some(first.fields.len());
        self.header = Some(first.fields.clone());
        self.first_line = first.next_line;
        if let (Some(found), Some(row)) = (units(records), records.get(1)) {
            self.notes.push(format!("line {} is left out: it holds units ({found})", row.line));
            self.first_line = row.next_line;
        }
    }
}

/// The text behind so many lines, and its line.
fn after_lines(text: &str, lines: usize, mut line: u64) -> (&str, u64) {
    let mut rest = text;
    for _ in 0..lines {
        let Some(end) = rest.find(['\n', '\r']) else { return ("", line + 1) };
        let pair = rest[end..].starts_with("\r\n");
        rest = &rest[end + 1 + usize::from(pair)..];
        line += 1;
    }
    (rest, line)
}

/// Comment lines at the beginning of a file.
#[derive(Clone, Copy)]
struct Comments<'a> {
    prefix: &'static str,
    count: usize,
    first_line: u64,
    /// The last of them, without its end.
    last: &'a str,
    last_line: u64,
    /// What follows them.
    rest: &'a str,
    rest_line: u64,
}

impl<'a> Comments<'a> {
    fn of(text: &'a str, line: u64) -> Option<Self> {
        let start = text.trim_start_matches(['\n', '\r']);
        let prefix = COMMENTS.into_iter().find(|prefix| start.starts_with(prefix))?;
        // a cell that holds the mark and nothing else is a name
        if start[prefix.len()..].starts_with([',', ';', '\t', '|']) {
            return None;
        }
        let mut found =
            Self { prefix, count: 0, first_line: 0, last: "", last_line: 0, rest: text, rest_line: line };
        while !found.rest.is_empty() {
            let (rest, rest_line) = after_lines(found.rest, 1, found.rest_line);
            let this = found.rest[..found.rest.len() - rest.len()].trim_end_matches(['\n', '\r']);
            if this.starts_with(prefix) {
                if found.count == 0 {
                    found.first_line = found.rest_line;
                }
                (found.last, found.last_line) = (this, found.rest_line);
                found.count += 1;
            } else if !this.is_empty() {
                break;
            }
            (found.rest, found.rest_line) = (rest, rest_line);
        }
        Some(found)
    }

    fn note(&self) -> String {
        let lines = if self.count == 1 { "line" } else { "lines" };
        let Self { count, first_line, prefix, .. } = self;
        format!(
            "{count} {lines} before the table, from line {first_line} on, begin with {prefix:?} and are left out"
        )
    }

    /// The last of them as the header, if that is what it is: it has a name for each column, and the line
    /// below it does not name them.
    fn header(&self, delimiter: u8, below: &[Record], options: &ReadOptions) -> Option<Record> {
        let text = self.last.strip_prefix(self.prefix)?;
        let record = records(text, self.last_line, true, delimiter, None).pop()?;
        let width = usual_width(below);
        let known = header_of(below);
        let close = !text.starts_with(char::is_whitespace);
        let fits = options.header != Some(false)
            && width > 1
            && record.fields.len() == width
            && record.filled() == width
            && (known == Header::None || (known == Header::Likely && close));
        fits.then_some(record)
    }
}

/// Whether the first record names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    None,
    /// Nothing says that it does not.
    Likely,
    /// It has words above numbers.
    Sure,
}

fn header_of(records: &[Record]) -> Header {
    let Some((first, below)) = records.split_first() else { return Header::None };
    let columns: Vec<Seen<'_>> =
        first.fields.iter().enumerate().map(|(index, name)| Seen::of(name, index, below)).collect();
    let numeric: Vec<&str> = match below {
        [] => first.fields.iter().map(String::as_str).collect(),
        _ => columns.iter().filter(|column| column.numbers).map(|column| column.name).collect(),
    };
    let numbers: Vec<f64> = numeric.iter().filter_map(|name| plain(name)).collect();
    let looks_like_data = numeric.iter().any(|name| is_number(name))
        && numeric.iter().all(|name| is_number(name) || (!name.is_empty() && is_missing(name)));
    if !looks_like_data || counts_up(&numbers) || names_are_whole_numbers(&columns) {
        // units may stand between the header and the numbers
        let words = columns.iter().any(|column| {
            column.numbers_after_next
                && !column.name.is_empty()
                && !is_number(column.name)
                && !is_missing(column.name)
        });
        return if words { Header::Sure } else { Header::Likely };
    }
    Header::None
}

/// A column as the sample has it.
struct Seen<'a> {
    /// What the first record has.
    name: &'a str,
    /// Whether all known cells below are numbers.
    numbers: bool,
    /// The same without the first of them.
    numbers_after_next: bool,
    /// Whether none of them is.
    words: bool,
    /// Whether most have a decimal point or comma.
    fractions: bool,
}

impl<'a> Seen<'a> {
    fn of(name: &'a str, index: usize, below: &'a [Record]) -> Self {
        let known = |below: &'a [Record]| {
            below.iter().filter_map(move |record| record.fields.get(index)).filter(|cell| !is_missing(cell))
        };
        let all = |below: &'a [Record], test: fn(&str) -> bool| {
            known(below).next().is_some() && known(below).all(|cell| test(cell))
        };
        let fractions = known(below).filter(|cell| cell.contains(['.', ','])).count();
        Self {
            name,
            numbers: all(below, is_number),
            numbers_after_next: all(below.get(1..).unwrap_or_default(), is_number),
            words: all(below, |cell| !is_number(cell)),
            fractions: fractions * 2 > known(below).count(),
        }
    }
}

/// Numbers that count up by one (0, 1, 2 as pandas writes for nameless columns; years) are names all the
/// same.
fn counts_up(numbers: &[f64]) -> bool {
    let begins_like_names =
        numbers.len() > 3 || numbers.first().is_some_and(|&n| n == 0.0 || (1500.0..2200.0).contains(&n));
    numbers.len() > 1 && begins_like_names && numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0)
}

/// Different whole numbers are names where they stand above words, or, as far apart each, above fractions.
fn names_are_whole_numbers(columns: &[Seen<'_>]) -> bool {
    let whole = |column: &Seen<'_>| {
        let digits = !column.name.is_empty() && column.name.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| plain(column.name)).flatten()
    };
    let Some(numbers) = columns.iter().map(whole).collect::<Option<Vec<f64>>>() else { return false };
    let mut sorted = numbers.clone();
    sorted.sort_by(f64::total_cmp);
    if columns.len() < 2 || sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return false;
    }
    let step = numbers[1] - numbers[0];
    let even = numbers.len() > 2 && step > 0.0 && numbers.windows(2).all(|pair| pair[1] - pair[0] == step);
    columns.iter().any(|column| column.words)
        || (even && columns.iter().all(|column| !column.numbers || column.fractions))
}

/// A number with a decimal point.
fn plain(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|value: &f64| !value.is_nan())
}

/// Whether a cell is a number, or a date or time in digits: what a header is unlikely to hold.
fn is_number(cell: &str) -> bool {
    let mark = |c: char| {
        c.is_ascii_digit() || c.is_whitespace() || "+-\u{2212}.,'/:%$\u{20ac}\u{a3}()\u{2019}".contains(c)
    };
    plain(cell).is_some() || (cell.contains(|c: char| c.is_ascii_digit()) && cell.chars().all(mark))
}

/// What the second record says in what unit each column is, if that is what it holds.
fn units(records: &[Record]) -> Option<String> {
    let [header, row, below @ ..] = records else { return None };
    if row.fields.len() != header.fields.len() {
        return None;
    }
    let (mut numeric, mut found) = (0, Vec::new());
    for (index, (name, cell)) in header.fields.iter().zip(&row.fields).enumerate() {
        let blank = cell.is_empty() || cell == "-";
        if !blank && !is_unit(cell) {
            return None;
        }
        if Seen::of(name, index, below).numbers {
            numeric += 1;
            if !blank {
                found.push(format!("{} in {}", shown(name), shown(cell)));
            }
        }
    }
    (!found.is_empty() && found.len() * 2 >= numeric).then(|| list(found.iter().map(String::as_str)))
}

/// Whether a cell is a unit: anything in brackets, or units of measure, currencies and shares, also as powers
/// and quotients.
fn is_unit(cell: &str) -> bool {
    const LONGEST: usize = 24;
    let bracketed = [('[', ']'), ('(', ')'), ('{', '}'), ('<', '>')]
        .iter()
        .any(|&(open, close)| cell.len() > 2 && cell.starts_with(open) && cell.ends_with(close));
    if bracketed {
        // a number in brackets is a negative one
        return cell.chars().count() <= LONGEST && !is_number(cell);
    }
    let mut parts =
        cell.split(['/', '*', '\u{b7}', '\u{22c5}', ' ']).filter(|part| !part.is_empty()).peekable();
    parts.peek().is_some()
        && parts.clone().any(|part| part != "1")
        && parts.all(|part| part == "1" || is_simple_unit(part))
}

fn is_simple_unit(part: &str) -> bool {
    const SCALED: [&str; 27] = [
        "m", "g", "s", "A", "K", "mol", "cd", "Hz", "N", "Pa", "J", "W", "C", "V", "F", "\u{3a9}", "S", "T",
        "H", "lm", "lx", "L", "l", "eV", "Wh", "bar", "cal",
    ];
    const PLAIN: [&str; 61] = [
        "min", "h", "hr", "hrs", "d", "day", "days", "week", "weeks", "month", "months", "yr", "year",
        "years", "sec", "hour", "hours", "%", "\u{2030}", "ppm", "ppb", "\u{b0}", "\u{b0}C", "\u{b0}F",
        "degC", "degF", "deg", "rad", "in", "inch", "ft", "yd", "mi", "mile", "miles", "lb", "lbs", "oz",
        "gal", "mph", "kph", "rpm", "psi", "dB", "pH", "ha", "t", "ohm", "USD", "EUR", "GBP", "CHF", "JPY",
        "$", "\u{20ac}", "\u{a3}", "B", "MB", "GB", "px", "count",
    ];
    const PREFIXES: [char; 14] =
        ['f', 'p', 'n', '\u{b5}', '\u{3bc}', 'u', 'm', 'c', 'd', 'h', 'k', 'M', 'G', 'T'];
    let unit = part.trim_end_matches(|c: char| "0123456789^-\u{b2}\u{b3}\u{b9}\u{207b}".contains(c));
    let scaled = unit.strip_prefix(PREFIXES).is_some_and(|rest| SCALED.contains(&rest));
    scaled || SCALED.contains(&unit) || PLAIN.contains(&unit)
}
