//! The types that arithmetic is done in.

use crate::dtype::DType;
use crate::real::Real;

/// A type that arithmetic is done in: `f32` or `f64`.
pub trait Float: Real + Into<f64> + Default + bytemuck::Pod + std::fmt::Debug {
    /// Its type in memory.
    const DTYPE: DType;
    /// 0
    const ZERO: Self;
    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;
}

impl Float for f32 {
    const DTYPE: DType = DType::F32;
    const ZERO: Self = 0.0;
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Float for f64 {
    const DTYPE: DType = DType::F64;
    const ZERO: Self = 0.0;
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}
