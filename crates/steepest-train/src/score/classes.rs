//! What is said of predicted classes.

use super::metric::Metric;
use super::ranking::Ranking;
use crate::evaluation::{CalibrationBin, ClassCurves, ClassEvaluation, Confused};
use crate::loss::{argmax, log_softmax};
use std::sync::OnceLock;

/// Classes beyond which no table of classes against classes is kept: it grows with their square.
pub(super) const MOST_IN_TABLE: usize = 50;

/// Points of a curve: more than a screen shows.
const MOST_POINTS: usize = 200;
/// Classes that have curves of their own.
const MOST_CURVES: usize = 10;
/// Pairs of classes that are taken for one another.
const MOST_CONFUSED: usize = 20;
/// Bins of probabilities.
const PROBABILITY_BINS: usize = 10;

/// Rows with their predictions, ready to be counted.
#[derive(Debug)]
pub(crate) struct ClassRows<'a> {
    classes: usize,
    /// Of two classes, that which is looked for.
    positive: usize,
    codes: &'a [u32],
    /// `rows × classes`.
    log_probabilities: Vec<f64>,
    predicted: Vec<u32>,
    /// −log of the probability of each row's class.
    pub losses: Vec<f64>,
    /// One for each class; of two classes, that of the positive one alone. Sorting waits until it is needed.
    rankings: OnceLock<Vec<Ranking>>,
}

impl<'a> ClassRows<'a> {
    /// From raw outputs, `width` a row: one output is the logit of the second of two classes. `positive` is that of
    /// two classes which is looked for.
    pub fn new(outputs: &[f32], width: usize, codes: &'a [u32], positive: u32) -> Self {
        let log_probabilities: Vec<f64> = outputs.chunks(width).flat_map(log_softmax).collect();
        let classes = width.max(2);
        let rows = || log_probabilities.chunks(classes);
        let predicted = rows().map(|row| argmax(row) as u32).collect();
        // without the zero's sign, which a probability of 1 leaves
        let losses = rows().zip(codes).map(|(row, code)| 0.0 - row[*code as usize]).collect();
        let positive = positive as usize;
        Self { classes, positive, codes, predicted, losses, log_probabilities, rankings: OnceLock::new() }
    }

    /// A metric, where row i counts `counts[i]` times.
    pub fn value(&self, metric: Metric, counts: &[u32]) -> Option<f64> {
        match metric {
            Metric::Accuracy => self.confusion(counts).accuracy(),
            Metric::BalancedAccuracy => self.confusion(counts).balanced_accuracy(),
            Metric::F1 => self.confusion(counts).f1(self.positive),
            Metric::Auc => mean(self.rankings()?.iter().filter_map(|ranking| ranking.auc(counts))),
            Metric::AveragePrecision => {
                mean(self.rankings()?.iter().filter_map(|ranking| ranking.average_precision(counts)))
            }
            _ => None,
        }
    }

    /// How often each class was taken for each.
    pub fn confusion(&self, counts: &[u32]) -> Confusion {
        let mut cells = vec![0; self.classes * self.classes];
        for ((code, predicted), count) in self.codes.iter().zip(&self.predicted).zip(counts) {
            cells[*code as usize * self.classes + *predicted as usize] += u64::from(*count);
        }
        Confusion { classes: self.classes, cells }
    }

    /// `None` after a run that went wrong: NaN has no rank.
    fn rankings(&self) -> Option<&[Ranking]> {
        let rankings = self.rankings.get_or_init(|| {
            if self.log_probabilities.iter().any(|x| x.is_nan()) {
                return Vec::new();
            }
            let ranking = |class: usize| {
                let numbers: Vec<f64> =
                    self.log_probabilities.iter().skip(class).step_by(self.classes).copied().collect();
                Ranking::new(&numbers, |row| self.codes[row] as usize == class)
            };
            match self.classes {
                2 => vec![ranking(self.positive)],
                classes => (0..classes).map(ranking).collect(),
            }
        });
        (!rankings.is_empty()).then_some(rankings)
    }

