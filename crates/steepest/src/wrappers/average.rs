//! Averages of the weights over the steps: EMA and SWA.

use crate::error::{Error, Result};
use crate::float::Float;
use crate::kernel::{InstructionSet, Loop};
use crate::real::Average;
use crate::settings::{Range, Settings};

crate::settings! {
    /// An exponential moving average of the weights, for evaluation.
    ///
    /// # Formula
    /// ```text
    /// after step t = start:                              w ← θ
    /// after t = start + n·every, n = 1, 2, …:            w ← d·w + (1 − d)·θ
    /// d = decay, or with warmup min(decay, (1 + n)/(10 + n))
    /// ```
    /// Without warm-up the first weights keep the part decayⁿ of the average: after 2,000 steps with 0.999 an eighth of it is what
    /// training began with. With warm-up they are gone after some tens of steps.
    ///
    /// t counts the steps of the tensor itself: one without a gradient stays out of the average. A parameter in half
    /// precision is averaged as it is stored.
    ///
    /// # State
    /// `ema_weights`, the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none (`AveragedModel` with `get_ema_multi_avg_fn`, whose first call copies, called after each
    /// step); it also averages parameters that have no gradient. optax's `ema` begins at zero and corrects the bias. The warm-up is that
    /// of TensorFlow's ExponentialMovingAverage with num_updates.
    /// Keras has decay 0.99 and can write the average over the weights.
    ///
    /// # Errors
    /// Settings outside their range; a rule that averages its weights itself.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Ema, Optimizer, Param, Sgd, Slot};
    /// let mut theta = vec![1.0f64];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .average(Ema { decay: 0.5, ..Ema::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for _ in 0..2 {
    ///     sgd.step(0.5, &mut [Slot::new(&mut theta, &[1.0])])?; // 0.5, then 0
    /// }
    /// let mut weights = [theta];
    /// let average = sgd.evaluation(&mut weights[..])?;
    /// assert_eq!(average[0], [0.25]);
    /// drop(average);
    /// assert_eq!(weights[0], [0.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging, SIAM J. Control Optim. 30, 1992; with
    /// exponential weights: Tarvainen & Valpola, Mean teachers are better role models, NeurIPS 2017, equation 1.
    pub struct Ema("ema") {
        /// fraction of the old average that is kept
        decay: f64 = 0.999, Range::FRACTION;
        /// the first step after which the weights are taken in
        start: u64 = 1, Range::AT_LEAST_ONE;
        /// steps from one time to the next
        every: u64 = 1, Range::AT_LEAST_ONE;
        /// the fraction that is kept rises from 2/11 to decay
        warmup: bool = false;
    }
}

crate::settings! {
    /// The mean of the weights after some of the steps, for evaluation.
    ///
    /// # Formula
    /// ```text
    /// after step t = start + n·every, n = 0, 1, …:       w ← w + (θ − w)/(n + 1)
    /// ```
    /// t counts the steps of the tensor itself: one without a gradient stays out of the average. A parameter in half
    /// precision is averaged as it is stored.
    ///
    /// # State
    /// `swa_weights`, the parameter's shape, 4 bytes per element (8 for f64).
    ///
    /// # Differences
    /// torch: none (`AveragedModel` with `get_swa_avg_fn`); it also averages parameters that have no gradient. The
    /// learning rate is the schedule's business here: constant or cyclic in the paper.
    ///
    /// # Errors
    /// Settings outside their range; a rule that averages its weights itself.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot, Swa};
    /// let mut theta = vec![3.0f64];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .average(Swa { start: 2, ..Swa::default() })
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for _ in 0..3 {
    ///     sgd.step(1.0, &mut [Slot::new(&mut theta, &[1.0])])?; // 2, then 1, then 0
    /// }
    /// assert_eq!(sgd.evaluation(&mut [theta][..])?[0], [0.5]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Izmailov, Podoprikhin, Garipov, Vetrov & Wilson, Averaging Weights Leads to Wider Optima and Better
    /// Generalization, UAI 2018, algorithm 1.
    pub struct Swa("swa") {
        /// the first step after which the weights are taken in
        start: u64 = 1, Range::AT_LEAST_ONE;
        /// steps from one time to the next: the length of a cycle, for a cyclic learning rate
        every: u64 = 1, Range::AT_LEAST_ONE;
    }
}

/// How the weights are averaged over the steps.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Averaging {
    /// An exponential moving average.
    Ema(Ema),
    /// The mean.
    Swa(Swa),
}

impl From<Ema> for Averaging {
    fn from(ema: Ema) -> Self {
        Self::Ema(ema)
    }
}

impl From<Swa> for Averaging {
    fn from(swa: Swa) -> Self {
        Self::Swa(swa)
    }
}

/// What a step does to the average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mix {
    /// Nothing.
    Leave,
    /// The weights become the average.
    Copy,
    /// An average that keeps this fraction.
    Keep(f64),
    /// The mean of this many.
    Mean(f64),
}

impl Averaging {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Ema(ema) => ema.check_ranges(),
            Self::Swa(swa) => swa.check_ranges(),
        }
    }

    /// The name of its array.
    pub(crate) fn array(&self) -> &'static str {
        match self {
            Self::Ema(_) => "ema_weights",
            Self::Swa(_) => "swa_weights",
        }
    }

    fn times(&self) -> (u64, u64) {
        match self {
            Self::Ema(ema) => (ema.start, ema.every),
            Self::Swa(swa) => (swa.start, swa.every),
        }
    }

    /// Whether step `t` or one before it was taken in.
    pub(crate) fn begun(&self, t: u64) -> bool {
        t >= self.times().0
    }

    pub(crate) fn mix(&self, t: u64) -> Mix {
        let (start, every) = self.times();
        if t < start || !(t - start).is_multiple_of(every) {
            return Mix::Leave;
        }
        match (self, (t - start) / every) {
            (_, 0) => Mix::Copy,
            (Self::Ema(ema), n) if ema.warmup => {
                Mix::Keep(ema.decay.min((1.0 + n as f64) / (10.0 + n as f64)))
            }
            (Self::Ema(ema), _) => Mix::Keep(ema.decay),
            (Self::Swa(_), n) => Mix::Mean(n as f64 + 1.0),
        }
    }
}

struct Mixing<'a, T, F> {
    average: &'a mut [T],
    theta: &'a [T],
    mix: F,
}

impl<T: Float, F: Fn(T, T) -> T> Loop for Mixing<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (w, x) in self.average.iter_mut().zip(self.theta) {
            *w = (self.mix)(*w, *x);
        }
    }
}

/// Takes `theta` into `average`.
pub(crate) fn average<T: Float>(isa: InstructionSet, mix: Mix, theta: &[T], average: &mut [T]) {
    match mix {
        Mix::Leave => {}
        Mix::Copy => average.copy_from_slice(theta),
        Mix::Keep(decay) => {
            let rate = Average::new(decay);
            isa.run(Mixing { average, theta, mix: move |w, x| rate.mix(w, x) });
        }
        Mix::Mean(count) => {
            let count = T::of(count);
            isa.run(Mixing { average, theta, mix: move |w, x| w + (x - w) / count });
        }
    }
}
