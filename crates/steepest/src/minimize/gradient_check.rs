//! Is this gradient the gradient of this function? Central differences say.

use super::difference_quotient::{Probe, Quotient, epsilon, tolerance};
use super::objective::Objective;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::random::split_mix;
use std::collections::BTreeSet;
use std::fmt;

/// How [`check_gradient`] goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GradientCheckOptions {
    /// How many coordinates to check, drawn at random without repetition; all if `None`, or if
    /// there are no more than that.
    pub samples: Option<usize>,
    /// The seed of the draw: the same seed draws the same coordinates, on every machine.
    pub seed: u64,
}

/// One coordinate's comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinate {
    /// Its index in the flat vector.
    pub index: usize,
    /// The gradient that was given.
    pub analytic: f64,
    /// The difference quotient.
    pub numeric: f64,
    /// How far the difference quotient itself may be off, by its own estimate.
    pub uncertainty: f64,
    /// The part of |analytic − numeric| that the uncertainty does not explain, relative to the
    /// larger of both, or to what the function's scale makes of zero.
    pub relative_error: f64,
    /// Whether the difference quotient says anything: not when rounding swamps it, as for a function
    /// with a huge constant.
    pub measured: bool,
}

/// The outcome of [`check_gradient`] and [`check_objective`]. `Display` is one line for people.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientCheck {
    /// The coordinates that were checked, by rising index.
    pub coordinates: Vec<Coordinate>,
    /// How many the gradient has.
    pub dimension: usize,
    /// The type the function was computed in.
    pub dtype: DType,
    /// The relative error to allow in this type: 1e-6 in f64, 1e-3 in f32; well above what rounding leaves of
    /// a right gradient computed in it, well below what a wrong formula costs.
    pub tolerance: f64,
}

impl GradientCheck {
    /// The coordinate with the largest relative error; the first of equals.
    pub fn worst(&self) -> &Coordinate {
        // not max_by, which takes the last of equals; `check_gradient` never gives an empty list
        self.coordinates.iter().fold(&self.coordinates[0], |worst, c| {
            if c.relative_error > worst.relative_error { c } else { worst }
        })
    }

    /// Whether no relative error is above `tolerance`, usually [`tolerance`](Self::tolerance), and
    /// every coordinate could be measured.
    pub fn passed(&self, tolerance: f64) -> bool {
        self.worst().relative_error <= tolerance && self.unmeasured() == 0
    }

    /// How many coordinates the difference quotient says nothing about.
    pub fn unmeasured(&self) -> usize {
        self.coordinates.iter().filter(|c| !c.measured).count()
    }
}

impl fmt::Display for GradientCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coordinate { index, analytic, numeric, relative_error, .. } = self.worst();
        let verdict = if self.passed(self.tolerance) { "agrees" } else { "DISAGREES" };
        write!(
            f,
            "the gradient {verdict} with central differences in {} at {} of {} coordinates \
             (tolerance {:e}); worst at index {index}: gradient {analytic:.9e}, difference quotient \
             {numeric:.9e}, relative error {relative_error:.1e}",
            self.dtype,
            self.coordinates.len(),
            self.dimension,
            self.tolerance,
        )?;
        match self.unmeasured() {
            0 => Ok(()),
            n => write!(
                f,
                "; at {n} of them rounding swamps the difference quotient: subtract the function's \
                 constant part, or compute it in f64"
            ),
        }
    }
}

