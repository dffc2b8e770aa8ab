//! The memory of a state array: its own, or lent to it for the length of a step.
#![allow(unsafe_code)] // memory that a slot brings, through its address

use crate::aligned::Aligned;
use bytemuck::Pod;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// The memory of a state array.
#[derive(Debug)]
pub(crate) enum Memory {
    Own(Aligned),
    /// So many bytes, which lie somewhere only while a step has them.
    Lent {
        at: *mut u8,
        bytes: usize,
    },
}

// SAFETY: what is lent is borrowed for writing by whoever bound it, for as long as it is bound; see `lend`.
unsafe impl Send for Memory {}
// SAFETY: as above; through a shared reference it is only read.
unsafe impl Sync for Memory {}

impl Memory {
    /// So many bytes that will be lent.
    pub fn lent(bytes: usize) -> Self {
        Self::Lent { at: std::ptr::null_mut(), bytes }
    }

    /// Bytes, whether they are there or not.
    pub fn len(&self) -> usize {
        match self {
            Self::Own(memory) => memory.len(),
            Self::Lent { bytes, .. } => *bytes,
        }
    }

    /// Its numbers; none while it is not lent.
    pub fn slice<T: Pod>(&self) -> &[T] {
        match self {
            Self::Own(memory) => memory.slice(),
            Self::Lent { at, .. } if at.is_null() => &[],
            // SAFETY: the contract of `lend`: the bytes are numbers of the type that the array's storage names, which is what
            // callers ask for, or bytes; the reference lives no longer than this borrow, while it is bound.
            Self::Lent { at, bytes } => unsafe { from_raw_parts(at.cast::<T>(), *bytes / size_of::<T>()) },
        }
    }

    /// The same, to be changed.
    pub fn slice_mut<T: Pod>(&mut self) -> &mut [T] {
        match self {
            Self::Own(memory) => memory.slice_mut(),
            Self::Lent { at, .. } if at.is_null() => &mut [],
            // SAFETY: as above, and this borrow is the only one.
            Self::Lent { at, bytes } => unsafe {
                from_raw_parts_mut(at.cast::<T>(), *bytes / size_of::<T>())
            },
        }
    }

    /// Where it lies; null while it is not lent.
    pub fn address(&mut self) -> *mut u8 {
        match self {
            Self::Own(memory) => memory.address(),
            Self::Lent { at, .. } => *at,
        }
    }

    /// From now on it lies at `at`, until [`give_back`](Self::give_back). Memory of its own stays where it is.
    ///
    /// # Safety
    /// Until then `at` is borrowed for writing by the caller alone, has [`len`](Self::len) bytes, and holds numbers of the type of
    /// the array's storage, aligned for it.
    pub unsafe fn lend(&mut self, from: *mut u8) {
        if let Self::Lent { at, .. } = self {
            *at = from;
        }
    }

    /// It lies nowhere.
    pub fn give_back(&mut self) {
        if let Self::Lent { at, .. } = self {
            *at = std::ptr::null_mut();
        }
    }
}

impl Clone for Memory {
    /// Of what is lent at this moment a copy of its own; of what is not, a place that is to be lent, too.
    fn clone(&self) -> Self {
        match self {
            Self::Own(memory) => Self::Own(memory.clone()),
            Self::Lent { at, bytes } if at.is_null() => Self::lent(*bytes),
            Self::Lent { bytes, .. } => {
                let mut copy = Aligned::new(*bytes);
                copy.slice_mut::<u8>().copy_from_slice(self.slice());
                Self::Own(copy)
            }
        }
    }
}
