//! Optimizers for matrices: those that need products, triangular solves or decompositions.

mod fallback;
mod kron;
mod momentum;
mod mud;
mod muon;
mod newton_schulz;
mod normuon;
mod rule;
mod shampoo;
mod sides;
mod soap;

pub use fallback::MatrixFallback;
pub use kron::{DiagonalSides, Kron};
pub use mud::Mud;
pub use muon::{Muon, UpdateScale};
pub use newton_schulz::Polynomial;
pub use normuon::NorMuon;
pub use shampoo::{Grafting, Shampoo};
pub use soap::Soap;
