//! How outputs move with a column, over values that the data has.

use super::explained::Curve;
use super::network::Network;
use crate::error::Result;
use steepest_explain::{Model, Players, accumulated, dependence};

/// Values that a column is set to.
const MOST_VALUES: usize = 24;
/// Rows that are drawn by themselves.
const MOST_EACH: usize = 60;

/// Rows with what the data has in a column.
pub(super) struct Column<'a> {
    /// Encoded rows.
    pub rows: &'a [f64],
    /// The number of the player.
    pub player: usize,
    /// What each row has.
    pub texts: Vec<&'a str>,
    pub numbers: Vec<Option<f64>>,
}

/// The curves of all outputs with one column: its features are taken from rows that have a value, so that nothing is asked that no
/// row could be. `None` where it has one value only, or where a number is missing in too many rows.
pub(super) fn curves(network: &Network, players: &Players, column: &Column<'_>) -> Result<Vec<Curve>> {
    let (width, features) = (network.features(), players.features(column.player));
    let of_row =
        |row: usize| -> Vec<f64> { features.iter().map(|at| column.rows[row * width + at]).collect() };
    let known: Vec<(usize, f64)> =
        column.numbers.iter().enumerate().filter_map(|(row, number)| Some((row, (*number)?))).collect();
    let is_number = 2 * known.len() > column.numbers.len();
    // a row for each value, in order
    let picked = if is_number { of_numbers(known.clone()) } else { of_texts(&column.texts) };
    if picked.len() < 2 {
        return Ok(Vec::new());
    }
    let values: Vec<Vec<f64>> = picked.iter().map(|row| of_row(*row)).collect();
    // rows without a number lie between no two values
    let rows: Vec<usize> = match is_number {
        true => known.iter().map(|(row, _)| *row).collect(),
        false => (0..column.texts.len()).collect(),
    };
    let data: Vec<f64> =
        rows.iter().flat_map(|row| column.rows[row * width..(row + 1) * width].to_vec()).collect();
    let found = dependence(network, &data, features, &values)?;
    let numbers: Vec<f64> = match is_number {
        true => picked.iter().map(|row| column.numbers[*row].unwrap_or_default()).collect(),
        false => Vec::new(),
    };
    let local = match is_number {
        true => {
            let place = |(_, number): &(usize, f64)| {
                numbers.partition_point(|edge| edge <= number).clamp(1, numbers.len() - 1) - 1
            };
            accumulated(network, &data, features, &values, &known.iter().map(place).collect::<Vec<_>>())?
                .values
        }
        false => Vec::new(),
    };
    let nearest = |row: &usize| match is_number {
        true => {
            let number = column.numbers[*row].unwrap_or_default();
            let far = |at: &usize| (numbers[*at] - number).abs();
            (0..numbers.len()).min_by(|a, b| far(a).total_cmp(&far(b)))
        }
        false => picked.iter().position(|other| column.texts[*other] == column.texts[*row]),
    };
    let mut counts = vec![0; picked.len()];
    rows.iter().filter_map(nearest).for_each(|at| counts[at] += 1);
    let gaps = if is_number { gaps(&known) } else { Vec::new() };
    let (n, outputs) = (values.len(), network.outputs());
    let step = rows.len().div_ceil(MOST_EACH);
    let of_output = |all: &[f64], output: usize| all.iter().skip(output).step_by(outputs).copied().collect();
    Ok((0..outputs)
        .map(|output| Curve {
            column: column.player,
            output,
            texts: picked.iter().map(|row| column.texts[*row].to_owned()).collect(),
            numbers: numbers.clone(),
            counts: counts.clone(),
            gaps: gaps.clone(),
            mean: of_output(&found.mean, output),
            accumulated: of_output(&local, output),
            each: found.each.chunks(n * outputs).step_by(step).map(|row| of_output(row, output)).collect(),
        })
        .collect())
}

/// Between which neighbours there is so much of the whole range that a curve says little there.
fn gaps(known: &[(usize, f64)]) -> Vec<[f64; 2]> {
    const WIDE: f64 = 0.08;
    let mut numbers: Vec<f64> = known.iter().map(|(_, number)| *number).collect();
    numbers.sort_by(f64::total_cmp);
    let Some((first, last)) = numbers.first().zip(numbers.last()) else { return Vec::new() };
    let mut steps: Vec<f64> =
        numbers.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0.0).collect();
    steps.sort_by(f64::total_cmp);
    // whole years lie apart, but evenly
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    let wide = (WIDE * (last - first)).max(3.0 * usual);
    numbers.windows(2).filter(|pair| pair[1] - pair[0] > wide).map(|pair| [pair[0], pair[1]]).collect()
}

/// Rows at evenly spaced ranks, of different numbers.
fn of_numbers(mut known: Vec<(usize, f64)>) -> Vec<usize> {
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut different = known.clone();
    different.dedup_by(|a, b| a.1 == b.1);
    if different.len() <= MOST_VALUES {
        return different.into_iter().map(|(row, _)| row).collect();
    }
    let mut picked: Vec<(usize, f64)> =
        (0..MOST_VALUES).map(|at| known[at * (known.len() - 1) / (MOST_VALUES - 1)]).collect();
    picked.dedup_by(|a, b| a.1 == b.1);
    picked.into_iter().map(|(row, _)| row).collect()
}

/// The first row of each of the most frequent texts.
fn of_texts(texts: &[&str]) -> Vec<usize> {
    let mut firsts: Vec<(usize, usize)> = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        match firsts.iter_mut().find(|(first, _)| texts[*first] == *text) {
            Some((_, count)) => *count += 1,
            None => firsts.push((row, 1)),
        }
    }
    firsts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    firsts.into_iter().take(MOST_VALUES / 2).map(|(row, _)| row).collect()
}
