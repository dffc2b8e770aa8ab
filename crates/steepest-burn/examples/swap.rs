//! A burn module is trained with an optimizer of steepest in the place of burn's own.
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};
use steepest::{AdamW, Clip, Ema, Group, Optimizer};
use steepest_burn::BurnOptimizer;

#[derive(Module, Debug)]
struct Network {
    hidden: Linear,
    out: Linear,
}

impl Network {
    fn loss(&self, x: &Tensor<2>, y: &Tensor<2>) -> Tensor<1> {
        let hidden = activation::tanh(self.hidden.forward(x.clone()));
        (self.out.forward(hidden) - y.clone()).powi_scalar(2).mean()
    }
}

fn main() -> steepest_burn::Result<()> {
    let device = Device::flex().autodiff();
    let x = std::array::from_fn::<f32, 64, _>(|i| i as f32 / 32.0 - 1.0);
    let x = Tensor::<1>::from_floats(x, &device).reshape([64, 1]);
    let y = (x.clone() * 3.0).sin();
    let [hidden, out] = [(1, 32), (32, 1)].map(|(n, m)| LinearConfig::new(n, m).init(&device));
    let mut network = Network { hidden, out };
    let average = Ema { warmup: true, ..Ema::default() };
    // burn: `AdamWConfig::new().init()`, and `network = optimizer.step(lr, network, grads)`
    let builder = Optimizer::builder(AdamW::default()).clip(Clip::GlobalNorm(1.0)).average(average);
    let builder = builder.group(Group::named("*.bias").weight_decay(0.0));
    let mut optimizer = BurnOptimizer::new(builder, &network)?;
    for _ in 0..1500 {
        let loss = network.loss(&x, &y);
        optimizer.step(0.01, &mut network, loss.backward())?;
    }
    assert!(optimizer.evaluation(&network)?.loss(&x, &y).into_scalar::<f32>() < 1e-2);
    Ok(())
}
