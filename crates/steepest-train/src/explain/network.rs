//! A network as a model that can be explained.

use super::outputs::Unit;
use super::rectified::Rectified;
use crate::model::{Activation, Model, ModelConfig};
use crate::network::device;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use std::ops::Range;
use std::sync::OnceLock;
use steepest_explain::{Hybrids, Masks, Mix};

/// A network with what is explained of it.
pub(super) struct Network {
    model: Model,
    config: ModelConfig,
    unit: Unit,
    raw: usize,
    width: usize,
    /// Of a multi-layer perceptron, or of several side by side.
    first: Option<FirstLayer>,
    /// What comes after it, where that is nothing but products and rectifiers.
    rectified: Option<Rectified>,
    /// The same network, that keeps what backpropagation needs.
    with_gradients: OnceLock<Model>,
}

/// What a first layer does to its inputs.
struct FirstLayer {
    /// `features × units`
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Network {
    pub fn new(model: &Model, config: &ModelConfig, unit: Unit) -> Self {
        let model = model.clone().valid();
        let numbers = |tensor: TensorData| tensor.iter::<f32>().collect::<Vec<f32>>();
        let first = match &model {
            Model::Mlp(mlp) => mlp.first().map(|layer| {
                let mut weights = numbers(layer.weight.val().into_data());
                let units = weights.len() / config.inputs();
                if let Some(scale) = mlp.input_scale() {
                    let scale = numbers(scale.into_data());
                    let rows = weights.chunks_mut(units).zip(scale);
                    rows.for_each(|(row, scale)| row.iter_mut().for_each(|weight| *weight *= scale));
                }
                let bias = layer.bias.as_ref().map(|bias| numbers(bias.val().into_data()));
                FirstLayer { weights, bias: bias.unwrap_or_else(|| vec![0.0; units]) }
            }),
            Model::Members(members) => members.first().map(|(weights, bias)| FirstLayer {
                weights: numbers(weights.into_data()),
                bias: numbers(bias.into_data()),
            }),
            Model::Cnn(_) => None,
        };
        let (raw, width) = (config.outputs(), config.inputs());
        let rectified = match (&model, config) {
            (Model::Mlp(mlp), ModelConfig::Mlp(config))
                if config.activation == Activation::Relu && !config.layer_norm && first.is_some() =>
            {
                Some(Rectified::new(mlp))
            }
            _ => None,
        };
        let with_gradients = OnceLock::new();
        Self { model, config: config.clone(), unit, raw, width, first, rectified, with_gradients }
    }

    /// The network's own outputs, `rows × raw outputs`.
    pub fn raw(&self, rows: &[f64]) -> Vec<f32> {
        let of_some = |rows: &[f64]| -> Vec<f32> {
            let raw = self.model.forward(tensor(rows, self.width, false)).into_data();
            raw.try_into_vec().expect("networks compute in f32")
        };
        rows.chunks(1024 * self.width).flat_map(of_some).collect()
    }

    fn apply(&self, raw: &[f32], outputs: &mut [f64]) {
        let width = self.unit.count(self.raw);
        raw.chunks(self.raw).zip(outputs.chunks_mut(width)).for_each(|(raw, out)| self.unit.apply(raw, out));
    }

    fn with_gradients(&self) -> &Model {
        self.with_gradients.get_or_init(|| {
            let mut model = self.config.init(0, &device(true));
            steepest_burn::load_named_tensors(&mut model, &steepest_burn::named_tensors(&self.model))
                .expect("a network has the tensors of a network of the same shape");
            // of the weights no gradients are wanted
            model.no_grad()
        })
    }
}

fn tensor(rows: &[f64], width: usize, train: bool) -> Tensor<2> {
    let data: Vec<f32> = rows.iter().map(|x| *x as f32).collect();
    Tensor::from_data(TensorData::new(data, [rows.len() / width, width]), &device(train))
}

impl steepest_explain::Model for Network {
    fn features(&self) -> usize {
        self.width
    }

    fn outputs(&self) -> usize {
        self.unit.count(self.raw)
    }

    fn evaluate(&self, rows: &[f64], outputs: &mut [f64]) {
        self.apply(&self.raw(rows), outputs);
    }

