//! Stepping a burn module: the same numbers as burn's own AdamW, names, frozen parameters, copies,
//! errors, state and weights.

use burn::module::{Module, Param, ParamGroup};
use burn::nn::{BatchNormConfig, Linear, LinearConfig, LinearLayout};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, FloatDType, Tensor, TensorData, activation::relu};
use steepest::{AdamW, Group, Optimizer, Sgd, Swa};
use steepest_burn::{BurnOptimizer, Error, load_named_tensors, load_weights, named_tensors, save_weights};

#[derive(Module, Debug)]
struct Mlp {
    hidden: Vec<Linear>,
    output: Linear,
}

impl Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.output.forward(self.hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

/// A number in [-1, 1) for each index: the tests need no generator.
fn noise(seed: usize, i: usize) -> f32 {
    let bits = (i + 1).wrapping_mul(0x9E37_79B9).wrapping_add(seed.wrapping_mul(0x85EB_CA6B));
    ((bits ^ (bits >> 15)).wrapping_mul(0x2C1B_3C6D) >> 8 & 0xffff) as f32 / 32768.0 - 1.0
}

fn batch(seed: usize, device: &Device) -> Tensor<2> {
    let values = (0..16 * 8).map(|i| noise(seed, i)).collect();
    Tensor::from_data(TensorData::new::<f32, _>(values, [16, 8]), device)
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn mlp_of(layout: LinearLayout) -> Mlp {
    let linear = |i, o| LinearConfig::new(i, o).with_layout(layout).init(&device());
    let mut mlp = Mlp { hidden: vec![linear(8, 32), linear(32, 32)], output: linear(32, 3) };
    let mut tensors = named_tensors(&mlp);
    for (seed, (_, _, values)) in tensors.iter_mut().enumerate() {
        values.iter_mut().enumerate().for_each(|(i, value)| *value = 0.3 * noise(seed, i));
    }
    load_named_tensors(&mut mlp, &tensors).unwrap();
    mlp
}

fn mlp() -> Mlp {
    mlp_of(LinearLayout::Row)
}

/// Half the squared distance to a fixed function of the input.
fn loss(model: &Mlp, step: usize) -> Tensor<1> {
    let x = batch(step, &device());
    let target = x.clone().narrow(1, 0, 3).sin();
    (model.forward(x) - target).powi_scalar(2).mean()
}

fn adamw() -> AdamW {
    AdamW { weight_decay: 0.01, ..AdamW::default() }
}

fn bits(model: &Mlp) -> Vec<(String, Vec<u32>)> {
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    named_tensors(model).into_iter().map(|(name, _, values)| (name, bits(values))).collect()
}

fn train(optimizer: &mut BurnOptimizer<Mlp>, model: &mut Mlp, steps: std::ops::Range<usize>) {
    for step in steps {
        let grads = loss(model, step).backward();
        optimizer.step(1e-2, model, grads).unwrap();
    }
}

#[test]
fn agrees_with_burns_adamw() {
    let mut ours = mlp();
    let mut theirs = ours.clone();
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(adamw()), &ours).unwrap();
    let config = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01);
    let mut reference = config.with_beta_1(0.9).with_beta_2(0.999).init();
    for step in 0..50 {
        let grads = loss(&ours, step).backward();
        optimizer.step(1e-2, &mut ours, grads).unwrap();
        let grads = GradientsParams::from_grads(loss(&theirs, step).backward(), &theirs);
        theirs = reference.step(1e-2, theirs, grads);
    }
    let worst = named_tensors(&ours)
        .iter()
        .zip(named_tensors(&theirs))
        .flat_map(|(a, b)| a.2.iter().copied().zip(b.2).collect::<Vec<_>>())
        .fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
    // Each of 50 steps moves a parameter by up to 0.01. burn keeps β in f32, whose 1 - β₂ⁿ is off
    // by 6e-8 / 1e-3 = 6e-5 relative in the first steps, and a gradient near zero turns rounding of
    // the loss into a change of direction. Two correct f32 runs differ this much; an error in a
    // formula shows as 1e-2.
    assert!(worst < 5e-4, "largest difference {worst}");
    assert!(worst > 0.0, "the two models share their memory");
}

