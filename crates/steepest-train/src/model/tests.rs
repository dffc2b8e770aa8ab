use super::layer::{Noise, dropout, unit};
use super::*;
use crate::loss::Loss;
use burn::module::Param;
use burn::tensor::TensorData;
use std::collections::HashMap;
use steepest_burn::{NamedTensor, named_tensors};
use steepest_data::random::Stream;

fn device() -> Device {
    Device::flex().autodiff()
}

fn mlp(activation: Activation, layer_norm: bool) -> ModelConfig {
    let hidden = vec![7, 5];
    ModelConfig::Mlp(MlpConfig {
        inputs: 6,
        hidden,
        outputs: 3,
        activation,
        dropout: 0.5,
        layer_norm,
        ..MlpConfig::default()
    })
}

fn cnn() -> ModelConfig {
    ModelConfig::Cnn(CnnConfig { image: [2, 5, 6], outputs: 3, dropout: 0.0 })
}

fn at(seed: u64, step: u64) -> Noise {
    Noise { seed, step, dropout: 1.0 }
}

fn noise(shape: [usize; 2]) -> Tensor<2> {
    let mut stream = Stream::new(b"test\0\0\0\0", 0, 0);
    let data = (0..shape[0] * shape[1]).map(|_| (2.0 * unit(&mut stream) - 1.0) as f32).collect();
    Tensor::from_data(TensorData::new::<f32, _>(data, shape), &device())
}

#[test]
fn weights_are_a_function_of_the_seed() {
    for config in [mlp(Activation::Relu, true), cnn()] {
        let weights = |seed| named_tensors(&config.init(seed, &device()));
        assert_eq!(weights(1), weights(1));
        assert_ne!(weights(1), weights(2));
    }
}

#[test]
fn the_shapes_are_known_before_a_network_is_made() {
    for config in [mlp(Activation::Relu, true), mlp(Activation::Tanh, false), cnn()] {
        let tensors = named_tensors(&config.init(0, &device()));
        let shapes: Vec<_> = tensors.iter().map(|(name, shape, _)| (name.clone(), shape.clone())).collect();
        assert_eq!(config.shapes(), shapes);
        let numbers: usize = tensors.iter().map(|(_, _, values)| values.len()).sum();
        assert_eq!(config.parameters(), numbers as u64);
    }
}

#[test]
fn values_neither_grow_nor_shrink_from_layer_to_layer() {
    let hidden = vec![256; 8];
    for activation in [Activation::Relu, Activation::Tanh] {
        let config = MlpConfig {
            inputs: 256,
            hidden: hidden.clone(),
            outputs: 256,
            activation,
            ..MlpConfig::default()
        };
        let out = ModelConfig::Mlp(config).init(0, &device()).forward(noise([16, 256]));
        let size = out.powi_scalar(2).mean().sqrt().into_scalar::<f32>();
        // the input's is 0.58; tanh flattens it a little in each layer
        assert!((0.1..1.0).contains(&size), "{activation}: {size}");
    }
}

#[test]
fn dropout_is_a_function_of_seed_and_step() {
    let model = mlp(Activation::Relu, false).init(0, &device());
    let run = |seed, step| model.forward_training(noise([8, 6]), at(seed, step)).into_data();
    assert_eq!(run(1, 5), run(1, 5));
    assert_ne!(run(1, 5), run(1, 6));
    assert_ne!(run(1, 5), run(2, 5));
    let ones = Tensor::<2>::ones([100, 1001], &device());
    let values = dropout(ones, 0.3, Some(at(0, 0)), 0).into_data();
    let left_out = values.iter::<f32>().filter(|x| *x == 0.0).count() as f64 / 100_100.0;
    // the standard deviation of the fraction is 0.0014; five of them
    assert!((left_out - 0.3).abs() < 0.007, "{left_out}");
    assert!(values.iter::<f32>().all(|x| x == 0.0 || (x - 1.0 / 0.7).abs() < 1e-4));
}

