use super::layer::{Activation, Weights, dropout};
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
    pub(crate) fn init(&self, weights: &mut Weights<'_>) -> Cnn {
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
    pub(crate) fn run(&self, x: Tensor<2>, at: Option<(u64, u64)>) -> Tensor<2> {
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
