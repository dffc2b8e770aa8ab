//! What explaining takes, decided before it begins: a time becomes a number of coalitions once.

use super::asked::{ExplainOptions, Method};
use super::network::Network;
use crate::error::Result;
use steepest_explain::{Background, Model, Players, coalitions, is_exact};

/// What explaining will take, known before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Rows that are explained.
    pub rows: usize,
    /// Columns, or groups of them.
    pub columns: usize,
    /// Rows of the background.
    pub background: usize,
    /// How.
    pub method: Method,
    /// Whether all coalitions are taken.
    pub exact: bool,
    /// The most coalitions for each row; 0 for other methods than Shapley values.
    pub evaluations: u64,
    /// How long it takes at most, about.
    pub seconds: f64,
}

/// How, and how much, for so many rows.
pub(super) fn plan(
    method: Method,
    rows: usize,
    players: &Players,
    background: &Background,
    network: &Network,
    seconds_per_coalition: f64,
    options: &ExplainOptions,
) -> Result<Plan> {
    let plan = |exact, evaluations, seconds| Plan {
        rows,
        columns: players.len(),
        background: background.len(),
        method,
        exact,
        evaluations,
        seconds,
    };
    // a gradient costs about three evaluations, at eight points for each output; LIME takes five times two thousand
    let of_one = rows as f64 * seconds_per_coalition;
    match method {
        Method::Path => return Ok(plan(false, 0, of_one * 24.0 * network.outputs() as f64)),
        Method::Lime => return Ok(plan(false, 0, of_one * 10_000.0 / background.len() as f64)),
        Method::Linear => {
            return Ok(plan(false, 0, of_one * 3.0 * network.outputs() as f64 / background.len() as f64));
        }
        Method::Auto | Method::Shapley => {}
    }
    let allowed = options.evaluations.unwrap_or((options.max_seconds / of_one).min(1e15) as u64);
    // powers of two, so that a clock that is a little off changes nothing
    let allowed = match options.evaluations {
        None if !is_exact(players.len(), allowed) && allowed > 0 => {
            rounded(allowed, 2 * players.len() as u64 + 2)
        }
        _ => allowed,
    };
    let evaluations = coalitions(players.len(), allowed)?;
    Ok(plan(is_exact(players.len(), evaluations), evaluations, of_one * evaluations as f64))
}

/// The largest power of two that is not more, or the least that is needed if that lies between.
fn rounded(allowed: u64, least: u64) -> u64 {
    let power = 1 << allowed.ilog2();
    if power < least && least <= allowed { least } else { power }
}
