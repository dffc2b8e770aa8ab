//! L-BFGS, an iteration at a time.

use super::history::History;
use super::line_search::{Line, StrongWolfe};
use super::settings::{Lbfgs, LineSearch};
use super::vector::{dot, largest};
use crate::clip::Clips;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::minimize::minimizer::{IntoMinimizer, Iterate, Minimizer};
use crate::minimize::objective::Objective;
use crate::settings::Settings;
use crate::stop::Reason;

/// Why an iteration was the last.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// No element of the gradient is larger than this, which is within `tolerance_grad`.
    Gradient(f64),
    /// The derivative along the direction is this, no further below zero than `tolerance_change`.
    Derivative(f64),
    /// No coordinate moved by more than this, which is within `tolerance_change`.
    Change(f64),
    /// The value changed by this, less than `tolerance_change`.
    Value(f64),
    /// The line search found no lower point, although the derivative promises that the function falls by this.
    NoDescent(f64),
    /// The step has had its iterations.
    Iterations,
}

impl End {
    /// Why it was the last of all; `None` where only a step is over.
    fn reason(self) -> Option<Reason> {
        let converged = |what| Some(Reason::Converged { what });
        match self {
            Self::Gradient(x) => converged(format!("no element of the gradient is larger than {x:.3e}")),
            Self::Derivative(x) => converged(format!("the derivative along the direction is {x:.3e}")),
            Self::Change(x) => converged(format!("no coordinate moved by more than {x:.3e}")),
            Self::Value(x) => converged(format!("the function changed by {x:.3e}")),
            Self::NoDescent(promised) => Some(Reason::LineSearch { promised }),
            Self::Iterations => None,
        }
    }
}

/// [L-BFGS](Lbfgs) with what it remembers, a step at a time.
///
/// ```
/// use steepest::{Lbfgs, LbfgsMinimizer};
/// let mut bowl = |x: &[f64], g: &mut [f64]| {
///     (g[0], g[1]) = (2.0 * x[0], 20.0 * x[1]);
///     x[0] * x[0] + 10.0 * x[1] * x[1]
/// };
/// let mut theta = [3.0, 1.0];
/// let mut lbfgs = LbfgsMinimizer::new(Lbfgs::default(), 2)?;
/// let before = lbfgs.step(1.0, &mut bowl, &mut theta)?;
/// assert_eq!(before, 19.0);
/// assert!(theta.iter().all(|x| x.abs() < 1e-6));
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LbfgsMinimizer {
    settings: Lbfgs,
    iterations: u64,
    evaluations: u64,
    history: History,
    /// Where the last iteration ended.
    at: Iterate<f64>,
    last_gradient: Vec<f64>,
    direction: Vec<f64>,
    /// How far the last iteration went along its direction.
    t: f64,
    search: StrongWolfe,
    /// What part of its value the function may be off by: half the digits of its type.
    noise: f64,
}

impl LbfgsMinimizer {
    /// A minimizer of functions of `len` coordinates.
    ///
    /// # Errors
    /// Settings outside their range.
    pub fn new(settings: Lbfgs, len: usize) -> Result<Self> {
        settings.check_ranges()?;
        let zeros = || vec![0.0; len];
        Ok(Self {
            history: History::new(settings.history_size),
            settings,
            iterations: 0,
            evaluations: 0,
            at: Iterate::new(zeros()),
            last_gradient: zeros(),
            direction: zeros(),
            t: 0.0,
            search: StrongWolfe::new(len),
            noise: f64::EPSILON.sqrt(),
        })
    }

    /// Iterations so far.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// Evaluations of the function so far.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// The gradient that was computed last at a point that was kept.
    pub fn gradient(&self) -> &[f64] {
        &self.at.gradient
    }

    /// The value that was computed last at a point that was kept.
    pub fn value(&self) -> f64 {
        self.at.value
    }

    /// A step of up to `max_iter` iterations, as one call of torch's `step`: evaluates at `theta` first.
    /// Returns the value there.
    ///
    /// # Errors
    /// A learning rate that is not a number of at least 0, a point of another length, a function that is not
    /// finite at `theta`.
    pub fn step(&mut self, lr: f64, mut objective: impl Objective<f64>, theta: &mut [f64]) -> Result<f64> {
        self.check(lr, theta.len())?;
        self.at.theta.copy_from_slice(theta);
        self.at.evaluate(&mut objective);
        let first = self.begin()?;
        if largest(&self.at.gradient) <= self.settings.tolerance_grad {
            return Ok(first);
        }
        let mut evaluations = 1;
        for iteration in 1..=self.settings.max_iter {
            let before = self.evaluations;
            let last = iteration == self.settings.max_iter;
            let left = self.settings.max_eval.saturating_sub(evaluations);
            let end = self.iterate(lr, &mut objective, left, last);
            evaluations += self.evaluations - before;
            if end.is_some() || evaluations >= self.settings.max_eval {
                break;
            }
        }
        theta.copy_from_slice(&self.at.theta);
        Ok(first)
    }

    fn check(&self, lr: f64, len: usize) -> Result<()> {
        let (step, expected) = (self.iterations, self.at.theta.len());
        if !(lr >= 0.0 && lr.is_finite()) {
            let expected = "a finite number of at least 0";
            return Err(Error::BadArgument { step, what: "the learning rate", value: lr, expected });
        }
        if len != expected {
            let tensor = "theta".to_owned();
            return Err(Error::Length { step, what: "parameter", tensor, expected, found: len });
        }
        Ok(())
    }

