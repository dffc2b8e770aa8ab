//! The settings of the network.

use crate::model::{Activation, CnnConfig, Joined, MlpConfig, ModelConfig};
use serde::{Deserialize, Serialize};
use steepest_data::{AnyEncoder, Task};

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// A small convolutional network for images of at least 16 pixels a side, a multi-layer perceptron
    /// for tables and smaller images.
    #[default]
    Auto,
    /// Linear or logistic regression.
    Linear,
    /// A multi-layer perceptron.
    Mlp,
    /// A small convolutional network; images only.
    Cnn,
}

/// `[model]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// Which network. Default: auto.
    pub kind: ModelKind,
    /// Widths of the hidden layers; none is linear. Default: `[256, 128]` for tables, else `[128, 64]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// `relu`, `gelu`, `silu` or `tanh`. Default: relu.
    pub activation: Activation,
    /// The fraction of hidden values that a training step leaves out, in `[0, 1)`. Default 0.1.
    pub dropout: f64,
    /// How dropout changes over the run: `constant`, or `flat_cosine`, which stays to the half and falls to 0 by a cosine then. Default:
    /// flat_cosine for tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout_schedule: Option<DropoutSchedule>,
    /// Normalize each layer's values. Default: false.
    pub layer_norm: bool,
    /// Multiply each input by a number that is trained, from 1 on. Default: true for a perceptron over a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_scale: Option<bool>,
    /// How many perceptrons are trained, whose outputs are averaged. Default: 2 for a table of fewer than 4,000 training rows, else 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            kind: ModelKind::Auto,
            hidden: None,
            activation: Activation::default(),
            dropout: 0.1,
            dropout_schedule: None,
            layer_norm: false,
            input_scale: None,
            members: None,
        }
    }
}

impl ModelSettings {
    /// The network for features and targets of this encoder; `auto` counts as a multi-layer perceptron.
    pub(crate) fn config(&self, encoder: &AnyEncoder) -> ModelConfig {
        let outputs = encoder.task().outputs();
        match (self.kind, encoder.image_shape()) {
            (ModelKind::Cnn, Some(image)) => {
                ModelConfig::Cnn(CnnConfig { image, outputs, dropout: self.dropout })
            }
            (kind, _) => ModelConfig::Mlp(MlpConfig {
                inputs: encoder.width(),
                hidden: if kind == ModelKind::Linear {
                    Vec::new()
                } else {
                    self.hidden.clone().unwrap_or_else(|| SMALL.to_vec())
                },
                outputs,
                activation: self.activation,
                dropout: self.dropout,
                layer_norm: self.layer_norm,
                input_scale: self.input_scale.unwrap_or(false),
                members: self.members.unwrap_or(1).clamp(1, MOST_MEMBERS) as usize,
                joined: match encoder.task() {
                    Task::Regression => Joined::Mean,
                    Task::Binary => Joined::Binary,
                    Task::Classes(_) => Joined::Classes,
                },
            }),
        }
    }
}

/// Widths for tables.
pub(crate) const WIDE: [usize; 2] = [256, 128];
/// Widths for images, and of runs of versions that did not say.
pub(crate) const SMALL: [usize; 2] = [128, 64];
/// The most members.
pub(crate) const MOST_MEMBERS: u64 = 256;

/// How dropout changes over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropoutSchedule {
    /// Not at all.
    #[default]
    Constant,
    /// It stays to the half of the run and falls to 0 by half a cosine (`flat_cos`, Holzmüller et al. 2024, section 3).
    FlatCosine,
}

impl DropoutSchedule {
    /// What the fraction is multiplied by after this part of the run.
    pub(crate) fn factor(self, part: f64) -> f64 {
        match self {
            Self::FlatCosine if part > 0.5 => {
                0.5 * (1.0 + (std::f64::consts::PI * (2.0 * part.min(1.0) - 1.0)).cos())
            }
            _ => 1.0,
        }
    }
}
