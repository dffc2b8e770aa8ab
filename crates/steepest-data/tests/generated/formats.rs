//! One table in every format: what is read, and what a model would be given, is the same.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::FileWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use steepest_data::{Kind, Loaded, Part, PrepareOptions, ReadOptions, Source, load, prepare};
use tempfile::TempDir;

use crate::table::{Column, Table, Value};

/// A writer of one format.
type Writer = fn(&Table, &Path) -> PathBuf;

fn csv(table: &Table, folder: &Path) -> PathBuf {
    write(folder, "t.csv", table.style.text(&table.columns).as_bytes())
}

fn gzip_csv(table: &Table, folder: &Path) -> PathBuf {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(table.style.text(&table.columns).as_bytes()).unwrap();
    write(folder, "t.csv.gz", &encoder.finish().unwrap())
}

fn tsv_with_decimal_commas(table: &Table, folder: &Path) -> PathBuf {
    let mut style = table.style.clone();
    style.separator = '\t';
    let columns: Vec<Column> = table
        .columns
        .iter()
        .map(|column| {
            let mut column = column.clone();
            if column.kind == Kind::Number {
                column.cells.iter_mut().for_each(|cell| *cell = cell.replace('.', ","));
            }
            column
        })
        .collect();
    write(folder, "t.tsv", style.text(&columns).as_bytes())
}

fn parquet(table: &Table, folder: &Path) -> PathBuf {
    let path = folder.join("t.parquet");
    let batch = batch(table);
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn arrow_file(table: &Table, folder: &Path) -> PathBuf {
    let path = folder.join("t.arrow");
    let batch = batch(table);
    let mut writer = FileWriter::try_new(File::create(&path).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    path
}

/// An object for each row; what is missing is null in one row and left out in the next.
fn json_lines(table: &Table, folder: &Path) -> PathBuf {
    let mut text = String::new();
    for row in 0..table.rows() {
        let mut object = serde_json::Map::new();
        for column in &table.columns {
            let value = match &column.truth[row] {
                Value::Missing if row % 2 == 1 => continue,
                Value::Missing => serde_json::Value::Null,
                Value::Number(_) => serde_json::from_str(&column.cells[row]).unwrap(),
                Value::Boolean(value) => (*value).into(),
                Value::Text(_) | Value::Date(_) => column.cells[row].clone().into(),
            };
            object.insert(column.name.clone(), value);
        }
        text.push_str(&serde_json::Value::from(object).to_string());
        text.push('\n');
    }
    write(folder, "t.jsonl", text.as_bytes())
}

/// The columns in the types that other programs would give them: whole numbers as integers, dates as days.
fn batch(table: &Table) -> RecordBatch {
    let array = |column: &Column| -> ArrayRef {
        let number = |value: &Value| match value {
            Value::Number(number) | Value::Date(number) => Some(*number),
            _ => None,
        };
        let numbers = column.truth.iter().map(number);
        match column.kind {
            Kind::Number if numbers.clone().flatten().all(|number| number.fract() == 0.0) => {
                Arc::new(Int64Array::from_iter(numbers.map(|number| number.map(|number| number as i64))))
            }
            Kind::Number => Arc::new(Float64Array::from_iter(numbers)),
            Kind::Date => Arc::new(Date32Array::from_iter(numbers.map(|day| day.map(|day| day as i32)))),
            Kind::Boolean => {
                Arc::new(BooleanArray::from_iter(column.truth.iter().map(|value| match value {
                    Value::Boolean(value) => Some(*value),
                    _ => None,
                })))
            }
            Kind::Category => {
                Arc::new(StringArray::from_iter(column.truth.iter().map(|value| match value {
                    Value::Text(text) => Some(text),
                    _ => None,
                })))
            }
        }
    };
    let columns = table.columns.iter().map(|column| (column.name.as_str(), array(column), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

const FORMATS: [(&str, Writer); 5] = [
    ("gzip", gzip_csv),
    ("TSV with decimal commas", tsv_with_decimal_commas),
    ("Parquet", parquet),
    ("Arrow file", arrow_file),
    ("JSON lines", json_lines),
];

/// What has to be the same: the names and values of the columns, the encoder, and all that is learned from.
struct Read {
    /// As text, for a missing number is equal to nothing.
    columns: Vec<String>,
    encoder: serde_json::Value,
    parts: [Part; 3],
}

fn read(path: &Path) -> Read {
    let source = Source::parse(path.to_str().expect("a path in UTF-8"));
    let loaded = load(&source, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let Loaded::Table(table) = &loaded else { panic!("{source} should hold a table") };
    let columns =
        table.columns.iter().map(|column| format!("{}: {:?}", column.name, column.values)).collect();
    let prepared = prepare(&loaded, &PrepareOptions::default()).unwrap();
    let mut encoder = serde_json::from_str(&prepared.encoder.to_json()).unwrap();
    forget_notation(&mut encoder);
    Read { columns, encoder, parts: [prepared.train, prepared.validation, prepared.test] }
}

/// How the cells were written is what formats differ in, and whether they have lines: an encoder keeps the first for the
/// tables to come, its notes name the second.
fn forget_notation(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("written");
            fields.remove("notes");
            fields.values_mut().for_each(forget_notation);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(forget_notation),
        _ => {}
    }
}

#[test]
fn one_table_is_the_same_in_every_format() {
    let folder = TempDir::new().unwrap();
    for number in 0..10 {
        let table = Table::plain(number);
        let expected = read(&csv(&table, folder.path()));
        for (format, writer) in FORMATS {
            let found = read(&writer(&table, folder.path()));
            let context = || format!("{format}\n{}", table.describe());
            assert_eq!(expected.columns, found.columns, "{}", context());
            assert_eq!(expected.encoder, found.encoder, "{}", context());
            for (expected, found) in expected.parts.iter().zip(&found.parts) {
                assert!(expected.features.data == found.features.data, "other features: {}", context());
                assert!(expected.targets == found.targets, "other targets: {}", context());
            }
        }
    }
}
