//! A perceptron with two hidden layers: a whole training step, or the optimizer's step alone.

use crate::steps::burn_adamw;
use crate::work::{Run, seconds};
use burn::module::Module;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor, activation::relu};
use std::hint::black_box;
use steepest::{AdamW, NonFinite, Optimizer};
use steepest_burn::BurnOptimizer;

const LR: f64 = 1e-3;
const PUT_BACK: &str = "every step puts the model back";

#[derive(Module, Debug)]
struct Mlp {
    a: Linear,
    b: Linear,
    c: Linear,
}

impl Mlp {
    fn new(width: usize) -> Self {
        let device = Device::flex().autodiff();
        Self {
            a: LinearConfig::new(784, width).init(&device),
            b: LinearConfig::new(width, width).init(&device),
            c: LinearConfig::new(width, 10).init(&device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.c.forward(relu(self.b.forward(relu(self.a.forward(x)))))
    }
}

/// The rows that every step sees, and their loss.
struct Batch {
    x: Tensor<2>,
    y: Tensor<1, Int>,
    loss: CrossEntropyLoss,
}

impl Batch {
    fn new(rows: usize) -> Self {
        let device = Device::flex().autodiff();
        let codes: Vec<i32> = (0..rows as i32).map(|i| i * 7 % 10).collect();
        Self {
            x: Tensor::random([rows, 784], Distribution::Normal(0.0, 1.0), &device),
            y: Tensor::from_data(codes.as_slice(), &device),
            loss: CrossEntropyLossConfig::new().init(&device),
        }
    }

    fn loss(&self, model: &Mlp) -> Tensor<1> {
        self.loss.forward(model.forward(self.x.clone()), self.y.clone())
    }

    /// Gradients of a pass that is over: nothing else holds their tensors or the model's.
    fn gradients(&self, model: &Mlp) -> GradientsParams {
        GradientsParams::from_grads(self.loss(model).backward(), model)
    }
}

fn steepest(peer: &str, model: &Mlp) -> Result<BurnOptimizer<Mlp>, String> {
    let policy = match peer {
        "steepest" => NonFinite::Unchecked, // as burn
        "steepest-checked" => NonFinite::Error,
        _ => return Err(format!("no peer is called {peer}")),
    };
    let builder = Optimizer::builder(AdamW::default()).non_finite(policy);
    BurnOptimizer::new(builder, model).map_err(|e| e.to_string())
}

/// Forward, backward and step.
pub fn train(peer: &str, rows: usize, width: usize) -> Result<Run, String> {
    if peer == "candle" {
        return Ok(train_candle(rows, width));
    }
    let (batch, mut model) = (Batch::new(rows), Mlp::new(width));
    if peer == "burn" {
        let mut adamw = burn_adamw().init();
        let mut model = Some(model);
        return Ok(Box::new(move || {
            seconds(|| {
                // not a clone: burn would copy every tensor that two hold
                let owned = model.take().expect(PUT_BACK);
                let value = batch.loss(&owned);
                let grads = GradientsParams::from_grads(value.backward(), &owned);
                model = Some(adamw.step(LR, owned, grads));
                black_box(value.into_scalar::<f32>());
            })
        }));
    }
    let mut adamw = steepest(peer, &model)?;
    Ok(Box::new(move || {
        seconds(|| {
            let value = batch.loss(&model);
            let grads = value.backward();
            adamw.step(LR, &mut model, grads).expect("finite");
            black_box(value.into_scalar::<f32>());
        })
    }))
}

/// The optimizer's step alone. It consumes its gradients, so each has fresh ones, which are not timed.
pub fn module_step(peer: &str, rows: usize, width: usize) -> Result<Run, String> {
    let (batch, mut model) = (Batch::new(rows), Mlp::new(width));
    if peer == "burn" {
        let mut adamw = burn_adamw().init();
        let mut model = Some(model);
        return Ok(Box::new(move || {
            let owned = model.take().expect(PUT_BACK);
            let grads = batch.gradients(&owned);
            seconds(|| model = Some(adamw.step(LR, owned, grads)))
        }));
    }
    let mut adamw = steepest(peer, &model)?;
    Ok(Box::new(move || {
        let grads = batch.gradients(&model);
        seconds(|| {
            adamw.step(LR, &mut model, grads).expect("finite");
        })
    }))
}

fn train_candle(rows: usize, width: usize) -> Run {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::{Module, Optimizer, VarBuilder, VarMap, linear};
    let device = Device::Cpu;
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &device);
    let a = linear(784, width, vb.pp("a")).expect("cpu");
    let b = linear(width, width, vb.pp("b")).expect("cpu");
    let c = linear(width, 10, vb.pp("c")).expect("cpu");
    let x = Tensor::randn(0f32, 1f32, (rows, 784), &device).expect("cpu");
    let codes: Vec<u32> = (0..rows as u32).map(|i| i * 7 % 10).collect();
    let y = Tensor::new(codes, &device).expect("cpu");
    let settings = candle_nn::ParamsAdamW { lr: LR, ..Default::default() };
    let mut adamw = candle_nn::AdamW::new(vars.all_vars(), settings).expect("cpu");
    Box::new(move || {
        seconds(|| {
            let h = b.forward(&a.forward(&x).unwrap().relu().unwrap()).unwrap().relu().unwrap();
            let loss = candle_nn::loss::cross_entropy(&c.forward(&h).unwrap(), &y).unwrap();
            adamw.backward_step(&loss).unwrap();
            black_box(loss.to_scalar::<f32>().unwrap());
        })
    })
}
