//! Event files, which TensorBoard shows: curves, histograms, texts, settings beside results.
//!
//! An [`EventFile`] takes numbers under names, a *tag* each; it knows nothing of what they are. The names of several
//! are grouped by what stands before their first `/`.
//!
//! ```
//! use steepest_report::tensorboard::{At, EventFile, Histogram, Outcome, Setting};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let folder = temporary.path();
//! let mut events = EventFile::create(folder, At::now(0))?;
//! events.settings(&[("optimizer.name", "adamw".into()), ("optimizer.lr", 0.001.into())], At::now(0))?;
//! events.code("settings", "[optimizer]\nlr = 0.001", At::now(0))?;
//! for step in 1..=10 {
//!     events.scalar("loss/train", 1.0 / step as f64, At::now(step))?;
//! }
//! events.histogram("weights/layers.0", &Histogram::of(&[0.25_f32, -0.5, 1.0]), At::now(10))?;
//! events.end(Outcome::Success, &[("test_accuracy", 0.97)], At::now(10))?;
//! events.flush()?;
//! # Ok(())
//! # }
//! ```
//!
//! `tensorboard --logdir RUNS` shows every folder below `RUNS` that holds event files as a run. Every release of
//! TensorBoard can read them: values are written as its first versions did, the only way that all its readers take and
//! that all of them drop when a run goes on from an earlier step. Numbers are those of 32 bits then, which TensorBoard
//! shows in any case; what is larger than 3.4e38 is infinite there.

mod crc32c;
mod event;
mod file;
mod histogram;
mod hparams;
mod message;
mod name;
mod pending;
mod record;
mod tag;

pub use event::At;
pub use file::{EventFile, WriteError};
pub use histogram::{Histogram, NotFinite};
pub use hparams::{Outcome, Setting};
pub use tag::inert_tag;
