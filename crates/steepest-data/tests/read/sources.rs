//! Several files, patterns and compressed files.

use super::*;

fn loaded(source: &Source) -> Result<Table> {
    match load(source, &ReadOptions::default())? {
        Loaded::Table(table) => Ok(table),
        Loaded::Images(_) => panic!("a table was expected"),
    }
}

#[test]
fn words_and_what_they_mean() {
    assert_eq!(Source::parse("-"), Source::Stdin);
    assert_eq!(Source::parse("data/part-*.csv"), Source::Glob("data/part-*.csv".into()));
    let folder = Folder::new();
    let odd = folder.file("odd[1].csv", "a\n1\n");
    assert_eq!(Source::parse(odd.to_str().unwrap()), Source::File(odd));
    assert_eq!(Source::parse("a,b"), Source::Builtin("a,b".into()));
    for source in [Source::Stdin, Source::Glob("*".into()), Source::Files(vec!["a".into(), "b".into()])] {
        let text = serde_json::to_string(&source).unwrap();
        assert_eq!(serde_json::from_str::<Source>(&text).unwrap(), source);
    }
}

#[test]
fn files_are_joined_by_name() {
    let folder = Folder::new();
    folder.file("part-2.csv", "x,name\n3,c\n4.25,NA\n");
    folder.file("part-1.csv", "name,x\na,1\nb,2.5\n");
    folder.file("part-3.jsonl", "{\"x\": 1e3, \"name\": \"d\"}\n");
    folder.file("other.csv", "q\n1\n");
    let pattern = folder.0.path().join("part-*").to_str().unwrap().to_owned();
    let table = loaded(&Source::parse(&pattern)).unwrap();
    assert_eq!(table.name, pattern);
    assert_eq!(names(&table), ["name", "x"]);
    assert_eq!(numbers(&table, "x"), [1.0, 2.5, 3.0, 4.25, 1000.0]);
    assert_eq!(texts(&table, "name")[2..], [Some("c".into()), None, Some("d".into())]);
    let places: Vec<String> = (0..5).map(|row| table.place(row).to_string()).collect();
    for (place, end) in
        places.iter().zip(["1.csv line 2", "1.csv line 3", "2.csv line 2", "2.csv line 3", "3.jsonl line 1"])
    {
        assert!(place.ends_with(end), "{place}");
    }
    let files = Source::Files(vec![folder.0.path().join("part-1.csv"), folder.0.path().join("part-2.csv")]);
    assert_eq!(loaded(&files).unwrap().rows(), 4);
}

#[test]
fn types_are_decided_over_all_files() {
    let folder = Folder::new();
    let paths = vec![folder.file("1.csv", "a,b\n1,7\n2,8\n"), folder.file("2.csv", "a,b\nx,9\n3.0,10\n")];
    let table = loaded(&Source::Files(paths)).unwrap();
    assert_eq!(texts(&table, "a"), ["1", "2", "x", "3.0"].map(|text| Some(text.to_owned())));
    assert_eq!(numbers(&table, "b"), [7.0, 8.0, 9.0, 10.0]);
    // the second file alone would have a header
    let paths = vec![folder.file("3.csv", "1,2\n3,4\n"), folder.file("4.csv", "0,1\n8,9\n")];
    let table = loaded(&Source::Files(paths)).unwrap();
    assert_eq!((names(&table), table.rows()), (vec!["c1", "c2"], 4));
    let infinite = vec![folder.file("5.csv", "a,b\n1,7\n"), folder.file("6.csv", "a,b\n1,7\n\ninf,2\n")];
    let Error::Infinite { place, .. } = loaded(&Source::Files(infinite)).unwrap_err() else { panic!() };
    assert!(place.to_string().ends_with("6.csv line 4"), "{place}");
}

#[test]
fn what_does_not_fit_together_is_named() {
    let folder = Folder::new();
    let paths = vec![folder.file("1.csv", "a,b\n1,7\n"), folder.file("2.csv", "a,c\n1,2\n")];
    let error = loaded(&Source::Files(paths)).unwrap_err();
    let Error::OtherColumns { path, lacks, adds, .. } = &error else { panic!("{error}") };
    assert!(path.ends_with("2.csv"));
    assert_eq!((lacks.as_str(), adds.as_str()), ("b", "c"));
    let none = folder.0.path().join("*.txt").to_str().unwrap().to_owned();
    assert!(matches!(loaded(&Source::Glob(none)), Err(Error::NoFiles { .. })));
    assert!(matches!(loaded(&Source::Glob("a[".into())), Err(Error::Pattern { .. })));
    let images = vec![folder.file("1.csv", "a,b\n1,7\n"), folder.file("x", idx(&[1, 1, 1], &[0]))];
    assert!(matches!(loaded(&Source::Files(images)), Err(Error::WrongFormat { found: "images", .. })));
}

#[test]
fn zstd_and_gzip_hold_text_and_json() {
    let folder = Folder::new();
    let text = "a,b\n1,x\n2,y\n".repeat(3);
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    for path in [folder.file("t.csv.zst", &packed), folder.file("t", &packed)] {
        assert_eq!(loaded(&Source::File(path)).unwrap().rows(), 8);
    }
    let cut = folder.file("cut.csv.zst", &packed[..packed.len() - 5]);
    assert!(matches!(loaded(&Source::File(cut)), Err(Error::Damaged { .. })));
    let mut broken = packed.clone();
    broken[8] ^= 0x55;
    assert!(matches!(loaded(&Source::File(folder.file("b.csv.zst", broken))), Err(Error::Damaged { .. })));
    let lines = gzip(b"{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(loaded(&Source::File(folder.file("t.jsonl.gz", lines))).unwrap().rows(), 2);
    // the encoding is found from the unpacked bytes, which are read twice
    let old = gzip(b"a,b\n1,caf\xE9\n");
    let table = loaded(&Source::File(folder.file("old.csv.gz", old))).unwrap();
    assert_eq!(texts(&table, "b"), [Some("café".into())]);
}
