//! A bound on memory that holds at every allocation: libFuzzer looks at the memory of the process once a second, and what is
//! allocated and freed between two looks escapes it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes that may be in use.
pub const LIMIT: usize = 512 << 20;

#[global_allocator]
static ALLOCATOR: Counting = Counting { used: AtomicUsize::new(0) };

struct Counting {
    used: AtomicUsize,
}

impl Counting {
    fn add(&self, bytes: usize) {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > LIMIT {
            // the message itself allocates a little
            self.used.store(0, Ordering::Relaxed);
            let asked_by = std::backtrace::Backtrace::force_capture();
            eprintln!(
                "{bytes} bytes were asked for, which makes {used} in use, above the limit of {LIMIT}:\n{asked_by}"
            );
            std::process::abort();
        }
    }
}

// SAFETY: everything is passed on to the system's allocator
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: as the caller promises
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: as the caller promises
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.used.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.add(size);
        self.used.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises
        unsafe { System.realloc(pointer, layout, size) }
    }
}
