//! What is too large to be a table.

/// The longest record that is read, in bytes: far beyond any table, far below any memory.
pub const MAX_RECORD_BYTES: usize = 16 << 20;
/// The most columns of a table.
pub const MAX_COLUMNS: usize = 100_000;
