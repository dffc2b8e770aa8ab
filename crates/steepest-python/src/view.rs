//! What a tensor or an array is: where it lies, of which type, in which order.

use std::borrow::Cow;
use std::fmt;
use steepest::{DType, StateType};

/// An element type by DLPack's code and bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    pub code: u8,
    pub bits: u8,
}

impl Element {
    pub const F64: Self = Self { code: 2, bits: 64 };
    pub const F32: Self = Self { code: 2, bits: 32 };
    pub const F16: Self = Self { code: 2, bits: 16 };
    pub const BF16: Self = Self { code: 4, bits: 16 };
    pub const U8: Self = Self { code: 1, bits: 8 };
    pub const I8: Self = Self { code: 0, bits: 8 };
    /// Any other.
    pub const OTHER: Self = Self { code: u8::MAX, bits: 0 };

    /// As a parameter or a gradient has it.
    pub fn dtype(self) -> Option<DType> {
        match self {
            Self::F64 => Some(DType::F64),
            Self::F32 => Some(DType::F32),
            Self::BF16 => Some(DType::Bf16),
            Self::F16 => Some(DType::F16),
            _ => None,
        }
    }

    /// As a state array has it.
    pub fn of_state(element: StateType) -> Self {
        match element {
            StateType::F64 => Self::F64,
            StateType::F32 => Self::F32,
            StateType::Bf16 => Self::BF16,
            StateType::U8 => Self::U8,
            StateType::I8 => Self::I8,
            _ => Self::OTHER,
        }
    }

    /// Bytes.
    pub fn size(self) -> usize {
        usize::from(self.bits / 8)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.code {
            0 => "int",
            1 => "uint",
            2 => "float",
            4 => "bfloat",
            5 => "complex",
            6 => "bool",
            _ => return write!(f, "an unknown type"),
        };
        write!(f, "{kind}{}", self.bits)
    }
}

/// A tensor or an array, as it lies in memory while its owner is held.
#[derive(Debug, Clone)]
pub(crate) struct View<'a> {
    /// The address of its first element.
    pub at: usize,
    pub element: Element,
    /// Whether it lies in the memory of the processor.
    pub on_cpu: bool,
    /// Whether it must not be written.
    pub read_only: bool,
    pub shape: Cow<'a, [i64]>,
    /// In elements.
    pub strides: Cow<'a, [i64]>,
}

impl View<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).product()
    }

    /// Whether its first element lies somewhere, as elements of its type do.
    pub fn is_there(&self) -> bool {
        self.len() == 0 || (self.at != 0 && self.at.is_multiple_of(self.element.size().max(1)))
    }

    /// Whether its elements follow one another in the order of its indices.
    pub fn is_contiguous(&self) -> bool {
        let mut next = 1;
        for (n, stride) in self.shape.iter().zip(self.strides.iter()).rev() {
            if *n == 0 {
                return true;
            }
            if *n != 1 && *stride != next {
                return false;
            }
            next *= n;
        }
        true
    }

    /// Whether its elements fill its memory without gaps, each once, in whatever order of axes: `channels_last`, transposed.
    pub fn is_dense(&self) -> bool {
        if self.is_contiguous() {
            return true;
        }
        let mut axes: Vec<(i64, i64)> =
            self.strides.iter().copied().zip(self.shape.iter().copied()).collect();
        axes.retain(|(_, n)| *n != 1);
        axes.sort_unstable();
        let mut next = 1;
        axes.into_iter().all(|(stride, n)| {
            let follows = stride == next;
            next *= n;
            follows
        })
    }

    /// Whether elements of the same index lie at the same place of both.
    pub fn lies_as(&self, other: &Self) -> bool {
        self.shape == other.shape
            && (self.shape.iter().zip(self.strides.iter().zip(other.strides.iter())))
                .all(|(n, (a, b))| *n == 1 || a == b)
            || self.len() == 0
    }

    /// Whether it has this shape.
    pub fn has_shape(&self, shape: &[usize]) -> bool {
        self.shape.len() == shape.len()
            && self.shape.iter().zip(shape).all(|(a, b)| usize::try_from(*a) == Ok(*b))
    }
}
