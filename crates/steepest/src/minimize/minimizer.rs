//! What leads from one point to the next.

use super::objective::Objective;
use crate::clip::Clips;
use crate::error::Result;
use crate::float::Float;
use crate::optimizer::{Builder, Optimizer};
use crate::param::{Param, Slot};
use crate::rule::IntoRule;
use crate::step::StepArgs;
use crate::stop::Reason;
use std::fmt;

/// The point that a minimization stands at, with value and gradient there.
#[derive(Debug, Clone, PartialEq)]
pub struct Iterate<T> {
    /// θ.
    pub theta: Vec<T>,
    /// f(θ).
    pub value: T,
    /// ∇f(θ).
    pub gradient: Vec<T>,
}

impl<T: Float> Iterate<T> {
    /// A point where the objective is not evaluated yet: value and gradient are 0.
    pub fn new(theta: Vec<T>) -> Self {
        Self { value: T::ZERO, gradient: vec![T::ZERO; theta.len()], theta }
    }

    /// Evaluates the objective at θ, which has moved.
    pub fn evaluate(&mut self, objective: &mut dyn Objective<T>) {
        self.value = objective.value_and_gradient(&self.theta, &mut self.gradient);
    }
}

/// What leads from one point to the next: an [`Optimizer`] of one parameter, or
/// [`LbfgsMinimizer`](crate::LbfgsMinimizer).
///
/// # Formula
/// ```text
/// θ_{t+1} = advance(η_t, f, θ_t, f(θ_t), ∇f(θ_t));   f(θ_{t+1}), ∇f(θ_{t+1})
/// ```
///
/// # Errors
/// Those of the method itself: a learning rate outside its range, a gradient that it cannot take.
///
/// # Example
/// Steps that are halved until they go down:
///
/// ```
/// use steepest::{
///     Clips, Error, IntoMinimizer, Iterate, Minimizer, Objective, Result, minimize, stop::{Reason, Stop},
/// };
/// #[derive(Debug)]
/// struct Halving;
/// impl Minimizer<f64> for Halving {
///     fn advance(
///         &mut self,
///         mut lr: f64,
///         objective: &mut dyn Objective<f64>,
///         at: &mut Iterate<f64>,
///     ) -> Result<Option<Reason>> {
///         loop {
///             let theta: Vec<f64> = at.theta.iter().zip(&at.gradient).map(|(x, g)| x - lr * g).collect();
///             if objective.value(&theta) < at.value {
///                 at.theta = theta;
///                 at.evaluate(objective);
///                 return Ok(None);
///             }
///             lr /= 2.0;
///             if lr < 1e-12 {
///                 return Ok(Some(Reason::Converged { what: "no step goes down".to_owned() }));
///             }
///         }
///     }
/// }
/// impl IntoMinimizer<f64> for Halving {
///     fn into_minimizer(self: Box<Self>, _: usize, clip: Clips) -> Result<Box<dyn Minimizer<f64>>> {
///         match clip.is_empty() {
///             true => Ok(self),
///             false => Err(Error::Conflict {
///                 owner: "halving",
///                 conflict: "it takes the gradient as it is".to_owned(),
///                 remedy: "leave clipping away".to_owned(),
///             }),
///         }
///     }
/// }
/// let steep = |x: &[f64], g: &mut [f64]| {
///     g[0] = 4.0 * x[0].powi(3);
///     x[0].powi(4)
/// };
/// let report = minimize(steep, &[10.0], Halving, 1.0, Stop::target_loss(1e-6) | Stop::max_steps(1000))?;
/// assert_eq!(report.reason.stopped_by(), "target_loss");
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// Nocedal & Wright, Numerical Optimization, 2006, section 2.2: all methods are ways to choose the next
/// iterate.
pub trait Minimizer<T: Float> {
    /// Goes from `at` to the next point, and evaluates there. Says why it was the last, if there is none
    /// after it.
    ///
    /// The first call is at the start; at every other, `at` is as the call before left it.
    ///
    /// # Errors
    /// Those of the method itself.
    fn advance(
        &mut self,
        lr: f64,
        objective: &mut dyn Objective<T>,
        at: &mut Iterate<T>,
    ) -> Result<Option<Reason>>;
}

/// What [`minimize`](crate::minimize()) takes for a method: the settings of an optimizer, a
/// [`Rule`](crate::Rule), a [`Builder`] with all that composes with a rule, or [`Lbfgs`](crate::Lbfgs).
///
/// ```
/// use steepest::{AdamW, Lbfgs, Optimizer, minimize, registry, settings::Values, stop::Stop};
/// let bowl = |x: &[f64], g: &mut [f64]| { g[0] = 2.0 * x[0]; x[0] * x[0] };
/// let stop = || Stop::max_steps(100);
/// minimize(bowl, &[1.0], AdamW::default(), 0.1, stop())?;
/// minimize(bowl, &[1.0], registry::find("adamw")?.make(&Values::new()), 0.1, stop())?;
/// minimize(bowl, &[1.0], Optimizer::builder(AdamW::default()).cautious(true), 0.1, stop())?;
/// minimize(bowl, &[1.0], Lbfgs::default(), 1.0, stop())?;
/// # Ok::<(), steepest::Error>(())
/// ```
pub trait IntoMinimizer<T: Float>: fmt::Debug + Send + 'static {
    /// The minimizer of functions of `len` coordinates, which bounds the gradient by `clip`.
    ///
    /// # Errors
    /// Settings outside their range, a bound that it cannot take.
    fn into_minimizer(self: Box<Self>, len: usize, clip: Clips) -> Result<Box<dyn Minimizer<T>>>;
}

impl<T: Float> Minimizer<T> for Optimizer {
    fn advance(
        &mut self,
        lr: f64,
        objective: &mut dyn Objective<T>,
        at: &mut Iterate<T>,
    ) -> Result<Option<Reason>> {
        let args = StepArgs { loss: Some(at.value.into()), ..StepArgs::from(lr) };
        self.step(args, &mut [Slot::of(&mut at.theta, &at.gradient)])?;
        at.evaluate(objective);
        Ok(None)
    }
}

impl<T: Float> IntoMinimizer<T> for Builder {
    fn into_minimizer(self: Box<Self>, len: usize, clip: Clips) -> Result<Box<dyn Minimizer<T>>> {
        let builder = if clip.is_empty() { *self } else { self.clip(clip) };
        Ok(Box::new(builder.build([Param::new("theta", [len], T::DTYPE)])?))
    }
}

impl<T: Float, R: IntoRule + fmt::Debug + Send + 'static> IntoMinimizer<T> for R {
    fn into_minimizer(self: Box<Self>, len: usize, clip: Clips) -> Result<Box<dyn Minimizer<T>>> {
        Box::new(Optimizer::builder(*self)).into_minimizer(len, clip)
    }
}
