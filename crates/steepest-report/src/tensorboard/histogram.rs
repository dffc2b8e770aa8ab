//! Histograms with exact counts.

/// Buckets of a histogram. (TensorBoard draws 30 over the range of all steps that it shows; from about twice as many,
/// whose edges are others at each step, it can make them without steps of its own.)
const BUCKETS: usize = 64;

/// How many values lie where, by buckets of equal width, as TensorFlow 2 makes them. All numbers are of the finite
/// values; the others are counted apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// The smallest; 0 where there is none.
    pub min: f64,
    /// The largest; 0 where there is none.
    pub max: f64,
    /// How many there are.
    pub count: u64,
    /// Their sum; infinite where that is beyond the range of f64.
    pub sum: f64,
    /// The sum of their squares; as above.
    pub sum_squares: f64,
    /// Where each bucket ends and the next one begins, rising; the first begins at the smallest value, the last ends at
    /// the largest. 64 buckets, fewer where f64 has no so many numbers between the two, none where there is no value.
    pub right_edges: Vec<f64>,
    /// How many values are at least the left edge of a bucket and below its right one, which the last bucket includes.
    pub counts: Vec<u64>,
    /// How many were left out.
    pub not_finite: NotFinite,
}

/// Values that have no place in a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotFinite {
    /// Those that are no number.
    pub nan: u64,
    /// Those that are ∞.
    pub infinite: u64,
    /// Those that are −∞.
    pub negative_infinite: u64,
}

impl NotFinite {
    /// All of them.
    pub fn count(self) -> u64 {
        self.nan + self.infinite + self.negative_infinite
    }

    fn add(&mut self, x: f64) {
        match x {
            f64::INFINITY => self.infinite += 1,
            f64::NEG_INFINITY => self.negative_infinite += 1,
            _ => self.nan += 1,
        }
    }
}

impl Histogram {
    /// The histogram of values of any type that f64 holds exactly: f64, f32, bf16, f16. Reads them twice.
    ///
    /// ```
    /// use steepest_report::tensorboard::Histogram;
    ///
    /// let histogram = Histogram::of(&[0.0_f32, 0.1, 1.0, f32::NAN]);
    /// assert_eq!((histogram.min, histogram.max, histogram.count), (0.0, 1.0, 3));
    /// assert_eq!((histogram.counts[0], histogram.counts[6], histogram.counts[63]), (1, 1, 1));
    /// assert_eq!(histogram.not_finite.nan, 1);
    /// ```
    pub fn of<T: Copy + Into<f64>>(values: &[T]) -> Self {
        let mut histogram = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, ..Self::default() };
        for x in values.iter().map(|x| (*x).into()) {
            histogram.measure(x);
        }
        if histogram.count == 0 {
            return Self { not_finite: histogram.not_finite, ..Self::default() };
        }
        histogram.right_edges = edges(histogram.min, histogram.max);
        let scale = histogram.right_edges.len() as f64 / (histogram.max - histogram.min);
        histogram.counts = vec![0; histogram.right_edges.len()];
        for x in values.iter().map(|x| (*x).into()).filter(|x| x.is_finite()) {
            let bucket = histogram.bucket(x, scale);
            histogram.counts[bucket] += 1;
        }
        histogram
    }

    fn measure(&mut self, x: f64) {
        if !x.is_finite() {
            return self.not_finite.add(x);
        }
        self.min = self.min.min(x);
        self.max = self.max.max(x);
        self.count += 1;
        self.sum += x;
        self.sum_squares += x * x;
    }

    /// The bucket of a value. Where it should be, by arithmetic, is rounded; the edges have the last word.
    fn bucket(&self, x: f64, scale: f64) -> usize {
        let last = self.right_edges.len() - 1;
        // (as a whole number, NaN is 0 and what is too large the largest)
        let mut bucket = (((x - self.min) * scale) as usize).min(last);
        while bucket > 0 && x < self.right_edges[bucket - 1] {
            bucket -= 1;
        }
        while bucket < last && x >= self.right_edges[bucket] {
            bucket += 1;
        }
        bucket
    }
}

/// The right edges of buckets of equal width between two numbers.
fn edges(min: f64, max: f64) -> Vec<f64> {
    // a mean of both, since max − min may be beyond the range
    let edge = |i: usize| {
        let t = i as f64 / BUCKETS as f64;
        (1.0 - t) * min + t * max
    };
    let mut edges = Vec::with_capacity(BUCKETS);
    let mut left = min;
    for edge in (1..BUCKETS).map(edge) {
        if edge > left && edge < max {
            edges.push(edge);
            left = edge;
        }
    }
    edges.push(max);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a histogram should be, by going through all buckets for each value.
    fn check(values: &[f64]) {
        let histogram = Histogram::of(values);
        let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        assert_eq!(histogram.count, finite.len() as u64);
        assert_eq!(histogram.not_finite.count(), (values.len() - finite.len()) as u64);
        assert_eq!(histogram.counts.len(), histogram.right_edges.len());
        let mut left = histogram.min;
        let last = histogram.counts.len().saturating_sub(1);
        for (i, (right, count)) in histogram.right_edges.iter().zip(&histogram.counts).enumerate() {
            assert!(
                left < *right || histogram.min == histogram.max,
                "{values:?}: {:?}",
                histogram.right_edges
            );
            let inside = |x: &&f64| **x >= left && (**x < *right || i == last);
            assert_eq!(*count, finite.iter().filter(inside).count() as u64, "bucket {i} of {values:?}");
            left = *right;
        }
        if let Some(right) = histogram.right_edges.last() {
            assert_eq!(*right, histogram.max);
            assert_eq!(histogram.max, finite.iter().copied().fold(f64::MIN, f64::max));
            assert_eq!(histogram.min, finite.iter().copied().fold(f64::MAX, f64::min));
        }
    }

    #[test]
    fn counts_are_exact() {
        let cube = |i: i32| (f64::from(i * 37 % 1000) / 500.0 - 1.0).powi(3);
        check(&(0..1000).map(cube).collect::<Vec<_>>());
        // every value lies on an edge
        check(&(0..=64).map(f64::from).collect::<Vec<_>>());
        check(&(0..=640).map(|i| f64::from(i) / 640.0).collect::<Vec<_>>());
        check(&(0..=640).map(|i| 1e9 + f64::from(i) * 1e-6).collect::<Vec<_>>());
        check(&[1.0; 17]);
        check(&[-0.0, 0.0]);
        check(&[]);
    }

    #[test]
    fn ranges_without_room_or_beyond_f64() {
        check(&[f64::MIN, f64::MAX, 0.0, 1.0]);
        check(&[1.0, 1.0 + f64::EPSILON, 1.0 + 2.0 * f64::EPSILON]);
        let tiny = f64::from_bits(1);
        check(&[0.0, tiny, tiny * 2.0, tiny * 100.0]);
        check(&[-tiny, f64::MAX]);
        assert_eq!(Histogram::of(&[f64::MAX, f64::MIN]).right_edges.len(), BUCKETS);
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let values = [f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, 3.0];
        check(&values);
        let histogram = Histogram::of(&values);
        assert_eq!(histogram.not_finite, NotFinite { nan: 1, infinite: 2, negative_infinite: 1 });
        assert_eq!((histogram.sum, histogram.sum_squares), (4.0, 10.0));
        let none = Histogram::of(&[f32::NAN]);
        assert_eq!((none.min, none.max, none.count, none.counts.len()), (0.0, 0.0, 0, 0));
    }
}
