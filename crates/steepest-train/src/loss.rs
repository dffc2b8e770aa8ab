//! Losses: mean over the samples of a batch.
//!
//! A loss and its gradient are computed here, in f64 and in the order of the samples, and not by burn's
//! operations: these take a fifth of a step over a small network (the example `step_cost`), and here the
//! loss is the same formula that scores a run.

use burn::tensor::{Gradients, Tensor, TensorData};

/// What training minimizes.
#[derive(Debug, Clone, PartialEq)]
pub enum Loss {
    /// `(o − y)²`
    SquaredError,
    /// `d²/2` for `d = |o − y| ≤ δ`, else `δ(d − δ/2)` (Huber, 1964).
    Huber {
        /// δ, in the unit of the standardized target.
        delta: f64,
    },
    /// `−Σ q log softmax(o)` with `q = (1 − ε)·onehot(y) + ε/K`, weighted by the weight of `y`.
    CrossEntropy {
        /// ε in `[0, 1)`.
        smoothing: f64,
        /// The weight of each class; the mean is weighted then.
        weights: Option<Vec<f32>>,
    },
    /// The same for two classes and one output, the logit of the second.
    BinaryCrossEntropy {
        /// ε in `[0, 1)`.
        smoothing: f64,
        /// The weights of both classes.
        weights: Option<Vec<f32>>,
    },
}

/// The loss of a batch, and where backpropagation starts.
#[derive(Debug)]
pub struct Evaluated {
    /// The loss.
    pub value: f64,
    outputs: Tensor<2>,
    /// The gradient of the loss with respect to the outputs.
    gradient: Vec<f32>,
}

impl Evaluated {
    /// The same value, with the gradient of the sum of the losses of so many `members`, whose rows follow one another: each
    /// member's gradient is what it would be alone.
    pub fn of_members(mut self, members: usize) -> Self {
        if members > 1 {
            self.gradient.iter_mut().for_each(|slope| *slope *= members as f32);
        }
        self
    }

    /// The gradients of the loss.
    ///
    /// # Panics
    /// If the outputs do not depend on a parameter that requires a gradient.
    pub fn backward(self) -> Gradients {
        let gradient = TensorData::new(self.gradient, self.outputs.dims());
        let gradient = Tensor::from_data(gradient, &self.outputs.device());
        // a backward pass starts from ones, so the factor becomes the gradient of the outputs
        (self.outputs * gradient).backward()
    }
}

impl Loss {
    /// The loss of one number and its derivative, by how far the output lies above the target. The losses
    /// for classes count as [`Loss::SquaredError`].
    pub fn of_residual(&self, residual: f64) -> (f64, f64) {
        let d = residual;
        match *self {
            Self::Huber { delta } if d.abs() > delta => (delta * (d.abs() - 0.5 * delta), delta.copysign(d)),
            Self::Huber { .. } => (0.5 * d * d, d),
            _ => (d * d, 2.0 * d),
        }
    }

    /// The loss of outputs `[rows, 1]` against numbers; each row counts as `rows` says, alike if it says nothing. The
    /// losses for classes count as [`Loss::SquaredError`].
    ///
    /// # Panics
    /// If there is not one target, and one weight, for each row.
    pub fn values(&self, outputs: Tensor<2>, targets: &[f32], rows: Option<&[f32]>) -> Evaluated {
        self.evaluate(outputs, rows, |i, row, derivative| {
            let value;
            (value, derivative[0]) = self.of_residual(f64::from(row[0]) - f64::from(targets[i]));
            (value, 1.0)
        })
    }

    /// The loss of outputs `[rows, classes]`, or `[rows, 1]` for two classes, against class codes; each row counts as
    /// `rows` says, alike if it says nothing. The losses for numbers count as [`Loss::CrossEntropy`] without smoothing and weights.
    ///
    /// # Panics
    /// If there is not one code for each row, or a code is not below the number of classes.
    pub fn classes(&self, outputs: Tensor<2>, codes: &[u32], rows: Option<&[f32]>) -> Evaluated {
        let (smoothing, weights) = match self {
            Self::CrossEntropy { smoothing, weights } | Self::BinaryCrossEntropy { smoothing, weights } => {
                (*smoothing, weights.as_deref())
            }
            _ => (0.0, None),
        };
        self.evaluate(outputs, rows, |i, row, derivative| {
            let class = codes[i] as usize;
            let log_probabilities = log_softmax(row);
            let classes = log_probabilities.len();
            assert!(class < classes, "class {class} of {classes}");
            // one output is the logit of the second class; the first has the logit 0
            let constant = classes - row.len();
            let mut value = 0.0;
            for (k, log_probability) in log_probabilities.iter().enumerate() {
                let chosen = if k == class { 1.0 - smoothing } else { 0.0 };
                let q = chosen + smoothing / classes as f64;
                // a class without a part in q adds nothing, however unlikely it is: 0·∞ is 0 here
                value -= if q > 0.0 { q * log_probability } else { 0.0 };
                if k >= constant {
                    derivative[k - constant] = log_probability.exp() - q;
                }
            }
            (value, weights.map_or(1.0, |w| f64::from(w[class])))
        })
    }

