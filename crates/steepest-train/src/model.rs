//! The networks: layers of burn, with weights that are a pure function of a seed.
//!
//! burn draws initial weights and dropout from a generator that belongs to the device, so two networks
//! made side by side would change each other. Here both come from [`steepest_data::random`].

use burn::module::{Module, Param, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig};
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

/// A small convolutional network: 3×3 convolutions of 16, 32 and 64 channels, the second and third of
/// which halve height and width, a hidden layer of 64, and a Linear.
///
/// The image shrinks by the stride of the convolutions and not by pooling (Springenberg et al., 2015):
/// that is a quarter of their work, and burn's pooling on the CPU takes as long as a convolution.
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

    fn linear(&mut self, inputs: usize, outputs: usize, gain: f64) -> Linear {
        Linear {
            weight: self.draw([inputs, outputs], (inputs + outputs) as f64 / 2.0, gain),
            bias: Some(self.zeros(outputs)),
        }
    }

    fn conv(&mut self, inputs: usize, outputs: usize, stride: usize) -> Conv2d {
        let mut conv = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(self.device);
        conv.weight = self.draw([outputs, inputs, 3, 3], inputs as f64 * 9.0, Activation::Relu.gain());
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
    // 16 bits decide about a value: a quarter of the draws, and the share is met to 1/65536
    let dropped = (share * 65536.0).round().min(65535.0) as u64;
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
        // twice halved, rounding up
        let flat = 64 * height.div_ceil(4) * width.div_ceil(4);
        Cnn {
            conv1: weights.conv(channels, 16, 1),
            conv2: weights.conv(16, 32, 2),
            conv3: weights.conv(32, 64, 2),
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
        let mut x = x.reshape([rows, channels, height, width]);
        for conv in [&self.conv1, &self.conv2, &self.conv3] {
            x = activation::relu(conv.forward(x));
        }
        let x = dropout(x.flatten::<2>(1, 3), self.dropout, at, 0);
        let x = dropout(activation::relu(self.hidden.forward(x)), self.dropout, at, 1);
        self.output.forward(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Loss;
    use std::collections::HashMap;
    use steepest_burn::{NamedTensor, named_tensors};

    fn device() -> Device {
        Device::flex().autodiff()
    }

    fn mlp(activation: Activation, layer_norm: bool) -> ModelConfig {
        let hidden = vec![7, 5];
        ModelConfig::Mlp(MlpConfig { inputs: 6, hidden, outputs: 3, activation, dropout: 0.5, layer_norm })
    }

    fn cnn() -> ModelConfig {
        ModelConfig::Cnn(CnnConfig { image: [2, 5, 6], outputs: 3, dropout: 0.0 })
    }

    fn noise(shape: [usize; 2]) -> Tensor<2> {
        let mut stream = Stream::new(b"test\0\0\0\0", 0, 0);
        let data = (0..shape[0] * shape[1]).map(|_| (2.0 * unit(&mut stream) - 1.0) as f32).collect();
        Tensor::from_data(TensorData::new::<f32, _>(data, shape), &device())
    }

    #[test]
    fn weights_are_a_function_of_the_seed() {
        for config in [mlp(Activation::Relu, true), cnn()] {
            let weights = |seed| named_tensors(&config.init(seed, &device()));
            assert_eq!(weights(1), weights(1));
            assert_ne!(weights(1), weights(2));
        }
    }

    #[test]
    fn values_neither_grow_nor_shrink_from_layer_to_layer() {
        let hidden = vec![256; 8];
        for activation in [Activation::Relu, Activation::Tanh] {
            let config = MlpConfig {
                inputs: 256,
                hidden: hidden.clone(),
                outputs: 256,
                activation,
                dropout: 0.0,
                layer_norm: false,
            };
            let out = ModelConfig::Mlp(config).init(0, &device()).forward(noise([16, 256]));
            let size = out.powi_scalar(2).mean().sqrt().into_scalar::<f32>();
            // the input's is 0.58; tanh flattens it a little in each layer
            assert!((0.1..1.0).contains(&size), "{activation}: {size}");
        }
    }

    #[test]
    fn dropout_is_a_function_of_seed_and_step() {
        let model = mlp(Activation::Relu, false).init(0, &device());
        let run = |seed, step| model.forward_training(noise([8, 6]), seed, step).into_data();
        assert_eq!(run(1, 5), run(1, 5));
        assert_ne!(run(1, 5), run(1, 6));
        assert_ne!(run(1, 5), run(2, 5));
        let ones = Tensor::<2>::ones([100, 1001], &device());
        let values = dropout(ones, 0.3, Some((0, 0)), 0).into_data();
        let left_out = values.iter::<f32>().filter(|x| *x == 0.0).count() as f64 / 100_100.0;
        // the standard deviation of the share is 0.0014; five of them
        assert!((left_out - 0.3).abs() < 0.007, "{left_out}");
        assert!(values.iter::<f32>().all(|x| x == 0.0 || (x - 1.0 / 0.7).abs() < 1e-4));
    }

    /// The networks once more, in f64 and in plain loops: a difference of the loss in f32 would say
    /// little of a slope, since a short step drowns in rounding and a long one crosses kinks of the relu.
    struct Reference {
        weights: HashMap<String, (Vec<usize>, Vec<f64>)>,
    }

    impl Reference {
        fn of(model: &Model) -> Self {
            let widen = |(name, shape, data): NamedTensor| {
                (name, (shape, data.iter().map(|x| f64::from(*x)).collect()))
            };
            Self { weights: named_tensors(model).into_iter().map(widen).collect() }
        }

        fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
            let (shape, weight) = &self.weights[&format!("{name}.weight")];
            let (inputs, outputs) = (shape[0], shape[1]);
            let bias = &self.weights[&format!("{name}.bias")].1;
            let sum =
                |row: &[f64], o: usize| (0..inputs).map(|i| row[i] * weight[i * outputs + o]).sum::<f64>();
            x.chunks(inputs).flat_map(|row| (0..outputs).map(move |o| sum(row, o) + bias[o])).collect()
        }

        fn layer_norm(&self, name: &str, x: &mut [f64]) {
            let (gamma, beta) =
                (&self.weights[&format!("{name}.gamma")].1, &self.weights[&format!("{name}.beta")].1);
            for row in x.chunks_mut(gamma.len()) {
                let n = row.len() as f64;
                let mean = row.iter().sum::<f64>() / n;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
                for ((x, g), b) in row.iter_mut().zip(gamma).zip(beta) {
                    *x = (*x - mean) / (variance + 1e-5).sqrt() * g + b;
                }
            }
        }

        /// A 3×3 convolution with a border of zeros; x is (channels, height, width).
        fn conv(
            &self,
            name: &str,
            x: &[f64],
            [c, h, w]: [usize; 3],
            stride: usize,
        ) -> (Vec<f64>, [usize; 3]) {
            let (shape, weight) = &self.weights[&format!("{name}.weight")];
            let bias = &self.weights[&format!("{name}.bias")].1;
            let size = [shape[0], h.div_ceil(stride), w.div_ceil(stride)];
            let mut out = Vec::new();
            for o in 0..size[0] {
                for (i, j) in (0..size[1]).flat_map(|i| (0..size[2]).map(move |j| (i, j))) {
                    let mut sum = bias[o];
                    for (k, di, dj) in
                        (0..c).flat_map(|k| (0..3).flat_map(move |di| (0..3).map(move |dj| (k, di, dj))))
                    {
                        let (y, z) = ((i * stride + di).wrapping_sub(1), (j * stride + dj).wrapping_sub(1));
                        if y < h && z < w {
                            sum += weight[((o * c + k) * 3 + di) * 3 + dj] * x[(k * h + y) * w + z];
                        }
                    }
                    out.push(sum);
                }
            }
            (out, size)
        }

        fn outputs(&self, config: &ModelConfig, x: &[f64], masks: &[Vec<f64>]) -> Vec<f64> {
            let drop = |x: &mut Vec<f64>, layer: usize| {
                x.iter_mut().zip(&masks[layer]).for_each(|(x, kept)| *x *= kept);
            };
            match config {
                ModelConfig::Mlp(config) => {
                    let mut x = x.to_vec();
                    for layer in 0..config.hidden.len() {
                        x = self.linear(&format!("hidden.{layer}"), &x);
                        if config.layer_norm {
                            self.layer_norm(&format!("norms.{layer}"), &mut x);
                        }
                        x.iter_mut().for_each(|x| *x = activated(config.activation, *x));
                        drop(&mut x, layer);
                    }
                    self.linear("output", &x)
                }
                ModelConfig::Cnn(config) => {
                    let mut flat = Vec::new();
                    for image in x.chunks(config.image.iter().product()) {
                        let (mut x, mut size) = (image.to_vec(), config.image);
                        for (name, stride) in [("conv1", 1), ("conv2", 2), ("conv3", 2)] {
                            (x, size) = self.conv(name, &x, size, stride);
                            x.iter_mut().for_each(|x| *x = x.max(0.0));
                        }
                        flat.extend(x);
                    }
                    let mut x = self.linear("hidden", &flat);
                    x.iter_mut().for_each(|x| *x = x.max(0.0));
                    self.linear("output", &x)
                }
            }
        }
    }

    fn activated(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::Relu => x.max(0.0),
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Tanh => x.tanh(),
            Activation::Gelu => {
                // erf by its Maclaurin series, which these small values need few terms of
                let z = x / std::f64::consts::SQRT_2;
                let (mut term, mut erf) = (z, z);
                for n in 1..60 {
                    term *= -z * z / f64::from(n);
                    erf += term / f64::from(2 * n + 1);
                }
                0.5 * x * (1.0 + erf * std::f64::consts::FRAC_2_SQRT_PI)
            }
        }
    }

    fn cross_entropy(outputs: &[f64], codes: &[u32]) -> f64 {
        let classes = outputs.len() / codes.len();
        let of =
            |(row, code): (&[f64], &u32)| row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[*code as usize];
        outputs.chunks(classes).zip(codes).map(of).sum::<f64>() / codes.len() as f64
    }

    /// burn's outputs and gradients of every layer used here, against a plain network in f64.
    #[test]
    fn gradients_are_differences_of_the_loss() {
        const CODES: [u32; 4] = [0, 1, 2, 1];
        let smooth = [Activation::Gelu, Activation::Silu, Activation::Tanh];
        let mut configs: Vec<_> = smooth.into_iter().map(|activation| mlp(activation, true)).collect();
        configs.extend([mlp(Activation::Relu, false), cnn()]);
        let loss = Loss::CrossEntropy { smoothing: 0.0, weights: None };
        for config in configs {
            let (width, layers) = match &config {
                ModelConfig::Mlp(mlp) => (mlp.inputs, mlp.hidden.clone()),
                ModelConfig::Cnn(_) => (60, Vec::new()),
            };
            let numbers = |x: Tensor<2>| x.into_data().iter::<f32>().map(f64::from).collect::<Vec<f64>>();
            // what dropout with this seed and step multiplies by
            let mask = |(layer, width): (usize, &usize)| {
                numbers(dropout(Tensor::<2>::ones([4, *width], &device()), 0.5, Some((9, 1)), layer as u64))
            };
            let masks: Vec<Vec<f64>> = layers.iter().enumerate().map(mask).collect();
            let x = numbers(noise([4, width]));
            let model = config.init(3, &device());
            let value = loss.classes(model.forward_training(noise([4, width]), 9, 1), &CODES);
            let mut reference = Reference::of(&model);
            let expected = cross_entropy(&reference.outputs(&config, &x, &masks), &CODES);
            assert!((value.value - expected).abs() < 1e-6, "{config}: {} and {expected}", value.value);
            let slopes = slopes(&model, &value.backward());
            for ((name, ..), slopes) in named_tensors(&model).iter().zip(&slopes) {
                for place in (0..slopes.len()).step_by(slopes.len().div_ceil(6)) {
                    let mut moved = |by: f64| {
                        reference.weights.get_mut(name).unwrap().1[place] += by;
                        let value = cross_entropy(&reference.outputs(&config, &x, &masks), &CODES);
                        reference.weights.get_mut(name).unwrap().1[place] -= by;
                        value
                    };
                    let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                    let error = (f64::from(slopes[place]) - difference).abs();
                    // slopes are about 0.1: a hundred roundings of f32
                    assert!(error < 1e-6, "{config}: `{name}` {place}: {} and {difference}", slopes[place]);
                }
            }
        }
    }

    /// The gradient of every parameter, in the order of [`named_tensors`].
    fn slopes(model: &Model, grads: &burn::tensor::Gradients) -> Vec<Vec<f32>> {
        struct Collect<'a>(&'a burn::tensor::Gradients, Vec<Vec<f32>>);
        impl burn::module::ModuleVisitor for Collect<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let grad = param.grad(self.0).expect("every parameter is used");
                self.1.push(grad.into_data().iter::<f32>().collect());
            }
        }
        let mut collect = Collect(grads, Vec::new());
        model.visit(&mut collect);
        collect.1
    }

    #[test]
    fn any_image_size_fits() {
        for image in [[1, 1, 1], [3, 2, 9], [1, 8, 8], [1, 28, 28]] {
            let config = ModelConfig::Cnn(CnnConfig { image, outputs: 2, dropout: 0.1 });
            let x = noise([3, image.iter().product()]);
            let model = config.init(0, &device());
            assert_eq!(model.forward(x.clone()).dims(), [3, 2]);
            assert_eq!(model.forward_training(x, 0, 0).dims(), [3, 2]);
        }
    }
}
