//! Gradient clipping. Factors and bounds are folded into the update: the gradient is read once more,
//! never rewritten.

use crate::error::{Error, Result};
use crate::settings::{Range, check_field};

/// How gradients are bounded before the update; several in a row are [`Clips`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Clip {
    /// Each element to `[-c, c]`. Needs no extra read.
    Value(f64),
    /// Each tensor's gradient to a Euclidean norm of at most `c`:
    /// `g ← g·min(1, c/(‖g‖ + 1e-6))`.
    TensorNorm(f64),
    /// All gradients together to a Euclidean norm of at most `c`, as `torch.nn.utils.clip_grad_norm_`:
    /// `g ← g·min(1, c/(‖g‖ + 1e-6))` with the norm over all tensors (Pascanu et al., 2013).
    GlobalNorm(f64),
    /// As [`TensorNorm`](Self::TensorNorm), in the norm of this order.
    TensorNormOf {
        /// p of `‖g‖ = (Σ|g|ᵖ)^(1/p)`, in `[1, ∞]`: 1 for the sum of sizes, `f64::INFINITY` for the largest.
        order: f64,
        /// The largest norm.
        most: f64,
    },
    /// As [`GlobalNorm`](Self::GlobalNorm), in the norm of this order: torch's `norm_type`. 1, 2 and infinity take no longer than
    /// the gradient's read; other orders compute a power of each element.
    ///
    /// ```
    /// use steepest::{Clip, DType, Optimizer, Param, Sgd, Slot};
    /// let mut theta = [0.0f64; 3];
    /// let mut sgd = Optimizer::builder(Sgd::default())
    ///     .clip(Clip::GlobalNormOf { order: f64::INFINITY, most: 1.0 })
    ///     .build([Param::new("theta", [3], DType::F64)])?;
    /// let report = sgd.step(1.0, &mut [Slot::new(&mut theta, &[4.0, -2.0, 0.0])])?;
    /// assert!((theta[0] + 1.0).abs() < 1e-6 && (theta[1] - 0.5).abs() < 1e-6);
    /// assert_eq!(report.clip_factor, 1.0 / (4.0 + 1e-6));
    /// # Ok::<(), steepest::Error>(())
    /// ```
    GlobalNormOf {
        /// p of `‖g‖ = (Σ|g|ᵖ)^(1/p)`, in `[1, ∞]`: 1 for the sum of sizes, `f64::INFINITY` for the largest.
        order: f64,
        /// The largest norm.
        most: f64,
    },
    /// Each unit's gradient to at most `factor` times the norm of its weights:
    /// `g ← g·min(1, factor·max(‖w‖, eps)/‖g‖)` (Brock et al., 2021, equation 3). Typical: 0.01, 1e-3.
    Adaptive {
        /// The largest ratio of a unit's gradient norm to its weight norm.
        factor: f64,
        /// Weight norms below this count as this, so that zero weights can move.
        eps: f64,
    },
}

/// Clips in the order in which they are applied: none, one, or a list, as [`Builder::clip`](crate::Builder::clip) takes them.
///
/// Each bounds what the one before it made. Those by norm come first, in any order and number; then those by unit
/// ([`Clip::Adaptive`]), then those by value. So the gradients are read once: a norm is that of the gradient as given, times the
/// factors before it, which is not so behind a bound on single elements.
///
/// # Differences
/// optax: none (`chain`), but for the orders that it takes and `build` refuses.
///
/// # Errors
/// At `build`: a clip by norm after one by unit or by value, one by unit after one by value; a bound outside `(0, ∞)`.
///
/// # Example
/// ```
/// use steepest::{Clip, DType, Optimizer, Param, Sgd, Slot};
/// let mut theta = [0.0f64; 2];
/// let mut sgd = Optimizer::builder(Sgd::default())
///     .clip([Clip::GlobalNorm(1.0), Clip::Value(0.7)])
///     .build([Param::new("theta", [2], DType::F64)])?;
/// sgd.step(1.0, &mut [Slot::new(&mut theta, &[30.0, -40.0])])?;
/// assert!((theta[0] + 0.6).abs() < 1e-6 && theta[1] == 0.7);
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clips(Vec<Clip>);

impl Clips {
    /// Whether nothing is bounded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The clips, the first to be applied first.
    pub fn as_slice(&self) -> &[Clip] {
        &self.0
    }
}

impl From<Clip> for Clips {
    fn from(clip: Clip) -> Self {
        Self(vec![clip])
    }
}

impl From<Option<Clip>> for Clips {
    fn from(clip: Option<Clip>) -> Self {
        Self(clip.into_iter().collect())
    }
}

impl From<Vec<Clip>> for Clips {
    fn from(clips: Vec<Clip>) -> Self {
        Self(clips)
    }
}

