//! The line that a model is at a row.

use crate::background::Background;
use crate::error::{Error, Result};
use crate::model::{Model, outputs_of};
use crate::players::Players;

/// Rows whose gradients are taken at once.
const TOGETHER: usize = 1024;

/// The local linear model of a row: the model's value and slopes there.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalLinear {
    /// Of each output, what the line says of the mean row of the background.
    pub base: Vec<f64>,
    /// Each output of the row, which the line meets.
    pub whole: Vec<f64>,
    /// `outputs × features`: by how much the output grows where the feature grows by 1.
    pub slopes: Vec<f64>,
    /// `outputs × players`: slopes times how far the row's features are from the background's mean. Base and values add up to the output.
    pub values: Vec<f64>,
    /// `outputs × players`: the standard error that comes from the choice of the background.
    pub background_errors: Vec<f64>,
    /// Of each output, how much of its variance over the background the line explains: 1 where the model is a line, below 0
    /// where the mean would say more. Of an output that is the same in all of the background: 1 if the line says so, else 0.
    pub r_squared: Vec<f64>,
}

/// The gradient at each row as a linear model of its own (Baehrens et al. 2010, section 2); of a network of rectifiers it is the network
/// itself over the region that the row lies in. How far it holds, `r_squared` says: it is the line's fit to the background.
///
/// # Errors
/// [`Error::NoGradients`]; rows, outputs or slopes that are not finite.
pub fn local_linear(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    rows: &[f64],
) -> Result<Vec<LocalLinear>> {
    let (width, outputs) = (model.features(), model.outputs());
    crate::background::rows("the rows", rows, width)?;
    let wholes = outputs_of(model, rows);
    crate::background::rows("the model's outputs", &wholes, outputs)?;
    let others = outputs_of(model, background.data());
    let mut all = Vec::with_capacity(rows.len() / width);
    for (rows, wholes) in rows.chunks(TOGETHER * width).zip(wholes.chunks(TOGETHER * outputs)) {
        let of_output = |output| model.gradients(rows, output).ok_or(Error::NoGradients);
        let gradients: Vec<Vec<f64>> = (0..outputs).map(of_output).collect::<Result<_>>()?;
        for slopes in &gradients {
            crate::background::rows("the model's slopes", slopes, width)?;
        }
        for (at, (row, whole)) in rows.chunks(width).zip(wholes.chunks(outputs)).enumerate() {
            let slopes = gradients.iter().map(|all| &all[at * width..(at + 1) * width]);
            all.push(of_row(players, background, &others, row, whole, &slopes.collect::<Vec<_>>()));
        }
    }
    Ok(all)
}

fn of_row(
    players: &Players,
    background: &Background,
    others: &[f64],
    row: &[f64],
    whole: &[f64],
    slopes: &[&[f64]],
) -> LocalLinear {
    let (outputs, n) = (whole.len(), background.len() as f64);
    let mut found = LocalLinear {
        base: Vec::new(),
        whole: whole.to_vec(),
        slopes: slopes.concat(),
        values: Vec::new(),
        background_errors: Vec::new(),
        r_squared: Vec::new(),
    };
    for (output, slopes) in slopes.iter().enumerate() {
        // what each player adds, against each row of the background
        let against = |other: &[f64]| -> Vec<f64> {
            let added = |at: &usize| slopes[*at] * (row[*at] - other[*at]);
            (0..players.len()).map(|player| players.features(player).iter().map(added).sum()).collect()
        };
        let each: Vec<Vec<f64>> = background.rows().map(against).collect();
        let mean = |player: usize| each.iter().map(|values| values[player]).sum::<f64>() / n;
        let values: Vec<f64> = (0..players.len()).map(mean).collect();
        let is = |at: usize| others[at * outputs + output];
        let said = |at: usize| whole[output] - each[at].iter().sum::<f64>();
        let middle = (0..each.len()).map(is).sum::<f64>() / n;
        let around: f64 = (0..each.len()).map(|at| (is(at) - middle).powi(2)).sum();
        let missed: f64 = (0..each.len()).map(|at| (is(at) - said(at)).powi(2)).sum();
        found.r_squared.push(match (around > 0.0, missed > 0.0) {
            (true, _) => 1.0 - missed / around,
            (false, true) => 0.0,
            (false, false) => 1.0,
        });
        found.base.push(whole[output] - values.iter().sum::<f64>());
        found.values.extend(values);
        found.background_errors.extend(crate::background::spread(&each));
    }
    found
}
