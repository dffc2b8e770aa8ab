//! The readers: what they accept, and that every error says where and what.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Compression;
use steepest_data::read::read;
use steepest_data::{
    Error, Images, Kind, Labels, Loaded, Place, ReadOptions, Result, Source, Table, Values, load,
};

mod any_bytes;
mod arrow;
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod json;
mod sample;
mod sources;
mod text;

use common::{Folder, idx};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    common::gzip(bytes, Compression::default())
}

fn table_with(bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Table> {
    let folder = Folder::new();
    match read(&folder.file("t.csv", bytes), options)? {
        Loaded::Table(table) => Ok(table),
        Loaded::Images(_) => panic!("a table was expected"),
    }
}

fn table(bytes: impl AsRef<[u8]>) -> Table {
    table_with(bytes, &ReadOptions::default()).unwrap()
}

fn error(bytes: impl AsRef<[u8]>) -> Error {
    table_with(bytes, &ReadOptions::default()).unwrap_err()
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    match &table.column(name).unwrap().values {
        Values::Number(values) | Values::Date(values) => values.clone(),
        other => panic!("{name} is {}", other.kind()),
    }
}

fn texts(table: &Table, name: &str) -> Vec<Option<String>> {
    let column = table.column(name).unwrap();
    (0..table.rows()).map(|row| column.text(row)).collect()
}

fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.name.as_str()).collect()
}

/// Names and cells, for comparison: a missing number is unlike itself.
fn cells(table: &Table) -> Vec<(&str, Vec<Option<String>>)> {
    names(table).into_iter().map(|name| (name, texts(table, name))).collect()
}

#[test]
fn types_are_inferred_over_all_rows() {
    let table = table("a,b,c,d,e\n1,true,2026-11-22,x,1\n2.5,FALSE,1970-01-02,y,2\n-3e2,,,z,two\n");
    let kinds: Vec<Kind> = table.columns.iter().map(|column| column.values.kind()).collect();
    assert_eq!(kinds, [Kind::Number, Kind::Boolean, Kind::Date, Kind::Category, Kind::Category]);
    assert_eq!(numbers(&table, "a"), [1.0, 2.5, -300.0]);
    assert_eq!(numbers(&table, "c")[..2], [20_779.0, 1.0]);
    assert_eq!(table.column("b").unwrap().values, Values::Boolean(vec![Some(true), Some(false), None]));
}

#[test]
fn every_way_to_write_missing() {
    let text = "a,b\n1,x\nNA,y\nN/A,x\nnan,NA\nNULL,null\n?,?\n-,-\n#N/A,\n,x\n  ,y\n2,x\n";
    let table = table(text);
    assert_eq!(table.column("a").unwrap().values.missing(), 9);
    assert_eq!(table.column("b").unwrap().values.missing(), 5);
    let Values::Category { levels, .. } = &table.column("b").unwrap().values else { panic!() };
    assert_eq!(levels, &["x", "y"]);
}

#[test]
fn separators_are_found() {
    for separator in [",", ";", "\t", "|"] {
        let text = "a,b,c\n1,x,3\n2,y,4\n".replace(',', separator);
        let table = table(&text);
        assert_eq!(names(&table), ["a", "b", "c"], "{separator:?}");
        assert_eq!(numbers(&table, "c"), [3.0, 4.0]);
    }
    assert_eq!(names(&table("only\n1\n2\n")), ["only"]);
    let with = ReadOptions { delimiter: Some(b':'), ..Default::default() };
    assert_eq!(names(&table_with("a:b\n1:2\n", &with).unwrap()), ["a", "b"]);
}

#[test]
fn decimal_commas_are_read_where_commas_do_not_separate() {
    let table = table("a;b\n1,5;x\n2;y\n-0,25;z\n");
    assert_eq!(numbers(&table, "a"), [1.5, 2.0, -0.25]);
    assert!(table.notes.iter().any(|note| note.contains("decimal point")), "{:?}", table.notes);
    // without a header both separators look even; the commas stand inside numbers
    let headless = self::table("1,5;2,5\n3,5;4,5\n");
    assert_eq!(headless.columns.len(), 2);
}

#[test]
fn byte_order_mark_carriage_returns_quotes_and_blank_lines() {
    let table = table("\u{feff}name,\"say \"\"hi\"\"\"\r\n\"a,b\",1\r\n\r\n\"two\r\nlines\",2\r\n plain ,3");
    assert_eq!(names(&table), ["name", "say \"hi\""]);
    assert_eq!(
        texts(&table, "name"),
        [Some("a,b".into()), Some("two\r\nlines".into()), Some("plain".into())]
    );
    assert_eq!([0, 1, 2].map(|row| table.place(row)), [Place::Line(2), Place::Line(4), Place::Line(6)]);
}