    fn gradients(&self, rows: &[f64], output: usize) -> Option<Vec<f64>> {
        let input = tensor(rows, self.width, true).require_grad();
        let raw = self.with_gradients().forward(input.clone());
        let data = raw.to_data();
        let slopes: Vec<f32> = data
            .as_slice::<f32>()
            .expect("networks compute in f32")
            .chunks(self.raw)
            .flat_map(|raw| self.unit.derivative(raw, output))
            .map(|x| x as f32)
            .collect();
        let slopes =
            Tensor::from_data(TensorData::new(slopes, [rows.len() / self.width, self.raw]), &raw.device());
        let gradients = (raw * slopes).backward();
        let found = input.grad(&gradients)?.into_data();
        Some(found.iter::<f32>().map(f64::from).collect())
    }

    fn bytes_of_a_row(&self) -> usize {
        let values = match &self.config {
            ModelConfig::Mlp(c) => c.members * (c.inputs + 3 * c.hidden.iter().sum::<usize>() + c.outputs),
            config @ ModelConfig::Cnn(_) => config.values_of_a_row() as usize,
        };
        4 * values
    }

    fn hybrids<'a>(&'a self, mix: Mix<'a>) -> Box<dyn Hybrids + 'a> {
        match &self.first {
            Some(first) => Box::new(Updated { network: self, first, mix }),
            None => mix.as_whole_rows(|rows, outputs| self.evaluate(rows, outputs)),
        }
    }
}

/// Mixtures whose first layer is updated by what a column changes, instead of computed again: a sum over the units for each
/// column that changes, not over all features.
struct Updated<'a> {
    network: &'a Network,
    first: &'a FirstLayer,
    mix: Mix<'a>,
}

impl Hybrids for Updated<'_> {
    fn evaluate(
        &self,
        other: usize,
        active: &[usize],
        masks: &Masks,
        range: Range<usize>,
        outputs: &mut [f64],
    ) {
        let (row, other) = (self.mix.row, self.mix.other(other));
        let units = self.first.bias.len();
        let weights = |feature: usize| &self.first.weights[feature * units..(feature + 1) * units];
        let mut base = self.first.bias.clone();
        for (feature, value) in other.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            add(&mut base, *value as f32, weights(feature));
        }
        let mut changes = vec![0.0; active.len() * units];
        for (player, change) in active.iter().zip(changes.chunks_mut(units)) {
            for &feature in self.mix.players.features(*player) {
                let by = (row[feature] - other[feature]) as f32;
                if by != 0.0 {
                    add(change, by, weights(feature));
                }
            }
        }
        let change = |player: usize| &changes[player * units..(player + 1) * units];
        let mut sums = vec![0.0f32; range.len() * units];
        for (at, mask) in range.clone().enumerate() {
            let (done, rest) = sums.split_at_mut(at * units);
            let into = &mut rest[..units];
            match masks.step(mask).filter(|(before, _)| *before >= range.start) {
                Some((before, player)) => {
                    let before = &done[(before - range.start) * units..][..units];
                    let parts = before.iter().zip(change(player));
                    into.iter_mut().zip(parts).for_each(|(into, (before, change))| *into = before + change);
                }
                None => {
                    into.copy_from_slice(&base);
                    masks.members(mask).for_each(|player| add(into, 1.0, change(player)));
                }
            }
        }
        if let Some(rectified) = &self.network.rectified {
            return self.network.apply(&rectified.outputs(sums), outputs);
        }
        let sums = Tensor::<2>::from_data(TensorData::new(sums, [range.len(), units]), &device(false));
        let raw = match &self.network.model {
            Model::Mlp(mlp) => mlp.run_from_sums(sums, None, None),
            Model::Members(members) => members.run_from_sums(sums),
            Model::Cnn(_) => unreachable!("it has no first layer of sums"),
        };
        let raw = raw.into_data();
        self.network.apply(raw.as_slice::<f32>().expect("networks compute in f32"), outputs);
    }
}

fn add(into: &mut [f32], factor: f32, values: &[f32]) {
    into.iter_mut().zip(values).for_each(|(into, value)| *into += factor * value);
}
