//! Paired differences: is there one, and is it within what is negligible?

use std::f64::consts::FRAC_2_PI;

pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The standard deviation of a sample.
pub fn deviation(x: &[f64]) -> f64 {
    let mean = mean(x);
    (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64).sqrt()
}

/// The probability that Student's t is outside ±`t`, for an odd number of degrees of freedom
/// (Abramowitz & Stegun 1964, 26.7.3: a finite sum).
pub fn two_sided(t: f64, freedom: usize) -> f64 {
    assert!(freedom % 2 == 1 && freedom > 1, "{freedom} degrees of freedom");
    let angle = (t.abs() / (freedom as f64).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let (mut term, mut sum) = (cos, cos);
    for k in (3..freedom - 1).step_by(2) {
        term *= cos * cos * (k - 1) as f64 / k as f64;
        sum += term;
    }
    (1.0 - FRAC_2_PI * (angle + sin * sum)).max(0.0)
}

/// The `t` that is exceeded on either side with probability `p`.
pub fn quantile(p: f64, freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1e3);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if two_sided(middle, freedom) > p { low = middle } else { high = middle }
    }
    high
}

/// What pairs of numbers say of the mean of their differences.
#[derive(Debug, Clone, Copy)]
pub struct Paired {
    pub mean: f64,
    /// Of no difference, by the paired t-test on both sides.
    pub p: f64,
    /// The mean lies in `mean ± half` with 90 % confidence.
    pub half: f64,
}

impl Paired {
    pub fn new(x: &[f64], baseline: &[f64]) -> Self {
        let differences: Vec<f64> = x.iter().zip(baseline).map(|(x, b)| x - b).collect();
        let (mean, deviation, freedom) = (mean(&differences), deviation(&differences), x.len() - 1);
        let error = deviation / (x.len() as f64).sqrt();
        // all differences alike: either none or a certain one
        let t = if mean == 0.0 { 0.0 } else { mean / error };
        Self { mean, p: two_sided(t, freedom), half: quantile(0.1, freedom) * error }
    }

    /// Two one-sided tests at 5 %: the mean is neither below `−margin` nor above `margin`
    /// (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).
    pub fn within(&self, margin: f64) -> bool {
        self.mean.abs() + self.half < margin
    }
}
