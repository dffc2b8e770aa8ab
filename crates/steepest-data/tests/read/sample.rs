//! A sample of rows: the same in every format, in order, and none that sums up the others.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use steepest_data::Sample;
use steepest_data::read::read_files;

use super::*;

const ROWS: usize = 1000;

fn of(rows: u64, seed: u64) -> ReadOptions {
    ReadOptions { sample: Some(Sample { rows, seed }), ..ReadOptions::default() }
}

fn sampled(path: &Path, options: &ReadOptions) -> Table {
    match read(path, options).unwrap() {
        Loaded::Table(table) => table,
        Loaded::Images(_) => panic!("a table was expected"),
    }
}

/// The same rows in every format: a number and its text.
fn everywhere(folder: &Folder) -> Vec<PathBuf> {
    let lines = |line: fn(usize) -> String| (0..ROWS).map(line).collect::<String>();
    let csv = format!("x,word\n{}", lines(|row| format!("{row},w{row}\n")));
    let json = lines(|row| format!("{{\"x\":{row},\"word\":\"w{row}\"}}\n"));
    let array = format!("[{}]", json.trim_end().replace('\n', ",\n"));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("x", Arc::new(Int64Array::from_iter_values(0..ROWS as i64))),
        ("word", Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("w{row}"))))),
    ];
    let batch = RecordBatch::try_from_iter(columns.clone()).unwrap();
    let parts: Vec<RecordBatch> = (0..4).map(|part| batch.slice(part * 250, 250)).collect();
    let mut arrow = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    parts.iter().for_each(|part| arrow.write(part).unwrap());
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    parts.iter().for_each(|part| stream.write(part).unwrap());
    vec![
        folder.file("t.csv", &csv),
        folder.file("t.csv.gz", gzip(csv.as_bytes())),
        folder.file("t.jsonl", &json),
        folder.file("t.json", &array),
        folder.file("t.parquet", super::arrow::written(columns)),
        folder.file("t.arrow", arrow.into_inner().unwrap()),
        folder.file("t.arrows", stream.into_inner().unwrap()),
    ]
}

#[test]
fn the_same_rows_in_every_format() {
    let folder = Folder::new();
    let mut chosen: Option<Vec<f64>> = None;
    for path in everywhere(&folder) {
        let table = sampled(&path, &of(20, 7));
        assert!(
            table.notes.contains(&"a sample of 20 of 1000 rows (seed 7)".to_owned()),
            "{:?}",
            table.notes
        );
        let x = numbers(&table, "x");
        assert!(x.len() == 20 && x.is_sorted(), "{x:?}");
        assert_eq!(texts(&table, "word"), x.iter().map(|x| Some(format!("w{x}"))).collect::<Vec<_>>());
        assert_eq!(x, *chosen.get_or_insert(x.clone()), "{path:?}");
        assert_ne!(x, numbers(&sampled(&path, &of(20, 8)), "x"));
        // no more rows than asked for: all of them, and nothing is said
        let all = sampled(&path, &of(ROWS as u64, 7));
        assert_eq!(all.rows(), ROWS);
        assert!(!all.notes.iter().any(|note| note.contains("sample")), "{:?}", all.notes);
    }
}

#[test]
fn rows_keep_their_lines() {
    let folder = Folder::new();
    let path = &everywhere(&folder)[0];
    let table = sampled(path, &of(5, 1));
    for (row, x) in numbers(&table, "x").into_iter().enumerate() {
        assert_eq!(table.place(row), Place::Line(x as u64 + 2));
    }
}

#[test]
fn of_several_files_it_is_one() {
    let folder = Folder::new();
    let lines = |from: usize| (from..from + 100).map(|x| format!("{x},a\n")).collect::<String>();
    let paths: Vec<PathBuf> = (0..10)
        .map(|file| folder.file(&format!("{file}.csv"), format!("x,y\n{}", lines(file * 100))))
        .collect();
    let table = read_files(&paths, "all", &of(12, 3)).unwrap();
    assert_eq!(table.rows(), 12);
    let x = numbers(&table, "x");
    assert!(x.is_sorted() && x[0] < 500.0 && x[11] >= 500.0, "{x:?}");
    assert!(table.notes.contains(&"a sample of 12 of 1000 rows (seed 3)".to_owned()), "{:?}", table.notes);
    for (row, x) in x.into_iter().enumerate() {
        let place = table.place(row).to_string();
        assert!(place.ends_with(&format!("{}.csv line {}", x as u64 / 100, x as u64 % 100 + 2)), "{place}");
    }
}

