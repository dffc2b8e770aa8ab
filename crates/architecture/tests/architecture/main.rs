//! The workspace against `docs/architecture.md`, and what reads it against planted sources.

mod planted;
mod workspace;
