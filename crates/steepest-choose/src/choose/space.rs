use std::collections::BTreeMap;

use steepest::random_at;

use super::candidate::{Point, Value};
use super::error::PlanError;

/// The values that a setting may have.
#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// Positive numbers, each decade as likely as any other.
    Log {
        /// The smallest, above 0.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// Numbers, each as likely as any other.
    Linear {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// One of these words.
    Choice(Vec<String>),
}

/// Settings and their ranges.
///
/// ```
/// use steepest_choose::choose::{Range, Space};
/// let space = Space::default()
///     .with("lr", Range::Log { low: 1e-4, high: 1e-1 })?
///     .with("momentum", Range::Linear { low: 0.8, high: 0.99 })?
///     .with("schedule", Range::Choice(vec!["cosine".into(), "linear".into()]))?;
/// let points = space.random(20, 7)?;
/// assert_eq!(points.len(), 20);
/// assert_eq!(points[..5], space.random(5, 7)?, "the first ones do not depend on how many there are");
/// # Ok::<(), steepest_choose::choose::PlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Space {
    ranges: BTreeMap<String, Range>,
}

impl Space {
    /// With one more setting; the last range of a name counts.
    ///
    /// # Errors
    /// A range that is empty, not finite, or of a logarithm that is not there.
    pub fn with(mut self, setting: &str, range: Range) -> Result<Self, PlanError> {
        let empty = |low, high, remedy| PlanError::EmptyRange { setting: setting.into(), low, high, remedy };
        match &range {
            Range::Log { low, high } | Range::Linear { low, high } => {
                for (end, found) in [("lower", *low), ("upper", *high)] {
                    if !found.is_finite() {
                        let what = format!("the {end} end of the range of `{setting}`");
                        return Err(PlanError::BadNumber { what, found, expected: "a finite number" });
                    }
                }
                if low >= high {
                    return Err(empty(*low, *high, "let its lower end be below its upper end"));
                }
                if matches!(range, Range::Log { .. }) && *low <= 0.0 {
                    let what = format!("the lower end of the range of `{setting}`");
                    return Err(PlanError::BadNumber {
                        what,
                        found: *low,
                        expected: "a number above 0, or a linear range",
                    });
                }
            }
            Range::Choice(words) if words.is_empty() => {
                return Err(empty(0.0, 0.0, "give at least one word"));
            }
            Range::Choice(_) => {}
        }
        self.ranges.insert(setting.to_owned(), range);
        Ok(self)
    }

    /// So many points at random. A point is a pure function of the seed and its number.
    ///
    /// # Errors
    /// No points, or a space without settings. Few words may give the same point twice, which a plan refuses.
    pub fn random(&self, count: usize, seed: u64) -> Result<Vec<Point>, PlanError> {
        if count == 0 || self.ranges.is_empty() {
            let remedy = "ask for at least one point of a space with at least one setting";
            return Err(PlanError::NoCandidates { remedy });
        }
        Ok((0..count as u64).map(|number| self.point(random_at(seed, number))).collect())
    }

    fn point(&self, key: u64) -> Point {
        let uniform = |i: usize| (random_at(key, i as u64) >> 11) as f64 / (1u64 << 53) as f64;
        let value = |i: usize, range: &Range| match range {
            Range::Log { low, high } => {
                // the power may round beyond an end
                Value::Number((low * (high / low).powf(uniform(i))).clamp(*low, *high))
            }
            Range::Linear { low, high } => {
                Value::Number((low + (high - low) * uniform(i)).clamp(*low, *high))
            }
            Range::Choice(words) => Value::Word(words[(uniform(i) * words.len() as f64) as usize].clone()),
        };
        self.ranges.iter().enumerate().map(|(i, (name, range))| (name.clone(), value(i, range))).collect()
    }
}

