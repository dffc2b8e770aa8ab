//! Training losses: mean over the samples of a batch.

use burn::tensor::{Int, Tensor, TensorData, activation};

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

impl Loss {
    /// The loss of outputs `[rows, 1]` against numbers.
    pub fn values(&self, outputs: Tensor<2>, targets: &[f32]) -> Tensor<1> {
        let device = outputs.device();
        let targets = Tensor::<2>::from_data(TensorData::new(targets.to_vec(), [targets.len(), 1]), &device);
        let difference = outputs - targets;
        match self {
            Self::Huber { delta } => {
                // with c = clamp(d, ±δ), the loss is c·(d − c/2): smooth, and without a mask
                let inner = difference.clone().clamp(-*delta, *delta);
                (inner.clone() * (difference - inner.mul_scalar(0.5))).mean()
            }
            _ => difference.clone().mul(difference).mean(),
        }
    }

    /// The loss of outputs `[rows, classes]`, or `[rows, 1]` for two classes, against class codes.
    pub fn classes(&self, outputs: Tensor<2>, codes: &[u32]) -> Tensor<1> {
        let device = outputs.device();
        let [rows, width] = outputs.dims();
        match self {
            Self::BinaryCrossEntropy { smoothing, weights } => {
                // softplus(o) − q·o, with softplus(o) = max(o, 0) + log(1 + exp(−|o|))
                let target = |code: &u32| (f64::from(*code) * (1.0 - smoothing) + 0.5 * smoothing) as f32;
                let q: Vec<f32> = codes.iter().map(target).collect();
                let q = Tensor::<2>::from_data(TensorData::new(q, [rows, 1]), &device);
                let softplus = activation::relu(outputs.clone())
                    + outputs.clone().abs().neg().exp().log1p();
                weigh(softplus - q * outputs, codes, weights.as_deref())
            }
            _ => {
                let (smoothing, weights) = match self {
                    Self::CrossEntropy { smoothing, weights } => (*smoothing, weights.as_deref()),
                    _ => (0.0, None),
                };
                let log_shares = activation::log_softmax(outputs, 1);
                let index: Vec<i64> = codes.iter().map(|c| i64::from(*c)).collect();
                let index = Tensor::<2, Int>::from_data(TensorData::new(index, [rows, 1]), &device);
                let mut each = log_shares.clone().gather(1, index).neg();
                if smoothing > 0.0 {
                    let spread = log_shares.sum_dim(1).mul_scalar(-smoothing / width as f64);
                    each = each.mul_scalar(1.0 - smoothing) + spread;
                }
                weigh(each, codes, weights)
            }
        }
    }
}

/// The mean, or the mean weighted by class.
fn weigh(each: Tensor<2>, codes: &[u32], weights: Option<&[f32]>) -> Tensor<1> {
    let Some(weights) = weights else { return each.mean() };
    let of: Vec<f32> = codes.iter().map(|code| weights[*code as usize]).collect();
    let total: f32 = of.iter().sum();
    let device = each.device();
    let of = Tensor::<2>::from_data(TensorData::new(of, [codes.len(), 1]), &device);
    // a batch whose classes all weigh nothing has a loss of 0, not of 0/0
    (each * of).sum().div_scalar(total.max(f32::MIN_POSITIVE))
}
