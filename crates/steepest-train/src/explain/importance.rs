//! What a network loses without a column.

use super::network::Network;
use super::outputs::Unit;
use super::players::of_columns;
use crate::error::Result;
use crate::loss::{Loss, log_softmax};
use crate::model::{Model, ModelConfig};
use crate::summary::ColumnImportance;
use steepest_data::{AnyEncoder, Features, Targets};

/// So few rows tell nothing of what a column is worth.
pub(crate) const FEWEST_SHUFFLED: usize = 10;
/// Multiplications of all columns and repeats together, a tenth of a second or so, and the most rows that are evaluated for them.
const MULTIPLICATIONS: u64 = 2_000_000_000;
const EVALUATED: usize = 1_000_000;
const MOST_ROWS: usize = 2_000;

/// What shuffling each column costs on rows that were not trained on, the most important first; nothing of images.
///
/// # Errors
/// Rows or outputs that are not finite.
pub(crate) fn importance(
    model: &Model,
    config: &ModelConfig,
    encoder: &AnyEncoder,
    loss: &Loss,
    features: &Features,
    targets: &Targets,
    seed: u64,
) -> Result<Vec<ColumnImportance>> {
    let Some(players) = of_columns(encoder)? else { return Ok(Vec::new()) };
    let evaluated = ((MULTIPLICATIONS / config.parameters().max(1)) as usize).min(EVALUATED);
    let count =
        features.rows.min(MOST_ROWS).min(evaluated / players.len()).max(FEWEST_SHUFFLED.min(features.rows));
    let taken: Vec<usize> = (0..count).map(|at| at * features.rows / count.max(1)).collect();
    let rows: Vec<f64> = taken.iter().flat_map(|row| features.row(*row)).map(|x| f64::from(*x)).collect();
    let of_row = |at: usize, raw: &[f64]| -> f64 {
        let raw: Vec<f32> = raw.iter().map(|x| *x as f32).collect();
        match targets {
            Targets::Values(values) => loss.of_residual(f64::from(raw[0]) - f64::from(values[taken[at]])).0,
            Targets::Classes(codes) => -log_softmax(&raw)[codes[taken[at]] as usize],
        }
    };
    let network = Network::new(model, config, Unit::Raw);
    // of few rows, one order more or less would show
    let repeats =
        (20_000 / count.max(1)).clamp(1, 100).min(evaluated / (count * players.len()).max(1)).max(1);
    let found = steepest_explain::importance(&network, &players, &rows, &of_row, repeats, seed)?;
    let mut lines: Vec<ColumnImportance> = (players.names().iter().zip(found))
        .map(|(column, found)| ColumnImportance {
            column: column.clone(),
            increase: found.increase,
            interval: found.interval,
        })
        .collect();
    lines.sort_by(|a, b| b.increase.total_cmp(&a.increase));
    Ok(lines)
}
