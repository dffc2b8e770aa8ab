//! Loops over whole tensors, products, triangular solves and decompositions of matrices: what [tensor
//! rules](crate::rule::TensorRule) are written with. No routine allocates: what one needs comes from a
//! [`Workspace`].

mod decomposition;
mod eigen;
mod elements;
mod orthogonal;
mod panel;
mod products;
mod reflections;
#[cfg(test)]
mod testing;
mod tile;
mod triangular;
mod workspace;

pub(crate) use decomposition::Decomposition;
pub use elements::Loops;
pub use panel::PANEL;
pub use products::{Matrix, Packed, packed_either_len, packed_len, unpack_row};
pub use tile::Number;
pub use workspace::{Request, Workspace};