    /// `sample` gives the loss and the weight of sample i, and writes the loss's derivatives by the outputs.
    fn evaluate(
        &self,
        outputs: Tensor<2>,
        weights: Option<&[f32]>,
        sample: impl Fn(usize, &[f32], &mut [f64]) -> (f64, f64),
    ) -> Evaluated {
        let data = outputs.to_data();
        let flat = data.as_slice::<f32>().expect("networks compute in f32");
        let width = outputs.dims()[1];
        let mut derivatives = vec![0.0; flat.len()];
        let rows = flat.chunks(width).zip(derivatives.chunks_mut(width)).enumerate();
        let samples: Vec<(f64, f64)> =
            rows.map(|(i, (row, derivative))| sample(i, row, derivative)).collect();
        // a batch whose classes all weigh nothing has a loss of 0, not of 0/0
        let total = samples.iter().map(|(_, w)| w).sum::<f64>().max(f64::MIN_POSITIVE);
        // the mean is over rows, not over their weights: a batch of light rows moves the network little
        let own = |i: usize| weights.map_or(1.0, |weights| f64::from(weights[i]));
        let value = samples.iter().enumerate().map(|(i, (value, w))| own(i) * w * value).sum::<f64>() / total;
        let gradient = derivatives
            .iter()
            .enumerate()
            .map(|(at, derivative)| (own(at / width) * samples[at / width].1 / total * derivative) as f32)
            .collect();
        Evaluated { value, outputs, gradient }
    }
}

/// The logarithm of each class's probability. A single output is the logit of the second of two classes.
pub(crate) fn log_softmax(row: &[f32]) -> Vec<f64> {
    let logits: Vec<f64> = match row {
        [logit] => vec![0.0, f64::from(*logit)],
        row => row.iter().map(|x| f64::from(*x)).collect(),
    };
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // the largest is subtracted first: beside a huge logit the logarithm would be rounded away
    let total = logits.iter().map(|x| (x - top).exp()).sum::<f64>().ln();
    logits.iter().map(|x| (x - top) - total).collect()
}

