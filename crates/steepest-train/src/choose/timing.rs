//! How long steps take: what is decided by seconds is counted once, from this, and the count is kept.

use crate::error::Result;
use crate::settings::Settings;
use crate::trainer::Trainer;
use std::sync::Arc;
use std::time::Instant;
use steepest_data::Prepared;

/// Steps that are timed at once: rules that do their heaviest work every tenth step do it twice.
const STEPS: u64 = 20;
/// How often; the least counts, which other work on the machine disturbed least.
const TIMES: usize = 3;

/// Seconds of a step of each, measured in turns.
pub(crate) fn step_seconds<'a>(
    settings: impl IntoIterator<Item = &'a Settings>,
    data: &Arc<Prepared>,
) -> Result<Vec<f64>> {
    let mut trainers: Vec<Trainer> = (settings.into_iter())
        .map(|settings| Trainer::unwritten(settings, Arc::clone(data)))
        .collect::<Result<_>>()?;
    let mut least = vec![f64::INFINITY; trainers.len()];
    // the first time warms up, and is not counted
    for time in 0..=TIMES {
        for (trainer, least) in trainers.iter_mut().zip(&mut least) {
            let begun = Instant::now();
            trainer.warm(STEPS)?;
            if time > 0 {
                *least = least.min(begun.elapsed().as_secs_f64() / STEPS as f64);
            }
        }
    }
    Ok(least)
}
