//! Where data comes from: files, standard input, or inside the program.

use std::path::{Path, PathBuf};

use crate::embedded;
use crate::error::{Error, Result};
use crate::read::{ReadOptions, read, read_files, read_standard_input};
use crate::table::Loaded;

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An embedded data set, by name.
    Builtin(String),
    /// A file of any format that [`read`] knows.
    File(PathBuf),
    /// Files with the same columns, as one table.
    Files(Vec<PathBuf>),
    /// The files whose paths match a pattern (`*`, `?`, `[..]`, `**`), sorted by path, as one table.
    Glob(String),
    /// What comes on standard input, in any format that [`read`] knows.
    Stdin,
}

impl Source {
    /// What a user's word means: standard input if it is `-`, a file if one exists there (it wins over an
    /// embedded set of that name), a pattern of paths if it holds `*`, `?` or `[`, a file again if it looks like a
    /// path (a separator or a dot), else an embedded data set.
    pub fn parse(text: &str) -> Self {
        if text == "-" {
            return Source::Stdin;
        }
        let exists = Path::new(text).exists();
        if !exists && text.contains(['*', '?', '[']) {
            return Source::Glob(text.to_owned());
        }
        let looks_like_path = text.contains(['/', '\\', '.']);
        // a folder of an embedded set's name is not meant, unless no such set exists
        let is_data = Path::new(text).is_file() || (exists && embedded::find(text).is_err());
        if looks_like_path || is_data { Source::File(text.into()) } else { Source::Builtin(text.to_owned()) }
    }

    /// A word or two to name after it what is made of it: the name of a file without its ending.
    pub fn short_name(&self) -> String {
        let stem = |path: &Path| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        match self {
            Source::Builtin(name) => name.clone(),
            Source::File(path) => stem(path),
            Source::Files(paths) => paths.first().map_or_else(|| "files".to_owned(), |path| stem(path)),
            Source::Glob(_) => "files".to_owned(),
            Source::Stdin => "stdin".to_owned(),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Builtin(name) => f.write_str(name),
            Source::File(path) => path.display().fmt(f),
            Source::Files(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                f.write_str(&paths.join(", "))
            }
            Source::Glob(pattern) => f.write_str(pattern),
            Source::Stdin => f.write_str("standard input"),
        }
    }
}

/// Loads a source.
///
/// # Errors
/// [`Error::NoSuchBuiltin`] with the nearest name; [`Error::NoFiles`] where a pattern
/// matches none; for files see [`read`] and [`read_files`].
pub fn load(source: &Source, options: &ReadOptions) -> Result<Loaded> {
    let path = match source {
        Source::Builtin(name) => return embedded::find(name)?.load_with(options),
        Source::Stdin => return read_standard_input(options),
        Source::Files(paths) => return several(paths, source, options),
        Source::Glob(pattern) => return several(&matching(pattern)?, source, options),
        Source::File(path) => path,
    };
    let mut loaded = read(path, options)?;
    if let Some(embedded) = path.to_str().and_then(|name| embedded::find(name).ok()) {
        loaded.add_note(format!(
            "read from the file {}, not from the embedded data set of that name",
            embedded.name
        ));
    }
    Ok(loaded)
}

fn several(paths: &[PathBuf], source: &Source, options: &ReadOptions) -> Result<Loaded> {
    match paths {
        // one file may hold images
        [path] => read(path, options),
        paths => read_files(paths, &source.to_string(), options).map(Loaded::Table),
    }
}

/// The files that a pattern matches, sorted.
fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let wrong = |reason: String| Error::Pattern { pattern: pattern.to_owned(), reason };
    let mut paths = Vec::new();
    for path in glob::glob(pattern).map_err(|error| wrong(error.to_string()))? {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            Error::Io { path, source: error.into() }
        })?;
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Error::NoFiles { pattern: pattern.to_owned() });
    }
    Ok(paths)
}
