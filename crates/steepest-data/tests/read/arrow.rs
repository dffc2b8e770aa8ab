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
