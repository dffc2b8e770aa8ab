//! What the trainer costs beside what it runs: `fit` on the embedded digits at batch 64 with two
//! layers of 64, and the same forward, backward and step in a bare loop over batches that lie ready.
//!
//! ```text
//! cargo run --release -p steepest-train --example trainer_cost
//! ```
//!
//! Both are timed by epochs of equal length, in turns, so that a change of the machine's speed meets
//! both. With validation, an epoch also evaluates the validation rows and keeps the best weights.

use burn::tensor::{Device, Tensor, TensorData};
use std::ops::ControlFlow;
use std::time::Instant;
use steepest::{AdamW, Group, Optimizer};
use steepest_burn::BurnOptimizer;
use steepest_data::random::Stream;
use steepest_train::loss::Loss;
use steepest_train::model::{Activation, MlpConfig, ModelConfig};
use steepest_train::{Event, Out, Settings, fit};

const BATCH: usize = 64;
const EPOCHS: u64 = 60;

/// Seconds per step of each epoch of `fit`.
fn trained(validation: f64) -> (Vec<f64>, usize) {
    let settings = format!(
        "[data]\nvalidation = {validation}\ntest = 0.0\n[model]\nhidden = [64, 64]\ndropout = 0.0\n\
         [schedule]\nname = 'constant'\n[train]\nbatch = {BATCH}\nepochs = {EPOCHS}\npatience = {EPOCHS}\n"
    );
    let settings = Settings::from_toml(&settings, "example").expect("valid settings");
    let dir = std::env::temp_dir().join(format!("steepest-trainer-cost-{}", std::process::id()));
    let (mut last, mut steps, mut times) = (Instant::now(), 0, Vec::new());
    let mut per_epoch = 0;
    fit(&settings, &Out::At(dir.clone()), &mut |event: &Event| {
        match event {
            Event::Start(_) => last = Instant::now(),
            Event::Epoch(done) => {
                per_epoch = (done.step - steps) as usize;
                times.push(last.elapsed().as_secs_f64() / per_epoch as f64);
                (last, steps) = (Instant::now(), done.step);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })
    .expect("a run");
    // the run directory lies in the system's folder for temporary files
    let _ = std::fs::remove_dir_all(dir);
    (times, per_epoch)
}

/// Seconds per step of the bare loop, over epochs of `per_epoch` steps.
fn bare(per_epoch: usize) -> Vec<f64> {
    let device = Device::flex().autodiff();
    let mut model = ModelConfig::Mlp(MlpConfig {
        inputs: 64,
        hidden: vec![64, 64],
        outputs: 10,
        activation: Activation::Relu,
        dropout: 0.0,
        ..MlpConfig::default()
    })
    .init(0, &device);
    let builder = Optimizer::builder(AdamW { weight_decay: 0.1, ..AdamW::default() })
        .group(Group::rank_at_most(1).weight_decay(0.0));
    let mut optimizer = BurnOptimizer::new(builder, &model).expect("valid settings");
    let loss = Loss::CrossEntropy { smoothing: 0.0, weights: None };
    let mut stream = Stream::new(b"example\0", 0, 0);
    let batches: Vec<(Tensor<2>, Vec<u32>)> = (0..per_epoch)
        .map(|_| {
            let x: Vec<f32> = (0..BATCH * 64).map(|_| stream.below(1 << 16) as f32 / 32768.0 - 1.0).collect();
            let codes = (0..BATCH).map(|_| stream.below(10) as u32).collect();
            (Tensor::from_data(TensorData::new(x, [BATCH, 64]), &device), codes)
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..EPOCHS {
        let began = Instant::now();
        for (x, codes) in &batches {
            let value = loss.classes(model.forward(x.clone()), codes, None);
            optimizer.step(3e-3, &mut model, value.backward()).expect("finite gradients");
        }
        times.push(began.elapsed().as_secs_f64() / per_epoch as f64);
    }
    times
}

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..7 {
        let (without, per_epoch) = trained(0.0);
        times[0].extend(pool.install(|| bare(per_epoch)));
        times[1].extend(without);
        times[2].extend(trained(0.15).0);
    }
    let names = ["bare loop", "fit, no validation", "fit, validation of 15 %"];
    let mut reference = 0.0;
    for (name, times) in names.into_iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2] * 1e6;
        reference = if reference == 0.0 { median } else { reference };
        let tenth = times[times.len() / 10] * 1e6;
        println!(
            "{name:24} {median:7.1} µs a step  [{tenth:.1}]   {:.3} of the bare loop",
            median / reference
        );
    }
}
