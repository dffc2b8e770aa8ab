//! Some coalitions.

use super::design::{Design, design};
use super::fit::{Fits, Fitted};
use super::game::Game;
use super::row::Row;
use crate::background::spread;
use rayon::prelude::*;
use std::sync::OnceLock;

/// More pairs are not fitted: the matrices of a fit would outgrow 64 MiB, and their inverses the time that they save.
pub(super) const MOST_PAIRS: usize = 1_100;

/// Rows of the background that are worked on at once.
const TOGETHER: usize = 16;

/// A design with its fits, each made when first needed.
pub(super) struct Sampler {
    design: Design,
    fits: Vec<OnceLock<Fits>>,
}

/// What is asked of a sampler.
pub(super) struct Asked<'a> {
    pub game: &'a Game<'a>,
    /// Rows of the background.
    pub background: usize,
    /// The players that are not the same in all rows.
    pub active: &'a [usize],
    /// When to stop: the largest standard error as a fraction of the sum of absolute values.
    pub tolerance: f64,
}

impl Sampler {
    /// For so many players and coalitions.
    pub fn new(players: usize, evaluations: u64, seed: u64) -> Self {
        let pairs = (evaluations.saturating_sub(2) / 2).min(MOST_PAIRS as u64) as usize;
        let design = design(players, pairs, seed);
        let fits = design.stages.iter().map(|_| OnceLock::new()).collect();
        Self { design, fits }
    }

    fn fits(&self, stage: usize) -> &Fits {
        self.fits[stage].get_or_init(|| Fits::new(&self.design, &self.design.stages[stage]))
    }

    /// Explains a row: stage by stage, until the standard errors are small enough.
    pub fn explain(&self, asked: &Asked<'_>) -> Row {
        let (outputs, masks) = (asked.game.outputs, &self.design.masks);
        // the values of each coalition by output, and of each row of the background
        let mut mean: Vec<f64> = Vec::new();
        let mut each: Vec<Vec<f32>> = vec![Vec::new(); asked.background];
        let mut begin = 0;
        for (at, stage) in self.design.stages.iter().enumerate() {
            let end = 2 + 2 * stage.pairs;
            mean.resize(end * outputs, 0.0);
            for first in (0..asked.background).step_by(TOGETHER) {
                let rows = first..(first + TOGETHER).min(asked.background);
                let values: Vec<Vec<f64>> = (rows.clone().into_par_iter())
                    .map(|other| asked.game.values(other, asked.active, masks, begin..end))
                    .collect();
                for (other, values) in rows.zip(values) {
                    let into = &mut mean[begin * outputs..];
                    into.iter_mut().zip(&values).for_each(|(sum, v)| *sum += v / asked.background as f64);
                    each[other].extend(values.iter().map(|v| *v as f32));
                }
            }
            begin = end;
            let is_last = at + 1 == self.design.stages.len();
            if let Some(row) = self.row(asked, self.fits(at), &mean, &each, is_last) {
                return row;
            }
        }
        unreachable!("the last stage is taken as it is")
    }

    /// What a stage says; `None` where it is not sure enough and not the last.
    fn row(
        &self,
        asked: &Asked<'_>,
        fits: &Fits,
        mean: &[f64],
        each: &[Vec<f32>],
        is_last: bool,
    ) -> Option<Row> {
        let (outputs, players) = (asked.game.outputs, asked.game.mix.players.len());
        let fitted: Vec<_> = (0..outputs).map(|k| fits.fit(&halves(mean, k, outputs))).collect();
        let is_sure = |fitted: &Fitted| {
            let all: f64 = fitted.values.iter().map(|value| value.abs()).sum();
            fitted.errors.iter().all(|error| *error <= asked.tolerance * all)
        };
        if !is_last && !fitted.iter().all(is_sure) {
            return None;
        }
        let mut row = Row::new(outputs, players);
        row.is_exact = false;
        row.freedom = fits.freedom();
        row.evaluations = (mean.len() / outputs) as u64;
        row.model_rows = row.evaluations * asked.background as u64;
        row.base.copy_from_slice(&mean[..outputs]);
        row.whole.copy_from_slice(&mean[outputs..2 * outputs]);
        for (k, fitted) in fitted.iter().enumerate() {
            let of_rows = each.iter().map(|values| fits.apply(fitted.strength, &halves(values, k, outputs)));
            let errors = spread(&of_rows.collect::<Vec<_>>());
            for (at, player) in asked.active.iter().enumerate() {
                row.values[k * players + player] = fitted.values[at];
                row.standard_errors[k * players + player] = fitted.errors[at];
                row.background_errors[k * players + player] = errors[at];
            }
        }
        Some(row)
    }
}

/// Half the difference of each pair, for one output; that of all players and none last.
fn halves<T: Copy + Into<f64>>(values: &[T], output: usize, outputs: usize) -> Vec<f64> {
    let value = |mask: usize| -> f64 { values[mask * outputs + output].into() };
    let pairs = values.len() / outputs / 2;
    let pair = |first: usize, second: usize| 0.5 * (value(first) - value(second));
    (1..pairs).map(|at| pair(2 * at, 2 * at + 1)).chain([pair(1, 0)]).collect()
}
