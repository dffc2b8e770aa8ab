//! Batches: which samples come together, in an order that is a pure function of (seed, epoch).

use crate::error::{Error, Result};
use crate::random::Stream;

/// How many samples one step sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchSize {
    /// All of them: gradient descent.
    Full,
    /// One: stochastic gradient descent in the word's first meaning.
    One,
    /// This many, at least 1; the last batch of an epoch holds what is left.
    N(usize),
}

impl BatchSize {
    /// The number of samples in a batch, at most `samples`.
    pub fn resolve(self, samples: usize) -> usize {
        match self {
            BatchSize::Full => samples,
            BatchSize::One => 1.min(samples),
            BatchSize::N(size) => size.min(samples),
        }
    }
}

/// The batches of every epoch.
///
/// The order of an epoch is Fisher-Yates over `0..samples` with the stream (`"order"`, seed, epoch) of
/// [`crate::random`], so an epoch can be repeated, or entered in its middle, without having run those before.
///
/// ```
/// use steepest_data::{BatchSize, Batches};
///
/// let mut batches = Batches::new(10, BatchSize::N(4), 42)?;
/// let sizes: Vec<usize> = batches.epoch(0).map(<[usize]>::len).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// let third = batches.epoch(5).nth(2).map(<[usize]>::to_vec);
/// assert_eq!(batches.epoch(5).from_batch(2).next().map(<[usize]>::to_vec), third);
/// # Ok::<(), steepest_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    order: Vec<usize>,
    size: usize,
    seed: u64,
    shuffled: bool,
    /// The epoch whose order lies in `order`.
    epoch: Option<u64>,
}

impl Batches {
    /// Batches of shuffled samples.
    ///
    /// # Errors
    /// [`Error::BatchSize`] if the size or the number of samples is 0.
    pub fn new(samples: usize, size: BatchSize, seed: u64) -> Result<Self> {
        let resolved = size.resolve(samples);
        if resolved == 0 {
            let size = if let BatchSize::N(size) = size { size } else { resolved };
            return Err(Error::BatchSize { size, samples });
        }
        Ok(Self { order: (0..samples).collect(), size: resolved, seed, shuffled: true, epoch: None })
    }

    /// Batches in the order of the samples, the same in every epoch: for validation.
    ///
    /// # Errors
    /// As [`Batches::new`].
    pub fn in_order(samples: usize, size: BatchSize) -> Result<Self> {
        Ok(Self { shuffled: false, ..Self::new(samples, size, 0)? })
    }

    /// Number of samples in an epoch.
    pub fn samples(&self) -> usize {
        self.order.len()
    }

    /// Number of samples in every batch but perhaps the last.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of batches in an epoch.
    pub fn per_epoch(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// The batches of one epoch. Allocates nothing; repeated calls for one epoch shuffle once.
    pub fn epoch(&mut self, epoch: u64) -> Epoch<'_> {
        if self.shuffled && self.epoch != Some(epoch) {
            // from the identity, not from the last epoch's order, or the order would depend on the epochs run
            // before
            for (index, sample) in self.order.iter_mut().enumerate() {
                *sample = index;
            }
            Stream::new(b"order\0\0\0", self.seed, epoch).shuffle(&mut self.order);
        }
        self.epoch = Some(epoch);
        Epoch { rest: &self.order, size: self.size }
    }
}

/// The batches of one epoch, each a slice of sample indices.
#[derive(Clone, Debug)]
pub struct Epoch<'a> {
    rest: &'a [usize],
    size: usize,
}

impl<'a> Epoch<'a> {
    /// Leaves out the first `batches` batches: to resume in the middle of an epoch. Call it on a fresh epoch.
    #[must_use]
    #[allow(clippy::wrong_self_convention)] // it reads as a sentence: epoch(3).from_batch(17)
    pub fn from_batch(self, batches: usize) -> Self {
        let skipped = batches.saturating_mul(self.size).min(self.rest.len());
        Self { rest: &self.rest[skipped..], ..self }
    }
}

impl<'a> Iterator for Epoch<'a> {
    type Item = &'a [usize];

    fn next(&mut self) -> Option<&'a [usize]> {
        if self.rest.is_empty() {
            return None;
        }
        let (batch, rest) = self.rest.split_at(self.size.min(self.rest.len()));
        self.rest = rest;
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rest.len().div_ceil(self.size);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Epoch<'_> {}

/// Gathers rows of a row-major matrix `[rows, width]` into a reused buffer `[indices.len(), width]`.
///
/// `out` is overwritten; it allocates only while it grows. Panics if an index is out of range.
pub fn gather<T: Copy>(matrix: &[T], width: usize, indices: &[usize], out: &mut Vec<T>) {
    out.clear();
    out.reserve(indices.len() * width);
    for &row in indices {
        out.extend_from_slice(&matrix[row * width..(row + 1) * width]);
    }
}