/// Compares a gradient with central differences of the function; [`check_objective`] does it for an
/// [`Objective`].
///
/// ```text
/// D(h)  = (f(x + h·e_i) − f(x − h·e_i))/2h
/// B(h)  = (f(x + h·e_i) − 2f(x) + f(x − h·e_i))/h        the change of the derivative across x
/// R(h)  = (4·D(h/2) − D(h))/3                            Richardson: the error is O(h⁴)
/// u(h)  = 2·|R(h) − D(h/2)| + |2·B(h/2) − B(h)| + (8ε·max|f| + 2ν)/h + 8ε·max(1, |x_i|)·|B(h/2)|/h
/// error = max(0, |g_i − R| − u)/max(|g_i|, |R|, √ε·s)
/// ```
///
/// `h` begins at ε^⅕·max(1, |x_i|), where truncation and rounding of `R` are about equal, and a
/// tenth, a hundredth and a thousandth of it are tried as long as gradient and quotient differ; the
/// one with the smallest uncertainty `u` counts. `u` holds, in this order: what the extrapolation
/// changed, what a kink near x may hide, the rounding of `f` (ν is its measured part: the largest second
/// difference between 9 points a few roundings apart), and that of `x` itself. `s` is the scale
/// of the gradient: the largest |g_j| or one-sided derivative. So neither a zero among large numbers, nor
/// a kink next to the point, nor a minimum makes a right gradient look wrong.
///
/// It takes 10 evaluations of `f`, and 4 for each coordinate that agrees, up to 16 for one that does
/// not.
///
/// # Parameters
/// - `f`: the function, computed in `T` throughout (`f64` or `f32`).
/// - `gradient`: what is claimed to be its gradient at `at`.
/// - `options`: how many coordinates, and which.
///
/// # Errors
/// [`Error::Length`] if `gradient` and `at` differ in length, [`Error::Conflict`] if both are empty
/// or no coordinate is to be drawn; [`Error::NonFiniteGradient`]; [`Error::NonFiniteObjective`] if
/// `f` is not finite at `at`, or at every step from it. A point at the edge of where `f` is defined
/// is no error as long as a smaller step stays inside.
///
/// # Example
/// ```
/// use steepest::{GradientCheckOptions, check_gradient};
/// let f = |x: &[f64]| x[0].powi(3) + x[0] * x[1];
/// let at = [2.0, -1.0];
/// let right = check_gradient(f, &[11.0, 2.0], &at, &GradientCheckOptions::default())?;
/// assert!(right.passed(right.tolerance));
/// let wrong = check_gradient(f, &[11.0, 2.1], &at, &GradientCheckOptions::default())?;
/// assert!(!wrong.passed(wrong.tolerance));
/// assert_eq!(wrong.worst().index, 1);
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// Nocedal and Wright 2006, "Numerical Optimization", section 8.1 (central differences); Richardson
/// 1911 (the extrapolation).
pub fn check_gradient<T: Float>(
    f: impl FnMut(&[T]) -> T,
    gradient: &[T],
    at: &[T],
    options: &GradientCheckOptions,
) -> Result<GradientCheck> {
    let dimension = at.len();
    if gradient.len() != dimension {
        return Err(Error::Length {
            step: 0,
            what: "gradient of",
            tensor: "x".to_owned(),
            expected: dimension,
            found: gradient.len(),
        });
    }
    let indices = drawn(dimension, options);
    if indices.is_empty() {
        return Err(Error::Conflict {
            owner: "check_gradient",
            conflict: "there is no coordinate to check".to_owned(),
            remedy: "give a point with at least one, and samples of at least 1".to_owned(),
        });
    }
    if let Some(index) = gradient.iter().position(|g| !g.wide().is_finite()) {
        return Err(Error::NonFiniteGradient {
            step: 0,
            tensor: "x".to_owned(),
            index,
            value: gradient[index].wide(),
            count: gradient.iter().filter(|g| !g.wide().is_finite()).count(),
        });
    }
    let mut probe = Probe::new(f, at)?;
    let mut scale = gradient.iter().fold(0.0f64, |s, g| s.max(g.wide().abs()));
    let mut measured = Vec::with_capacity(indices.len());
    for index in indices {
        let quotient = probe.quotient(index, gradient[index].wide())?;
        scale = scale.max(quotient.one_sided);
        measured.push((index, quotient));
    }
    let floor = epsilon::<T>().sqrt() * scale;
    let compare = |(index, quotient): (usize, Quotient)| {
        let Quotient { value: numeric, uncertainty, visible, .. } = quotient;
        let analytic = gradient[index].wide();
        let size = analytic.abs().max(numeric.abs());
        let excess = ((analytic - numeric).abs() - uncertainty).max(0.0);
        Coordinate {
            index,
            analytic,
            numeric,
            uncertainty,
            // 0/0: both are zero on a flat function
            relative_error: if excess == 0.0 { 0.0 } else { excess / size.max(floor) },
            // exactly zero is what a flat function gives; below the floor nothing matters
            measured: visible || size == 0.0 || uncertainty <= floor || excess > 0.0,
        }
    };
    Ok(GradientCheck {
        coordinates: measured.into_iter().map(compare).collect(),
        dimension,
        dtype: T::DTYPE,
        tolerance: tolerance::<T>(),
    })
}

