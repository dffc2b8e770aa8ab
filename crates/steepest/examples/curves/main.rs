//! Trains two small networks with their numbers kept in few bytes and in f32, from ten seeds each, and prints what the
//! difference is: the tables of docs/precision.md.
//!
//! ```text
//! cargo run --release -p steepest --example curves                     # the tables
//! cargo run --release -p steepest --example curves -- docs/curves.svg  # and a picture
//! ```

mod network;
mod report;
mod statistics;
mod study;

use network::Draw;
use statistics::{deviation, mean};
use steepest::{AdamW, DType, Optimizer, Param, Slot, StateFormat};
use study::{Recipe, VARIANTS, Workload};

const RECIPE: Recipe = Recipe { seeds: 10, steps: 600, batch: 32, checkpoints: 6 };
/// Below, at and above the rates of the tables: at the last one the loss is about lowest, and runs are no longer smooth.
const RATES: [f64; 3] = [1e-3, 4e-3, 1.6e-2];
/// What is tried at each of them.
const SWEPT: [&str; 7] = [
    "f32",
    "f32, start 2⁻²³ away",
    "f32, learning rate 1 % higher",
    "8-bit state",
    "bf16 + correction, 8-bit state",
    "bf16 alone",
    "8-bit state to the nearest",
];

fn main() -> std::io::Result<()> {
    let done: Vec<_> = workloads()
        .into_iter()
        .map(|workload| {
            let all = study::run(&workload, &VARIANTS, RECIPE);
            println!("{}", report::table(&workload, RECIPE, &all));
            (workload, all)
        })
        .collect();
    println!("{}", report::rates_heading(&RATES));
    for mut workload in workloads() {
        let variants = study::variants(&SWEPT);
        let runs = RATES.map(|lr| {
            workload.lr = lr;
            study::run(&workload, &variants, RECIPE)
        });
        for variant in 0..variants.len() {
            println!("{}", report::rates(&workload, RECIPE, variant, &runs));
        }
    }
    let (many, jumpy) = (Recipe { seeds: 40, ..RECIPE }, Workload { lr: RATES[2], ..study::digits(128) });
    let all = study::run(&jumpy, &study::variants(&SWEPT[..5]), many);
    println!("\n{}", report::table(&jumpy, many, &all));
    println!("| state | β₂ | steps | mean of v/v in f32 | its deviation | mean of √(v in f32)/√v |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for format in [StateFormat::Bf16, StateFormat::Bits8] {
        for beta2 in [0.95, 0.999] {
            step_length(format, beta2);
        }
    }
    match std::env::args().nth(1) {
        Some(path) => std::fs::write(path, report::picture(RECIPE, &done)),
        None => Ok(()),
    }
}

fn workloads() -> [Workload; 2] {
    [study::digits(128), study::text(32, 128)]
}

/// What random rounding makes of the second moment and of the step that is divided by its root, gradients being the same:
/// noise of a steady size.
fn step_length(format: StateFormat, beta2: f64) {
    const N: usize = 16_384;
    let make = |format| {
        let builder = Optimizer::builder(AdamW { beta2, ..AdamW::default() }).state_format(format);
        builder.build([Param::new("w", [N], DType::F32)]).unwrap()
    };
    let (mut exact, mut rounded) = (make(StateFormat::F32), make(format));
    let mut theta = vec![0.0f32; N];
    for step in 1..=5000 {
        let mut draw = Draw::new(step, 2000);
        let grad: Vec<f32> = (0..N).map(|_| (0..6).map(|_| draw.unit()).sum::<f64>() as f32 - 3.0).collect();
        for optimizer in [&mut exact, &mut rounded] {
            optimizer.step(0.0, &mut [Slot::new(&mut theta, &grad)]).unwrap();
        }
        if [100, 600, 5000].contains(&step) {
            let v = |of: &Optimizer| of.state("w", "exp_avg_sq").unwrap();
            let ratios: Vec<f64> = v(&rounded).iter().zip(v(&exact)).map(|(v, exact)| v / exact).collect();
            let longer: Vec<f64> = ratios.iter().map(|ratio| ratio.sqrt().recip()).collect();
            let (of_v, spread, of_step) = (mean(&ratios), deviation(&ratios), mean(&longer));
            println!("| {format} | {beta2} | {step} | {of_v:.3} | {spread:.3} | {of_step:.3} |");
        }
    }
}
