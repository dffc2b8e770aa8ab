//! A file system that writes nothing.

use std::io::{self, Write};
use std::path::Path;
use steepest::{FileSystem, OpenFile};

/// Everything succeeds, and nothing is written: for a run whose steps are taken again to see what comes out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl OpenFile for Nowhere {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileSystem for Nowhere {
    fn create_new(&self, _: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(Self))
    }

    fn open_behind(&self, _: &Path, _: u64) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(Self))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}
