//! The way to the terminal: results, messages, failures and their exit codes, tables, files.
//!
//! Nothing here panics when the reader of a pipe has gone: `steepest list | head -1` ends quietly.

use console::Term;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write as _};
use std::path::Path;
use std::process::ExitCode;
pub use steepest_data::shown_path;
use steepest_data::{seen_json, shown};
pub use steepest_report::{count, quoted, short, significant};

/// Why the program ends with another exit code than 0. The codes are part of `--help`.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 2: bad input or usage; nothing was done.
    Input(String),
    /// Exit code 1: the run failed, or the system refused.
    Run(String),
    /// Exit code 128 and the number of the signal that stopped it in good order: 130, 143, 129.
    Interrupted(u8),
    /// Exit code 0: nobody reads the result any more.
    Unread,
    /// What clap has to say: help, the version, or an error.
    Usage(clap::Error),
}

pub type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    pub fn input(message: impl ToString) -> Self {
        Self::Input(message.to_string())
    }

    pub fn file(path: &Path, error: impl std::fmt::Display) -> Self {
        Self::Run(format!("{}: {error}", path.display()))
    }

    /// Says it on stderr, and returns the exit code.
    pub fn report(self) -> ExitCode {
        let paint = Paint::stderr();
        let (message, code) = match self {
            Self::Input(message) => (message, 2),
            Self::Run(message) => (message, 1),
            Self::Interrupted(signal) => return ExitCode::from(128 + signal),
            Self::Unread => return ExitCode::SUCCESS,
            // help and the version, to stdout; a closed pipe is no matter
            Self::Usage(error) if !error.use_stderr() => {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            Self::Usage(error) => {
                let message = error.render().to_string();
                (message.trim_start_matches("error:").trim().to_owned(), 2)
            }
        };
        say(&format!("{} {message}", paint.error("error:")));
        ExitCode::from(code)
    }
}

impl From<steepest::Error> for Failure {
    fn from(error: steepest::Error) -> Self {
        use steepest::Error as E;
        match error {
            // a start where there is no function was given, not come to
            E::NonFiniteObjective { step: 0, .. } => Self::input(error),
            E::NonFiniteGradient { .. }
            | E::Overflow { .. }
            | E::NonFiniteObjective { .. }
            | E::File { .. } => Self::Run(error.to_string()),
            _ => Self::input(error),
        }
    }
}

/// Writes a text for people to stdout, [inert].
pub fn print(text: &str) -> Result {
    put(inert(text).as_bytes())
}

/// Writes data to stdout: as it is, for programs, and [inert] on a terminal.
fn print_data(text: &str) -> Result {
    match io::stdout().is_terminal() {
        true => print(text),
        false => put(text.as_bytes()),
    }
}

fn put(bytes: &[u8]) -> Result {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::Unread),
        Err(error) => Err(Failure::file(Path::new("stdout"), error)),
    }
}

/// Writes one JSON object to stdout.
pub fn print_json(value: &impl serde::Serialize) -> Result {
    match serde_json::to_string_pretty(value) {
        Ok(text) => put((seen_json(&text, &[]) + "\n").as_bytes()),
        Err(error) => Err(Failure::Run(format!("the result does not become JSON: {error}"))),
    }
}

/// Characters of a line beyond which nobody reads it.
const LONGEST_LINE: usize = 8_000;

/// Text with nothing in it that moves the cursor, turns the direction of what follows or hides, whoever wrote it: lines,
/// and the colours of [`Paint`], are all that is left of commands to a terminal. What is cut, is cut with an ellipsis.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        // what follows an escape: a colour of ours ends in the first `m`
        for (at, part) in line.split('\x1b').enumerate() {
            let colour = part.find('m').map_or("", |end| &part[..=end]);
            let (colour, rest) = match at > 0 && COLOURS.contains(&colour) {
                true => (colour, &part[colour.len()..]),
                false => ("", part),
            };
            match (at, colour) {
                (0, _) => {}
                (_, "") => out.push_str("\\u{1b}"),
                (_, colour) => out.extend(["\x1b", colour]),
            }
            let _ = write!(out, "{}", shown(rest).at_most(LONGEST_LINE));
        }
    }
    out
}

/// Writes a line to stderr; that nobody reads it is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", inert(line));
}

/// Writes a file whole or not at all; without a path, to stdout.
pub fn write(path: Option<&Path>, bytes: &[u8]) -> Result {
    let Some(path) = path else {
        return match std::str::from_utf8(bytes) {
            Ok(text) => print_data(text),
            Err(_) => Err(Failure::input("the result is no text; name a file for it with -o")),
        };
    };
    if steepest_train::is_file_of_a_run(path) {
        let message =
            format!("{} belongs to a run, which would be lost: name another file", shown_path(path));
        return Err(Failure::input(message));
    }
    // a device or a pipe cannot be replaced, only written to
    match path.exists() && !path.is_file() {
        true => std::fs::write(path, bytes).map_err(|error| Failure::file(path, error)),
        false => steepest::write_atomically(path, bytes).map_err(|error| match error {
            steepest::Error::File { reason, .. } => Failure::file(path, reason),
            error => error.into(),
        }),
    }
}

/// What [`Paint`] writes behind an escape.
const COLOURS: [&str; 7] = ["[0m", "[1m", "[2m", "[32m", "[33m", "[1;31m", "[36m"];

