//! What is said of predicted numbers.

use super::metric::Metric;
use crate::loss::Loss;
use std::sync::OnceLock;

/// Rows with their predictions, ready to be counted.
#[derive(Debug)]
pub(crate) struct NumberRows {
    /// The loss of each row, of the standardized target.
    pub losses: Vec<f64>,
    /// |prediction − target| of each row, standardized.
    errors: Vec<f64>,
    /// Each standardized target less the first: targets that are all alike differ by nothing, not by rounding.
    targets: Vec<f64>,
    /// The unit of the standardized target.
    scale: f64,
    /// The rows by their errors, smallest first. Sorting waits until it is needed.
    by_error: OnceLock<Vec<u32>>,
}

impl NumberRows {
    pub fn new(outputs: &[f32], values: &[f32], loss: &Loss, scale: f64) -> Self {
        let residuals = || outputs.iter().zip(values).map(|(o, v)| f64::from(*o) - f64::from(*v));
        let first = values.first().copied().map_or(0.0, f64::from);
        Self {
            losses: residuals().map(|residual| loss.of_residual(residual).0).collect(),
            errors: residuals().map(f64::abs).collect(),
            targets: values.iter().map(|v| f64::from(*v) - first).collect(),
            scale,
            by_error: OnceLock::new(),
        }
    }

    /// A metric, where row i counts `counts[i]` times.
    pub fn value(&self, metric: Metric, counts: &[u32]) -> Option<f64> {
        match metric {
            Metric::R2 => self.r2(counts),
            Metric::Rmse => Some((self.squared(counts) / total(counts)).sqrt() * self.scale),
            Metric::Mae => Some(self.sum(counts, &self.errors, |e| e) / total(counts) * self.scale),
            Metric::MedianError => Some(self.median_error(counts) * self.scale),
            _ => None,
        }
    }

    /// `1 − Σ(o − y)² / Σ(y − ȳ)²`; `None` where all targets are alike, which leaves nothing to explain.
    fn r2(&self, counts: &[u32]) -> Option<f64> {
        let mean = self.sum(counts, &self.targets, |y| y) / total(counts);
        let variance = self.sum(counts, &self.targets, |y| (y - mean) * (y - mean));
        (variance > 0.0).then(|| 1.0 - self.squared(counts) / variance)
    }

    /// The middle error; of an even number the mean of both.
    fn median_error(&self, counts: &[u32]) -> f64 {
        // NaN, after a run that went wrong, comes last
        let by_error = self.by_error.get_or_init(|| {
            let mut rows: Vec<u32> = (0..self.errors.len() as u32).collect();
            rows.sort_unstable_by(|a, b| self.errors[*a as usize].total_cmp(&self.errors[*b as usize]));
            rows
        });
        let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let (mut seen, mut lower) = (0, None);
        for row in by_error {
            seen += u64::from(counts[*row as usize]);
            let error = self.errors[*row as usize];
            if lower.is_none() && 2 * seen >= total {
                lower = Some(error);
            }
            if 2 * seen > total {
                return (lower.unwrap_or(error) + error) / 2.0;
            }
        }
        f64::NAN
    }

    fn squared(&self, counts: &[u32]) -> f64 {
        self.sum(counts, &self.errors, |e| e * e)
    }

    fn sum(&self, counts: &[u32], of: &[f64], f: impl Fn(f64) -> f64) -> f64 {
        of.iter().zip(counts).map(|(x, count)| f64::from(*count) * f(*x)).sum()
    }

    /// Passes over the rows that all metrics together take, for [`super::bootstrap`].
    pub fn passes(&self) -> usize {
        8
    }
}

fn total(counts: &[u32]) -> f64 {
    counts.iter().map(|count| f64::from(*count)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(outputs: &[f32], values: &[f32]) -> NumberRows {
        NumberRows::new(outputs, values, &Loss::SquaredError, 10.0)
    }

    #[test]
    fn by_hand_in_the_targets_unit() {
        let rows = rows(&[1.0, 0.0], &[0.0, 2.0]);
        let value = |metric| rows.value(metric, &[1, 1]);
        assert_eq!(value(Metric::Rmse), Some(2.5f64.sqrt() * 10.0));
        assert_eq!((value(Metric::Mae), value(Metric::MedianError)), (Some(15.0), Some(15.0)));
        assert_eq!(value(Metric::R2), Some(1.0 - 5.0 / 2.0));
        assert_eq!(rows.losses, [1.0, 4.0]);
        let huber = NumberRows::new(&[1.0, 0.0], &[0.0, 2.0], &Loss::Huber { delta: 1.0 }, 10.0);
        assert_eq!(huber.losses, [0.5, 1.5]);
    }

    #[test]
    fn rows_that_count_twice_are_two_rows() {
        let (once, twice) = (rows(&[1.0, 0.0, 3.0], &[0.0, 2.0, 2.5]), [1.0, 0.0, 3.0, 3.0]);
        let repeated = rows(&twice, &[0.0, 2.0, 2.5, 2.5]);
        for metric in [Metric::R2, Metric::Rmse, Metric::Mae, Metric::MedianError] {
            let (a, b) = (once.value(metric, &[1, 1, 2]).unwrap(), repeated.value(metric, &[1; 4]).unwrap());
            assert!((a - b).abs() < 1e-12, "{metric}: {a} {b}");
        }
    }

    #[test]
    fn the_median_is_that_of_the_repeated_rows() {
        let rows = rows(&[0.0, 0.0, 0.0], &[1.0, 2.0, 4.0]);
        for (counts, median) in [([1, 1, 1], 2.0), ([1, 1, 0], 1.5), ([2, 0, 1], 1.0), ([0, 2, 2], 3.0)] {
            assert_eq!(rows.value(Metric::MedianError, &counts), Some(median * 10.0), "{counts:?}");
        }
    }

    #[test]
    fn a_constant_target_has_no_r2() {
        assert_eq!(rows(&[1.0, 2.0], &[3.0, 3.0]).value(Metric::R2, &[1, 1]), None);
    }
}
