//! The optimizer: made once from a rule and the parameters, then stepped.

pub(crate) mod array;
mod assignment;
mod builder;
mod change;
mod checks;
mod curve;
mod evaluate;
mod external;
pub(crate) mod formats;
pub(crate) mod group;
mod lend;
mod memory;
#[cfg(feature = "safetensors")]
mod save;
#[cfg(feature = "safetensors")]
mod state_file;
pub(crate) mod tensor;

pub use assignment::Assignment;
pub use builder::Builder;
pub use group::Group;
#[cfg(feature = "safetensors")]
pub use save::{FromRule, LoadedPart};

use crate::error::{Error, Result};
use crate::health::TensorHealth;
use crate::optimizer::array::StateArray;
use crate::optimizer::checks::check_step;
use crate::optimizer::curve::Curve;
use crate::optimizer::tensor::TensorState;
use crate::param::{Param, Slot, Slots};
use crate::step::{self, Setup, StepArgs, StepReport, Workspace};
use std::fmt;

/// Updates parameters in one pass over memory.
///
/// ```
/// use steepest::{AdamW, Clip, DType, Optimizer, Param, Slot};
/// let mut theta = vec![1.0f32, 2.0];
/// let mut optimizer = Optimizer::builder(AdamW { weight_decay: 0.1, ..AdamW::default() })
///     .clip(Clip::GlobalNorm(1.0))
///     .build([Param::new("theta", [2], DType::F32)])?;
/// for _ in 0..1000 {
///     let gradient: Vec<f32> = theta.iter().map(|x| 2.0 * x).collect();
///     optimizer.step(0.01, &mut [Slot::new(&mut theta, &gradient)])?;
/// }
/// assert!(theta.iter().all(|x| x.abs() < 0.01));
/// # Ok::<(), steepest::Error>(())
/// ```
pub struct Optimizer {
    setup: Setup,
    tensors: Vec<TensorState>,
    work: Workspace,
    /// The groups that matched each tensor, as text.
    groups: Vec<Vec<String>>,
    steps_taken: u64,
    /// Steps skipped since the last that was taken.
    skips: u64,
    /// Settings that follow a curve over the steps.
    curves: Vec<Curve>,
    /// Room for the slots of a step, without any between steps.
    room: Vec<Slot<'static>>,
}

/// A copy of everything: it goes on as this one would. Only rules, which nothing changes, are shared.
impl Clone for Optimizer {
    fn clone(&self) -> Self {
        let setup = self.setup.clone();
        let work = Workspace::new(&setup, self.work.memory.len());
        Self {
            setup,
            tensors: self.tensors.clone(),
            work,
            groups: self.groups.clone(),
            steps_taken: self.steps_taken,
            skips: self.skips,
            curves: self.curves.clone(),
            room: Vec::new(),
        }
    }
}

/// What it is, not what it holds: its state may be as large as a network.
impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("rule", &self.name())
            .field("settings", &self.setup.rules[0].settings)
            .field("parameters", &self.setup.params.len())
            .field("steps_taken", &self.steps_taken)
            .field("state_bytes", &self.state_bytes())
            .finish_non_exhaustive()
    }
}