#[test]
fn a_missing_header_is_noticed() {
    for (text, first) in [
        ("1,2\n3,4\n5,6\n", "c1"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.9,virginica\n", "c1"),
        ("7\n8\n9\n", "c1"),
    ] {
        let table = table(text);
        assert_eq!(names(&table)[0], first);
        assert_eq!(table.rows(), 3);
        assert!(table.notes[0].contains("no header"), "{:?}", table.notes);
        assert_eq!(table.place(0), Place::Line(1));
    }
    // names that are numbers: pandas' 0, 1, 2 and years
    for text in ["0,1,2\n5,6,7\n8,9,1\n", "country,1990,1991\nx,1,2\ny,3,4\n", "a,b\n1,2\n", "a,b\nx,y\n"] {
        assert!(table(text).notes.is_empty(), "{text:?}");
    }
    let told = ReadOptions { header: Some(false), ..Default::default() };
    assert_eq!(table_with("0,1,2\n5,6,7\n", &told).unwrap().rows(), 2);
    let told = ReadOptions { header: Some(true), ..Default::default() };
    assert_eq!(table_with("1,2\n5,6\n", &told).unwrap().rows(), 1);
    assert_eq!(names(&table(",x\n0,a\n1,b\n")), ["c1", "x"]);
}

#[test]
fn kinds_that_are_asked_for_are_kept() {
    let columns = [("zip", Kind::Category), ("n", Kind::Number), ("b", Kind::Boolean)]
        .map(|(name, kind)| (name.to_owned(), kind.into()));
    let options = ReadOptions { columns: columns.into(), ..Default::default() };
    let table = table_with("zip,n,b\n01234,1,1\n99,2,0\n", &options).unwrap();
    assert_eq!(texts(&table, "zip"), [Some("01234".into()), Some("99".into())]);
    assert_eq!(texts(&table, "b"), [Some("true".into()), Some("false".into())]);
    // what does not read is missing and said, or refused
    let table = table_with("zip,n,b\n1,1,1\n2,two,0\n", &options).unwrap();
    assert!(numbers(&table, "n")[1].is_nan());
    assert_eq!(table.column("n").unwrap().unread, [(1, "two".to_owned())]);
    assert!(table.notes[0].contains("line 3") && table.notes[0].contains("\"two\""), "{:?}", table.notes);
    let options = ReadOptions { strict: true, ..options };
    let error = table_with("zip,n,b\n1,1,1\n2,two,0\n", &options).unwrap_err();
    let Error::Unreadable { column, place, value, expected } = error else { panic!("{error}") };
    assert_eq!(
        (column.as_str(), place, value.as_str(), expected),
        ("n", Place::Line(3), "two", Kind::Number)
    );
}

#[test]
fn broken_text_is_named_with_its_line() {
    let error = |bytes: &[u8]| self::error(bytes);
    assert!(matches!(error(b""), Error::Empty { .. }));
    assert!(matches!(error(b"\n\r\n\n"), Error::Empty { .. }));
    assert!(matches!(error(b"a,b\n"), Error::Empty { found: "a header alone", .. }));
    assert!(matches!(error(b"a,b\n1,2\n3\n"), Error::RaggedRow { line: 3, expected: 2, found: 1, .. }));
    assert!(matches!(error(b"a,b\n1,2\n\n3,4,5\n"), Error::RaggedRow { line: 4, expected: 2, found: 3, .. }));
    assert!(matches!(error(b"a,b\n1,2\n\"3,4\n5,6\n"), Error::UnclosedQuote { line: 3, .. }));
    assert!(matches!(error(b"a,b\n\xC3\xA9,1\n2,\xE9\n"), Error::NotUtf8 { line: 3, column: 2, .. }));
    assert!(matches!(error(b"a,b\n1,2\n3,\0\n"), Error::BinaryBytes { line: 3, .. }));
    assert!(matches!(error(b"a,b,a\n1,2,3\n"), Error::DuplicateColumn { first: 1, second: 3, .. }));
    for infinite in ["inf", "-Infinity", "1e999"] {
        let text = format!("a\n1\n{infinite}\n");
        assert!(
            matches!(error(text.as_bytes()), Error::Infinite { place: Place::Line(3), .. }),
            "{infinite}"
        );
        let allowed = ReadOptions { infinity_is_missing: true, ..Default::default() };
        assert_eq!(table_with(text, &allowed).unwrap().columns[0].values.missing(), 1);
    }
}

#[test]
fn a_record_without_end_is_refused() {
    let mut endless = b"a,b\n1,2\n\"".to_vec();
    endless.resize(20 << 20, b'x');
    let Error::RecordTooLong { line, limit, .. } = error(&endless) else { panic!() };
    assert_eq!((line, limit), (3, 16 << 20));
    // so early that nothing else is known of the file
    let early = [&endless[..4], &endless[8..]].concat();
    assert!(matches!(error(early), Error::RecordTooLong { line: 2, .. }));
    assert!(matches!(error("a,b"), Error::Empty { found: "a header alone", .. }));
    let columns = vec![b','; 200_000];
    assert!(matches!(error(columns), Error::TooManyColumns { .. }));
}

#[test]
fn files_that_are_not_what_they_seem() {
    let folder = Folder::new();
    let read = |path: &Path| read(path, &ReadOptions::default());
    assert!(matches!(read(&folder.0.path().join("none.csv")), Err(Error::NoSuchFile { .. })));
    folder.file("train-images-idx3-ubyte", b"");
    let Err(Error::IsDirectory { hint, .. }) = read(folder.0.path()) else { panic!() };
    assert_eq!(hint, ", such as train-images-idx3-ubyte");
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    assert!(matches!(read(&folder.file("a.csv", png)), Err(Error::WrongFormat { found: "a PNG image", .. })));
    assert!(matches!(read(&folder.file("a", png)), Err(Error::UnsupportedFormat { .. })));
    assert!(matches!(read(&folder.file("b.csv", b"PK\x03\x04...")), Err(Error::WrongFormat { .. })));
    assert!(matches!(
        read(&folder.file("c.csv", b"PAR1....")),
        Err(Error::WrongFormat { found: "Parquet", .. })
    ));
    let text = "a,b\n1,2\n";
    assert!(matches!(
        read(&folder.file("d.parquet", text)),
        Err(Error::WrongFormat { expected: "Parquet", found: "text", .. })
    ));
    assert!(matches!(read(&folder.file("e.parquet", b"PAR1 and no more")), Err(Error::Damaged { .. })));
    assert!(matches!(read(&folder.file("f.parquet.gz", gzip(b"PAR1...."))), Err(Error::Damaged { .. })));
    assert!(matches!(read(&folder.file("x-ubyte", text)), Err(Error::WrongFormat { expected: "IDX", .. })));
    // content decides where the name says nothing
    assert_eq!(read(&folder.file("data", text)).unwrap().rows(), 1);
    assert_eq!(read(&folder.file("data.csv.gz", gzip(text.as_bytes()))).unwrap().rows(), 1);
    let packed = gzip("a,b\n1,2\n".repeat(1000).as_bytes());
    assert!(matches!(
        read(&folder.file("cut.csv.gz", &packed[..packed.len() - 6])),
        Err(Error::Damaged { .. })
    ));
    assert!(matches!(read(&folder.file("cut2.csv.gz", &packed[..12])), Err(Error::Damaged { .. })));
    // names that begin like a signature
    assert_eq!(read(&folder.file("orc.csv", "ORC,b\n1,2\n")).unwrap().rows(), 1);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.file("secret.csv", "a\n1\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    match read(&path, &ReadOptions::default()) {
        Err(Error::Io { .. }) => {}
        // the superuser may read everything
        Ok(_) => {}
        Err(other) => panic!("{other}"),
    }
}

fn images(path: &Path, options: &ReadOptions) -> Result<Images> {
    match read(path, options)? {
        Loaded::Images(images) => Ok(images),
        Loaded::Table(_) => panic!("images were expected"),
    }
}

#[test]
fn idx_images_find_their_labels() {
    let pixels: Vec<u8> = (0..24).collect();
    let (three, labels) = (idx(&[3, 2, 4], &pixels), idx(&[3], &[7, 2, 7]));
    for (image_name, label_name, packed) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", false),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", true),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", false),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", false),
    ] {
        let folder = Folder::new();
        let path =
            folder.file(image_name, if image_name.ends_with("gz") { gzip(&three) } else { three.clone() });
        folder.file(label_name, if packed { gzip(&labels) } else { labels.clone() });
        let images = images(&path, &ReadOptions::default()).unwrap();
        assert_eq!([images.count(), images.channels, images.height, images.width], [3, 1, 2, 4]);
        assert_eq!(images.pixels, pixels);
        assert_eq!(images.labels.as_deref(), Some(&[1, 0, 1][..]), "{image_name}");
        assert_eq!(images.levels, ["2", "7"]);
    }
    let folder = Folder::new();
    let colours = folder.file("c", idx(&[1, 3, 2, 4], &pixels));
    let unlabelled = images(&colours, &ReadOptions::default()).unwrap();
    assert_eq!([unlabelled.channels, unlabelled.height, unlabelled.width], [3, 2, 4]);
    assert!(matches!(unlabelled.known_labels(), Err(Error::NoLabels { .. })));
    let labels = folder.file("l", idx(&[1], &[5]));
    let options = ReadOptions { labels: Labels::At(labels), ..Default::default() };
    assert_eq!(images(&colours, &options).unwrap().labels, Some(vec![0]));
}

