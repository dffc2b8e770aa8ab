//! Several perceptrons at once.

use super::MlpConfig;
use super::joined::Joined;
use super::layer::{Activation, Noise, Weights, dropout};
use super::units::Units;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// Perceptrons of one shape with weights of their own, as one network: each layer is one batched product. Their outputs are
/// averaged, as probabilities where there are classes (Lakshminarayanan, Pritzel & Blundell 2017, "Simple and Scalable Predictive
/// Uncertainty Estimation using Deep Ensembles").
#[derive(Module, Debug)]
pub struct Members {
    /// `[members, inputs]`
    input_scale: Option<Param<Tensor<2>>>,
    hidden: Vec<Layer>,
    output: Layer,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    joined: Joined,
}

/// A layer of all members.
#[derive(Module, Debug)]
pub struct Layer {
    /// `[members, inputs, outputs]`
    weight: Param<Tensor<3>>,
    /// `[members, outputs]`
    bias: Param<Tensor<2>>,
}

impl Layer {
    /// From `[members, rows, inputs]` to `[members, rows, outputs]`.
    /// Each member's rows of weights count as `scale`, `[members, inputs]`, says.
    fn forward(&self, x: Tensor<3>, scale: Option<&Param<Tensor<2>>>) -> Tensor<3> {
        let weight = match scale {
            Some(scale) => self.weight.val() * scale.val().unsqueeze_dim::<3>(2),
            None => self.weight.val(),
        };
        x.matmul(weight) + self.bias.val().unsqueeze_dim::<3>(1)
    }
}

impl MlpConfig {
    pub(super) fn shapes_of_members(&self) -> Vec<(String, Vec<usize>)> {
        let members = self.members;
        let scale = ("input_scale".to_owned(), vec![members, self.inputs]);
        let mut shapes: Vec<(String, Vec<usize>)> = self.input_scale.then_some(scale).into_iter().collect();
        let mut inputs = self.inputs;
        let names = (0..self.hidden.len()).map(|i| format!("hidden.{i}")).chain(["output".to_owned()]);
        for (name, &width) in names.zip(self.hidden.iter().chain([&self.outputs])) {
            shapes.push((format!("{name}.weight"), vec![members, inputs, width]));
            shapes.push((format!("{name}.bias"), vec![members, width]));
            inputs = width;
        }
        shapes
    }

    pub(super) fn init_members(&self, weights: &mut Weights<'_>) -> Members {
        let mut inputs = self.inputs;
        let mut layer = |width: usize, gain: f64| {
            let (weight, bias) = weights.linear_of_members(self.members, inputs, width, gain);
            inputs = width;
            Layer { weight, bias }
        };
        let hidden = self.hidden.iter().map(|width| layer(*width, self.activation.gain())).collect();
        let output = layer(self.outputs, 1.0);
        Members {
            input_scale: self.input_scale.then(|| weights.ones([self.members, self.inputs])),
            hidden,
            output,
            activation: self.activation,
            dropout: self.dropout,
            joined: self.joined,
        }
    }
}

impl Members {
    /// In training, `[members · rows, inputs]`, the rows of each member after those of the one before, become
    /// `[members · rows, outputs]`. Else each of `[rows, inputs]` passes through all members, whose outputs become one.
    pub(crate) fn run(&self, x: Tensor<2>, at: Option<Noise>, seen: Option<&mut Units>) -> Tensor<2> {
        let all = self.of_each(x, at, seen);
        match at {
            Some(_) => all.flatten::<2>(0, 1),
            None => self.joined.join(all),
        }
    }

    /// Another fraction of values left out.
    #[cfg(test)]
    pub(super) fn set_dropout(&mut self, dropout: f64) {
        self.dropout = dropout;
    }

    /// Weights and biases of the first hidden layer, the scales of the inputs in them: `[inputs, members · units]` and
    /// `[members · units]`. `None` where there is no hidden layer.
    pub(crate) fn first(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        let first = self.hidden.first()?;
        let mut weight = first.weight.val();
        if let Some(scale) = &self.input_scale {
            weight = weight * scale.val().unsqueeze_dim::<3>(2);
        }
        let [members, inputs, units] = weight.dims();
        let weight = weight.swap_dims(0, 1).reshape([inputs, members * units]);
        Some((weight, first.bias.val().reshape([members * units])))
    }

    /// The outputs, from the sums of the first hidden layer on, `[rows, members · units]`.
    pub(crate) fn run_from_sums(&self, sums: Tensor<2>) -> Tensor<2> {
        let [rows, all] = sums.dims();
        let members = self.count();
        let sums = sums.reshape([rows, members, all / members]).swap_dims(0, 1);
        self.joined.join(self.after_first(sums, None, None, None))
    }

    /// Whether each input is multiplied by a number that is trained.
    pub(crate) fn has_input_scale(&self) -> bool {
        self.input_scale.is_some()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.output.bias.dims()[0]
    }

    /// The outputs of each member, `[members, rows, outputs]`.
    pub(crate) fn of_each(&self, x: Tensor<2>, at: Option<Noise>, seen: Option<&mut Units>) -> Tensor<3> {
        let [rows, inputs] = x.dims();
        let members = self.count();
        let mut x = match at {
            Some(_) => x.reshape([members, rows / members, inputs]),
            None => x.unsqueeze_dim::<3>(0).expand([members, rows, inputs]),
        };
        let mut scale = self.input_scale.as_ref();
        if let Some(first) = self.hidden.first() {
            x = first.forward(x, scale.take());
        }
        self.after_first(x, scale, at, seen)
    }

    /// From the sums of the first hidden layer on, `[members, rows, units]`; from the inputs, where there is no hidden layer.
    fn after_first(
        &self,
        mut x: Tensor<3>,
        scale: Option<&Param<Tensor<2>>>,
        at: Option<Noise>,
        mut seen: Option<&mut Units>,
    ) -> Tensor<3> {
        for (i, layer) in self.hidden.iter().enumerate() {
            if i > 0 {
                x = layer.forward(x, None);
            }
            if let Some(units) = seen.as_deref_mut() {
                let [members, rows, width] = x.dims();
                let side_by_side = x.clone().swap_dims(0, 1).reshape([rows, members * width]);
                units.see(&format!("hidden.{i}"), self.activation, side_by_side);
            }
            x = dropout(self.activation.apply(x), self.dropout, at, i as u64);
        }
        self.output.forward(x, scale)
    }
}
