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
    (std > 0.0 && std > largest * 1e-13).then_some((mean, std))
}
