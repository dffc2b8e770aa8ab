//! What can be said without looking at the features.

use steepest_data::{Targets, Task};

/// Predicts the same for every row: the majority class, with the frequencies of the training rows as probabilities; or
/// the mean of the training rows, without those that the encoder finds far from all others.
#[derive(Debug, Clone)]
pub(crate) struct Baseline {
    /// The outputs of a network that would say so.
    row: Vec<f32>,
}

impl Baseline {
    pub fn new(task: Task, train: &Targets) -> Self {
        let Targets::Classes(codes) = train else { return Self { row: vec![0.0] } };
        let mut rows = vec![0u64; task.class_count()];
        for code in codes {
            rows[*code as usize] += 1;
        }
        // a class that training has not seen gets the smallest number: its loss stays finite
        let logit = |rows: &u64| (*rows as f64 / codes.len().max(1) as f64).max(1e-30).ln();
        let logits: Vec<f64> = rows.iter().map(logit).collect();
        let row = match (task, logits.as_slice()) {
            (Task::Binary, [first, second]) => vec![(second - first) as f32],
            _ => logits.iter().map(|x| *x as f32).collect(),
        };
        Self { row }
    }

    /// Its outputs for so many rows.
    pub fn outputs(&self, rows: usize) -> Vec<f32> {
        self.row.repeat(rows)
    }

    /// What it predicts, as codes of classes or in the standardized target.
    pub fn row(&self) -> &[f32] {
        &self.row
    }
}

/// Where the loss of a row is cut, so that a few rows cannot decide when training stops: the 99th percentile of the
/// baseline's row losses on validation, of few rows the largest but one, so that a single outlier never sets it; but no
/// more than its largest on the rows that are learned, and no less than its mean there, which very few rows may all be
/// below.
///
/// A run whose validation loss is made by three rows stops by what happens to these three; the mean of capped losses is
/// moved by all others too.
///
/// A cross-entropy is cut later, where a row's class is [`SURPRISE`] times less probable than by the baseline: cut where
/// squared errors are, all confident mistakes would cost the same, and the network that makes the most confident ones
/// would be kept.
pub(crate) fn cap(task: Task, validation: &[f64], learned: &[f64]) -> f64 {
    let mut losses = validation.to_vec();
    losses.sort_unstable_by(f64::total_cmp);
    let at = (0.99 * losses.len().saturating_sub(1) as f64).floor() as usize;
    let most = learned.iter().copied().fold(0.0, f64::max);
    let mean = learned.iter().sum::<f64>() / learned.len().max(1) as f64;
    let later = if task.is_classification() { SURPRISE.ln() } else { 0.0 };
    losses.get(at).map_or(most, |loss| loss.min(most).max(mean)) + later
}

/// See [`cap`].
const SURPRISE: f64 = 100.0;

/// The mean of the losses, none counted as more than `cap`. NaN stays NaN.
pub(crate) fn capped_mean(losses: &[f64], cap: f64) -> f64 {
    losses.iter().map(|loss| if *loss > cap { cap } else { *loss }).sum::<f64>() / losses.len() as f64
}

/// At most so many rows are called few.
const FEW: usize = 3;
/// Rows that a part must have for its largest losses to be remarkable: of thirty, three are a tenth.
const FEWEST_ROWS: usize = 30;

/// A row of which it is worth knowing has this share of the loss.
const LARGE: f64 = 0.1;

/// The few rows that together make more than half of the losses' sum, largest first, and their share of it.
pub(crate) fn dominating(losses: &[f64], cap: f64) -> Option<(Vec<usize>, f64)> {
    let sum: f64 = losses.iter().sum();
    if losses.len() < FEWEST_ROWS || !(sum > 0.0 && sum.is_finite()) {
        return None;
    }
    let large = |row: &usize| losses[*row] > cap && losses[*row] > LARGE * sum;
    let mut rows: Vec<usize> = (0..losses.len()).filter(large).collect();
    rows.sort_by(|a, b| losses[*b].total_cmp(&losses[*a]));
    rows.truncate(FEW);
    let share = rows.iter().map(|row| losses[*row]).sum::<f64>() / sum;
    (share > 0.5).then_some((rows, share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::criterion;

    #[test]
    fn it_says_how_frequent_the_classes_were() {
        let outputs = Baseline::new(Task::Binary, &Targets::Classes(vec![1, 0, 0, 0])).outputs(2);
        assert_eq!(outputs, [(1f64 / 3.0).ln() as f32; 2]);
        let baseline = Baseline::new(Task::Classes(3), &Targets::Classes(vec![0, 1, 2, 2]));
        let targets = Targets::Classes(vec![2, 0]);
        let outputs = baseline.outputs(2);
        let losses = criterion(Task::Classes(3)).rows(&outputs, &targets, 1.0).losses().to_vec();
        assert!((losses[0] - 2f64.ln()).abs() < 1e-6 && (losses[1] - 4f64.ln()).abs() < 1e-6, "{losses:?}");
        assert_eq!(Baseline::new(Task::Regression, &Targets::Values(vec![3.0])).outputs(2), [0.0, 0.0]);
    }

    #[test]
    fn outliers_do_not_set_the_cap() {
        for rows in [2, 10, 50, 100] {
            let mut losses: Vec<f64> = (0..rows).map(|i| 1.0 + i as f64 / rows as f64).collect();
            losses[0] = 1e18;
            let found = cap(Task::Regression, &losses, &[0.0, 0.0, 0.0, 4.0]);
            assert!((1.0..=2.0).contains(&found), "{rows}: {found}");
        }
        // more than one may be; what is learned bounds them all, from below too
        assert_eq!(cap(Task::Regression, &[1.0, 1e18, 1e18], &[0.5, 4.0]), 4.0);
        assert_eq!(cap(Task::Regression, &[0.0, 3.0], &[0.5, 4.0]), 2.25);
        assert_eq!(cap(Task::Regression, &[], &[0.5, 4.0]), 4.0);
        assert_eq!(cap(Task::Binary, &[0.1; 30], &[0.1; 4]), 0.1 + 100f64.ln());
    }

    #[test]
    fn capped_losses_by_hand() {
        assert_eq!(capped_mean(&[1.0, 100.0, 2.0], 3.0), 2.0);
        assert!(capped_mean(&[1.0, f64::NAN], 3.0).is_nan());
    }

    #[test]
    fn few_rows_are_named_where_they_make_half() {
        let mut losses = vec![1.0; 100];
        assert_eq!(dominating(&losses, 2.0), None);
        (losses[7], losses[3]) = (60.0, 90.0);
        assert_eq!(dominating(&losses, 2.0), Some((vec![3, 7], 150.0 / 248.0)));
        losses[3] = 900.0;
        assert_eq!(dominating(&losses, 2.0).unwrap().0, [3]);
        assert_eq!(dominating(&losses, 1000.0), None);
        assert_eq!(dominating(&[1.0, 100.0], 2.0), None);
    }
}
