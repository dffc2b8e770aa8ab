//! A minimization from a start to its end.

use super::lbfgs::{Lbfgs, LbfgsMinimizer};
use crate::clip::Clip;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::optimizer::{Builder, Optimizer, StepArgs};
use crate::param::{Param, Slot};
use crate::rule::IntoRule;
use crate::schedule::{Constant, Schedule};
use crate::stop::{Progress, Reason, Stop, Stopper};
use std::time::Instant;

/// Minimizes `f` from `start` with an optimizer, a learning rate and a stop rule.
///
/// `f` takes a point and a place for the gradient there, which it fills, and returns its value; all
/// in `f64`, or all in `f32`. The learning rate is a number, or a number and a
/// [schedule](crate::schedule) (see [`LearningRate`]). For an observer, clipping, or another length
/// of the trace see [`Minimize`].
///
/// # Formula
/// ```text
/// θ_0 = start;   θ_{t+1} = step of the optimizer from θ_t with ∇f(θ_t) and η_t = base·factor(t)
/// until the stop rule, which sees f(θ_t) as loss and as metric, ‖∇f(θ_t)‖₂, t and the time
/// ```
/// The start is step 0 and is judged too: a start that is good enough takes no step.
///
/// # Errors
/// A start that is empty or not finite, a function that is not finite there or later
/// ([`Error::NonFiniteObjective`]; where a [divergence](Stop::divergence) or
/// [non-finite](Stop::non_finite) rule watches, it ends the run with its reason instead), a stop
/// rule that may never hold, and the optimizer's own errors.
///
/// # Example
/// Gradient descent on f(θ) = Σθ², from (1, 2), with α = 0.1. The gradient is 2θ, so each step
/// multiplies θ by 1 − 2α = 0.8, and θ_t = 0.8ᵗ·(1, 2):
///
/// ```
/// use steepest::{Sgd, minimize, stop::Stop};
/// let sum_of_squares = |theta: &[f64], g: &mut [f64]| {
///     for (g, x) in g.iter_mut().zip(theta) {
///         *g = 2.0 * x;
///     }
///     theta.iter().map(|x| x * x).sum()
/// };
/// let minimum = minimize(sum_of_squares, &[1.0, 2.0], Sgd::default(), 0.1, Stop::max_steps(50))?;
/// let shrunk = 0.8f64.powi(50);
/// assert!((minimum.theta[0] - shrunk).abs() < 1e-14 * shrunk);
/// assert!((minimum.theta[1] - 2.0 * shrunk).abs() < 1e-14 * shrunk);
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// Least squares: the line y = w·x + b through (1, 1), (2, 2), (3, 3), (4, 4), from w = b = 0 with
/// α = 0.01. Slope and intercept go to 1 and 0, and are not there after 1000 steps: the error in
/// the direction that both share shrinks by 0.997 a step only, which leaves 5 % of it:
///
/// ```
/// use steepest::{Sgd, minimize, stop::Stop};
/// let (xs, ys) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]);
/// let mean_squared_error = |theta: &[f64], g: &mut [f64]| {
///     let n = xs.len() as f64;
///     g.fill(0.0);
///     let mut loss = 0.0;
///     for (x, y) in xs.iter().zip(ys) {
///         let off = theta[0] * x + theta[1] - y;
///         loss += off * off / n;
///         g[0] += 2.0 * off * x / n;
///         g[1] += 2.0 * off / n;
///     }
///     loss
/// };
/// let stop = Stop::max_steps(1000);
/// let line = minimize(mean_squared_error, &[0.0, 0.0], Sgd::default(), 0.01, stop)?;
/// assert!((line.theta[0] - 0.99483).abs() < 1e-5); // the slope
/// assert!((line.theta[1] - 0.01521).abs() < 1e-5); // the intercept
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, 1847.
pub fn minimize<T: Float>(
    f: impl FnMut(&[T], &mut [T]) -> T,
    start: &[T],
    optimizer: impl IntoRule,
    rate: impl Into<LearningRate>,
    stop: impl Into<Stop>,
) -> Result<Minimum<T>> {
    Minimize::new(optimizer, rate, stop).run(f, start)
}

