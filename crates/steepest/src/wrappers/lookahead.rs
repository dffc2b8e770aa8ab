//! Lookahead: slow weights that follow the optimizer's.

use crate::float::Float;
use crate::kernel::{InstructionSet, Loop};
use crate::settings::Range;

crate::settings! {
    /// Slow weights that go a part of the way that the optimizer has gone in some steps, and draw it back to them.
    ///
    /// # Formula
    /// ```text
    /// before the first step:                    φ ← θ
    /// after each step, θ being the rule's:      if t is a multiple of every:
    ///     φ ← φ + alpha·(θ − φ)
    ///     θ ← φ
    /// ```
    /// t counts the steps of the tensor itself. The rule's state stays as it is. The weights to evaluate with
    /// ([`Optimizer::evaluation`](crate::Optimizer::evaluation)) are φ, unless an average is kept. Weights that are changed from
    /// outside between steps are drawn back to φ, unless [`Optimizer::adopt`](crate::Optimizer::adopt) is told of them.
    ///
    /// # State
    /// `lookahead_slow`, the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// optax: none (without `reset_state`). The paper: none; it also tries to reset the optimizer's momentum.
    ///
    /// # Errors
    /// Settings outside their range; a rule that averages its weights itself.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Lookahead, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [4.0f64];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .lookahead(Lookahead { every: 2, alpha: 0.5 })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// sgd.step(1.0, &mut [Slot::new(&mut theta, &[1.0])])?;
    /// assert_eq!(theta, [3.0]);
    /// sgd.step(1.0, &mut [Slot::new(&mut theta, &[1.0])])?; // to 2, and half of the way back to 4
    /// assert_eq!(theta, [3.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Zhang, Lucas, Hinton & Ba, Lookahead Optimizer: k steps forward, 1 step back, NeurIPS 2019, algorithm 1.
    pub struct Lookahead("lookahead") {
        /// steps of the optimizer for one of the slow weights; k in the paper
        every: u64 = 5, Range::AT_LEAST_ONE;
        /// the part of the way that the slow weights go
        alpha: f64 = 0.5, Range::FRACTION;
    }
}

impl Lookahead {
    /// By what part of the way the slow weights follow after step `t`, if it is their turn.
    pub(crate) fn follows(&self, t: u64) -> Option<f64> {
        t.is_multiple_of(self.every).then_some(self.alpha)
    }
}

struct Follow<'a, T> {
    slow: &'a mut [T],
    theta: &'a mut [T],
    alpha: T,
}

impl<T: Float> Loop for Follow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (slow, theta) in self.slow.iter_mut().zip(self.theta) {
            *slow = *slow + self.alpha * (*theta - *slow);
            *theta = *slow;
        }
    }
}

/// Moves `slow` towards `theta`, and `theta` there.
pub(crate) fn follow<T: Float>(isa: InstructionSet, alpha: f64, theta: &mut [T], slow: &mut [T]) {
    isa.run(Follow { slow, theta, alpha: T::of(alpha) });
}
