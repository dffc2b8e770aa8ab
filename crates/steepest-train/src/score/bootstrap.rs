//! How far chance in the rows may have moved a number: the percentile bootstrap (Efron, 1979).
//!
//! Rows are drawn anew with replacement, as many as there are, and the number is computed again; the middle 95 % of
//! what comes out is the interval. It says what other rows of the same kind would give, for this network: training
//! again with another seed is not in it. The draws are a pure function of the seed, whatever the number of threads.

use rayon::prelude::*;
use steepest_data::random::Stream;

/// Resamples where they cost little: the ends of an interval then waver by a twentieth of its width.
const MOST: usize = 1000;
/// Fewest: five beyond each end.
const FEWEST: usize = 200;
/// Visits of a row, over all resamples, that take about half a second on one core.
const VISITS: usize = 200_000_000;
/// The fraction of the resamples outside the interval, at each end.
const TAIL: f64 = 0.025;

/// Draws for parts of `rows` rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bootstrap {
    rows: usize,
    resamples: usize,
    seed: u64,
}

impl Bootstrap {
    /// `passes`: how often [`Bootstrap::intervals`]' function visits each row.
    pub fn new(rows: usize, passes: usize, seed: u64) -> Self {
        let affordable = VISITS / (rows * (passes + 1)).max(1);
        Self { rows, resamples: affordable.clamp(FEWEST, MOST), seed }
    }

    /// An interval for each number that `of` computes from how often each row was drawn, over the resamples that have
    /// it. `None` where a twentieth of them has it not, where it is not finite, and where all resamples agree: that all
    /// rows at hand are alike does not say that others are.
    pub fn intervals<const N: usize>(
        &self,
        of: impl Fn(&[u32]) -> [Option<f64>; N] + Sync,
    ) -> [Option<[f64; 2]>; N] {
        let drawn: Vec<[Option<f64>; N]> = (0..self.resamples)
            .into_par_iter()
            .map_init(
                || vec![0; self.rows],
                |counts, number| {
                    self.draw(number as u64, counts);
                    of(counts)
                },
            )
            .collect();
        std::array::from_fn(|at| {
            let values: Vec<f64> = drawn.iter().filter_map(|values| values[at]).collect();
            let usual = 20 * values.len() > 19 * drawn.len() && values.iter().all(|value| value.is_finite());
            usual.then(|| interval(values)).flatten()
        })
    }

    /// How often each row is drawn in a resample.
    fn draw(&self, number: u64, counts: &mut [u32]) {
        counts.fill(0);
        let mut stream = Stream::new(b"resample", self.seed, number);
        let rows = self.rows as u64;
        for _ in 0..self.rows {
            // the high half of a product; a number too probable by 2⁻⁶⁴ rows is no matter here
            counts[((u128::from(stream.bits()) * u128::from(rows)) >> 64) as usize] += 1;
        }
    }
}

/// The middle 95 %, the quantiles by linear interpolation.
fn interval(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_unstable_by(f64::total_cmp);
    let quantile = |fraction: f64| {
        let at = fraction * (values.len() - 1) as f64;
        let (below, share) = (at.floor() as usize, at.fract());
        let above = (below + 1).min(values.len() - 1);
        values[below] + share * (values[above] - values[below])
    };
    let [low, high] = [TAIL, 1.0 - TAIL].map(quantile);
    (low < high).then_some([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_hundred_and_one() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(interval(values), Some([2.5, 97.5]));
        assert_eq!(interval(vec![1.0; 200]), None);
    }

    #[test]
    fn resamples_hold_as_many_rows_and_depend_on_the_seed_alone() {
        let bootstrap = Bootstrap::new(50, 1, 7);
        let [mut first, mut again, mut other] = [const { Vec::new() }; 3].map(|_: Vec<u32>| vec![9; 50]);
        bootstrap.draw(3, &mut first);
        bootstrap.draw(3, &mut again);
        bootstrap.draw(4, &mut other);
        assert_eq!(first.iter().sum::<u32>(), 50);
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn many_rows_are_drawn_less_often() {
        let resamples = |rows| Bootstrap::new(rows, 5, 0).resamples;
        assert_eq!([100, 100_000, 10_000_000].map(resamples), [1000, 333, 200]);
    }

    #[test]
    fn what_cannot_be_computed_has_no_interval() {
        let of = |counts: &[u32]| {
            let first = f64::from(counts[0]);
            let seldom = (first < 4.0).then_some(first);
            [Some(first), seldom, (first > 0.0).then_some(first), Some(f64::NAN), Some(1.0)]
        };
        let [all, most, some, nan, same] = Bootstrap::new(20, 1, 0).intervals(of);
        assert!(all.is_some_and(|[low, high]| low == 0.0 && high >= 2.0));
        assert!(most.is_some());
        assert_eq!((some, nan, same), (None, None, None));
    }
}
