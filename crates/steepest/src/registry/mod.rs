//! The table of optimizers: one line in it (`src/rules/mod.rs`), and the command line, the reference
//! pages and every test loop know the optimizer.

mod entry;
mod reference;
mod table;

pub use entry::{Entry, InTorch, Traits};
pub use reference::reference_page;
pub use table::{LBFGS, OPTIMIZERS, find, find_method};
