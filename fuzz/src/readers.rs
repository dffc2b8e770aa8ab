//! Files of tables and images.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use steepest_data::{Conventions, DateOrder, Decimal, Labels, ReadOptions, Roles, Thousands};

use crate::choices::Choices;
use crate::folder::FOLDER;
use crate::table::{preparing, read_and_check};

/// Reads bytes as a file of this name.
fn check(name: &str, bytes: &[u8], options: &ReadOptions, choice: u8) {
    FOLDER.with(|folder| read_and_check(&folder.file(name, bytes), options, &preparing(choice)));
}

/// Tables of text. The first six bytes are options.
pub fn csv(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let choice = choices.byte();
    let form = choices.byte();
    let options = ReadOptions {
        encoding: choices
            .one(&[
                None,
                None,
                None,
                Some("utf-8"),
                Some("utf-16le"),
                Some("windows-1252"),
                Some("shift_jis"),
                Some("latin"),
            ])
            .map(str::to_owned),
        skip_lines: [None, None, None, Some(usize::from(form >> 2 & 3))][usize::from(form & 3)],
        comment: [None, None, Some("#"), Some("")][usize::from(form >> 4 & 3)].map(str::to_owned),
        header: [None, None, Some(true), Some(false)][usize::from(form >> 6)],
        delimiter: choices.one(&[
            None,
            None,
            Some(b','),
            Some(b';'),
            Some(b'\t'),
            Some(b'|'),
            Some(b'a'),
            Some(b'"'),
        ]),
        conventions: conventions(choices.byte()),
        ..roles(choices.byte())
    };
    check("table.csv", choices.rest(), &options, choice);
}

fn conventions(byte: u8) -> Conventions {
    Conventions {
        decimal: [None, None, Some(Decimal::Point), Some(Decimal::Comma)][usize::from(byte & 3)],
        thousands: [
            None,
            None,
            None,
            None,
            Some(Thousands::Comma),
            Some(Thousands::Point),
            Some(Thousands::Blank),
            Some(Thousands::Apostrophe),
        ][usize::from(byte >> 2 & 7)],
        dates: [None, None, Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst)]
            [usize::from(byte >> 5 & 3)],
    }
}

/// What is said of the columns `a`, `b` and `c`, which most tables of the corpus have.
fn roles(byte: u8) -> ReadOptions {
    let column = |at: u8| ["a", "b", "c"][usize::from(at % 3)].to_owned();
    let name = column(byte >> 4);
    let mut roles = Roles::default();
    match byte & 15 {
        1 => roles.drop.push(name),
        2 => roles.only.push(name),
        3 => roles.number.push(name),
        4 => roles.category.push(name),
        5 => roles.date.push(name),
        6 => roles.text.push(name),
        7 => roles.id.push(name),
        8 => roles.weight = Some(name),
        9 => roles.group = Some(name),
        10 => roles.time = Some(name),
        _ => {}
    }
    let bit = |bit: u8| byte & 15 == bit;
    ReadOptions {
        roles,
        strict: bit(11),
        infinity_is_missing: bit(12),
        all_rows: bit(13),
        others_as_text: bit(14),
        ..ReadOptions::default()
    }
}

/// JSON: lines, or an array.
pub fn json(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (choice, options) = (choices.byte(), roles(choices.byte()));
    check("table.json", choices.rest(), &options, choice);
}

/// Parquet.
pub fn parquet(bytes: &[u8]) {
    check("table.parquet", bytes, &ReadOptions::default(), 0);
}

/// Arrow, as a file or as a stream.
pub fn arrow(bytes: &[u8]) {
    check("table.arrow", bytes, &ReadOptions::default(), 0);
}

/// IDX: the first two bytes say where the images end and the labels begin.
pub fn idx(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let length = usize::from(choices.byte()) | usize::from(choices.byte()) << 8;
    let rest = choices.rest();
    let (images, labels) = rest.split_at(length.min(rest.len()));
    FOLDER.with(|folder| {
        let labels = match labels {
            [] => Labels::None,
            labels => Labels::At(folder.file("labels", labels)),
        };
        let images = folder.file("images", images);
        read_and_check(&images, &ReadOptions { labels, ..ReadOptions::default() }, &preparing(0));
    });
}

/// Anything inside gzip or zstd: as the bytes are, or packed here, so that what is inside is reached.
pub fn packed(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let choice = choices.byte();
    let name = ["table", "table.csv.gz", "table.parquet.zst", "table.arrow.gz"][usize::from(choice >> 4 & 3)];
    let bytes = choices.rest();
    let packed = match choice & 3 {
        0 => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(bytes).expect("memory");
            gzip.finish().expect("memory")
        }
        1 => zstd::encode_all(bytes, 1).expect("memory"),
        _ => bytes.to_vec(),
    };
    check(name, &packed, &ReadOptions::default(), 0);
}
