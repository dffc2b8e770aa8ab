//! What a report draws of predictions.

use super::Criterion;
use crate::evaluation::{Evaluation, FORMAT, NumberEvaluation, WorstRow};
use crate::manifest::hex;
use sha2::{Digest, Sha256};
use steepest_data::{AnyEncoder, Part, Place, Targets};

/// Rows that are drawn one by one.
const MOST_ROWS: usize = 1000;
/// Rows whose losses are kept, to be compared with those of another run.
const MOST_LOSSES: usize = 10_000;
/// Rows that are farthest off.
const MOST_WORST: usize = 10;
/// Bins of residuals.
const RESIDUAL_BINS: usize = 31;

impl Criterion {
    /// Of raw outputs for a part; `None` without rows, and after a run that went wrong.
    pub fn evaluation(
        &self,
        name: &str,
        part: &Part,
        outputs: &[f32],
        encoder: &AnyEncoder,
    ) -> Option<Evaluation> {
        let rows = part.features.rows as u64;
        let losses = self.rows(outputs, &part.targets, encoder.target_scale());
        let step = losses.losses().len().div_ceil(MOST_LOSSES).max(1);
        // a run that diverged may have losses beyond f32; infinity would be `null` in the file
        let stored = |loss: &f64| loss.min(f64::from(f32::MAX)) as f32;
        let losses = losses.losses().iter().step_by(step).map(stored).collect();
        if rows == 0 || outputs.iter().any(|output| !output.is_finite()) {
            return None;
        }
        let (classes, numbers) = match &part.targets {
            Targets::Classes(codes) => {
                (Some(self.class_rows(outputs, codes).evaluation(encoder.classes())), None)
            }
            Targets::Values(values) => {
                let pairs = values.iter().zip(outputs);
                let pairs = pairs.map(|(y, o)| [encoder.invert_target(*y), encoder.invert_target(*o)]);
                (None, Some(of_numbers(pairs.collect(), &part.places)))
            }
        };
        Some(Evaluation {
            format: FORMAT,
            part: name.to_owned(),
            rows,
            key: key(part),
            losses,
            classes,
            numbers,
        })
    }
}

/// Which rows they are: the same in another run over the same part of the same data, whatever it made of the inputs.
fn key(part: &Part) -> String {
    let mut hash = Sha256::new();
    match &part.targets {
        Targets::Values(values) => values.iter().for_each(|value| hash.update(value.to_le_bytes())),
        Targets::Classes(codes) => codes.iter().for_each(|code| hash.update(code.to_le_bytes())),
    }
    part.places.iter().for_each(|place| hash.update(place.to_string()));
    hex(hash)
}

/// Of true and predicted values.
fn of_numbers(pairs: Vec<[f64; 2]>, places: &[Place]) -> NumberEvaluation {
    let residual = |[truth, predicted]: &[f64; 2]| predicted - truth;
    let mut sorted: Vec<f64> = pairs.iter().map(residual).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = |fraction: f64| sorted[((sorted.len() - 1) as f64 * fraction).round() as usize];
    // a few rows far off would leave one bin for all others
    let reach = quantile(0.01).abs().max(quantile(0.99).abs()).max(f64::MIN_POSITIVE);
    let width = 2.0 * reach / RESIDUAL_BINS as f64;
    let residual_edges: Vec<f64> = (0..=RESIDUAL_BINS).map(|at| width * at as f64 - reach).collect();
    let mut residual_counts = vec![0; RESIDUAL_BINS];
    for residual in &sorted {
        let bin = ((residual + reach) / width).floor().clamp(0.0, (RESIDUAL_BINS - 1) as f64);
        residual_counts[bin as usize] += 1;
    }
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| residual(&pairs[*b]).abs().total_cmp(&residual(&pairs[*a]).abs()));
    let worst = order.iter().take(MOST_WORST).map(|&row| WorstRow {
        place: places.get(row).map(ToString::to_string).unwrap_or_default(),
        truth: pairs[row][0],
        predicted: pairs[row][1],
    });
    let step = pairs.len().div_ceil(MOST_ROWS).max(1);
    NumberEvaluation {
        worst: worst.collect(),
        points: pairs.iter().step_by(step).copied().collect(),
        residual_edges,
        residual_counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_fall_into_bins_and_the_worst_rows_are_named() {
        let mut pairs: Vec<[f64; 2]> =
            (0..500i32).map(|i| [f64::from(i), f64::from(i) + f64::from(i % 7) - 3.0]).collect();
        pairs[7][1] = 1e6;
        let numbers = of_numbers(pairs, &[]);
        assert_eq!(numbers.residual_counts.iter().sum::<u64>(), 500);
        assert!(numbers.residual_counts.iter().filter(|count| **count > 0).count() >= 7);
        assert_eq!((numbers.worst[0].truth, numbers.worst[0].predicted), (7.0, 1e6));
        assert_eq!(numbers.worst.len(), MOST_WORST);
    }
}
