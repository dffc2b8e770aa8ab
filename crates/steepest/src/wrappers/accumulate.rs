//! One step from the gradients of several batches.

use crate::error::{Error, Result};
use crate::float::Float;
use crate::kernel::{InstructionSet, Loop};

/// The mean gradient of several batches, weighted by their numbers of samples.
///
/// It holds no optimizer and no optimizer holds it: add each batch's gradients, take the means into a step, clear.
///
/// # Formula
/// For a batch of n samples with the mean gradient g, N being all samples so far, this batch's included:
/// ```text
/// N ← N + n
/// mean ← mean + (g − mean)·n/N
/// ```
/// Each element is summed in the order of the batches. With equal batches this is the mean over batches; with the last one
/// smaller, the mean over samples, as one large batch would give.
///
/// # State
/// One array for each tensor, in the type of the gradients; allocated by [`new`](Self::new).
///
/// # Differences
/// optax: the same recursion (`MultiSteps`) with equal weights, in f32 by default. torch sums; the caller divides. burn sums.
///
/// # Example
/// ```
/// use steepest::{Accumulator, DType, Optimizer, Param, Sgd, Slot};
/// let mut theta = vec![0.0f32; 2];
/// let mut sgd = Optimizer::builder(Sgd::default()).build([Param::new("theta", [2], DType::F32)])?;
/// let mut gradients = Accumulator::<f32>::new([2]);
/// gradients.add(3, &[[1.0, 2.0]])?;
/// gradients.add(1, &[[5.0, 6.0]])?;
/// sgd.step(1.0, &mut [Slot::new(&mut theta, &gradients.mean()[0])])?;
/// assert_eq!(theta, [-2.0, -3.0]);
/// gradients.clear();
/// # Ok::<(), steepest::Error>(())
/// ```
///
/// # Source
/// Welford, Note on a Method for Calculating Corrected Sums of Squares and Products, Technometrics 4, 1962; with weights:
/// West, Updating Mean and Variance Estimates: An Improved Method, CACM 22, 1979.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulator<T> {
    mean: Vec<Vec<T>>,
    samples: u64,
    batches: u64,
}

struct TakeIn<'a, T> {
    mean: &'a mut [T],
    gradient: &'a [T],
    fraction: T,
}

impl<T: Float> Loop for TakeIn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (mean, g) in self.mean.iter_mut().zip(self.gradient) {
            *mean = *mean + (*g - *mean) * self.fraction;
        }
    }
}

impl<T: Float> Accumulator<T> {
    /// For tensors of these lengths.
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mean = lengths.into_iter().map(|len| vec![T::ZERO; len]).collect();
        Self { mean, samples: 0, batches: 0 }
    }

    /// Takes in the gradients of a batch of `samples` samples, one slice for each tensor. Allocates nothing.
    ///
    /// # Errors
    /// Slices that do not fit, a batch without samples; nothing has changed then.
    pub fn add(&mut self, samples: u64, gradients: &[impl AsRef<[T]>]) -> Result<()> {
        let step = self.batches.saturating_add(1);
        if samples == 0 {
            let (what, expected) = ("the number of samples", "a whole number of at least 1");
            return Err(Error::BadArgument { step, what, value: 0.0, expected });
        }
        if gradients.len() != self.mean.len() {
            return Err(Error::TensorCount { step, expected: self.mean.len(), found: gradients.len() });
        }
        for (i, (mean, gradient)) in self.mean.iter().zip(gradients).enumerate() {
            let (expected, found) = (mean.len(), gradient.as_ref().len());
            if expected != found {
                let tensor = format!("number {i}");
                return Err(Error::Length { step, what: "gradient of", tensor, expected, found });
            }
        }
        self.batches = step;
        self.samples = self.samples.saturating_add(samples);
        let fraction = samples as f64 / self.samples as f64;
        let isa = InstructionSet::best();
        for (mean, gradient) in self.mean.iter_mut().zip(gradients) {
            let gradient = gradient.as_ref();
            if fraction == 1.0 {
                // the first batch: also what was left of another round does not count
                mean.copy_from_slice(gradient);
            } else {
                isa.run(TakeIn { mean, gradient, fraction: T::of(fraction) });
            }
        }
        Ok(())
    }

    /// The mean gradient of each tensor; zeros before the first batch.
    pub fn mean(&self) -> &[Vec<T>] {
        &self.mean
    }

    /// The samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The batches so far.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// Forgets all batches; keeps the memory.
    pub fn clear(&mut self) {
        (self.samples, self.batches) = (0, 0);
        self.mean.iter_mut().for_each(|mean| mean.fill(T::ZERO));
    }
}
