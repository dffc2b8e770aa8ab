//! The file: what a caller has in hand.

use super::event::{self, At};
use super::histogram::Histogram;
use super::hparams::{self, Outcome, Setting};
use super::message::Message;
use super::name::new_name;
use super::pending::Pending;
use super::tag::{as_code, inert_tag};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// An event file that is written: numbers, histograms and texts under tags, for TensorBoard.
///
/// Tags may come from outside: each goes through [`inert_tag`]. A tag keeps its kind: TensorBoard shows no histogram
/// under that of a scalar. What is added is gathered, and written every 64 KiB, with [`EventFile::flush`] and when this
/// is dropped; nothing is synced.
///
/// # Errors
/// A file that cannot be written ends nothing. The first method that notices says so, once; the events wait, up to
/// 8 MiB of them, and go to the file with the first [`EventFile::flush`] that succeeds, whole and in order. Only after
/// that is a failure said again.
pub struct EventFile {
    path: PathBuf,
    pending: Pending,
}

/// An event file that could not be made or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}; TensorBoard shows what was written before, the rest once there is space", path.display())]
pub struct WriteError {
    /// The file, or the folder that it should have been in.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What adding to a file gives.
type Result<T> = std::result::Result<T, WriteError>;

impl EventFile {
    /// A new file for a run that begins, in a folder that is made if it is missing. `at` is when; its step is usually 0.
    /// What earlier files there hold of that step or later is no part of the run, as for [`EventFile::resume`].
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn create(folder: &Path, at: At) -> Result<Self> {
        Self::begin(folder, at)
    }

    /// A further file for a run that goes on after `done.step` steps, in the folder of its earlier ones, which stay as
    /// they are. What they hold of *later* steps is shown no more: TensorBoard drops it when it has read the beginning
    /// of this one, or, as it is usually started, of each curve as soon as this file goes on with it.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn resume(folder: &Path, done: At) -> Result<Self> {
        Self::begin(folder, At { step: done.step.saturating_add(1), ..done })
    }

    fn begin(folder: &Path, first: At) -> Result<Self> {
        let (path, file) = make(folder, first.seconds)?;
        let mut events = Self { path, pending: Pending::new(Box::new(file)) };
        events.push(&event::version(first))?;
        // also in the first file of a run: TensorBoard takes the first beginning that it meets for no restart
        events.push(&event::session_start(first))?;
        events.flush()?;
        Ok(events)
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A point of a curve. Any number: it is rounded to 32 bits, and TensorBoard marks those that are not finite.
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn scalar(&mut self, tag: &str, x: f64, at: At) -> Result<()> {
        self.add(&event::scalar(&inert_tag(tag), x), at)
    }

    /// A histogram. If values were left out of it because they are not finite, their number is a point of the curve
    /// `TAG/not_finite`.
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn histogram(&mut self, tag: &str, histogram: &Histogram, at: At) -> Result<()> {
        let written = self.add(&event::histogram(&inert_tag(tag), histogram), at);
        match histogram.not_finite.count() {
            0 => written,
            count => written.and(self.scalar(&format!("{tag}/not_finite"), count as f64, at)),
        }
    }

    /// A text in Markdown, in which TensorBoard lets no HTML pass. For text from outside, see [`EventFile::code`].
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn text(&mut self, tag: &str, markdown: &str, at: At) -> Result<()> {
        self.add(&event::text(&inert_tag(tag), markdown), at)
    }

    /// A text letter for letter, such as a file of settings. What is no mark on the paper is escaped.
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn code(&mut self, tag: &str, text: &str, at: At) -> Result<()> {
        self.text(tag, &as_code(text), at)
    }

    /// The settings of the run, by name, for TensorBoard's HPARAMS page; once, before training. Of a setting that is
    /// given again, after the run went on, the page shows the first value.
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn settings(&mut self, settings: &[(&str, Setting)], at: At) -> Result<()> {
        self.add(&hparams::session_start(settings, at), at)
    }

    /// How the run ended, and its results, which the HPARAMS page shows beside its settings: each is a point of the curve
    /// `final/NAME`. Not for a run that may go on: the page keeps the first end that it is told.
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn end(&mut self, outcome: Outcome, results: &[(&str, f64)], at: At) -> Result<()> {
        let mut written = Ok(());
        for (name, x) in results {
            written = written.and(self.scalar(&format!("final/{name}"), *x, at));
        }
        written.and(self.add(&hparams::session_end(outcome, at), at))
    }

    /// Writes what was gathered, so that TensorBoard sees it.
    ///
    /// # Errors
    /// See [`EventFile`].
    pub fn flush(&mut self) -> Result<()> {
        let result = self.pending.flush();
        self.named(result)
    }

    /// Events that were given up, since more of them waited for a disk than are kept.
    pub fn left_out(&self) -> u64 {
        self.pending.left_out()
    }

    fn add(&mut self, value: &Message, at: At) -> Result<()> {
        self.push(&event::summary(value, at))
    }

    fn push(&mut self, event: &Message) -> Result<()> {
        let result = self.pending.push(event.as_bytes());
        self.named(result)
    }

    fn named(&self, result: io::Result<()>) -> Result<()> {
        result.map_err(|source| WriteError { path: self.path.clone(), source })
    }
}

impl Drop for EventFile {
    fn drop(&mut self) {
        // who wants to know of an error flushes
        let _ = self.flush();
    }
}

impl std::fmt::Debug for EventFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Makes a file that was not there.
fn make(folder: &Path, seconds: f64) -> Result<(PathBuf, File)> {
    let in_folder = |source| WriteError { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(in_folder)?;
    loop {
        let path = folder.join(new_name(folder, seconds).map_err(in_folder)?);
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            // another process was quicker, and the next name is behind its file's
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(WriteError { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct FullDisk;

    impl io::Write for FullDisk {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_names_the_file_once_and_ends_nothing() {
        let mut events = EventFile { path: "runs/events".into(), pending: Pending::new(Box::new(FullDisk)) };
        let at = At { step: 1, seconds: 0.0 };
        let mut errors = Vec::new();
        for _ in 0..10_000 {
            errors.extend(events.scalar("loss", 1.0, at).err());
            errors.extend(events.histogram("w", &Histogram::of(&[1.0, f64::NAN]), at).err());
            errors.extend(events.end(Outcome::Failure, &[("auc", 0.5)], at).err());
        }
        errors.extend(events.flush().err());
        assert_eq!(errors.len(), 1);
        assert!(errors[0].to_string().starts_with("runs/events: "), "{}", errors[0]);
        assert!(events.pending.waiting() > 1 << 20);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = EventFile::create(&file.join("run"), At::now(0)).unwrap_err();
        assert_eq!(error.path, file.join("run"));
    }

    #[test]
    fn a_file_is_dropped_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path(), At::now(0)).unwrap();
        let begun = fs::metadata(events.path()).unwrap().len();
        events.scalar("loss", 1.0, At::now(1)).unwrap();
        let (path, waiting) = (events.path().to_owned(), events.pending.waiting() as u64);
        drop(events);
        assert_eq!(fs::metadata(path).unwrap().len(), begun + waiting);
    }
}