/// The networks once more, in f64 and in plain loops: a difference of the loss in f32 would say
/// little of a derivative, since a short step drowns in rounding and a long one crosses kinks of the relu.
struct Reference {
    weights: HashMap<String, (Vec<usize>, Vec<f64>)>,
}

impl Reference {
    fn of(model: &Model) -> Self {
        let widen =
            |(name, shape, data): NamedTensor| (name, (shape, data.iter().map(|x| f64::from(*x)).collect()));
        Self { weights: named_tensors(model).into_iter().map(widen).collect() }
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (shape, weight) = &self.weights[&format!("{name}.weight")];
        let (inputs, outputs) = (shape[0], shape[1]);
        let bias = &self.weights[&format!("{name}.bias")].1;
        let sum = |row: &[f64], o: usize| (0..inputs).map(|i| row[i] * weight[i * outputs + o]).sum::<f64>();
        x.chunks(inputs).flat_map(|row| (0..outputs).map(move |o| sum(row, o) + bias[o])).collect()
    }

    fn layer_norm(&self, name: &str, x: &mut [f64]) {
        let (gamma, beta) =
            (&self.weights[&format!("{name}.gamma")].1, &self.weights[&format!("{name}.beta")].1);
        for row in x.chunks_mut(gamma.len()) {
            let n = row.len() as f64;
            let mean = row.iter().sum::<f64>() / n;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            for ((x, g), b) in row.iter_mut().zip(gamma).zip(beta) {
                *x = (*x - mean) / (variance + 1e-5).sqrt() * g + b;
            }
        }
    }

    /// A 3×3 convolution with a border of zeros; x is (channels, height, width).
    fn conv(&self, name: &str, x: &[f64], [c, h, w]: [usize; 3], stride: usize) -> (Vec<f64>, [usize; 3]) {
        let (shape, weight) = &self.weights[&format!("{name}.weight")];
        let bias = &self.weights[&format!("{name}.bias")].1;
        let size = [shape[0], h.div_ceil(stride), w.div_ceil(stride)];
        let mut out = Vec::new();
        for o in 0..size[0] {
            for (i, j) in (0..size[1]).flat_map(|i| (0..size[2]).map(move |j| (i, j))) {
                let mut sum = bias[o];
                for (k, di, dj) in
                    (0..c).flat_map(|k| (0..3).flat_map(move |di| (0..3).map(move |dj| (k, di, dj))))
                {
                    let (y, z) = ((i * stride + di).wrapping_sub(1), (j * stride + dj).wrapping_sub(1));
                    if y < h && z < w {
                        sum += weight[((o * c + k) * 3 + di) * 3 + dj] * x[(k * h + y) * w + z];
                    }
                }
                out.push(sum);
            }
        }
        (out, size)
    }

    fn outputs(&self, config: &ModelConfig, x: &[f64], masks: &[Vec<f64>]) -> Vec<f64> {
        let drop = |x: &mut Vec<f64>, layer: usize| {
            x.iter_mut().zip(&masks[layer]).for_each(|(x, kept)| *x *= kept);
        };
        match config {
            ModelConfig::Mlp(config) => {
                let mut x = x.to_vec();
                for layer in 0..config.hidden.len() {
                    x = self.linear(&format!("hidden.{layer}"), &x);
                    if config.layer_norm {
                        self.layer_norm(&format!("norms.{layer}"), &mut x);
                    }
                    x.iter_mut().for_each(|x| *x = activated(config.activation, *x));
                    drop(&mut x, layer);
                }
                self.linear("output", &x)
            }
            ModelConfig::Cnn(config) => {
                let mut flat = Vec::new();
                for image in x.chunks(config.image.iter().product()) {
                    let (mut x, mut size) = (image.to_vec(), config.image);
                    for (name, stride) in [("conv1", 1), ("conv2", 2), ("conv3", 2)] {
                        (x, size) = self.conv(name, &x, size, stride);
                        x.iter_mut().for_each(|x| *x = x.max(0.0));
                    }
                    flat.extend(x);
                }
                let mut x = self.linear("hidden", &flat);
                x.iter_mut().for_each(|x| *x = x.max(0.0));
                self.linear("output", &x)
            }
        }
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => {
            // erf by its Maclaurin series, which these small values need few terms of
            let z = x / std::f64::consts::SQRT_2;
            let (mut term, mut erf) = (z, z);
            for n in 1..60 {
                term *= -z * z / f64::from(n);
                erf += term / f64::from(2 * n + 1);
            }
            0.5 * x * (1.0 + erf * std::f64::consts::FRAC_2_SQRT_PI)
        }
    }
}

