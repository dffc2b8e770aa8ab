//! How far a standard error reaches.

use steepest_choose::stats::student_quantile;

/// By how much a standard error of so many degrees of freedom is multiplied for a 95 % interval: Student's quantile; fewer than one
/// count as one.
pub fn reach(freedom: f64) -> f64 {
    student_quantile(0.025, freedom.max(1.0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn quantiles_of_the_tables() {
        for (freedom, quantile) in
            [(0.0, 12.706_205), (1.0, 12.706_205), (3.0, 3.182_446), (5.0, 2.570_582), (60.0, 2.000_298)]
        {
            let found = super::reach(freedom);
            assert!((found / quantile - 1.0).abs() < 1e-6, "{freedom}: {found}");
        }
        assert!((super::reach(f64::INFINITY) - 1.959_964).abs() < 1e-6);
    }
}
