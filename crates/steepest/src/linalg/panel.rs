//! The unit of everything here.

/// Rows or columns of a panel: the registers of a tile, and the numbers in one, on the largest instruction
/// set. Pieces of a workspace and chunks of a loop are whole panels too, so that they begin on cache lines.
pub const PANEL: usize = 16;
