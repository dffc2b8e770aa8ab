//! Whether one of two models is better: the corrected test over paired rows.

use std::collections::BTreeMap;

use super::binomial::checked_level;
use super::error::{Error, Result};
use super::special::{student_beyond, student_quantile};

/// What two models cost on the same validation rows of one fold.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The first model's loss of each row; the mean over its trainings where there are several.
    pub first: &'a [f64],
    /// The second model's, of the same rows in the same order.
    pub second: &'a [f64],
    /// Which rows belong together (one customer, one day): rows of a group count as one observation. The same label in two
    /// folds is the same group. `None`: each row stands alone.
    pub groups: Option<&'a [u64]>,
    /// How many rows the models of this fold were trained on.
    pub training_rows: usize,
}

/// The first model's mean loss minus the second's, and how far chance may have moved it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The mean over all rows, in the unit of the losses. Negative: the first model is better.
    pub mean: f64,
    /// Its standard error for other training and validation rows of the same kind.
    pub standard_error: f64,
    /// The interval at the level that was asked for, by Student's quantile.
    pub interval: [f64; 2],
    /// Degrees of freedom of the standard error.
    pub freedom: f64,
    /// The probability of so large a difference, either way, where there is none.
    pub p_value: f64,
    /// The probability of a difference so far below zero where there is none: small means that the first model is better.
    pub p_first_better: f64,
}

