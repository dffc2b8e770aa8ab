//! Saves a run in the background: the thread that trains makes a snapshot and goes on.

use crate::checkpoint::{self, Origin};
use crate::error::Result;
use crate::state::Snapshot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use steepest::FileSystem;

/// Writes checkpoints, one after the other. A snapshot that comes while one is written replaces one that waits.
#[derive(Debug)]
pub(crate) struct Saver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    desk: Mutex<Desk>,
    changed: Condvar,
}

/// Where checkpoints go.
#[derive(Debug)]
pub(crate) struct Target {
    pub system: Arc<dyn FileSystem>,
    pub run: PathBuf,
    /// How many are kept.
    pub keep: u64,
    pub origin: Origin,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: Option<Snapshot>,
    writing: bool,
    /// Nothing more will come.
    closed: bool,
    /// What went wrong since it was asked last.
    problems: Vec<String>,
}

impl Saver {
    pub fn new(target: Target) -> Self {
        let desk = Mutex::new(Desk::default());
        Self { shared: Arc::new(Shared { target, desk, changed: Condvar::new() }), thread: None }
    }

    /// Has a snapshot written, soon.
    pub fn save(&mut self, snapshot: Snapshot) {
        self.shared.desk().waiting = Some(snapshot);
        self.shared.changed.notify_all();
        if self.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let started = std::thread::Builder::new().name("saver".to_owned()).spawn(move || shared.work());
            match started {
                Ok(thread) => self.thread = Some(thread),
                // no thread to be had: then here
                Err(_) => self.shared.write_waiting(),
            }
        }
    }

    /// Writes a snapshot, and returns when it is there. One that waits is dropped.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save_now(&self, snapshot: &Snapshot) -> Result<()> {
        let mut desk = self.shared.desk();
        desk.waiting = None;
        while desk.writing {
            desk = self.shared.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
        drop(desk);
        self.shared.write(snapshot)
    }

    /// What went wrong since this was asked last, a sentence each.
    pub fn problems(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.desk().problems)
    }
}

impl Drop for Saver {
    /// Waits for what is being written, so that no file is changed after a run has ended.
    fn drop(&mut self) {
        {
            let mut desk = self.shared.desk();
            (desk.waiting, desk.closed) = (None, true);
        }
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // nothing that holds it can panic
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let mut desk = self.desk();
            while desk.waiting.is_none() {
                if desk.closed {
                    return;
                }
                desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
            drop(desk);
            self.write_waiting();
        }
    }

    fn write_waiting(&self) {
        let mut desk = self.desk();
        let Some(snapshot) = desk.waiting.take() else { return };
        desk.writing = true;
        drop(desk);
        // whoever waits for this must not wait for ever
        let written = catch_unwind(AssertUnwindSafe(|| self.write(&snapshot)));
        let problem = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("the run could not be saved: {error}")),
            Err(_) => Some("the run could not be saved: writing it ended in a panic".to_owned()),
        };
        let mut desk = self.desk();
        desk.writing = false;
        desk.problems.extend(problem);
        drop(desk);
        self.changed.notify_all();
    }

    fn write(&self, snapshot: &Snapshot) -> Result<()> {
        let Target { system, run, keep, origin } = &self.target;
        checkpoint::write(&**system, run, snapshot, origin, *keep)
    }
}
