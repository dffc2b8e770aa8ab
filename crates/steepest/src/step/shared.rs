//! Places that the tasks of a pass write side by side.
#![allow(unsafe_code)] // each task writes places of its own through one pointer

use std::marker::PhantomData;

/// A slice whose elements tasks write side by side, each its own.
pub(crate) struct SharedSlice<'a, T> {
    at: *mut T,
    len: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: users write disjoint places only, as the contract of each method says.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { at: slice.as_mut_ptr(), len: slice.len(), borrowed: PhantomData }
    }

    /// # Safety
    /// No other task uses element `i`.
    pub unsafe fn write(&self, i: usize, value: T) {
        // SAFETY: the caller's contract; `get_mut` checks the bound.
        unsafe { *self.get_mut(i) = value };
    }

    /// # Safety
    /// No other task, and no other borrow, uses element `i`.
    #[allow(clippy::mut_from_ref)] // the contract makes it exclusive
    pub unsafe fn get_mut(&self, i: usize) -> &mut T {
        assert!(i < self.len, "element {i} of {}", self.len);
        // SAFETY: in bounds, and the caller's contract.
        unsafe { &mut *self.at.add(i) }
    }
}
