//! Text of a file moves no cursor, turns no direction and fills no screen, wherever a message shows it.

use super::*;

const EVIL: &str = "\u{1b}[2J\u{9b}1m\u{202e}\u{2066}\u{200f}\u{2028}\u{61c}";

fn is_harmless(message: &str) {
    assert!(message.len() < 1500, "{} bytes: {message}", message.len());
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!message.contains(bad), "{message:?}");
}

#[test]
fn in_errors() {
    let long = "n".repeat(5000);
    let name = format!("{EVIL}{long}");
    let texts = [
        format!("{name},{name}\n1,2\n"),
        format!("{name},b\n1,2\n2,inf\n{}", "3,4\n".repeat(20)),
        format!("{{\"{long}\": 1, \"{long}\": 2}}"),
        format!("{{\"a\": {name}}}"),
        format!("a,b\n1,{name}"),
    ];
    for text in texts {
        let Err(error) =
            table_with(&text, &ReadOptions { required: vec![name.clone()], ..Default::default() })
        else {
            panic!("{text}")
        };
        is_harmless(&error.to_string());
    }
    let encoding = ReadOptions { encoding: Some(name.clone()), ..Default::default() };
    is_harmless(&table_with("a\n1\n", &encoding).unwrap_err().to_string());
    is_harmless(&load(&Source::parse(&name), &ReadOptions::default()).unwrap_err().to_string());
    is_harmless(
        &load(&Source::File(format!("/{name}").into()), &ReadOptions::default()).unwrap_err().to_string(),
    );
    is_harmless(&load(&Source::Glob(format!("{name}*")), &ReadOptions::default()).unwrap_err().to_string());
}

#[test]
fn in_notes() {
    let long = "n".repeat(500);
    let rows: String = (0..40).map(|row| format!("0{row},{row}.5,2026-01-{:02}\n", row % 28 + 1)).collect();
    let texts = [
        format!("a{EVIL}{long},b{EVIL},c{EVIL}\n{rows}{EVIL},{EVIL}x,{EVIL}\n"),
        format!("{EVIL}{long}\na,b,c\n{rows}"),
        format!("a,b,c\n{rows}\n"),
    ];
    for text in texts {
        let table = table(&text);
        assert!(!table.notes.is_empty(), "{text}");
        table.notes.iter().for_each(|note| is_harmless(note));
    }
    let folder = Folder::new();
    let path = folder.file("t.jsonl", format!("{{\"\\u001b{long}\":[1],\"b\":1}}\n"));
    let Loaded::Table(table) = read(&path, &ReadOptions::default()).unwrap() else {
        panic!("a table was expected")
    };
    table.notes.iter().for_each(|note| is_harmless(note));
}
