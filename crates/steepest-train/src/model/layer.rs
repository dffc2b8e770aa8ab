//! What the networks are made of: activations, initial weights, dropout.

use burn::module::{Param, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};
use std::fmt;
use steepest_data::random::Stream;

/// What a hidden layer does to its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(x, 0)
    #[default]
    Relu,
    /// x·Φ(x), Φ the normal distribution (Hendrycks & Gimpel, 2016)
    Gelu,
    /// x·σ(x) (Elfwing et al., 2018)
    Silu,
    /// tanh(x)
    Tanh,
}

impl Activation {
    pub(crate) fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Gelu => activation::gelu(x),
            Self::Silu => activation::silu(x),
            Self::Tanh => activation::tanh(x),
        }
    }

    /// Whether the slope at a sum is so small, below 0.01, that next to nothing is learnt through it.
    pub(crate) fn is_flat(self, sum: f32) -> bool {
        match self {
            Self::Relu => sum <= 0.0,
            Self::Gelu => sum < -3.1,
            Self::Silu => sum < -6.3,
            Self::Tanh => sum.abs() > 3.0,
        }
    }

    /// The factor that keeps the variance from layer to layer: √2 where half of the values are cut
    /// off (He et al., 2015, equation 10), 1 otherwise (Glorot & Bengio, 2010).
    pub(crate) fn gain(self) -> f64 {
        match self {
            Self::Tanh => 1.0,
            _ => std::f64::consts::SQRT_2,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relu => "relu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
        })
    }
}

/// Draws initial weights: tensor after tensor, each from a stream of its own.
pub(crate) struct Weights<'a> {
    seed: u64,
    tensors: u64,
    pub device: &'a Device,
}

impl<'a> Weights<'a> {
    pub fn new(seed: u64, device: &'a Device) -> Self {
        Self { seed, tensors: 0, device }
    }

    /// Uniform with variance `gain² / fan`.
    fn draw<const D: usize>(&mut self, shape: [usize; D], fan: f64, gain: f64) -> Param<Tensor<D>> {
        self.tensors += 1;
        let mut stream = Stream::new(b"weights\0", self.seed, self.tensors);
        let bound = gain * (3.0 / fan.max(1.0)).sqrt();
        let data: Vec<f32> =
            (0..shape.iter().product()).map(|_| (bound * (unit(&mut stream) * 2.0 - 1.0)) as f32).collect();
        self.param(TensorData::new(data, shape))
    }

    fn zeros(&self, len: usize) -> Param<Tensor<1>> {
        self.param(TensorData::new(vec![0.0f32; len], [len]))
    }

    fn param<const D: usize>(&self, data: TensorData) -> Param<Tensor<D>> {
        let tensor = Tensor::from_data(data, self.device);
        // on a device without gradients this changes nothing
        Param::initialized(
            ParamId::new(),
            if self.device.is_autodiff() { tensor.require_grad() } else { tensor },
        )
    }

    /// Ones, to be trained.
    pub fn ones<const D: usize>(&self, shape: [usize; D]) -> Param<Tensor<D>> {
        self.param(TensorData::new(vec![1.0f32; shape.iter().product()], shape))
    }

    /// Weights `[members, inputs, outputs]` and biases `[members, outputs]` of a layer of several networks.
    pub fn linear_of_members(
        &mut self,
        members: usize,
        inputs: usize,
        outputs: usize,
        gain: f64,
    ) -> (Param<Tensor<3>>, Param<Tensor<2>>) {
        let weight = self.draw([members, inputs, outputs], (inputs + outputs) as f64 / 2.0, gain);
        (weight, self.param(TensorData::new(vec![0.0f32; members * outputs], [members, outputs])))
    }

    pub fn linear(&mut self, inputs: usize, outputs: usize, gain: f64) -> Linear {
        Linear {
            weight: self.draw([inputs, outputs], (inputs + outputs) as f64 / 2.0, gain),
            bias: Some(self.zeros(outputs)),
        }
    }

    pub fn conv(&mut self, inputs: usize, outputs: usize, stride: usize) -> Conv2d {
        let mut conv = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(self.device);
        conv.weight = self.draw([outputs, inputs, 3, 3], inputs as f64 * 9.0, Activation::Relu.gain());
        conv.bias = Some(self.zeros(outputs));
        conv
    }
}

/// By what a training step draws, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// The seed of the run.
    pub seed: u64,
    /// The step, from 0.
    pub step: u64,
    /// What dropout's fraction is multiplied by, in `[0, 1]`.
    pub dropout: f64,
}

/// In `[0, 1)`, on a grid of 2⁻³².
pub(crate) fn unit(stream: &mut Stream) -> f64 {
    stream.below(1 << 32) as f64 / (1u64 << 32) as f64
}

/// Leaves out a fraction of the values and scales the rest up; a pure function of (seed, step, layer).
pub(crate) fn dropout<const D: usize>(
    x: Tensor<D>,
    fraction: f64,
    at: Option<Noise>,
    layer: u64,
) -> Tensor<D> {
    let Some(Noise { seed, step, dropout }) = at else { return x };
    let fraction = fraction * dropout;
    if fraction <= 0.0 {
        return x;
    }
    // 16 bits decide about a value: a quarter of the draws, and the fraction is met to 1/65536
    let dropped = (fraction * 65536.0).round().min(65535.0) as u64;
    let kept = (65536.0 / (65536 - dropped) as f64) as f32;
    // steps and layers share a number: no network here has 256 layers
    let mut stream = Stream::new(b"dropout\0", seed, step.wrapping_mul(256).wrapping_add(layer));
    let shape = x.shape();
    let mut mask = vec![0.0f32; shape.num_elements()];
    for four in mask.chunks_mut(4) {
        let mut bits = stream.bits();
        for value in four {
            *value = if bits & 0xffff < dropped { 0.0 } else { kept };
            bits >>= 16;
        }
    }
    let device = x.device();
    x * Tensor::from_data(TensorData::new(mask, shape), &device)
}
