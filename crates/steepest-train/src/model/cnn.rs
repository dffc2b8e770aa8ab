use super::layer::{Activation, Noise, Weights, dropout};
use super::units::Units;
use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, activation};

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
    /// The fraction of hidden values that a training step leaves out, in `[0, 1)`.
    pub dropout: f64,
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
    /// Channels, height and width of the image, each twice halved, rounding up, as the hidden layer sees them.
    fn flat(&self) -> usize {
        let [_, height, width] = self.image;
        height.div_ceil(4).saturating_mul(width.div_ceil(4)).saturating_mul(64)
    }

    pub(crate) fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let [channels, ..] = self.image;
        let layers: [(&str, Vec<usize>); 5] = [
            ("conv1", vec![16, channels, 3, 3]),
            ("conv2", vec![32, 16, 3, 3]),
            ("conv3", vec![64, 32, 3, 3]),
            ("hidden", vec![self.flat(), 64]),
            ("output", vec![64, self.outputs]),
        ];
        let both = |(layer, shape): (&str, Vec<usize>)| {
            // a Linear has its outputs last, a convolution first
            let outputs = if shape.len() == 4 { shape[0] } else { shape[1] };
            [(format!("{layer}.weight"), shape), (format!("{layer}.bias"), vec![outputs])]
        };
        layers.into_iter().flat_map(both).collect()
    }

    pub(crate) fn init(&self, weights: &mut Weights<'_>) -> Cnn {
        let [channels, ..] = self.image;
        Cnn {
            conv1: weights.conv(channels, 16, 1),
            conv2: weights.conv(16, 32, 2),
            conv3: weights.conv(32, 64, 2),
            hidden: weights.linear(self.flat(), 64, Activation::Relu.gain()),
            output: weights.linear(64, self.outputs, 1.0),
            image: self.image,
            dropout: self.dropout,
        }
    }
}

impl Cnn {
    pub(crate) fn run(&self, x: Tensor<2>, at: Option<Noise>, mut seen: Option<&mut Units>) -> Tensor<2> {
        let [channels, height, width] = self.image;
        let rows = x.dims()[0];
        let mut x = x.reshape([rows, channels, height, width]);
        for (name, conv) in [("conv1", &self.conv1), ("conv2", &self.conv2), ("conv3", &self.conv3)] {
            x = conv.forward(x);
            if let Some(units) = seen.as_deref_mut() {
                // a row for each pixel of each image
                let [_, channels, ..] = x.dims();
                let sums: Tensor<4> = x.clone().permute([0, 2, 3, 1]);
                units.see(name, Activation::Relu, sums.reshape([-1, channels as i32]));
            }
            x = activation::relu(x);
        }
        let x = dropout(x.flatten::<2>(1, 3), self.dropout, at, 0);
        let x = self.hidden.forward(x);
        if let Some(units) = seen {
            units.see("hidden", Activation::Relu, x.clone());
        }
        let x = dropout(activation::relu(x), self.dropout, at, 1);
        self.output.forward(x)
    }
}
