//! The learning rate over the steps of a run.

use crate::error::Result;
use crate::schedule::{Constant, Schedule};
use crate::settings::{Range, check_field};

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
    /// The rate η of step `step`, counted from 0; NaN while the schedule waits for the length of the run (see
    /// [`over`](Self::over)).
    pub fn at(&self, step: u64) -> f64 {
        self.base * self.schedule.factor(step)
    }

    /// The same over a run of `steps` steps, for a loop of one's own: a schedule that waits for the length of the run gets it here.
    ///
    /// ```
    /// use steepest::schedule::Cosine;
    /// use steepest::{AdamW, DType, LearningRate, Optimizer, Param, Slot};
    /// let mut theta = [1.0f32, 2.0];
    /// let mut adamw = Optimizer::builder(AdamW::default()).build([Param::new("theta", [2], DType::F32)])?;
    /// let rate = LearningRate::from((0.1, Cosine::default())).over(100)?;
    /// for step in 0..100 {
    ///     let gradient = theta;
    ///     adamw.step(rate.at(step), &mut [Slot::new(&mut theta, &gradient)])?;
    /// }
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// A setting of the schedule outside its range; a base rate below 0, or not finite.
    pub fn over(mut self, steps: u64) -> Result<Self> {
        check_field("learning rate", "base", &self.base, Range::NON_NEGATIVE)?;
        self.prepare(Some(steps))?;
        Ok(self)
    }

    /// Makes ready for a run of at most so many steps, where that is known.
    ///
    /// # Errors
    /// A schedule that needs the length of the run, where it is not.
    pub(super) fn prepare(&mut self, steps: Option<u64>) -> Result<()> {
        if let Some(steps) = steps {
            self.schedule.resolve(steps);
        }
        self.schedule.ready()
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
