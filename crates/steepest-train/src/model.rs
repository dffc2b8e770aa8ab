//! The networks: layers of burn, with weights that are a pure function of a seed.
//!
//! burn draws initial weights and dropout from a generator that belongs to the device, so two networks
//! made side by side would change each other. Here both come from [`steepest_data::random`].

use burn::module::{Module, Param, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, PaddingConfig2d};
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
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::Gelu => activation::gelu(x),
            Self::Silu => activation::silu(x),
            Self::Tanh => activation::tanh(x),
        }
    }

    /// The factor that keeps the variance from layer to layer: √2 where half of the values are cut
    /// off (He et al., 2015, equation 10), 1 otherwise (Glorot & Bengio, 2010).
    fn gain(self) -> f64 {
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

/// Which network.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelConfig {
    /// A multi-layer perceptron.
    Mlp(MlpConfig),
    /// A small convolutional network.
    Cnn(CnnConfig),
}

/// A multi-layer perceptron: Linear, (LayerNorm), activation, dropout for each hidden layer, and a
/// Linear.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpConfig {
    /// Features of a row.
    pub inputs: usize,
    /// Widths of the hidden layers; none makes it linear or logistic regression.
    pub hidden: Vec<usize>,
    /// Outputs.
    pub outputs: usize,
    /// What hidden layers do to their sums.
    pub activation: Activation,
    /// Share of hidden values left out in training, in `[0, 1)`.
    pub dropout: f64,
    /// Normalize each hidden layer's sums.
    pub layer_norm: bool,
}

/// A small convolutional network: 3×3 convolutions of 16 and 32 channels, pooling, one of 64, pooling, a
/// hidden layer of 64, and a Linear.
#[derive(Debug, Clone, PartialEq)]
pub struct CnnConfig {
    /// Channels, height, width.
    pub image: [usize; 3],
    /// Outputs.
    pub outputs: usize,
    /// Share of hidden values left out in training, in `[0, 1)`.
    pub dropout: f64,
}

impl fmt::Display for ModelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mlp(c) => {
                write!(f, "{} {}", if c.hidden.is_empty() { "linear" } else { "mlp" }, c.inputs)?;
                for width in &c.hidden {
                    write!(f, " → {width}")?;
                }
                write!(f, " → {}", c.outputs)?;
                if !c.hidden.is_empty() {
                    write!(f, ", {}", c.activation)?;
                }
                let dropout = c.dropout;
                if dropout > 0.0 {
                    write!(f, ", dropout {dropout}")?;
                }
                if c.layer_norm { write!(f, ", layer norm") } else { Ok(()) }
            }
            Self::Cnn(c) => {
                let [channels, height, width] = c.image;
                write!(f, "cnn {channels}×{height}×{width} → 16, 32, 64 channels → 64 → {}", c.outputs)
            }
        }
    }
}

impl ModelConfig {
    /// The network with its initial weights, a pure function of this and `seed`.
    pub fn init(&self, seed: u64, device: &Device) -> Model {
        let mut weights = Weights { seed, tensors: 0, device };
        match self {
            Self::Mlp(config) => Model::Mlp(config.init(&mut weights)),
            Self::Cnn(config) => Model::Cnn(config.init(&mut weights)),
        }
    }
}

/// Draws initial weights: tensor after tensor, each from a stream of its own.
struct Weights<'a> {
    seed: u64,
    tensors: u64,
    device: &'a Device,
}

impl Weights<'_> {
    /// Uniform with variance `gain² / inputs`.
    fn draw<const D: usize>(&mut self, shape: [usize; D], inputs: usize, gain: f64) -> Param<Tensor<D>> {
        self.tensors += 1;
        let mut stream = Stream::new(b"weights\0", self.seed, self.tensors);
        let bound = gain * (3.0 / inputs.max(1) as f64).sqrt();
        let data: Vec<f32> = (0..shape.iter().product())
            .map(|_| (bound * (unit(&mut stream) * 2.0 - 1.0)) as f32)
            .collect();
        self.param(TensorData::new(data, shape))
    }

    fn zeros(&self, len: usize) -> Param<Tensor<1>> {
        self.param(TensorData::new(vec![0.0f32; len], [len]))
    }

    fn param<const D: usize>(&self, data: TensorData) -> Param<Tensor<D>> {
        let tensor = Tensor::from_data(data, self.device);
        // on a device without gradients this changes nothing
        Param::initialized(ParamId::new(), if self.device.is_autodiff() { tensor.require_grad() } else { tensor })
    }

    fn linear(&mut self, inputs: usize, outputs: usize, gain: f64) -> Linear {
        Linear {
            weight: self.draw([inputs, outputs], inputs, gain),
            bias: Some(self.zeros(outputs)),
        }
    }

    fn conv(&mut self, inputs: usize, outputs: usize) -> Conv2d {
        let mut conv = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_padding(PaddingConfig2d::Same)
            .init(self.device);
        conv.weight = self.draw([outputs, inputs, 3, 3], inputs * 9, Activation::Relu.gain());
        conv.bias = Some(self.zeros(outputs));
        conv
    }
}

