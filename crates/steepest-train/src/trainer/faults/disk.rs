//! The disk, under watch of a test.

use super::*;
use std::io::{self, Write};
use steepest::OpenFile;

/// What is asked before each operation of a file system.
pub(super) trait Watch: std::fmt::Debug + Send + Sync {
    /// An error instead of the operation; or how many bytes of a write are written.
    fn before(&self, operation: Operation<'_>) -> io::Result<usize>;
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operation<'a> {
    Create(&'a Path),
    Write(&'a Path, &'a [u8]),
    Sync(&'a Path),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    Folder(&'a Path),
    SyncFolder(&'a Path),
}

/// The disk, under watch.
#[derive(Debug, Clone)]
pub(super) struct Watched<W>(Arc<W>);

#[derive(Debug)]
pub(super) struct WatchedFile<W> {
    watch: Arc<W>,
    path: PathBuf,
    file: Box<dyn OpenFile>,
}

impl<W: Watch> Write for WatchedFile<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.watch.before(Operation::Write(&self.path, bytes))?.min(bytes.len());
        self.file.write_all(&bytes[..length])?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<W: Watch> OpenFile for WatchedFile<W> {
    fn sync(&mut self) -> io::Result<()> {
        self.watch.before(Operation::Sync(&self.path))?;
        self.file.sync()
    }
}

impl<W: Watch + 'static> Watched<W> {
    pub(super) fn by(watch: &Arc<W>) -> Self {
        Self(Arc::clone(watch))
    }

    fn file(&self, path: &Path, file: Box<dyn OpenFile>) -> Box<dyn OpenFile> {
        Box::new(WatchedFile { watch: Arc::clone(&self.0), path: path.to_owned(), file })
    }
}

impl<W: Watch + 'static> FileSystem for Watched<W> {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.0.before(Operation::Create(path))?;
        Ok(self.file(path, Disk.create_new(path)?))
    }

    fn open_behind(&self, path: &Path, length: u64) -> io::Result<Box<dyn OpenFile>> {
        self.0.before(Operation::Create(path))?;
        Ok(self.file(path, Disk.open_behind(path, length)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.before(Operation::Rename(from, to))?;
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.before(Operation::Remove(path))?;
        Disk.remove(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.0.before(Operation::Folder(path))?;
        Disk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.before(Operation::SyncFolder(path))?;
        Disk.sync_folder(path)
    }
}
