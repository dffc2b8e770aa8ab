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
        // the first layer's bias is in its sums
        let mut bias: Option<&[f32]> = None;
        for (weights, next) in &self.hidden {
            rectify(&mut sums, bias);
            let inputs = weights.dims()[0];
            let shape = [sums.len() / inputs, inputs];
            let x = Tensor::<2>::from_data(TensorData::new(sums, shape), &device(false));
            sums = x.matmul(weights.clone()).into_data().try_into_vec().expect("networks compute in f32");
            bias = Some(next);
        }
        let (weights, last) = &self.last;
        let width = weights.len() / last.len();
        let none = vec![0.0; width];
        let bias = bias.unwrap_or(&none);
        let mut outputs = Vec::with_capacity(sums.len() / width * last.len());
        for row in sums.chunks_exact(width) {
            for (k, last) in last.iter().enumerate() {
                outputs.push(last + rectified_dot(row, bias, &weights[k * width..(k + 1) * width]));
            }
        }
        outputs
    }
}

/// max(0, sums + bias), in place.
fn rectify(sums: &mut [f32], bias: Option<&[f32]>) {
    match bias {
        None => sums.iter_mut().for_each(|x| *x = x.max(0.0)),
        Some(bias) => {
            for row in sums.chunks_exact_mut(bias.len()) {
                for (x, bias) in row.iter_mut().zip(bias) {
                    *x = (*x + bias).max(0.0);
                }
            }
        }
    }
}

/// Σ max(0, sum + bias) · weight, sixteen side by side.
fn rectified_dot(sums: &[f32], bias: &[f32], weights: &[f32]) -> f32 {
    const LANES: usize = 16;
    let n = sums.len().min(bias.len()).min(weights.len());
    let (sums, bias, weights) = (&sums[..n], &bias[..n], &weights[..n]);
    let mut lanes = [0.0f32; LANES];
    let whole = n / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        let part = at..at + LANES;
        let (x, b, w) = (&sums[part.clone()], &bias[part.clone()], &weights[part]);
        for k in 0..LANES {
            lanes[k] += (x[k] + b[k]).max(0.0) * w[k];
        }
    }
    let rest: f32 = (whole..n).map(|at| (sums[at] + bias[at]).max(0.0) * weights[at]).sum();
    // by halves
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for k in 0..width {
            lanes[k] += lanes[k + width];
        }
    }
    lanes[0] + rest
}
