//! The only loops over elements, compiled for each instruction set and chosen at run time.
//!
//! A loop is a [`Loop`] over slices or a [`RawLoop`] over pointers; [`InstructionSet::run`] compiles it once for each instruction
//! set. An element rule becomes an [`ElementKernel`] here. The compiler turns the one loop over single numbers into vector code and
//! its tail; the reference forbids it to, and a test holds all instruction sets to the reference, bit for bit.

mod convert;
mod element;
mod instruction_set;
mod prefetch;
mod prologue;
pub(crate) mod quantized;
mod reduce;
mod stream;

pub(crate) use convert::{Convert, MasterPlace, WeightPlace};
pub use element::{ElementKernel, element};
pub(crate) use element::{Elements, PreparedScalars, TypedKernel};
pub use instruction_set::InstructionSet;
pub(crate) use instruction_set::Loop;
pub(crate) use prefetch::pays as asking_pays;
pub(crate) use prologue::Prologue;
pub(crate) use reduce::{GradientStats, change, gradient_stats, join_norms, norm_of_order, scale, tree_sum};
#[doc(hidden)]
pub use stream::{read, stream};
