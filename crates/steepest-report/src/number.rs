//! Numbers and words for people.

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

/// `0.8 s`, `12 s`, `3 min 20 s`, `2 h 05 min`
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let whole = seconds.round() as u64;
    match whole {
        0..120 => format!("{whole} s"),
        120..7200 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `1 step`, `2 steps`.
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A number with its sign, as `write` writes it without.
pub(crate) fn signed(x: f64, write: impl Fn(f64) -> String) -> String {
    let sign = if x > 0.0 { "+" } else { "−" };
    match write(x.abs()) {
        zero if zero.trim_matches(['0', '.']).is_empty() => zero,
        // that of an exponent, too
        text => format!("{sign}{}", text.replace('-', "−")),
    }
}

/// A sentence from what could be a part of one.
pub(crate) fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
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

    #[test]
    fn signs_are_signs() {
        let signed = |x: f64| signed(x, |x| significant(x, 2));
        assert_eq!([0.0, 3.0, -0.25, -1e-9].map(signed), ["0", "+3.0", "−0.25", "−1e−9"]);
        assert_eq!(super::signed(-1e-9, |x| format!("{x:.1}")), "0.0");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(
            [0.0, 0.84, 9.96, 119.4, 125.0, 7384.0].map(duration),
            ["0.0 s", "0.8 s", "10 s", "119 s", "2 min 05 s", "2 h 03 min"]
        );
        assert_eq!(duration(f64::NAN), "?");
    }
}
