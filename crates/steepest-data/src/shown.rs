//! Text from outside in messages: what is written into a terminal or a page says what it is, and is not too long.

use std::fmt::{self, Write};
use std::path::Path;

/// The most characters of a name or a cell.
const NAME: usize = 60;
/// The most characters of a path, of which both ends tell.
const PATH: usize = 240;

/// Text of a file, a name or a path, as a message shows it; see [`shown`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a> {
    text: &'a str,
    most: usize,
    /// How many of them are the last ones.
    last: usize,
}

/// Text from outside for a message: `{}` writes it as it is, `{:?}` in quotes. What would move the cursor, colour a terminal,
/// turn the direction of what follows or hide is escaped (`\n`, `\u{202e}`), a blank of whatever kind is a space, and of
/// more than 60 characters the first are shown, then `…`.
///
/// ```
/// use steepest_data::shown;
///
/// assert_eq!(shown("a\u{1b}[31m\u{202e}b").to_string(), r"a\u{1b}[31m\u{202e}b");
/// assert_eq!(format!("{:?}", shown("say \"no\"")), r#""say \"no\"""#);
/// assert_eq!(shown(&"x".repeat(70)).to_string(), format!("{}…", "x".repeat(60)));
/// ```
pub fn shown(text: &str) -> Shown<'_> {
    Shown { text, most: NAME, last: 0 }
}

/// The same of a path, of which up to 240 characters are shown, from both ends.
pub fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy()).as_path().to_string()
}

/// An amount of memory for a message, the exact number where it is small.
///
/// ```
/// use steepest_data::memory_text;
///
/// assert_eq!(memory_text(1000), "1000 bytes");
/// assert_eq!(memory_text(3 << 29), "1.5 GiB");
/// ```
pub fn memory_text(bytes: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = UNITS.into_iter().find(|(power, _)| bytes >> power > 0);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(power, unit)| format!("{:.1} {unit}", bytes as f64 / (1u64 << power) as f64),
    )
}

impl Shown<'_> {
    /// Shows this many characters at most, in place of 60.
    pub fn at_most(self, characters: usize) -> Self {
        Self { most: characters, last: 0, ..self }
    }

    /// Shows up to 240 characters, half of them from the end: of a path both ends tell.
    pub fn as_path(self) -> Self {
        Self { most: PATH, last: PATH / 2, ..self }
    }

    /// The text cut to what is shown, and nothing escaped: what an error carries of a cell, so that no error is as large
    /// as a file.
    pub(crate) fn cut(self) -> String {
        let [first, dots, last] = self.parts();
        [first, dots, last].concat()
    }

    /// The first characters, what stands for those left out, and the last ones.
    fn parts(&self) -> [&str; 3] {
        let place = |count: usize| self.text.char_indices().nth(count).map(|(at, _)| at);
        if place(self.most).is_none() {
            return [self.text, "", ""];
        }
        let first = place(self.most - self.last).unwrap_or(self.text.len());
        let last = match self.last {
            0 => self.text.len(),
            count => self.text.char_indices().nth_back(count - 1).map_or(0, |(at, _)| at),
        };
        [&self.text[..first], "\u{2026}", &self.text[last..]]
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.parts().map(|part| escaped(part, false)).concat())
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("\"{}\"", self.parts().map(|part| escaped(part, true)).concat()))
    }
}

fn escaped(text: &str, in_quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' if in_quotes => out.extend(['\\', c]),
            c if is_unseen(c) => {
                // writing to a String does not fail
                let _ = write!(out, "{}", c.escape_debug());
            }
            c if c.is_whitespace() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Whether a character is a command and no mark on the paper: controls, line and paragraph separators, what sets the
/// direction of text, what has no width, tags. Joiners stay, for words of many languages need them.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// The same JSON, with what is unseen, and some other characters, as `\\uXXXX`: it means the same, and does nothing to a
/// terminal or a page. Its lines stay.
///
/// ```
/// assert_eq!(steepest_data::seen_json("[\"a\u{202e}<\"]", &['<']), r#"["a\u202e\u003c"]"#);
/// ```
pub fn seen_json(json: &str, others: &[char]) -> String {
    let mut seen = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !(is_unseen(c) || others.contains(&c)) {
            seen.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // writing to a String does not fail
            let _ = write!(seen, "\\u{unit:04x}");
        }
    }
    seen
}

/// Names for a message: all of a few, the first of many.
pub(crate) fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    joined(names.map(shown), ", ")
}

/// The same of whole sentences that were made for messages.
pub(crate) fn sentences(sentences: &[String]) -> String {
    joined(sentences.iter(), "; ")
}

fn joined(parts: impl ExactSizeIterator<Item: fmt::Display>, between: &str) -> String {
    const MOST: usize = 20;
    let total = parts.len();
    let mut text = parts.take(MOST).map(|part| part.to_string()).collect::<Vec<_>>().join(between);
    if total > MOST {
        text.push_str(&format!(" and {} more", total - MOST));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped() {
        let commands =
            ['\0', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{61c}', '\u{feff}'];
        let ranges = ['\u{200e}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        for c in commands.into_iter().chain(ranges.into_iter().flatten()) {
            let text = format!("a{c}b");
            let expected = format!("a{}b", c.escape_debug());
            assert!(expected.is_ascii() && expected.len() > 3, "{expected}");
            assert_eq!(shown(&text).to_string(), expected);
            assert_eq!(format!("{:?}", shown(&text)), format!("\"{expected}\""));
        }
    }

    #[test]
    fn what_is_read_stays() {
        for text in ["x", "größe (m²)", "年齢", "a\\b", "می\u{200c}خواهم", "👩\u{200d}🔬"] {
            assert_eq!(shown(text).to_string(), text);
        }
        assert_eq!(shown("1\u{a0}000").to_string(), "1 000");
    }

    #[test]
    fn long_text_is_cut() {
        let name = "é".repeat(61);
        assert_eq!(shown(&name).to_string(), format!("{}…", "é".repeat(60)));
        assert_eq!(shown(&name[..120]).to_string(), &name[..120]);
        let cut = shown(&name).cut();
        assert_eq!(shown(&cut).to_string(), cut);
        let path = format!("/{}/end.csv", "d".repeat(4000));
        let short = shown_path(Path::new(&path));
        assert_eq!(short.chars().count(), 241);
        assert!(
            short.starts_with("/ddd") && short.ends_with("ddd/end.csv") && short.contains('…'),
            "{short}"
        );
    }
}
