//! Bounds on a tensor's update.

use crate::error::Result;
use crate::settings::{Range, check_field};

/// How a tensor's update is bounded.
///
/// # Formula
/// With u the tensor's update by the rule, the learning rate included and weight decay not (`θ ← (1 − ηλ)θ − u`), and n
/// the number of its elements:
/// ```text
/// Rms(d):    u ← u / max(1, √(Σu²/n) / (ηd))
/// Norm(c):   u ← u / max(1, √(Σu²) / c)
/// ```
/// The rule's state is as without a bound. A tensor whose update is within the bound is left as it is, bit for bit.
///
/// # Differences
/// optax: `Rms` is `clip_by_block_rms` before the learning rate is applied, which is also the clipping of Adafactor.
/// StableAdamW divides by the RMS of g/√v instead, without the momentum. Where the
/// [update is cautious](crate::Builder::cautious), the bound is on what is left of it.
///
/// # Example
/// ```
/// use steepest::{DType, Optimizer, Param, Sgd, Slot, UpdateClip};
/// let mut theta = [0.0f64; 4];
/// let mut sgd = Optimizer::builder(Sgd::default())
///     .clip_update(UpdateClip::Rms(1.0))
///     .build([Param::new("theta", [4], DType::F64)])?;
/// sgd.step(0.1, &mut [Slot::new(&mut theta, &[6.0, 0.0, 8.0, 0.0])])?; // of RMS 5
/// assert!((theta[0] + 0.12).abs() < 1e-15 && (theta[2] + 0.16).abs() < 1e-15);
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// Shazeer & Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, ICML 2018, section 6.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum UpdateClip {
    /// The root of the mean square of the update, divided by the learning rate, to at most this. Adafactor: 1.
    Rms(f64),
    /// The Euclidean norm of the update to at most this.
    Norm(f64),
}

impl UpdateClip {
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Rms(most) => check_field("clip_update", "rms", most, Range::POSITIVE),
            Self::Norm(most) => check_field("clip_update", "norm", most, Range::POSITIVE),
        }
    }

    /// The factor for an update of `len` elements and this norm.
    pub(crate) fn factor(&self, norm: f64, len: usize, lr: f64) -> f64 {
        let most = match self {
            Self::Rms(most) => most * lr * (len as f64).sqrt(),
            Self::Norm(most) => *most,
        };
        if norm > most { most / norm } else { 1.0 }
    }
}
