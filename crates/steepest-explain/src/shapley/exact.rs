//! All coalitions.

use super::blocks::{Part, block_values};
use crate::masks::Masks;
use crate::model::Hybrids;

/// The Shapley values of the game of one row and one row of the background, over all coalitions of the players in which these
/// differ; all others get nothing, which is what they contribute.
///
/// ```text
/// φ_i = Σ_S  (s−1)! (d−s)! / d! · v(S) for S with i  −  s! (d−s−1)! / d! · v(S) for S without
/// ```
///
/// (Shapley 1953, sums of differences taken apart.)
pub(super) fn of_pair(
    hybrids: &dyn Hybrids,
    other: usize,
    active: &[usize],
    players: usize,
    outputs: usize,
    block: usize,
) -> Part {
    let d = active.len();
    let masks = Masks::all(d);
    let (with, without) = weights(d);
    let mut values = vec![0.0; outputs * players];
    let (mut base, mut whole) = (Vec::new(), vec![0.0; outputs]);
    block_values(hybrids, other, active, &masks, 0..masks.len(), outputs, block, |mask, v| {
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
    // s! (d−s−1)! / d! = 1 / (d · C(d−1, s))
    let mut choose = 1.0;
    for s in 0..d {
        without[s] = 1.0 / (d as f64 * choose);
        with[s + 1] = without[s];
        choose *= (d - 1 - s) as f64 / (s + 1) as f64;
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
