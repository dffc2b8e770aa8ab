//! Training losses: mean over the samples of a batch.
//!
//! A loss and its slope are computed here, in f64 and in the order of the samples, and not by burn's
//! operations: of a step over a small network those take a fifth of the time (the example
//! `step_cost`), and this way the loss is the same formula that scores a run.

use crate::score::log_shares;
use burn::tensor::{Gradients, Tensor, TensorData};

/// What training makes small.
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
    slope: Vec<f32>,
}

impl Evaluated {
    /// The gradients of the loss.
    ///
    /// # Panics
    /// If the outputs do not depend on a parameter that requires a gradient.
    pub fn backward(self) -> Gradients {
        let slope = TensorData::new(self.slope, self.outputs.dims());
        let slope = Tensor::from_data(slope, &self.outputs.device());
        // a backward pass starts from ones, so `slope` becomes the gradient of the outputs
        (self.outputs * slope).backward()
    }
}

impl Loss {
    /// The loss of outputs `[rows, 1]` against numbers. The losses for classes count as
    /// [`Loss::SquaredError`].
    ///
    /// # Panics
    /// If there is not one target for each row.
    pub fn values(&self, outputs: Tensor<2>, targets: &[f32]) -> Evaluated {
        self.evaluate(outputs, |i, row, slope| {
            let d = f64::from(row[0]) - f64::from(targets[i]);
            let value;
            (value, slope[0]) = match *self {
                Self::Huber { delta } if d.abs() > delta => {
                    (delta * (d.abs() - 0.5 * delta), delta.copysign(d))
                }
                Self::Huber { .. } => (0.5 * d * d, d),
                _ => (d * d, 2.0 * d),
            };
            (value, 1.0)
        })
    }

    /// The loss of outputs `[rows, classes]`, or `[rows, 1]` for two classes, against class codes.
    /// The losses for numbers count as [`Loss::CrossEntropy`] without smoothing and weights.
    ///
    /// # Panics
    /// If there is not one code for each row, or a code is not below the number of classes.
    pub fn classes(&self, outputs: Tensor<2>, codes: &[u32]) -> Evaluated {
        let (smoothing, weights) = match self {
            Self::CrossEntropy { smoothing, weights } | Self::BinaryCrossEntropy { smoothing, weights } => {
                (*smoothing, weights.as_deref())
            }
            _ => (0.0, None),
        };
        self.evaluate(outputs, |i, row, slope| {
            let class = codes[i] as usize;
            let shares = log_shares(row);
            assert!(class < shares.len(), "class {class} of {}", shares.len());
            // one output is the logit of the second class; the first has the logit 0
            let constant = shares.len() - row.len();
            let mut value = 0.0;
            for (k, share) in shares.iter().enumerate() {
                let chosen = if k == class { 1.0 - smoothing } else { 0.0 };
                let q = chosen + smoothing / shares.len() as f64;
                // a class without a part in q adds nothing, however unlikely it is: 0·∞ is 0 here
                value -= if q > 0.0 { q * share } else { 0.0 };
                if k >= constant {
                    slope[k - constant] = share.exp() - q;
                }
            }
            (value, weights.map_or(1.0, |w| f64::from(w[class])))
        })
    }

