//! Shapley values: what each column adds to an output, averaged over all orders in which columns can become known.

mod design;
mod exact;
mod fit;
mod interactions;
mod sampled;

pub use interactions::{Interactions, MOST_PLAYERS as MOST_INTERACTING, interactions};

use crate::background::Background;
use crate::error::{Error, Result};
use crate::masks::Masks;
use crate::model::{Hybrids, Mix, Model, block};
use crate::players::Players;
use rayon::prelude::*;
use sampled::{Asked, MOST_PAIRS, Sampler};
use std::collections::BTreeMap;
use std::ops::Range;

/// How much may be spent, and when it is enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapleyOptions {
    /// The most coalitions for each row; each is evaluated with every row of the background. All are taken where 2 to the number of
    /// columns is no more than that, which is exact. Sampling takes at most 2,202. Default: 2,048.
    pub evaluations: u64,
    /// Sampling stops where no column's standard error is more than this fraction of the sum of absolute values, in any output.
    /// Default: 0.01.
    pub tolerance: f64,
    /// The seed of the coalitions that are drawn. Default: 0.
    pub seed: u64,
}

impl Default for ShapleyOptions {
    fn default() -> Self {
        Self { evaluations: 2_048, tolerance: 0.01, seed: 0 }
    }
}

/// What a row's outputs are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of each output, the mean over the background.
    pub base: Vec<f64>,
    /// Each output of the row: the base and the values add up to it.
    pub whole: Vec<f64>,
    /// `outputs × players`: what each player adds, in the unit of the outputs.
    pub values: Vec<f64>,
    /// `outputs × players`: the standard error of estimating, 0 where it is exact.
    pub standard_errors: Vec<f64>,
    /// `outputs × players`: the standard error that comes from the choice of the background, as bootstrapping its rows gives in the
    /// limit of many draws: √(Σ_b (φ_b − φ)²) / rows.
    pub background_errors: Vec<f64>,
    /// Whether all coalitions were taken.
    pub is_exact: bool,
    /// Degrees of freedom of the standard errors; see [`reach`](crate::reach).
    pub freedom: f64,
    /// How many coalitions were taken.
    pub evaluations: u64,
    /// How many rows the model evaluated for it.
    pub model_rows: u64,
}

impl Row {
    fn new(outputs: usize, players: usize) -> Self {
        let zeros = || vec![0.0; outputs * players];
        Self {
            base: vec![0.0; outputs],
            whole: vec![0.0; outputs],
            values: zeros(),
            standard_errors: zeros(),
            background_errors: zeros(),
            is_exact: true,
            freedom: f64::INFINITY,
            evaluations: 0,
            model_rows: 0,
        }
    }

    /// What one output is made of.
    pub fn of_output(&self, output: usize) -> &[f64] {
        let players = self.values.len() / self.base.len();
        &self.values[output * players..(output + 1) * players]
    }
}

/// The Shapley values of rows against a background, interventional: columns that are not known are taken from the background
/// together, whatever the known ones are (Janzing, Minorics & Blöbaum 2020).
///
/// A column that is the same in the row and all of the background has no part in it: its values and errors are 0. Each row is
/// explained by itself, so that neither the order of the rows nor the number of threads changes a bit.
///
/// Exact: for each row of the background, all coalitions of the columns in which the two rows differ. Sampled: pairs of a
/// coalition and its complement, all of one and two columns and the others by leverage, fitted by linear and cubic terms.
///
/// # Errors
/// Rows or outputs that are not finite; a budget that is smaller than two coalitions for each column and two more.
pub fn shapley(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    rows: &[f64],
    options: &ShapleyOptions,
) -> Result<Vec<Row>> {
    shapley_watched(model, players, background, rows, options, &|_| ())
}

/// The same; `done` hears from any thread each time that so many rows are done.
///
/// # Errors
/// As [`shapley`].
pub fn shapley_watched(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    rows: &[f64],
    options: &ShapleyOptions,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Row>> {
    let rows = crate::background::rows("the rows", rows, model.features())?;
    // rows with as many columns to explain share what sampling needs, and only they do: what is made for one number is let go
    let mut by_active: BTreeMap<usize, Vec<(usize, Vec<usize>)>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let differs = |player: &usize| background.rows().any(|other| !players.is_same(*player, row, other));
        let active: Vec<usize> = (0..players.len()).filter(differs).collect();
        by_active.entry(active.len()).or_default().push((at, active));
    }
    if let Some(most) = by_active.keys().next_back() {
        check_budget(*most, options.evaluations)?;
    }
    let mut found = vec![None; rows.len()];
    for (active, members) in by_active {
        let sampler = (!is_exact(active, options.evaluations))
            .then(|| Sampler::new(active, options.evaluations, options.seed));
        let explained: Vec<Row> = members
            .par_iter()
            .map(|(at, active)| {
                let task = Mix { row: rows[*at], players, background: background.data() };
                let hybrids = model.hybrids(task);
                let asked = Asked {
                    hybrids: &*hybrids,
                    background: background.len(),
                    active,
                    players: players.len(),
                    outputs: model.outputs(),
                    block: block(model),
                    tolerance: options.tolerance,
                };
                let row = match &sampler {
                    Some(sampler) => sampler.explain(&asked),
                    None => exactly(&asked, task),
                };
                done(1);
                row
            })
            .collect();
        for ((at, _), row) in members.iter().zip(explained) {
            if let Some(value) = row.values.iter().chain(&row.base).chain(&row.whole).find(|v| !v.is_finite())
            {
                return Err(Error::NotFinite { what: "an output of the model", row: *at, found: *value });
            }
            found[*at] = Some(row);
        }
    }
    Ok(found.into_iter().map(|row| row.expect("every row has a number of columns")).collect())
}

