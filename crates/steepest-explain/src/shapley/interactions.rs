//! What two columns do together that neither does alone.

use super::game::Game;
use crate::background::Background;
use crate::error::{Error, Result};
use crate::masks::{Masks, of_size};
use crate::model::{Mix, Model};
use crate::players::Players;
use rayon::prelude::*;

/// Rows of the background that are worked on at once.
const TOGETHER: usize = 8;

/// All coalitions of more players are too many.
pub const MOST_PLAYERS: usize = 12;

/// What pairs of columns do together, for one row: exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Interactions {
    /// `outputs × players × players`, symmetric. Beside the diagonal, half of what a pair does together; on it, what is left of the
    /// player's Shapley value, so that each row of the matrix adds up to it.
    pub values: Vec<f64>,
    /// How many players there are.
    pub players: usize,
}

impl Interactions {
    /// One entry.
    pub fn of(&self, output: usize, a: usize, b: usize) -> f64 {
        self.values[(output * self.players + a) * self.players + b]
    }
}

/// The Shapley interaction index of all pairs of columns, for each row (Grabisch & Roubens 1999), over all coalitions:
///
/// ```text
/// I_ij = Σ_{S without i, j}  s! (d−s−2)! / (d−1)! · (v(S∪ij) − v(S∪i) − v(S∪j) + v(S))
/// ```
///
/// # Errors
/// [`Error::TooMany`] for more than 12 columns; rows that are not finite.
pub fn interactions(
    model: &dyn Model,
    players: &Players,
    background: &Background,
    rows: &[f64],
) -> Result<Vec<Interactions>> {
    let d = players.len();
    if d > MOST_PLAYERS {
        let (found, most) = (d as u64, MOST_PLAYERS as u64);
        let remedy = "join columns, or look at dependence instead";
        return Err(Error::TooMany { what: "columns", found, most, remedy });
    }
    let rows = crate::background::rows("the rows", rows, model.features())?;
    Ok(rows.iter().map(|row| of_row(model, players, background, row)).collect())
}

fn of_row(model: &dyn Model, players: &Players, background: &Background, row: &[f64]) -> Interactions {
    let (d, outputs) = (players.len(), model.outputs());
    let masks = Masks::all(d);
    let game = Game::new(model, Mix { row, players, background: background.data() });
    let active: Vec<usize> = (0..d).collect();
    let of_other = |other: &usize| game.values(*other, &active, &masks, 0..masks.len());
    // a few at a time, in order
    let mut mean = vec![0.0; masks.len() * outputs];
    let others: Vec<usize> = (0..background.len()).collect();
    for others in others.chunks(TOGETHER) {
        let each: Vec<Vec<f64>> = others.par_iter().map(of_other).collect();
        each.iter().for_each(|values| crate::linalg::add(&mut mean, 1.0 / background.len() as f64, values));
    }
    let mut values = vec![0.0; outputs * d * d];
    for output in 0..outputs {
        let v = |mask: usize| mean[mask * outputs + output];
        let into = &mut values[output * d * d..(output + 1) * d * d];
        for a in 0..d {
            // the Shapley value, for the diagonal
            into[a * d + a] = (0..masks.len())
                .filter(|mask| mask >> a & 1 == 0)
                .map(|mask| (v(mask | 1 << a) - v(mask)) / (d as f64 * of_size(d - 1, masks.size(mask))))
                .sum();
        }
        for a in 0..d {
            for b in 0..a {
                let both = 1 << a | 1 << b;
                let together: f64 = (0..masks.len())
                    .filter(|mask| mask & both == 0)
                    .map(|mask| {
                        let change = v(mask | both) - v(mask | 1 << a) - v(mask | 1 << b) + v(mask);
                        change / ((d - 1) as f64 * of_size(d - 2, masks.size(mask)))
                    })
                    .sum();
                for (a, b) in [(a, b), (b, a)] {
                    into[a * d + b] = 0.5 * together;
                    into[a * d + a] -= 0.5 * together;
                }
            }
        }
    }
    Interactions { values, players: d }
}
