//! Parquet and Arrow files: every type of column, and the same from both.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

use super::*;

pub(super) fn written(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(super) fn sample() -> Vec<u8> {
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.append_value("q");
    dictionary.append_null();
    dictionary.append_value("p");
    let mut lists = ListBuilder::new(arrow_array::builder::Int32Builder::new());
    for _ in 0..3 {
        lists.append(true);
    }
    written(vec![
        ("whole", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("real", Arc::new(Float32Array::from(vec![0.5, f32::NAN, 1.5]))),
        (
            "money",
            Arc::new(Decimal128Array::from(vec![1250, 5, -100]).with_precision_and_scale(10, 2).unwrap()),
        ),
        ("text", Arc::new(StringArray::from(vec![Some("b"), Some("NA"), Some("a")]))),
        ("code", Arc::new(dictionary.finish())),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("day", Arc::new(Date32Array::from(vec![Some(1), None, Some(-1)]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![43_200_000_000, 0, 1]).with_timezone("UTC"))),
        ("lists", Arc::new(lists.finish())),
    ])
}

#[test]
fn every_type() {
    let folder = Folder::new();
    let Loaded::Table(table) = read(&folder.file("t.parquet", sample()), &ReadOptions::default()).unwrap()
    else {
        panic!()
    };
    assert_eq!(names(&table), ["whole", "real", "money", "text", "code", "flag", "day", "time"]);
    assert!(table.notes[0].contains("lists"), "{:?}", table.notes);
    assert_eq!(numbers(&table, "whole")[2], 3.0);
    assert_eq!(table.columns[0].values.missing(), 1);
    assert_eq!(table.columns[1].values.missing(), 1);
    assert_eq!(numbers(&table, "money"), [12.5, 0.05, -1.0]);
    assert_eq!(texts(&table, "text"), [Some("b".into()), None, Some("a".into())]);
    assert_eq!(texts(&table, "code"), [Some("q".into()), None, Some("p".into())]);
    assert_eq!(texts(&table, "flag"), [Some("true".into()), None, Some("false".into())]);
    assert_eq!(texts(&table, "day"), [Some("1970-01-02".into()), None, Some("1969-12-31".into())]);
    assert_eq!(numbers(&table, "time")[0], 0.5);
    assert_eq!(table.place(1), Place::Row(2));
}

#[test]
fn kinds_and_errors() {
    let folder = Folder::new();
    let path = folder.file("t.parquet", sample());
    let asked = |column: &str, kind: Kind| ReadOptions {
        columns: [(column.to_owned(), kind.into())].into(),
        strict: true,
        ..Default::default()
    };
    let Loaded::Table(table) = read(&path, &asked("whole", Kind::Category)).unwrap() else { panic!() };
    assert_eq!(texts(&table, "whole"), [Some("1".into()), None, Some("3".into())]);
    assert!(matches!(
        read(&path, &asked("text", Kind::Number)),
        Err(Error::Unreadable { place: Place::Row(1), .. })
    ));
    let infinite = written(vec![("x", Arc::new(Float32Array::from(vec![1.0, f32::INFINITY])))]);
    let path = folder.file("i.parquet", infinite);
    assert!(matches!(
        read(&path, &ReadOptions::default()),
        Err(Error::Infinite { place: Place::Row(2), .. })
    ));
    let empty = written(vec![("x", Arc::new(Float32Array::from(Vec::<f32>::new())))]);
    assert!(matches!(
        read(&folder.file("e.parquet", empty), &ReadOptions::default()),
        Err(Error::Empty { .. })
    ));
    let whole = sample();
    let cut = folder.file("c.parquet", &whole[..whole.len() / 2]);
    assert!(matches!(read(&cut, &ReadOptions::default()), Err(Error::Damaged { .. })));
}

fn given(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
    match read(&path, &ReadOptions::default()).unwrap() {
        Loaded::Table(table) => table,
        Loaded::Images(_) => panic!("a table was expected"),
    }
}

/// Of what Parquet writers keep beside it, a pandas frame takes the types of its categoricals from Arrow.
#[test]
fn dictionaries_have_the_type_of_their_values() {
    let table = given("pandas.parquet");
    assert_eq!(
        table.column("flag").unwrap().values,
        Values::Boolean(vec![Some(true), Some(false), None, Some(true)])
    );
    assert_eq!(numbers(&table, "size")[..3], [10.0, 20.0, 10.0]);
    assert_eq!(table.column("size").unwrap().values.missing(), 1);
    assert_eq!(numbers(&table, "share"), [0.5, 0.25, 0.5, 0.25]);
    assert_eq!(texts(&table, "word"), [Some("b".into()), Some("a".into()), None, Some("b".into())]);
    assert_eq!(texts(&table, "day")[..2], [Some("1970-01-02".into()), Some("1970-01-03".into())]);
    assert_eq!(numbers(&table, "y"), [1.5, 2.5, 3.5, 4.5]);
}

#[test]
fn parquet_and_arrow_say_the_same() {
    let table = given("table.parquet");
    assert_eq!(names(&table), ["big", "whole", "price", "exact", "at", "took", "text", "code", "flag"]);
    let asked: std::collections::BTreeMap<_, _> =
        ["big", "exact", "at"].map(|name| (name.to_owned(), Kind::Category.into())).into();
    for name in ["table.parquet", "table.arrow", "table.arrows", "lz4.feather", "zstd.feather"] {
        let other = given(name);
        assert_eq!(other.notes, table.notes, "{name}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
        let options = ReadOptions { columns: asked.clone(), ..Default::default() };
        let Loaded::Table(table) = read(&path, &options).unwrap() else { panic!() };
        let some = |text: &str| Some(text.to_owned());
        // no whole number is rounded, and none of a column in which one would be
        assert_eq!(
            texts(&table, "big"),
            [some("9007199254740993"), some("9007199254740992"), None, some("1")],
            "{name}"
        );
        assert_eq!(numbers(&table, "whole")[..2], [9_007_199_254_740_992.0, -3.0]);
        assert_eq!(numbers(&table, "price"), [12.34, 0.1, -7.0, 1.0]);
        assert_eq!(texts(&table, "exact")[0], some("0.12345678901234567891"));
        assert_eq!(texts(&table, "at"), [some("07:05:00"), some("23:59:59.25"), None, some("00:00:00")]);
        assert_eq!(numbers(&table, "took")[2], 0.25);
        assert_eq!(table.column("took").unwrap().values.missing(), 1);
        assert_eq!(texts(&table, "text"), [some("b"), None, None, some("c")]);
        assert_eq!(texts(&table, "code"), [some("x"), some("y"), None, some("x")]);
        assert_eq!(
            table.column("flag").unwrap().values,
            Values::Boolean(vec![Some(true), None, Some(false), Some(true)])
        );
    }
    for (note, words) in table.notes.iter().zip([
        ["\"took\"", "seconds"],
        ["\"list\" of type list", "left out"],
        ["\"bytes\" of type bytes", "left out"],
    ]) {
        assert!(words.iter().all(|word| note.contains(word)), "{note}");
    }
}

#[test]
fn compressed_files_are_read_through_a_temporary_one() {
    let bytes = sample();
    let folder = Folder::new();
    let options = ReadOptions::default();
    let plain = read(&folder.file("t.parquet", &bytes), &options).unwrap();
    let Loaded::Table(plain) = plain else { panic!() };
    for path in [
        folder.file("t.parquet.gz", gzip(&bytes)),
        folder.file("t.parquet.zst", zstd::encode_all(&bytes[..], 3).unwrap()),
    ] {
        let Loaded::Table(table) = read(&path, &options).unwrap() else { panic!() };
        assert_eq!(cells(&table), cells(&plain));
    }
}

/// A page's header with an unknown list of two billion numbers, which are not there.
#[test]
fn a_list_without_end_in_a_header_of_parquet_is_refused() {
    let mut bytes = sample();
    bytes[4..12].copy_from_slice(&[0x6C, 0x19, 0xF7, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]);
    let start = std::time::Instant::now();
    let folder = Folder::new();
    let outcome = read(&folder.file("t.parquet", bytes), &ReadOptions::default());
    assert!(matches!(outcome, Err(Error::Damaged { .. })), "{outcome:?}");
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// The length at the end of a file is what is allocated for the list of its messages.
#[test]
fn a_list_longer_than_its_file_is_refused() {
    let mut bytes = include_bytes!("../tables/table.arrow").to_vec();
    let at = bytes.len() - 10;
    bytes[at..at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
    let folder = Folder::new();
    let outcome = read(&folder.file("t.arrow", bytes), &ReadOptions::default());
    let Err(Error::Damaged { reason, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("list of messages"), "{reason}");
}

/// The length before a compressed buffer is what is allocated for it.
#[test]
fn an_absurd_length_is_refused() {
    let folder = Folder::new();
    for name in ["lz4.feather", "zstd.feather"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
        let whole = fs::read(path).unwrap();
        // four numbers of eight bytes each, unpacked
        let at = whole.windows(8).position(|bytes| bytes == 32u64.to_le_bytes()).unwrap();
        let mut refused = 0;
        for at in (at..whole.len() - 8).filter(|&at| whole[at..at + 8] == 32u64.to_le_bytes()) {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&(1u64 << 60).to_le_bytes());
            let outcome = read(&folder.file(name, bytes), &ReadOptions::default());
            refused += usize::from(matches!(outcome, Err(Error::Damaged { .. })));
        }
        assert!(refused > 0);
    }
}

/// Also in a stream, and in a file whose list says that the buffers lie elsewhere than they seem to.
#[test]
fn an_absurd_length_is_refused_wherever_it_stands() {
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7; 1000]));
    let batch = RecordBatch::try_from_iter([("x", numbers)]).unwrap();
    let codec = Some(arrow_ipc::CompressionType::LZ4_FRAME);
    let options = || IpcWriteOptions::default().try_with_compression(codec).unwrap();
    let (mut stream, mut file) = (Vec::new(), Vec::new());
    let mut writer = StreamWriter::try_new_with_options(&mut stream, &batch.schema(), options()).unwrap();
    writer.write(&batch).and_then(|()| writer.finish()).unwrap();
    let mut writer = FileWriter::try_new_with_options(&mut file, &batch.schema(), options()).unwrap();
    writer.write(&batch).and_then(|()| writer.finish()).unwrap();

    let place = |bytes: &[u8]| bytes.windows(8).position(|bytes| bytes == 8000u64.to_le_bytes()).unwrap();
    let absurd = |mut bytes: Vec<u8>, at: usize| {
        bytes[at..at + 8].copy_from_slice(&(1u64 << 60).to_le_bytes());
        bytes
    };
    let at = place(&stream);
    let stream = absurd(stream, at);
    // what lies before the message says nothing of how long it is, and the list that it is eight bytes longer
    let at = place(&file);
    let message = (0..at).rev().find(|&at| file[at..at + 4] == [0xFF; 4]).unwrap();
    file[message + 4..message + 8].fill(0);
    let mut file = absurd(file, at);
    let length = u32::try_from(at - message).unwrap();
    let listed = (0..file.len() - 4).rev().find(|&at| file[at..at + 4] == length.to_le_bytes()).unwrap();
    assert!(listed > at, "the list is at the end");
    let shifted = file[at..at + 8].to_vec();
    file[at + 8..at + 16].copy_from_slice(&shifted);
    file[at..at + 8].copy_from_slice(&8000u64.to_le_bytes());
    file[listed..listed + 4].copy_from_slice(&(length + 8).to_le_bytes());

    let folder = Folder::new();
    for (name, bytes) in [("t.arrows", stream), ("t.arrow", file)] {
        let outcome = read(&folder.file(name, bytes), &ReadOptions::default());
        let Err(Error::Damaged { reason, .. }) = outcome else { panic!("{name}: {outcome:?}") };
        assert!(reason.contains("compressed buffer"), "{name}: {reason}");
    }
}