/// A file of Arrow has the batches that the list at its end names, whatever else lies in it.
#[test]
fn batches_that_are_not_listed_are_not_counted() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let batch = RecordBatch::try_from_iter([("x", numbers)]).unwrap();
    let stream = |batches: &[RecordBatch]| {
        let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        batches.iter().for_each(|batch| stream.write(batch).unwrap());
        stream.into_inner().unwrap()
    };
    let (none, one) = (stream(&[]), stream(std::slice::from_ref(&batch)));
    // both end with a mark of eight bytes, which stands before the list in a file
    let message = &one[none.len() - 8..one.len() - 8];
    // messages begin at the eighth byte, as in the files of Arrow's other implementations
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).unwrap();
    let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    file.finish().unwrap();
    let mut bytes = file.into_inner().unwrap();
    let length = bytes.len() - 10;
    let list = u32::from_le_bytes(bytes[length..length + 4].try_into().unwrap());
    let end = length - list as usize - 8;
    bytes.splice(end..end, message.iter().copied());
    let folder = Folder::new();
    let outcome = read(&folder.file("t.arrow", bytes), &of(20, 1)).map(drop);
    assert!(matches!(outcome, Err(Error::Empty { .. })), "{outcome:?}");
}

/// Nothing is taken of columns that are not read, also where there are no others.
#[test]
fn a_table_of_nothing_that_is_read_is_said_to_be_one() {
    let bytes: Vec<[u8; 2]> = (0..ROWS).map(|_| [0; 2]).collect();
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(bytes));
    let batch = RecordBatch::try_from_iter([("x", bytes)]).unwrap();
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    let folder = Folder::new();
    let outcome = read(&folder.file("t.arrow", file.into_inner().unwrap()), &of(20, 1)).map(drop);
    assert!(matches!(outcome, Err(Error::NoFeatures { .. })), "{outcome:?}");
}

#[test]
fn a_row_that_sums_up_is_never_chosen() {
    let rows = (0..10).map(|x| format!("{x},v{x}\n")).collect::<String>();
    for end in ["45,Total\n", "45,total\n4.5,mean\n"] {
        let text = format!("x,name\n{rows}{end}");
        for seed in 0..20 {
            let table = table_with(&text, &of(9, seed)).unwrap();
            assert_eq!(table.rows(), 9);
            assert!(numbers(&table, "x").iter().all(|&x| x < 10.0), "{seed}");
        }
        // no more rows than asked for: the usual rule decides
        let usual = table_with(&text, &ReadOptions::default()).unwrap();
        assert_eq!(table_with(&text, &of(10, 0)).unwrap().rows(), usual.rows());
        let every = ReadOptions { all_rows: true, ..of(10, 0) };
        assert!((0..30).any(|seed| {
            let options = ReadOptions { sample: Some(Sample { rows: 10, seed }), ..every.clone() };
            numbers(&table_with(&text, &options).unwrap(), "x").contains(&45.0)
        }));
    }
}

#[test]
fn what_is_wrong_elsewhere_is_found() {
    let mut text: String = (0..100).map(|x| format!("{x},1\n")).collect();
    text.push_str("1,2,3\n");
    let error = table_with(format!("x,y\n{text}"), &of(2, 0)).unwrap_err();
    assert!(matches!(error, Error::RaggedRow { line: 102, .. }), "{error}");
}

#[test]
fn images_and_their_labels() {
    let folder = Folder::new();
    let pixels: Vec<u8> = (0..50).flat_map(|image| [image; 4]).collect();
    let labels: Vec<u8> = (0..50).map(|image| image % 5).collect();
    folder.file("t-labels-idx1-ubyte", idx(&[50], &labels));
    let path = folder.file("t-images-idx3-ubyte.gz", gzip(&idx(&[50, 2, 2], &pixels)));
    let Loaded::Images(images) = read(&path, &of(6, 2)).unwrap() else { panic!("images were expected") };
    assert_eq!(images.count(), 6);
    let kept: Vec<u8> = images.pixels.chunks(4).map(|image| image[0]).collect();
    assert!(kept.is_sorted_by(|a, b| a < b), "{kept:?}");
    let named: Vec<&str> =
        images.labels.as_ref().unwrap().iter().map(|&code| images.levels[code as usize].as_str()).collect();
    assert_eq!(named, kept.iter().map(|image| (image % 5).to_string()).collect::<Vec<_>>());
    assert!(images.notes.contains(&"a sample of 6 of 50 rows (seed 2)".to_owned()), "{:?}", images.notes);
}
