//! The line search of L-BFGS: how far to go along a direction, by the strong Wolfe conditions.

use super::vector::{dot, largest};
use crate::minimize::objective::Objective;

/// What the value goes down by at least, as a fraction of what the derivative at the start promises.
const SUFFICIENT_DECREASE: f64 = 1e-4;

/// What the derivative falls to at most, as a fraction of that at the start.
const CURVATURE: f64 = 0.9;

/// An objective along a line: φ(t) = f(θ + t·d).
pub(super) struct Line<'a> {
    pub objective: &'a mut dyn Objective<f64>,
    /// θ.
    pub start: &'a [f64],
    /// d.
    pub direction: &'a [f64],
    /// φ(0).
    pub value: f64,
    /// φ′(0).
    pub derivative: f64,
}

impl Line<'_> {
    fn is_too_high(&self, at: &LinePoint) -> bool {
        at.value > self.value + SUFFICIENT_DECREASE * at.t * self.derivative
    }

    fn is_flat(&self, at: &LinePoint) -> bool {
        at.derivative.abs() <= -CURVATURE * self.derivative
    }
}

/// A point of a line.
#[derive(Debug, Clone)]
struct LinePoint {
    t: f64,
    /// φ(t).
    value: f64,
    /// φ′(t).
    derivative: f64,
    /// ∇f(θ + t·d).
    gradient: Vec<f64>,
}

impl LinePoint {
    fn new(len: usize) -> Self {
        Self { t: 0.0, value: 0.0, derivative: 0.0, gradient: vec![0.0; len] }
    }

    /// Becomes the start of the line.
    fn set_start(&mut self, line: &Line<'_>, gradient: &[f64]) {
        (self.t, self.value, self.derivative) = (0.0, line.value, line.derivative);
        self.gradient.copy_from_slice(gradient);
    }

    fn set(&mut self, other: &Self) {
        (self.t, self.value, self.derivative) = (other.t, other.value, other.derivative);
        self.gradient.copy_from_slice(&other.gradient);
    }
}

/// Where a search ended.
pub(super) struct Found {
    pub t: f64,
    /// φ(t).
    pub value: f64,
    /// How many evaluations it took.
    pub evaluations: u64,
}

/// How going farther and farther ended.
#[derive(PartialEq)]
enum Extrapolated {
    /// The trial meets the conditions.
    Met,
    /// The trial has passed a point that does.
    TooFar,
    /// No evaluation is left.
    Exhausted,
}

/// A line search with its workspace.
#[derive(Debug, Clone)]
pub(super) struct StrongWolfe {
    /// θ + t·d.
    theta: Vec<f64>,
    /// The point that was evaluated last.
    trial: LinePoint,
    /// The interval that holds what is looked for.
    bracket: [LinePoint; 2],
    /// Evaluations of this search.
    evaluations: u64,
}

impl StrongWolfe {
    pub fn new(len: usize) -> Self {
        let point = || LinePoint::new(len);
        Self { theta: vec![0.0; len], trial: point(), bracket: [point(), point()], evaluations: 0 }
    }

    /// Looks for a point with the strong Wolfe conditions, by at most `most` evaluations after that at
    /// `first`; without success, for a low one. `gradient` is that of the start, and becomes that of the
    /// point that was found.
    ///
    /// With `smallest` it ends, too, when no coordinate changes by more within the bracket.
    pub fn search(
        &mut self,
        mut line: Line<'_>,
        gradient: &mut Vec<f64>,
        first: f64,
        most: u64,
        smallest: f64,
    ) -> Found {
        let line = &mut line;
        // the near end of the bracket begins where the search does
        self.bracket[0].set_start(line, gradient);
        self.evaluations = 0;
        self.evaluate(line, first);
        let found = match self.extrapolate(line, most) {
            Extrapolated::Met => &mut self.trial,
            end => {
                let [near, far] = &mut self.bracket;
                if end == Extrapolated::Exhausted {
                    // the better of the start and here
                    near.set_start(line, gradient);
                }
                far.set(&self.trial);
                let low = self.zoom(line, most, smallest);
                &mut self.bracket[low]
            }
        };
        std::mem::swap(gradient, &mut found.gradient);
        Found { t: found.t, value: found.value, evaluations: self.evaluations }
    }

