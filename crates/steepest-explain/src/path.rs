//! Path attribution.

use crate::background::Background;
use crate::error::{Error, Result};
use crate::model::{Model, outputs_of};
use crate::players::Players;
use rayon::prelude::*;

/// Gauss and Legendre's points on [0, 1] and their weights.
const POINTS: [(f64, f64); 8] = [
    (0.019_855_071_751_231_88, 0.050_614_268_145_188_13),
    (0.101_666_761_293_186_63, 0.111_190_517_226_687_24),
    (0.237_233_795_041_835_5, 0.156_853_322_938_943_65),
    (0.408_282_678_752_175_1, 0.181_341_891_689_181),
    (0.591_717_321_247_825, 0.181_341_891_689_181),
    (0.762_766_204_958_164_5, 0.156_853_322_938_943_65),
    (0.898_333_238_706_813_4, 0.111_190_517_226_687_24),
    (0.980_144_928_248_768_1, 0.050_614_268_145_188_13),
];

/// Points whose gradients are taken at once.
const TOGETHER: usize = 1024;

/// What a row's outputs gain on the way from the background.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Of each output, the mean over the background.
    pub base: Vec<f64>,
    /// Each output of the row.
    pub whole: Vec<f64>,
    /// `outputs × players`: what is gained along each player.
    pub values: Vec<f64>,
    /// `outputs × players`: the standard error that comes from the choice of the background.
    pub background_errors: Vec<f64>,
    /// Of each output, by how much base and values together miss it, as a fraction of the sum of absolute values: what eight points
    /// in each piece of the way do not see.
    pub gap: Vec<f64>,
}

/// Expected integrated gradients (Sundararajan, Taly & Yan 2017; Erion et al. 2021): the gradient along the straight line from each
/// row of the background to the row, at eight Gauss-Legendre points, times the way; where these miss more than 1 % of the sum, the line is cut into
/// two, four or eight pieces. All of the background is used, none is drawn.
/// It is an attribution of its own and no Shapley value: with interactions the two differ.
///
/// # Errors
/// [`Error::NoGradients`]; rows that are not finite.
pub fn path(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    rows: &[f64],
) -> Result<Vec<Path>> {
    let rows = crate::background::rows("the rows", rows, model.features())?;
    let outputs = model.outputs();
    let others = outputs_of(model, background.data());
    let n = background.len() as f64;
    let base: Vec<f64> =
        (0..outputs).map(|k| others.iter().skip(k).step_by(outputs).sum::<f64>() / n).collect();
    rows.par_iter().map(|row| of_row(model, players, background, row, &base)).collect()
}

/// The part of the sum of absolute values that a path may miss.
pub const MOST_GAP: f64 = 0.01;
/// Pieces of a path, each with eight points.
const PIECES: [usize; 4] = [1, 2, 4, 8];

fn of_row(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    row: &[f64],
    base: &[f64],
) -> Result<Path> {
    let outputs = model.outputs();
    let mut whole = vec![0.0; outputs];
    model.evaluate(row, &mut whole);
    let (mut values, mut background_errors, mut gap) = (Vec::new(), Vec::new(), Vec::new());
    for output in 0..outputs {
        let mut found = Along { values: Vec::new(), errors: Vec::new(), gap: f64::INFINITY };
        for pieces in PIECES {
            found = along(model, players, background, row, output, pieces, whole[output] - base[output])?;
            if found.gap <= MOST_GAP {
                break;
            }
        }
        values.extend(found.values);
        background_errors.extend(found.errors);
        gap.push(found.gap);
    }
    Ok(Path { base: base.to_vec(), whole, values, background_errors, gap })
}

/// What one output gains along each player.
struct Along {
    values: Vec<f64>,
    errors: Vec<f64>,
    gap: f64,
}

fn along(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    row: &[f64],
    output: usize,
    pieces: usize,
    whole: f64,
) -> Result<Along> {
    let width = row.len();
    let points: Vec<(f64, f64)> = (0..pieces)
        .flat_map(|piece| POINTS.map(|(t, w)| ((piece as f64 + t) / pieces as f64, w / pieces as f64)))
        .collect();
    let others: Vec<&[f64]> = background.rows().collect();
    let of_some = |others: &[&[f64]]| -> Result<Vec<Vec<f64>>> {
        let between = |other: &[f64], t: f64| -> Vec<f64> {
            row.iter().zip(other).map(|(x, b)| b + t * (x - b)).collect()
        };
        let rows: Vec<f64> = (others.iter())
            .flat_map(|other| points.iter().flat_map(move |(t, _)| between(other, *t)))
            .collect();
        let gradients = model.gradients(&rows, output).ok_or(Error::NoGradients)?;
        Ok((others.iter().zip(gradients.chunks(points.len() * width)))
            .map(|(other, gradients)| {
                let gained = |at: &usize| {
                    let slopes = points.iter().zip(gradients.chunks(width));
                    slopes.map(|((_, w), slopes)| w * slopes[*at]).sum::<f64>() * (row[*at] - other[*at])
                };
                (0..players.len()).map(|player| players.features(player).iter().map(gained).sum()).collect()
            })
            .collect())
    };
    let parts: Result<Vec<Vec<Vec<f64>>>> =
        others.par_chunks((TOGETHER / points.len()).max(1)).map(of_some).collect();
    let each: Vec<Vec<f64>> = parts?.into_iter().flatten().collect();
    let mean = |player: usize| each.iter().map(|values| values[player]).sum::<f64>() / each.len() as f64;
    let values: Vec<f64> = (0..players.len()).map(mean).collect();
    let missed = whole - values.iter().sum::<f64>();
    let all: f64 = values.iter().map(|value| value.abs()).sum();
    let gap = if all > 0.0 { missed.abs() / all } else { 0.0 };
    Ok(Along { values, errors: crate::background::spread(&each), gap })
}
