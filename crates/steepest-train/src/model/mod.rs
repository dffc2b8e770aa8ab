//! The networks: layers of burn, with weights that are a pure function of a seed.
//!
//! burn draws initial weights and dropout from a generator that belongs to the device, so two networks
//! made side by side would change each other. Here both come from [`steepest_data::random`].

mod cnn;
mod joined;
mod layer;
mod members;
mod mlp;
#[cfg(test)]
mod tests;
mod units;

pub use cnn::{Cnn, CnnConfig};
pub use joined::Joined;
pub use layer::{Activation, Noise};
pub use members::Members;
pub use mlp::{Mlp, MlpConfig};

use crate::summary::LayerLine;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use layer::Weights;
use std::fmt;
use units::Units;

/// Which network.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelConfig {
    /// A multi-layer perceptron.
    Mlp(MlpConfig),
    /// A small convolutional network.
    Cnn(CnnConfig),
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
                if c.layer_norm {
                    write!(f, ", layer norm")?;
                }
                if c.members > 1 { write!(f, ", {} members", c.members) } else { Ok(()) }
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
        let mut weights = Weights::new(seed, device);
        match self {
            Self::Mlp(config) if config.members > 1 => Model::Members(config.init_members(&mut weights)),
            Self::Mlp(config) => Model::Mlp(config.init(&mut weights)),
            Self::Cnn(config) => Model::Cnn(config.init(&mut weights)),
        }
    }
}

impl ModelConfig {
    /// Name and shape of each tensor, in the order in which they are saved.
    pub fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        match self {
            Self::Mlp(config) => config.shapes(),
            Self::Cnn(config) => config.shapes(),
        }
    }

    /// How many numbers a row has.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Mlp(config) => config.inputs,
            Self::Cnn(config) => config.image.iter().product(),
        }
    }

    /// How many outputs a row gets.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Mlp(config) => config.outputs,
            Self::Cnn(config) => config.outputs,
        }
    }

    /// How many networks are trained as one.
    pub fn members(&self) -> usize {
        match self {
            Self::Mlp(config) => config.members,
            Self::Cnn(_) => 1,
        }
    }

    /// How many numbers the network has; the largest `u64` where that is more than it holds.
    pub fn parameters(&self) -> u64 {
        let numbers = |shape: &[usize]| shape.iter().fold(1u64, |all, size| all.saturating_mul(*size as u64));
        self.shapes().iter().fold(0, |all, (_, shape)| all.saturating_add(numbers(shape)))
    }

    /// How many numbers each of several members has.
    pub fn parameters_of_one(&self) -> u64 {
        self.parameters() / self.members() as u64
    }

    /// How many values one row is on its way through the network, about.
    pub fn values_of_a_row(&self) -> u64 {
        match self {
            Self::Mlp(c) => {
                let widths = [c.inputs, c.outputs];
                let of_one: u64 = widths.iter().chain(&c.hidden).map(|width| *width as u64).sum();
                of_one.saturating_mul(c.members as u64)
            }
            Self::Cnn(c) => {
                let pixels = c.image[1] as u64 * c.image[2] as u64;
                // 16 channels as large as the image, 32 of a quarter of it, 64 of a sixteenth
                pixels.saturating_mul(c.image[0] as u64 + 16 + 8 + 4)
            }
        }
    }
}

/// A network for tables or images.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // there is one network in a program, not a list of them
pub enum Model {
    /// A multi-layer perceptron.
    Mlp(Mlp),
    /// Several of them.
    Members(Members),
    /// A small convolutional network.
    Cnn(Cnn),
}

impl Model {
    /// The outputs for `[rows, features]`: `[rows, outputs]`, without dropout; those of several members as one.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.run(x, None, None)
    }

    /// The same with dropout, which depends on the noise alone. Of several members each has rows of its own, one member's after those of
    /// the one before.
    pub fn forward_training(&self, x: Tensor<2>, noise: Noise) -> Tensor<2> {
        self.run(x, Some(noise), None)
    }

    /// The outputs of each of several members, `[members, rows, outputs]`; `None` where there is one.
    pub(crate) fn of_members(&self, x: Tensor<2>) -> Option<Tensor<3>> {
        match self {
            Self::Members(members) => Some(members.of_each(x, None, None)),
            Self::Mlp(_) | Self::Cnn(_) => None,
        }
    }

    /// Each hidden layer, and which of its units learn nothing from these rows, without dropout.
    pub(crate) fn units(&self, x: Tensor<2>) -> Vec<LayerLine> {
        let mut units = Units::default();
        self.run(x, None, Some(&mut units));
        units.lines()
    }

    /// How many networks it is.
    pub(crate) fn members(&self) -> usize {
        match self {
            Self::Members(members) => members.count(),
            Self::Mlp(_) | Self::Cnn(_) => 1,
        }
    }

    /// Whether each input is multiplied by a number that is trained.
    pub(crate) fn has_input_scale(&self) -> bool {
        match self {
            Self::Mlp(mlp) => mlp.input_scale().is_some(),
            Self::Members(members) => members.has_input_scale(),
            Self::Cnn(_) => false,
        }
    }

    fn run(&self, x: Tensor<2>, at: Option<Noise>, seen: Option<&mut Units>) -> Tensor<2> {
        match self {
            Self::Mlp(mlp) => mlp.run(x, at, seen),
            Self::Members(members) => members.run(x, at, seen),
            Self::Cnn(cnn) => cnn.run(x, at, seen),
        }
    }
}
