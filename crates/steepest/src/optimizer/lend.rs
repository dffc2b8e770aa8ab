//! Binds state arrays to memory that a caller brings, for the length of a call.
#![allow(unsafe_code)] // that memory, through its address

use crate::error::{Error, Result};
use crate::optimizer::array::StateArray;
use crate::optimizer::tensor::TensorState;
use crate::param::Slot;
use crate::state_slice::StateSlice;

/// Runs a step whose tensors' arrays lie in the slices of its slots. Slices were [checked](check_slices); `run` leaves
/// [`Slot::state`] alone, and a slot without any has a tensor whose arrays the step does not touch.
pub(crate) fn with_slots<R>(
    tensors: &mut [TensorState],
    slots: &mut [Slot<'_>],
    run: impl FnOnce(&mut [TensorState], &mut [Slot<'_>]) -> R,
) -> R {
    let lent = Lent(tensors);
    for (tensor, slot) in lent.0.iter_mut().zip(&mut *slots) {
        // SAFETY: `slots` borrows the slices for longer than `lent` lives, and nobody else uses them: see above.
        unsafe { lend(tensor, &mut slot.state) };
    }
    run(lent.0, slots)
}

/// Calls `run` with a tensor whose arrays lie in these slices, which were [checked](check_slices).
pub(crate) fn with_slices<R>(
    tensor: &mut TensorState,
    slices: &mut [StateSlice<'_>],
    run: impl FnOnce(&mut TensorState) -> R,
) -> R {
    let lent = Lent(std::slice::from_mut(tensor));
    // SAFETY: `slices` are borrowed for longer than `lent` lives, and `run` does not get them.
    unsafe { lend(&mut lent.0[0], slices) };
    run(&mut lent.0[0])
}

/// Whether these are slices for the arrays of a tensor.
///
/// # Errors
/// [`Error::LentState`]: another number, another length or element type.
pub(crate) fn check_slices(
    step: u64,
    name: &str,
    tensor: &TensorState,
    slices: &[StateSlice<'_>],
) -> Result<()> {
    // types and lengths only: texts are made for errors alone
    let parts = || tensor.all_arrays().flat_map(StateArray::parts);
    let of_slices = slices.iter().map(|slice| (slice.element(), slice.len()));
    if of_slices.clone().eq(parts()) {
        return Ok(());
    }
    let words = |arrays: Vec<String>| if arrays.is_empty() { "none".to_owned() } else { arrays.join(", ") };
    let found = words(of_slices.map(|(element, len)| format!("{len} × {element}")).collect());
    let expected = tensor.all_arrays().flat_map(StateArray::layouts);
    let expected = expected.map(|layout| format!("{} ({} × {})", layout.name, layout.len(), layout.element));
    Err(Error::LentState { step, tensor: name.to_owned(), expected: words(expected.collect()), found })
}

/// That a parameter brings state to an optimizer that keeps it itself.
pub(crate) fn not_lent(step: u64, name: &str, slices: &[StateSlice<'_>]) -> Error {
    Error::LentState {
        step,
        tensor: name.to_owned(),
        expected: "none, for the optimizer keeps it itself".to_owned(),
        found: format!("{} arrays", slices.len()),
    }
}

/// Tensors that are lent memory; they give it back when this is dropped, whatever happens in between.
struct Lent<'a>(&'a mut [TensorState]);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let arrays = self.0.iter_mut().flat_map(TensorState::all_arrays_mut);
        arrays.flat_map(StateArray::memory_mut).for_each(|memory| memory.give_back());
    }
}

/// Binds the arrays of a tensor to slices of their types and lengths.
///
/// # Safety
/// Until the arrays give them back, nobody else uses the slices, and they live.
unsafe fn lend(tensor: &mut TensorState, slices: &mut [StateSlice<'_>]) {
    let places = tensor.all_arrays_mut().flat_map(StateArray::memory_mut);
    for (memory, slice) in places.zip(slices) {
        // SAFETY: the caller's contract.
        unsafe { memory.lend(slice.address()) };
    }
}
