//! How good outputs are, in f64 and without the training loss's smoothing and weights.

use crate::loss::{Loss, log_softmax};
use crate::summary::Score;
use steepest_data::{AnyEncoder, Targets, Task};

/// What the network's raw outputs mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Criterion {
    pub task: Task,
    pub loss: Loss,
}

impl Criterion {
    /// Scores raw outputs, `rows × outputs`, row-major. `None` without rows.
    pub fn score(&self, outputs: &[f32], targets: &Targets, encoder: &AnyEncoder) -> Option<Score> {
        match targets {
            _ if targets.is_empty() => None,
            Targets::Values(values) => Some(self.numbers(outputs, values, encoder.target_scale())),
            Targets::Classes(codes) => Some(self.classes(outputs, codes)),
        }
    }

    fn numbers(&self, outputs: &[f32], values: &[f32], scale: f64) -> Score {
        let n = values.len() as f64;
        let (mut loss, mut squared, mut absolute) = (0.0, 0.0, 0.0);
        for (o, v) in outputs.iter().zip(values) {
            let d = f64::from(*o) - f64::from(*v);
            squared += d * d;
            absolute += d.abs();
            loss += self.loss.of_residual(d).0;
        }
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance: f64 = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum();
        Score {
            loss: loss / n,
            accuracy: None,
            rmse: Some((squared / n).sqrt() * scale),
            mae: Some(absolute / n * scale),
            // a part whose targets are all alike has no variance to explain
            r2: (variance > 0.0).then(|| 1.0 - squared / variance),
        }
    }

    fn classes(&self, outputs: &[f32], codes: &[u32]) -> Score {
        let width = self.task.outputs();
        let (mut loss, mut right) = (0.0, 0u64);
        for (row, code) in outputs.chunks(width).zip(codes) {
            let log_probabilities = log_softmax(row);
            loss -= log_probabilities[*code as usize];
            right += u64::from(argmax(&log_probabilities) == *code as usize);
        }
        let n = codes.len() as f64;
        Score { loss: loss / n, accuracy: Some(right as f64 / n), rmse: None, mae: None, r2: None }
    }
}

/// The first of the largest.
pub(crate) fn argmax(xs: &[f64]) -> usize {
    (0..xs.len()).fold(0, |best, i| if xs[i] > xs[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(task: Task, loss: Loss) -> Criterion {
        Criterion { task, loss }
    }

    const CROSS_ENTROPY: Loss = Loss::CrossEntropy { smoothing: 0.0, weights: None };

    #[test]
    fn classes_by_hand() {
        let outputs = [2.0f32, 0.0, 0.0, 1.0, 1.0, 1.0];
        let score = criterion(Task::Classes(3), CROSS_ENTROPY).classes(&outputs, &[0, 2]);
        let e2 = 2f64.exp();
        let expected = (-(e2 / (e2 + 2.0)).ln() + 3f64.ln()) / 2.0;
        assert!((score.loss - expected).abs() < 1e-12);
        assert_eq!(score.accuracy, Some(0.5)); // the tie goes to the first class
    }

    #[test]
    fn a_single_logit_is_the_second_class() {
        let score = criterion(Task::Binary, CROSS_ENTROPY).classes(&[3.0, -3.0, 1.0], &[1, 0, 0]);
        let softplus = |x: f64| x.exp().ln_1p();
        let expected = (2.0 * softplus(-3.0) + softplus(1.0)) / 3.0;
        assert!((score.loss - expected).abs() < 1e-12);
        assert_eq!(score.accuracy, Some(2.0 / 3.0));
    }

    #[test]
    fn numbers_are_in_the_targets_unit() {
        let score = criterion(Task::Regression, Loss::SquaredError).numbers(&[1.0, 0.0], &[0.0, 2.0], 10.0);
        assert_eq!(score.rmse, Some(2.5f64.sqrt() * 10.0));
        assert_eq!(score.mae, Some(15.0));
        assert_eq!(score.r2, Some(1.0 - 5.0 / 2.0));
        let huber =
            criterion(Task::Regression, Loss::Huber { delta: 1.0 }).numbers(&[1.0, 0.0], &[0.0, 2.0], 10.0);
        assert_eq!(huber.loss, (0.5 + 1.5) / 2.0);
    }
}
