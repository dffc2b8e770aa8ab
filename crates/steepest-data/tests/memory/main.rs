//! What reading holds: never more than it may, whatever the file, and errors that say how much it would be.
#![allow(unsafe_code)] // a global allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use steepest_data::read::read;
use steepest_data::{Error, Loaded, ReadOptions};

mod bombs;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod honest;

use common::{Folder, gzip, idx};

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn add(bytes: usize) {
    MOST.fetch_max(HELD.fetch_add(bytes, SeqCst) + bytes, SeqCst);
}

// SAFETY: every call goes to the system's allocator with the same arguments; counting beside it
// allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // large blocks move by their pages, so that old and new are not held at once
        add(size.saturating_sub(layout.size()));
        HELD.fetch_sub(layout.size().saturating_sub(size), SeqCst);
        // SAFETY: the caller's contract.
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MIB: usize = 1 << 20;

/// One test at a time, for what is counted is the whole process's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `work` gives, and the most bytes that were held meanwhile beside those held before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(SeqCst);
    MOST.store(before, SeqCst);
    let made = work();
    (made, MOST.load(SeqCst) - before)
}

fn bounded(bytes: usize) -> ReadOptions {
    ReadOptions { max_memory: Some(bytes as u64), ..ReadOptions::default() }
}
