//! The two types that steps compute in, each with its form of every kernel.

use crate::kernel::{Convert, ElementKernel, TypedKernel};
use crate::linalg::Number;
use crate::rule::{Step, TensorKernel, TensorView};

/// `f32` or `f64`.
pub(crate) trait Arithmetic: Number + Convert {
    /// An element kernel in this type.
    fn kernel(kernel: &dyn ElementKernel) -> &dyn TypedKernel<Self>;
    /// A step of a tensor kernel in this type.
    fn update(kernel: &dyn TensorKernel, step: Step, tensor: TensorView<'_, Self>) -> f64;
}

impl Arithmetic for f32 {
    fn kernel(kernel: &dyn ElementKernel) -> &dyn TypedKernel<Self> {
        kernel
    }
    fn update(kernel: &dyn TensorKernel, step: Step, tensor: TensorView<'_, Self>) -> f64 {
        kernel.update_f32(step, tensor)
    }
}

impl Arithmetic for f64 {
    fn kernel(kernel: &dyn ElementKernel) -> &dyn TypedKernel<Self> {
        kernel
    }
    fn update(kernel: &dyn TensorKernel, step: Step, tensor: TensorView<'_, Self>) -> f64 {
        kernel.update_f64(step, tensor)
    }
}
