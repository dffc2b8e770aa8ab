//! Encodings, and what stands around a table in a file of text.

use super::*;

fn noted(table: &Table, words: &[&str]) {
    assert!(
        table.notes.iter().any(|note| words.iter().all(|word| note.contains(word))),
        "{words:?} in {:?}",
        table.notes
    );
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

#[test]
fn utf_16_with_and_without_a_mark() {
    let text = "größe,Ω\n1.5,ja\n2,nein\n";
    for big_endian in [false, true] {
        for marked in [false, true] {
            let text = if marked { format!("\u{feff}{text}") } else { text.to_owned() };
            let table = table(utf16(&text, big_endian));
            assert_eq!(names(&table), ["größe", "Ω"]);
            assert_eq!(numbers(&table, "größe"), [1.5, 2.0]);
            noted(&table, &["UTF-16"]);
        }
    }
    // half of a pair of surrogates
    let mut broken = utf16("\u{feff}a,b\n1,2\n3,", false);
    broken.extend([0x00, 0xD8, b'\n', 0]);
    assert!(matches!(error(broken), Error::NotDecoded { line: 3, encoding: "UTF-16LE", .. }));
}

#[test]
fn old_encodings_are_found() {
    let text = "größe,label\n0.5,\u{201c}schön\u{201d}\n1.5,Straße\n2,für 5 €\n";
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let table = table(&bytes);
    assert_eq!(names(&table), ["größe", "label"]);
    assert_eq!(texts(&table, "label")[0], Some("\u{201c}schön\u{201d}".into()));
    noted(&table, &["windows-1252"]);
    let russian = "город,x\nМосква,1\nСанкт-Петербург,2\nНовосибирск,3\n";
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(russian);
    assert_eq!(texts(&self::table(&bytes), "город")[2], Some("Новосибирск".into()));
    let japanese = "都市,x\n東京は大きい,1\n大阪です,2\nこれは札幌,3\n";
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(japanese);
    assert_eq!(texts(&self::table(&bytes), "都市")[1], Some("大阪です".into()));
}

#[test]
fn the_first_foreign_byte_may_lie_far_behind() {
    let mut bytes = b"a,b\n".to_vec();
    (0..40_000).for_each(|row| bytes.extend(format!("{row},x\n").bytes()));
    bytes.extend(b"1,caf\xE9\n");
    let table = table(&bytes);
    assert_eq!(texts(&table, "b").last().unwrap(), &Some("café".into()));
    assert_eq!(table.rows(), 40_001);
    noted(&table, &["windows-1252"]);
}

#[test]
fn an_encoding_can_be_said() {
    let with = |label: &str| ReadOptions { encoding: Some(label.into()), ..Default::default() };
    let table = table_with(b"a,b\n1,\xA4\n", &with("iso-8859-15")).unwrap();
    assert_eq!(texts(&table, "b"), [Some("€".into())]);
    assert!(table.notes.is_empty(), "{:?}", table.notes);
    let Error::NoSuchEncoding { nearest, .. } = table_with("a\n1\n", &with("windows-125")).unwrap_err()
    else {
        panic!()
    };
    assert!(nearest.is_some_and(|nearest| nearest.starts_with("windows-125")));
    assert!(matches!(
        table_with(b"a,b\n1,2\n3,\x81\xFF\n", &with("shift_jis")),
        Err(Error::NotDecoded { line: 3, .. })
    ));
}

#[test]
fn comments_before_the_table() {
    for prefix in ["#", "//", "%"] {
        let table = table(format!("{prefix} made 2024, by hand\n{prefix}\n\nx,y\n1,2\n3,4\n"));
        assert_eq!(names(&table), ["x", "y"]);
        assert_eq!(table.place(0), Place::Line(5));
        noted(&table, &["2 lines", "line 1", prefix]);
    }
    // later ones too, and only where the first lines are comments
    let table = table("# a\nx,y\n1,2\n# b\n3,4\n");
    assert_eq!((numbers(&table, "x"), table.place(1)), (vec![1.0, 3.0], Place::Line(5)));
    noted(&table, &["line 4", "\"#\""]);
    // cells that begin so
    let odd = self::table("#made by hand\nx,y\n#N/A,1\n3,4\n# b, c\n#REF!,5\n");
    assert_eq!((numbers(&odd, "y"), odd.column("x").unwrap().values.missing()), (vec![1.0, 4.0, 5.0], 2));
    let tags = self::table("tag,n\n#a,1\n#b,2\n");
    assert_eq!(texts(&tags, "tag"), [Some("#a".into()), Some("#b".into())]);
    let said = ReadOptions { comment: Some("!".into()), ..Default::default() };
    assert_eq!(names(&table_with("!x\na;b\n1;2\n!3;4\n", &said).unwrap()), ["a", "b"]);
    let none = ReadOptions { comment: Some(String::new()), ..Default::default() };
    assert_eq!(names(&table_with("#x,y\n1,2\n#3,4\n", &none).unwrap()), ["#x", "y"]);
    assert!(matches!(error("# nothing\n# else\n"), Error::Empty { .. }));
}

#[test]
fn a_header_behind_a_comment_sign() {
    for text in
        ["#x,y,z\n1,2,a\n3,4,b\n", "# made by hand\n# x,y,z\n1,2,a\n3,4,b\n", "#x,y,z\na,b,c\nd,e,f\n"]
    {
        let table = table(text);
        assert_eq!(names(&table), ["x", "y", "z"], "{text:?}");
        assert_eq!(table.rows(), 2);
        noted(&table, &["header", "\"#\""]);
    }
}

#[test]
fn titles_before_the_header() {
    for text in [
        "Report of 2024\n\nname,x,y\na,1,2\nb,3,4\n",
        "Report of 2024,,\n,,\nname,x,y\na,1,2\nb,3,4\n",
        "Report of 2024;draft\nname;x;y;z\na;1,5;2;3\nb;3;4;5\n",
    ] {
        let table = table(text);
        assert_eq!(names(&table)[..3], ["name", "x", "y"], "{text:?}");
        assert_eq!(table.rows(), 2, "{text:?}");
        noted(&table, &["line 1", "Report of 2024", "title"]);
    }
    // a header that lacks a name is no title
    assert!(matches!(error("x,y\na,1,2\nb,3,4\n"), Error::RaggedRow { line: 2, .. }));
    // rows of one cell are rows
    assert_eq!(table("a,b\nx,\ny,\nz,q\n").rows(), 3);
    let skipped = ReadOptions { skip_lines: Some(2), ..Default::default() };
    let table = table_with("1,2\n3,4,5\na,b\n5,6\n", &skipped).unwrap();
    assert_eq!((names(&table), table.place(0)), (vec!["a", "b"], Place::Line(4)));
}

#[test]
fn a_row_of_units() {
    for units in ["kg,m/s,", "[kg],[m/s],-", "(kg),(m s^-1),[-]", "%,°C,"] {
        let table = table(format!("mass,speed,label\n{units}\n1.5,2,a\n2.5,3,b\n"));
        assert_eq!(numbers(&table, "mass"), [1.5, 2.5], "{units}");
        assert_eq!(table.place(0), Place::Line(3));
        noted(&table, &["line 2", "units", "mass in"]);
    }
    for row in ["abc,1,x", "kg,1,a", "kg,m,word", ",,", "(5),(6),-"] {
        assert_eq!(table(format!("mass,speed,label\n{row}\n1.5,2,a\n2.5,3,b\n")).rows(), 3, "{row}");
    }
}

#[test]
fn a_total_at_the_end() {
    for word in ["Total", "TOTAL:", "Summe", "Grand total", "gesamt"] {
        let table = table(format!("city,x\nRom,1\nOslo,2\n{word},3\n"));
        assert_eq!(numbers(&table, "x"), [1.0, 2.0], "{word}");
        noted(&table, &["line 4", "sums up"]);
    }
    // a level of a column
    assert_eq!(table("kind,x\ntotal,1\npart,2\ntotal,3\n").rows(), 3);
    assert_eq!(table("city,x\nTotal,1\nRom,2\n").rows(), 2);
}

#[test]
fn blank_cells_behind_the_last_column() {
    for text in ["a,b,\n1,2,\n3,4,\n", "a,b,,\n1,2,,\n3,4,,\n"] {
        let table = table(text);
        assert_eq!(names(&table), ["a", "b"]);
        noted(&table, &["neither name nor cell"]);
    }
    let table = table("a,b\n1,2,\n3,4, \n5,6\n");
    assert_eq!(numbers(&table, "b"), [2.0, 4.0, 6.0]);
    noted(&table, &["2 rows", "line 2"]);
    assert!(matches!(error("a,b\n1,2,\n3,4,5\n"), Error::RaggedRow { line: 3, found: 3, .. }));
}

#[test]
fn headers_of_whole_numbers() {
    for text in [
        "1,2,3,4\n0.61,0.29,0.98,b\n0.31,0.87,0.41,a\n",
        "400,410,420\n0.5,0.25,0.125\n1.5,2.5,3.5\n",
        "7,3\nx,1\ny,2\n",
    ] {
        let table = table(text);
        assert_eq!(names(&table)[0], text.split(',').next().unwrap());
        assert_eq!(table.rows(), 2, "{text:?}");
    }
    for text in ["1,2,3\n4,5,6\n7,8,9\n", "3,3,b\n1,2,a\n", "400,411,420\n0.5,0.25,0.125\n"] {
        assert_eq!(names(&table(text))[0], "c1", "{text:?}");
    }
}

#[test]
fn lines_that_end_in_a_carriage_return() {
    let table = table("a,b\r1,x\r\r\"2\",\"y\r\"\r3,z");
    assert_eq!(numbers(&table, "a"), [1.0, 2.0, 3.0]);
    assert_eq!([0, 1, 2].map(|row| table.place(row)), [Place::Line(2), Place::Line(4), Place::Line(6)]);
}

/// Blocks of a megabyte end anywhere.
#[test]
fn records_over_the_ends_of_blocks() {
    let mut text = String::from("n,quoted,plain\r\n");
    let mut lines = Vec::new();
    let mut line = 2;
    for row in 0..60_000 {
        lines.push(line);
        let quoted = match row % 3 {
            0 => format!("\"a \"\"{row}\"\", é\""),
            1 => format!("\"two\r\nlines {row}\""),
            _ => format!("x{row}"),
        };
        line += if row % 3 == 1 { 2 } else { 1 };
        text.push_str(&format!("{row},{quoted}, p{} \r\n", row % 7));
    }
    assert!(text.len() > 1 << 20);
    let table = table(&text);
    assert_eq!(numbers(&table, "n"), (0..60_000).map(f64::from).collect::<Vec<_>>());
    let (quoted, plain) = (texts(&table, "quoted"), texts(&table, "plain"));
    for row in 0..60_000 {
        let expected = match row % 3 {
            0 => format!("a \"{row}\", é"),
            1 => format!("two\r\nlines {row}"),
            _ => format!("x{row}"),
        };
        assert_eq!(quoted[row].as_deref(), Some(expected.as_str()));
        assert_eq!(plain[row], Some(format!("p{}", row % 7)));
        assert_eq!(table.place(row), Place::Line(lines[row]));
    }
}

#[test]
fn one_column_of_numbers_with_commas_is_one_column() {
    let table = table("size\n1,500\n950\n0,5\n");
    assert_eq!((names(&table), table.rows()), (vec!["size"], 3));
    assert_eq!(numbers(&table, "size"), [1.5, 950.0, 0.5]);
}