#[test]
fn names_are_paths_and_groups_find_them() {
    #[derive(Module, Debug)]
    enum Model {
        Mlp(Mlp),
    }
    let mut model = Model::Mlp(mlp());
    let rule = Optimizer::builder(Sgd::default())
        .group(Group::named("hidden.1.*").lr_factor(0.0))
        .group(Group::named("output.bias").lr_factor(2.0));
    let mut optimizer = BurnOptimizer::new(rule, &model).unwrap();
    let params = optimizer.optimizer().params();
    let names: Vec<_> = params.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "hidden.0.weight",
            "hidden.0.bias",
            "hidden.1.weight",
            "hidden.1.bias",
            "output.weight",
            "output.bias"
        ]
    );
    // burn's Linear is [in, out]: units lie along axis 1
    assert_eq!((&params[0].shape[..], params[0].unit_axis), (&[8, 32][..], 1));
    assert_eq!(params[1].unit_axis, 0);

    let Model::Mlp(mlp) = &model;
    let grads = loss(mlp, 0).backward();
    let bias_grad = mlp.output.bias.as_ref().unwrap().grad(&grads).unwrap().into_data();
    let before = named_tensors(&model);
    optimizer.step(0.5, &mut model, grads).unwrap();
    let after = named_tensors(&model);
    assert_ne!(before[0], after[0]);
    assert_eq!(before[2], after[2]);
    let moved = before[5].2.iter().zip(&after[5].2).map(|(b, a)| b - a);
    for (moved, grad) in moved.zip(bias_grad.iter::<f32>()) {
        assert!((moved - grad).abs() < 1e-6, "lr 0.5, twice");
    }
}

#[test]
fn identity_and_training_settings_stay() {
    let mut model = mlp();
    model.hidden[1] = model.hidden[1].clone().no_grad();
    let ids = |model: &Mlp| ParamGroup::ids_from_module(model.clone());
    let (before, id) = (bits(&model), model.output.weight.id);
    assert!(ids(&model).matches(&id, None));
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(adamw()), &model).unwrap();
    assert_eq!(optimizer.optimizer().params().len(), 4, "frozen parameters have no state");
    train(&mut optimizer, &mut model, 0..3);
    let after = bits(&model);
    assert_eq!(before[2..4], after[2..4]);
    assert_ne!(before[0], after[0]);
    assert_eq!(model.output.weight.id, id);
    assert!(model.output.weight.is_require_grad() && model.output.weight.device().is_autodiff());
    assert!(!model.hidden[1].weight.is_require_grad());

    // frozen later: it stays, and is thawed with its state
    model.output = model.output.no_grad();
    train(&mut optimizer, &mut model, 3..5);
    assert_eq!(bits(&model)[4..], after[4..]);
    model.output = model.output.unfreeze();
    train(&mut optimizer, &mut model, 5..6);
    assert_ne!(bits(&model)[4..], after[4..]);
}

#[test]
fn a_state_resumes_to_the_bit() {
    let mut model = mlp();
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(adamw()), &model).unwrap();
    train(&mut optimizer, &mut model, 0..7);
    let folder = tempfile::tempdir().unwrap();
    save_weights(&model, folder.path().join("weights.safetensors")).unwrap();
    optimizer.optimizer().save(folder.path().join("state.safetensors")).unwrap();
    train(&mut optimizer, &mut model, 7..20);

    let mut resumed = mlp();
    load_weights(&mut resumed, folder.path().join("weights.safetensors")).unwrap();
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(adamw()), &resumed).unwrap();
    optimizer.optimizer_mut().load(folder.path().join("state.safetensors")).unwrap();
    train(&mut optimizer, &mut resumed, 7..20);
    assert_eq!(bits(&model), bits(&resumed));
}

