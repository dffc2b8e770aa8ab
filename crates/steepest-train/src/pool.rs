//! The threads that a run has.

use crate::error::{Error, Result};

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Threads beyond which there is nothing but waiting: 1024 on two cores take twenty times as long as two.
pub(crate) fn most_threads() -> usize {
    4 * cores()
}

/// Runs in a pool of so many threads, all cores by default.
pub(crate) fn in_pool<T: Send>(threads: Option<usize>, run: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let count = threads.unwrap_or_else(cores).min(most_threads());
    // burn's backend and the optimizer both use the pool that they are called from
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build()
        .map_err(|e| Error::Threads { count, reason: e.to_string() })?;
    pool.install(run)
}
