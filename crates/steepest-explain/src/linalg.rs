//! Small dense algebra in f64: what the regressions need.

/// The inverse of a symmetric positive definite `n × n` matrix, row-major, by Cholesky's factor; `None` where it is not.
pub(crate) fn inverse(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    // A = L Lᵀ, the factor in the lower half, by rows: all inner loops run over contiguous numbers
    for i in 0..n {
        for j in 0..=i {
            let (upper, lower) = a.split_at_mut(i * n);
            let row = &mut lower[..n];
            if i == j {
                let left = row[i] - dot(&row[..i], &row[..i]);
                if !(left > 0.0 && left.is_finite()) {
                    return None;
                }
                row[i] = left.sqrt();
            } else {
                let other = &upper[j * n..j * n + n];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
        }
    }
    // M = L⁻¹, stored transposed (row j holds column j of M, from j on), so that M's columns are contiguous
    let mut m = vec![0.0; n * n];
    for j in 0..n {
        m[j * n + j] = 1.0 / a[j * n + j];
        for i in j + 1..n {
            let sum = dot(&a[i * n + j..i * n + i], &m[j * n + j..j * n + i]);
            m[j * n + i] = -sum / a[i * n + i];
        }
    }
    // A⁻¹ = Mᵀ M
    for i in 0..n {
        for j in 0..=i {
            let value = dot(&m[i * n + i..(i + 1) * n], &m[j * n + i..(j + 1) * n]);
            a[i * n + j] = value;
            a[j * n + i] = value;
        }
    }
    Some(a)
}

/// The sum of products, in eight parts, so that it vectorizes; the order never depends on anything but the length.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut sums = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7)) + rest
}

/// `a += factor · b`
pub(crate) fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

/// The product of `rows × inner` and `inner × columns`, both row-major.
pub(crate) fn product(a: &[f64], b: &[f64], inner: usize, columns: usize) -> Vec<f64> {
    let rows = a.len() / inner.max(1);
    let mut out = vec![0.0; rows * columns];
    for (a, out) in a.chunks(inner).zip(out.chunks_mut(columns)) {
        for (factor, b) in a.iter().zip(b.chunks(columns)) {
            add(out, *factor, b);
        }
    }
    out
}

/// The transpose of a matrix of so many columns.
pub(crate) fn transposed(a: &[f64], columns: usize) -> Vec<f64> {
    let rows = a.len() / columns;
    (0..columns).flat_map(|c| (0..rows).map(move |r| a[r * columns + c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_inverts() {
        let n = 23;
        let b: Vec<f64> = (0..n * n).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
        let mut a = product(&b, &transposed(&b, n), n, n);
        (0..n).for_each(|i| a[i * n + i] += 0.1);
        let unit = product(&a, &inverse(a.clone(), n).unwrap(), n, n);
        for (i, value) in unit.iter().enumerate() {
            let expected = f64::from(u8::from(i % (n + 1) == 0));
            assert!((value - expected).abs() < 1e-9, "{i}: {value}");
        }
        assert!(inverse(vec![1.0, 2.0, 2.0, 1.0], 2).is_none(), "it is indefinite");
    }
}
