//! Where data comes from: a file, or inside the program.

use std::path::{Path, PathBuf};

use crate::embedded;
use crate::error::Result;
use crate::read::{ReadOptions, read};
use crate::table::Loaded;

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An embedded data set, by name.
    Builtin(String),
    /// A file: CSV, Parquet or IDX.
    File(PathBuf),
}

impl Source {
    /// What a user's word means: a file if one exists there (it wins over an embedded set of that name) or if
    /// it looks like a path (a separator or a dot), else an embedded data set.
    pub fn parse(text: &str) -> Self {
        let looks_like_path = text.contains(['/', '\\', '.']);
        // a folder of an embedded set's name is not meant, unless no such set exists
        let exists = Path::new(text).is_file() || (Path::new(text).exists() && embedded::find(text).is_err());
        if looks_like_path || exists { Source::File(text.into()) } else { Source::Builtin(text.to_owned()) }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Builtin(name) => f.write_str(name),
            Source::File(path) => path.display().fmt(f),
        }
    }
}

/// Loads a source.
///
/// # Errors
/// [`Error::NoSuchBuiltin`](crate::Error::NoSuchBuiltin) with the nearest name; for files see [`read`].
pub fn load(source: &Source, options: &ReadOptions) -> Result<Loaded> {
    let path = match source {
        Source::Builtin(name) => return embedded::find(name).map(embedded::Embedded::load),
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
