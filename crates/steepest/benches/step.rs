//! The cost of a step beside a stream with the same reads and writes, in one alternating run.
//!
//! `cargo bench -p steepest --bench step [-- --params N --rounds N --threads N --only TEXT]`. Medians and ratios; the
//! machine's memory speed wanders, so only ratios from one run hold.

use half::bf16;
use std::hint::black_box;
use std::time::Instant;
use steepest::{
    Adagrad, Adam, AdamW, Clip, DType, Ema, InstructionSet, IntoRule, Master, NonFinite, Optimizer, Param,
    RmsProp, Sgd, Slot, StateFormat,
};

/// `arrays` arrays read and written, one more read: the traffic of an optimizer, without its
/// arithmetic and without its driver.
fn stream(written: &mut [Vec<f32>], read: &[f32]) {
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn half(written: &mut [&mut [f32]], read: &[f32]) {
        match written {
            [a] => a.iter_mut().zip(read).for_each(|(a, g)| *a += g),
            [a, b] => a.iter_mut().zip(&mut **b).zip(read).for_each(|((a, b), g)| {
                *a += g;
                *b += g;
            }),
            [a, b, c] => {
                a.iter_mut().zip(&mut **b).zip(&mut **c).zip(read).for_each(|(((a, b), c), g)| {
                    *a += g;
                    *b += g;
                    *c += g;
                });
            }
            _ => unreachable!("up to three arrays"),
        }
    }
    let threads = rayon::current_num_threads();
    let part = read.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut parts: Vec<_> = written.iter_mut().map(|w| w.chunks_mut(part)).collect();
        for read in read.chunks(part) {
            let mut written: Vec<&mut [f32]> = parts.iter_mut().filter_map(Iterator::next).collect();
            #[allow(unsafe_code)]
            // SAFETY: every machine that this is measured on has AVX2; checked in `main`.
            scope.spawn(move || unsafe { half(&mut written, read) });
        }
    });
}

struct Row<'a> {
    name: String,
    bytes: f64,
    run: Box<dyn FnMut() + 'a>,
    seconds: Vec<f64>,
}

fn median(xs: &mut [f64]) -> f64 {
    xs.sort_by(f64::total_cmp);
    xs[xs.len() / 2]
}

fn argument(name: &str, default: usize) -> usize {
    let args: Vec<String> = std::env::args().collect();
    args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)?.parse().ok()).unwrap_or(default)
}

fn rule_row<'a>(
    name: &str,
    bytes: f64,
    n: usize,
    rule: impl IntoRule,
    set: impl Fn(steepest::Builder) -> steepest::Builder,
) -> Row<'a> {
    let mut theta = vec![0.1f32; n];
    let grad = vec![1e-3f32; n];
    let mut optimizer = set(Optimizer::builder(rule).non_finite(NonFinite::Unchecked))
        .build([Param::new("theta", [n], DType::F32)])
        .expect("valid settings");
    Row {
        name: name.to_owned(),
        bytes: bytes * n as f64,
        run: Box::new(move || {
            optimizer.step(1e-3, &mut [Slot::new(&mut theta, &grad)]).expect("finite");
        }),
        seconds: Vec::new(),
    }
}

/// Parameters and gradients in bf16.
fn half_row<'a>(n: usize, format: StateFormat, master: Master, bytes: f64) -> Row<'a> {
    let mut theta = vec![bf16::from_f32(0.1); n];
    let grad = vec![bf16::from_f32(1e-3); n];
    let mut optimizer = Optimizer::builder(AdamW::default())
        .non_finite(NonFinite::Unchecked)
        .state_format(format)
        .master(master)
        .build([Param::new("theta", [n], DType::Bf16)])
        .expect("valid settings");
    Row {
        name: format!("adamw, bf16, {format} state, {master:?}"),
        bytes: bytes * n as f64,
        run: Box::new(move || {
            optimizer.step(1e-3, &mut [Slot::new(&mut theta, &grad)]).expect("finite");
        }),
        seconds: Vec::new(),
    }
}

/// Clipping, AdamW, an average of the weights and a gradient set to zero, in one step.
fn everything_row<'a>(n: usize) -> Row<'a> {
    let mut theta = vec![0.1f32; n];
    let mut grad = vec![1e-3f32; n];
    let mut optimizer = Optimizer::builder(AdamW::default())
        .clip(Clip::GlobalNorm(1.0))
        .average(Ema::default())
        .build([Param::new("theta", [n], DType::F32)])
        .expect("valid settings");
    Row {
        name: "adamw, clip, EMA, zeroed gradient".to_owned(),
        bytes: 44.0 * n as f64,
        run: Box::new(move || {
            optimizer.step(1e-3, &mut [Slot::zeroing(&mut theta, &mut grad)]).expect("finite");
        }),
        seconds: Vec::new(),
    }
}

fn many_row<'a>(tensors: usize, each: usize, policy: NonFinite) -> Row<'a> {
    let mut theta = vec![vec![0.1f32; each]; tensors];
    let grad = vec![vec![1e-3f32; each]; tensors];
    let mut optimizer = Optimizer::builder(AdamW::default())
        .non_finite(policy)
        .build((0..tensors).map(|i| Param::new(format!("p{i}"), [each], DType::F32)))
        .expect("valid settings");
    Row {
        name: format!(
            "adamw, {tensors} tensors of {each}{}",
            if policy == NonFinite::Unchecked { "" } else { ", checked" }
        ),
        bytes: 28.0 * (tensors * each) as f64,
        run: Box::new(move || {
            let mut slots: Vec<Slot> = theta.iter_mut().zip(&grad).map(|(t, g)| Slot::new(t, g)).collect();
            optimizer.step(1e-3, &mut slots).expect("finite");
        }),
        seconds: Vec::new(),
    }
}

