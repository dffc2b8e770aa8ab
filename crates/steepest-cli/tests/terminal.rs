//! What a terminal is sent: never a line that wraps, colours only where they are wanted, and a full screen that is left.
//!
//! `script` of util-linux is the terminal; without it these tests do nothing but say so.

#![cfg(target_os = "linux")]

mod common;

use common::Place;
use std::process::Command;

/// What a terminal of so many columns gets from a run, or `None` where there is no `script`.
fn typescript(place: &Place, columns: u32, environment: &[(&str, &str)], words: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_steepest");
    let command = format!("stty cols {columns} rows 30; '{program}' {words}");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(place.path())
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied())
        .output();
    match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}");
            Some(text)
        }
        Err(error) => {
            println!("skipped: {error}: script is not installed");
            None
        }
    }
}

/// Without commands to the terminal: what is seen of each line, also of those that are written over.
fn seen(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' => lines.push(String::new()),
            '\u{1b}' => {
                // `ESC [ … letter`
                while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            c => lines.last_mut().unwrap().push(c),
        }
    }
    lines
}

const FIT: &str = "fit iris --epochs 30 --no-report --out";

#[test]
fn the_line_of_progress_never_wraps() {
    let place = Place::new();
    for columns in [40, 80, 110, 200] {
        let Some(text) = typescript(&place, columns, &[], &format!("{FIT} run-{columns}")) else { return };
        let progress: Vec<String> = seen(&text)
            .into_iter()
            .filter(|line| line.starts_with("epoch ") && line.contains("loss"))
            .collect();
        assert!(!progress.is_empty(), "{text}");
        for line in progress {
            assert!(line.trim_end().chars().count() < columns as usize, "{columns}: {line:?}");
        }
        assert!(text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn colours_and_lines_are_drawn_only_where_they_are_wanted() {
    let place = Place::new();
    let Some(text) = typescript(&place, 80, &[("NO_COLOR", "1")], &format!("{FIT} plain")) else { return };
    // 38;5;… and 1 to 7 are colours, as `m` ends them
    let colours = text.split("\u{1b}[").skip(1).filter(|part| {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| part[end..].starts_with('m'))
    });
    assert_eq!(colours.count(), 0, "{text:?}");
    for options in ["", " --live"] {
        let words = format!("{FIT} dumb{}{options}", options.trim());
        let text = typescript(&place, 80, &[("TERM", "dumb")], &words).unwrap();
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("epoch  1/30"), "plain lines: {text}");
    }
}

#[test]
fn a_full_screen_is_shown_and_left() {
    let place = Place::new();
    let (enter, leave) = ("\u{1b}[?1049h", "\u{1b}[?25h\u{1b}[?1049l");
    let Some(text) = typescript(&place, 100, &[], &format!("{FIT} live --live")) else { return };
    assert_eq!((text.matches(enter).count(), text.matches(leave).count()), (1, 1), "{text:?}");
    let (_, after) = text.split_once(leave).unwrap();
    assert!(after.contains("balanced_accuracy") && !after.contains("\u{1b}[?1049"), "{after:?}");
    let screen = seen(&text).join("");
    for part in ["gradients", "loss", "rows/s"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    // nobody looks at a screen there
    for (name, option) in [("json", "--live --json"), ("quiet", "--live --quiet")] {
        let text = typescript(&place, 100, &[], &format!("{FIT} {name} {option}")).unwrap();
        assert!(!text.contains(enter), "{option}: {text:?}");
    }
    let piped = place.run(&format!("{FIT} piped --live")).ok();
    assert!(!piped.stderr.contains('\u{1b}') && piped.stderr.contains("epoch  1/30"), "{}", piped.stderr);
}
