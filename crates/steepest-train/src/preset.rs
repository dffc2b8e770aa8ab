//! How much a run may cost, in one word.

use serde::{Deserialize, Serialize};

/// What the defaults of network and training are chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// A first answer: a small network, a quarter of the epochs.
    Fast,
    /// Accuracy for its time.
    #[default]
    Default,
    /// Accuracy: four members, twice the epochs; with `train.max_seconds`, as many of both as fit.
    Best,
}

/// Members that `best` takes where no time is given.
pub(crate) const USUAL_MEMBERS: u64 = 4;
