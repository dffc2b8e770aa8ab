//! How far a standard error reaches.

/// The two-sided 95 % quantile of Student's distribution with so many degrees of freedom, by Cornish and Fisher's expansion
/// (Abramowitz & Stegun 26.7.5): within 0.1 % from 5 on, 2 % at 3; fewer count as 3.
pub fn reach(freedom: f64) -> f64 {
    const Z: f64 = 1.959_963_984_540_054;
    let n = freedom.max(3.0);
    let z = |power: i32| Z.powi(power);
    let terms = [
        (z(3) + Z) / 4.0,
        (5.0 * z(5) + 16.0 * z(3) + 3.0 * Z) / 96.0,
        (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * Z) / 384.0,
        (79.0 * z(9) + 776.0 * z(7) + 1482.0 * z(5) - 1920.0 * z(3) - 945.0 * Z) / 92160.0,
    ];
    Z + terms.iter().enumerate().map(|(at, term)| term / n.powi(at as i32 + 1)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn quantiles_of_the_tables() {
        for (freedom, quantile, within) in
            [(3.0, 3.182_446, 2e-2), (5.0, 2.570_582, 1e-3), (10.0, 2.228_139, 1e-4), (60.0, 2.000_298, 1e-6)]
        {
            let found = super::reach(freedom);
            assert!((found / quantile - 1.0).abs() < within, "{freedom}: {found}");
        }
        assert!((super::reach(f64::INFINITY) - 1.959_964).abs() < 1e-6);
    }
}