/// `count` values of one setting, `decades` apart, rounded to three digits, in rising order. The middle one is exactly the center; of an even number, the one
/// below the middle.
///
/// # Errors
/// No values; a center or a distance that is not a positive finite number.
///
/// ```
/// use steepest_choose::choose::{Value, grid};
/// let points = grid("lr", 0.01, 0.5, 7)?;
/// assert_eq!(points[3]["lr"], Value::Number(0.01));
/// # Ok::<(), steepest_choose::choose::PlanError>(())
/// ```
pub fn grid(setting: &str, center: f64, decades: f64, count: usize) -> Result<Vec<Point>, PlanError> {
    for (what, found) in
        [(format!("the center of `{setting}`"), center), ("the distance of the grid".into(), decades)]
    {
        if !(found > 0.0 && found.is_finite()) {
            return Err(PlanError::BadNumber { what, found, expected: "a finite number above 0" });
        }
    }
    if count == 0 {
        return Err(PlanError::NoCandidates { remedy: "let the grid have at least one value" });
    }
    let below = ((count - 1) / 2) as i64;
    Ok((0..count as i64)
        .map(|i| {
            BTreeMap::from([(setting.into(), Value::Number(beside(center, decades * (i - below) as f64)))])
        })
        .collect())
}

/// So many decades above a number, to three digits, for nobody types more of them; exactly that number at 0.
pub(super) fn beside(center: f64, decades: f64) -> f64 {
    if decades == 0.0 {
        return center;
    }
    let exact = center * 10f64.powf(decades);
    format!("{exact:.2e}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_rises_by_its_distance() {
        let values: Vec<f64> = grid("lr", 0.02, 0.5, 7)
            .unwrap()
            .iter()
            .map(|point| super::super::candidate::number(point, "lr").unwrap())
            .collect();
        assert_eq!(values[3], 0.02);
        assert!(values.windows(2).all(|pair| ((pair[1] / pair[0]).log10() - 0.5).abs() < 3e-3));
        assert_eq!(grid("lr", 0.02, 0.5, 1).unwrap()[0]["lr"], Value::Number(0.02));
    }

    #[test]
    fn points_lie_in_their_ranges_and_fill_them() {
        let words: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let space = Space::default()
            .with("log", Range::Log { low: 1e-4, high: 1.0 })
            .and_then(|space| space.with("linear", Range::Linear { low: -1.0, high: 3.0 }))
            .and_then(|space| space.with("word", Range::Choice(words.clone())))
            .unwrap();
        let points = space.random(400, 3).unwrap();
        let number = |point: &Point, name| super::super::candidate::number(point, name).unwrap();
        assert!(points.iter().all(|p| (1e-4..=1.0).contains(&number(p, "log"))));
        assert!(points.iter().all(|p| (-1.0..=3.0).contains(&number(p, "linear"))));
        // half of each; the standard deviation of the count is 10
        let below = |name, middle| points.iter().filter(|p| number(p, name) < middle).count();
        assert!(below("log", 1e-2).abs_diff(200) < 50 && below("linear", 1.0).abs_diff(200) < 50);
        for word in words {
            let count = points.iter().filter(|p| p["word"] == Value::Word(word.clone())).count();
            assert!(count.abs_diff(133) < 50, "{word}: {count}");
        }
        assert_ne!(points, space.random(400, 4).unwrap());
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (range, words) in [
            (Range::Log { low: 0.0, high: 1.0 }, "above 0"),
            (Range::Log { low: 1.0, high: 1.0 }, "is empty"),
            (Range::Linear { low: 2.0, high: 1.0 }, "is empty"),
            (Range::Linear { low: f64::NAN, high: 1.0 }, "finite"),
            (Range::Linear { low: 0.0, high: f64::INFINITY }, "finite"),
            (Range::Choice(vec![]), "at least one word"),
        ] {
            let error = Space::default().with("lr", range).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(Space::default().random(3, 0).is_err());
        for (center, decades, count) in [(0.0, 0.5, 3), (f64::NAN, 0.5, 3), (1.0, 0.0, 3), (1.0, 0.5, 0)] {
            assert!(grid("lr", center, decades, count).is_err(), "{center} {decades} {count}");
        }
    }
}
