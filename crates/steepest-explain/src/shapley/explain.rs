//! Rows, each by itself, exactly or from a sample.

use super::exact::{self, Part};
use super::game::Game;
use super::row::Row;
use super::sampled::{Asked, MOST_PAIRS, Sampler};
use crate::background::{Background, spread};
use crate::error::{Error, Result};
use crate::model::{Mix, Model};
use crate::players::Players;
use rayon::prelude::*;
use std::collections::BTreeMap;

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
        let explain = |(at, active): &(usize, Vec<usize>)| {
            let game = Game::new(model, Mix { row: rows[*at], players, background: background.data() });
            let row = match &sampler {
                Some(sampler) => {
                    let (background, tolerance) = (background.len(), options.tolerance);
                    sampler.explain(&Asked { game: &game, background, active, tolerance })
                }
                None => exactly(&game, background.len(), active),
            };
            done(1);
            row
        };
        let together = rows_together(model, background, players, sampler.is_some(), options.evaluations);
        let explained: Vec<Row> = (members.chunks(together))
            .flat_map(|members| members.par_iter().map(&explain).collect::<Vec<_>>())
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

/// How many rows are worked on side by side, so that what is kept of them stays within a block: of each, all values of one background
/// row after the other.
fn rows_together(
    model: &dyn Model,
    background: &Background,
    players: &Players,
    sampled: bool,
    evaluations: u64,
) -> usize {
    const BYTES: usize = 24 << 20;
    let kept = match sampled {
        true => 4 * evaluations.min(2 + 2 * MOST_PAIRS as u64) as usize,
        false => 8 * players.len(),
    };
    (BYTES / (kept * model.outputs() * background.len())).max(1)
}

/// How many coalitions each row of so many columns takes at most within a budget.
///
/// # Errors
/// [`Error::SmallBudget`], [`Error::TooMany`]: as [`shapley`].
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
        return Err(Error::SmallBudget { found: evaluations, least });
    }
    Ok(())
}

fn exactly(game: &Game<'_>, background: usize, active: &[usize]) -> Row {
    let Mix { row, players, .. } = game.mix;
    let parts: Vec<(Part, u64)> = (0..background)
        .into_par_iter()
        .map(|other| {
            let differs = |player: &&usize| !players.is_same(**player, row, game.mix.other(other));
            let active: Vec<usize> = active.iter().filter(differs).copied().collect();
            (exact::of_pair(game, other, &active), 1 << active.len())
        })
        .collect();
    let mut row = Row::new(game.outputs, players.len());
    row.evaluations = 1 << active.len();
    row.model_rows = parts.iter().map(|(_, count)| count).sum();
    let share = 1.0 / background as f64;
    for (part, _) in &parts {
        crate::linalg::add(&mut row.base, share, &part.base);
        crate::linalg::add(&mut row.whole, share, &part.whole);
        crate::linalg::add(&mut row.values, share, &part.values);
    }
    let each: Vec<Vec<f64>> = parts.into_iter().map(|(part, _)| part.values).collect();
    row.background_errors = spread(&each);
    row
}