/// How many coalitions each row of so many columns takes at most within a budget.
///
/// # Errors
/// [`Error::TooFew`], [`Error::TooMany`]: as [`shapley`].
pub fn coalitions(players: usize, evaluations: u64) -> Result<u64> {
    check_budget(players, evaluations)?;
    Ok(match is_exact(players, evaluations) {
        true => 1 << players,
        false => evaluations.min(2 + 2 * MOST_PAIRS as u64),
    })
}

/// Whether a budget is enough for all coalitions of so many columns.
pub fn is_exact(players: usize, evaluations: u64) -> bool {
    players < 40 && 1 << players <= evaluations
}

fn check_budget(players: usize, evaluations: u64) -> Result<()> {
    if is_exact(players, evaluations) {
        return Ok(());
    }
    if players > MOST_PAIRS {
        let (found, most) = (players as u64, MOST_PAIRS as u64);
        let remedy = "take path attribution, or join columns";
        return Err(Error::TooMany { what: "columns", found, most, remedy });
    }
    let least = 2 * players as u64 + 2;
    if evaluations < least {
        let remedy = "allow more time, explain fewer rows, or join columns";
        return Err(Error::TooFew { what: "evaluations for each row", found: evaluations, least, remedy });
    }
    Ok(())
}

/// The game of one row against one row of the background.
struct Part {
    base: Vec<f64>,
    whole: Vec<f64>,
    values: Vec<f64>,
}

fn exactly(asked: &Asked<'_>, task: Mix<'_>) -> Row {
    let (outputs, players) = (asked.outputs, asked.players);
    let parts: Vec<(Part, u64)> = (0..asked.background)
        .into_par_iter()
        .map(|other| {
            let differs = |player: &&usize| !task.players.is_same(**player, task.row, task.other(other));
            let active: Vec<usize> = asked.active.iter().filter(differs).copied().collect();
            let part = exact::of_pair(asked.hybrids, other, &active, players, outputs, asked.block);
            (part, 1 << active.len())
        })
        .collect();
    let mut row = Row::new(outputs, players);
    row.evaluations = 1 << asked.active.len();
    row.model_rows = parts.iter().map(|(_, count)| count).sum();
    let share = 1.0 / asked.background as f64;
    for (part, _) in &parts {
        crate::linalg::add(&mut row.base, share, &part.base);
        crate::linalg::add(&mut row.whole, share, &part.whole);
        crate::linalg::add(&mut row.values, share, &part.values);
    }
    let each: Vec<Vec<f64>> = parts.into_iter().map(|(part, _)| part.values).collect();
    row.background_errors = spread(&each);
    row
}

/// For each number, the standard error of its mean over rows of the background.
pub(crate) fn spread(each: &[Vec<f64>]) -> Vec<f64> {
    let n = each.len() as f64;
    let width = each.first().map_or(0, Vec::len);
    (0..width)
        .map(|at| {
            let mean = each.iter().map(|values| values[at]).sum::<f64>() / n;
            each.iter().map(|values| (values[at] - mean).powi(2)).sum::<f64>().sqrt() / n
        })
        .collect()
}

/// Evaluates coalitions in blocks, and hands on the outputs of each in order.
#[allow(clippy::too_many_arguments)]
fn block_values(
    hybrids: &dyn Hybrids,
    other: usize,
    active: &[usize],
    masks: &Masks,
    range: Range<usize>,
    outputs: usize,
    block: usize,
    mut each: impl FnMut(usize, &[f64]),
) {
    let mut values = vec![0.0; block.min(range.len()) * outputs];
    let mut begin = range.start;
    while begin < range.end {
        let end = (begin + block).min(range.end);
        let values = &mut values[..(end - begin) * outputs];
        hybrids.evaluate(other, active, masks, begin..end, values);
        (begin..end).zip(values.chunks(outputs)).for_each(|(mask, values)| each(mask, values));
        begin = end;
    }
}
