//! Central differences of a function, and how far they can be trusted.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::float::Float;

/// The distance from 1 to the next larger number of this type.
pub(super) fn epsilon<T: Float>() -> f64 {
    match T::DTYPE {
        DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    }
}

/// The relative error to allow a gradient of this type.
pub(super) fn tolerance<T: Float>() -> f64 {
    match T::DTYPE {
        DType::F64 => 1e-6,
        _ => 1e-3,
    }
}

/// A difference quotient and what is known about it.
#[derive(Clone, Copy)]
pub(super) struct Quotient {
    pub value: f64,
    pub uncertainty: f64,
    /// The larger one-sided derivative.
    pub one_sided: f64,
    /// Whether `f` changes by more than its rounding, at some step size.
    pub visible: bool,
}

/// A central difference over the points that `T` really has.
struct Central {
    derivative: f64,
    plus: f64,
    minus: f64,
    half_width: f64,
}

/// A function near a point.
pub(super) struct Probe<T, F> {
    f: F,
    x: Vec<T>,
    /// f(x).
    middle: f64,
    /// How far rounding scatters `f` near x.
    noise: f64,
}

impl<T: Float, F: FnMut(&[T]) -> T> Probe<T, F> {
    /// Evaluates `f` at `x` and near it.
    ///
    /// # Errors
    /// [`Error::NonFiniteObjective`] if it is not finite at `x`.
    pub fn new(mut f: F, x: &[T]) -> Result<Self> {
        let middle = f(x).wide();
        if !middle.is_finite() {
            return Err(Error::NonFiniteObjective { step: 0, value: middle });
        }
        let mut probe = Self { f, x: x.to_vec(), middle, noise: 0.0 };
        probe.measure_noise(x);
        Ok(probe)
    }

    /// Takes `f` at 9 points so near each other that all it can do between them is to round: what
    /// second differences leave is noise. An `f` with cancelling terms rounds worse than its value
    /// tells.
    fn measure_noise(&mut self, at: &[T]) {
        let shifted = |k: i32| {
            move |x: &T| {
                let size = x.wide().abs().max(1.0);
                T::of(x.wide() + 4.0 * epsilon::<T>() * f64::from(k) * size)
            }
        };
        let values: Vec<f64> = (-4..=4)
            .map(|k| {
                self.x = at.iter().map(shifted(k)).collect();
                (self.f)(&self.x).wide()
            })
            .collect();
        self.x = at.to_vec();
        let second = values.windows(3).map(|v| (v[0] - 2.0 * v[1] + v[2]).abs());
        // a point outside of where f is defined tells nothing
        self.noise = second.filter(|d| d.is_finite()).fold(0.0, f64::max);
    }

    fn central(&mut self, index: usize, h: f64) -> Central {
        let x = self.x[index];
        let (above, below) = (T::of(x.wide() + h), T::of(x.wide() - h));
        self.x[index] = above;
        let plus = (self.f)(&self.x).wide();
        self.x[index] = below;
        let minus = (self.f)(&self.x).wide();
        self.x[index] = x;
        // the width of the points as rounded, not the one asked for
        let width = above.wide() - below.wide();
        Central { derivative: (plus - minus) / width, plus, minus, half_width: width / 2.0 }
    }

    /// The best of several step sizes, or the first that agrees with `analytic`.
    ///
    /// # Errors
    /// [`Error::NonFiniteObjective`] if `f` is not finite at any of them.
    pub fn quotient(&mut self, index: usize, analytic: f64) -> Result<Quotient> {
        let epsilon = epsilon::<T>();
        let size = self.x[index].wide().abs().max(1.0);
        let h0 = epsilon.powf(0.2) * size;
        let mut best: Option<Quotient> = None;
        let mut offending = f64::NAN;
        for factor in [1.0, 0.1, 0.01, 0.001] {
            let wide = self.central(index, factor * h0);
            let narrow = self.central(index, factor * h0 / 2.0);
            let values = [wide.plus, wide.minus, narrow.plus, narrow.minus];
            if let Some(value) = values.into_iter().find(|v| !v.is_finite()) {
                offending = value;
                continue;
            }
            let value = (4.0 * narrow.derivative - wide.derivative) / 3.0;
            let largest = values.into_iter().fold(self.middle.abs(), |m, v| m.max(v.abs()));
            let rounding = 4.0 * epsilon * largest + self.noise;
            // how much the derivative changes across the point: proportional to h where f is smooth
            let bend = |c: &Central| ((c.plus - self.middle) + (c.minus - self.middle)) / c.half_width;
            let kink = (2.0 * bend(&narrow) - bend(&wide)).abs();
            let h = narrow.half_width;
            let uncertainty = 2.0 * (value - narrow.derivative).abs()
                + kink
                + rounding / h
                + 4.0 * epsilon * size * bend(&narrow).abs() / h;
            let change = |c: &Central| (c.plus - self.middle).abs().max((c.minus - self.middle).abs());
            let visible = change(&wide) > 10.0 * rounding || best.is_some_and(|b| b.visible);
            if let Some(best) = &mut best {
                best.visible = visible;
            }
            let quotient = Quotient { value, uncertainty, one_sided: change(&narrow) / h, visible };
            let better = best.is_none_or(|b| uncertainty < b.uncertainty);
            if better {
                best = Some(quotient);
            }
            // well inside the tolerance: no other step size can change the verdict
            let difference = (value - analytic).abs();
            let close = 0.1 * tolerance::<T>() * value.abs().max(analytic.abs());
            if better && difference <= close && uncertainty <= close {
                break;
            }
        }
        best.ok_or(Error::NonFiniteObjective { step: 0, value: offending })
    }
}
