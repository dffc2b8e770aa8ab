/// p values adjusted for being several (Holm 1979): those that are at most α are rejections of which, with probability
/// 1 − α, none is wrong, however the tests depend on each other.
///
/// In the order that they came in. A p value that is not a number counts as 1: what could not be tested is no finding.
///
/// ```
/// assert_eq!(steepest_choose::stats::holm(&[0.04, 0.01, 0.03]), [0.06, 0.03, 0.06]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let p = |i: usize| if p_values[i].is_nan() { 1.0 } else { p_values[i].clamp(0.0, 1.0) };
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p(a).total_cmp(&p(b)));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut highest: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        highest = highest.max((p_values.len() - rank) as f64 * p(i)).min(1.0);
        adjusted[i] = highest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn adjusted_values_keep_the_order_and_never_fall() {
        assert_eq!(holm(&[]), [0.0; 0]);
        assert_eq!(holm(&[0.2]), [0.2]);
        // 4 · 0.01, 3 · 0.02, 2 · 0.03 → 0.06, 1 · 0.5
        assert_eq!(holm(&[0.5, 0.02, 0.01, 0.03]), [0.5, 0.06, 0.04, 0.06]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[f64::NAN, 0.01]), [1.0, 0.02]);
    }
}
