//! How a table is written as a file: separator, quotes, encoding, lines before the header, gzip.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::chance::Chance;
use crate::table::Column;

/// The encodings that tables come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf8Mark,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

/// What stands between quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// Cells that could be misread without.
    Minimal,
    /// All cells.
    All,
    /// Names and texts, as R does.
    Text,
}

/// Everything about a file but its cells.
#[derive(Clone, Debug)]
pub struct Style {
    pub separator: char,
    pub encoding: Encoding,
    pub line_end: &'static str,
    pub last_line_ends: bool,
    pub quoting: Quoting,
    /// Whether a blank follows each separator.
    pub is_padded: bool,
    /// Lines before the header.
    pub head: &'static [&'static str],
    pub gzip: bool,
    pub ending: &'static str,
}

impl Style {
    /// Commas, UTF-8 and nothing else.
    pub fn plain() -> Self {
        Self {
            separator: ',',
            encoding: Encoding::Utf8,
            line_end: "\n",
            last_line_ends: true,
            quoting: Quoting::Minimal,
            is_padded: false,
            head: &[],
            gzip: false,
            ending: "csv",
        }
    }

    /// A style at random.
    pub fn draw(chance: &mut Chance) -> Self {
        use Encoding::*;
        let separator = chance.weighted(&[(8, ','), (6, ';'), (4, '\t'), (2, '|')]);
        let encoding =
            chance.weighted(&[(10, Utf8), (3, Utf8Mark), (2, Utf16Le), (1, Utf16Be), (4, Windows1252)]);
        let ending = match separator {
            '\t' => chance.pick(&["tsv", "txt"]),
            '|' => chance.pick(&["csv", "txt"]),
            _ => "csv",
        };
        let comments: [&[&str]; 4] = [
            &["# exported 2024-01-01"],
            &["# exported 2024-01-01", "# by tool, version 2"],
            &["#station: 12; height: 340 m"],
            &["# a", "# b", "# c"],
        ];
        let titles: [&[&str]; 2] = [&["Report of the third quarter"], &["Measurements 2024", ""]];
        let head = match chance.below(80) {
            0 => chance.pick(&titles),
            1..12 => chance.pick(&comments),
            _ => &[],
        };
        let quoting = chance.weighted(&[(6, Quoting::Minimal), (2, Quoting::All), (2, Quoting::Text)]);
        Self {
            separator,
            encoding,
            line_end: chance.weighted(&[(3, "\n"), (2, "\r\n")]),
            last_line_ends: !chance.one_in(5),
            quoting,
            is_padded: quoting == Quoting::Minimal && separator != '\t' && chance.one_in(10),
            head,
            gzip: chance.one_in(10),
            ending,
        }
    }

    /// The file's text.
    pub fn text(&self, columns: &[Column]) -> String {
        let mut lines: Vec<String> = self.head.iter().map(|&line| line.to_owned()).collect();
        lines.push(self.line(columns.iter().map(|column| (column.name.as_str(), true))));
        for row in 0..columns[0].cells.len() {
            lines.push(self.line(columns.iter().map(|column| {
                // a missing text stands without quotes, as R writes NA
                (column.cells[row].as_str(), column.is_text && column.is_known(row))
            })));
        }
        let mut text = lines.join(self.line_end);
        if self.last_line_ends {
            text.push_str(self.line_end);
        }
        text
    }

    fn line<'a>(&self, cells: impl Iterator<Item = (&'a str, bool)>) -> String {
        let mut line = String::new();
        for (index, (cell, is_text)) in cells.enumerate() {
            if index > 0 {
                line.push(self.separator);
            }
            let needs_quotes = cell.contains([self.separator, '"', '\n']);
            let quote = match self.quoting {
                Quoting::Minimal => needs_quotes,
                Quoting::All => true,
                Quoting::Text => is_text || needs_quotes,
            };
            if quote {
                line.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
            } else {
                if self.is_padded && index > 0 {
                    line.push(' ');
                }
                line.push_str(cell);
            }
        }
        line
    }

    /// Writes the table into a folder.
    pub fn write(&self, columns: &[Column], folder: &Path) -> PathBuf {
        let mut bytes = self.encode(&self.text(columns));
        let mut name = format!("t.{}", self.ending);
        if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).unwrap();
            bytes = encoder.finish().unwrap();
            name.push_str(".gz");
        }
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        let wide = |bytes: fn(u16) -> [u8; 2]| {
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
        };
        match self.encoding {
            Encoding::Utf8 => text.into(),
            Encoding::Utf8Mark => format!("\u{feff}{text}").into(),
            Encoding::Utf16Le => wide(u16::to_le_bytes),
            Encoding::Utf16Be => wide(u16::to_be_bytes),
            Encoding::Windows1252 => text.chars().map(windows_1252).collect(),
        }
    }
}

fn windows_1252(character: char) -> u8 {
    match character {
        '€' => 0x80,
        '’' => 0x92,
        _ => {
            let byte = u8::try_from(character).expect("a character that Windows-1252 has");
            assert!(!(0x80..0xa0).contains(&byte), "a control character");
            byte
        }
    }
}
