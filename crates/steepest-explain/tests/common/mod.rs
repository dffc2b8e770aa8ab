//! What tests share.

/// Numbers from −1 to 1 without a pattern.
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    (0..count)
        .map(|at| (steepest::random_at(seed, at as u64) >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
        .collect()
}
