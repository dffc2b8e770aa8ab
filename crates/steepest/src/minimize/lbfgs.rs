//! L-BFGS: curvature from the last gradients, and a line search.

use crate::error::{Error, Result};
use crate::settings::{Range, Settings};
use std::collections::VecDeque;

crate::word_setting! {
    /// How far L-BFGS goes along its direction.
    pub enum LineSearch {
        /// Until the value is low enough and the slope flat enough (the strong Wolfe conditions).
        #[default]
        StrongWolfe = "strong_wolfe",
        /// By the learning rate.
        Fixed = "none",
    }
}

crate::settings! {
    /// Newton's method with a curvature that is estimated from the last steps, for smooth functions without noise.
    ///
    /// It needs the function itself, not a gradient: it evaluates it several times in a step. Use it with
    /// [`Minimize::lbfgs`](crate::Minimize::lbfgs), or a step at a time with [`LbfgsMinimizer`].
    ///
    /// # Formula
    /// With yₖ = gₖ₊₁ − gₖ, sₖ = θₖ₊₁ − θₖ and ρₖ = 1/(yₖᵀsₖ) of the last history_size iterations that had yᵀs > 1e-10:
    /// ```text
    /// q ← −g;   for k from the last to the first:  aₖ ← ρₖ sₖᵀq;  q ← q − aₖyₖ
    /// d ← q · yᵀs/yᵀy of the last pair
    /// for k from the first to the last:            d ← d + (aₖ − ρₖ yₖᵀd) sₖ
    /// θ ← θ + t·d
    /// ```
    /// t is tried first as min(1, 1/‖g‖₁)·η in the very first iteration and as η afterwards. The line search then looks for
    /// f(θ + td) ≤ f(θ) + 1e-4·t·gᵀd and |g(θ + td)ᵀd| ≤ 0.9·|gᵀd| by cubic interpolation. η is 1 as a rule.
    ///
    /// An iteration is the last of its step, and for [`Minimize`](crate::Minimize) of the run, when max|g| ≤ tolerance_grad, gᵀd > −tolerance_change,
    /// max|td| ≤ tolerance_change, or |Δf| < tolerance_change; of a step also after max_iter iterations or max_eval evaluations.
    ///
    /// # State
    /// `history_size` pairs of vectors, and eight vectors: 8·(2·history_size + 8) bytes per coordinate. Pairs are allocated as
    /// they come.
    ///
    /// # Differences
    /// torch: none, but its default is a fixed step, and where the function is not finite on the way, the search turns back here.
    /// optax has history 10, takes every pair with yᵀs ≠ 0, and another line search.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Lbfgs, Minimize, stop::Stop};
    /// let rosenbrock = |x: &[f64], g: &mut [f64]| {
    ///     let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    ///     g[0] = -2.0 * a - 400.0 * x[0] * b;
    ///     g[1] = 200.0 * b;
    ///     a * a + 100.0 * b * b
    /// };
    /// let minimum = Minimize::lbfgs(Lbfgs::default(), 1.0, Stop::max_steps(100)).run(rosenbrock, &[-1.2, 1.0])?;
    /// assert!(minimum.value < 1e-8 && minimum.steps < 40);
    /// assert_eq!(minimum.reason.stopped_by(), "converged");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Liu & Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical Programming 45, 1989;
    /// the line search: Nocedal & Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6 and equation 3.59.
    pub struct Lbfgs("lbfgs") {
        /// pairs of vectors that are remembered
        history_size: u64 = 100, Range::AT_LEAST_ONE;
        /// iterations of one step at most
        max_iter: u64 = 20, Range::AT_LEAST_ONE;
        /// evaluations of one step at most; the last line search may end it a little later
        max_eval: u64 = 25, Range::AT_LEAST_ONE;
        /// ends when no element of the gradient is larger
        tolerance_grad: f64 = 1e-7, Range::NON_NEGATIVE;
        /// ends when no coordinate, or not the value, changes by more
        tolerance_change: f64 = 1e-9, Range::NON_NEGATIVE;
        /// how far to go along the direction
        line_search: LineSearch = LineSearch::StrongWolfe, Range::FINITE;
    }
}

