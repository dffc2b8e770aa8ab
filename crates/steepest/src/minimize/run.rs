//! A minimization from a start to its end.

use super::learning_rate::LearningRate;
use super::limits::{ends, most_steps};
use super::minimizer::{IntoMinimizer, Iterate};
use super::objective::Objective;
use super::trace::{Point, Trace, Visit};
use crate::clip::Clips;
use crate::error::{Error, Result};
use crate::float::Float;
use crate::stop::{Progress, Reason, Stop, Stopper};
use std::time::Instant;

/// Minimizes `f` from `start` with an optimizer, a learning rate and a stop rule.
///
/// `f` is an [`Objective`]: most often a closure that takes a point and a place for the gradient there, which
/// it fills, and returns its value; all in `f64`, or all in `f32`. The optimizer is settings such as
/// [`AdamW`](crate::AdamW) or [`Lbfgs`](crate::Lbfgs) (see [`IntoMinimizer`]). The learning rate is a number,
/// or a number and a [schedule](crate::schedule) (see [`LearningRate`]). For an observer, clipping, or
/// another length of the trace see [`Minimize`].
///
/// # Formula
/// ```text
/// θ_0 = start;   θ_{t+1} = step of the optimizer from θ_t with ∇f(θ_t) and η_t = base·factor(t)
/// until the stop rule, which sees f(θ_t) as loss and as metric, ‖∇f(θ_t)‖₂, t and the time,
/// or until the optimizer has converged, as L-BFGS can
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
/// α = 0.01. w and b go to 1 and 0, and are not there after 1000 steps: the error in
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
/// assert!((line.theta[0] - 0.99483).abs() < 1e-5); // w
/// assert!((line.theta[1] - 0.01521).abs() < 1e-5); // b
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, 1847.
pub fn minimize<T: Float>(
    f: impl Objective<T>,
    start: &[T],
    optimizer: impl IntoMinimizer<T>,
    rate: impl Into<LearningRate>,
    stop: impl Into<Stop>,
) -> Result<MinimizeReport<T>> {
    Minimize::new(optimizer, rate, stop).run(f, start)
}

/// Where a run ended, the best point on the way, and why it ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MinimizeReport<T> {
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
    /// Points on the way, evenly spaced in steps, the first and the last among them; see
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
pub struct Minimize<T: Float = f64> {
    optimizer: Box<dyn IntoMinimizer<T>>,
    clip: Clips,
    rate: LearningRate,
    stop: Stop,
    trace_points: usize,
}

impl<T: Float> Minimize<T> {
    /// What [`minimize`] does.
    pub fn new(
        optimizer: impl IntoMinimizer<T>,
        rate: impl Into<LearningRate>,
        stop: impl Into<Stop>,
    ) -> Self {
        let optimizer = Box::new(optimizer);
        Self { optimizer, clip: Clips::default(), rate: rate.into(), stop: stop.into(), trace_points: 1000 }
    }

    /// Bounds the gradient, as [`Builder::clip`](crate::Builder::clip); default: not at all. [`Lbfgs`](crate::Lbfgs) cannot take it.
    pub fn clip(self, clip: impl Into<Clips>) -> Self {
        Self { clip: clip.into(), ..self }
    }

    /// Keeps at most `points` points on the way, and the last; default 1000, fewer where a point
    /// has more than a thousand coordinates (a trace holds a million numbers at most). A run that
    /// is longer keeps every second step, every fourth, and so on.
    pub fn trace(self, points: usize) -> Self {
        Self { trace_points: points, ..self }
    }

    /// Minimizes `f` from `start`.
    ///
    /// # Errors
    /// As [`minimize`].
    pub fn run(self, f: impl Objective<T>, start: &[T]) -> Result<MinimizeReport<T>> {
        self.run_observed(f, start, |_| ())
    }

    /// Minimizes `f` from `start` and shows every point to `observer`, the start and the last too.
    ///
    /// # Errors
    /// As [`minimize`].
    pub fn run_observed(
        self,
        mut f: impl Objective<T>,
        start: &[T],
        mut observer: impl FnMut(Visit<'_, T>),
    ) -> Result<MinimizeReport<T>> {
        self.descend(&mut f, start, &mut observer)
    }

    /// The run itself, compiled once for each precision.
    fn descend(
        mut self,
        objective: &mut dyn Objective<T>,
        start: &[T],
        observer: &mut dyn FnMut(Visit<'_, T>),
    ) -> Result<MinimizeReport<T>> {
        check_start(start)?;
        let mut stopper = self.stopper()?;
        let mut trace = Trace::new(self.trace_points, start.len());
        let mut minimizer = self.optimizer.into_minimizer(start.len(), self.clip)?;
        let mut at = Iterate::new(start.to_vec());
        at.evaluate(objective);
        let mut converged = None;
        let mut best: Option<Point<T>> = None;
        let begin = Instant::now();
        for step in 0.. {
            let (lr, gradient_norm) = (self.rate.at(step), norm(&at.gradient));
            let Iterate { theta, value, gradient } = &at;
            let value = *value;
            let visit = Visit { step, theta, value, gradient, gradient_norm, lr };
            if step == 0 && !value.is_finite() {
                return Err(Error::NonFiniteObjective { step, value: value.into() });
            }
            observer(visit);
            trace.observe(visit);
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
                let theta = at.theta;
                return Ok(MinimizeReport { value, gradient_norm, steps: step, best, reason, trace, theta });
            }
            if !value.is_finite() {
                return Err(Error::NonFiniteObjective { step, value: value.into() });
            }
            converged = match minimizer.advance(lr, objective, &mut at) {
                Ok(converged) => converged,
                // the point is as it was; where a rule watches for this, it ends the run
                Err(error @ Error::Overflow { .. }) => {
                    let found = Progress {
                        step,
                        elapsed: begin.elapsed(),
                        loss: Some(at.value.into()),
                        metric: Some(at.value.into()),
                        gradient_norm: Some(gradient_norm),
                        non_finite: Some("what the next step would leave".to_owned()),
                        ..Progress::default()
                    };
                    Some(stopper.observe(&found).ok_or(error)?)
                }
                Err(error) => return Err(error),
            };
            if let (Some(reason), Some(best)) =
                (converged.take_if(|reason| reason.is_failure()), best.as_ref())
            {
                let Iterate { theta, value, gradient } = &at;
                let visit = Visit { step, theta, value: *value, gradient, gradient_norm, lr };
                let (value, best, trace) = (*value, best.clone(), trace.finish(visit));
                let theta = at.theta;
                return Ok(MinimizeReport { value, gradient_norm, steps: step, best, reason, trace, theta });
            }
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
        self.rate.prepare(most_steps(&self.stop))?;
        Ok(Stopper::new(self.stop.clone())?.with_metric_name("function value"))
    }
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