/// A learning rate over the steps of a run: `base · factor(t)`, t = 0, 1, …
///
/// From a number, it is constant; from a number and a schedule, the schedule gives the factor.
///
/// ```
/// use steepest::schedule::{Exponential, Schedule};
/// use steepest::{LearningRate, Sgd, minimize, stop::Stop};
/// let constant: LearningRate = 0.1.into();
/// assert_eq!(constant.at(7), 0.1);
/// let falling: LearningRate = (0.1, Exponential { gamma: 0.5, floor: 0.0 }).into();
/// assert_eq!(falling.at(2), 0.025);
/// # let f = |x: &[f64], g: &mut [f64]| { g[0] = 2.0 * x[0]; x[0] * x[0] };
/// minimize(f, &[3.0], Sgd::default(), (0.1, Exponential::default()), Stop::max_steps(10))?;
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug)]
pub struct LearningRate {
    base: f64,
    schedule: Box<dyn Schedule>,
}

impl LearningRate {
    /// The rate η of step `step`, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        self.base * self.schedule.factor(step)
    }
}

impl From<f64> for LearningRate {
    fn from(base: f64) -> Self {
        (base, Constant::default()).into()
    }
}

impl<S: Schedule + 'static> From<(f64, S)> for LearningRate {
    fn from((base, schedule): (f64, S)) -> Self {
        Self { base, schedule: Box::new(schedule) }
    }
}

impl From<(f64, Box<dyn Schedule>)> for LearningRate {
    fn from((base, schedule): (f64, Box<dyn Schedule>)) -> Self {
        Self { base, schedule }
    }
}

/// A point of a run, and the function there.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<T> {
    /// Steps taken to come here; 0 is the start.
    pub step: u64,
    /// Where.
    pub theta: Vec<T>,
    /// f(θ).
    pub value: T,
    /// ‖∇f(θ)‖₂.
    pub gradient_norm: f64,
}

/// A point of a run as an observer sees it.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a, T> {
    /// Steps taken to come here; 0 is the start.
    pub step: u64,
    /// Where.
    pub theta: &'a [T],
    /// f(θ).
    pub value: T,
    /// ∇f(θ).
    pub gradient: &'a [T],
    /// ‖∇f(θ)‖₂.
    pub gradient_norm: f64,
    /// The learning rate of the step that would leave it.
    pub lr: f64,
}

impl<T: Float> Visit<'_, T> {
    fn to_point(self) -> Point<T> {
        let Self { step, theta, value, gradient_norm, .. } = self;
        Point { step, theta: theta.to_vec(), value, gradient_norm }
    }
}

/// Where a run ended, the best point on the way, and why it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum<T> {
    /// The last point.
    pub theta: Vec<T>,
    /// f(θ) there.
    pub value: T,
    /// ‖∇f(θ)‖₂ there.
    pub gradient_norm: f64,
    /// Steps taken.
    pub steps: u64,
    /// The point with the smallest value, the first of equals.
    pub best: Point<T>,
    /// Why it ended. Its sentences call f the training loss.
    pub reason: Reason,
    /// Points of the way, evenly spaced in steps, the first and the last among them; see
    /// [`Minimize::trace`].
    pub trace: Vec<Point<T>>,
}

/// [`minimize`] with everything that it leaves at its default.
///
/// ```
/// use steepest::{Clip, Minimize, RmsProp, stop::Stop};
/// let steep = |x: &[f64], g: &mut [f64]| { g[0] = 4.0 * x[0].powi(3); x[0].powi(4) };
/// let mut shown = 0;
/// let minimum = Minimize::new(RmsProp::default(), 0.01, Stop::target_loss(1e-6) | Stop::max_steps(10_000))
///     .clip(Clip::GlobalNorm(1.0))
///     .trace(100)
///     .run_observed(steep, &[10.0], |at| shown += usize::from(at.step % 100 == 0))?;
/// assert_eq!(minimum.reason.stopped_by(), "target_loss");
/// assert!(shown > 0 && minimum.trace.len() <= 101);
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug)]
pub struct Minimize {
    method: Method,
    rate: LearningRate,
    stop: Stop,
    trace_points: usize,
}

/// What leads from one point to the next.
#[derive(Debug)]
enum Method {
    Step(Box<Builder>),
    Lbfgs(Lbfgs),
    /// L-BFGS with what it cannot take.
    Refused(Error),
}

/// Numbers that a trace holds at most: 8 MB in f64.
const TRACE_NUMBERS: usize = 1 << 20;

impl Minimize {
    /// What [`minimize`] does.
    pub fn new(optimizer: impl IntoRule, rate: impl Into<LearningRate>, stop: impl Into<Stop>) -> Self {
        let (rate, stop) = (rate.into(), stop.into());
        let method = Method::Step(Box::new(Optimizer::builder(optimizer)));
        Self { method, rate, stop, trace_points: 1000 }
    }

