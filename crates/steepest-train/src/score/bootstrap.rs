//! How far chance in the rows may have moved a number: the percentile bootstrap (Efron, 1979).
//!
//! Rows are drawn anew with replacement, as many as there are, and the number is computed again; the middle 95 % of
//! what comes out is the interval. It says what other rows of the same kind would give, for this network: training
//! again with another seed is not in it. Few rows vary less than what they were drawn from, so that of few rows more than
//! the middle 95 % is taken: the expanded percentile interval (Hesterberg, 2015), which is Student's for a mean. The draws are a pure function of the seed, whatever the number of threads.

use rayon::prelude::*;
use steepest_data::random::Stream;

/// Resamples where they cost little: the ends of an interval then waver by a twentieth of its width.
const MOST: usize = 1000;
/// Fewest: five beyond each end.
const FEWEST: usize = 200;
/// Visits of a row, over all resamples, that take about half a second on one core.
const VISITS: usize = 200_000_000;
/// The standard normal quantile of 0.975.
const Z: f64 = 1.959_964;

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
    /// it; `independent` says on how many rows each depends. `None` where a twentieth of them has it not, where it is not finite, and where all resamples agree: that all
    /// rows at hand are alike does not say that others are.
    pub fn intervals<const N: usize>(
        &self,
        independent: [usize; N],
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
            usual.then(|| interval(values, tail(independent[at]))).flatten()
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

/// The fraction of the resamples outside the interval at each end, of so many rows: what a normal distribution has
/// beyond `√(n / (n − 1))` times Student's quantile.
fn tail(rows: usize) -> f64 {
    let n = rows.max(2) as f64;
    let (z, freedom) = (Z, n - 1.0);
    // Student's quantile by the normal one (Fisher & Cornish, 1960)
    let student = z
        + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2));
    beyond((n / freedom).sqrt() * student)
}

/// What a standard normal distribution has beyond x ≥ 0 (Abramowitz & Stegun, 26.2.17; to 7.5e-8).
fn beyond(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let coefficients = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let polynomial = coefficients.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial
}

/// All but a fraction at each end, the quantiles by linear interpolation.
fn interval(mut values: Vec<f64>, tail: f64) -> Option<[f64; 2]> {
    values.sort_unstable_by(f64::total_cmp);
    let quantile = |fraction: f64| {
        let at = fraction * (values.len() - 1) as f64;
        let (below, share) = (at.floor() as usize, at.fract());
        let above = (below + 1).min(values.len() - 1);
        values[below] + share * (values[above] - values[below])
    };
    let [low, high] = [tail, 1.0 - tail].map(quantile);
    (low < high).then_some([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_hundred_and_one() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(interval(values, 0.025), Some([2.5, 97.5]));
        assert_eq!(interval(vec![1.0; 200], 0.025), None);
    }

    #[test]
    fn few_rows_leave_less_outside() {
        // Student's quantiles for 9 and 29 degrees of freedom are 2.2622 and 2.0452
        for (rows, expected) in [(10, 0.008_55), (30, 0.018_76), (1_000_000, 0.025)] {
            // three terms of the series are good to a hundredth at nine
            assert!((tail(rows) - expected).abs() < 1e-4, "{rows}: {}", tail(rows));
        }
        assert!((0.0..0.01).contains(&tail(1)));
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
        let [all, most, some, nan, same] = Bootstrap::new(20, 1, 0).intervals([20; 5], of);
        assert!(all.is_some_and(|[low, high]| low == 0.0 && high >= 2.0));
        assert!(most.is_some());
        assert_eq!((some, nan, same), (None, None, None));
    }
}
