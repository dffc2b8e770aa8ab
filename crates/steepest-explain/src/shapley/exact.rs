//! All coalitions.

use super::game::Game;
use crate::masks::{Masks, of_size};

/// The game of one row against one row of the background.
pub(super) struct Part {
    pub base: Vec<f64>,
    pub whole: Vec<f64>,
    pub values: Vec<f64>,
}

/// The Shapley values of the game of one row and one row of the background, over all coalitions of the players in which these
/// differ; all others get nothing, which is what they contribute.
///
/// ```text
/// φ_i = Σ_S  (s−1)! (d−s)! / d! · v(S) for S with i  −  s! (d−s−1)! / d! · v(S) for S without
/// ```
///
/// (Shapley 1953, sums of differences taken apart.)
pub(super) fn of_pair(game: &Game<'_>, other: usize, active: &[usize]) -> Part {
    let (d, players, outputs) = (active.len(), game.mix.players.len(), game.outputs);
    let masks = Masks::all(d);
    let (with, without) = weights(d);
    let mut values = vec![0.0; outputs * players];
    let (mut base, mut whole) = (Vec::new(), vec![0.0; outputs]);
    game.each(other, active, &masks, 0..masks.len(), |mask, v| {
        if mask == 0 {
            base = v.to_vec();
        }
        let size = masks.size(mask);
        for (k, v) in v.iter().enumerate() {
            // what all coalitions share falls out of the sum, and is better not in it
            let v = v - base[k];
            let (plus, minus) = (with[size] * v, -without[size] * v);
            let values = &mut values[k * players..(k + 1) * players];
            for (player, at) in active.iter().enumerate() {
                values[*at] += if mask >> player & 1 == 1 { plus } else { minus };
            }
        }
        if mask + 1 == masks.len() {
            whole.copy_from_slice(v);
        }
    });
    Part { base, whole, values }
}

/// By the size of a coalition, its weight for a player that is in it and for one that is not.
fn weights(d: usize) -> (Vec<f64>, Vec<f64>) {
    let mut with = vec![0.0; d + 1];
    let mut without = vec![0.0; d + 1];
    for s in 0..d {
        // s! (d−s−1)! / d! = 1 / (d · C(d−1, s))
        without[s] = 1.0 / (d as f64 * of_size(d - 1, s));
        with[s + 1] = without[s];
    }
    (with, without)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_by_factorials() {
        let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
        for d in 1..12 {
            let (with, without) = weights(d);
            for s in 0..d {
                let expected = factorial(s) * factorial(d - s - 1) / factorial(d);
                assert!((without[s] / expected - 1.0).abs() < 1e-14);
                assert!((with[s + 1] / expected - 1.0).abs() < 1e-14);
            }
        }
        assert_eq!(weights(0), (vec![0.0], vec![0.0]));
    }
}
