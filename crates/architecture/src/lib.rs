//! Reads the source of a crate as a graph of files, and finds the circles in it.
//!
//! Only the tests of this crate use it. They hold the workspace to `docs/architecture.md`.
//!
//! **Nodes** are the files under `src/`, without those that belong to tests alone.
//!
//! **Edges** go from a file that uses a name to the file that defines it. What counts, anywhere in code
//! (expressions, types, patterns, attributes, bodies of macros and what is passed to macros):
//!
//! - paths that begin with `crate`, `$crate`, `super` or `self`;
//! - paths that begin with the name of a child module, or with a module that a `use` brought in;
//! - calls of macros that the crate defines;
//! - text in serde's attributes (`with = "crate::exact"`);
//! - a name that a `pub use` re-exports and the same file uses;
//! - `use module::*`, which is an edge to the module's own file as well as to the names that are used.
//!
//! A name is followed through any number of `use` lines, renamed and glob ones too, to the file that defines
//! it. A path that ends at a module, or at a name that is not found in it (a macro made it, or another crate
//! did), ends at the module's own file.
//!
//! No edges: `mod` lines, `pub use` lines, visibilities (`pub(in crate::a)`), tests, comments and other text.
//!
//! Source is read as tokens, not as a syntax tree: paths have one form wherever they stand, and a parser
//! would not look into macros.

mod graph;
mod modules;
mod tokens;

pub use graph::{Circle, Graph};
pub use tokens::is_unsafe;