    /// `sample` gives the loss and the weight of sample i, and its derivative by the outputs.
    fn evaluate(
        &self,
        outputs: Tensor<2>,
        sample: impl Fn(usize, &[f32], &mut [f64]) -> (f64, f64),
    ) -> Evaluated {
        let data = outputs.to_data();
        let flat = data.as_slice::<f32>().expect("networks compute in f32");
        let width = outputs.dims()[1];
        let mut slopes = vec![0.0; flat.len()];
        let rows = || flat.chunks(width).enumerate();
        let samples: Vec<(f64, f64)> =
            rows().zip(slopes.chunks_mut(width)).map(|((i, row), slope)| sample(i, row, slope)).collect();
        // a batch whose classes all weigh nothing has a loss of 0, not of 0/0
        let total = samples.iter().map(|(_, w)| w).sum::<f64>().max(f64::MIN_POSITIVE);
        let value = samples.iter().map(|(value, w)| w * value).sum::<f64>() / total;
        let slope = slopes
            .iter()
            .enumerate()
            .map(|(at, slope)| (samples[at / width].1 / total * slope) as f32)
            .collect();
        Evaluated { value, outputs, slope }
    }
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
    fn slope(outputs: &Tensor<2>, loss: Evaluated) -> Vec<f64> {
        let grads = loss.backward();
        outputs.grad(&grads).unwrap().into_data().iter::<f64>().collect()
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}"); // slopes and outputs are f32
    }

    #[test]
    fn numbers_by_hand() {
        let o = outputs(&[[1.0], [3.0], [-2.0]]);
        let squared = Loss::SquaredError.values(o.clone(), &[0.0, 3.0, 1.0]);
        near(squared.value, (1.0 + 0.0 + 9.0) / 3.0);
        let of_squared = slope(&o, squared);
        [2.0, 0.0, -6.0].iter().zip(of_squared).for_each(|(a, b)| near(a / 3.0, b));
        let huber = Loss::Huber { delta: 2.0 }.values(o.clone(), &[0.0, 3.0, 1.0]);
        near(huber.value, (0.5 + 0.0 + 2.0 * (3.0 - 1.0)) / 3.0);
        let of_huber = slope(&o, huber);
        [1.0, 0.0, -2.0].iter().zip(of_huber).for_each(|(a, b)| near(a / 3.0, b));
    }

    #[test]
    fn classes_by_hand() {
        let o = outputs(&[[2.0, 0.0, 0.0], [1.0, 1.0, 1.0]]);
        let e2 = 2f64.exp();
        let right = -(e2 / (e2 + 2.0)).ln(); // −log of the share of class 0 in the first row
        let plain = Loss::CrossEntropy { smoothing: 0.0, weights: None };
        near(plain.classes(o.clone(), &[0, 2]).value, (right + 3f64.ln()) / 2.0);
        let weighted = Loss::CrossEntropy { smoothing: 0.0, weights: Some(vec![1.0, 5.0, 3.0]) };
        near(weighted.classes(o.clone(), &[0, 2]).value, (right + 3.0 * 3f64.ln()) / 4.0);
        let smooth = Loss::CrossEntropy { smoothing: 0.3, weights: None };
        let wrong = right + 2.0; // the other logits are 2 smaller
        let first = 0.8 * right + 0.1 * wrong + 0.1 * wrong;
        near(smooth.classes(o.clone(), &[0, 2]).value, (first + 3f64.ln()) / 2.0);

        let o = outputs(&[[3.0], [-1.0]]);
        let softplus = |x: f64| x.exp().ln_1p();
        let binary = Loss::BinaryCrossEntropy { smoothing: 0.0, weights: None };
        near(binary.classes(o.clone(), &[1, 1]).value, (softplus(-3.0) + softplus(1.0)) / 2.0);
        let ignored = Loss::BinaryCrossEntropy { smoothing: 0.0, weights: Some(vec![1.0, 0.0]) };
        let nothing = ignored.classes(o.clone(), &[1, 1]);
        assert_eq!(nothing.value, 0.0);
        assert_eq!(slope(&o, nothing), [0.0, 0.0]);
    }

    /// The slope is what the value does: central differences, in steps that f32 holds exactly.
    #[test]
    fn slopes_are_those_of_the_values() {
        let weights = Some(vec![0.5, 2.0]);
        type Of = Box<dyn Fn(Tensor<2>) -> Evaluated>;
        let values = |loss: Loss| -> Of { Box::new(move |o| loss.values(o, &[0.5, -1.0])) };
        let classes = |loss: Loss| -> Of { Box::new(move |o| loss.classes(o, &[1, 0])) };
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
            let slopes = slope(&o, loss(o.clone()));
            for i in 0..2 * W {
                let moved = |by: f32| {
                    let mut at = at;
                    at[i / W][i % W] += by;
                    loss(outputs(&at)).value
                };
                let step = 1.0 / 1024.0;
                let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                near(slopes[i], difference);
            }
        }
        wide.iter().for_each(|loss| check(loss, [[0.5, -1.25, 2.0], [0.0, 0.25, -0.5]]));
        narrow.iter().for_each(|loss| check(loss, [[1.5], [-1.25]]));
    }

    #[test]
    fn extreme_outputs_give_finite_losses() {
        let o = outputs(&[[1e30, -1e30, 0.0], [f32::MAX, f32::MAX, 0.0]]);
        let plain = Loss::CrossEntropy { smoothing: 0.0, weights: None };
        let loss = plain.classes(o.clone(), &[0, 1]);
        near(loss.value, 2f64.ln() / 2.0);
        assert!(slope(&o, loss).iter().all(|s| s.is_finite()));
    }
}
