//! Files that are whole, or not there.

use crate::error::{Error, Result};
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What files are written through: the [`Disk`]; or, to find out what becomes of a program when a disk is full, is cut
/// off its power or takes its time, one that does all that.
pub trait FileSystem: Debug + Send + Sync {
    /// A new file, open for writing.
    ///
    /// # Errors
    /// What the system says; [`ErrorKind::AlreadyExists`] for a file or a link that is there.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// A file that is made if it is not there, cut to `length` bytes, and open for writing behind them. A link is not
    /// followed.
    ///
    /// # Errors
    /// What the system says.
    fn open_behind(&self, path: &Path, length: u64) -> io::Result<Box<dyn OpenFile>>;

    /// Gives a file another name; what had it is no more.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and those above it, if they are not there.
    ///
    /// # Errors
    /// What the system says.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder last. Not every system can do that, which is no error.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// A file that is open for writing.
pub trait OpenFile: Write + Debug + Send {
    /// Waits until the bytes have reached the disk.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl OpenFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl FileSystem for Disk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn open_behind(&self, path: &Path, length: u64) -> io::Result<Box<dyn OpenFile>> {
        if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "this is a link, or no file"));
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        let synced = File::open(path).and_then(|folder| folder.sync_all());
        // there are file systems that do not know this for folders, and folders that may be written to, but not read
        let unable = [ErrorKind::InvalidInput, ErrorKind::Unsupported, ErrorKind::PermissionDenied];
        synced.or_else(|error| if unable.contains(&error.kind()) { Ok(()) } else { Err(error) })
    }
}

/// Writes a file such that a crash, of the program or of the machine, leaves the old file or the new one
/// at `path`, and nothing in between.
///
/// The bytes go into a file beside `path` that no other process and no other thread writes
/// (`NAME.PROCESS-NUMBER.part`), reach the disk, and get their name then; the folder reaches the disk, too, where the
/// system can do that. A file or a link at `path` is replaced; after an error it is as it was, and the part is removed.
/// (After a crash it may be left. Where the folder alone does not reach the disk, the new file is in its place, and a
/// crash of the machine may bring back the old one.)
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
    write_atomically_on(&Disk, path, bytes)
}

/// [`write_atomically`] through another file system.
///
/// # Errors
/// The same.
pub fn write_atomically_on(system: &dyn FileSystem, path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let written =
        create_beside(system, path).and_then(|(file, part)| replace(system, path, file, &part, bytes));
    written.map_err(|e| Error::File { path: path.display().to_string(), reason: e.to_string() })
}

/// A new file in the folder of `path`, and where it is.
fn create_beside(system: &dyn FileSystem, path: &Path) -> io::Result<(Box<dyn OpenFile>, PathBuf)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "this is no name of a file"));
    };
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut part = name.to_owned();
        part.push(format!(".{}-{number}.part", std::process::id()));
        let part = path.with_file_name(part);
        match system.create_new(&part) {
            // left by a process of the same number that crashed
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            created => return Ok((created?, part)),
        }
    }
}

/// Writes `bytes` into the file at `part`, and moves it to `path`.
fn replace(
    system: &dyn FileSystem,
    path: &Path,
    mut file: Box<dyn OpenFile>,
    part: &Path,
    bytes: &[u8],
) -> io::Result<()> {
    let written = file
        .write_all(bytes)
        // the bytes before the name: renaming does not wait for them
        .and_then(|()| again(|| file.sync()))
        .and_then(|()| again(|| system.rename(part, path)));
    if written.is_err() {
        // half a file helps nobody; the error to report is the first one
        let _ = system.remove(part);
        return written;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    again(|| system.sync_folder(folder.unwrap_or(Path::new("."))))
}

/// Until no signal comes between.
fn again(mut operation: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
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
        let full: Box<dyn OpenFile> = Box::new(OpenOptions::new().write(true).open(&part).unwrap());
        assert!(replace(&Disk, &path, full, &part, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["state"], "half a file was left");
    }
}
