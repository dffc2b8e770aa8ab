//! Muon on a large matrix: milliseconds of a step, and how far its products' rounding takes it from the exact
//! polynomial, beside the same polynomial rounded to bf16 after every product, as torch computes it. Then
//! each matrix method on a weight of `--side` × `--side`, beside the products of its layer: what a step adds
//! to a training step.
//!
//! `cargo bench -p steepest --bench matrix [-- --rows N --columns N --side N --batch N --rounds N --threads
//! N]`

use half::bf16;
use std::time::Instant;
use steepest::linalg::{Loops, Matrix, packed_len};
use steepest::settings::{Value, Values};
use steepest::{DType, Muon, NonFinite, Optimizer, Param, Slot, registry};

fn argument(name: &str, default: usize) -> usize {
    let args: Vec<String> = std::env::args().collect();
    args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)?.parse().ok()).unwrap_or(default)
}

/// Normal numbers, with rows of very different sizes where `uneven`.
fn gradient(rows: usize, columns: usize, uneven: bool) -> Vec<f64> {
    let mut z = 7u64;
    let mut unit = || {
        z = z.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((z >> 11) as f64 + 0.5) * 2f64.powi(-53)
    };
    let mut normal = || (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
    let size = |row: usize| if uneven { 10f64.powf(-4.0 * row as f64 / rows as f64) } else { 1.0 };
    (0..rows * columns).map(|i| f64::from((normal() * size(i / columns)) as f32)).collect()
}

/// The step from 0 of Muon without momentum: the orthogonalized gradient.
fn step<T: Copy + Default>(rows: usize, columns: usize, dtype: DType, grad: &[T]) -> Vec<T>
where
    for<'a> steepest::SliceMut<'a>: From<&'a mut [T]>,
    for<'a> steepest::Slice<'a>: From<&'a [T]>,
{
    let muon = Muon { momentum: 0.0, ..Muon::default() };
    let mut optimizer =
        Optimizer::builder(muon).build([Param::new("w", [rows, columns], dtype)]).expect("valid settings");
    let mut theta = vec![T::default(); rows * columns];
    optimizer.step(1.0, &mut [Slot::new(theta.as_mut_slice(), grad)]).expect("finite");
    theta
}

/// The same with every factor and product rounded to bf16, sums in f32: what a bf16 matrix unit does.
fn rounded(rows: usize, columns: usize, grad: &[f64]) -> Vec<f32> {
    let round = |x: f32| bf16::from_f32(x).to_f32();
    let product = |a: &[f32], b: &[f32], m: usize, n: usize, k: usize| -> Vec<f32> {
        let mut c = vec![0.0f32; m * n];
        for (line, a) in c.chunks_mut(n).zip(a.chunks(k)) {
            for (x, b) in a.iter().zip(b.chunks(n)) {
                line.iter_mut().zip(b).for_each(|(c, b)| *c += x * b);
            }
            line.iter_mut().for_each(|c| *c = round(*c));
        }
        c
    };
    assert!(rows <= columns);
    let norm = grad.iter().map(|g| g * g).sum::<f64>().sqrt() as f32;
    let mut x: Vec<f32> = grad.iter().map(|g| round(round(*g as f32) / norm)).collect();
    for _ in 0..5 {
        let transposed: Vec<f32> = (0..columns * rows).map(|i| x[i % rows * columns + i / rows]).collect();
        let a = product(&x, &transposed, rows, rows, columns);
        let square = product(&a, &a, rows, rows, rows);
        let b: Vec<f32> = a.iter().zip(&square).map(|(a, s)| round(-4.775 * a + 2.0315 * s)).collect();
        let y = product(&b, &x, rows, columns, rows);
        x = x.iter().zip(&y).map(|(x, y)| round(3.4445 * x + y)).collect();
    }
    x.iter().map(|x| -x).collect()
}

fn distance(found: impl Iterator<Item = f64>, exact: &[f64]) -> f64 {
    let error: f64 = found.zip(exact).map(|(a, b)| (a - b) * (a - b)).sum();
    (error / exact.iter().map(|x| x * x).sum::<f64>()).sqrt()
}

/// Milliseconds of the three products of a layer with `side` inputs and outputs: forward, and the gradients
/// of its input and its weight.
fn layer(side: usize, batch: usize, rounds: usize) -> f64 {
    let loops = Loops::default();
    let draw = |rows, columns| gradient(rows, columns, false).iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let (weight, input, output) = (draw(side, side), draw(batch, side), draw(batch, side));
    let weight = Matrix { data: &weight, rows: side, columns: side };
    let input = Matrix { data: &input, rows: batch, columns: side };
    let output = Matrix { data: &output, rows: batch, columns: side };
    let longest = packed_len(side, side.max(batch)).max(packed_len(batch, side));
    let (mut left, mut right) = (vec![0.0f32; longest], vec![0.0f32; longest]);
    let (mut tall, mut square) = (vec![0.0f32; batch * side], vec![0.0f32; side * side]);
    median(rounds, || {
        let start = Instant::now();
        let (a, b) = (loops.pack_rows(input, &mut left), loops.pack_rows(weight, &mut right));
        loops.product(a, b, false, &mut tall);
        let (a, b) = (loops.pack_rows(output, &mut left), loops.pack_columns(weight, &mut right));
        loops.product(a, b, false, &mut tall);
        let (a, b) = (loops.pack_columns(output, &mut left), loops.pack_columns(input, &mut right));
        loops.product(a, b, false, &mut square);
        std::hint::black_box((&tall, &square));
        start.elapsed().as_secs_f64() * 1e3
    })
}

fn median(rounds: usize, mut once: impl FnMut() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..rounds + 2).map(|_| once()).skip(2).collect();
    times.sort_by(f64::total_cmp);
    times[rounds / 2]
}

