//! The weights to evaluate with, where they are not those that are trained.

use crate::dtype::{Slice, SliceMut};
use crate::error::{Error, Result};
use crate::param::{Slot, Slots};
use half::{bf16, f16};
use std::fmt;
use std::ops::Deref;

/// What holds parameters: a list of vectors, a list of slots, or a model that shows its tensors. One that holds gradients, too, shows
/// them as [`Slots`] instead, and has this by it.
///
/// ```
/// use steepest::{SliceMut, Tensors};
/// struct Line { slope: Vec<f32>, intercept: Vec<f32> }
/// impl Tensors for Line {
///     fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
///         see((&mut self.slope).into());
///         see((&mut self.intercept).into());
///     }
/// }
/// ```
pub trait Tensors {
    /// Calls `see` with each parameter, in the order of [`Builder::build`](crate::Builder::build), the same on every call.
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>));
}

impl<M: Slots + ?Sized> Tensors for M {
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        self.each_slot(&mut |slot| see(slot.param));
    }
}

macro_rules! tensors {
    ($($t:ty),+) => { $(
        impl Tensors for [$t] {
            fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
                see(self.into());
            }
        }
    )+ };
}
tensors!(f64, f32, bf16, f16);

impl<T: Tensors> Tensors for [T] {
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        self.iter_mut().for_each(|tensors| tensors.each(see));
    }
}

impl<T> Tensors for Vec<T>
where
    [T]: Tensors,
{
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        self.as_mut_slice().each(see);
    }
}

impl<T, const N: usize> Tensors for [T; N]
where
    [T]: Tensors,
{
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        self.as_mut_slice().each(see);
    }
}

impl<T> Tensors for &mut [T]
where
    [T]: Tensors,
{
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        (**self).each(see);
    }
}

impl Tensors for SliceMut<'_> {
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        see(self.reborrow());
    }
}

impl Tensors for Slot<'_> {
    fn each(&mut self, see: &mut dyn FnMut(SliceMut<'_>)) {
        see(self.param.reborrow());
    }
}

/// A copy of a tensor.
#[derive(Debug)]
pub(crate) enum Copied {
    F64(Vec<f64>),
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    F16(Vec<f16>),
}

impl Copied {
    pub fn of(slice: Slice<'_>) -> Self {
        match slice {
            Slice::F64(s) => Self::F64(s.to_vec()),
            Slice::F32(s) => Self::F32(s.to_vec()),
            Slice::Bf16(s) => Self::Bf16(s.to_vec()),
            Slice::F16(s) => Self::F16(s.to_vec()),
        }
    }

    pub fn as_slice_mut(&mut self) -> SliceMut<'_> {
        match self {
            Self::F64(s) => s.into(),
            Self::F32(s) => s.into(),
            Self::Bf16(s) => s.into(),
            Self::F16(s) => s.into(),
        }
    }

    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::F64(s) => s.clone(),
            Self::F32(s) => s.iter().map(|x| f64::from(*x)).collect(),
            Self::Bf16(s) => s.iter().map(|x| x.to_f64()).collect(),
            Self::F16(s) => s.iter().map(|x| x.to_f64()).collect(),
        }
    }

    fn restore(&self, to: SliceMut<'_>) {
        match (self, to) {
            (Self::F64(from), SliceMut::F64(to)) if from.len() == to.len() => to.copy_from_slice(from),
            (Self::F32(from), SliceMut::F32(to)) if from.len() == to.len() => to.copy_from_slice(from),
            (Self::Bf16(from), SliceMut::Bf16(to)) if from.len() == to.len() => to.copy_from_slice(from),
            (Self::F16(from), SliceMut::F16(to)) if from.len() == to.len() => to.copy_from_slice(from),
            _ => debug_assert!(false, "a tensor changed its type or length under a shared borrow"),
        }
    }
}

/// Parameters that hold the weights for evaluation until this is dropped; then every bit is what it was.
///
/// Made by [`Optimizer::evaluation`](crate::Optimizer::evaluation). It lends the parameters' holder, read only.
pub struct Evaluation<'a, M: Tensors + ?Sized> {
    held: &'a mut M,
    trained: Vec<Copied>,
}

impl<'a, M: Tensors + ?Sized> Evaluation<'a, M> {
    /// `write` puts the weights for evaluation in the place of parameter `i`, or says what does not fit.
    pub(crate) fn new(
        held: &'a mut M,
        mut write: impl FnMut(usize, SliceMut<'_>) -> Result<()>,
        expected: usize,
        step: u64,
    ) -> Result<Self> {
        let mut trained = Vec::with_capacity(expected);
        held.each(&mut |tensor| trained.push(Copied::of(tensor.as_slice())));
        if trained.len() != expected {
            return Err(Error::TensorCount { step, expected, found: trained.len() });
        }
        // from here on a drop restores
        let guard = Self { held, trained };
        let (mut i, mut outcome) = (0, Ok(()));
        guard.held.each(&mut |tensor| {
            if outcome.is_ok() {
                outcome = write(i, tensor);
            }
            i += 1;
        });
        outcome.map(|()| guard)
    }
}

impl<M: Tensors + ?Sized> Deref for Evaluation<'_, M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.held
    }
}

impl<M: Tensors + ?Sized> Drop for Evaluation<'_, M> {
    fn drop(&mut self) {
        let mut trained = self.trained.iter();
        self.held.each(&mut |tensor| {
            if let Some(copied) = trained.next() {
                copied.restore(tensor);
            }
        });
    }
}

impl<M: Tensors + fmt::Debug + ?Sized> fmt::Debug for Evaluation<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Evaluation").field(&&*self.held).finish()
    }
}