fn cross_entropy(outputs: &[f64], codes: &[u32]) -> f64 {
    let classes = outputs.len() / codes.len();
    let of =
        |(row, code): (&[f64], &u32)| row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[*code as usize];
    outputs.chunks(classes).zip(codes).map(of).sum::<f64>() / codes.len() as f64
}

/// burn's outputs and gradients of every layer used here, against a plain network in f64.
#[test]
fn gradients_are_differences_of_the_loss() {
    const CODES: [u32; 4] = [0, 1, 2, 1];
    let smooth = [Activation::Gelu, Activation::Silu, Activation::Tanh];
    let mut configs: Vec<_> = smooth.into_iter().map(|activation| mlp(activation, true)).collect();
    configs.extend([mlp(Activation::Relu, false), cnn()]);
    let loss = Loss::CrossEntropy { smoothing: 0.0, weights: None };
    for config in configs {
        let (width, layers) = match &config {
            ModelConfig::Mlp(mlp) => (mlp.inputs, mlp.hidden.clone()),
            ModelConfig::Cnn(_) => (60, Vec::new()),
        };
        let numbers = |x: Tensor<2>| x.into_data().iter::<f32>().map(f64::from).collect::<Vec<f64>>();
        // what dropout with this seed and step multiplies by
        let mask = |(layer, width): (usize, &usize)| {
            numbers(dropout(Tensor::<2>::ones([4, *width], &device()), 0.5, Some(at(9, 1)), layer as u64))
        };
        let masks: Vec<Vec<f64>> = layers.iter().enumerate().map(mask).collect();
        let x = numbers(noise([4, width]));
        let model = config.init(3, &device());
        let value = loss.classes(model.forward_training(noise([4, width]), at(9, 1)), &CODES, None);
        let mut reference = Reference::of(&model);
        let expected = cross_entropy(&reference.outputs(&config, &x, &masks), &CODES);
        assert!((value.value - expected).abs() < 1e-6, "{config}: {} and {expected}", value.value);
        let gradients = gradients(&model, &value.backward());
        for ((name, ..), gradients) in named_tensors(&model).iter().zip(&gradients) {
            for place in (0..gradients.len()).step_by(gradients.len().div_ceil(6)) {
                let mut moved = |by: f64| {
                    reference.weights.get_mut(name).unwrap().1[place] += by;
                    let value = cross_entropy(&reference.outputs(&config, &x, &masks), &CODES);
                    reference.weights.get_mut(name).unwrap().1[place] -= by;
                    value
                };
                let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let error = (f64::from(gradients[place]) - difference).abs();
                // gradients are about 0.1: a hundred roundings of f32
                assert!(error < 1e-6, "{config}: `{name}` {place}: {} and {difference}", gradients[place]);
            }
        }
    }
}

/// The gradient of every parameter, in the order of [`named_tensors`].
fn gradients(model: &Model, grads: &burn::tensor::Gradients) -> Vec<Vec<f32>> {
    struct Collect<'a>(&'a burn::tensor::Gradients, Vec<Vec<f32>>);
    impl burn::module::ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let grad = param.grad(self.0).expect("every parameter is used");
            self.1.push(grad.into_data().iter::<f32>().collect());
        }
    }
    let mut collect = Collect(grads, Vec::new());
    model.visit(&mut collect);
    collect.1
}

