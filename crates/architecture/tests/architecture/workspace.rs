//! What `docs/architecture.md` says of the source, held true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use architecture::{Graph, is_unsafe};

/// The longest file that needs no reason in `docs/decisions.md`, in lines, without the tests at its end.
const LONGEST: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page of the documentation; nothing where there is none.
fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap_or_default()
}

/// For each crate, the texts of the files under `src` by their paths there.
fn crates() -> BTreeMap<String, BTreeMap<String, String>> {
    let folders = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let crates = folders.filter(|folder| folder.join("src").is_dir()).map(|folder| {
        let mut sources = BTreeMap::new();
        read_folder(&folder.join("src"), "", &mut sources);
        (folder.file_name().unwrap().to_str().unwrap().to_owned(), sources)
    });
    let crates: BTreeMap<_, _> = crates.collect();
    assert!(crates.len() > 4, "the crates lie elsewhere: {:?}", crates.keys());
    crates
}

fn read_folder(folder: &Path, within: &str, sources: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{within}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read_folder(&path, &format!("{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}

fn graph(name: &str, sources: &BTreeMap<String, String>) -> Graph {
    Graph::read(sources).unwrap_or_else(|error| panic!("crates/{name}/src: {error}"))
}

#[test]
fn imports_run_one_way() {
    let mut found = Vec::new();
    for (name, sources) in crates() {
        let graph = graph(&name, &sources);
        assert!(graph.files().count() > 1 && graph.links().count() > 1, "{name}: nothing was read");
        found.extend(graph.circles().iter().map(|circle| format!("crates/{name}/src: {circle}")));
    }
    assert!(
        found.is_empty(),
        "files import one another in circles; move what both need to a file of its own\n\n{}\n",
        found.join("\n\n")
    );
}

#[test]
fn all_but_the_python_package_are_default_members() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split("\ndefault-members = [").nth(1).and_then(|rest| rest.split(']').next());
    let members: BTreeSet<&str> = members
        .expect("default-members in Cargo.toml")
        .split('"')
        .filter(|part| part.starts_with("crates/"))
        .collect();
    let expected: BTreeSet<String> = crates()
        .into_keys()
        .filter(|name| name != "steepest-python")
        .map(|name| format!("crates/{name}"))
        .collect();
    assert_eq!(members, expected.iter().map(String::as_str).collect(), "default-members in Cargo.toml");
}

#[test]
fn the_page_lists_the_files_with_unsafe_code() {
    let page = page("architecture.md");
    let section =
        page.split("\n## Unsafe code\n").nth(1).expect("a section `## Unsafe code` in docs/architecture.md");
    let section = section.split("\n## ").next().unwrap_or_default();
    let listed: BTreeSet<&str> = section
        .lines()
        .filter(|line| line.starts_with("- "))
        .map(|line| line.split('`').nth(1).unwrap_or_else(|| panic!("no path in backticks: {line}")))
        .collect();
    let mut found = BTreeSet::new();
    for (name, sources) in crates() {
        for (path, text) in sources {
            let path = format!("crates/{name}/src/{path}");
            if is_unsafe(&text).unwrap_or_else(|error| panic!("{path}: {error}")) {
                found.insert(path);
            }
        }
    }
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    let wrong: Vec<_> = listed.difference(&found).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "section `## Unsafe code` of docs/architecture.md: add {missing:?}; take out {wrong:?}"
    );
}

#[test]
fn files_are_short_or_have_a_reason() {
    let reasons = page("decisions.md");
    let mut found = Vec::new();
    for (name, sources) in crates() {
        for path in graph(&name, &sources).files() {
            let (lines, path) = (lines_of_code(&sources[path]), format!("crates/{name}/src/{path}"));
            if lines > LONGEST && !reasons.contains(&format!("`{path}`")) {
                found.push(format!("{path}: {lines} lines"));
            }
        }
    }
    assert!(
        found.is_empty(),
        "files of more than {LONGEST} lines, tests aside; divide them, or give docs/decisions.md the reason and the path in \
         backticks\n{}\n",
        found.join("\n")
    );
}

/// Lines before the module of tests that ends a file.
fn lines_of_code(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins = lines
        .windows(2)
        .rposition(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
    match begins {
        Some(begin)
            if lines[begin..].iter().position(|line| *line == "}") == Some(lines.len() - begin - 1) =>
        {
            begin
        }
        _ => lines.len(),
    }
}

#[test]
fn tests_at_the_end_are_no_lines_of_code() {
    let code = "fn f() {\n}\n\n";
    let tests = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";
    assert_eq!(lines_of_code(&format!("{code}{tests}")), 3);
    assert_eq!(lines_of_code(&format!("{code}{tests}{code}")), 11);
    assert_eq!(lines_of_code("#[cfg(test)]\nmod tests;\nfn f() {\n}\n"), 4);
}