/// Why an iteration of L-BFGS was the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// No element of the gradient is larger than this, which is within `tolerance_grad`.
    Gradient(f64),
    /// The direction goes down by this slope only, or up: no further than `tolerance_change`.
    Slope(f64),
    /// No coordinate moved by more than this, which is within `tolerance_change`.
    Change(f64),
    /// The value changed by this, less than `tolerance_change`.
    Value(f64),
    /// The step has had its iterations.
    Iterations,
}

impl End {
    /// What has converged, in words; `None` where only a step is over.
    pub fn converged(&self) -> Option<String> {
        match self {
            Self::Gradient(x) => Some(format!("no element of the gradient is larger than {x:.3e}")),
            Self::Slope(x) => Some(format!("the slope along the direction is {x:.3e}")),
            Self::Change(x) => Some(format!("no coordinate moved by more than {x:.3e}")),
            Self::Value(x) => Some(format!("the function changed by {x:.3e}")),
            Self::Iterations => None,
        }
    }
}

/// A pair of vectors that holds curvature.
#[derive(Debug, Clone)]
struct Pair {
    y: Vec<f64>,
    s: Vec<f64>,
    rho: f64,
}

/// A point on the line of a search.
#[derive(Debug, Clone, Default)]
struct Trial {
    t: f64,
    value: f64,
    gradient: Vec<f64>,
    slope: f64,
}

impl Trial {
    fn set(&mut self, other: &Self) {
        (self.t, self.value, self.slope) = (other.t, other.value, other.slope);
        self.gradient.copy_from_slice(&other.gradient);
    }
}

/// [L-BFGS](Lbfgs) with its memory, a step at a time.
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
    pairs: VecDeque<Pair>,
    /// The scale of the first guess of the inverse curvature.
    scale: f64,
    direction: Vec<f64>,
    t: f64,
    value: f64,
    gradient: Vec<f64>,
    last_gradient: Vec<f64>,
    /// Work space: the coefficients of the two loops, the point of a trial, the trials of a search.
    coefficients: Vec<f64>,
    at: Vec<f64>,
    now: Trial,
    ends: [Trial; 2],
}