    /// What a report draws of them.
    pub fn evaluation(&self, names: &[String]) -> ClassEvaluation {
        let counts = vec![1; self.codes.len()];
        let confusion = self.confusion(&counts);
        let name = |class: usize| names.get(class).cloned().unwrap_or_default();
        let mut shown: Vec<usize> =
            if self.classes == 2 { vec![self.positive] } else { (0..self.classes).collect() };
        shown.sort_by_key(|class| std::cmp::Reverse(confusion.support(*class)));
        shown.truncate(MOST_CURVES);
        let curves = self.rankings().into_iter().flat_map(|rankings| {
            shown.iter().filter_map(|class| {
                let ranking = rankings.get(if self.classes == 2 { 0 } else { *class })?;
                let [roc, precision_recall] = ranking.curves(&counts).map(|curve| thinned(&curve));
                Some(ClassCurves {
                    class: name(*class),
                    rows: confusion.support(*class),
                    roc,
                    precision_recall,
                    auc: ranking.auc(&counts),
                    average_precision: ranking.average_precision(&counts),
                })
            })
        });
        let mut confused: Vec<Confused> = (confusion.rows().enumerate())
            .flat_map(|(class, row)| {
                row.iter().enumerate().map(move |(taken_for, rows)| (class, taken_for, *rows))
            })
            .filter(|(class, taken_for, rows)| class != taken_for && *rows > 0)
            .map(|(class, taken_for, rows)| Confused { class: name(class), taken_for: name(taken_for), rows })
            .collect();
        confused.sort_by_key(|confused| std::cmp::Reverse(confused.rows));
        confused.truncate(MOST_CONFUSED);
        ClassEvaluation { curves: curves.collect(), calibration: self.calibration(), confused }
    }

    /// How often the most probable class is right, in bins of equal width; those without rows are left out.
    fn calibration(&self) -> Vec<CalibrationBin> {
        let mut bins = vec![(0u64, 0.0, 0u64); PROBABILITY_BINS];
        let rows = self.log_probabilities.chunks(self.classes).zip(&self.predicted).zip(self.codes);
        for ((row, predicted), code) in rows {
            let probability = row[*predicted as usize].exp();
            let at = ((probability * PROBABILITY_BINS as f64) as usize).min(PROBABILITY_BINS - 1);
            let (rows, sum, right) = &mut bins[at];
            (*rows, *sum, *right) = (*rows + 1, *sum + probability, *right + u64::from(predicted == code));
        }
        let bin = |(rows, sum, right): (u64, f64, u64)| CalibrationBin {
            rows,
            confidence: sum / rows as f64,
            accuracy: right as f64 / rows as f64,
        };
        bins.into_iter().filter(|(rows, ..)| *rows > 0).map(bin).collect()
    }

    /// Passes over the rows that all metrics together take, for [`super::bootstrap`].
    pub fn passes(&self) -> usize {
        4 + 2 * self.rankings().map_or(0, <[Ranking]>::len)
    }
}

/// How often each class was taken for each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Confusion {
    classes: usize,
    /// Row-major: true class, predicted class.
    cells: Vec<u64>,
}

