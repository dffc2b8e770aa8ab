//! Files that are whole, or not there.

use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file such that a crash, of the program or of the machine, leaves the old file or the new one
/// at `path`, and nothing in between.
///
/// The bytes go into a file beside `path` that no other process and no other thread writes
/// (`NAME.PROCESS-NUMBER.part`), reach the disk, and get their name then; the folder reaches the disk, too, where the
/// system can do that. A file or a link at `path` is replaced; after an error it is as it was, and the part is removed.
/// (After a crash it may be left.)
///
/// # Errors
/// [`Error::File`], with `path` and what the system says: a folder that is missing or not to be written to, a
/// folder in the place of the file, a full disk.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("summary.json");
/// steepest::write_atomically(&path, b"{}")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"{}");
/// # Ok::<(), steepest::Error>(())
/// ```
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let written = create_beside(path).and_then(|(file, part)| replace(path, file, &part, bytes));
    written.map_err(|e| Error::File { path: path.display().to_string(), reason: e.to_string() })
}

/// A new file in the folder of `path`, and where it is.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "this is no name of a file"));
    };
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut part = name.to_owned();
        part.push(format!(".{}-{number}.part", std::process::id()));
        let part = path.with_file_name(part);
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            // left by a process of the same number that crashed
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            created => return Ok((created?, part)),
        }
    }
}

/// Writes `bytes` into the file at `part`, and moves it to `path`.
fn replace(path: &Path, mut file: File, part: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = file
        .write_all(bytes)
        // the bytes before the name: renaming does not wait for them
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(part, path));
    if written.is_err() {
        // half a file helps nobody; the error to report is the first one
        let _ = fs::remove_file(part);
        return written;
    }
    sync_folder(path);
    Ok(())
}

/// Makes the new name last. Not every file system can do that, and the file is in its place already: so this does
/// not fail.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_new_file_replaces_the_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for bytes in [b"a longer text".as_slice(), b"short", b""] {
            write_atomically(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(names_in(folder.path()), ["state"]);
        }
    }

    #[test]
    fn writers_side_by_side_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let texts = [vec![1u8; 100_000], vec![2u8; 50_000]];
        std::thread::scope(|scope| {
            for text in &texts {
                scope.spawn(|| (0..20).for_each(|_| write_atomically(&path, text).unwrap()));
            }
        });
        assert!(texts.contains(&fs::read(&path).unwrap()));
        assert_eq!(names_in(folder.path()), ["state"]);
    }

    #[test]
    fn an_error_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing").join("state");
        let error = write_atomically(&missing, b"new").unwrap_err();
        assert!(
            matches!(&error, Error::File { path, .. } if *path == missing.display().to_string()),
            "{error}"
        );
        assert!(write_atomically(Path::new("/"), b"new").unwrap_err().to_string().starts_with("/: "));

        // the new file is written, but cannot take its place: that is a folder which is not empty
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), "kept").unwrap();
        assert!(matches!(write_atomically(&taken, b"new"), Err(Error::File { .. })));
        assert_eq!(names_in(folder.path()), ["taken"], "half a file was left");
        assert_eq!(fs::read(taken.join("inside")).unwrap(), b"kept");
    }

    #[test]
    fn a_part_that_a_crash_left_is_no_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        // more than this process has written so far and will write in this test
        let left = |number: u64| format!("state.{}-{number}.part", std::process::id());
        (0..1000).for_each(|number| fs::write(folder.path().join(left(number)), "half").unwrap());
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read(folder.path().join(left(0))).unwrap(), b"half");
    }

    /// A disk that is full in the middle of writing.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_atomically(&path, b"old").unwrap();
        let part = folder.path().join("state.part");
        std::os::unix::fs::symlink("/dev/full", &part).unwrap();
        let full = OpenOptions::new().write(true).open(&part).unwrap();
        assert!(replace(&path, full, &part, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["state"], "half a file was left");
    }
}