impl Optimizer {
    /// One step of all parameters.
    ///
    /// `args` is the learning rate, or [`StepArgs`]. `slots` holds every parameter in the order of
    /// [`Builder::build`]. The step runs on the current rayon pool; the bits do not depend on it.
    /// Subnormal gradients, and subnormal numbers that arise in averages of gradients, count as zero. Nothing is
    /// allocated, except by rayon when it is called from outside its pool: one queue
    /// block in some sixty steps.
    ///
    /// # Errors
    /// Slices that do not fit, a bad learning rate, a gradient that is not finite (see
    /// [`NonFinite`](crate::NonFinite)). After an error nothing has changed.
    pub fn step(&mut self, args: impl Into<StepArgs>, slots: &mut [Slot<'_>]) -> Result<StepReport> {
        let (args, taken) = (args.into(), self.steps_taken);
        self.follow_curves()?;
        check_step(&self.setup, &self.tensors, taken.saturating_add(1), args, slots)?;
        let before = (taken, self.skips);
        let Self { setup, tensors, work, .. } = self;
        let mut run = |tensors: &mut [TensorState], slots: &mut [Slot<'_>]| {
            step::run(setup, tensors, work, before, args, slots)
        };
        let report =
            if setup.formats.lent { lend::with_slots(tensors, slots, run) } else { run(tensors, slots) }?;
        self.steps_taken = report.step;
        self.skips = if report.skipped.is_some() { self.skips + 1 } else { 0 };
        Ok(report)
    }

    /// The same for slots that come one after the other, as many as there are, without a list of one's own for each step.
    ///
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot};
    /// let mut theta = vec![vec![1.0f32; 3], vec![2.0; 2]];
    /// let grads = vec![vec![1.0f32; 3], vec![1.0; 2]];
    /// let params = (0..2).map(|i| Param::new(format!("{i}"), [theta[i].len()], DType::F32));
    /// let mut sgd = Optimizer::builder(Sgd::default()).build(params)?;
    /// sgd.step_iter(0.5, theta.iter_mut().zip(&grads).map(|(theta, g)| Slot::new(theta, g)))?;
    /// assert_eq!(theta, [vec![0.5; 3], vec![1.5; 2]]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_iter<'a>(
        &mut self,
        args: impl Into<StepArgs>,
        slots: impl IntoIterator<Item = Slot<'a>>,
    ) -> Result<StepReport> {
        let mut room: Vec<Slot<'a>> = emptied(std::mem::take(&mut self.room));
        room.extend(slots);
        self.step_in(args.into(), room)
    }

    /// The same for a model of one's own, which lends its parameters and gradients as [`Slots`], and which
    /// [`evaluation`](Self::evaluation) then takes, too. Allocates nothing.
    ///
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sgd, Slot, Slots};
    /// struct Line { theta: [f32; 2], grad: [f32; 2] } // slope and intercept
    /// impl Slots for Line {
    ///     fn each_slot<'a>(&'a mut self, see: &mut dyn FnMut(Slot<'a>)) {
    ///         see(Slot::new(&mut self.theta, &self.grad));
    ///     }
    /// }
    /// let mut line = Line { theta: [1.0, 2.0], grad: [2.0, -2.0] };
    /// let mut sgd = Optimizer::builder(Sgd::default()).build([Param::new("line", [2], DType::F32)])?;
    /// sgd.step_on(0.5, &mut line)?;
    /// assert_eq!(line.theta, [0.0, 3.0]);
    /// assert_eq!(sgd.evaluation(&mut line)?.theta, [0.0, 3.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_on<M: Slots + ?Sized>(
        &mut self,
        args: impl Into<StepArgs>,
        model: &mut M,
    ) -> Result<StepReport> {
        let mut room = emptied(std::mem::take(&mut self.room));
        model.each_slot(&mut |slot| room.push(slot));
        self.step_in(args.into(), room)
    }

    /// A step of the slots that were collected in this optimizer's room.
    fn step_in(&mut self, args: StepArgs, mut room: Vec<Slot<'_>>) -> Result<StepReport> {
        let report = self.step(args, &mut room);
        room.clear();
        self.room = emptied(room);
        report
    }

    /// Forgets everything that it has learned: state, step numbers and health are as [`Builder::build`] left them. Settings stay as they
    /// are, those of [`change`](Self::change) too; arrays that are lent are for [`begin_state`](Self::begin_state). Allocates nothing.
    pub fn reset(&mut self) {
        for tensor in &mut self.tensors {
            tensor.all_arrays_mut().for_each(StateArray::reset);
            let first = self.setup.rules[tensor.rule].memory();
            tensor.memory.iter_mut().zip(first).for_each(|(x, (_, first))| *x = first);
            (tensor.steps, tensor.loud, tensor.health) = (0, false, TensorHealth::default());
        }
        (self.steps_taken, self.skips) = (0, 0);
    }

    /// The parameters, in the order of `build`.
    pub fn params(&self) -> &[Param] {
        &self.setup.params
    }

    /// The name of the optimizer's rule.
    pub fn name(&self) -> &'static str {
        self.setup.rules[0].name
    }

    /// Steps taken so far; a skipped step does not count.
    pub fn steps_taken(&self) -> u64 {
        self.steps_taken
    }

    /// What is known of the gradients of each parameter, in the order of `build`. Updated by
    /// steps that read the gradient beforehand: all but those under [`NonFinite::Unchecked`](crate::NonFinite::Unchecked).
    pub fn health(&self) -> Vec<TensorHealth> {
        self.tensors.iter().map(|tensor| tensor.health).collect()
    }

    /// Bytes of state, all parameters together; those that are lent count, too.
    pub fn state_bytes(&self) -> usize {
        self.tensors.iter().map(TensorState::bytes).sum()
    }

    /// The state array `state` (such as `exp_avg`) of the parameter called `param`, widened to f64.
    ///
    /// # Errors
    /// No such parameter or array; the nearest name is given. An array that is lent.
    pub fn state(&self, param: &str, state: &str) -> Result<Vec<f64>> {
        let params = &self.setup.params;
        let i = params
            .iter()
            .position(|p| p.name == param)
            .ok_or_else(|| Error::unknown_name("parameter", param, params.iter().map(|p| p.name.as_str())))?;
        let array = self.tensors[i].all_arrays().find(|array| array.spec.name == state);
        if array.is_some() {
            self.check_owned()?;
        }
        let array = array.map(StateArray::to_f64);
        let number = || self.memory_by_name(i).find(|(name, _)| *name == state).map(|(_, value)| vec![value]);
        array.or_else(number).ok_or_else(|| {
            let arrays = self.tensors[i].all_arrays().map(|array| array.spec.name);
            let numbers = self.memory_by_name(i).map(|(name, _)| name);
            Error::unknown_name("state array", state, arrays.chain(numbers))
        })
    }

    /// The numbers that the rule of tensor `i` keeps for it as a whole: name and value.
    fn memory_by_name(&self, i: usize) -> impl Iterator<Item = (&'static str, f64)> {
        let tensor = &self.tensors[i];
        let names = self.setup.rules[tensor.rule].memory();
        names.into_iter().zip(&tensor.memory).map(|((name, _), value)| (name, *value))
    }
}

/// The memory of a list that is empty, for slots that live another time: what is collected from a list goes into its memory.
fn emptied<'b>(room: Vec<Slot<'_>>) -> Vec<Slot<'b>> {
    debug_assert!(room.is_empty());
    room.into_iter().map(|_| unreachable!("the list is empty")).collect()
}