    /// Minimizes by [L-BFGS](Lbfgs): a step is one of its iterations, with up to `max_eval` evaluations. The learning rate is
    /// 1 as a rule. It ends where L-BFGS has converged, too ([`Reason::Converged`]). In `f32` its own numbers are in
    /// `f64`.
    pub fn lbfgs(settings: Lbfgs, rate: impl Into<LearningRate>, stop: impl Into<Stop>) -> Self {
        let (rate, stop) = (rate.into(), stop.into());
        Self { method: Method::Lbfgs(settings), rate, stop, trace_points: 1000 }
    }

    /// Bounds the gradient; default: not at all.
    pub fn clip(self, clip: impl Into<Option<Clip>>) -> Self {
        let method = match (self.method, clip.into()) {
            (Method::Step(builder), clip) => Method::Step(Box::new(builder.clip(clip))),
            (Method::Lbfgs(_), Some(_)) => Method::Refused(Error::Conflict {
                owner: "lbfgs",
                conflict: "its line search needs the gradient as it is, not a clipped one".to_owned(),
                remedy: "leave clipping away".to_owned(),
            }),
            (method, _) => method,
        };
        Self { method, ..self }
    }

    /// Keeps at most `points` points of the way, and the last; default 1000, fewer where a point
    /// has more than a thousand coordinates (a trace holds a million numbers at most). A run that
    /// is longer keeps every second step, every fourth, and so on.
    pub fn trace(self, points: usize) -> Self {
        Self { trace_points: points, ..self }
    }

    /// Minimizes `f` from `start`.
    ///
    /// # Errors
    /// As [`minimize`].
    pub fn run<T: Float>(self, f: impl FnMut(&[T], &mut [T]) -> T, start: &[T]) -> Result<Minimum<T>> {
        self.run_observed(f, start, |_| ())
    }

    /// Minimizes `f` from `start` and shows every point to `observer`, the start and the last too.
    ///
    /// # Errors
    /// As [`minimize`].
    pub fn run_observed<T: Float>(
        mut self,
        mut f: impl FnMut(&[T], &mut [T]) -> T,
        start: &[T],
        mut observer: impl FnMut(Visit<'_, T>),
    ) -> Result<Minimum<T>> {
        check_start(start)?;
        let mut stopper = self.stopper()?;
        let mut trace = Trace::new(self.trace_points.min(TRACE_NUMBERS / start.len()));
        let mut theta = start.to_vec();
        let mut gradient = vec![T::ZERO; start.len()];
        let method = std::mem::replace(&mut self.method, Method::Lbfgs(Lbfgs::default()));
        let mut way = Way::new(method, start)?;
        let mut value = f(&theta, &mut gradient);
        let mut converged = None;
        let mut best: Option<Point<T>> = None;
        let begin = Instant::now();
        for step in 0.. {
            let (lr, gradient_norm) = (self.rate.at(step), norm(&gradient));
            let (theta_now, gradient_now) = (theta.as_slice(), gradient.as_slice());
            let visit = Visit { step, theta: theta_now, value, gradient: gradient_now, gradient_norm, lr };
            if step == 0 && !value.is_finite() {
                return Err(Error::NonFiniteObjective { step, value: value.into() });
            }
            observer(visit);
            trace.see(visit);
            if best.as_ref().is_none_or(|best| value < best.value) {
                best = Some(visit.to_point());
            }
            let reason = stopper.observe(&Progress {
                step,
                elapsed: begin.elapsed(),
                loss: Some(value.into()),
                metric: Some(value.into()),
                gradient_norm: Some(gradient_norm),
                non_finite: non_finite(visit),
                ..Progress::default()
            });
            if let (Some(reason), Some(best)) = (reason.or(converged), best.as_ref()) {
                let (best, trace) = (best.clone(), trace.finish(visit));
                return Ok(Minimum { value, gradient_norm, steps: step, best, reason, trace, theta });
            }
            if !value.is_finite() {
                return Err(Error::NonFiniteObjective { step, value: value.into() });
            }
            converged = way.advance(lr, &mut f, &mut theta, &mut value, &mut gradient)?;
        }
        unreachable!("2⁶⁴ steps take longer than any machine lasts")
    }

    /// Watches the stop rules, once all is known to end and to have a length.
    fn stopper(&mut self) -> Result<Stopper> {
        if !ends(&self.stop) {
            return Err(Error::Conflict {
                owner: "minimize",
                conflict: "these stop rules may never hold".to_owned(),
                remedy: "add a limit, such as `| Stop::max_steps(10_000)`".to_owned(),
            });
        }
        if let Some(steps) = most_steps(&self.stop) {
            self.rate.schedule.resolve(steps);
        }
        self.rate.schedule.ready()?;
        Ok(Stopper::new(self.stop.clone())?.with_metric_name("function value"))
    }
}

/// A method at work.
enum Way {
    Step(Box<Optimizer>),
    /// With point and gradient in f64.
    Lbfgs(Box<LbfgsMinimizer>, Vec<f64>),
}

impl Way {
    fn new<T: Float>(method: Method, start: &[T]) -> Result<Self> {
        match method {
            Method::Step(builder) => {
                Ok(Self::Step(Box::new(builder.build([Param::new("theta", [start.len()], T::DTYPE)])?)))
            }
            Method::Lbfgs(settings) => {
                let theta = start.iter().map(|x| x.wide()).collect();
                Ok(Self::Lbfgs(Box::new(LbfgsMinimizer::new(settings, start.len())?), theta))
            }
            Method::Refused(error) => Err(error),
        }
    }

