//! Numbers for people.

/// A number with `digits` significant digits: `0.01234`, `1.234e-5`, `123.4`, `12345`.
pub fn significant(x: f64, digits: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    // rounding may carry into the next power of ten, so it comes first
    let scientific = format!("{x:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..7).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return format!("{x:.decimals$}");
    }
    format!("{}e{exponent}", trim_zeros(mantissa))
}

/// The same without zeros at its end: `0.001`, `0.25`.
pub fn short(x: f64) -> String {
    let text = significant(x, 4);
    if text.contains('e') { text } else { trim_zeros(&text).to_owned() }
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_right() {
        let four: Vec<String> = [0.0, 0.012_345, 123.45, 9.99996, 12_345.6, 1.5e-7, 1e9, -0.5, f64::NAN]
            .map(|x| significant(x, 4))
            .into();
        assert_eq!(four, ["0", "0.01235", "123.5", "10.00", "12346", "1.5e-7", "1e9", "-0.5000", "NaN"]);
        assert_eq!([0.001, 0.25, 3.0, 100.0, 1e-9].map(short), ["0.001", "0.25", "3", "100", "1e-9"]);
    }
}
