//! From rows to a network's outputs.

use crate::model::Model;
use crate::summary::LayerLine;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use steepest_data::{AnyEncoder, Features};

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

/// The network's outputs for every row, without dropout and without gradients. A number is none beyond those that training took.
pub(crate) fn outputs(model: &Model, encoder: &AnyEncoder, features: &Features) -> Vec<f32> {
    let model = model.clone().valid();
    let mut outputs = Vec::new();
    each_block(features, |input| {
        let output = model.forward(input).into_data();
        outputs.extend_from_slice(output.as_slice::<f32>().expect("networks compute in f32"));
    });
    keep_in_range(encoder, &mut outputs);
    outputs
}

/// The outputs of each of several members for every row, a member after the other; of one network alone, its own.
pub(crate) fn outputs_of_members(model: &Model, encoder: &AnyEncoder, features: &Features) -> Vec<Vec<f32>> {
    let valid = model.clone().valid();
    let mut members: Vec<Vec<f32>> = Vec::new();
    each_block(features, |input| {
        let Some(outputs) = valid.of_members(input) else { return };
        let [count, rows, width] = outputs.dims();
        members.resize(count, Vec::new());
        let data = outputs.into_data();
        let all = data.as_slice::<f32>().expect("networks compute in f32");
        members
            .iter_mut()
            .zip(all.chunks(rows * width))
            .for_each(|(member, own)| member.extend_from_slice(own));
    });
    if members.is_empty() {
        return vec![outputs(model, encoder, features)];
    }
    members.iter_mut().for_each(|outputs| keep_in_range(encoder, outputs));
    members
}

fn each_block(features: &Features, mut see: impl FnMut(Tensor<2>)) {
    let width = features.width.max(1);
    for block in features.data.chunks(EVALUATED * width) {
        let shape = [block.len() / width, width];
        see(Tensor::from_data(TensorData::new(block.to_vec(), shape), &device(false)));
    }
}

fn keep_in_range(encoder: &AnyEncoder, outputs: &mut [f32]) {
    if let Some([least, greatest]) = encoder.target_range() {
        // NaN stays NaN
        outputs.iter_mut().for_each(|output| *output = output.clamp(least as f32, greatest as f32));
    }
}