/// Whoever else holds a tensor makes the step copy it: to the same bits, and the holder keeps its
/// own. So does a layout that is not contiguous.
#[test]
fn a_copied_tensor_steps_to_the_same_bits() {
    let mut in_place = mlp();
    let mut copied = mlp();
    let mut transposed = mlp_of(LinearLayout::Col);
    assert_eq!(bits(&in_place), bits(&transposed));
    let make = |model: &Mlp| BurnOptimizer::new(Optimizer::builder(adamw()), model).unwrap();
    let mut a = make(&in_place);
    let mut b = make(&copied);
    let mut c = make(&transposed);
    for step in 0..5 {
        train(&mut a, &mut in_place, step..step + 1);
        let (holder, before) = (copied.clone(), bits(&copied));
        let grads = loss(&copied, step).backward();
        let kept: Vec<_> = copied.hidden.iter().map(|l| l.weight.grad(&grads).unwrap()).collect();
        b.step(1e-2, &mut copied, grads).unwrap();
        assert_eq!(bits(&holder), before);
        drop(kept);
        // the same gradients: those of a transposed weight sum in another order
        let grads = loss(&holder, step).backward();
        let mut collected = GradientsParams::new();
        for (from, to) in holder
            .hidden
            .iter()
            .chain([&holder.output])
            .zip(transposed.hidden.iter().chain([&transposed.output]))
        {
            let grad = from.weight.grad(&grads).unwrap();
            // same values, other strides
            let grad = grad.transpose().mul_scalar(1.0).transpose();
            collected.register(to.weight.id, grad);
            let bias = from.bias.as_ref().unwrap().grad(&grads).unwrap();
            collected.register(to.bias.as_ref().unwrap().id, bias);
        }
        c.step(1e-2, &mut transposed, collected).unwrap();
        assert_eq!(bits(&in_place), bits(&copied));
        assert_eq!(bits(&in_place), bits(&transposed));
    }
}

#[test]
fn half_precision_steps_in_its_own_type() {
    #[derive(Module, Debug)]
    struct Scale {
        scale: Param<Tensor<1>>,
    }
    for (dtype, steps) in [(FloatDType::BF16, 4), (FloatDType::F16, 4), (FloatDType::F64, 4)] {
        let ones = Tensor::<1>::ones([5], &device()).cast(dtype);
        let mut model = Scale { scale: Param::from_tensor(ones) };
        let mut optimizer = BurnOptimizer::new(Optimizer::builder(Sgd::default()), &model).unwrap();
        for _ in 0..steps {
            let grads = model.scale.val().powi_scalar(2).sum().backward();
            optimizer.step(0.25, &mut model, grads).unwrap();
        }
        let data = model.scale.to_data();
        assert_eq!(data.dtype(), dtype.into());
        // θ ← θ - 0.25 · 2θ = θ / 2
        assert!(data.iter::<f32>().all(|x| x == 0.0625), "{data:?}");
    }
}

/// burn shows running statistics to every traversal as if they were parameters.
#[test]
fn averaged_weights_are_a_copy_to_evaluate_with() {
    let mut model = mlp();
    let swa = Optimizer::builder(Sgd::default()).average(Swa::default());
    let mut optimizer = BurnOptimizer::new(swa, &model).unwrap();
    let mut sums: Vec<Vec<f64>> = named_tensors(&model).iter().map(|t| vec![0.0; t.2.len()]).collect();
    for step in 0..3 {
        train(&mut optimizer, &mut model, step..step + 1);
        for (sum, (_, _, values)) in sums.iter_mut().zip(named_tensors(&model)) {
            sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += f64::from(x) / 3.0);
        }
    }
    let before = bits(&model);
    let averaged = optimizer.evaluation(&model).unwrap();
    assert_eq!(bits(&model), before);
    for ((name, _, values), mean) in named_tensors(&averaged).iter().zip(&sums) {
        // three roundings of f32 of numbers below 1
        assert!(values.iter().zip(mean).all(|(x, m)| (f64::from(*x) - m).abs() < 2e-7), "{name}");
    }
    assert_ne!(bits(&averaged), before);

    let mut other = mlp_of(LinearLayout::Row);
    other.hidden.pop();
    assert!(matches!(optimizer.evaluation(&other), Err(Error::ModuleChanged { .. })));
}