/// Compares two models over K ≥ 1 folds, row by row.
///
/// ```text
/// dᵢ = first loss − second loss of row i; d̄ its mean over all N = Σ n₂ validation rows
/// R = Σ_g (Σ_{i in g} (dᵢ − d̄))² / N² · G/(G − 1), g one of G groups, or a single row
/// T = max(0, Σ_k (d̄_k − mean of d̄_k)² / (K (K − 1)) − R), the folds' variance beyond that of their rows; 0 where K = 1
/// standard error² = (1 + N/n₁) · R + T
/// N/n₁ = K·n₂/n₁, n₁ the mean number of training rows of a fold
/// degrees of freedom: (Σ_g n_g)²/Σ_g n_g² − 1 for R, K − 1 for R + T, joined by Satterthwaite's formula
/// ```
///
/// The factor stands for the training rows, whose chance is in all rows of a fold alike: it is taken to be what as many rows
/// would contribute by themselves. Nadeau and Bengio's test ([2003]) takes all of the variance from K folds' means, with K − 1
/// degrees of freedom and little power; the rows are many. Noise of training that more rows do not make smaller, such as another
/// seed's, is T. Groups of unequal size count for fewer (Carter, Schnepel & Steigerwald 2017, without the term for correlation).
///
/// With one fold nothing shows the noise of training: where it is half as large as that of the rows, two trainings of the same
/// model are told apart a little too often, where it is larger, much too often. Take several folds.
///
/// Where all differences are the same, there is no noise to go by: the interval is the difference alone, and the p value 1 if
/// the difference is zero and 0 if not.
///
/// [2003]: https://doi.org/10.1023/A:1024068626366
///
/// # Errors
/// No fold, no training rows, fewer than two rows or groups, lists of different lengths, losses that are not finite, a level that is
/// not between 0 and 1.
///
/// ```
/// use steepest_choose::stats::{Rows, paired_difference};
/// let first = [0.2, 0.4, 0.3, 0.1];
/// let second = [0.3, 0.7, 0.5, 0.3];
/// let fold = Rows { first: &first, second: &second, groups: None, training_rows: 16 };
/// let difference = paired_difference(&[fold], 0.95)?;
/// assert!((difference.mean + 0.2).abs() < 1e-12 && difference.p_first_better < 0.05);
/// # Ok::<(), steepest_choose::stats::Error>(())
/// ```
pub fn paired_difference(folds: &[Rows<'_>], level: f64) -> Result<Difference> {
    let beyond = 0.5 * (1.0 - checked_level(level)?);
    if folds.is_empty() {
        return Err(Error::TooFew {
            what: "folds",
            found: 0,
            least: 1,
            remedy: "give the losses of one split",
        });
    }
    for (fold, rows) in folds.iter().enumerate() {
        check(fold, rows)?;
    }
    let differences = || {
        folds.iter().enumerate().flat_map(|(fold, rows)| {
            rows.first.iter().zip(rows.second).enumerate().map(move |(i, (a, b))| {
                // ungrouped rows are told apart by their place
                let group = rows.groups.map_or((1 + fold, i as u64), |groups| (0, groups[i]));
                (group, a - b)
            })
        })
    };
    let n = differences().count() as f64;
    let mean = differences().map(|(_, d)| d).sum::<f64>() / n;
    let mut groups: BTreeMap<(usize, u64), (f64, f64)> = BTreeMap::new();
    for (group, d) in differences() {
        let (sum, count) = groups.entry(group).or_default();
        *sum += d - mean;
        *count += 1.0;
    }
    if groups.len() < 2 {
        return Err(Error::TooFew {
            what: "validation rows or groups of them",
            found: groups.len(),
            least: 2,
            remedy: "validate on more rows",
        });
    }
    let count = groups.len() as f64;
    let training_rows = folds.iter().map(|rows| rows.training_rows as f64).sum::<f64>() / folds.len() as f64;
    let overlap = 1.0 + n / training_rows;
    let squares: f64 = groups.values().map(|(sum, _)| sum * sum).sum();
    let by_rows = squares / (n * n) * count / (count - 1.0);
    let row_freedom = (n * n / groups.values().map(|(_, count)| count * count).sum::<f64>() - 1.0).max(1.0);
    let by_training = (variance_of_fold_means(folds) - by_rows).max(0.0);
    let variance = overlap * by_rows + by_training;
    let freedom = match folds.len() {
        1 => row_freedom,
        // Satterthwaite 1946: the folds' part and the rest
        count => {
            let (by_folds, rest) = (by_rows + by_training, (overlap - 1.0) * by_rows);
            variance.powi(2) / (by_folds.powi(2) / (count as f64 - 1.0) + rest.powi(2) / row_freedom)
        }
    };
    let standard_error = variance.sqrt();
    let t = match mean / standard_error {
        t if t.is_nan() => 0.0,
        t => t,
    };
    let half = if standard_error > 0.0 { student_quantile(beyond, freedom) * standard_error } else { 0.0 };
    Ok(Difference {
        mean,
        standard_error,
        interval: [mean - half, mean + half],
        freedom,
        p_value: (2.0 * student_beyond(t.abs(), freedom)).min(1.0),
        p_first_better: student_beyond(-t, freedom),
    })
}

/// The variance of the mean of the folds' mean differences, by how far those lie apart; 0 where there is one fold.
fn variance_of_fold_means(folds: &[Rows<'_>]) -> f64 {
    let count = folds.len() as f64;
    let means: Vec<f64> = folds
        .iter()
        .map(|rows| {
            rows.first.iter().zip(rows.second).map(|(a, b)| a - b).sum::<f64>() / rows.first.len() as f64
        })
        .collect();
    let mean = means.iter().sum::<f64>() / count;
    means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count * (count - 1.0)).max(1.0)
}

fn check(fold: usize, rows: &Rows<'_>) -> Result<()> {
    let lengths = [
        ("losses of the second model", Some(rows.second.len())),
        ("group labels", rows.groups.map(<[_]>::len)),
    ];
    for (what, found) in lengths {
        if let Some(found) = found.filter(|found| *found != rows.first.len()) {
            return Err(Error::Unpaired {
                what: format!("{what} in fold {fold}"),
                found,
                expected: rows.first.len(),
            });
        }
    }
    for (which, losses) in [("first", rows.first), ("second", rows.second)] {
        if let Some(row) = losses.iter().position(|loss| !loss.is_finite()) {
            return Err(Error::NotFinite {
                which: format!("the {which} model in fold {fold}"),
                row,
                found: losses[row],
            });
        }
    }
    if rows.training_rows == 0 {
        return Err(Error::TooFew {
            what: "training rows",
            found: 0,
            least: 1,
            remedy: "say how many rows the fold's models were trained on",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [f64; 6] = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0];
    const SECOND: [f64; 6] = [2.0, 4.0, 4.0, 4.0, 8.0, 7.0];

    fn fold<'a>(at: std::ops::Range<usize>, groups: Option<&'a [u64]>) -> Rows<'a> {
        Rows { first: &FIRST[at.clone()], second: &SECOND[at], groups, training_rows: 12 }
    }

    #[test]
    fn by_hand() {
        // d = -1 -2 0 -1 -3 -1: mean -4/3, squared deviations add up to 16/3, n₂ / n₁ = 6/12
        let difference = paired_difference(&[fold(0..6, None)], 0.95).unwrap();
        let expected = (16.0f64 / 3.0 / 36.0 * 6.0 / 5.0 * 1.5).sqrt();
        assert!((difference.mean + 4.0 / 3.0).abs() < 1e-12);
        assert!((difference.standard_error - expected).abs() < 1e-12, "{difference:?}");
        assert_eq!(difference.freedom, 5.0);
        // t of 5 degrees of freedom at 0.975 is 2.570582
        assert!((difference.interval[1] - difference.mean - 2.570_581_8 * expected).abs() < 1e-6);
        assert!((difference.p_value - 2.0 * difference.p_first_better).abs() < 1e-12);
    }

    #[test]
    fn two_folds_are_joined_and_groups_count_once() {
        let whole = paired_difference(&[fold(0..6, None)], 0.95).unwrap();
        let folds = paired_difference(&[fold(0..3, None), fold(3..6, None)], 0.95).unwrap();
        assert_eq!(
            (folds.mean, folds.standard_error),
            (whole.mean, whole.standard_error),
            "K · n₂ is the same"
        );
        // the folds' means lie no farther apart than their rows say, but one degree of freedom says so: 1.5² / (1 + 0.5²/5)
        assert!((folds.freedom - 2.25 / 1.05).abs() < 1e-12);
        let pairs = [1, 1, 2, 2, 3, 3];
        let grouped = paired_difference(&[fold(0..6, Some(&pairs))], 0.95).unwrap();
        assert_eq!((grouped.freedom, grouped.mean), (2.0, whole.mean));
        // sums of deviations of the groups: -1/3, 5/3, -4/3
        let expected = (42.0f64 / 9.0 / 36.0 * 3.0 / 2.0 * 1.5).sqrt();
        assert!((grouped.standard_error - expected).abs() < 1e-12);
        let singles: Vec<u64> = (0..6).collect();
        assert_eq!(paired_difference(&[fold(0..6, Some(&singles))], 0.95).unwrap(), whole);
        // one label in two folds is one group
        let labels = [7, 8, 9];
        let across = [fold(0..3, Some(&labels)), fold(3..6, Some(&labels))];
        assert_eq!(paired_difference(&across, 0.95).unwrap().freedom, 2.0);
    }

    #[test]
    fn folds_that_lie_apart_say_what_training_does() {
        // all rows of a fold differ alike: -1 in one, 0 in the other
        let [first, second] = [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]];
        let rows = |second| Rows { first: &first, second, groups: None, training_rows: 12 };
        let difference = paired_difference(&[rows(&second), rows(&first)], 0.95).unwrap();
        let by_rows = 1.5 / 36.0 * 6.0 / 5.0;
        assert!((difference.standard_error.powi(2) - (0.5 * by_rows + 0.25)).abs() < 1e-12, "{difference:?}");
    }

    #[test]
    fn the_other_way_round_it_is_the_mirror_image() {
        let there = paired_difference(&[fold(0..6, None)], 0.9).unwrap();
        let swapped = Rows { first: &SECOND, second: &FIRST, groups: None, training_rows: 12 };
        let back = paired_difference(&[swapped], 0.9).unwrap();
        assert_eq!((back.mean, back.p_value), (-there.mean, there.p_value));
        assert!((back.p_first_better + there.p_first_better - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_noise_at_all() {
        let same = Rows { first: &[1.0; 4], second: &[1.0; 4], groups: None, training_rows: 9 };
        let difference = paired_difference(&[same], 0.95).unwrap();
        assert_eq!((difference.p_value, difference.interval), (1.0, [0.0; 2]));
        let worse = Rows { second: &[3.0; 4], ..same };
        let difference = paired_difference(&[worse], 0.95).unwrap();
        assert_eq!((difference.p_value, difference.p_first_better), (0.0, 0.0));
        assert_eq!(difference.interval, [-2.0; 2]);
    }

    #[test]
    fn what_is_refused_is_named() {
        let whole = fold(0..6, None);
        let short = Rows { second: &SECOND[..4], ..whole };
        let nan = Rows { first: &[f64::NAN; 6], ..whole };
        let untrained = Rows { training_rows: 0, ..whole };
        let one_group = [3; 6];
        for (folds, words) in [
            (vec![], "0 folds"),
            (vec![whole, short], "losses of the second model in fold 1: 4, expected 6"),
            (vec![nan], "row 0 of the first model in fold 0 is NaN"),
            (vec![untrained], "0 training rows"),
            (vec![fold(0..1, None)], "1 validation rows or groups"),
            (vec![fold(0..6, Some(&one_group))], "1 validation rows or groups"),
            (vec![fold(0..6, Some(&one_group[..2]))], "group labels in fold 0: 2"),
        ] {
            let error = paired_difference(&folds, 0.95).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(paired_difference(&[whole], 95.0).is_err());
    }
}
