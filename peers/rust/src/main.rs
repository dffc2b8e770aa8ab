//! The peers that are written in Rust: `peers PEER WORK`, then a median for each line on standard input.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, loss::CrossEntropyLossConfig};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor, activation::relu};
use std::io::BufRead;
use std::time::Instant;
use steepest::{AdamW, Clip, DType, NonFinite, Optimizer, Param, Slot};
use steepest_burn::BurnOptimizer;

fn median_time(run: &mut dyn FnMut()) -> f64 {
    let (mut times, mut total) = (Vec::new(), 0.0);
    while total < 0.3 && times.len() < 2000 {
        let start = Instant::now();
        run();
        let seconds = start.elapsed().as_secs_f64();
        total += seconds;
        times.push(seconds);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Numbers that begin on a cache line, as torch's and jax's tensors do.
struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    fn new(len: usize, value: f32) -> Self {
        let numbers = vec![value; len + 16];
        let start = numbers.as_ptr().align_offset(64);
        Self { numbers, start, len }
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..self.start + self.len]
    }
}

impl std::ops::DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..self.start + self.len]
    }
}

fn steps(peer: &str, work: &str) -> Box<dyn FnMut()> {
    let shapes = if work == "adamw1000x1000" { vec![1000; 1000] } else { vec![25_000_000] };
    let mut theta: Vec<Aligned> = shapes.iter().map(|n| Aligned::new(*n, 0.1)).collect();
    let grad: Vec<Aligned> = shapes.iter().map(|n| Aligned::new(*n, 1e-3)).collect();
    if peer == "stream" {
        // what AdamW reads and writes, without its arithmetic
        let (mut m, mut v) = (Aligned::new(shapes[0], 0.1), Aligned::new(shapes[0], 0.1));
        return Box::new(move || {
            let part = theta[0].len().div_ceil(rayon::current_num_threads());
            std::thread::scope(|scope| {
                let parts = theta[0].chunks_mut(part).zip(m.chunks_mut(part)).zip(v.chunks_mut(part));
                for (((t, m), v), g) in parts.zip(grad[0].chunks(part)) {
                    scope.spawn(move || {
                        for (((t, m), v), g) in t.iter_mut().zip(m).zip(v).zip(g) {
                            *t += g;
                            *m += g;
                            *v += g;
                        }
                    });
                }
            });
        });
    }
    let policy = if peer == "steepest-checked" { NonFinite::Error } else { NonFinite::Unchecked };
    let clip = (work == "clip25m").then_some(Clip::GlobalNorm(1e9));
    let params = shapes.iter().enumerate().map(|(i, n)| Param::new(format!("p{i}"), [*n], DType::F32));
    let mut optimizer =
        Optimizer::builder(AdamW::default()).non_finite(policy).clip(clip).build(params).expect("valid");
    Box::new(move || {
        let mut slots: Vec<Slot> = theta.iter_mut().zip(&grad).map(|(t, g)| Slot::new(&mut **t, &**g)).collect();
        optimizer.step(1e-3, &mut slots).expect("finite");
    })
}

#[derive(Module, Debug)]
struct Mlp {
    a: Linear,
    b: Linear,
    c: Linear,
}

impl Mlp {
    fn new(width: usize, device: &Device) -> Self {
        Self {
            a: LinearConfig::new(784, width).init(device),
            b: LinearConfig::new(width, width).init(device),
            c: LinearConfig::new(width, 10).init(device),
        }
    }
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.c.forward(relu(self.b.forward(relu(self.a.forward(x)))))
    }
}

fn train_burn(own: bool, batch: usize, width: usize) -> Box<dyn FnMut()> {
    let device = Device::flex().autodiff();
    let mut model = Mlp::new(width, &device);
    let x = Tensor::<2>::random([batch, 784], Distribution::Normal(0.0, 1.0), &device);
    let codes: Vec<i32> = (0..batch as i32).map(|i| i * 7 % 10).collect();
    let y = Tensor::<1, Int>::from_data(codes.as_slice(), &device);
    let loss = CrossEntropyLossConfig::new().init(&device);
    if own {
        let mut adamw = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01).init();
        return Box::new(move || {
            let value = loss.forward(model.forward(x.clone()), y.clone());
            let grads = GradientsParams::from_grads(value.backward(), &model);
            model = adamw.step(1e-3, model.clone(), grads);
            std::hint::black_box(value.into_scalar::<f32>());
        });
    }
    let mut adamw = BurnOptimizer::new(Optimizer::builder(AdamW::default()), &model).expect("valid");
    Box::new(move || {
        let value = loss.forward(model.forward(x.clone()), y.clone());
        let grads = value.backward();
        adamw.step(1e-3, &mut model, grads).expect("finite");
        std::hint::black_box(value.into_scalar::<f32>());
    })
}

fn train_candle(batch: usize, width: usize) -> Box<dyn FnMut()> {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::{Module, Optimizer, VarBuilder, VarMap, linear};
    let device = Device::Cpu;
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &device);
    let a = linear(784, width, vb.pp("a")).expect("cpu");
    let b = linear(width, width, vb.pp("b")).expect("cpu");
    let c = linear(width, 10, vb.pp("c")).expect("cpu");
    let x = Tensor::randn(0f32, 1f32, (batch, 784), &device).expect("cpu");
    let codes: Vec<u32> = (0..batch as u32).map(|i| i * 7 % 10).collect();
    let y = Tensor::new(codes, &device).expect("cpu");
    let settings = candle_nn::ParamsAdamW { lr: 1e-3, ..Default::default() };
    let mut adamw = candle_nn::AdamW::new(vars.all_vars(), settings).expect("cpu");
    Box::new(move || {
        let h = b.forward(&a.forward(&x).unwrap().relu().unwrap()).unwrap().relu().unwrap();
        let loss = candle_nn::loss::cross_entropy(&c.forward(&h).unwrap(), &y).unwrap();
        adamw.backward_step(&loss).unwrap();
        std::hint::black_box(loss.to_scalar::<f32>().unwrap());
    })
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (peer, work) = (args[1].as_str(), args[2].as_str());
    let (batch, width) = if work == "mlp32x64" { (32, 64) } else { (128, 512) };
    let mut run = match (peer, work.starts_with("mlp")) {
        (_, false) => steps(peer, work),
        ("candle", true) => train_candle(batch, width),
        (peer, true) => train_burn(peer == "burn", batch, width),
    };
    for _ in 0..3 {
        run();
    }
    println!("ready");
    for _ in std::io::stdin().lock().lines() {
        println!("{}", median_time(&mut *run));
    }
}
