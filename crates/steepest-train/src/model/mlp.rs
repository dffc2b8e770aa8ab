use super::joined::Joined;
use super::layer::{Activation, Noise, Weights, dropout};
use super::units::Units;
use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::Tensor;

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
    /// The fraction of hidden values that a training step leaves out, in `[0, 1)`.
    pub dropout: f64,
    /// Normalize each hidden layer's sums.
    pub layer_norm: bool,
    /// Multiply each input by a number that is trained.
    pub input_scale: bool,
    /// How many networks of this shape are trained as one, at least 1; with more, layers are not normalized.
    pub members: usize,
    /// How their outputs become one.
    pub joined: Joined,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            inputs: 1,
            hidden: Vec::new(),
            outputs: 1,
            activation: Activation::Relu,
            dropout: 0.0,
            layer_norm: false,
            input_scale: false,
            members: 1,
            joined: Joined::Mean,
        }
    }
}

/// See [`MlpConfig`].
#[derive(Module, Debug)]
pub struct Mlp {
    input_scale: Option<Param<Tensor<1>>>,
    hidden: Vec<Linear>,
    norms: Vec<LayerNorm>,
    output: Linear,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    dropout: f64,
}

impl MlpConfig {
    pub(crate) fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        if self.members > 1 {
            return self.shapes_of_members();
        }
        let scale = ("input_scale".to_owned(), vec![self.inputs]);
        let mut shapes: Vec<(String, Vec<usize>)> = self.input_scale.then_some(scale).into_iter().collect();
        let mut inputs = self.inputs;
        for (i, &width) in self.hidden.iter().enumerate() {
            shapes.push((format!("hidden.{i}.weight"), vec![inputs, width]));
            shapes.push((format!("hidden.{i}.bias"), vec![width]));
            inputs = width;
        }
        for (i, &width) in self.hidden.iter().enumerate().filter(|_| self.layer_norm) {
            shapes.push((format!("norms.{i}.gamma"), vec![width]));
            shapes.push((format!("norms.{i}.beta"), vec![width]));
        }
        shapes.push(("output.weight".to_owned(), vec![inputs, self.outputs]));
        shapes.push(("output.bias".to_owned(), vec![self.outputs]));
        shapes
    }

    pub(crate) fn init(&self, weights: &mut Weights<'_>) -> Mlp {
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
            input_scale: self.input_scale.then(|| weights.ones([self.inputs])),
            hidden,
            norms,
            activation: self.activation,
            dropout: self.dropout,
        }
    }
}

impl Mlp {
    pub(crate) fn run(&self, x: Tensor<2>, at: Option<Noise>, seen: Option<&mut Units>) -> Tensor<2> {
        match self.hidden.first() {
            Some(first) => self.run_from_sums(self.scaled(first, x), at, seen),
            None => self.scaled(&self.output, x),
        }
    }

    /// The sums of the layer that sees the inputs. Their scales are those of the rows of its weights, so that no gradient of the inputs
    /// is needed, which would be a product more.
    fn scaled(&self, layer: &Linear, x: Tensor<2>) -> Tensor<2> {
        let Some(scale) = &self.input_scale else { return layer.forward(x) };
        let sums = x.matmul(layer.weight.val() * scale.val().unsqueeze_dim::<2>(1));
        match &layer.bias {
            Some(bias) => sums + bias.val().unsqueeze(),
            None => sums,
        }
    }

    /// The first hidden layer, if there is one.
    pub(crate) fn first(&self) -> Option<&Linear> {
        self.hidden.first()
    }

    /// What each input is multiplied by before it, if it is.
    pub(crate) fn input_scale(&self) -> Option<Tensor<1>> {
        self.input_scale.as_ref().map(Param::val)
    }

    /// The layers after it, and the last.
    pub(crate) fn rest(&self) -> (&[Linear], &Linear) {
        (self.hidden.get(1..).unwrap_or_default(), &self.output)
    }

    /// From the sums of the first hidden layer on.
    pub(crate) fn run_from_sums(
        &self,
        mut x: Tensor<2>,
        at: Option<Noise>,
        mut seen: Option<&mut Units>,
    ) -> Tensor<2> {
        for (i, layer) in self.hidden.iter().enumerate() {
            if i > 0 {
                x = layer.forward(x);
            }
            if let Some(norm) = self.norms.get(i) {
                x = norm.forward(x);
            }
            if let Some(units) = seen.as_deref_mut() {
                units.see(&format!("hidden.{i}"), self.activation, x.clone());
            }
            x = dropout(self.activation.apply(x), self.dropout, at, i as u64);
        }
        self.output.forward(x)
    }
}
