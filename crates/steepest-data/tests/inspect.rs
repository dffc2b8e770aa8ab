//! Summaries, and CSV out and back in.

use std::fs;

use proptest::prelude::*;
use steepest_data::{Column, Kind, Loaded, ReadOptions, Table, Values, describe, embedded, to_csv};

fn back(bytes: &[u8], options: &ReadOptions) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, bytes).unwrap();
    match steepest_data::read::read(&path, options).unwrap() {
        Loaded::Table(table) => table,
        Loaded::Images(_) => unreachable!(),
    }
}

fn texts(table: &Table) -> Vec<Option<String>> {
    table.columns.iter().flat_map(|column| (0..table.rows()).map(|row| column.text(row))).collect()
}

#[test]
fn every_embedded_table_survives_export() {
    for embedded in embedded::all() {
        let loaded = embedded.load();
        let again = back(&to_csv(&loaded), &ReadOptions::default());
        match &loaded {
            // as text, because NaN is unlike itself
            Loaded::Table(table) => assert!(
                again.columns.len() == table.columns.len() && texts(&again) == texts(table),
                "{}",
                embedded.name
            ),
            Loaded::Images(images) => {
                assert_eq!((again.rows(), again.columns.len()), (images.count(), images.size() + 1));
                assert_eq!(again.columns[..64], images.to_table().columns[..64]);
            }
        }
    }
}

#[test]
fn a_description() {
    let Loaded::Table(cars) = embedded::find("cars").unwrap().load() else { panic!() };
    let summary = describe(&cars);
    assert_eq!((summary.rows, summary.columns.len()), (398, 9));
    let column = |name: &str| summary.columns.iter().find(|column| column.name == name).unwrap();
    let power = column("horsepower");
    assert_eq!((power.kind, power.missing), (Kind::Number, 6));
    let [low, mean, high] = power.range.unwrap();
    assert_eq!((low, high), (46.0, 230.0));
    assert!((mean - 104.469).abs() < 1e-3, "{mean}");
    assert_eq!(column("year").kind, Kind::Date);
    assert_eq!(column("origin").top[0].0, "USA");
    assert_eq!(column("origin").distinct, 3);
    assert_eq!(column("name").top.len(), 5);
}

fn cell() -> impl Strategy<Value = String> {
    // never blank at an end, never a word for missing
    "[a-zäé][a-z,;|\"\\n\\t ]{0,6}[xyz]"
}

proptest! {
    #[test]
    fn any_table_survives_export(
        rows in proptest::collection::vec(
            (prop_oneof![Just(f64::NAN), -1e300..1e300f64, (-1000..1000i32).prop_map(f64::from)], proptest::option::of(cell()), proptest::option::of(any::<bool>()), proptest::option::of(-700_000_000i64..2_000_000_000)),
            1..30,
        ),
    ) {
        let mut levels: Vec<String> = rows.iter().filter_map(|row| row.1.clone()).collect();
        levels.sort();
        levels.dedup();
        let codes = rows.iter().map(|row| row.1.as_ref().map(|text| levels.binary_search(text).unwrap() as u32)).collect();
        let table = Table::new("t", vec![
            Column::new("a, number", Values::Number(rows.iter().map(|row| row.0).collect())),
            Column::new("text \"quoted\"", Values::Category { codes, levels }),
            Column::new("flag", Values::Boolean(rows.iter().map(|row| row.2).collect())),
            Column::new("when", Values::Date(rows.iter().map(|row| row.3.map_or(f64::NAN, |seconds| seconds as f64 / 86_400.0)).collect())),
        ]);
        let columns = table.columns.iter().map(|column| (column.name.clone(), column.values.kind().into())).collect();
        let again = back(&to_csv(&Loaded::Table(table.clone())), &ReadOptions { columns, header: Some(true), ..Default::default() });
        // NaN is unlike itself: compare as text
        for (before, after) in table.columns.iter().zip(&again.columns) {
            prop_assert_eq!(&before.name, &after.name);
            for row in 0..table.rows() {
                prop_assert_eq!(before.text(row), after.text(row));
            }
            if let (Values::Number(before), Values::Number(after)) = (&before.values, &after.values) {
                prop_assert!(before.iter().zip(after).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())));
            }
        }
    }
}

#[test]
fn what_is_said_of_columns_and_rows_holds_for_embedded_data() {
    use steepest_data::{PrepareOptions, ReadOptions, Roles, Sample, Source, load, prepare};
    let roles = Roles { drop: vec!["bmi".into()], ..Roles::default() };
    let sample = Some(Sample { rows: 100, seed: 3 });
    let read = |name: &str, options: &ReadOptions| load(&Source::Builtin(name.to_owned()), options);
    let options = ReadOptions { roles, sample, ..ReadOptions::default() };
    let loaded = read("diabetes", &options).unwrap();
    assert_eq!(loaded.rows(), 100);
    assert!(
        loaded.notes().iter().any(|note| note.contains("a sample of 100 of 442 rows")),
        "{:?}",
        loaded.notes()
    );
    let prepared = prepare(&loaded, &PrepareOptions::default()).unwrap();
    assert_eq!(prepared.train.features.width, 9);
    let Loaded::Images(digits) = read("digits", &ReadOptions { sample, ..ReadOptions::default() }).unwrap()
    else {
        panic!("images")
    };
    assert_eq!(
        (digits.labels.as_ref().map(Vec::len).unwrap(), digits.known_labels().unwrap().len()),
        (100, 100)
    );
    // the same images as in the whole
    let Loaded::Images(whole) = embedded::find("digits").unwrap().load() else { panic!("images") };
    let all: Vec<&[u8]> = whole.pixels.chunks(whole.size()).collect();
    assert!(digits.pixels.chunks(digits.size()).all(|image| all.contains(&image)));
    let wrong = Roles { drop: vec!["bim".into()], ..Roles::default() };
    let error = read("diabetes", &ReadOptions { roles: wrong, ..ReadOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("bim"), "{error}");
}
