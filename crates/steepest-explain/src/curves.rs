//! How the output moves with a column.

use crate::error::{Error, Result};
use crate::model::{Model, outputs_of};
use rayon::prelude::*;

/// Outputs of rows with one column set to each of some values.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence {
    /// `values × outputs`: the mean over the rows, which is partial dependence (Friedman 2001).
    pub mean: Vec<f64>,
    /// `rows × values × outputs`: each row by itself, which are individual conditional expectations (Goldstein et al. 2015).
    pub each: Vec<f64>,
}

/// Accumulated local effects.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulated {
    /// `edges × outputs`: the effect at each edge, of mean 0 over the rows.
    pub values: Vec<f64>,
    /// How many rows lie between each two edges.
    pub counts: Vec<usize>,
}

/// Sets the features of a column to each of some values in turn, in every row. A value has one number for each of `features`.
///
/// Where columns go together, many of these rows are like none that there are: [`accumulated`] stays among those that are.
///
/// # Errors
/// Rows that are not finite, or none; a value with another number of features.
pub fn dependence(
    model: &dyn Model,
    rows: &[f64],
    features: &[usize],
    values: &[Vec<f64>],
) -> Result<Dependence> {
    let all = some_rows(model, rows, features, values)?;
    let outputs = model.outputs();
    let each: Vec<f64> = all
        .par_iter()
        .flat_map_iter(|row| {
            let mut set = row.repeat(values.len());
            for (set, value) in set.chunks_mut(row.len()).zip(values) {
                put(set, features, value);
            }
            outputs_of(model, &set)
        })
        .collect();
    let mut mean = vec![0.0; values.len() * outputs];
    each.chunks(mean.len().max(1)).for_each(|row| crate::linalg::add(&mut mean, 1.0 / all.len() as f64, row));
    Ok(Dependence { mean, each })
}

/// Accumulated local effects (Apley & Zhu 2020) of one column: between each two edges, how much the output changes from one to the other
/// in the rows that lie there, added up. `edges` are values of the column in order, each with one number for each of `features`;
/// `places` says for each row between which two it lies, from 0.
///
/// # Errors
/// As [`dependence`]; fewer than two edges, or not a place for each row.
pub fn accumulated(
    model: &dyn Model,
    rows: &[f64],
    features: &[usize],
    edges: &[Vec<f64>],
    places: &[usize],
) -> Result<Accumulated> {
    let all = some_rows(model, rows, features, edges)?;
    for (what, found, least, remedy) in [
        ("edges", edges.len(), 2, "give the ends of at least one stretch"),
        (
            "places of rows",
            places.len().min(places.iter().filter(|at| **at + 1 < edges.len()).count()),
            all.len(),
            "say between which two edges each row lies",
        ),
    ] {
        if found < least {
            return Err(Error::TooFew { what, found: found as u64, least: least as u64, remedy });
        }
    }
    let outputs = model.outputs();
    let (mut counts, mut steps) = (vec![0usize; edges.len() - 1], vec![0.0; (edges.len() - 1) * outputs]);
    let mut ends = Vec::with_capacity(2 * rows.len());
    for (row, place) in all.iter().zip(places) {
        for edge in [place + 1, *place] {
            let at = ends.len();
            ends.extend_from_slice(row);
            put(&mut ends[at..], features, &edges[edge]);
        }
    }
    let found = outputs_of(model, &ends);
    for (place, found) in places.iter().zip(found.chunks(2 * outputs)) {
        counts[*place] += 1;
        for k in 0..outputs {
            steps[place * outputs + k] += found[k] - found[outputs + k];
        }
    }
    let mut values = vec![0.0; edges.len() * outputs];
    for at in 0..counts.len() {
        for k in 0..outputs {
            let step = steps[at * outputs + k] / counts[at].max(1) as f64;
            values[(at + 1) * outputs + k] = values[at * outputs + k] + step;
        }
    }
    for k in 0..outputs {
        let middle = |at: usize| 0.5 * (values[at * outputs + k] + values[(at + 1) * outputs + k]);
        let mean = counts.iter().enumerate().map(|(at, count)| *count as f64 * middle(at)).sum::<f64>()
            / all.len() as f64;
        values.iter_mut().skip(k).step_by(outputs).for_each(|value| *value -= mean);
    }
    Ok(Accumulated { values, counts })
}

fn put(row: &mut [f64], features: &[usize], value: &[f64]) {
    features.iter().zip(value).for_each(|(feature, value)| row[*feature] = *value);
}

fn some_rows<'a>(
    model: &dyn Model,
    rows: &'a [f64],
    features: &[usize],
    values: &[Vec<f64>],
) -> Result<Vec<&'a [f64]>> {
    let rows = crate::background::rows("the rows", rows, model.features())?;
    if let Some(value) = values.iter().find(|value| value.len() != features.len()) {
        let (found, width) = (value.len(), features.len());
        return Err(Error::Ragged { what: "a value of the column", found, width });
    }
    match rows.is_empty() || values.is_empty() {
        true => {
            Err(Error::TooFew { what: "rows or values", found: 0, least: 1, remedy: "give some of both" })
        }
        false => Ok(rows),
    }
}
