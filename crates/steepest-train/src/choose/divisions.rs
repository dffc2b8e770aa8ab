//! The rows that are not for the test, divided several times.

use crate::error::Result;
use crate::settings::Settings;
use crate::trainer::Tables;
use std::sync::Arc;
use steepest_data::{Division, Prepared};

/// The run's own division of the rows, and others, so many in all.
pub(super) fn divisions(
    settings: &Settings,
    tables: &Tables,
    first: &Arc<Prepared>,
    count: u64,
) -> Result<Vec<Arc<Prepared>>> {
    let again = |number: u64| -> Result<Arc<Prepared>> {
        // far from the seeds that somebody would give
        let how = Division::Again { seed: settings.train.seed.wrapping_add(number << 32) };
        Ok(Arc::new(tables.divide_again(settings, &first.split, how)?))
    };
    std::iter::once(Ok(Arc::clone(first))).chain((1..count).map(again)).collect()
}
