//! How well a number puts the rows of one class before all others. Rows are sorted once; a resample only changes how
//! often each counts.

/// A row in its rank.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    row: u32,
    /// Whether it is of the class.
    positive: bool,
    /// Whether the next row has a smaller number; rows with the same number are a tie.
    ends_tie: bool,
}

/// Rows from the largest number to the smallest.
#[derive(Debug)]
pub(super) struct Ranking(Vec<Ranked>);

/// The rows of one tie, and those before it.
struct Tie {
    /// Rows of the class in the tie, and others.
    positive: f64,
    negative: f64,
    /// Rows of the class before it, and others.
    positive_before: f64,
    negative_before: f64,
}

impl Ranking {
    /// Sorts the rows by their numbers, of which none may be NaN.
    pub fn new(numbers: &[f64], positive: impl Fn(usize) -> bool) -> Self {
        let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
        order.sort_unstable_by(|a, b| numbers[*b as usize].total_cmp(&numbers[*a as usize]));
        let ranked = order.iter().enumerate().map(|(at, &row)| Ranked {
            row,
            positive: positive(row as usize),
            ends_tie: order.get(at + 1).is_none_or(|next| numbers[*next as usize] != numbers[row as usize]),
        });
        Self(ranked.collect())
    }

    /// The area under the ROC curve: the probability that a row of the class has a larger number than another row,
    /// a tie counting half (Mann & Whitney, 1947). `None` where all rows are of the class, or none is.
    pub fn auc(&self, counts: &[u32]) -> Option<f64> {
        let mut before = 0.0;
        let (positive, negative) = self.ties(counts, |tie| {
            before += tie.negative * (tie.positive_before + 0.5 * tie.positive);
        });
        (positive > 0.0 && negative > 0.0).then(|| before / (positive * negative))
    }

    /// `Σ (R_i − R_{i−1}) P_i` over the thresholds, from the largest: recall R and precision P of the rows at or above
    /// the threshold, without interpolation. `None` where no row is of the class.
    pub fn average_precision(&self, counts: &[u32]) -> Option<f64> {
        let mut sum = 0.0;
        let (positive, _) = self.ties(counts, |tie| {
            if tie.positive > 0.0 {
                let found = tie.positive_before + tie.positive;
                sum += tie.positive * found / (found + tie.negative_before + tie.negative);
            }
        });
        (positive > 0.0).then(|| sum / positive)
    }

    /// The points of the ROC curve, false positive rate and true positive rate, and those of precision over recall, one
    /// for each threshold; without the ROC where all rows are of the class, or none is.
    pub fn curves(&self, counts: &[u32]) -> [Vec<[f64; 2]>; 2] {
        let mut found = Vec::new();
        let (positive, negative) = self.ties(counts, |tie| {
            found.push([tie.negative_before + tie.negative, tie.positive_before + tie.positive]);
        });
        let roc = std::iter::once([0.0, 0.0])
            .chain(found.iter().map(|[wrong, right]| [wrong / negative, right / positive]))
            .filter(|_| positive > 0.0 && negative > 0.0);
        let precision = found.iter().map(|[wrong, right]| [right / positive, right / (right + wrong)]);
        [roc.collect(), precision.filter(|_| positive > 0.0).collect()]
    }

    /// Visits the ties from the largest number on; returns how many rows are of the class, and how many not.
    fn ties(&self, counts: &[u32], mut visit: impl FnMut(&Tie)) -> (f64, f64) {
        let mut tie = Tie { positive: 0.0, negative: 0.0, positive_before: 0.0, negative_before: 0.0 };
        for ranked in &self.0 {
            let count = f64::from(counts[ranked.row as usize]);
            if ranked.positive {
                tie.positive += count;
            } else {
                tie.negative += count;
            }
            if ranked.ends_tie {
                visit(&tie);
                tie = Tie {
                    positive: 0.0,
                    negative: 0.0,
                    positive_before: tie.positive_before + tie.positive,
                    negative_before: tie.negative_before + tie.negative,
                };
            }
        }
        (tie.positive_before, tie.negative_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // + − + − −, of 6 pairs one is the wrong way round
        let ranking = Ranking::new(&[0.9, 0.8, 0.7, 0.6, 0.1], |row| row == 0 || row == 2);
        assert_eq!(ranking.auc(&[1; 5]), Some(5.0 / 6.0));
        assert_eq!(ranking.average_precision(&[1; 5]), Some((1.0 + 2.0 / 3.0) / 2.0));
        // the row that stands wrong counts three times: 10 pairs, 3 of them wrong
        assert_eq!(ranking.auc(&[1, 3, 1, 1, 1]), Some(7.0 / 10.0));
    }

    #[test]
    fn curves_by_hand() {
        let ranking = Ranking::new(&[0.9, 0.8, 0.7, 0.7, 0.1], |row| row == 0 || row == 2);
        let [roc, precision] = ranking.curves(&[1; 5]);
        let third = 1.0 / 3.0;
        assert_eq!(roc, [[0.0, 0.0], [0.0, 0.5], [third, 0.5], [2.0 * third, 1.0], [1.0, 1.0]]);
        assert_eq!(precision, [[0.5, 1.0], [0.5, 0.5], [1.0, 0.5], [1.0, 0.4]]);
        assert_eq!(Ranking::new(&[0.5], |_| false).curves(&[1]), [Vec::<[f64; 2]>::new(), Vec::new()]);
    }

    #[test]
    fn ties_count_half_in_whatever_order_they_come() {
        for numbers in [[0.5, 0.5, 0.5, 0.1], [0.5, 0.1, 0.5, 0.5]] {
            let positive = |row: usize| row == 0;
            let ranking = Ranking::new(&numbers, positive);
            assert_eq!(ranking.auc(&[1; 4]), Some((1.0 + 0.5 + 0.5) / 3.0));
            assert_eq!(ranking.average_precision(&[1; 4]), Some(1.0 / 3.0));
        }
        assert_eq!(Ranking::new(&[0.5; 4], |row| row < 2).auc(&[1; 4]), Some(0.5));
    }

    #[test]
    fn one_class_has_no_area() {
        let ranking = Ranking::new(&[0.2, 0.1], |_| true);
        assert_eq!((ranking.auc(&[1, 1]), ranking.average_precision(&[1, 1])), (None, Some(1.0)));
        let ranking = Ranking::new(&[0.2, 0.1], |row| row == 0);
        assert_eq!((ranking.auc(&[0, 2]), ranking.average_precision(&[0, 2])), (None, None));
        assert_eq!(Ranking::new(&[], |_| true).auc(&[]), None);
    }
}
