//! JSON lines: one object a line; and an array of objects.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::keep::Keep;
use super::limits::{MAX_COLUMNS, MAX_RECORD_BYTES};
use super::memory::{Budget, table_bytes};
use super::open::io_error;
use super::raw::{Cells, RawCells, RawColumn, RawTable};
use crate::error::{Error, Result, shown};

/// How much of what was found a message shows, in characters.
const SHOWN: usize = 40;

/// How much text is taken, or how many cells, before what they need is looked at.
const BETWEEN_CHECKS: u64 = 1 << 16;

/// Reads a table from lines that hold one object each. `path` is for messages only.
pub(super) fn read_lines(input: impl Read, path: &Path, budget: &Budget, keep: Keep<'_>) -> Result<RawTable> {
    let mut table = Objects::new(path, budget, keep);
    each_line(input, path, |text, line| {
        table.push(&without_nan(text_of(text, path, line)?.trim_ascii()), line)
    })?;
    table.into_raw()
}

/// How many lines hold something.
pub(super) fn count_lines(input: impl Read, path: &Path) -> Result<u64> {
    let mut count = 0;
    each_line(input, path, |_, _| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// Goes through the lines that are not blank.
fn each_line(input: impl Read, path: &Path, mut take: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
    let mut input = BufReader::with_capacity(1 << 18, input);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = input
            .by_ref()
            .take(MAX_RECORD_BYTES as u64 + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| io_error(path, error))?;
        if read == 0 {
            break;
        }
        if read > MAX_RECORD_BYTES {
            return Err(Error::RecordTooLong { path: path.to_owned(), line, limit: MAX_RECORD_BYTES });
        }
        let text = if line == 1 { without_mark(&bytes) } else { &bytes };
        if !text.trim_ascii().is_empty() {
            take(text, line)?;
        }
    }
    Ok(())
}

/// Reads a table from an array of objects, whose whole text is held meanwhile. `path` is for messages only.
pub(super) fn read_array(input: impl Read, path: &Path, budget: &Budget, keep: Keep<'_>) -> Result<RawTable> {
    let bytes = whole_text(input, path, budget)?;
    let text = &*array_text(&bytes, path)?;
    let objects = objects(text, path)?;
    let held = ARRAY_TEXTS * text.len() as u64 + OBJECT_BYTES * objects.len() as u64;
    budget.check_all(path, held)?;
    let mut table = Objects::new(path, budget, keep);
    table.held = held;
    let (mut line, mut counted) = (1, 0);
    for object in objects {
        // a raw value is a part of the text
        let start = object.get().as_ptr() as usize - text.as_ptr() as usize;
        line += text.as_bytes()[counted..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
        counted = start;
        table.push(object.get(), line)?;
    }
    table.into_raw()
}

/// How many objects an array has.
pub(super) fn count_array(input: impl Read, path: &Path, budget: &Budget) -> Result<u64> {
    let bytes = whole_text(input, path, budget)?;
    Ok(objects(&array_text(&bytes, path)?, path)?.len() as u64)
}

/// How many times the text of an array is held: as it grows, it has room for as much again.
const ARRAY_TEXTS: u64 = 2;
/// What an object takes before it is read, in a list that grows likewise.
const OBJECT_BYTES: u64 = 32;
/// The shortest object with a comma.
const SHORTEST_OBJECT: u64 = 3;

fn whole_text(mut input: impl Read, path: &Path, budget: &Budget) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let piece = input.by_ref().take(BETWEEN_CHECKS).read_to_end(&mut bytes);
        if piece.map_err(|error| io_error(path, error))? == 0 {
            break;
        }
        budget.check(path, ARRAY_TEXTS * bytes.len() as u64)?;
    }
    // the list of objects is made at once: where it could be too long, their beginnings tell
    let most = bytes.len() as u64 / SHORTEST_OBJECT * OBJECT_BYTES;
    if budget.check_all(path, ARRAY_TEXTS * bytes.len() as u64 + most).is_err() {
        let objects = memchr::memchr_iter(b'{', &bytes).count() as u64;
        budget.check_all(path, ARRAY_TEXTS * bytes.len() as u64 + objects * OBJECT_BYTES)?;
    }
    Ok(bytes)
}

fn objects<'t>(text: &'t str, path: &Path) -> Result<Vec<&'t RawValue>> {
    serde_json::from_str(text).map_err(|error| Error::Json {
        path: path.to_owned(),
        line: error.line() as u64,
        reason: reason(&error),
        expected: "an array of objects",
    })
}

/// The bytes of a file without a byte order mark.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// The whole text of an array.
fn array_text<'a>(bytes: &'a [u8], path: &Path) -> Result<Cow<'a, str>> {
    Ok(without_nan(text_of(without_mark(bytes), path, 1)?))
}

/// The bytes from a line on as text.
fn text_of<'a>(bytes: &'a [u8], path: &Path, line: u64) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = line + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        Error::NotUtf8 { path: path.to_owned(), line, column }
    })
}