/// In `[0, 1)`, on a grid of 2⁻³².
fn unit(stream: &mut Stream) -> f64 {
    stream.below(1 << 32) as f64 / (1u64 << 32) as f64
}

/// Leaves out a share of the values and scales the rest up; a pure function of (seed, step, layer).
fn dropout<const D: usize>(x: Tensor<D>, share: f64, at: Option<(u64, u64)>, layer: u64) -> Tensor<D> {
    let Some((seed, step)) = at.filter(|_| share > 0.0) else { return x };
    // steps and layers share a number: no network here has 256 layers
    let mut stream = Stream::new(b"dropout\0", seed, step.wrapping_mul(256).wrapping_add(layer));
    let keep = (1.0 / (1.0 - share)) as f32;
    let shape = x.shape();
    let mask: Vec<f32> =
        (0..shape.num_elements()).map(|_| if unit(&mut stream) < share { 0.0 } else { keep }).collect();
    let device = x.device();
    x * Tensor::from_data(TensorData::new(mask, shape), &device)
}

/// A network for tables or images.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there is one network in a program, not a list of them
pub enum Model {
    /// A multi-layer perceptron.
    Mlp(Mlp),
    /// A small convolutional network.
    Cnn(Cnn),
}

impl Model {
    /// The outputs for `[rows, features]`: `[rows, outputs]`, without dropout.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.run(x, None)
    }

    /// The same with dropout, which depends on the seed and the step alone.
    pub fn forward_training(&self, x: Tensor<2>, seed: u64, step: u64) -> Tensor<2> {
        self.run(x, Some((seed, step)))
    }

    fn run(&self, x: Tensor<2>, at: Option<(u64, u64)>) -> Tensor<2> {
        match self {
            Self::Mlp(mlp) => mlp.run(x, at),
            Self::Cnn(cnn) => cnn.run(x, at),
        }
    }
}

/// See [`MlpConfig`].
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Linear>,
    norms: Vec<LayerNorm>,
    output: Linear,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    dropout: f64,
}

impl MlpConfig {
    fn init(&self, weights: &mut Weights<'_>) -> Mlp {
        let mut inputs = self.inputs;
        let mut hidden = Vec::new();
        for &width in &self.hidden {
            hidden.push(weights.linear(inputs, width, self.activation.gain()));
            inputs = width;
        }
        let norm = |width: &usize| LayerNormConfig::new(*width).init(weights.device);
        let norms = if self.layer_norm { self.hidden.iter().map(norm).collect() } else { Vec::new() };
        Mlp {
            output: weights.linear(inputs, self.outputs, 1.0),
            hidden,
            norms,
            activation: self.activation,
            dropout: self.dropout,
        }
    }
}

impl Mlp {
    fn run(&self, mut x: Tensor<2>, at: Option<(u64, u64)>) -> Tensor<2> {
        for (i, layer) in self.hidden.iter().enumerate() {
            x = layer.forward(x);
            if let Some(norm) = self.norms.get(i) {
                x = norm.forward(x);
            }
            x = dropout(self.activation.apply(x), self.dropout, at, i as u64);
        }
        self.output.forward(x)
    }
}

/// See [`CnnConfig`].
#[derive(Module, Debug)]
pub struct Cnn {
    conv1: Conv2d,
    conv2: Conv2d,
    conv3: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    output: Linear,
    #[module(skip)]
    image: [usize; 3],
    #[module(skip)]
    dropout: f64,
}

impl CnnConfig {
    fn init(&self, weights: &mut Weights<'_>) -> Cnn {
        let [channels, height, width] = self.image;
        // pooling halves, rounding down; an image of one row or column is not pooled away
        let pooled = |n: usize| (n / 2).max(1);
        let flat = 64 * pooled(pooled(height)) * pooled(pooled(width));
        Cnn {
            conv1: weights.conv(channels, 16),
            conv2: weights.conv(16, 32),
            conv3: weights.conv(32, 64),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: weights.linear(flat, 64, Activation::Relu.gain()),
            output: weights.linear(64, self.outputs, 1.0),
            image: self.image,
            dropout: self.dropout,
        }
    }
}

impl Cnn {
    fn run(&self, x: Tensor<2>, at: Option<(u64, u64)>) -> Tensor<2> {
        let [channels, height, width] = self.image;
        let rows = x.dims()[0];
        let x = x.reshape([rows, channels, height, width]);
        let x = activation::relu(self.conv1.forward(x));
        let x = self.halve(activation::relu(self.conv2.forward(x)));
        let x = self.halve(activation::relu(self.conv3.forward(x)));
        let x = dropout(x.flatten::<2>(1, 3), self.dropout, at, 0);
        let x = dropout(activation::relu(self.hidden.forward(x)), self.dropout, at, 1);
        self.output.forward(x)
    }

    fn halve(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        if height >= 2 && width >= 2 { self.pool.forward(x) } else { x }
    }
}
