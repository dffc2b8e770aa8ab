use super::error::{Error, Result};
use super::special::beta_quantile;

/// The exact interval of a probability that was seen to happen `hits` times in `trials` (Clopper & Pearson 1934): it covers the
/// truth at least as often as `level` says, whatever the truth is.
///
/// # Errors
/// No trials, more hits than trials, or a level that is not between 0 and 1.
///
/// ```
/// use steepest_choose::stats::binomial_interval;
/// let [low, high] = binomial_interval(8, 10, 0.95)?;
/// assert!((low - 0.4439).abs() < 1e-4 && (high - 0.9748).abs() < 1e-4);
/// # Ok::<(), steepest_choose::stats::Error>(())
/// ```
pub fn binomial_interval(hits: u64, trials: u64, level: f64) -> Result<[f64; 2]> {
    if trials == 0 {
        return Err(Error::TooFew { what: "trials", found: 0, least: 1, remedy: "count some" });
    }
    if hits > trials {
        return Err(Error::OutOfRange {
            name: "the number of hits",
            found: hits as f64,
            range: "of at most that of trials",
        });
    }
    let beyond = 0.5 * (1.0 - checked_level(level)?);
    let (k, n) = (hits as f64, trials as f64);
    let low = if hits == 0 { 0.0 } else { beta_quantile(k, n - k + 1.0, beyond) };
    let high = if hits == trials { 1.0 } else { beta_quantile(k + 1.0, n - k, 1.0 - beyond) };
    Ok([low, high])
}

/// A level strictly between 0 and 1.
pub(super) fn checked_level(level: f64) -> Result<f64> {
    if level > 0.0 && level < 1.0 {
        Ok(level)
    } else {
        Err(Error::OutOfRange { name: "the level", found: level, range: "between 0 and 1, such as 0.95" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_intervals() {
        for (hits, trials, expected) in [
            (8, 10, [0.443_904_537, 0.974_789_274]),
            (45, 50, [0.781_864_633, 0.966_724_906]),
            // 1 − 0.025^(1/20), and its mirror image
            (0, 20, [0.0, 1.0 - 0.025f64.powf(0.05)]),
            (20, 20, [0.025f64.powf(0.05), 1.0]),
        ] {
            let found = binomial_interval(hits, trials, 0.95).unwrap();
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-8),
                "{hits} of {trials}: {found:?}"
            );
        }
    }

    #[test]
    fn it_covers_at_least_as_often_as_it_says() {
        const N: u64 = 30;
        for truth in [0.02, 0.3, 0.5, 0.93] {
            let (mut covered, mut probability) = (0.0, (1.0f64 - truth).powi(N as i32));
            for k in 0..=N {
                let [low, high] = binomial_interval(k, N, 0.9).unwrap();
                covered += if (low..=high).contains(&truth) { probability } else { 0.0 };
                probability *= (N - k) as f64 / (k + 1) as f64 * truth / (1.0 - truth);
            }
            assert!((0.9..1.0).contains(&covered), "{truth}: {covered}");
        }
    }

    #[test]
    fn what_has_no_interval() {
        assert!(matches!(binomial_interval(0, 0, 0.95), Err(Error::TooFew { .. })));
        for (hits, level) in [(3, 0.95), (1, 0.0), (1, 1.0), (1, f64::NAN)] {
            assert!(
                matches!(binomial_interval(hits, 2, level), Err(Error::OutOfRange { .. })),
                "{hits} {level}"
            );
        }
    }
}
