//! Optimizers that need whole tensors.

use crate::linalg::{Loops, Number};
use crate::param::Param;
use crate::rule::element::{Decay, Step};

/// One state array of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpec {
    /// Its name, as in a state file: `<parameter>/<name>`.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it holds before the first step.
    pub initial: f64,
}

/// A whole tensor as a [`TensorRule`] gets it.
#[derive(Debug)]
pub struct TensorView<'a, T> {
    /// The parameter, not yet decayed.
    pub theta: &'a mut [T],
    /// The gradient, as given.
    pub grad: &'a [T],
    /// What to multiply the gradient by before use: clipping and loss scale.
    pub scale: f64,
    /// The decay of this tensor's group.
    pub decay: Decay,
    /// The state arrays, in the order of [`TensorRule::state`].
    pub state: &'a mut [&'a mut [T]],
    /// The shape, outermost axis first.
    pub shape: &'a [usize],
    /// The axis along which units lie: the outputs of a layer.
    pub unit_axis: usize,
    /// The [workspace](TensorRule::workspace): it holds whatever another tensor left there.
    pub workspace: &'a mut [T],
    /// How to run loops over the tensor.
    pub loops: Loops,
}

impl<T> TensorView<'_, T> {
    /// What to multiply the parameter by before the update: 1 − ηλ of decoupled decay.
    pub fn keep(&self, step: Step) -> f64 {
        if let Decay::Decoupled(lambda) = self.decay { 1.0 - step.lr * lambda } else { 1.0 }
    }

    /// What fraction of the parameter to add to the scaled gradient: λ of coupled decay.
    pub fn coupled(&self) -> f64 {
        if let Decay::Coupled(lambda) = self.decay { lambda } else { 0.0 }
    }
}

/// An optimizer that needs the whole tensor: its norm, its rows, its singular values. Its step is written once, for f32 and f64.
///
/// Small tensors of one step run side by side, each on one thread; large ones one after the other, each on all
/// threads. Whichever it is, [`Loops`] give the same bits.
pub trait TensorRule: Send + Sync + 'static {
    /// Whether it takes a parameter of this shape, or why not. Those that it does not take go to the rule's
    /// [fallback](crate::Rule::fallback), if it has one.
    fn takes(&self, _shape: &[usize]) -> Result<(), &'static str> {
        Ok(())
    }
    /// The state arrays for this parameter.
    fn state(&self, param: &Param) -> Vec<StateSpec>;
    /// How many numbers of workspace a step of this shape needs. It is allocated with the optimizer, shared by
    /// large tensors, and not saved: a step allocates nothing.
    fn workspace(&self, _shape: &[usize]) -> usize {
        0
    }
    /// One step. Returns `Σ (θ' − θ)²`, which the rule knows anyway.
    fn update<T: Number>(&self, step: Step, tensor: TensorView<'_, T>) -> f64;
}

/// A [`TensorRule`] compiled for f32 and f64.
pub trait TensorKernel: Send + Sync {
    /// See [`TensorRule::takes`].
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str>;
    /// See [`TensorRule::state`].
    fn state(&self, param: &Param) -> Vec<StateSpec>;
    /// See [`TensorRule::workspace`].
    fn workspace(&self, shape: &[usize]) -> usize;
    /// One step in single precision; see [`TensorRule::update`].
    fn update_f32(&self, step: Step, tensor: TensorView<'_, f32>) -> f64;
    /// One step in double precision; see [`TensorRule::update`].
    fn update_f64(&self, step: Step, tensor: TensorView<'_, f64>) -> f64;
}

impl<R: TensorRule> TensorKernel for R {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        TensorRule::takes(self, shape)
    }
    fn state(&self, param: &Param) -> Vec<StateSpec> {
        TensorRule::state(self, param)
    }
    fn workspace(&self, shape: &[usize]) -> usize {
        TensorRule::workspace(self, shape)
    }
    fn update_f32(&self, step: Step, tensor: TensorView<'_, f32>) -> f64 {
        self.update(step, tensor)
    }
    fn update_f64(&self, step: Step, tensor: TensorView<'_, f64>) -> f64 {
        self.update(step, tensor)
    }
}
