//! A line through the neighbourhood of a row.

use crate::background::Background;
use crate::draw::{Purpose, draws, row_key};
use crate::error::{Error, Result};
use crate::linalg::{inverse, product};
use crate::model::{Model, outputs_of};
use crate::players::Players;
use rayon::prelude::*;
use steepest::Draws;

/// The part of the variance that a line has to explain for an order of columns to follow from it.
pub const LEAST_FIT: f64 = 0.5;

/// How many samples are drawn, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimeOptions {
    /// Mixtures for each fit. Default: 2,000.
    pub samples: usize,
    /// Fits with other draws, at least 2, over which the spread is taken. Default: 5.
    pub fits: usize,
    /// The seed; each row's draws depend on it and on the row itself. Default: 0.
    pub seed: u64,
}

impl Default for LimeOptions {
    fn default() -> Self {
        Self { samples: 2_000, fits: 5, seed: 0 }
    }
}

/// What a local linear model says of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Lime {
    /// Each output of the row.
    pub whole: Vec<f64>,
    /// `outputs × players`: what keeping the row's value instead of the background's adds, by the line; the mean over the fits.
    pub values: Vec<f64>,
    /// `outputs × players`: the standard deviation over the fits.
    pub spread: Vec<f64>,
    /// Of each output, how much of the variance of the mixtures the line explains; the mean over the fits.
    pub r_squared: Vec<f64>,
}

impl Lime {
    /// Whether the line of an output says enough to order columns by it: R² of at least [`LEAST_FIT`].
    pub fn is_ranking(&self, output: usize) -> bool {
        self.r_squared[output] >= LEAST_FIT
    }
}

/// LIME for tables (Ribeiro, Singh & Guestrin 2016) over columns: each mixture keeps each column of the row with probability ½ and
/// takes the others from one row of the background; a line in which columns were kept is fitted with weights
/// exp(−left / (0.75² columns)), `left` being how many were not kept, as the original does with squared distances of 0 and 1. No column
/// is left out of the fit.
///
/// # Errors
/// Rows that are not finite; fewer samples than three for each column, or fewer than two fits.
pub fn lime(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    rows: &[f64],
    options: &LimeOptions,
) -> Result<Vec<Lime>> {
    let rows = crate::background::rows("the rows", rows, model.features())?;
    let least = 3 * (players.len() as u64 + 1);
    for (what, found, least, remedy) in [
        ("samples", options.samples as u64, least, "draw three for each column"),
        ("fits", options.fits as u64, 2, "take two or more, so that their spread is known"),
    ] {
        if found < least {
            return Err(Error::TooFew { what, found, least, remedy });
        }
    }
    Ok(rows.par_iter().map(|row| of_row(model, players, background, row, options)).collect())
}

fn of_row(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    row: &[f64],
    options: &LimeOptions,
) -> Lime {
    let (outputs, d) = (model.outputs(), players.len());
    let mut whole = vec![0.0; outputs];
    model.evaluate(row, &mut whole);
    let fits: Vec<(Vec<f64>, Vec<f64>)> = (0..options.fits)
        .map(|fit| {
            let draws = draws(options.seed ^ row_key(row), Purpose::Lime, fit as u64);
            once(model, players, background, row, options.samples, draws)
        })
        .collect();
    let n = fits.len() as f64;
    let mean = |of: &dyn Fn(usize) -> f64| (0..fits.len()).map(of).sum::<f64>() / n;
    let values: Vec<f64> = (0..outputs * d).map(|at| mean(&|fit| fits[fit].0[at])).collect();
    let spread = (0..outputs * d)
        .map(|at| (mean(&|fit| (fits[fit].0[at] - values[at]).powi(2)) * n / (n - 1.0)).sqrt())
        .collect();
    let r_squared = (0..outputs).map(|k| mean(&|fit| fits[fit].1[k])).collect();
    Lime { whole, values, spread, r_squared }
}

/// One fit: the slopes, `outputs × players`, and R² of each output.
fn once(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    row: &[f64],
    samples: usize,
    mut draws: Draws,
) -> (Vec<f64>, Vec<f64>) {
    let (outputs, d, width) = (model.outputs(), players.len(), row.len());
    let mut mixtures = Vec::with_capacity(samples * width);
    // a one for the height of the line, then what was kept
    let mut kept = vec![0.0; samples * (d + 1)];
    let mut weights = Vec::with_capacity(samples);
    for kept in kept.chunks_mut(d + 1) {
        let other = draws.below(background.len()) * width;
        let at = mixtures.len();
        mixtures.extend_from_slice(&background.data()[other..other + width]);
        kept[0] = 1.0;
        let mut bits = 0;
        for player in 0..d {
            if player % 64 == 0 {
                bits = draws.bits();
            }
            if bits >> (player % 64) & 1 == 1 {
                kept[player + 1] = 1.0;
                players.features(player).iter().for_each(|feature| mixtures[at + feature] = row[*feature]);
            }
        }
        let left = d as f64 + 1.0 - kept.iter().sum::<f64>();
        weights.push((-left / (0.75 * 0.75 * d as f64)).exp());
    }
    let found = outputs_of(model, &mixtures);
    let m = d + 1;
    let mut gram = vec![0.0; m * m];
    let mut right = vec![0.0; m * outputs];
    for ((kept, found), w) in kept.chunks(m).zip(found.chunks(outputs)).zip(&weights) {
        for (a, kept_a) in kept.iter().enumerate().filter(|(_, kept)| **kept != 0.0) {
            crate::linalg::add(&mut gram[a * m..(a + 1) * m], w * kept_a, kept);
            crate::linalg::add(&mut right[a * outputs..(a + 1) * outputs], w * kept_a, found);
        }
    }
    // so little that it shows only where a column was never, or always, kept
    (0..m).for_each(|at| gram[at * m + at] += 1e-9 * weights.iter().sum::<f64>());
    let line = product(&inverse(gram, m).expect("positive definite"), &right, m, outputs);
    let total: f64 = weights.iter().sum();
    let r_squared = (0..outputs)
        .map(|k| {
            let all = || found.iter().skip(k).step_by(outputs).zip(&weights);
            let mean = all().map(|(v, w)| w * v).sum::<f64>() / total;
            let around: f64 = all().map(|(v, w)| w * (v - mean).powi(2)).sum();
            let missed: f64 = (all().zip(kept.chunks(m)))
                .map(|((v, w), kept)| {
                    let said: f64 =
                        kept.iter().enumerate().map(|(at, kept)| kept * line[at * outputs + k]).sum();
                    w * (v - said).powi(2)
                })
                .sum();
            if around > 0.0 { 1.0 - missed / around } else { 1.0 }
        })
        .collect();
    let slopes =
        (0..outputs).flat_map(|k| (1..m).map(move |at| (k, at))).map(|(k, at)| line[at * outputs + k]);
    (slopes.collect(), r_squared)
}