/// Compares an objective's gradient with central differences of its value, as [`check_gradient`] does.
///
/// It asks for the gradient once, and otherwise for the [value](Objective::value) alone; so it also finds a
/// value that is not that of the function whose gradient is computed.
///
/// # Errors
/// As [`check_gradient`].
///
/// # Example
/// ```
/// use steepest::{GradientCheckOptions, check_objective};
/// // the factor 3 is forgotten
/// let cube = |x: &[f64], g: &mut [f64]| {
///     g[0] = x[0].powi(2);
///     x[0].powi(3)
/// };
/// let check = check_objective(cube, &[2.0], &GradientCheckOptions::default())?;
/// assert!(!check.passed(check.tolerance));
/// assert!((check.worst().numeric - 12.0).abs() < 1e-6);
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// As [`check_gradient`].
pub fn check_objective<T: Float>(
    mut objective: impl Objective<T>,
    at: &[T],
    options: &GradientCheckOptions,
) -> Result<GradientCheck> {
    let mut gradient = vec![T::ZERO; at.len()];
    objective.value_and_gradient(at, &mut gradient);
    check_gradient(|x| objective.value(x), &gradient, at, options)
}

/// The coordinates to check, by rising index.
fn drawn(dimension: usize, options: &GradientCheckOptions) -> Vec<usize> {
    let samples = match options.samples {
        Some(samples) if samples < dimension => samples,
        _ => return (0..dimension).collect(),
    };
    // Floyd's algorithm: each set of this size is equally likely, without an array of `dimension`
    let mut state = options.seed;
    let mut chosen = BTreeSet::new();
    for last in dimension - samples..dimension {
        // the upper half of the product is a number below last + 1, without the bias of a remainder
        let product = u128::from(split_mix(&mut state)) * (last as u128 + 1);
        let candidate = (product >> 64) as usize;
        chosen.insert(if chosen.contains(&candidate) { last } else { candidate });
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: GradientCheckOptions = GradientCheckOptions { samples: None, seed: 0 };

    fn passes(f: impl FnMut(&[f64]) -> f64, gradient: &[f64], at: &[f64]) -> bool {
        let check = check_gradient(f, gradient, at, &ALL).unwrap();
        let passed = check.passed(check.tolerance);
        if !passed {
            println!("{check}\n{check:?}");
        }
        passed
    }

    #[test]
    fn right_gradients_of_hard_functions_pass() {
        // scales far apart
        let f = |x: &[f64]| 1e9 * x[0] + 1e-9 * x[1].sin();
        assert!(passes(f, &[1e9, 1e-9 * 0.5f64.cos()], &[3.0, 0.5]));
        // a zero among large numbers
        assert!(passes(|x| 1e6 * x[0].exp() + x[1] * x[1], &[1e6 * 2f64.exp(), 0.0], &[2.0, 0.0]));
        // fast and slow curvature, a large argument
        assert!(passes(|x| (100.0 * x[0]).sin(), &[100.0 * 70f64.cos()], &[0.7]));
        assert!(passes(|x| x[0].sqrt(), &[0.5 / 1e6], &[1e12]));
        // kinks beside the point, and a symmetric one under it
        assert!(passes(|x| x[0].max(0.0), &[1.0], &[1e-5]));
        assert!(passes(|x| x[0].abs(), &[-1.0], &[-1e-4]));
        assert!(passes(|x| x[0].abs(), &[0.0], &[0.0]));
        // the edge of where a function is defined
        assert!(passes(|x| x[0].ln(), &[1e4], &[1e-4]));
        // flat
        assert!(passes(|_| 3.0, &[0.0, 0.0], &[1.0, 2.0]));
        // next to a minimum: the gradient is all rounding
        let f = |x: &[f64]| 1e4 * (x[0] - 0.1).powi(2) + (x[1] - 1.0 / 3.0).powi(4);
        let at = [0.1 + 1e-16, 1.0 / 3.0];
        assert!(passes(f, &[2e4 * (at[0] - 0.1), 0.0], &at));
    }

    #[test]
    fn wrong_gradients_fail_and_the_worst_is_named() {
        let f = |x: &[f64]| x.iter().enumerate().map(|(i, x)| (i as f64 + 1.0) * x * x).sum::<f64>();
        let at: Vec<f64> = (0..20).map(|i| (f64::from(i) * 0.7).sin() + 0.1).collect();
        let right: Vec<f64> = (0..20).map(|i| 2.0 * (i as f64 + 1.0) * at[i]).collect();
        assert!(passes(f, &right, &at));
        for i in 0..20 {
            // a factor off by one part in 10⁵, a sign, a missing term
            for wrong in [right[i] * 1.00001, -right[i], 0.0] {
                let mut gradient = right.clone();
                gradient[i] = wrong;
                let check = check_gradient(f, &gradient, &at, &ALL).unwrap();
                assert!(!check.passed(check.tolerance), "{check}");
                assert_eq!(check.worst().index, i);
            }
        }
    }

    #[test]
    fn small_wrong_coordinates_are_not_hidden_by_large_ones() {
        let f = |x: &[f64]| 1e6 * x[0] * x[0] + x[1];
        assert!(!passes(f, &[2e6, 1.001], &[1.0, 1.0]));
    }

    #[test]
    fn swamped_by_a_constant_is_not_passed() {
        let check = check_gradient(|x: &[f64]| 1e17 + x[0] * x[0], &[2.0], &[1.0], &ALL).unwrap();
        assert_eq!(check.unmeasured(), 1);
        assert!(!check.passed(check.tolerance));
        assert!(check.to_string().contains("rounding swamps"));
    }

    #[test]
    fn single_precision_has_its_own_tolerance() {
        let f = |x: &[f32]| x.iter().map(|x| x.sin() * x).sum::<f32>();
        let at: Vec<f32> = (0..50).map(|i| 0.13 * i as f32 - 3.0).collect();
        let gradient: Vec<f32> = at.iter().map(|x| x.cos() * x + x.sin()).collect();
        let check = check_gradient(f, &gradient, &at, &ALL).unwrap();
        assert_eq!((check.dtype, check.tolerance), (DType::F32, 1e-3));
        assert!(check.passed(check.tolerance), "{check}");
        let mut wrong = gradient.clone();
        wrong[7] *= 1.05;
        let check = check_gradient(f, &wrong, &at, &ALL).unwrap();
        assert!(!check.passed(check.tolerance) && check.worst().index == 7, "{check}");
    }

    /// A network of one hidden layer, f32 throughout: (Σ_j v_j·act(w_j·x) − 1)², with its gradient
    /// by hand. With `relu` there are kinks, some of them near the point.
    fn network(weights: &[f32], x: &[f32; 5], relu: bool) -> (f32, Vec<f32>) {
        let (w, v) = weights.split_at(weights.len() / 6 * 5);
        let act = |z: f32| if relu { z.max(0.0) } else { z.tanh() };
        let derivative = |z: f32| match relu {
            true => f32::from(u8::from(z > 0.0)),
            false => 1.0 - z.tanh().powi(2),
        };
        let z: Vec<f32> = w.chunks(5).map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum()).collect();
        let error = z.iter().zip(v).map(|(z, v)| act(*z) * v).sum::<f32>() - 1.0;
        let hidden = z.iter().zip(v).flat_map(|(z, v)| x.map(|x| 2.0 * error * v * derivative(*z) * x));
        let out = z.iter().map(|z| 2.0 * error * act(*z));
        (error * error, hidden.chain(out).collect())
    }

    #[test]
    fn networks_in_single_precision_are_judged_right() {
        let mut state = 7;
        let mut draw = || (split_mix(&mut state) >> 40) as f32 / (1 << 23) as f32 - 1.0;
        for relu in [false, true] {
            for _ in 0..100 {
                let x = [(); 5].map(|()| 2.0 * draw());
                let weights: Vec<f32> = (0..48).map(|_| draw()).collect();
                let mut gradient = network(&weights, &x, relu).1;
                let f = |w: &[f32]| network(w, &x, relu).0;
                let check = check_gradient(f, &gradient, &weights, &ALL).unwrap();
                assert!(check.passed(check.tolerance), "{relu} {check}");
                let largest = |a: &usize, b: &usize| gradient[*a].abs().total_cmp(&gradient[*b].abs());
                let index = (0..48).max_by(largest).unwrap();
                if gradient[index] == 0.0 {
                    continue; // every unit is off: there is nothing to get wrong
                }
                gradient[index] *= 1.05;
                let check = check_gradient(f, &gradient, &weights, &ALL).unwrap();
                assert!(!check.passed(check.tolerance) && check.worst().index == index, "{check}");
            }
        }
    }

    #[test]
    fn samples_are_distinct_sorted_and_repeatable() {
        let options = |samples, seed| GradientCheckOptions { samples: Some(samples), seed };
        for seed in 0..50 {
            let indices = drawn(1000, &options(40, seed));
            assert_eq!(indices.len(), 40);
            assert!(indices.is_sorted_by(|a, b| a < b) && indices[39] < 1000);
            assert_eq!(indices, drawn(1000, &options(40, seed)));
            assert_ne!(indices, drawn(1000, &options(40, seed + 1)));
        }
        assert_eq!(drawn(3, &options(5, 1)), [0, 1, 2]);
        // every index has its turn
        let seen: BTreeSet<usize> = (0..400).flat_map(|seed| drawn(30, &options(3, seed))).collect();
        assert_eq!(seen.len(), 30);
    }

    #[test]
    fn only_samples_are_evaluated() {
        let mut calls = 0;
        let at = vec![1.0; 10_000];
        let f = |x: &[f64]| {
            calls += 1;
            x.iter().sum::<f64>()
        };
        let options = GradientCheckOptions { samples: Some(5), seed: 3 };
        let check = check_gradient(f, &vec![1.0; 10_000], &at, &options).unwrap();
        assert!(check.passed(check.tolerance), "{check}");
        assert_eq!((check.coordinates.len(), check.dimension), (5, 10_000));
        assert!(calls <= 10 + 5 * 16);
    }

    #[test]
    fn what_cannot_be_checked_is_an_error() {
        let f = |x: &[f64]| x[0].ln();
        let error = check_gradient(f, &[1.0, 2.0], &[1.0], &ALL).unwrap_err();
        assert!(matches!(error, Error::Length { expected: 1, found: 2, .. }));
        let error = check_gradient(f, &[f64::NAN], &[1.0], &ALL).unwrap_err();
        assert!(matches!(error, Error::NonFiniteGradient { index: 0, count: 1, .. }));
        let error = check_gradient(f, &[1.0], &[-1.0], &ALL).unwrap_err();
        assert!(matches!(error, Error::NonFiniteObjective { .. }));
        // finite at the point, nowhere else
        let alone = |x: &[f64]| if x[0] == 1.0 { 0.0 } else { f64::NAN };
        let error = check_gradient(alone, &[1.0], &[1.0], &ALL).unwrap_err();
        assert!(matches!(error, Error::NonFiniteObjective { .. }));
        assert!(matches!(check_gradient(f, &[], &[], &ALL), Err(Error::Conflict { .. })));
        let none = GradientCheckOptions { samples: Some(0), seed: 0 };
        assert!(matches!(check_gradient(f, &[1.0], &[1.0], &none), Err(Error::Conflict { .. })));
    }
}
