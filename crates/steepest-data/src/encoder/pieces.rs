//! Numbers in pieces: a place on each stretch between quantiles.

/// How far a number has come through each stretch between neighbouring quantiles of the training rows: piecewise linear encoding
/// (Gorishniy, Rubachev & Babenko 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", section 3.2), moved to ±½.
///
/// A network sees a number as one straight axis, and bends it only where units happen to. A piece for each sixteenth of the rows lets the first layer
/// treat each stretch by itself, as a tree would.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Pieces {
    /// The ends of the stretches, growing.
    edges: Vec<f64>,
    /// What a missing number counts as.
    median: f64,
}

impl Pieces {
    /// At most so many pieces of known, finite values. `None` where there would be fewer than two: of one, its end to end is the number
    /// itself.
    pub(super) fn fit(known: &[f64], most: usize) -> Option<Self> {
        if most < 2 || known.is_empty() {
            return None;
        }
        let mut sorted = known.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        // values that there are: between two of them a number never lies
        let quantile = |part: f64| sorted[(part * (sorted.len() - 1) as f64).round() as usize];
        let mut edges: Vec<f64> = (0..=most).map(|i| quantile(i as f64 / most as f64)).collect();
        edges.dedup();
        (edges.len() > 2).then(|| Self { edges, median: quantile(0.5) })
    }

    /// Whether [`Pieces::fit`] can have made it.
    pub(super) fn is_sane(&self) -> bool {
        self.edges.len() > 2
            && self.edges.iter().chain([&self.median]).all(|edge| edge.is_finite())
            && self.edges.windows(2).all(|ends| ends[0] < ends[1])
    }

    /// Number of features.
    pub(super) fn width(&self) -> usize {
        self.edges.len() - 1
    }

    /// The names of the features; `text` writes a number as the column does.
    pub(super) fn names(&self, column: &str, text: impl Fn(f64) -> String) -> Vec<String> {
        let name = |ends: &[f64]| format!("{column} ({} to {})", text(ends[0]), text(ends[1]));
        self.edges.windows(2).map(name).collect()
    }

    /// Writes the features of a number, of a missing one where it is NaN.
    pub(super) fn encode(&self, value: f64, out: &mut [f32]) {
        let value = if value.is_nan() { self.median } else { value };
        for (ends, out) in self.edges.windows(2).zip(out) {
            // halves, so that the difference of huge numbers is finite
            let [low, high, value] = [ends[0], ends[1], value].map(|x| 0.5 * x);
            *out = (((value - low) / (high - low)).clamp(0.0, 1.0) - 0.5) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(pieces: &Pieces, value: f64) -> Vec<f32> {
        let mut out = vec![9.0; pieces.width()];
        pieces.encode(value, &mut out);
        out
    }

    #[test]
    fn a_number_fills_the_pieces_below_it() {
        let known: Vec<f64> = (0..=8).map(f64::from).collect();
        let pieces = Pieces::fit(&known, 4).unwrap();
        assert_eq!(pieces.edges, [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(encoded(&pieces, 3.0), [0.5, 0.0, -0.5, -0.5]);
        assert_eq!(encoded(&pieces, -7.0), [-0.5; 4]);
        assert_eq!(encoded(&pieces, 1e300), [0.5; 4]);
        assert_eq!(encoded(&pieces, f64::NAN), encoded(&pieces, 4.0));
        assert_eq!(pieces.names("age", |x| x.to_string())[1], "age (2 to 4)");
    }

    #[test]
    fn equal_quantiles_are_one() {
        let known = [vec![0.0; 90], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]].concat();
        let pieces = Pieces::fit(&known, 16).unwrap();
        assert!(pieces.is_sane());
        assert_eq!(pieces.edges, [0.0, 4.0, 10.0]);
        assert_eq!(Pieces::fit(&[0.0, 1.0, 1.0, 0.0], 16), None);
        assert_eq!(Pieces::fit(&[1.0; 5], 16), None);
        assert_eq!(Pieces::fit(&known, 1), None);
    }

    #[test]
    fn huge_numbers_stay_finite() {
        let pieces = Pieces::fit(&[f64::MIN, -1.0, 0.0, 1.0, f64::MAX], 4).unwrap();
        assert!(pieces.is_sane());
        for value in [f64::MIN, -1.0, 0.0, f64::MAX, f64::NAN] {
            assert!(encoded(&pieces, value).iter().all(|x| x.abs() <= 0.5), "{value}");
        }
    }
}