impl LbfgsMinimizer {
    /// A minimizer of functions of `len` coordinates.
    ///
    /// # Errors
    /// Settings outside their range.
    pub fn new(settings: Lbfgs, len: usize) -> Result<Self> {
        settings.check_ranges()?;
        let zeros = || vec![0.0; len];
        let trial = || Trial { gradient: zeros(), ..Trial::default() };
        Ok(Self {
            settings,
            iterations: 0,
            evaluations: 0,
            pairs: VecDeque::new(),
            scale: 1.0,
            direction: zeros(),
            t: 0.0,
            value: 0.0,
            gradient: zeros(),
            last_gradient: zeros(),
            coefficients: Vec::new(),
            at: zeros(),
            now: trial(),
            ends: [trial(), trial()],
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

    /// Evaluations of one step, or of one iteration where that is a step.
    pub(crate) fn most_evaluations(&self) -> u64 {
        self.settings.max_eval
    }

    /// The gradient that was computed last at a point that was kept.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The value that was computed last at a point that was kept.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// A step of up to `max_iter` iterations, as one call of torch's `step`: evaluates at `theta` first. Returns the
    /// value there.
    ///
    /// # Errors
    /// A learning rate that is not a number of at least 0, a point of another length, a function that is not finite at
    /// `theta`.
    pub fn step(
        &mut self,
        lr: f64,
        mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
        theta: &mut [f64],
    ) -> Result<f64> {
        let first = self.begin(lr, &mut f, theta)?;
        if largest(&self.gradient) <= self.settings.tolerance_grad {
            return Ok(first);
        }
        let mut evaluations = 1;
        for iteration in 1..=self.settings.max_iter {
            let before = self.evaluations;
            let last = iteration == self.settings.max_iter;
            let left = self.settings.max_eval.saturating_sub(evaluations);
            let end = self.iterate(lr, &mut f, theta, left, last);
            evaluations += self.evaluations - before;
            if end.is_some() || evaluations >= self.settings.max_eval {
                break;
            }
        }
        Ok(first)
    }

    /// Evaluates the function at `theta`.
    pub(crate) fn begin(
        &mut self,
        lr: f64,
        f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
        theta: &[f64],
    ) -> Result<f64> {
        let step = self.iterations;
        if !(lr >= 0.0 && lr.is_finite()) {
            let expected = "a finite number of at least 0";
            return Err(Error::BadArgument { step, what: "the learning rate", value: lr, expected });
        }
        if theta.len() != self.gradient.len() {
            let (tensor, expected) = ("theta".to_owned(), self.gradient.len());
            return Err(Error::Length { step, what: "parameter", tensor, expected, found: theta.len() });
        }
        self.value = f(theta, &mut self.gradient);
        self.evaluations += 1;
        if let Some(value) = std::iter::once(&self.value).chain(&self.gradient).find(|x| !x.is_finite()) {
            return Err(Error::NonFiniteObjective { step, value: *value });
        }
        Ok(self.value)
    }

    /// One iteration from `theta`, where value and gradient are known: at most `evaluations` of them, and one more.
    /// With a fixed step, value and gradient at its end are left out if it is the `last`.
    pub(crate) fn iterate(
        &mut self,
        lr: f64,
        f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
        theta: &mut [f64],
        evaluations: u64,
        last: bool,
    ) -> Option<End> {
        self.iterations += 1;
        if self.iterations == 1 {
            set(&mut self.direction, &self.gradient, |g| -g);
        } else {
            self.remember();
            self.aim();
        }
        self.last_gradient.copy_from_slice(&self.gradient);
        let last_value = self.value;
        let first_step = 1.0f64.min(1.0 / self.gradient.iter().map(|g| g.abs()).sum::<f64>());
        self.t = if self.iterations == 1 { first_step * lr } else { lr };
        let slope = dot(&self.gradient, &self.direction);
        let Lbfgs { tolerance_grad, tolerance_change, .. } = self.settings;
        if slope > -tolerance_change {
            return Some(End::Slope(slope));
        }
        match self.settings.line_search {
            LineSearch::StrongWolfe => {
                self.search(f, theta, slope, evaluations);
                self.walk(theta);
            }
            LineSearch::Fixed => {
                self.walk(theta);
                if !last {
                    self.value = f(theta, &mut self.gradient);
                    self.evaluations += 1;
                }
            }
        }
        let (steepest, moved) = (largest(&self.gradient), (self.t * largest(&self.direction)).abs());
        let change = (self.value - last_value).abs();
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

    fn walk(&self, theta: &mut [f64]) {
        for (theta, d) in theta.iter_mut().zip(&self.direction) {
            *theta += self.t * d;
        }
    }

    /// Takes in the pair of the last iteration, if it holds curvature.
    fn remember(&mut self) {
        let (mut curvature, mut square) = (0.0, 0.0);
        for ((g, old), d) in self.gradient.iter().zip(&self.last_gradient).zip(&self.direction) {
            let y = g - old;
            curvature += y * (d * self.t);
            square += y * y;
        }
        let positive = curvature > 1e-10;
        if !positive {
            return;
        }
        let full = self.pairs.len() as u64 == self.settings.history_size;
        let oldest = if full { self.pairs.pop_front() } else { None };
        let mut pair = oldest.unwrap_or_else(|| {
            let zeros = || vec![0.0; self.gradient.len()];
            Pair { y: zeros(), s: zeros(), rho: 0.0 }
        });
        for i in 0..self.gradient.len() {
            pair.y[i] = self.gradient[i] - self.last_gradient[i];
            pair.s[i] = self.direction[i] * self.t;
        }
        pair.rho = 1.0 / curvature;
        self.scale = curvature / square;
        self.pairs.push_back(pair);
        self.coefficients.resize(self.pairs.len(), 0.0);
    }

    /// The two loops: the direction, from the gradient and the pairs.
    fn aim(&mut self) {
        let d = &mut self.direction;
        set(d, &self.gradient, |g| -g);
        for (pair, a) in self.pairs.iter().zip(&mut self.coefficients).rev() {
            *a = dot(&pair.s, d) * pair.rho;
            add(d, -*a, &pair.y);
        }
        d.iter_mut().for_each(|d| *d *= self.scale);
        for (pair, a) in self.pairs.iter().zip(&self.coefficients) {
            let b = dot(&pair.y, d) * pair.rho;
            add(d, a - b, &pair.s);
        }
    }

    /// Evaluates at `theta` + t·direction, into `now`.
    fn evaluate(&mut self, f: &mut impl FnMut(&[f64], &mut [f64]) -> f64, theta: &[f64], t: f64) {
        for ((at, theta), d) in self.at.iter_mut().zip(theta).zip(&self.direction) {
            *at = theta + t * d;
        }
        let now = &mut self.now;
        now.t = t;
        now.value = f(&self.at, &mut now.gradient);
        self.evaluations += 1;
        now.slope = dot(&now.gradient, &self.direction);
        if !(now.value.is_finite() && now.slope.is_finite()) {
            // too far: higher than anything, and going up
            (now.value, now.slope) = (f64::INFINITY, f64::INFINITY);
        }
    }

    /// Looks for a point with the strong Wolfe conditions: leaves its `t`, value and gradient.
    fn search(
        &mut self,
        f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
        theta: &[f64],
        slope: f64,
        most: u64,
    ) {
        const ARMIJO: f64 = 1e-4;
        const CURVATURE: f64 = 0.9;
        let (value, size) = (self.value, largest(&self.direction));
        let too_high = |now: &Trial| now.value > value + ARMIJO * now.t * slope;
        let flat = |now: &Trial| now.slope.abs() <= -CURVATURE * slope;
        // the near end of the bracket begins where the search does
        let [near, far] = &mut self.ends;
        (near.t, near.value, near.slope) = (0.0, value, slope);
        near.gradient.copy_from_slice(&self.gradient);
        far.set(near);
        let mut tries = 0;
        self.evaluate(f, theta, self.t);
        let (mut done, mut bracketed) = (false, false);
        while tries < most {
            let [near, _] = &self.ends;
            let now = &self.now;
            if too_high(now) || (tries > 1 && now.value >= near.value) {
                bracketed = true;
                break;
            }
            if flat(now) {
                done = true;
                break;
            }
            if now.slope >= 0.0 {
                bracketed = true;
                break;
            }
            // lower, and still going down: farther
            let bounds = (now.t + 0.01 * (now.t - near.t), 10.0 * now.t);
            let t = cubic_minimum(near, now, bounds);
            self.ends[0].set(&self.now);
            self.evaluate(f, theta, t);
            tries += 1;
        }
        if done {
            self.keep_now();
            return;
        }
        if !bracketed {
            // no evaluation is left: the better of the start and here
            let [near, _] = &mut self.ends;
            (near.t, near.value, near.slope) = (0.0, value, slope);
            near.gradient.copy_from_slice(&self.gradient);
        }
        let [near, far] = &mut self.ends;
        far.set(&self.now);
        let mut low = usize::from(near.value > far.value || near.value.is_nan());
        let mut little_progress = false;
        while tries < most {
            let [one, two] = &self.ends;
            if (two.t - one.t).abs() * size < self.settings.tolerance_change {
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
            self.evaluate(f, theta, t);
            tries += 1;
            let high = 1 - low;
            if too_high(&self.now) || self.now.value >= self.ends[low].value {
                self.ends[high].set(&self.now);
                low = usize::from(self.ends[0].value > self.ends[1].value);
            } else {
                if flat(&self.now) {
                    done = true;
                } else if self.now.slope * (self.ends[high].t - self.ends[low].t) >= 0.0 {
                    let [one, two] = &mut self.ends;
                    if high == 0 { one.set(two) } else { two.set(one) }
                }
                self.ends[low].set(&self.now);
                if done {
                    break;
                }
            }
        }
        let best = &mut self.ends[low];
        (self.t, self.value) = (best.t, best.value);
        std::mem::swap(&mut self.gradient, &mut best.gradient);
    }

    fn keep_now(&mut self) {
        (self.t, self.value) = (self.now.t, self.now.value);
        std::mem::swap(&mut self.gradient, &mut self.now.gradient);
    }
}

/// Where the cubic through two points with their slopes has its minimum, within `bounds`.
fn cubic_minimum(one: &Trial, two: &Trial, (low, high): (f64, f64)) -> f64 {
    let (left, right) = if one.t <= two.t { (one, two) } else { (two, one) };
    let d1 = one.slope + two.slope - 3.0 * (one.value - two.value) / (one.t - two.t);
    let square = d1 * d1 - one.slope * two.slope;
    let d2 = square.sqrt();
    let t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2));
    // no minimum, or a function that is not finite: the middle
    if t.is_nan() { (low + high) / 2.0 } else { t.max(low).min(high) }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |most, x| if x.abs() > most || x.is_nan() { x.abs() } else { most })
}

fn set(to: &mut [f64], from: &[f64], what: impl Fn(f64) -> f64) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = what(*from));
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    to.iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}
