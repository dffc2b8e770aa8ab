//! How numbers become features near 0.

/// Standardized values are clipped to ±this, and a training value beyond it makes a column heavy-tailed.
const CLIP: f64 = 10.0;
/// Interquartile range of a normal distribution with standard deviation 1.
const NORMAL_IQR: f64 = 1.349;

/// `z = (f(x) - mean) / std`, where f is the identity, or squashes tails.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Scale {
    mean: f64,
    std: f64,
    squash: Option<Squash>,
}

/// `f(x) = asinh((x - center) / scale)`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Squash {
    center: f64,
    scale: f64,
}

impl Squash {
    fn apply(self, value: f64) -> f64 {
        ((value - self.center) / self.scale).asinh()
    }
}

impl Scale {
    /// From known, finite values, not all equal; `None` if they differ too little for a standard deviation.
    pub(super) fn fit(mut known: Vec<f64>) -> Option<Self> {
        let (mean, std) = mean_and_std(&known)?;
        let far = known.iter().any(|value| ((value - mean) / std).abs() > CLIP);
        if !far {
            return Some(Self { mean, std, squash: None });
        }
        let (center, spread) = median_and_spread(&mut known);
        let squash = Squash { center, scale: if spread > 0.0 && spread.is_finite() { spread } else { std } };
        let squashed: Vec<f64> = known.iter().map(|&value| squash.apply(value)).collect();
        match mean_and_std(&squashed) {
            Some((mean, std)) => Some(Self { mean, std, squash: Some(squash) }),
            None => Some(Self { mean, std, squash: None }),
        }
    }

    /// Whether tails are squashed.
    pub(super) fn squashes(&self) -> bool {
        self.squash.is_some()
    }

    /// Whether [`Scale::fit`] can have made it.
    pub(super) fn is_sane(&self) -> bool {
        let squash =
            |squash: Squash| squash.center.is_finite() && squash.scale > 0.0 && squash.scale.is_finite();
        is_sane(self.mean, self.std) && self.squash.is_none_or(squash)
    }

    pub(super) fn apply(&self, value: f64) -> f32 {
        let value = self.squash.map_or(value, |squash| squash.apply(value));
        ((value - self.mean) / self.std).clamp(-CLIP, CLIP) as f32
    }
}

/// The median, and the standard deviation of the normal distribution with the same interquartile range. Panics without
/// values.
pub(super) fn median_and_spread(values: &mut [f64]) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let quantile = |fraction: f64| values[((values.len() - 1) as f64 * fraction).round() as usize];
    (quantile(0.5), (quantile(0.75) - quantile(0.25)) / NORMAL_IQR)
}

/// Values farther from the median than this, in spreads, may be far from all others ..
const FAR: f64 = 10.0;
/// .. if they also lie this many times as far out as the next nearer one: tails have no gaps, mistakes do.
const GAP: f64 = 3.0;
/// So many such values may be mistakes, where they are more than a hundredth,
const FEW: usize = 3;
/// if they make the standard deviation this many times that of the others, which a network could hardly tell apart then.
/// More are a group of their own.
const CRUSHED: f64 = 5.0;

/// What people write for a missing number: it is a mistake however often it stands there.
pub(crate) const SENTINELS: [f64; 10] =
    [-9.0, -99.0, -999.0, -9999.0, -99_999.0, 99.0, 999.0, 9999.0, 99_999.0, 999_999.0];

/// The values without those that lie far from all others; `None` where there are none such.
pub(super) fn without_far(values: &[f64]) -> Option<Vec<f64>> {
    let mut values = values.to_vec();
    let (median, spread) = median_and_spread(&mut values);
    // of a column that is mostly one number, as of sums that are mostly 0, the rest is no mistake
    if spread <= 0.0 || !spread.is_finite() {
        return None;
    }
    let distance = |value: f64| (value - median).abs() / spread;
    values.sort_unstable_by(|a, b| distance(*a).total_cmp(&distance(*b)));
    let (_, all) = mean_and_std(&values)?;
    let is_sentinel = |far: &[f64]| SENTINELS.contains(&far[0]) && far.iter().all(|value| *value == far[0]);
    let ends = |&near: &usize| {
        let (last, next) = (distance(values[near - 1]), distance(values[near]));
        let far = values.len() - near;
        let crushed = || mean_and_std(&values[..near]).is_some_and(|(_, std)| all > CRUSHED * std);
        next > FAR
            && next >= GAP * last
            && (far <= (values.len() / 100).max(1)
                || (far <= FEW && crushed())
                || is_sentinel(&values[near..]))
    };
    let near = (values.len() / 2 + 1..values.len()).find(ends)?;
    values.truncate(near);
    Some(values)
}

/// Mean and standard deviation (divided by n), in f64 and without overflow; `None` if the latter is not above
/// 0.
pub(super) fn mean_and_std(values: &[f64]) -> Option<(f64, f64)> {
    let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / largest).sum::<f64>() / count;
    let variance = values.iter().map(|value| (value / largest - mean).powi(2)).sum::<f64>() / count;
    let (mean, std) = (mean * largest, variance.sqrt() * largest);
    // rounding noise around a large constant is no variation
    (std > 0.0 && std > largest * LEAST).then_some((mean, std))
}

/// The least standard deviation, beside the largest value.
const LEAST: f64 = 1e-13;

/// Whether [`mean_and_std`] can have found these.
pub(crate) fn is_sane(mean: f64, std: f64) -> bool {
    std > 0.0 && std.is_finite() && mean.abs() * LEAST <= std
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0, 1, .. 99, whose spread is 37.
    fn hundred() -> Vec<f64> {
        (0..100).map(f64::from).collect()
    }

    #[test]
    fn far_from_all_others_is_far_and_behind_a_gap() {
        assert_eq!(without_far(&hundred()), None);
        for (extra, far) in [
            (vec![1e9], true),
            (vec![-700.0], true),
            (vec![1e300, -1e9, 1e5], true),
            (vec![300.0], false),                      // six spreads
            (vec![900.0, 500.0, 250.0, 120.0], false), // a tail without a gap
            (vec![1e6; 20], false),                    // a group of its own
            (vec![-999.0; 20], true),                  // it says that there is no value
            (vec![700.0; 3], false), // more than a hundredth, and the others are not crushed
        ] {
            let values: Vec<f64> = extra.iter().copied().chain(hundred()).collect();
            let found = without_far(&values);
            assert_eq!(found.is_some(), far, "{extra:?}");
            if let Some(mut found) = found {
                found.sort_unstable_by(f64::total_cmp);
                assert_eq!(found, hundred(), "{extra:?}");
            }
        }
    }

    #[test]
    fn what_is_mostly_one_number_is_left_alone() {
        let sums: Vec<f64> = (0..100).map(|i| if i < 90 { 0.0 } else { 1e6 * f64::from(i) }).collect();
        assert_eq!(without_far(&sums), None);
    }
}
