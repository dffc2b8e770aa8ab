//! Normal numbers and errors of errors, from numbered draws.

use steepest::Draws;

/// Where the draws of this module lie among others of the same seed.
const PURPOSE: u64 = 0x6265_7374_5f73_6574;

/// The random numbers of one draw.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    draws: Draws,
    spare: Option<f64>,
}

impl Draw {
    pub fn new(seed: u64, number: u64) -> Self {
        Self { draws: Draws::new(seed, PURPOSE, number), spare: None }
    }

    /// A standard normal number (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (radius, angle) =
            ((-2.0 * self.draws.uniform().ln()).sqrt(), std::f64::consts::TAU * self.draws.uniform());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// √(χ²/ν) of ν > 0 degrees of freedom, a whole number or not: what a standard error that ν numbers gave is off by
    /// (Marsaglia & Tsang 2000, "A Simple Method for Generating Gamma Variables").
    pub fn error_factor(&mut self, freedom: f64) -> f64 {
        if freedom > 1e6 {
            return 1.0;
        }
        // a shape below one by that of one more, times u^(1/shape)
        let shape = 0.5 * freedom;
        let (d, boost) = if shape < 1.0 {
            (shape + 1.0 - 1.0 / 3.0, self.draws.uniform().powf(1.0 / shape))
        } else {
            (shape - 1.0 / 3.0, 1.0)
        };
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = self.draws.uniform();
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return (d * v * boost / shape).sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_and_number_alone() {
        let first = |seed, number| Draw::new(seed, number).normal();
        assert_eq!(first(1, 2), first(1, 2));
        assert!(first(1, 2) != first(1, 3) && first(1, 2) != first(2, 2));
    }

    #[test]
    fn moments() {
        const N: u64 = 40_000;
        let normal: Vec<f64> = (0..N).map(|i| Draw::new(5, i).normal()).collect();
        let moment = |p: i32| normal.iter().map(|x| x.powi(p)).sum::<f64>() / N as f64;
        // standard errors: 1/200, √2/200, √96/200
        for (p, expected, allowed) in [(1, 0.0, 0.02), (2, 1.0, 0.03), (4, 3.0, 0.2)] {
            assert!((moment(p) - expected).abs() < allowed, "{p}: {}", moment(p));
        }
        for freedom in [1.0, 2.5, 9.0] {
            let squares: Vec<f64> = (0..N).map(|i| Draw::new(6, i).error_factor(freedom).powi(2)).collect();
            let mean = squares.iter().sum::<f64>() / N as f64;
            let variance = squares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / N as f64;
            assert!((mean - 1.0).abs() < 0.03, "{freedom}: {mean}");
            assert!((variance * freedom / 2.0 - 1.0).abs() < 0.15, "{freedom}: {variance}");
        }
    }
}
