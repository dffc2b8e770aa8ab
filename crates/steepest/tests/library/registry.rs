//! An optimizer is its file and its lines in the table: nothing else of the workspace knows it.

use std::fs;
use std::path::{Path, PathBuf};
use steepest::registry::{OPTIMIZERS, find};

/// Who is named elsewhere, and why.
const KNOWN: [&str; 4] = [
    "adamw", // what fit trains with by default, and what updates vectors beside matrix methods
    "adam",  // what minimize uses by default
    "sgd",   // the simplest of all, in examples
    "lion",  // with adamw and sgd, whose steps mechanic scales
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The code of a file: without comments, and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// The type and the name of every struct of settings in a file: `pub struct AdamW("adamw")`.
fn structs(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| {
            let (kind, rest) = line.trim().strip_prefix("pub struct ")?.split_once("(\"")?;
            Some((kind.to_owned(), rest.split_once("\")")?.0.to_owned()))
        })
        .collect()
}

#[test]
fn an_optimizer_is_its_file_and_its_lines_in_the_table() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let rules = crates.join("steepest/src/rules");
    let mut files = Vec::new();
    for folder in fs::read_dir(crates).unwrap() {
        sources(&folder.unwrap().path().join("src"), &mut files);
    }
    let texts: Vec<(PathBuf, String)> = files.into_iter().map(|path| (path.clone(), code(&path))).collect();
    let mut found = Vec::new();
    let mut elsewhere = Vec::new();
    for (own, text) in texts.iter().filter(|(path, _)| path.starts_with(&rules)) {
        for (kind, name) in structs(text) {
            found.push(name.clone());
            if KNOWN.contains(&name.as_str()) {
                continue;
            }
            for (path, text) in &texts {
                let lists_modules = path.starts_with(&rules) && path.ends_with("mod.rs");
                if path != own && !lists_modules {
                    let literal = format!("\"{name}\"");
                    if has_word(text, &kind) || text.contains(&literal) {
                        elsewhere.push(format!("{name} is named in {}", path.display()));
                    }
                }
            }
        }
    }
    assert!(elsewhere.is_empty(), "{}", elsewhere.join("\n"));
    // and no file is forgotten in the table
    let mut rows: Vec<&str> = OPTIMIZERS.iter().map(|entry| entry.name).collect();
    rows.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, rows, "files of rules, and lines of `entry!` in src/rules/mod.rs");
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = OPTIMIZERS.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), OPTIMIZERS.len());
}

#[test]
fn state_is_counted_for_each_element() {
    let bytes = |name| find(name).unwrap().state_bytes().unwrap();
    assert_eq!((bytes("sgd"), bytes("adagrad"), bytes("adamw")), (0.0, 4.0, 8.0));
}