impl<const N: usize> From<[Clip; N]> for Clips {
    fn from(clips: [Clip; N]) -> Self {
        Self(clips.into())
    }
}

impl FromIterator<Clip> for Clips {
    fn from_iter<I: IntoIterator<Item = Clip>>(clips: I) -> Self {
        Self(clips.into_iter().collect())
    }
}

/// Clips as a step takes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clipping {
    /// Those by norm, which become one factor for each tensor.
    pub norms: Vec<NormClip>,
    /// The orders of norms that they need beside the Euclidean one, each once.
    pub orders: Vec<f64>,
    /// Those by unit: `factor` and `eps`.
    pub units: Vec<(f64, f64)>,
    /// What no element exceeds; none without a clip by value.
    pub limit: Option<f64>,
}

/// A clip by norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormClip {
    /// Whether the norm is over all tensors together.
    pub global: bool,
    /// Which of the other orders its norm has; that of the Euclidean norm without.
    pub order: Option<usize>,
    pub most: f64,
}

impl Clipping {
    /// # Errors
    /// A bound outside its range; clips whose order would need another read of the gradients.
    pub fn new(clips: &Clips) -> Result<Self> {
        let mut clipping = Self::default();
        let mut before: Option<(Place, usize)> = None;
        for (i, clip) in clips.0.iter().enumerate() {
            clip.check()?;
            let place = clip.place();
            if let Some((earlier, at)) = before.filter(|(earlier, _)| *earlier > place) {
                return Err(Error::Conflict {
                    owner: "clip",
                    conflict: format!(
                        "number {} clips by {place} what number {} has clipped by {earlier}, and the one read of the gradients \
                         cannot tell the norms of that",
                        i + 1,
                        at + 1
                    ),
                    remedy: "put clips by norm first, then those by unit, then those by value".to_owned(),
                });
            }
            before = Some((place, i));
            clipping.take(*clip);
        }
        Ok(clipping)
    }

    fn take(&mut self, clip: Clip) {
        match clip {
            Clip::Value(c) => self.limit = Some(self.limit.map_or(c, |limit| limit.min(c))),
            Clip::TensorNorm(most) => self.norms.push(NormClip { global: false, order: None, most }),
            Clip::GlobalNorm(most) => self.norms.push(NormClip { global: true, order: None, most }),
            Clip::TensorNormOf { order, most } => {
                let order = self.order(order);
                self.norms.push(NormClip { global: false, order, most });
            }
            Clip::GlobalNormOf { order, most } => {
                let order = self.order(order);
                self.norms.push(NormClip { global: true, order, most });
            }
            Clip::Adaptive { factor, eps } => self.units.push((factor, eps)),
        }
    }

    /// The place of an order among those beside the Euclidean norm's.
    fn order(&mut self, order: f64) -> Option<usize> {
        if order == 2.0 {
            return None;
        }
        Some(self.orders.iter().position(|known| *known == order).unwrap_or_else(|| {
            self.orders.push(order);
            self.orders.len() - 1
        }))
    }

    /// Whether anything looks at units or single elements, which rules for whole tensors cannot.
    pub fn is_by_element(&self) -> bool {
        self.limit.is_some() || !self.units.is_empty()
    }
}

/// What a clip looks at; each may follow itself and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Norm,
    Unit,
    Value,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Norm => "norm",
            Self::Unit => "unit",
            Self::Value => "value",
        })
    }
}

impl Clip {
    fn check(&self) -> Result<()> {
        let positive = |setting, value: &f64| check_field("clip", setting, value, Range::POSITIVE);
        match self {
            Self::Value(c) => positive("value", c),
            Self::TensorNorm(c) => positive("tensor norm", c),
            Self::GlobalNorm(c) => positive("global norm", c),
            Self::TensorNormOf { order, most } => check_order(order).and(positive("tensor norm", most)),
            Self::GlobalNormOf { order, most } => check_order(order).and(positive("global norm", most)),
            Self::Adaptive { factor, eps } => positive("factor", factor).and(positive("eps", eps)),
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::TensorNorm(_) | Self::GlobalNorm(_) => Place::Norm,
            Self::TensorNormOf { .. } | Self::GlobalNormOf { .. } => Place::Norm,
            Self::Adaptive { .. } => Place::Unit,
            Self::Value(_) => Place::Value,
        }
    }
}

/// Below 1 there is no norm: the triangle inequality fails.
fn check_order(order: &f64) -> Result<()> {
    check_field("clip", "order", order, Range::new(1.0, false, f64::INFINITY, false))
}

/// The factor that brings a gradient of norm `norm` to at most `most`: torch's formula.
pub(crate) fn coefficient(norm: f64, most: f64) -> f64 {
    (most / (norm + 1e-6)).min(1.0)
}
