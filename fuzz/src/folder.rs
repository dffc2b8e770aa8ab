//! Where the bytes of an input become files.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder for files, which goes with it.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }
}

thread_local! {
    /// One for all inputs: making a folder takes longer than reading most of them.
    pub static FOLDER: Folder = Folder::new();
}