/// Milliseconds of a step on a square weight, the mean over `interval` steps; and of the slowest of these.
fn method(name: &str, settings: &Values, side: usize, interval: usize, rounds: usize) -> (f64, f64) {
    let rule = registry::find(name).expect("in the table").make(settings);
    let mut optimizer = Optimizer::builder(rule)
        .non_finite(NonFinite::Unchecked)
        .build([Param::new("w", [side, side], DType::F32)])
        .expect("valid settings");
    let grad: Vec<f32> = gradient(side, side, false).iter().map(|g| *g as f32).collect();
    let mut theta = vec![0.0f32; side * side];
    let mut step = || {
        let start = Instant::now();
        optimizer.step(0.001, &mut [Slot::new(&mut theta, &grad)]).expect("finite");
        start.elapsed().as_secs_f64() * 1e3
    };
    // behind the first steps, which Shampoo and SOAP do more work in
    (0..interval.max(3)).for_each(|_| {
        step();
    });
    let mut slowest: f64 = 0.0;
    let mean = median(rounds, || {
        let times: Vec<f64> = (0..interval).map(|_| step()).collect();
        slowest = times.iter().fold(0.0, |m, t| t.max(m));
        times.iter().sum::<f64>() / interval as f64
    });
    (mean, slowest)
}

fn methods(threads: usize) {
    let (side, batch) = (argument("--side", 512), argument("--batch", 256));
    let products = layer(side, batch, 31);
    println!(
        "\n{side}×{side} f32, {threads} threads; three products with a batch of {batch}: {products:.2} ms"
    );
    // kron refreshes its factors in every step at first, and in 3 of 100 in the end
    let late = [("max_share", 0.03), ("min_share", 0.03)];
    let blocks = |rows| [("block_rows", rows)];
    let (of_64, of_128) = (blocks(64.0), blocks(128.0));
    for (name, settings, interval, rounds) in [
        ("muon", &[][..], 1, 15),
        ("normuon", &[], 1, 15),
        ("mud", &[], 1, 15),
        ("mud", &of_128, 1, 31),
        ("mud", &of_64, 1, 31),
        ("shampoo", &[], 10, 3),
        ("soap", &[], 10, 3),
        ("kron", &[], 1, 15),
        ("kron", &late, 100, 3),
    ] {
        let values: Values =
            settings.iter().map(|(name, x): &(&str, f64)| ((*name).to_owned(), Value::Number(*x))).collect();
        let label = settings.iter().fold(name.to_owned(), |label, (name, x)| format!("{label} {name}={x}"));
        let (mean, slowest) = method(name, &values, side, interval, rounds);
        print!("  {label:34} {mean:7.2} ms a step, {:5.1} % of these products", 100.0 * mean / products);
        if interval > 1 {
            print!(" (over {interval} steps, the slowest {slowest:.1} ms)");
        }
        println!();
    }
}

fn main() {
    let (rows, columns) = (argument("--rows", 1024), argument("--columns", 4096));
    let rounds = argument("--rounds", 15);
    let threads = argument("--threads", std::thread::available_parallelism().map_or(1, Into::into));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("first pool");

    let grad: Vec<f32> = gradient(rows, columns, false).iter().map(|g| *g as f32).collect();
    let mut theta = vec![0.0f32; rows * columns];
    let mut optimizer = Optimizer::builder(Muon::default())
        .non_finite(NonFinite::Unchecked)
        .build([Param::new("w", [rows, columns], DType::F32)])
        .expect("valid settings");
    let mut times: Vec<f64> = (0..rounds + 2)
        .map(|_| {
            let start = Instant::now();
            optimizer.step(0.02, &mut [Slot::new(&mut theta, &grad)]).expect("finite");
            start.elapsed().as_secs_f64() * 1e3
        })
        .skip(2)
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "muon {rows}×{columns} f32, 5 polynomials, {threads} threads: {:.1} ms (median of {rounds}; fastest {:.1})",
        times[rounds / 2],
        times[0]
    );

    methods(threads);

    // smaller: the rounded version is a plain loop
    let (rows, columns) = (rows.min(128), columns.min(512));
    println!("\nrelative distance from the same polynomials in f64, {rows}×{columns}:");
    for (name, uneven) in [("rows of one size", false), ("rows from 1 to 1e-4", true)] {
        let grad = gradient(rows, columns, uneven);
        let exact = step(rows, columns, DType::F64, &grad);
        let single: Vec<f32> = grad.iter().map(|g| *g as f32).collect();
        let ours = step(rows, columns, DType::F32, &single);
        println!(
            "  {name:20} f32 {:.1e}   bf16 {:.1e}",
            distance(ours.iter().map(|x| f64::from(*x)), &exact),
            distance(rounded(rows, columns, &grad).iter().map(|x| f64::from(*x)), &exact)
        );
    }
}
