//! Where the time of a training step goes: a 784-h-h-10 perceptron, AdamW, in microseconds.
//!
//! ```text
//! cargo run --release -p steepest-train --example step_cost [batch width]
//! ```
//!
//! Forward (with loss), backward, and the step of this library and of burn's own optimizer are timed
//! in the same loop, so that a change of the machine's speed meets all of them. Each line gives the
//! median and, in brackets, the tenth percentile: what a quiet machine would show.

use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use std::time::{Duration, Instant};
use steepest::{AdamW, Optimizer};
use steepest_burn::BurnOptimizer;
use steepest_data::random::Stream;
use steepest_train::loss::Loss;
use steepest_train::model::{Activation, MlpConfig, ModelConfig};

fn main() {
    let args: Vec<usize> = std::env::args().skip(1).map(|arg| arg.parse().expect("a number")).collect();
    match args[..] {
        [batch, width] => measure(batch, width),
        _ => [(32, 64), (128, 512)].into_iter().for_each(|(batch, width)| measure(batch, width)),
    }
}

fn measure(batch: usize, width: usize) {
    let device = Device::flex().autodiff();
    let config = ModelConfig::Mlp(MlpConfig {
        inputs: 784,
        hidden: vec![width, width],
        outputs: 10,
        activation: Activation::Relu,
        dropout: 0.0,
        ..MlpConfig::default()
    });
    let mut ours = config.init(0, &device);
    let mut theirs = config.init(0, &device);
    let mut optimizer = BurnOptimizer::new(Optimizer::builder(AdamW::default()), &ours)
        .expect("the default settings are valid");
    let mut reference = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01).init();
    let loss = Loss::CrossEntropy { smoothing: 0.0, weights: None };

    // Several batches of inputs around zero, so that every hidden unit has a gradient: the moments of
    // one that has none become subnormal after some 800 steps, which makes a step three times slower
    // on Intel's processors.
    let mut stream = Stream::new(b"example\0", 0, 0);
    let mut uniform = |_| stream.below(1 << 16) as f32 / 32768.0 - 1.0;
    let inputs: Vec<Vec<f32>> = (0..16).map(|_| (0..batch * 784).map(&mut uniform).collect()).collect();
    let mut stream = Stream::new(b"example\0", 0, 1);
    let targets: Vec<Vec<u32>> =
        (0..16).map(|_| (0..batch).map(|_| stream.below(10) as u32).collect()).collect();

    let budget = Duration::from_secs(4);
    let began = Instant::now();
    let mut times: [Vec<f64>; 5] = Default::default();
    let mut lap = |part: usize, since: Instant| {
        times[part].push(since.elapsed().as_secs_f64() * 1e6);
        Instant::now()
    };
    let lr = 1e-4;
    for round in 0.. {
        if began.elapsed() > budget {
            break;
        }
        let data = TensorData::new(inputs[round % 16].clone(), [batch, 784]);
        let codes = &targets[round % 16];
        let x = Tensor::<2>::from_data(data, &device);

        let start = Instant::now();
        let value = loss.classes(ours.forward(x.clone()), codes, None);
        let at = lap(0, start);
        let grads = value.backward();
        let at = lap(1, at);
        optimizer.step(lr, &mut ours, grads).expect("finite gradients");
        lap(2, at);
        lap(3, start);

        let grads = loss.classes(theirs.forward(x), codes, None).backward();
        let start = Instant::now();
        let grads = GradientsParams::from_grads(grads, &theirs);
        theirs = reference.step(lr, theirs, grads);
        lap(4, start);
    }
    println!("batch {batch}, width {width}, {} rounds", times[0].len());
    let names = ["forward", "backward", "step, steepest", "all three", "step, burn"];
    for (name, times) in names.into_iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let at = |fraction: f64| times[(fraction * (times.len() - 1) as f64) as usize];
        println!("  {name:15} {:9.1}  [{:.1}]", at(0.5), at(0.1));
    }
}