/// The first of the largest.
pub(crate) fn argmax(xs: &[f64]) -> usize {
    (0..xs.len()).fold(0, |best, i| if xs[i] > xs[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn outputs<const W: usize>(rows: &[[f32; W]]) -> Tensor<2> {
        let data = TensorData::new(rows.concat(), [rows.len(), W]);
        Tensor::<2>::from_data(data, &Device::flex().autodiff()).require_grad()
    }

    /// The gradient that burn's backward pass hands to the outputs.
    fn gradient(outputs: &Tensor<2>, loss: Evaluated) -> Vec<f64> {
        let grads = loss.backward();
        outputs.grad(&grads).unwrap().into_data().iter::<f64>().collect()
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}"); // gradients and outputs are f32
    }

    #[test]
    fn numbers_by_hand() {
        let o = outputs(&[[1.0], [3.0], [-2.0]]);
        let squared = Loss::SquaredError.values(o.clone(), &[0.0, 3.0, 1.0], None);
        near(squared.value, (1.0 + 0.0 + 9.0) / 3.0);
        let of_squared = gradient(&o, squared);
        [2.0, 0.0, -6.0].iter().zip(of_squared).for_each(|(a, b)| near(a / 3.0, b));
        let huber = Loss::Huber { delta: 2.0 }.values(o.clone(), &[0.0, 3.0, 1.0], None);
        near(huber.value, (0.5 + 0.0 + 2.0 * (3.0 - 1.0)) / 3.0);
        let of_huber = gradient(&o, huber);
        [1.0, 0.0, -2.0].iter().zip(of_huber).for_each(|(a, b)| near(a / 3.0, b));
    }

    #[test]
    fn classes_by_hand() {
        let o = outputs(&[[2.0, 0.0, 0.0], [1.0, 1.0, 1.0]]);
        let e2 = 2f64.exp();
        let right = -(e2 / (e2 + 2.0)).ln(); // −log of the probability of class 0 in the first row
        let plain = Loss::CrossEntropy { smoothing: 0.0, weights: None };
        near(plain.classes(o.clone(), &[0, 2], None).value, (right + 3f64.ln()) / 2.0);
        let weighted = Loss::CrossEntropy { smoothing: 0.0, weights: Some(vec![1.0, 5.0, 3.0]) };
        near(weighted.classes(o.clone(), &[0, 2], None).value, (right + 3.0 * 3f64.ln()) / 4.0);
        let smooth = Loss::CrossEntropy { smoothing: 0.3, weights: None };
        let wrong = right + 2.0; // the other logits are 2 smaller
        let first = 0.8 * right + 0.1 * wrong + 0.1 * wrong;
        near(smooth.classes(o.clone(), &[0, 2], None).value, (first + 3f64.ln()) / 2.0);
        // the mean is over rows, whatever they weigh
        near(plain.classes(o.clone(), &[0, 2], Some(&[3.0, 0.0])).value, 1.5 * right);

        let o = outputs(&[[3.0], [-1.0]]);
        let softplus = |x: f64| x.exp().ln_1p();
        let binary = Loss::BinaryCrossEntropy { smoothing: 0.0, weights: None };
        near(binary.classes(o.clone(), &[1, 1], None).value, (softplus(-3.0) + softplus(1.0)) / 2.0);
        let ignored = Loss::BinaryCrossEntropy { smoothing: 0.0, weights: Some(vec![1.0, 0.0]) };
        let nothing = ignored.classes(o.clone(), &[1, 1], None);
        assert_eq!(nothing.value, 0.0);
        assert_eq!(gradient(&o, nothing), [0.0, 0.0]);
    }

    /// The gradient is what the value does: central differences, in steps that f32 holds exactly.
    #[test]
    fn gradients_are_differences_of_the_values() {
        let weights = Some(vec![0.5, 2.0]);
        type Of = Box<dyn Fn(Tensor<2>) -> Evaluated>;
        let values = |loss: Loss| -> Of { Box::new(move |o| loss.values(o, &[0.5, -1.0], None)) };
        let classes = |loss: Loss| -> Of { Box::new(move |o| loss.classes(o, &[1, 0], None)) };
        let wide = [
            classes(Loss::CrossEntropy { smoothing: 0.0, weights: None }),
            classes(Loss::CrossEntropy { smoothing: 0.2, weights: weights.clone() }),
        ];
        let narrow = [
            values(Loss::SquaredError),
            values(Loss::Huber { delta: 0.75 }),
            classes(Loss::BinaryCrossEntropy { smoothing: 0.0, weights: None }),
            classes(Loss::BinaryCrossEntropy { smoothing: 0.2, weights }),
        ];
        fn check<const W: usize>(loss: &Of, at: [[f32; W]; 2]) {
            let o = outputs(&at);
            let gradient = gradient(&o, loss(o.clone()));
            for i in 0..2 * W {
                let moved = |by: f32| {
                    let mut at = at;
                    at[i / W][i % W] += by;
                    loss(outputs(&at)).value
                };
                let step = 1.0 / 1024.0;
                let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                near(gradient[i], difference);
            }
        }
        wide.iter().for_each(|loss| check(loss, [[0.5, -1.25, 2.0], [0.0, 0.25, -0.5]]));
        narrow.iter().for_each(|loss| check(loss, [[1.5], [-1.25]]));
    }

    #[test]
    fn extreme_outputs_give_finite_losses() {
        let o = outputs(&[[1e30, -1e30, 0.0], [f32::MAX, f32::MAX, 0.0]]);
        let plain = Loss::CrossEntropy { smoothing: 0.0, weights: None };
        let loss = plain.classes(o.clone(), &[0, 1], None);
        near(loss.value, 2f64.ln() / 2.0);
        assert!(gradient(&o, loss).iter().all(|s| s.is_finite()));
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        let logarithms = log_softmax(&[1e30, -1e30, 0.0]);
        assert_eq!(logarithms[0], 0.0);
        assert!(logarithms.iter().all(|x| !x.is_nan()));
    }
}
