//! State arrays that a caller keeps and lends to each step.

use half::bf16;
use std::fmt;

/// The element type of a state array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StateType {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// bfloat16.
    Bf16,
    /// Codes of 8 bits, or the scales of their groups.
    U8,
    /// The bits below bfloat16's: [`Master::Correction`](crate::Master::Correction).
    I8,
}

impl fmt::Display for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::U8 => "u8",
            Self::I8 => "i8",
        })
    }
}

/// One array of the state of a parameter, as [`Optimizer::state_layout`](crate::Optimizer::state_layout) tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateLayout {
    /// Its name, as in a state file: `exp_avg`; of the scales of an array in 8 bits `exp_avg.scales`.
    pub name: String,
    /// Its shape, outermost axis first. Codes have the parameter's; the scales of their groups are a list.
    pub shape: Vec<usize>,
    /// Its element type.
    pub element: StateType,
    /// Whether it holds weights that a wrapper keeps, an [average](crate::Builder::average) or [slow weights](crate::Lookahead): where a run
    /// goes on with state that lacks it, a copy of the parameter.
    pub weights: bool,
}

impl StateLayout {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

macro_rules! state_slices {
    ($($variant:ident $t:ty),+) => {
        /// A state array that is lent to a step, flat.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum StateSlice<'a> { $(#[doc = concat!("Elements of type ", stringify!($t), ".")] $variant(&'a mut [$t])),+ }

        $(
            impl<'a> From<&'a mut [$t]> for StateSlice<'a> {
                fn from(slice: &'a mut [$t]) -> Self { Self::$variant(slice) }
            }
            impl<'a> From<&'a mut Vec<$t>> for StateSlice<'a> {
                fn from(slice: &'a mut Vec<$t>) -> Self { Self::$variant(slice) }
            }
        )+

        impl StateSlice<'_> {
            /// The element type.
            pub fn element(&self) -> StateType { match self { $(Self::$variant(_) => StateType::$variant),+ } }
            /// The number of elements.
            pub fn len(&self) -> usize { match self { $(Self::$variant(s) => s.len()),+ } }
            /// Where they lie.
            pub(crate) fn address(&mut self) -> *mut u8 { match self { $(Self::$variant(s) => s.as_mut_ptr().cast()),+ } }
        }
    };
}
state_slices!(F64 f64, F32 f32, Bf16 bf16, U8 u8, I8 i8);

impl StateSlice<'_> {
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
