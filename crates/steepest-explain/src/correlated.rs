//! Columns that can be told from one another.

use crate::error::Result;
use crate::players::Players;

/// Two players that go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlated {
    /// The first, by its number.
    pub a: usize,
    /// The second.
    pub b: usize,
    /// The correlation that is farthest from 0 among their features, in [−1, 1].
    pub r: f64,
}

/// The pairs of players with features whose correlation over the rows is beyond `limit`, the strongest first. An attribution that
/// changes one of the two alone asks the model about rows that there are not.
///
/// # Errors
/// Rows that are not finite.
pub fn correlated(players: &Players, rows: &[f64], limit: f64) -> Result<Vec<Correlated>> {
    let width = players.width();
    let rows = crate::background::rows("the rows", rows, width)?;
    let n = rows.len() as f64;
    // each feature about its mean, of length 1; none for those that are constant
    let unit: Vec<Option<Vec<f64>>> = (0..width)
        .map(|at| {
            let mean = rows.iter().map(|row| row[at]).sum::<f64>() / n;
            let about: Vec<f64> = rows.iter().map(|row| row[at] - mean).collect();
            let length = about.iter().map(|x| x * x).sum::<f64>().sqrt();
            (length > 1e-12 * n.sqrt() * mean.abs().max(1.0))
                .then(|| about.iter().map(|x| x / length).collect())
        })
        .collect();
    let mut found = Vec::new();
    for a in 0..players.len() {
        for b in a + 1..players.len() {
            let mut strongest = 0.0f64;
            for x in players.features(a).iter().filter_map(|at| unit[*at].as_ref()) {
                for y in players.features(b).iter().filter_map(|at| unit[*at].as_ref()) {
                    let r = crate::linalg::dot(x, y).clamp(-1.0, 1.0);
                    strongest = if r.abs() > strongest.abs() { r } else { strongest };
                }
            }
            if strongest.abs() > limit {
                found.push(Correlated { a, b, r: strongest });
            }
        }
    }
    found.sort_by(|x, y| y.r.abs().total_cmp(&x.r.abs()));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_pair_comes_first() {
        let rows: Vec<f64> = (0..50)
            .flat_map(|i| {
                let (x, noise) = (f64::from(i), (f64::from(i) * 2.7).sin());
                [x, 5.0, -2.0 * x + 8.0 * noise, noise, x + 1e-3 * noise]
            })
            .collect();
        let players = Players::each(5).unwrap();
        let found = correlated(&players, &rows, 0.8).unwrap();
        let pairs: Vec<_> = found.iter().map(|pair| (pair.a, pair.b)).collect();
        assert_eq!(pairs, [(0, 4), (0, 2), (2, 4)]);
        assert!(found[0].r > 0.999 && found[1].r < -0.9);
        assert_eq!(correlated(&players.joined(&[vec![0, 2, 4]]), &rows, 0.8).unwrap(), []);
    }
}