/// Parameters that lie in cache, after a step with a gradient of 1e-3 and a thousand with `gradient`.
fn cached_row<'a>(name: &str, gradient: f32) -> Row<'a> {
    const N: usize = 50_000;
    let mut theta = vec![0.1f32; N];
    let mut grad = vec![1e-3f32; N];
    let mut optimizer = Optimizer::builder(AdamW::default())
        .non_finite(NonFinite::Unchecked)
        .build([Param::new("theta", [N], DType::F32)])
        .expect("valid settings");
    for _ in 0..1000 {
        optimizer.step(1e-3, &mut [Slot::new(&mut theta, &grad)]).expect("finite");
        grad.fill(gradient);
    }
    Row {
        name: format!("adamw, {N} in cache, {name}"),
        bytes: 28.0 * (N * 20) as f64,
        run: Box::new(move || {
            for _ in 0..20 {
                optimizer.step(1e-3, &mut [Slot::new(&mut theta, &grad)]).expect("finite");
            }
        }),
        seconds: Vec::new(),
    }
}

fn main() {
    let n = argument("--params", 25_000_000);
    let rounds = argument("--rounds", 15);
    let args: Vec<String> = std::env::args().collect();
    let only = args.iter().position(|a| a == "--only").and_then(|i| args.get(i + 1).cloned());
    let threads = argument("--threads", std::thread::available_parallelism().map_or(1, Into::into));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("first pool");
    assert!(InstructionSet::Avx2.is_available() || !cfg!(target_arch = "x86_64"));

    let mut rows: Vec<Row> = Vec::new();
    for (arrays, bytes) in [(1, 12.0), (2, 20.0), (3, 28.0)] {
        let mut written = vec![vec![0.1f32; n]; arrays];
        let read = vec![1e-3f32; n];
        rows.push(Row {
            name: format!("stream {bytes} B"),
            bytes: bytes * n as f64,
            run: Box::new(move || stream(black_box(&mut written), black_box(&read))),
            seconds: Vec::new(),
        });
    }
    rows.push(rule_row("sgd", 12.0, n, Sgd::default(), |b| b));
    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    rows.push(rule_row("sgd, momentum", 20.0, n, momentum, |b| b));
    rows.push(rule_row("adagrad", 20.0, n, Adagrad::default(), |b| b));
    rows.push(rule_row("rmsprop", 20.0, n, RmsProp::default(), |b| b));
    rows.push(rule_row("adam", 28.0, n, Adam::default(), |b| b));
    rows.push(rule_row("adamw", 28.0, n, AdamW::default(), |b| b));
    for level in [InstructionSet::Avx2, InstructionSet::Baseline, InstructionSet::Scalar] {
        rows.push(rule_row(&format!("adamw, {level:?}"), 28.0, n, AdamW::default(), |b| {
            b.instruction_set(level)
        }));
    }
    rows.push(rule_row("adamw, checked", 32.0, n, AdamW::default(), |b| b.non_finite(NonFinite::Error)));
    rows.push(rule_row("adamw, global norm", 32.0, n, AdamW::default(), |b| b.clip(Clip::GlobalNorm(1.0))));
    rows.push(everything_row(n));
    for (format, bytes) in [(StateFormat::Bf16, 20.0), (StateFormat::Bits8, 16.03)] {
        for level in [InstructionSet::best(), InstructionSet::Avx2, InstructionSet::Baseline] {
            let set = |b: steepest::Builder| b.state_format(format).instruction_set(level);
            rows.push(rule_row(
                &format!("adamw, {format} state, {level:?}"),
                bytes,
                n,
                AdamW::default(),
                set,
            ));
        }
    }
    for (format, master, bytes) in [
        (StateFormat::F32, Master::None, 22.0),
        (StateFormat::F32, Master::F32, 30.0),
        (StateFormat::Bits8, Master::None, 10.03),
        (StateFormat::Bits8, Master::Correction, 12.03),
    ] {
        rows.push(half_row(n, format, master, bytes));
    }
    for policy in [NonFinite::Unchecked, NonFinite::Error] {
        for (tensors, each) in [(1000, 1000), (1000, 16), (6, 9_000)] {
            rows.push(many_row(tensors, each, policy));
        }
    }
    rows.push(cached_row("usual gradients", 1e-3));
    rows.push(cached_row("subnormal gradients", 1e-40));
    rows.push(cached_row("gradients gone", 0.0));

    if let Some(text) = only {
        rows.retain(|row| row.name.starts_with("stream") || row.name.contains(&text));
    }
    for round in 0..rounds + 2 {
        for row in &mut rows {
            let start = Instant::now();
            (row.run)();
            // the first two rounds touch the pages
            if round >= 2 {
                row.seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let streams: Vec<(f64, f64)> =
        rows[..3].iter_mut().map(|row| (row.bytes, median(&mut row.seconds))).collect();
    println!("{n} parameters, {threads} threads, {rounds} rounds, best level {:?}", InstructionSet::best());
    println!("{:44} {:>9} {:>9} {:>7} {:>16}", "", "ms", "ns/param", "GB/s", "share of stream");
    for row in &mut rows {
        let seconds = median(&mut row.seconds);
        let speed = row.bytes / seconds / 1e9;
        // against the stream whose mix is nearest
        let nearest = streams
            .iter()
            .min_by(|a, b| (a.0 - row.bytes).abs().total_cmp(&(b.0 - row.bytes).abs()))
            .expect("three streams");
        let share = speed / (nearest.0 / nearest.1 / 1e9);
        println!(
            "{:44} {:9.3} {:9.3} {speed:7.1} {:15.0}%",
            row.name,
            seconds * 1e3,
            seconds * 1e9 / n as f64,
            share * 100.0
        );
    }
}
