//! The settings of L-BFGS, and its page.

use crate::settings::Range;

crate::word_setting! {
    /// How far L-BFGS goes along its direction.
    pub enum LineSearch {
        /// Until value and derivative along it are low enough (the strong Wolfe conditions).
        #[default]
        StrongWolfe = "strong_wolfe",
        /// By the learning rate.
        Fixed = "none",
    }
}

crate::settings! {
    /// Newton's method with a curvature that is estimated from the last steps, for smooth functions without
    /// noise.
    ///
    /// It needs the function itself, not a gradient: it evaluates it several times in a step.
    /// [`Minimize`](crate::Minimize) takes it as any other optimizer, and one of its iterations is a step
    /// there; [`LbfgsMinimizer`](crate::LbfgsMinimizer) is for a step at a time. For functions in f32 it
    /// computes in f64.
    ///
    /// # Formula
    /// With yₖ = gₖ₊₁ − gₖ, sₖ = θₖ₊₁ − θₖ and ρₖ = 1/(yₖᵀsₖ) of the last history_size iterations that had
    /// yᵀs > 1e-10:
    /// ```text
    /// q ← −g;   for k from the last to the first:  aₖ ← ρₖ sₖᵀq;  q ← q − aₖyₖ
    /// d ← q · yᵀs/yᵀy of the last pair
    /// for k from the first to the last:            d ← d + (aₖ − ρₖ yₖᵀd) sₖ
    /// θ ← θ + t·d
    /// ```
    /// t is tried first as min(1, 1/‖g‖₁)·η in the very first iteration and as η afterwards. The line search
    /// then looks for f(θ + td) ≤ f(θ) + 1e-4·t·gᵀd and |g(θ + td)ᵀd| ≤ 0.9·|gᵀd| by cubic interpolation. η
    /// is 1 as a rule.
    ///
    /// An iteration is the last of its step, and for [`Minimize`](crate::Minimize) of the run, when
    /// max|g| ≤ tolerance_grad, gᵀd > −tolerance_change, max|td| ≤ tolerance_change, or |Δf| <
    /// tolerance_change; of a step also after max_iter iterations or max_eval evaluations. A line search that finds no lower point,
    /// where −gᵀd·t/2 is more than tolerance_change and the function's rounding (half the digits of its value), has failed:
    /// the gradient is not the function's, and the reason says so ([`Reason::LineSearch`](crate::stop::Reason::LineSearch)).
    ///
    /// # State
    /// `history_size` pairs of vectors, and eight vectors: 8·(2·history_size + 8) bytes per coordinate. Pairs
    /// are allocated as they come.
    ///
    /// # Differences
    /// torch: none, but its default is a fixed step, and where the function is not finite on the way, the
    /// search turns back here. optax has history 10, takes every pair with yᵀs ≠ 0, and another line search.
    ///
    /// # Errors
    /// Settings outside their range; clipping, since its line search needs the gradient as it is.
    ///
    /// # Example
    /// ```
    /// use steepest::{Lbfgs, minimize, stop::Stop};
    /// let rosenbrock = |x: &[f64], g: &mut [f64]| {
    ///     let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    ///     g[0] = -2.0 * a - 400.0 * x[0] * b;
    ///     g[1] = 200.0 * b;
    ///     a * a + 100.0 * b * b
    /// };
    /// let report = minimize(rosenbrock, &[-1.2, 1.0], Lbfgs::default(), 1.0, Stop::max_steps(100))?;
    /// assert!(report.value < 1e-8 && report.steps < 40);
    /// assert_eq!(report.reason.stopped_by(), "converged");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Liu & Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical
    /// Programming 45, 1989; the line search: Nocedal & Wright, Numerical Optimization, 2006, algorithms 3.5
    /// and 3.6, equation 3.59.
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
        line_search: LineSearch = LineSearch::StrongWolfe;
    }
}