    /// Goes farther until the trial meets the conditions, or has passed a point that does.
    fn extrapolate(&mut self, line: &mut Line<'_>, most: u64) -> Extrapolated {
        while self.tries() < most {
            let ([near, _], trial) = (&self.bracket, &self.trial);
            if line.is_too_high(trial) || (self.tries() > 1 && trial.value >= near.value) {
                return Extrapolated::TooFar;
            }
            if line.is_flat(trial) {
                return Extrapolated::Met;
            }
            if trial.derivative >= 0.0 {
                return Extrapolated::TooFar;
            }
            let bounds = (trial.t + 0.01 * (trial.t - near.t), 10.0 * trial.t);
            let t = cubic_minimum(near, trial, bounds);
            self.bracket[0].set(&self.trial);
            self.evaluate(line, t);
        }
        Extrapolated::Exhausted
    }

    /// Makes the bracket smaller until a point in it meets the conditions. Gives the end of it with the lower
    /// value.
    fn zoom(&mut self, line: &mut Line<'_>, most: u64, smallest: f64) -> usize {
        let size = largest(line.direction);
        let [near, far] = &self.bracket;
        let mut low = usize::from(near.value > far.value || near.value.is_nan());
        let mut little_progress = false;
        while self.tries() < most {
            let [one, two] = &self.bracket;
            if (two.t - one.t).abs() * size < smallest {
                break;
            }
            let (left, right) = (one.t.min(two.t), one.t.max(two.t));
            let mut t = cubic_minimum(one, two, (left, right));
            // a point close to an end tells little: at the second in a row, go further inside
            let inside = 0.1 * (right - left);
            if (right - t).min(t - left) < inside {
                if little_progress || t >= right || t <= left {
                    t = if (t - right).abs() < (t - left).abs() { right - inside } else { left + inside };
                    little_progress = false;
                } else {
                    little_progress = true;
                }
            } else {
                little_progress = false;
            }
            self.evaluate(line, t);
            let (high, trial) = (1 - low, &self.trial);
            if line.is_too_high(trial) || trial.value >= self.bracket[low].value {
                self.bracket[high].set(trial);
                low = usize::from(self.bracket[0].value > self.bracket[1].value);
                continue;
            }
            let done = line.is_flat(trial);
            if !done && trial.derivative * (self.bracket[high].t - self.bracket[low].t) >= 0.0 {
                let [one, two] = &mut self.bracket;
                if high == 0 { one.set(two) } else { two.set(one) }
            }
            self.bracket[low].set(trial);
            if done {
                break;
            }
        }
        low
    }

    /// Evaluations after the first.
    fn tries(&self) -> u64 {
        self.evaluations - 1
    }

    fn evaluate(&mut self, line: &mut Line<'_>, t: f64) {
        for ((theta, start), d) in self.theta.iter_mut().zip(line.start).zip(line.direction) {
            *theta = start + t * d;
        }
        let trial = &mut self.trial;
        trial.t = t;
        trial.value = line.objective.value_and_gradient(&self.theta, &mut trial.gradient);
        self.evaluations += 1;
        trial.derivative = dot(&trial.gradient, line.direction);
        if !(trial.value.is_finite() && trial.derivative.is_finite()) {
            // too far: higher than anything, and going up
            (trial.value, trial.derivative) = (f64::INFINITY, f64::INFINITY);
        }
    }
}

/// Where the cubic through two points with their derivatives has its minimum, within `bounds`.
fn cubic_minimum(one: &LinePoint, two: &LinePoint, (low, high): (f64, f64)) -> f64 {
    let (left, right) = if one.t <= two.t { (one, two) } else { (two, one) };
    let d1 = one.derivative + two.derivative - 3.0 * (one.value - two.value) / (one.t - two.t);
    let square = d1 * d1 - one.derivative * two.derivative;
    let d2 = square.sqrt();
    let t = right.t
        - (right.t - left.t)
            * ((right.derivative + d2 - d1) / (right.derivative - left.derivative + 2.0 * d2));
    // no minimum, or a function that is not finite: the middle
    if t.is_nan() { (low + high) / 2.0 } else { t.max(low).min(high) }
}
