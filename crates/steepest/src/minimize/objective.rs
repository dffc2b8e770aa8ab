//! What is minimized: a function, by its value and its gradient.

use crate::float::Float;
use std::borrow::BorrowMut;

/// A function to minimize: its value, and its value with its gradient.
///
/// [`minimize`](crate::minimize()), [`Minimize`](crate::Minimize) and
/// [`LbfgsMinimizer`](crate::LbfgsMinimizer) take one of a slice of coordinates, `Objective<T>`;
/// [`SamStep`](crate::SamStep) takes one of several tensors, `Objective<T, [Vec<T>]>`. `T` is what the
/// function is computed in: `f64` or `f32`.
///
/// # Formula
/// ```text
/// value(θ)                 = f(θ)
/// value_and_gradient(θ, g) = f(θ);   g ← ∇f(θ)
/// ```
///
/// # Closures
/// A closure that takes θ and a place for the gradient, fills that and returns the value is an objective. It
/// names the types of its parameters, for the compiler infers them only where a function asks for a closure
/// and nothing else:
///
/// ```
/// use steepest::{AdamW, minimize, stop::Stop};
/// let f = |theta: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * (theta[0] - 3.0);
///     (theta[0] - 3.0).powi(2)
/// };
/// let report = minimize(f, &[0.0], AdamW::default(), 0.1, Stop::max_steps(500))?;
/// assert!((report.theta[0] - 3.0).abs() < 0.1);
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Types
/// A type implements [`value_and_gradient`](Self::value_and_gradient), and [`value`](Self::value) where the
/// value alone costs less. What takes an objective takes it by value; [`by_ref`](Self::by_ref) lends one that
/// is needed afterwards:
///
/// ```
/// use steepest::{GradientCheckOptions, Lbfgs, Objective, check_objective, minimize, stop::Stop};
/// /// Σ(x − 1)⁴, and how often it was evaluated.
/// struct Quartic {
///     values: u64,
///     gradients: u64,
/// }
/// impl Objective<f64> for Quartic {
///     fn value(&mut self, theta: &[f64]) -> f64 {
///         self.values += 1;
///         theta.iter().map(|x| (x - 1.0).powi(4)).sum()
///     }
///     fn value_and_gradient(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
///         self.gradients += 1;
///         for (g, x) in gradient.iter_mut().zip(theta) {
///             *g = 4.0 * (x - 1.0).powi(3);
///         }
///         theta.iter().map(|x| (x - 1.0).powi(4)).sum()
///     }
/// }
/// let mut quartic = Quartic { values: 0, gradients: 0 };
/// let check = check_objective(quartic.by_ref(), &[3.0, -2.0], &GradientCheckOptions::default())?;
/// assert!(check.passed(check.tolerance));
/// assert_eq!(quartic.gradients, 1);
/// let values = quartic.values;
/// let report = minimize(quartic.by_ref(), &[3.0, -2.0], Lbfgs::default(), 1.0, Stop::max_steps(50))?;
/// assert!(report.value < 1e-6);
/// assert_eq!(quartic.values, values); // minimizers need the gradient wherever they evaluate
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Errors
/// An objective has none of its own: where it is not defined it returns NaN or an infinity, and what
/// evaluates it says what follows from that ([`Error::NonFiniteObjective`](crate::Error::NonFiniteObjective),
/// a stop rule, or a line search that turns back).
///
/// # Source
/// The two evaluations that first-order methods ask for: Nocedal & Wright, Numerical Optimization, 2006,
/// section 2.2.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no objective over `{T}`",
    note = "a closure names the types of its parameters: `|theta: &[f64], gradient: &mut [f64]| …`",
    note = "a borrowed objective is lent with `by_ref()`"
)]
pub trait Objective<T: Float, X: ?Sized + ToOwned<Owned: BorrowMut<X>> = [T]> {
    /// f(θ), and ∇f(θ) into `gradient`, which is as long as `theta` and holds anything before.
    fn value_and_gradient(&mut self, theta: &X, gradient: &mut X) -> T;

    /// f(θ) alone. The default computes the gradient too, into memory that it allocates for it.
    fn value(&mut self, theta: &X) -> T {
        self.value_and_gradient(theta, theta.to_owned().borrow_mut())
    }

    /// This objective, lent.
    fn by_ref(&mut self) -> &mut dyn Objective<T, X>
    where
        Self: Sized,
    {
        self
    }
}

impl<T, X, F> Objective<T, X> for F
where
    T: Float,
    X: ?Sized + ToOwned<Owned: BorrowMut<X>>,
    F: FnMut(&X, &mut X) -> T,
{
    fn value_and_gradient(&mut self, theta: &X, gradient: &mut X) -> T {
        self(theta, gradient)
    }
}

impl<T, X> Objective<T, X> for &mut (dyn Objective<T, X> + '_)
where
    T: Float,
    X: ?Sized + ToOwned<Owned: BorrowMut<X>>,
{
    fn value_and_gradient(&mut self, theta: &X, gradient: &mut X) -> T {
        (**self).value_and_gradient(theta, gradient)
    }

    fn value(&mut self, theta: &X) -> T {
        (**self).value(theta)
    }
}
