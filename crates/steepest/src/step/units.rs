//! Units of a tensor, for adaptive clipping and centralization: what shares an index along the unit axis.

use crate::param::Param;
use std::ops::Range;

/// How the gradient of each unit is scaled, and its mean.
#[derive(Debug)]
pub(crate) struct Units {
    /// Elements before one step along the unit axis is complete.
    inner: usize,
    /// The factor of each unit.
    pub factors: Vec<f64>,
    /// Norms of the parameter, while factors are found.
    pub weights: Vec<f64>,
    /// The mean gradient of each unit, once scaled and clipped; 0 where it is not to be subtracted.
    pub means: Vec<f64>,
}

impl Units {
    pub fn new(param: &Param) -> Self {
        // vectors and single numbers are one unit, as in the reference implementations
        let (inner, count) = if param.rank() <= 1 {
            (param.len(), 1)
        } else {
            (param.shape[param.unit_axis + 1..].iter().product(), param.shape[param.unit_axis])
        };
        Self {
            inner: inner.max(1),
            factors: vec![1.0; count],
            weights: vec![0.0; count],
            means: vec![0.0; count],
        }
    }

    /// The elements from `start` on, `n` of them, in runs of one unit: the unit, and places counted from `start`.
    pub fn runs(&self, start: usize, n: usize) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let (inner, count, mut next) = (self.inner, self.factors.len(), 0);
        std::iter::from_fn(move || {
            let from = (next < n).then_some(next)?;
            next = n.min(from + inner - (start + from) % inner);
            Some(((start + from) / inner % count, from..next))
        })
    }
}