    /// Counts the evaluation that iterations begin with, and gives its value.
    fn begin(&mut self) -> Result<f64> {
        self.evaluations += 1;
        let Iterate { value, gradient, .. } = &self.at;
        match std::iter::once(value).chain(gradient).find(|x| !x.is_finite()) {
            Some(value) => Err(Error::NonFiniteObjective { step: self.iterations, value: *value }),
            None => Ok(*value),
        }
    }

    /// One iteration from a point where value and gradient are known: at most `evaluations` of them, and one
    /// more. With a fixed step, value and gradient at its end are left out if it is the `last`.
    fn iterate(
        &mut self,
        lr: f64,
        objective: &mut dyn Objective<f64>,
        evaluations: u64,
        last: bool,
    ) -> Option<End> {
        self.iterations += 1;
        if self.iterations == 1 {
            self.t = 1.0f64.min(1.0 / self.at.gradient.iter().map(|g| g.abs()).sum::<f64>()) * lr;
        } else {
            self.history.update(&self.at.gradient, &self.last_gradient, &self.direction, self.t);
            self.t = lr;
        }
        self.history.direction(&self.at.gradient, &mut self.direction);
        self.last_gradient.copy_from_slice(&self.at.gradient);
        let last_value = self.at.value;
        let derivative = dot(&self.at.gradient, &self.direction);
        let Lbfgs { tolerance_grad, tolerance_change, .. } = self.settings;
        if derivative > -tolerance_change {
            return Some(End::Derivative(derivative));
        }
        match self.settings.line_search {
            LineSearch::StrongWolfe => {
                let Iterate { theta, value, gradient } = &mut self.at;
                let line =
                    Line { objective, start: theta, direction: &self.direction, value: *value, derivative };
                let found = self.search.search(line, gradient, self.t, evaluations, tolerance_change);
                // half of what the derivative promises, as along a parabola to its minimum
                let promised = -0.5 * derivative * self.t;
                (self.t, *value) = (found.t, found.value);
                self.evaluations += found.evaluations;
                self.take_step();
                // what is less than the function's own rounding, no search can find
                if self.t == 0.0 && promised > tolerance_change + self.noise * last_value.abs() {
                    return Some(End::NoDescent(promised));
                }
            }
            LineSearch::Fixed => {
                self.take_step();
                if !last {
                    self.at.evaluate(objective);
                    self.evaluations += 1;
                }
            }
        }
        let (steepest, moved) = (largest(&self.at.gradient), (self.t * largest(&self.direction)).abs());
        let change = (self.at.value - last_value).abs();
        if last {
            Some(End::Iterations)
        } else if steepest <= tolerance_grad {
            Some(End::Gradient(steepest))
        } else if moved <= tolerance_change {
            Some(End::Change(moved))
        } else if change < tolerance_change {
            Some(End::Value(change))
        } else {
            None
        }
    }

    fn take_step(&mut self) {
        for (theta, d) in self.at.theta.iter_mut().zip(&self.direction) {
            *theta += self.t * d;
        }
    }
}

impl<T: Float> Minimizer<T> for LbfgsMinimizer {
    fn advance(
        &mut self,
        lr: f64,
        objective: &mut dyn Objective<T>,
        at: &mut Iterate<T>,
    ) -> Result<Option<Reason>> {
        if self.evaluations == 0 {
            self.check(lr, at.theta.len())?;
            widen(&at.theta, &mut self.at.theta);
            widen(&at.gradient, &mut self.at.gradient);
            self.at.value = at.value.wide();
            if T::DTYPE != DType::F64 {
                self.noise = f64::from(f32::EPSILON).sqrt();
            }
            self.begin()?;
        }
        let mut in_f64 = |theta: &[f64], gradient: &mut [f64]| {
            round(theta, &mut at.theta);
            at.evaluate(objective);
            widen(&at.gradient, gradient);
            at.value.wide()
        };
        let end = self.iterate(lr, &mut in_f64, self.settings.max_eval, false);
        // the last evaluation may have been elsewhere
        round(&self.at.theta, &mut at.theta);
        round(&self.at.gradient, &mut at.gradient);
        at.value = T::of(self.at.value);
        Ok(end.and_then(End::reason))
    }
}

impl<T: Float> IntoMinimizer<T> for Lbfgs {
    fn into_minimizer(self: Box<Self>, len: usize, clip: Clips) -> Result<Box<dyn Minimizer<T>>> {
        if !clip.is_empty() {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: "its line search needs the gradient as it is, not a clipped one".to_owned(),
                remedy: "leave clipping away".to_owned(),
            });
        }
        Ok(Box::new(LbfgsMinimizer::new(*self, len)?))
    }
}

fn widen<T: Float>(x: &[T], wide: &mut [f64]) {
    wide.iter_mut().zip(x).for_each(|(wide, x)| *wide = x.wide());
}

fn round<T: Float>(wide: &[f64], x: &mut [T]) {
    x.iter_mut().zip(wide).for_each(|(x, wide)| *x = T::of(*wide));
}