#[test]
fn running_statistics_are_saved_and_not_stepped() {
    let mut model = BatchNormConfig::new(8).init(&device());
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(adamw()), &model).unwrap();
    let names: Vec<_> = optimizer.optimizer().params().iter().map(|p| &p.name[..]).collect();
    assert_eq!(names, ["gamma", "beta"]);
    for step in 0..3 {
        let grads = model.forward(batch(step, &device())).powi_scalar(3).mean().backward();
        optimizer.step(1e-2, &mut model, grads).unwrap();
    }
    let saved = named_tensors(&model.valid());
    assert_eq!(saved[2].0, "running_mean");
    assert!(saved[2].2.iter().any(|mean| *mean != 0.0));
    let mut loaded = BatchNormConfig::new(8).init(&device());
    load_named_tensors(&mut loaded, &saved).unwrap();
    assert_eq!(named_tensors(&loaded.valid()), saved);
}

#[test]
fn errors_name_the_place_and_change_nothing() {
    let plain = LinearConfig::new(2, 2).init(&Device::flex());
    let error = BurnOptimizer::new(Optimizer::builder(adamw()), &plain).unwrap_err();
    assert!(matches!(error, Error::NothingToTrain { count: 2 }), "{error}");

    let mut tied = mlp();
    tied.hidden[1] = tied.hidden[0].clone();
    let error = BurnOptimizer::new(Optimizer::builder(adamw()), &tied).unwrap_err().to_string();
    assert!(error.contains("`hidden.0.weight` and `hidden.1.weight`"), "{error}");

    let mut model = mlp();
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(adamw()), &model).unwrap();
    let nan = (loss(&model, 0) * f32::NAN).backward();
    let before = bits(&model);
    let error = optimizer.step(1e-2, &mut model, nan).unwrap_err().to_string();
    assert!(error.contains("`hidden.0.weight`") && error.contains("NaN"), "{error}");
    assert_eq!(bits(&model), before);
    train(&mut optimizer, &mut model, 0..1);
    assert_ne!(bits(&model), before);

    let mut other = mlp();
    other.hidden[1] = LinearConfig::new(32, 16).init(&device());
    other.hidden.push(LinearConfig::new(16, 32).with_bias(false).init(&device()));
    let before = bits(&other);
    let grads = loss(&other, 0).backward();
    let error = optimizer.step(1e-2, &mut other, grads).unwrap_err();
    let Error::ModuleChanged { problems } = &error else { panic!("{error}") };
    assert_eq!(
        problems,
        &[
            "`hidden.1.weight` is f32 [32, 16], expected f32 [32, 32]",
            "`hidden.1.bias` is f32 [16], expected f32 [32]",
            "`hidden.2.weight` is unknown or trainable since",
        ]
    );
    assert_eq!(bits(&other), before);
    let loss = loss(&other, 1);
    assert_eq!(loss.backward_count(&other), 7, "what was taken out is still trainable");
}

trait BackwardCount {
    fn backward_count<M: Module>(&self, module: &M) -> usize;
}

impl BackwardCount for Tensor<1> {
    fn backward_count<M: Module>(&self, module: &M) -> usize {
        GradientsParams::from_grads(self.backward(), module).len()
    }
}

#[test]
fn weights_that_do_not_fit_are_listed() {
    let model = mlp();
    let mut other = mlp();
    other.hidden.pop();
    other.output = LinearConfig::new(32, 4).init(&device());
    let before = bits(&other);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    save_weights(&model, &file).unwrap();
    let error = load_weights(&mut other, &file).unwrap_err();
    let Error::WeightsMismatch { problems } = &error else { panic!("{error}") };
    assert_eq!(
        problems,
        &[
            "`output.weight` is [32, 3], expected [32, 4]",
            "`output.bias` is [3], expected [4]",
            "`hidden.1.bias` is unknown to the module",
            "`hidden.1.weight` is unknown to the module",
        ]
    );
    assert_eq!(bits(&other), before);
    let error = load_named_tensors(&mut other, &[]).unwrap_err().to_string();
    assert!(error.contains("`hidden.0.weight` [8, 32] is missing"), "{error}");
    std::fs::write(&file, "no weights").unwrap();
    assert!(matches!(load_weights(&mut other, &file), Err(Error::File { .. })));
}
