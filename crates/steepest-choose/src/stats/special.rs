//! The special functions behind the tests: incomplete beta, Student's distribution.

/// ln Γ(x) for x > 0, to about 1e-14 (Lanczos 1964, with g = 7 and nine coefficients).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // the reflection formula
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let series: f64 = COEFFICIENTS.iter().zip(1..).map(|(c, i)| c / (x + f64::from(i))).sum();
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + (0.999_999_999_999_809_9 + series).ln()
}

/// The regularized incomplete beta function Iₓ(a, b) for a, b > 0 and x in [0, 1] (DLMF 8.17.22, by Lentz' method).
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // the fraction converges fast on this side of the mean
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta_below(b, a, 1.0 - x);
    }
    incomplete_beta_below(a, b, x)
}

fn incomplete_beta_below(a: f64, b: f64, x: f64) -> f64 {
    /// Terms of the fraction; they grow as √max(a, b), and ten million rows need some thousands.
    const TERMS: u32 = 20_000;
    const TINY: f64 = 1e-300;
    let held = |value: f64| if value.abs() < TINY { TINY } else { value };
    let front = a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let mut c = 1.0;
    let mut d = 1.0 / held(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / held(1.0 + term * d);
            c = held(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front.exp() * fraction / a).clamp(0.0, 1.0)
}

/// The x at which a function that falls over `[low, high]` has the value `target`, to the last bits.
fn where_falls_to(target: f64, mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if f(middle) > target { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The x with Iₓ(a, b) = p.
pub(super) fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    where_falls_to(1.0 - p, 0.0, 1.0, |x| incomplete_beta(b, a, 1.0 - x))
}

/// P(T > t) of Student's distribution with `freedom` > 0 degrees of freedom, a whole number or not.
pub(super) fn student_beyond(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    // beyond that it is the normal distribution to seven digits, and the fraction is not worth its rounding
    let freedom = freedom.min(1e7);
    // on either side of 1, the argument that is not rounded to 1
    let square = t * t;
    let both_ends = if square < freedom {
        1.0 - incomplete_beta(0.5, 0.5 * freedom, square / (freedom + square))
    } else {
        incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + square))
    };
    if t > 0.0 { 0.5 * both_ends } else { 1.0 - 0.5 * both_ends }
}

/// The t with P(T > t) = `beyond` for Student's distribution of `freedom` > 0 degrees of freedom, and 0 < `beyond` < 1: how many
/// standard errors an interval reaches. From 10⁷ degrees on it is that of the normal distribution.
pub fn student_quantile(beyond: f64, freedom: f64) -> f64 {
    if beyond > 0.5 {
        return -student_quantile(1.0 - beyond, freedom);
    }
    let mut high = 1.0;
    while student_beyond(high, freedom) > beyond && high < 1e150 {
        high *= 2.0;
    }
    where_falls_to(beyond, 0.0, high, |t| student_beyond(t, freedom))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found / expected - 1.0).abs() < relative, "{found:e}, expected {expected:e}");
    }

    // the expected numbers are mpmath's, at 30 digits
    #[test]
    fn ln_gamma_has_its_known_values() {
        for (x, expected) in LN_GAMMA {
            near(ln_gamma(x), expected, 1e-13);
        }
    }

    #[test]
    fn incomplete_beta_has_its_known_values() {
        for (a, b, x, expected) in INCOMPLETE_BETA {
            near(incomplete_beta(a, b, x), expected, 1e-10);
            near(beta_quantile(a, b, expected), x, 1e-8);
        }
        assert_eq!([0.0, 1.0].map(|x| incomplete_beta(2.0, 3.0, x)), [0.0, 1.0]);
    }

    #[test]
    fn student_has_its_known_values() {
        for (t, freedom, expected) in STUDENT {
            near(student_beyond(t, freedom), expected, 1e-9);
            near(1.0 - student_beyond(-t, freedom), expected, 1e-9);
            near(student_quantile(expected, freedom), t, 1e-8);
        }
        assert_eq!(student_beyond(0.0, 3.0), 0.5);
        // printed tables: 12.706, 2.776, 1.960
        for (freedom, expected) in [(1.0, 12.706_204_7), (4.0, 2.776_445_1), (1e9, 1.959_964)] {
            near(student_quantile(0.025, freedom), expected, 2e-7);
        }
    }

    const LN_GAMMA: [(f64, f64); 6] = [
        (0.1, 2.252712651734206),
        (0.5, 0.5723649429247001),
        (1.5, -0.12078223763524522),
        (3.7, 1.428072326665388),
        (50.0, 144.5657439463449),
        (12345.5, 103958.24296512322),
    ];
    const INCOMPLETE_BETA: [(f64, f64, f64, f64); 6] = [
        (0.5, 0.5, 0.3, 0.36901011956554536),
        (2.0, 3.0, 0.9, 0.9963),
        (10.0, 1.5, 0.4, 0.00030940546351440726),
        (50.0, 60.0, 0.5, 0.8309072939016694),
        (0.5, 5000.0, 0.0004, 0.9545159353508508),
        (300.0, 12.0, 0.93, 0.0069775931376530875),
    ];
    const STUDENT: [(f64, f64, f64); 7] = [
        (0.5, 3.0, 0.3257239824240755),
        (2.0, 1.0, 0.14758361765043326),
        (2.0, 4.0, 0.058058261758407795),
        (3.5, 2.5, 0.02617277348016017),
        (1.7, 299.0, 0.04508541659966135),
        (6.0, 30.0, 6.971384383602371e-07),
        (4.0, 20000.0, 3.178514275634055e-05),
    ];
}