    /// The next point, and value and gradient there; a reason if there is none after it.
    fn advance<T: Float>(
        &mut self,
        lr: f64,
        f: &mut impl FnMut(&[T], &mut [T]) -> T,
        theta: &mut [T],
        value: &mut T,
        gradient: &mut [T],
    ) -> Result<Option<Reason>> {
        match self {
            Self::Step(optimizer) => {
                let slot = Slot::of(theta, gradient);
                let args = StepArgs { loss: Some((*value).into()), ..StepArgs::from(lr) };
                optimizer.step(args, &mut [slot])?;
                *value = f(theta, gradient);
                Ok(None)
            }
            Self::Lbfgs(lbfgs, wide) => {
                let round = |to: &mut [T], from: &[f64]| {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = T::of(*from));
                };
                if lbfgs.evaluations() == 0 {
                    // at the start, value and gradient are known
                    lbfgs.begin(lr, &mut |_, g| widen(gradient, g, *value), wide)?;
                }
                let most = lbfgs.most_evaluations();
                let mut f = |at: &[f64], g: &mut [f64]| {
                    round(theta, at);
                    let value = f(theta, gradient);
                    widen(gradient, g, value)
                };
                let end = lbfgs.iterate(lr, &mut f, wide, most, false);
                round(theta, wide);
                round(gradient, lbfgs.gradient());
                *value = T::of(lbfgs.value());
                Ok(end.and_then(|end| end.converged()).map(|what| Reason::Converged { what }))
            }
        }
    }
}

fn widen<T: Float>(gradient: &[T], wide: &mut [f64], value: T) -> f64 {
    wide.iter_mut().zip(gradient).for_each(|(wide, g)| *wide = g.wide());
    value.wide()
}

fn check_start<T: Float>(start: &[T]) -> Result<()> {
    if start.is_empty() {
        return Err(Error::Conflict {
            owner: "minimize",
            conflict: "the start has no coordinates".to_owned(),
            remedy: "give at least one".to_owned(),
        });
    }
    match start.iter().find(|x| !x.is_finite()) {
        None => Ok(()),
        Some(x) => Err(Error::BadArgument {
            step: 0,
            what: "a coordinate of the start",
            value: (*x).into(),
            expected: "finite numbers",
        }),
    }
}

/// Whether a rule must hold sooner or later, whatever the function does. `no_improvement` must: a
/// value cannot go down for ever, since there are finitely many floats.
fn ends(stop: &Stop) -> bool {
    match stop {
        Stop::MaxSteps(_) | Stop::MaxTime(_) | Stop::NoImprovement(_) => true,
        Stop::Any(rules) => rules.iter().any(ends),
        // `no_improvement` may take its verdict back while the others wait
        Stop::All(rules) => rules.iter().all(|rule| ends(rule) && !improves(rule)),
        _ => false,
    }
}

fn improves(stop: &Stop) -> bool {
    match stop {
        Stop::NoImprovement(_) => true,
        Stop::Any(rules) | Stop::All(rules) => rules.iter().any(improves),
        _ => false,
    }
}

/// The steps after which a run has ended at the latest, where a rule says so.
fn most_steps(stop: &Stop) -> Option<u64> {
    match stop {
        Stop::MaxSteps(rule) => Some(rule.steps),
        Stop::Any(rules) => rules.iter().filter_map(most_steps).min(),
        _ => None,
    }
}

/// What is not finite at this point, in words.
fn non_finite<T: Float>(at: Visit<'_, T>) -> Option<String> {
    if !at.value.is_finite() {
        return Some("the function".to_owned());
    }
    let i = at.gradient.iter().position(|g| !g.is_finite())?;
    Some(format!("the gradient at coordinate {i}"))
}

