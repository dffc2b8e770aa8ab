//! State that callers keep: what there is of it, how it begins, and what the optimizer keeps beside it.

use crate::error::{Error, Result};
use crate::optimizer::Optimizer;
use crate::optimizer::array::StateArray;
use crate::optimizer::lend::{check_slices, not_lent, with_slices};
use crate::optimizer::tensor::TensorState;
use crate::rule::Body;
use crate::state_slice::{StateLayout, StateSlice};

impl Optimizer {
    /// The state arrays of parameter `i`, in the order in which a slot [lends](crate::Slot::with_state) them: those of its rule, of wrappers, and
    /// what is kept beside a parameter in half precision. An array in 8 bits is two: its codes, in an order of their own, and `….scales`.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn state_layout(&self, i: usize) -> Vec<StateLayout> {
        let TensorState { arrays, wrapper_arrays, master, .. } = &self.tensors[i];
        let of_wrappers = wrapper_arrays.iter().flat_map(StateArray::layouts);
        let of_wrappers = of_wrappers.map(|layout| StateLayout { weights: true, ..layout });
        let of_master = master.iter().flat_map(|array| array.layouts());
        arrays.iter().flat_map(StateArray::layouts).chain(of_wrappers).chain(of_master).collect()
    }

    /// Writes what the state of parameter `i` holds before its first step into arrays of its [layout](Self::state_layout).
    ///
    /// # Errors
    /// [`Error::LentState`]: arrays of another number, length or element type, or an optimizer that keeps its state itself. Nothing is
    /// written then.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn begin_state(&mut self, i: usize, state: &mut [StateSlice<'_>]) -> Result<()> {
        self.check_lent(i, state)?;
        with_slices(&mut self.tensors[i], state, |tensor| {
            tensor.all_arrays_mut().for_each(StateArray::reset);
        });
        Ok(())
    }

    /// Whether the rule of parameter `i` treats each element alone, but for sums over all of them, so that its elements may lie in any order:
    /// the same for parameter, gradient and those of its [arrays](Self::state_layout) that have its shape.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn is_elementwise(&self, i: usize) -> bool {
        matches!(self.setup.rules[self.tensors[i].rule].body, Body::Element(_))
    }

    /// The steps that parameter `i` has taken.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn steps_of(&self, i: usize) -> u64 {
        self.tensors[i].steps
    }

    /// Sets the steps that parameter `i` has taken, to go on with state from elsewhere. The optimizer's own
    /// [number](Self::steps_taken) becomes that of the parameter that has taken most.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn set_steps_of(&mut self, i: usize, steps: u64) {
        let tensor = &mut self.tensors[i];
        // what its arrays hold may be anything: its next step is looked at beforehand
        (tensor.steps, tensor.loud) = (steps, true);
        self.steps_taken = self.tensors.iter().map(|tensor| tensor.steps).max().unwrap_or(0);
        self.skips = 0;
    }

    /// The names of the numbers that the rule of parameter `i` keeps for it as a whole.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn memory_names(&self, i: usize) -> Vec<&'static str> {
        self.memory_by_name(i).map(|(name, _)| name).collect()
    }

    /// These numbers, in the order of their [names](Self::memory_names).
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn memory_of(&self, i: usize) -> &[f64] {
        &self.tensors[i].memory
    }

    /// Sets the numbers that the rule of parameter `i` keeps for it, in the order of [`memory_of`](Self::memory_of).
    ///
    /// # Errors
    /// Another number of them; nothing has changed then.
    ///
    /// # Panics
    /// If there is no parameter `i`.
    pub fn set_memory_of(&mut self, i: usize, values: &[f64]) -> Result<()> {
        if values.len() != self.tensors[i].memory.len() {
            let names = self.memory_names(i);
            let name = &self.setup.params[i].name;
            let problem = format!(
                "numbers of {name}: expected {} ({}), found {}",
                names.len(),
                if names.is_empty() { "none".to_owned() } else { names.join(", ") },
                values.len()
            );
            return Err(Error::StateMismatch { problems: vec![problem] });
        }
        let tensor = &mut self.tensors[i];
        tensor.memory.copy_from_slice(values);
        tensor.loud = true;
        Ok(())
    }

    /// Whether it owns its state.
    ///
    /// # Errors
    /// That it does not.
    pub(super) fn check_owned(&self) -> Result<()> {
        if !self.setup.formats.lent {
            return Ok(());
        }
        Err(Error::Conflict {
            owner: self.name(),
            conflict: "its state arrays are lent to it, and it has them in steps alone".to_owned(),
            remedy: "read and write the arrays where they are kept".to_owned(),
        })
    }

    /// Whether it is lent its state, and these slices are that of parameter `i`.
    pub(super) fn check_lent(&self, i: usize, state: &[StateSlice<'_>]) -> Result<()> {
        let (step, name) = (self.steps_taken, &self.setup.params[i].name);
        if self.setup.formats.lent {
            check_slices(step, name, &self.tensors[i], state)
        } else {
            Err(not_lent(step, name, state))
        }
    }
}