impl Confusion {
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.cells.chunks(self.classes)
    }

    fn right(&self, class: usize) -> f64 {
        self.cells[class * self.classes + class] as f64
    }

    /// Rows of a class.
    pub fn support(&self, class: usize) -> u64 {
        self.cells[class * self.classes..][..self.classes].iter().sum()
    }

    fn predicted(&self, class: usize) -> f64 {
        self.cells.iter().skip(class).step_by(self.classes).sum::<u64>() as f64
    }

    /// The fraction of right answers; `None` without rows.
    pub fn accuracy(&self) -> Option<f64> {
        let right = (0..self.classes).map(|class| self.right(class)).sum::<f64>();
        quotient(right, self.cells.iter().sum::<u64>() as f64)
    }

    /// The fraction of a class's rows that are found; `None` where it has no rows.
    pub fn recall(&self, class: usize) -> Option<f64> {
        quotient(self.right(class), self.support(class) as f64)
    }

    /// The fraction of the rows taken for a class that are of it; `None` where none is taken for it.
    pub fn precision(&self, class: usize) -> Option<f64> {
        quotient(self.right(class), self.predicted(class))
    }

    /// The mean recall of the classes that have rows; `None` where that is one class, which leaves nothing to balance.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recalls: Vec<f64> = (0..self.classes).filter_map(|class| self.recall(class)).collect();
        (recalls.len() > 1).then(|| mean(recalls.into_iter())).flatten()
    }

    /// `2·TP / (2·TP + FP + FN)`, the harmonic mean of precision and recall (van Rijsbergen, 1979): of
    /// `positive` of two classes, or the mean over several, without those that neither rows nor predictions have.
    pub fn f1(&self, positive: usize) -> Option<f64> {
        let of = |class: usize| {
            quotient(2.0 * self.right(class), self.support(class) as f64 + self.predicted(class))
        };
        match self.classes {
            2 => of(positive),
            classes => mean((0..classes).filter_map(of)),
        }
    }
}

fn quotient(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    quotient(sum, count)
}

/// Of a curve as many points as a screen shows, its ends among them.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.last().filter(|_| !(points.len().saturating_sub(1)).is_multiple_of(step));
    points.iter().step_by(step).chain(last).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_classes_by_hand() {
        // 2 of 3 rows of class 0 are found, class 1 is taken for 0 and found once, class 2 has no rows
        let confusion = Confusion { classes: 3, cells: vec![2, 1, 0, 1, 1, 0, 0, 0, 0] };
        assert_eq!(confusion.accuracy(), Some(3.0 / 5.0));
        assert_eq!([0, 1, 2].map(|c| confusion.recall(c)), [Some(2.0 / 3.0), Some(0.5), None]);
        assert_eq!([0, 1, 2].map(|c| confusion.precision(c)), [Some(2.0 / 3.0), Some(0.5), None]);
        assert_eq!(confusion.balanced_accuracy(), Some((2.0 / 3.0 + 0.5) / 2.0));
        assert_eq!(confusion.f1(0), Some((4.0 / 6.0 + 2.0 / 4.0) / 2.0));
        assert_eq!([0, 1, 2].map(|c| confusion.support(c)), [3, 2, 0]);
    }

    #[test]
    fn of_two_classes_one_has_the_f1() {
        let confusion = Confusion { classes: 2, cells: vec![90, 5, 3, 2] };
        assert_eq!(confusion.f1(1), Some(4.0 / (4.0 + 5.0 + 3.0)));
        assert_eq!(confusion.f1(0), Some(180.0 / (180.0 + 5.0 + 3.0)));
        assert_eq!(confusion.balanced_accuracy(), Some((90.0 / 95.0 + 2.0 / 5.0) / 2.0));
        // nothing to find and nothing found
        assert_eq!(Confusion { classes: 2, cells: vec![9, 0, 0, 0] }.balanced_accuracy(), None);
        assert_eq!(Confusion { classes: 2, cells: vec![9, 0, 0, 0] }.f1(1), None);
        assert_eq!(Confusion { classes: 2, cells: vec![0; 4] }.accuracy(), None);
    }

    #[test]
    fn a_thinned_curve_has_its_ends() {
        for length in [1, 2, 199, 200, 201, 1000, 1001] {
            let points: Vec<[f64; 2]> = (0..length).map(|i| [f64::from(i), 0.0]).collect();
            let thin = thinned(&points);
            assert!(thin.len() <= MOST_POINTS + 1, "{length}: {}", thin.len());
            assert_eq!((thin[0], thin.last()), (points[0], points.last()), "{length}");
        }
    }
}