#[test]
fn any_image_size_fits() {
    for image in [[1, 1, 1], [3, 2, 9], [1, 8, 8], [1, 28, 28]] {
        let config = ModelConfig::Cnn(CnnConfig { image, outputs: 2, dropout: 0.1 });
        let x = noise([3, image.iter().product()]);
        let model = config.init(0, &device());
        assert_eq!(model.forward(x.clone()).dims(), [3, 2]);
        assert_eq!(model.forward_training(x, at(0, 0)).dims(), [3, 2]);
    }
}

#[test]
fn an_activation_is_flat_where_its_slope_is() {
    for activation in [Activation::Relu, Activation::Gelu, Activation::Silu, Activation::Tanh] {
        let sums: Vec<f32> = (-1000..1000).map(|i| i as f32 / 100.0 + 0.005).collect();
        let at = |shift: f32| {
            let moved = sums.iter().map(|sum| sum + shift).collect();
            let values: Tensor<1> =
                Tensor::from_data(TensorData::new::<f32, _>(moved, [sums.len()]), &device());
            activation.apply(values).into_data().try_to_vec::<f32>().unwrap()
        };
        for ((sum, low), high) in sums.iter().zip(at(-5e-3)).zip(at(5e-3)) {
            let slope = ((high - low) / 1e-2).abs();
            if activation.is_flat(*sum) {
                assert!(slope < 0.012, "{activation} at {sum}: {slope}");
            } else if sum.abs() > 7.0 && *sum < 0.0 {
                panic!("{activation} at {sum} is flat: {slope}");
            } else if *sum > 0.0 && activation != Activation::Tanh {
                assert!(slope > 0.01, "{activation} at {sum}: {slope}");
            }
        }
    }
}

#[test]
fn units_that_nothing_wakes_are_counted() {
    for config in [mlp(Activation::Relu, false), cnn()] {
        let mut model = config.init(1, &device());
        let first = if matches!(config, ModelConfig::Cnn(_)) { "conv1" } else { "hidden.0" };
        let x = || noise([64, if first == "conv1" { 60 } else { 6 }]);
        let before = model.units(x());
        assert_eq!(before.iter().map(|layer| layer.dead).sum::<u64>(), 0, "{before:?}");
        assert!(before.iter().all(|layer| (0.2..0.8).contains(&layer.flat)), "{before:?}");
        let mut weights = named_tensors(&model);
        let bias = weights.iter_mut().find(|(name, ..)| *name == format!("{first}.bias")).unwrap();
        bias.2[..3].fill(-1e4);
        steepest_burn::load_named_tensors(&mut model, &weights).unwrap();
        let after = model.units(x());
        assert_eq!((after[0].name.as_str(), after[0].dead), (first, 3), "{after:?}");
        assert!(after[0].flat > before[0].flat, "{after:?}");
    }
    let mut model = mlp(Activation::Tanh, false).init(1, &device());
    let mut weights = named_tensors(&model);
    weights[0].2.iter_mut().for_each(|weight| *weight *= 1e4);
    steepest_burn::load_named_tensors(&mut model, &weights).unwrap();
    let units = model.units(noise([64, 6]));
    assert!(units[0].flat > 0.99 && units[1].flat < 0.5, "{units:?}");
}

