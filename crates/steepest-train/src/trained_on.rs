//! Which rows a network was trained on, so that it can be said when it is scored on them.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use steepest_data::Features;

/// The version of the file.
const FORMAT: u32 = 1;
/// So many rows are remembered: enough to tell, few enough for any disk.
const REMEMBERED: usize = 10_000;

/// The rows that a network was trained on, or an even sample of them: `trained_on.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrainedOn {
    format: u32,
    /// The number of training rows.
    rows: usize,
    /// Hashes of encoded rows, as hexadecimal numbers.
    hashes: Vec<String>,
}

impl TrainedOn {
    pub fn of(features: &Features) -> Self {
        let step = features.rows.div_ceil(REMEMBERED).max(1);
        let hashes = (0..features.rows).step_by(step).map(|row| format!("{:016x}", features.row_hash(row)));
        Self { format: FORMAT, rows: features.rows, hashes: hashes.collect() }
    }

    /// A file that [`TrainedOn::of`] wrote; none of another version.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|read: &Self| read.format == FORMAT)
    }

    /// The sentence to say where at least a tenth of these rows were trained on.
    pub fn note(&self, features: &Features) -> Option<String> {
        let known: HashSet<&str> = self.hashes.iter().map(String::as_str).collect();
        let seen = (0..features.rows)
            .filter(|&row| known.contains(format!("{:016x}", features.row_hash(row)).as_str()))
            .count();
        // of a sample only as many can be met
        let all = (seen * self.rows).div_ceil(self.hashes.len().max(1)).min(features.rows);
        (all > 0 && all * 10 >= features.rows).then(|| {
            let about = if self.hashes.len() < self.rows { "about " } else { "" };
            format!(
                "{about}{all} of these {} rows were trained on, so that the score is better than it would be on new ones",
                features.rows
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(rows: std::ops::Range<usize>) -> Features {
        let data: Vec<f32> = rows.flat_map(|row| [row as f32, 0.5]).collect();
        let rows = data.len() / 2;
        Features { rows, width: 2, data, names: Vec::new(), notes: Vec::new(), warnings: Vec::new() }
    }

    #[test]
    fn rows_are_recognized() {
        let trained = TrainedOn::of(&features(0..100));
        let again = TrainedOn::from_json(&serde_json::to_string(&trained).unwrap()).unwrap();
        assert!(again.note(&features(50..150)).unwrap().starts_with("50 of these 100 rows"));
        assert_eq!(again.note(&features(100..200)), None);
        let many = TrainedOn::of(&features(0..25_000));
        assert!(many.note(&features(0..25_000)).unwrap().starts_with("about 25000 of"));
    }
}
