//! What a model loses without a column.

use crate::draw::{Purpose, draws, some_of};
use crate::error::{Error, Result};
use crate::model::{Model, outputs_of};
use crate::players::Players;
use crate::student::reach;
use rayon::prelude::*;

/// What shuffling one player costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Importance {
    /// The mean loss with the player's values shuffled, less the mean loss as it is.
    pub increase: f64,
    /// Its standard error for other rows of the same kind.
    pub standard_error: f64,
    /// The 95 % interval, by Student's quantile.
    pub interval: [f64; 2],
}

/// Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019) on rows that the model has not been trained on: all features
/// of a player are shuffled together among the rows, `repeats` times, and each row's mean loss is compared with its own. `loss` is what
/// the outputs of a row cost. In order of the players.
///
/// Where a column can be told from others, the model may hardly miss it: join such columns, see [`correlated`](crate::correlated()).
///
/// # Errors
/// Fewer than two rows, no repeat, rows or losses that are not finite.
pub fn importance(
    model: &dyn Model,
    players: &Players,
    rows: &[f64],
    loss: &(dyn Fn(usize, &[f64]) -> f64 + Sync),
    repeats: usize,
    seed: u64,
) -> Result<Vec<Importance>> {
    let width = model.features();
    let n = crate::background::rows("the rows", rows, width)?.len();
    for (what, found, least, remedy) in [
        ("rows", n, 2, "hold more rows back from training"),
        ("repeats", repeats, 1, "shuffle at least once"),
    ] {
        if found < least {
            return Err(Error::TooFew { what, found: found as u64, least: least as u64, remedy });
        }
    }
    let as_it_is = losses(model, rows, loss)?;
    let reach = reach(n as f64 - 1.0);
    (0..players.len())
        .into_par_iter()
        .map(|player| {
            let mut increases = vec![0.0; n];
            // each repeat sets all of the player's features anew
            let mut shuffled = rows.to_vec();
            for repeat in 0..repeats {
                let number = (player * repeats + repeat) as u64;
                let order = some_of(&mut draws(seed, Purpose::Permutation, number), n, n);
                for (at, from) in order.iter().enumerate() {
                    for feature in players.features(player) {
                        shuffled[at * width + feature] = rows[from * width + feature];
                    }
                }
                let found = losses(model, &shuffled, loss)?;
                for ((increase, found), before) in increases.iter_mut().zip(found).zip(&as_it_is) {
                    *increase += (found - before) / repeats as f64;
                }
            }
            let mean = increases.iter().sum::<f64>() / n as f64;
            let squares: f64 = increases.iter().map(|increase| (increase - mean).powi(2)).sum();
            let standard_error = (squares / (n * (n - 1)) as f64).sqrt();
            let half = reach * standard_error;
            Ok(Importance { increase: mean, standard_error, interval: [mean - half, mean + half] })
        })
        .collect()
}

fn losses(model: &dyn Model, rows: &[f64], loss: &(dyn Fn(usize, &[f64]) -> f64 + Sync)) -> Result<Vec<f64>> {
    let found = outputs_of(model, rows);
    let of_rows = found.chunks(model.outputs()).enumerate();
    let losses: Vec<f64> = of_rows.map(|(row, outputs)| loss(row, outputs)).collect();
    match losses.iter().position(|loss| !loss.is_finite()) {
        Some(row) => Err(Error::NotFinite { what: "the loss", row, found: losses[row] }),
        None => Ok(losses),
    }
}