#[test]
fn broken_idx() {
    let folder = Folder::new();
    let default = ReadOptions::default();
    let error = |name: &str, bytes: Vec<u8>| images(&folder.file(name, bytes), &default).unwrap_err();
    assert!(matches!(error("a", idx(&[2, 2, 2], &[0; 7])), Error::IdxLength { expected: 8, found: 7, .. }));
    assert!(matches!(error("b", idx(&[2, 2, 2], &[0; 11])), Error::IdxLength { expected: 8, found: 11, .. }));
    // 2^96 elements overflow; 2^40 must not be allocated
    assert!(matches!(
        error("c", idx(&[u32::MAX, u32::MAX, u32::MAX], &[0; 9])),
        Error::IdxLength { found: 9, .. }
    ));
    assert!(matches!(
        error("d", idx(&[1 << 20, 1 << 10, 1 << 10], &[0; 9])),
        Error::IdxLength { found: 9, .. }
    ));
    assert!(matches!(error("e", idx(&[0, 2, 2], &[])), Error::Empty { .. }));
    assert!(matches!(error("f", idx(&[3], &[1, 2, 3])), Error::IdxShape { .. }));
    assert!(matches!(error("g", idx(&[1, 2, 2, 2], &[0; 8])), Error::IdxShape { .. }));
    assert!(matches!(error("h", vec![0, 0, 8, 3, 0, 0]), Error::Damaged { .. }));
    assert!(matches!(error("i", vec![0, 0, 13, 3, 0, 0, 0, 0]), Error::IdxShape { .. }));
    let packed = gzip(&idx(&[2, 20, 20], &[7; 800]));
    assert!(matches!(error("j.gz", packed[..packed.len() - 4].to_vec()), Error::Damaged { .. }));

    let path = folder.file("train-images-idx3-ubyte", idx(&[2, 1, 1], &[0; 2]));
    let labels = folder.file("train-labels-idx1-ubyte", idx(&[3], &[0; 3]));
    assert!(matches!(images(&path, &default), Err(Error::IdxCounts { images: 2, labels: 3, .. })));
    fs::write(&labels, idx(&[2, 1], &[0; 2])).unwrap();
    assert!(matches!(images(&path, &default), Err(Error::IdxShape { .. })));
    fs::write(&labels, "0\n1\n").unwrap();
    assert!(matches!(images(&path, &default), Err(Error::WrongFormat { .. })));
    let none = ReadOptions { labels: Labels::At(folder.0.path().join("nowhere")), ..Default::default() };
    assert!(matches!(images(&path, &none), Err(Error::NoSuchFile { .. })));
}

#[test]
fn a_file_wins_over_an_embedded_set() {
    // no dot and no separator: only its existence makes it a file
    assert_eq!(Source::parse("digits"), Source::Builtin("digits".into()));
    assert_eq!(Source::parse("a/b"), Source::File("a/b".into()));
    assert_eq!(Source::parse("digits.csv"), Source::File("digits.csv".into()));
    let folder = Folder::new();
    let path = folder.file("iris", "a,b\n1,2\n");
    assert!(matches!(Source::parse(path.to_str().unwrap()), Source::File(_)));
    let Err(Error::NoSuchBuiltin { nearest, .. }) = load(&Source::parse("irsi"), &ReadOptions::default())
    else {
        panic!()
    };
    assert_eq!(nearest.as_deref(), Some("iris"));
    assert!(load(&Source::Builtin("Breast_Cancer".into()), &ReadOptions::default()).is_ok());
}
