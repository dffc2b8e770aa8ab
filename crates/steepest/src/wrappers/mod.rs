//! What composes with any rule.
//!
//! Wrappers change the gradient before the rule (centralization), the update after it (caution, bounds), or keep weights of
//! their own (averages, Lookahead). All of them work on blocks that the step has in its cache anyway, so the
//! parameter is written once, as without them; caution and bounds, which depend on the whole update, read it once more.
//! And two things take more than one gradient for a step: accumulation and SAM.

mod accumulate;
mod average;
mod bound;
mod cautious;
mod evaluation;
mod lookahead;
mod options;
mod sam;
mod update_clip;

pub use accumulate::Accumulator;
pub(crate) use average::average;
pub use average::{Averaging, Ema, Swa};
pub(crate) use bound::BoundWrappers;
pub(crate) use cautious::Passed;
pub(crate) use evaluation::Copied;
pub use evaluation::{Evaluation, Tensors};
pub use lookahead::Lookahead;
pub(crate) use lookahead::follow;
pub(crate) use options::Wrappers;
pub use sam::{Sam, SamReport, SamStep};
pub use update_clip::UpdateClip;