/// JSON has no NaN, but Python writes it: here it is a missing value, as everywhere else.
fn without_nan(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest, mut quoted, mut escaped) =
        (String::with_capacity(text.len()), text, false, false);
    while let Some(c) = rest.chars().next() {
        if !quoted && let Some(behind) = rest.strip_prefix("NaN") {
            out.push_str("null");
            rest = behind;
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

/// What was wrong, without serde_json's own count of lines, which begins anew with each object.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// Gathers a column for each key.
struct Objects<'p> {
    path: &'p Path,
    budget: &'p Budget,
    keep: Keep<'p>,
    columns: Vec<Keyed>,
    by_name: HashMap<String, usize>,
    lines: Vec<u32>,
    /// Objects so far, kept or not.
    seen: u64,
    /// What is held beside the columns, in bytes.
    held: u64,
    /// Bytes of text and cells since memory was looked at.
    unchecked: u64,
}

struct Keyed {
    name: String,
    cells: Cells,
    /// The last object that has it, from 1.
    seen: u64,
    /// The first nested value, which nothing here can learn from: its line and what it is.
    nested: Option<(u64, &'static str)>,
}

impl<'p> Objects<'p> {
    fn new(path: &'p Path, budget: &'p Budget, keep: Keep<'p>) -> Self {
        let (columns, by_name, lines) = (Vec::new(), HashMap::new(), Vec::new());
        Self { path, budget, keep, columns, by_name, lines, seen: 0, held: 0, unchecked: 0 }
    }

    /// Counts what was added, and looks now and then whether it is too much.
    fn check(&mut self, bytes: usize, cells: usize) -> Result<()> {
        self.unchecked += (bytes + cells) as u64;
        if self.unchecked < BETWEEN_CHECKS {
            return Ok(());
        }
        self.unchecked = 0;
        let columns = self.columns.iter().map(|column| column.cells.needed());
        self.budget.check(self.path, self.held + table_bytes(self.lines.len(), columns))
    }

    fn push(&mut self, object: &str, line: u64) -> Result<()> {
        let path = self.path;
        let wrong = |reason: String| wrong(path, line, reason);
        let Members(members) = serde_json::from_str(object).map_err(|error| {
            let found = shown(object).at_most(SHOWN);
            wrong(format!("{} in {}", reason(&error), found))
        })?;
        let (row, kept) = (self.lines.len(), self.keep.has(self.seen));
        self.seen += 1;
        for (name, value) in members {
            let seen = self.seen;
            let column = self.column(name.trim(), row)?;
            if std::mem::replace(&mut column.seen, seen) == seen {
                return Err(wrong(format!("the key {} stands twice in one object", shown(&name).cut())));
            }
            let (cell, nested) = cell(value).map_err(|error| wrong(reason(&error)))?;
            if let Some(what) = nested {
                column.nested.get_or_insert((line, what));
            }
            if kept {
                column.cells.push(cell.trim());
            }
        }
        if !kept {
            return self.check(object.len(), 0);
        }
        self.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        for column in self.columns.iter_mut().filter(|column| column.cells.len() == row) {
            column.cells.push("");
        }
        self.check(object.len(), self.columns.len())
    }

    /// The column of a key, a new one if no object before this row has it.
    fn column(&mut self, name: &str, row: usize) -> Result<&mut Keyed> {
        let index = match self.by_name.get(name) {
            Some(&index) => index,
            None if self.columns.len() == MAX_COLUMNS => {
                let path = self.path.to_owned();
                return Err(Error::TooManyColumns { path, found: MAX_COLUMNS + 1, limit: MAX_COLUMNS });
            }
            None => {
                // rows before this one lack the key
                let cells = std::iter::repeat_n("", row).collect();
                self.by_name.insert(name.to_owned(), self.columns.len());
                self.columns.push(Keyed { name: name.to_owned(), cells, seen: 0, nested: None });
                self.check(0, row)?;
                self.columns.len() - 1
            }
        };
        Ok(&mut self.columns[index])
    }

    fn into_raw(self) -> Result<RawTable> {
        if self.seen == 0 {
            return Err(Error::Empty { path: self.path.to_owned(), found: "no objects" });
        }
        let (mut columns, mut notes) = (Vec::new(), Vec::new());
        for Keyed { name, cells, nested, .. } in self.columns {
            match nested {
                Some((line, what)) => notes.push(format!(
                    "column {:?} is left out: line {line} holds {what} there, and only numbers, text and booleans are read",
                    shown(&name)
                )),
                None => columns.push(RawColumn { name, cells: RawCells::Literal(cells) }),
            }
        }
        // numbers of JSON have a decimal point, as those of a file with commas between its cells
        Ok(RawTable {
            columns,
            rows: self.lines.len(),
            lines: self.lines,
            commas_separate: true,
            notes,
            ..RawTable::default()
        })
    }
}

/// An object that is none, or has what no row may have.
fn wrong(path: &Path, line: u64, reason: String) -> Error {
    Error::Json { path: path.to_owned(), line, reason, expected: "one object a row, such as {\"a\": 1}" }
}

/// The cell that a value becomes, and what it is if it is nested, which leaves the cell empty.
fn cell(value: &RawValue) -> serde_json::Result<(Cow<'_, str>, Option<&'static str>)> {
    let text = value.get();
    Ok(match text.as_bytes()[0] {
        b'"' => (serde_json::from_str(text)?, None),
        b'n' => (Cow::Borrowed(""), None),
        b'{' => (Cow::Borrowed(""), Some("an object")),
        b'[' => (Cow::Borrowed(""), Some("an array")),
        // a number or a boolean, as the file has it
        _ => (Cow::Borrowed(text), None),
    })
}

/// The members of an object in order, each value as its text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}
