//! A network of rectifiers from the sums of its first hidden layer on, in few passes over memory: what stands between two products
//! is done in place.

use crate::model::Mlp;
use crate::network::device;
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};

/// The layers after the first.
pub(super) struct Rectified {
    /// Weights, `inputs × outputs`, and biases.
    hidden: Vec<(Tensor<2>, Vec<f32>)>,
    /// Weights, `outputs × inputs`, and biases.
    last: (Vec<f32>, Vec<f32>),
}

impl Rectified {
    pub fn new(mlp: &Mlp) -> Self {
        let (hidden, last) = mlp.rest();
        let bias = |layer: &Linear| -> Vec<f32> {
            let of = |bias: Tensor<1>| bias.into_data().iter::<f32>().collect();
            layer.bias.as_ref().map_or_else(|| vec![0.0; layer.weight.dims()[1]], |bias| of(bias.val()))
        };
        let transposed = last.weight.val().transpose().into_data().iter::<f32>().collect();
        Self {
            hidden: hidden.iter().map(|layer| (layer.weight.val(), bias(layer))).collect(),
            last: (transposed, bias(last)),
        }
    }

    /// The outputs, `rows × outputs`, of the first layer's sums, row-major.
    pub fn outputs(&self, mut sums: Vec<f32>) -> Vec<f32> {
        sums.iter_mut().for_each(|x| *x = x.max(0.0));
        for (weights, bias) in &self.hidden {
            let [inputs, units] = weights.dims();
            let shape = [sums.len() / inputs, inputs];
            let x = Tensor::<2>::from_data(TensorData::new(sums, shape), &device(false));
            sums = x.matmul(weights.clone()).into_data().try_into_vec().expect("networks compute in f32");
            for row in sums.chunks_mut(units) {
                row.iter_mut().zip(bias).for_each(|(x, bias)| *x = (*x + bias).max(0.0));
            }
        }
        let (weights, bias) = &self.last;
        let width = weights.len() / bias.len();
        sums.chunks(width)
            .flat_map(|row| {
                weights.chunks(width).zip(bias).map(move |(weights, bias)| bias + dot(row, weights))
            })
            .collect()
    }
}

/// The sum of products, sixteen side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (left, right) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        for k in 0..16 {
            sums[k] += a[k] * b[k];
        }
    }
    sums.iter().sum::<f32>() + rest
}