/// Colours for one stream: none when it is not a terminal, or when `NO_COLOR` is set to anything
/// (<https://no-color.org>).
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    pub fn stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    pub fn stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    fn of(terminal: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self(terminal && !no_color && !dumb)
    }

    /// Without colours, whatever the stream is.
    pub fn plain() -> Self {
        Self(false)
    }

    pub fn is_on(self) -> bool {
        self.0
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A table whose first line is its heading.
    pub fn headed(self, table: &str) -> String {
        let (head, rest) = table.split_once('\n').unwrap_or((table, ""));
        format!("{}\n{rest}", self.dim(head))
    }

    pub fn accent(self, text: &str) -> String {
        self.with("36", text)
    }

    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    pub fn error(self, text: &str) -> String {
        self.with("1;31", text)
    }
}

/// Rows as aligned columns, two spaces between them: text to the left, numbers to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let width = |column| rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    // the heading does not count
    let right: Vec<bool> = (0..columns)
        .map(|column| {
            let mut cells = rows.iter().skip(1).map(|row| cell(row, column)).filter(|c| !c.is_empty());
            let first = cells.next();
            first.is_some_and(|c| is_number(&c)) && cells.all(|c| is_number(&c))
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for column in 0..columns {
            let (cell, width) = (cell(row, column), widths[column]);
            let gap = if column > 0 { "  " } else { "" };
            let _ = if right[column] {
                write!(line, "{gap}{cell:>width$}")
            } else {
                write!(line, "{gap}{cell:<width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Lines of at most `width` characters, each with `indent` before it.
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    wrap_words(text.split_whitespace(), width, indent)
}

/// The same of words, which stay whole whatever is in them.
fn wrap_words<'a>(words: impl IntoIterator<Item = &'a str>, width: usize, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in words {
        let longer = line.chars().count() + 1 + word.chars().count() + indent.chars().count();
        if !line.is_empty() && longer > width {
            let _ = writeln!(lines, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(lines, "{indent}{line}");
    }
    lines
}

/// Words that stand behind `indent` columns of something else: on lines of at most so many columns, those that go on
/// under the first. Where nobody knows how many there are, or where there is no room for it, on one line.
pub fn hanging<'a>(
    words: impl IntoIterator<Item = &'a str>,
    columns: Option<usize>,
    indent: usize,
) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match columns {
        Some(columns) if columns >= 2 * indent => {
            wrap_words(words.into_iter().filter(|word| !word.is_empty()), columns, &" ".repeat(indent))
                .trim()
                .to_owned()
        }
        _ => words.join(" "),
    }
}

/// A sentence for stdout, on a terminal on as many lines as it needs, where a terminal would break it inside of words.
pub fn sentence(words: &str) -> String {
    hanging(words.split(' '), columns(&Term::stdout()), 0)
}

/// Words for stderr behind what they are about; on a terminal, on as many lines as they need.
pub fn behind<'a>(what: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    format!("{what}{}", hanging(words, columns(&Term::stderr()), what.chars().count()))
}

/// Columns of a terminal; none where the stream is none, for what reads it then may be of any width.
pub fn columns(term: &Term) -> Option<usize> {
    term.is_term().then(|| term.size_checked().map_or(80, |(_, columns)| usize::from(columns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_lines_and_our_colours_reaches_a_terminal() {
        let hostile = "a\x1b[2J\x1b]0;t\x07b\u{9b}31m\u{202e}c\r\x08\x1b[31md\x1b";
        let inert = inert(&format!("{}\n{}", Paint(true).error("x"), hostile));
        assert_eq!(
            inert,
            "\x1b[1;31mx\x1b[0m\na\\u{1b}[2J\\u{1b}]0;t\\u{7}b\\u{9b}31m\\u{202e}c\\r\\u{8}\\u{1b}[31md\\u{1b}"
        );
        assert!(super::inert(&"x".repeat(100_000)).chars().count() < 10_000);
        let text = serde_json::to_string(hostile).unwrap();
        let plain = seen_json(&text, &[]);
        assert!(!plain.chars().any(steepest_data::is_unseen), "{plain}");
        assert_eq!(serde_json::from_str::<String>(&plain).unwrap(), hostile);
    }

    #[test]
    fn a_table_lines_up() {
        let rows = [vec!["name", "x"], vec!["a", "1.5"], vec!["longer", "10.25"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|c| (*c).to_owned()).collect()).collect();
        assert_eq!(table(&rows), "name        x\na         1.5\nlonger  10.25\n");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three", 9, "  "), "  one two\n  three\n");
        assert_eq!(wrap("incomprehensibilities", 5, ""), "incomprehensibilities\n");
        assert_eq!(wrap("  ", 5, ""), "");
    }

    #[test]
    fn text_goes_on_under_its_beginning_and_never_inside_a_word() {
        let text = "one  two three";
        assert_eq!(hanging(text.split(' '), Some(9), 4), "one\n    two\n    three");
        assert_eq!(hanging(text.split(' '), Some(80), 4), "one two three");
        // no terminal, and one without room
        assert_eq!(hanging(text.split(' '), None, 4), text);
        assert_eq!(hanging(text.split(' '), Some(7), 4), text);
        let path = ["see", "runs/my digits/notes.txt"];
        assert_eq!(hanging(path, Some(12), 2), "see\n  runs/my digits/notes.txt");
        let sentence = "batches of 32, at most 200 epochs of 34 steps";
        for columns in 22..100 {
            let lines = hanging(sentence.split(' '), Some(columns), 11);
            assert_eq!(lines.split_whitespace().collect::<Vec<_>>().join(" "), sentence);
            let widest = format!("{:11}{lines}", "training").lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(columns), "{columns}: {lines}");
        }
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("runs/digits-0001"), "runs/digits-0001");
        assert_eq!(quoted("my data.csv"), "'my data.csv'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
