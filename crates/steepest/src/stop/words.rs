//! Numbers in sentences.

use std::fmt;

/// A number with six significant digits at most, as a sentence wants it.
pub(super) struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        if rounded != 0.0 && !(1e-4..1e9).contains(&rounded.abs()) && rounded.is_finite() {
            write!(f, "{rounded:e}")
        } else {
            write!(f, "{rounded}")
        }
    }
}

/// `1 epoch`, `2 epochs`.
pub(super) struct Count<'a>(pub f64, pub &'a str);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1.0 { "" } else { "s" };
        write!(f, "{} {}{plural}", Short(self.0), self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_sentences_are_short() {
        let short = |x: f64| Short(x).to_string();
        assert_eq!(short(0.012_345_678_9), "0.0123457");
        assert_eq!(short(1234567.0), "1234570");
        assert_eq!(short(3.0e-7), "3e-7");
        assert_eq!(short(f64::NAN), "NaN");
        assert_eq!(short(0.0), "0");
    }
}