/// Three members and each of them by itself.
fn members(outputs: usize, joined: Joined) -> (Model, Vec<Model>) {
    let of = |members| {
        let hidden = vec![7, 5];
        let config = MlpConfig { inputs: 6, hidden, outputs, joined, members, ..MlpConfig::default() };
        ModelConfig::Mlp(MlpConfig { input_scale: true, ..config })
    };
    let mut all = of(3).init(4, &device());
    let mut weights = named_tensors(&all);
    // scales that are not all 1
    weights[0].2.iter_mut().enumerate().for_each(|(i, scale)| *scale = 0.5 + 0.1 * i as f32);
    steepest_burn::load_named_tensors(&mut all, &weights).unwrap();
    let alone = |member: usize| {
        let cut = |(name, shape, values): &NamedTensor| {
            let size = values.len() / 3;
            (name.clone(), shape[1..].to_vec(), values[member * size..(member + 1) * size].to_vec())
        };
        let mut model = of(1).init(9, &device());
        let weights: Vec<NamedTensor> = weights.iter().map(cut).collect();
        steepest_burn::load_named_tensors(&mut model, &weights).unwrap();
        model
    };
    (all, (0..3).map(alone).collect())
}

fn flat<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

fn assert_near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{at}: {a} and {b}");
    }
}

#[test]
fn members_are_networks_side_by_side() {
    let (all, alone) = members(3, Joined::Classes);
    let x = || noise([12, 6]);
    let rows = |member: usize| x().narrow(0, 4 * member, 4);
    // in training each has rows of its own, and the gradient that it would have alone
    let outputs = all.forward_training(x(), at(1, 2));
    let expected: Vec<f32> = (0..3).flat_map(|i| flat(alone[i].forward(rows(i)))).collect();
    assert_near(&flat(outputs.clone()), &expected);
    let codes: Vec<u32> = (0..12).map(|i| i % 3).collect();
    let loss = Loss::CrossEntropy { smoothing: 0.0, weights: None };
    let found = gradients(&all, &loss.classes(outputs, &codes, None).of_members(3).backward());
    for (member, model) in alone.iter().enumerate() {
        let own = loss.classes(model.forward(rows(member)), &codes[4 * member..4 * member + 4], None);
        for (found, expected) in found.iter().zip(gradients(model, &own.backward())) {
            let size = expected.len();
            assert_near(&found[member * size..(member + 1) * size], &expected);
        }
    }
    // dropout takes other values from each
    let (all, _) = members(1, Joined::Mean);
    let Model::Members(mut all) = all else { panic!() };
    all.set_dropout(0.5);
    let three = flat(all.run(Tensor::cat(vec![rows(0); 3], 0), Some(at(1, 2)), None));
    assert!(three[..4] != three[4..8] && three[4..8] != three[8..]);
}

#[test]
fn members_predict_as_one() {
    let x = || noise([5, 6]);
    for (outputs, joined) in [(1, Joined::Mean), (1, Joined::Binary), (3, Joined::Classes)] {
        let (all, alone) = members(outputs, joined);
        let found = flat(all.forward(x()));
        let each: Vec<Vec<f32>> = alone.iter().map(|model| flat(model.forward(x()))).collect();
        let of_each = flat(all.of_members(x()).unwrap());
        assert_near(&of_each, &each.concat());
        for row in 0..5 {
            let raw = |member: usize| &each[member][row * outputs..(row + 1) * outputs];
            let found = &found[row * outputs..(row + 1) * outputs];
            if joined == Joined::Mean {
                assert_near(found, &[(0..3).map(|i| raw(i)[0]).sum::<f32>() / 3.0]);
                continue;
            }
            let shares = |raw: &[f32]| crate::loss::log_softmax(raw).into_iter().map(f64::exp).collect();
            let each: Vec<Vec<f64>> = (0..3).map(|member| shares(raw(member))).collect();
            for (class, share) in shares(found).into_iter().enumerate() {
                let mean = each.iter().map(|shares| shares[class]).sum::<f64>() / 3.0;
                assert!((share - mean).abs() < 1e-6, "{joined:?}: {share} and {mean}");
            }
        }
    }
    // huge logits join without becoming infinite
    let huge = |x: f32| Tensor::<3>::from_data(TensorData::new(vec![x, -x], [2, 1, 1]), &device());
    assert!(flat(Joined::Binary.join(huge(1e4))).iter().all(|x| x.abs() < 1e-3));
}
