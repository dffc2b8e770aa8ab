//! A whole run in one call.

use crate::error::{Error, Result};
use crate::event::Observer;
use crate::run_dir::Out;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::Trainer;
use std::path::Path;

/// Trains a network: reads and encodes the data, trains, keeps the best weights, writes the run
/// directory.
///
/// The same settings give the same weights, for any number of threads.
///
/// # Errors
/// Bad settings and bad data, before any directory is made. A run that diverges or meets a gradient
/// that is not finite is no error: its [`Summary`] says so.
pub fn fit(settings: &Settings, out: &Out, observer: &mut dyn Observer) -> Result<Summary> {
    in_pool(settings.train.threads, || Trainer::new(settings, out)?.run(observer))
}

/// Goes on with a run that was interrupted or cut: see [`Trainer::resume`]. It ends with the same bits as a run that was
/// not.
///
/// # Errors
/// As [`Trainer::resume`], and as [`fit`].
pub fn resume(
    run: &Path,
    source: Option<&str>,
    threads: Option<usize>,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    in_pool(threads, || Trainer::resume(run, source)?.run(observer))
}

/// Runs in a pool of so many threads, all cores by default.
fn in_pool(threads: Option<usize>, run: impl FnOnce() -> Result<Summary> + Send) -> Result<Summary> {
    let count = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    // burn's backend and the optimizer both use the pool that they are called from
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build()
        .map_err(|e| Error::Threads { count, reason: e.to_string() })?;
    pool.install(run)
}