/// ‖x‖₂ in f64; finite wherever that is, also where the squares are not.
fn norm<T: Float>(x: &[T]) -> f64 {
    let norm = x.iter().map(|x| (*x).into().powi(2)).sum::<f64>().sqrt();
    // below, squares lose digits
    if norm.is_finite() && norm > 1e-150 {
        return norm;
    }
    let largest =
        x.iter().map(|x| (*x).into().abs()).fold(0.0f64, |a, b| if b > a || b.is_nan() { b } else { a });
    if !largest.is_finite() || largest == 0.0 {
        return largest;
    }
    let scaled = x.iter().map(|x| ((*x).into() / largest).powi(2)).sum::<f64>().sqrt();
    (largest * scaled).min(f64::MAX)
}

/// Points evenly spaced in steps, in bounded memory: when it is full, every second one goes.
struct Trace<T> {
    points: Vec<Point<T>>,
    most: usize,
    stride: u64,
}

impl<T: Float> Trace<T> {
    fn new(most: usize) -> Self {
        Self { points: Vec::new(), most, stride: 1 }
    }

    fn see(&mut self, at: Visit<'_, T>) {
        if self.most == 0 || !at.step.is_multiple_of(self.stride) {
            return;
        }
        while self.points.len() >= self.most {
            self.stride *= 2;
            let stride = self.stride;
            self.points.retain(|point| point.step.is_multiple_of(stride));
            if !at.step.is_multiple_of(stride) {
                return;
            }
        }
        self.points.push(at.to_point());
    }

    /// The trace with its last point, which belongs to every trace that was asked for.
    fn finish(mut self, at: Visit<'_, T>) -> Vec<Point<T>> {
        if self.most > 0 && self.points.last().is_none_or(|last| last.step != at.step) {
            self.points.push(at.to_point());
        }
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Sgd;
    use std::time::Duration;

    fn square(x: &[f64], g: &mut [f64]) -> f64 {
        g[0] = 2.0 * x[0];
        x[0] * x[0]
    }

    fn steps_of(points: usize, steps: u64) -> Vec<u64> {
        let run = Minimize::new(Sgd::default(), 1e-3, Stop::max_steps(steps)).trace(points);
        run.run(square, &[1.0]).unwrap().trace.iter().map(|point| point.step).collect()
    }

    #[test]
    fn a_trace_is_even_bounded_and_ends_at_the_end() {
        assert_eq!(steps_of(10, 5), [0, 1, 2, 3, 4, 5]);
        assert_eq!(steps_of(4, 9), [0, 4, 8, 9]);
        assert_eq!(steps_of(1, 9), [0, 9]);
        assert_eq!(steps_of(0, 9), [0; 0]);
        for (points, steps) in [(2, 1000), (3, 999), (7, 1 << 12), (1000, 12_345)] {
            let found = steps_of(points, steps);
            assert!(found.len() <= points + 1 && found[0] == 0 && found.last() == Some(&steps));
            let gaps: Vec<u64> = found.windows(2).map(|w| w[1] - w[0]).collect();
            assert!(gaps[..gaps.len() - 1].iter().all(|gap| *gap == gaps[0]), "{found:?}");
        }
    }

    #[test]
    fn rules_that_may_never_hold_are_refused() {
        let run = |stop: Stop| minimize(square, &[1.0], Sgd::default(), 0.1, stop);
        let never = [
            Stop::target_loss(-1.0),
            Stop::max_epochs(3.0),
            Stop::gradient_tolerance(0.0) | Stop::divergence(4.0),
            Stop::max_steps(5) & Stop::target_loss(-1.0),
        ];
        for stop in never {
            let message = run(stop).unwrap_err().to_string();
            assert!(message.contains("may never hold; add a limit"), "{message}");
        }
        run(Stop::max_steps(3) & Stop::max_time(Duration::from_millis(1))).unwrap();
        let reason = run(Stop::no_improvement(2)).unwrap().reason;
        assert_eq!(reason.stopped_by(), "no_improvement");
    }

    #[test]
    fn a_norm_is_finite_where_the_vector_is() {
        assert_eq!(norm(&[3.0f32, 4.0]), 5.0);
        assert!((norm(&[3e200f64, 4e200]) / 5e200 - 1.0).abs() < 1e-15);
        assert!((norm(&[3e-200f64, 4e-200]) / 5e-200 - 1.0).abs() < 1e-15);
        assert_eq!(norm(&[f64::MAX; 4]), f64::MAX);
        assert_eq!(norm(&[0.0f64; 3]), 0.0);
        assert!(norm(&[1.0, f64::NAN]).is_nan() && norm(&[f64::NAN, 1.0]).is_nan());
        assert_eq!(norm(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
    }
}
