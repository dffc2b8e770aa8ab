//! From rows to a network's outputs.

use crate::model::Model;
use crate::summary::LayerLine;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use steepest_data::Features;

/// Rows that are evaluated at once: enough to fill the cores, little enough for any cache.
const EVALUATED: usize = 1024;

/// The CPU, with or without gradients.
pub(crate) fn device(train: bool) -> Device {
    let device = Device::flex();
    if train { device.autodiff() } else { device }
}

/// Some rows of the features, as the network's input.
pub(crate) fn rows(features: &Features, rows: &[usize]) -> Tensor<2> {
    let mut data = Vec::new();
    steepest_data::gather(&features.data, features.width, rows, &mut data);
    Tensor::from_data(TensorData::new(data, [rows.len(), features.width]), &device(true))
}

/// Each hidden layer, and which of its units learn nothing: over at most as many rows as are evaluated at once, taken
/// evenly.
pub(crate) fn units(model: &Model, features: &Features) -> Vec<LayerLine> {
    let n = features.rows.min(EVALUATED);
    let taken: Vec<usize> = (0..n).map(|at| at * features.rows / n).collect();
    let mut data = Vec::new();
    steepest_data::gather(&features.data, features.width, &taken, &mut data);
    let input = Tensor::from_data(TensorData::new(data, [n, features.width]), &device(false));
    model.clone().valid().units(input)
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
