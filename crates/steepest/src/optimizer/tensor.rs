//! What an optimizer keeps for one tensor.

use crate::aligned::Aligned;
use crate::health::TensorHealth;
use crate::optimizer::array::StateArray;
use crate::precision::StateFormat;
use std::ops::Range;

/// One tensor of an optimizer: what holds for it, and its state. Every step goes over all of them, so what most tensors do not
/// have is behind a pointer.
#[derive(Debug, Clone)]
pub(crate) struct TensorState {
    /// Its rule, as a position among the optimizer's.
    pub rule: usize,
    /// Its learning rate is this factor times the step's.
    pub lr_factor: f64,
    /// λ, where a group says it; else the rule's.
    pub weight_decay: Option<f64>,
    /// Whether its gradients are left alone, and it.
    pub frozen: bool,
    /// How its moments are kept.
    pub format: StateFormat,
    /// What its random bits are keyed by.
    pub key: u64,
    /// Whether it holds something so large that its next step is looked at beforehand.
    pub loud: bool,
    /// Steps that it has taken: a frozen tensor's do not advance, as in torch.
    pub steps: u64,
    /// The rule's arrays.
    pub arrays: Vec<StateArray>,
    /// The rule's numbers for the tensor as a whole.
    pub memory: Vec<f64>,
    /// The wrappers' arrays: Lookahead's slow weights, then the average.
    pub wrapper_arrays: Vec<StateArray>,
    /// What is kept beside a parameter in half precision.
    pub master: Option<Box<StateArray>>,
    /// What is known of its gradients.
    pub health: TensorHealth,
    /// Its part of the workspace, in bytes.
    pub workspace: Range<usize>,
    /// Where wrappers keep the weights before a tensor rule's step.
    pub before: Option<Box<Aligned>>,
    /// Where they keep the gradient that a tensor rule is given.
    pub gradient: Option<Box<Aligned>>,
}

impl TensorState {
    /// All arrays that belong to the state, in the order of a state file of the first version.
    pub fn all_arrays(&self) -> impl Iterator<Item = &StateArray> {
        self.arrays.iter().chain(&self.wrapper_arrays).chain(self.master.as_deref())
    }

    /// The same, to be changed.
    pub fn all_arrays_mut(&mut self) -> impl Iterator<Item = &mut StateArray> {
        self.arrays.iter_mut().chain(&mut self.wrapper_arrays).chain(self.master.as_deref_mut())
    }

    /// What is known of it without what it holds.
    pub fn without_arrays(&self) -> Self {
        Self {
            arrays: Vec::new(),
            memory: self.memory.clone(),
            wrapper_arrays: Vec::new(),
            master: None,
            workspace: self.workspace.clone(),
            before: None,
            gradient: None,
            ..*self
        }
    }

    /// Bytes of state.
    pub fn bytes(&self) -> usize {
        self.all_arrays().map(StateArray::size).sum::<usize>() + size_of_val(&*self.memory)
    }
}
