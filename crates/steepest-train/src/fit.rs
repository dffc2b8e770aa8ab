//! A whole run in one call.

use crate::error::{Error, Result};
use crate::event::Observer;
use crate::run_dir::Out;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::Trainer;

/// Trains a network: reads and encodes the data, trains, keeps the best weights, writes the run
/// directory.
///
/// The same settings give the same weights, for any number of threads.
///
/// # Errors
/// Bad settings and bad data, before any directory is made. A run that diverges or meets a gradient
/// that is not finite is no error: its [`Summary`] says so.
pub fn fit(settings: &Settings, out: &Out, observer: &mut dyn Observer) -> Result<Summary> {
    let count =
        settings.train.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    // burn's backend and the optimizer both use the pool that they are called from
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build()
        .map_err(|e| Error::Threads { count, reason: e.to_string() })?;
    pool.install(|| Trainer::new(settings, out)?.run(observer))
}
