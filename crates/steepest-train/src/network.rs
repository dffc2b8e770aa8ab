//! From settings to a network, and from rows to its outputs.

use crate::error::{Error, Result};
use crate::fit::{class_weights, resolve_loss};
use crate::loss::Loss;
use crate::model::{CnnConfig, MlpConfig, Model, ModelConfig};
use crate::settings::{LossKind, ModelKind, Settings};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use steepest_data::{AnyEncoder, Features, Prepared};

/// Rows that are evaluated at once: enough to fill the cores, little enough for any cache.
const EVALUATED: usize = 1024;

/// The CPU, with or without gradients.
pub(crate) fn device(train: bool) -> Device {
    let device = Device::flex();
    if train { device.autodiff() } else { device }
}

/// Whether the rows are images large enough that a convolutional network is worth its time: below 16
/// pixels a side, a perceptron is as good and ten times as fast.
pub(crate) fn suits_convolution(encoder: &AnyEncoder) -> bool {
    encoder.image_shape().is_some_and(|[_, height, width]| height.min(width) >= 16)
}

/// Replaces what `auto` stands for.
pub(crate) fn resolve(settings: &mut Settings, encoder: &AnyEncoder) -> Result<()> {
    settings.loss.kind = resolve_loss(settings.loss.kind, encoder.task())?;
    let images = encoder.image_shape().is_some();
    let model = &mut settings.model;
    model.kind = match model.kind {
        ModelKind::Auto if suits_convolution(encoder) => ModelKind::Cnn,
        ModelKind::Auto if model.hidden.is_empty() => ModelKind::Linear,
        ModelKind::Auto => ModelKind::Mlp,
        ModelKind::Cnn if !images => {
            return Err(Error::Unsuitable {
                reason: "a convolutional network needs images, and the data is a table".into(),
                remedy: "use --model mlp".into(),
            });
        }
        kind => kind,
    };
    Ok(())
}

fn config(settings: &Settings, encoder: &AnyEncoder) -> ModelConfig {
    let model = &settings.model;
    let outputs = encoder.task().outputs();
    match (model.kind, encoder.image_shape()) {
        (ModelKind::Cnn, Some(shape)) => {
            ModelConfig::Cnn(CnnConfig { image: shape, outputs, dropout: model.dropout })
        }
        (kind, _) => ModelConfig::Mlp(MlpConfig {
            inputs: encoder.width(),
            hidden: if kind == ModelKind::Linear { Vec::new() } else { model.hidden.clone() },
            outputs,
            activation: model.activation,
            dropout: model.dropout,
            layer_norm: model.layer_norm,
        }),
    }
}

/// The network that the resolved settings describe, with its initial weights.
pub(crate) fn build(settings: &Settings, encoder: &AnyEncoder, device: &Device) -> Result<Model> {
    Ok(config(settings, encoder).init(settings.train.seed, device))
}

/// The network in words.
pub(crate) fn describe(settings: &Settings, encoder: &AnyEncoder) -> String {
    config(settings, encoder).to_string()
}

/// The training loss.
pub(crate) fn loss(settings: &Settings, data: &Prepared) -> Result<Loss> {
    let weights = class_weights(settings, data)?;
    let loss = &settings.loss;
    let smoothing = loss.label_smoothing;
    Ok(match (loss.kind, data.task.outputs()) {
        (LossKind::Huber, _) => Loss::Huber { delta: loss.delta },
        (LossKind::SquaredError, _) => Loss::SquaredError,
        (_, 1) => Loss::BinaryCrossEntropy { smoothing, weights },
        _ => Loss::CrossEntropy { smoothing, weights },
    })
}

/// Some rows of the features, as the network's input.
pub(crate) fn rows(features: &Features, rows: &[usize]) -> Tensor<2> {
    let mut data = Vec::new();
    steepest_data::gather(&features.data, features.width, rows, &mut data);
    Tensor::from_data(TensorData::new(data, [rows.len(), features.width]), &device(true))
}

/// The network's outputs for every row, without dropout and without gradients.
pub(crate) fn outputs(model: &Model, features: &Features) -> Vec<f32> {
    let model = model.clone().valid();
    let width = features.width.max(1);
    let mut outputs = Vec::new();
    for block in features.data.chunks(EVALUATED * width) {
        let shape = [block.len() / width, width];
        let input = Tensor::<2>::from_data(TensorData::new(block.to_vec(), shape), &device(false));
        let output = model.forward(input).into_data();
        outputs.extend_from_slice(output.as_slice::<f32>().expect("networks compute in f32"));
    }
    outputs
}
