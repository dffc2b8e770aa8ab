//! JSON lines and arrays of objects.

use super::*;

fn json(name: &str, text: &str) -> Result<Table> {
    let folder = Folder::new();
    match read(&folder.file(name, text), &ReadOptions::default())? {
        Loaded::Table(table) => Ok(table),
        Loaded::Images(_) => panic!("a table was expected"),
    }
}

#[test]
fn lines_and_an_array_give_the_same_table() {
    let objects = [
        r#"{"a": 1.50, "b": "x,y", "ok": true}"#,
        r#"{"b": " \u00e9 ", "a": -2e3, "c": "NA"}"#,
        r#"{"a": null, "late": "7", "b": "", "ok": false}"#,
    ];
    let lines = json("t.jsonl", &format!("{}\n\r\n{}\n{}", objects[0], objects[1], objects[2])).unwrap();
    let array = json("t.json", &format!("\u{feff}[\n{}\n]\n", objects.join(",\n"))).unwrap();
    assert_eq!(cells(&lines), cells(&array));
    assert_eq!(names(&lines), ["a", "b", "ok", "c", "late"]);
    assert_eq!(numbers(&lines, "a")[..2], [1.5, -2000.0]);
    assert_eq!(texts(&lines, "b"), [Some("x,y".into()), Some("é".into()), None]);
    assert_eq!(lines.column("ok").unwrap().values, Values::Boolean(vec![Some(true), None, Some(false)]));
    assert_eq!(numbers(&lines, "late")[2], 7.0);
    assert_eq!(lines.column("c").unwrap().values.missing(), 3);
    assert_eq!([0, 1, 2].map(|row| lines.place(row)), [Place::Line(1), Place::Line(3), Place::Line(4)]);
    assert_eq!([0, 1, 2].map(|row| array.place(row)), [Place::Line(2), Place::Line(3), Place::Line(4)]);
}

#[test]
fn whole_numbers_keep_their_digits() {
    let table =
        json("t.json", r#"[{"id": 9007199254740993, "x": 1}, {"id": 9007199254740992, "x": 2}]"#).unwrap();
    let kinds =
        ReadOptions { columns: [("id".to_owned(), Kind::Category.into())].into(), ..Default::default() };
    let folder = Folder::new();
    let path = folder.file("t.ndjson", "{\"id\": 9007199254740993}\n{\"id\": 9007199254740992}\n");
    let Loaded::Table(asked) = read(&path, &kinds).unwrap() else { panic!() };
    assert_eq!(texts(&asked, "id"), [Some("9007199254740993".into()), Some("9007199254740992".into())]);
    assert_eq!(numbers(&table, "x"), [1.0, 2.0]);
}

#[test]
fn nested_values_are_left_out_by_name() {
    let table = json("t.jsonl", "{\"a\":1,\"n\":2}\n{\"a\":2,\"n\":{\"x\":1},\"l\":[]}\n").unwrap();
    assert_eq!(names(&table), ["a"]);
    assert!(
        table.notes[0].contains("\"n\"") && table.notes[0].contains("line 2 holds an object"),
        "{:?}",
        table.notes
    );
    assert!(table.notes[1].contains("\"l\"") && table.notes[1].contains("an array"), "{:?}", table.notes);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (name, text, at, said) in [
        ("t.jsonl", "{\"a\":1}\n{\"a\":1,}\n", 2, "trailing comma"),
        ("t.jsonl", "{\"a\":1}\n[1,2]\n", 2, "an object"),
        ("t.jsonl", "{\"a\":1}\n{\"a\":1,\"a\":2}\n", 2, "twice"),
        ("t.jsonl", "{\"a\":\n1}\n", 1, "EOF"),
        ("t.json", "[\n{\"a\":1},\n{\"a\":}\n]\n", 3, "expected value"),
        ("t.json", "[\n{\"a\":1},\n\n7]\n", 4, "an object"),
        ("t.json", "[{\"a\":1}", 1, "EOF"),
    ] {
        let error = json(name, text).unwrap_err();
        let Error::Json { line, reason, .. } = &error else { panic!("{error}") };
        assert_eq!(*line, at, "{error}");
        assert!(reason.contains(said), "{error}");
    }
    assert!(matches!(json("t.json", "[]"), Err(Error::Empty { .. })));
    assert!(matches!(json("t.json", "[\n  ]"), Err(Error::Empty { .. })));
    assert!(matches!(json("t.jsonl", "a,b\n1,2\n"), Err(Error::WrongFormat { found: "text", .. })));
    assert!(matches!(json("t.csv", "{\"a\":1}\n"), Err(Error::WrongFormat { found: "JSON lines", .. })));
    // the content decides where the name says nothing
    assert_eq!(json("t", "[ {\"a\":1}]").unwrap().rows(), 1);
    let folder = Folder::new();
    let bytes = folder.file("t.jsonl", b"{\"a\":1}\n{\"a\":\"\xE9\"}\n");
    assert!(matches!(read(&bytes, &ReadOptions::default()), Err(Error::NotUtf8 { line: 2, column: 7, .. })));
}

#[test]
fn a_nan_of_python_is_missing() {
    let table =
        json("t.jsonl", "{\"a\": NaN, \"b\": \"NaN \\\" NaN\"}\n{\"a\": 1.5, \"b\": \"x\"}\n").unwrap();
    assert!(numbers(&table, "a")[0].is_nan());
    assert_eq!(texts(&table, "b")[0].as_deref(), Some("NaN \" NaN"));
}
