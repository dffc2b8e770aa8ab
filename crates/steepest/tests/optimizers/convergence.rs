//! The minimum of five problems, from ten starts each, within the steps that `fixtures/convergence.json` allows.
//!
//! Learning rates and budgets are found by `tune`, which a new optimizer runs once:
//!
//! ```text
//! cargo test -p steepest --test optimizers -- --ignored tune
//! ```

use crate::common::random;
use crate::{Alone, Property, alone, property};
use flate2::read::GzDecoder;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::{DType, Optimizer, Param, Slot, StepArgs};

pub const PROPERTIES: &[Property] = &[property!(it_converges_within_its_budget_from_every_start)];

pub const ALONE: &[Alone] = &[alone!(a_budget_that_is_too_small_is_noticed)];

pub const TUNE: Alone = alone!(tune);

const SEEDS: u64 = 10;

/// Something to minimize: parameters of some shapes, a loss with its gradient, and when it counts as solved.
trait Problem: Sync {
    fn shapes(&self) -> Vec<Vec<usize>>;
    fn start(&self, seed: u64) -> Vec<f64>;
    /// The loss; its gradient goes into `gradient`.
    fn loss(&self, theta: &[f64], gradient: &mut [f64]) -> f64;
    /// The loss to reach.
    fn target(&self) -> f64;
}

/// ½ Σ kᵢxᵢ² after a rotation that mixes all coordinates: condition number `max k / min k`.
struct Quadratic {
    curvature: Vec<f64>,
    /// Of the reflection x − 2v(vᵀx), |v| = 1.
    mirror: Vec<f64>,
    target: f64,
}

impl Quadratic {
    fn new(n: usize, condition: f64, target: f64) -> Self {
        let curvature = (0..n).map(|i| condition.powf(i as f64 / (n - 1) as f64 - 1.0)).collect();
        let v = random(500, n);
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        Self { curvature, mirror: v.iter().map(|x| x / norm).collect(), target }
    }

    fn reflect(&self, x: &[f64]) -> Vec<f64> {
        let dot: f64 = x.iter().zip(&self.mirror).map(|(x, v)| x * v).sum();
        x.iter().zip(&self.mirror).map(|(x, v)| x - 2.0 * dot * v).collect()
    }
}

impl Problem for Quadratic {
    fn shapes(&self) -> Vec<Vec<usize>> {
        vec![vec![self.curvature.len() / 4, 4]]
    }
    fn start(&self, seed: u64) -> Vec<f64> {
        random(600 + seed, self.curvature.len())
    }
    fn loss(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let x = self.reflect(theta);
        let pull: Vec<f64> = x.iter().zip(&self.curvature).map(|(x, k)| k * x).collect();
        gradient.copy_from_slice(&self.reflect(&pull));
        0.5 * x.iter().zip(&pull).map(|(x, p)| x * p).sum::<f64>()
    }
    fn target(&self) -> f64 {
        self.target
    }
}

/// Rosenbrock's valley in two dimensions, from near its usual start.
struct Rosenbrock;

impl Problem for Rosenbrock {
    fn shapes(&self) -> Vec<Vec<usize>> {
        vec![vec![1, 2]]
    }
    fn start(&self, seed: u64) -> Vec<f64> {
        let noise = random(700 + seed, 2);
        vec![-1.2 + 0.1 * noise[0], 1.0 + 0.1 * noise[1]]
    }
    fn loss(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let (x, y) = (theta[0], theta[1]);
        let bend = y - x * x;
        gradient[0] = -2.0 * (1.0 - x) - 400.0 * x * bend;
        gradient[1] = 200.0 * bend;
        (1.0 - x) * (1.0 - x) + 100.0 * bend * bend
    }
    fn target(&self) -> f64 {
        1e-2
    }
}

/// Which of two kinds of iris a flower is, by logistic regression with a small penalty. The two overlap.
struct Logistic {
    rows: Vec<([f64; 4], f64)>,
    best: f64,
}

impl Logistic {
    const PENALTY: f64 = 1e-2;

    fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../steepest-data/embedded/iris.csv.gz");
        let mut text = String::new();
        GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        let mut rows: Vec<([f64; 4], f64)> = text
            .lines()
            .skip(1)
            .filter(|line| !line.contains("setosa"))
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                let kind = if cells[4].contains("virginica") { 1.0 } else { 0.0 };
                (std::array::from_fn(|i| cells[i].parse().unwrap()), kind)
            })
            .collect();
        assert_eq!((rows.len(), rows.iter().map(|r| r.1).sum::<f64>()), (100, 50.0));
        for i in 0..4 {
            let mean = rows.iter().map(|r| r.0[i]).sum::<f64>() / 100.0;
            let size = (rows.iter().map(|r| (r.0[i] - mean).powi(2)).sum::<f64>() / 100.0).sqrt();
            rows.iter_mut().for_each(|r| r.0[i] = (r.0[i] - mean) / size);
        }
        // the minimum, by plain gradient descent for as long as it takes: the loss is strongly convex
        let mut found = Self { rows, best: 0.0 };
        let (mut theta, mut gradient) = (vec![0.0; 5], vec![0.0; 5]);
        for _ in 0..20_000 {
            found.best = found.loss(&theta, &mut gradient);
            theta.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= 0.5 * g);
        }
        assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{gradient:?}");
        found
    }
}

impl Problem for Logistic {
    fn shapes(&self) -> Vec<Vec<usize>> {
        vec![vec![1, 4], vec![1]]
    }
    fn start(&self, seed: u64) -> Vec<f64> {
        random(800 + seed, 5)
    }
    fn loss(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let (mut sum, n) = (0.0, self.rows.len() as f64);
        for (x, kind) in &self.rows {
            let z = theta[4] + (0..4).map(|i| theta[i] * x[i]).sum::<f64>();
            // ln(1 + e^z) − z·kind, for any size of z
            sum += z.max(0.0) + (-z.abs()).exp().ln_1p() - z * kind;
            let derivative = (1.0 / (1.0 + (-z).exp()) - kind) / n;
            (0..4).for_each(|i| gradient[i] += derivative * x[i]);
            gradient[4] += derivative;
        }
        let penalty: f64 = theta.iter().map(|x| x * x).sum();
        gradient.iter_mut().zip(theta).for_each(|(g, x)| *g += Self::PENALTY * x);
        sum / n + 0.5 * Self::PENALTY * penalty
    }
    fn target(&self) -> f64 {
        self.best * 1.001
    }
}

/// A perceptron 2-8-1 with tanh that learns sin(2x)·cos(y) on a grid of 49 points.
struct Perceptron;

impl Problem for Perceptron {
    fn shapes(&self) -> Vec<Vec<usize>> {
        vec![vec![8, 2], vec![8], vec![1, 8], vec![1]]
    }
    fn start(&self, seed: u64) -> Vec<f64> {
        random(900 + seed, 33)
    }
    fn loss(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let (hidden, rest) = theta.split_at(16);
        let (bias, rest) = rest.split_at(8);
        let (output, last) = rest.split_at(8);
        let mut sum = 0.0;
        for point in 0..49 {
            let (x, y) = (f64::from(point / 7) / 3.0 - 1.0, f64::from(point % 7) / 3.0 - 1.0);
            let wanted = (2.0 * x).sin() * y.cos();
            let h: [f64; 8] =
                std::array::from_fn(|k| (hidden[2 * k] * x + hidden[2 * k + 1] * y + bias[k]).tanh());
            let error = last[0] + (0..8).map(|k| output[k] * h[k]).sum::<f64>() - wanted;
            sum += error * error / 49.0;
            let derivative = 2.0 * error / 49.0;
            for k in 0..8 {
                let inner = derivative * output[k] * (1.0 - h[k] * h[k]);
                gradient[2 * k] += inner * x;
                gradient[2 * k + 1] += inner * y;
                gradient[16 + k] += inner;
                gradient[24 + k] += derivative * h[k];
            }
            gradient[32] += derivative;
        }
        sum
    }
    fn target(&self) -> f64 {
        0.02 // a constant leaves 0.36
    }
}

static PROBLEMS: LazyLock<Vec<(&'static str, Box<dyn Problem + Send>)>> = LazyLock::new(|| {
    vec![
        ("quadratic", Box::new(Quadratic::new(12, 3.0, 1e-4))),
        ("ill_conditioned", Box::new(Quadratic::new(20, 1e4, 1e-4))),
        ("rosenbrock", Box::new(Rosenbrock)),
        ("logistic", Box::new(Logistic::new())),
        ("perceptron", Box::new(Perceptron)),
    ]
});

/// The loss after `budget` steps. The learning rate falls linearly to zero, except for optimizers that average
/// their weights instead.
fn descend(entry: &Entry, problem: &dyn Problem, lr: f64, budget: u64, seed: u64) -> f64 {
    let shapes = problem.shapes();
    let lengths: Vec<usize> = shapes.iter().map(|s| s.iter().product()).collect();
    let params = shapes.iter().enumerate().map(|(i, s)| Param::new(format!("p{i}"), s.clone(), DType::F64));
    // the problems' minima know nothing of decay
    let mut settings = steepest::settings::Values::new();
    if (entry.parameters)().iter().any(|p| p.name == "weight_decay") {
        settings.insert("weight_decay".into(), steepest::settings::Value::Number(0.0));
    }
    let mut optimizer = Optimizer::builder(entry.make(&settings)).build(params).unwrap();
    let mut theta = problem.start(seed);
    let mut gradient = vec![0.0; theta.len()];
    let mut value = 0.0;
    for step in 0..=budget {
        value = problem.loss(&theta, &mut gradient);
        if step == budget || !value.is_finite() || value > 1e12 {
            break;
        }
        let falling = if entry.traits.schedule_free { 1.0 } else { 1.0 - step as f64 / budget as f64 };
        let args = StepArgs { loss: Some(value), ..StepArgs::from(lr * falling) };
        let (mut theta, mut gradient) = (theta.as_mut_slice(), gradient.as_slice());
        let mut slots = Vec::new();
        for n in &lengths {
            let (t, g);
            (t, theta) = theta.split_at_mut(*n);
            (g, gradient) = gradient.split_at(*n);
            slots.push(Slot::new(t, g));
        }
        if optimizer.step(args, &mut slots).is_err() {
            return f64::INFINITY; // a gradient that overflowed
        }
    }
    if value.is_finite() { value } else { f64::INFINITY }
}

fn worst(entry: &Entry, problem: &dyn Problem, lr: f64, budget: u64, enough: f64) -> f64 {
    let mut worst = 0.0f64;
    for seed in 0..SEEDS {
        worst = worst.max(descend(entry, problem, lr, budget, seed));
        if worst > enough {
            break;
        }
    }
    worst
}

/// For each optimizer and problem: learning rate and steps.
type Budgets = BTreeMap<String, BTreeMap<String, (f64, u64)>>;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/convergence.json")
}

fn budgets() -> Budgets {
    let (file, missing) = (file(), "docs/adding-an-optimizer.md says how it is written");
    let text =
        std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}; {missing}", file.display()));
    serde_json::from_str(&text).unwrap()
}

fn it_converges_within_its_budget_from_every_start(entry: &Entry) {
    let budgets = budgets();
    let mut wrong = Vec::new();
    for (name, problem) in PROBLEMS.iter() {
        let Some((lr, budget)) = budgets.get(entry.name).and_then(|of| of.get(*name)) else {
            wrong.push(format!(
                "fixtures/convergence.json has no learning rate and budget of {} for {name}; this finds and writes them: \
                 cargo test -p steepest --test optimizers -- --ignored tune",
                entry.name
            ));
            continue;
        };
        for seed in 0..SEEDS {
            let found = descend(entry, problem.as_ref(), *lr, *budget, seed);
            if found.is_nan() || found > problem.target() {
                wrong.push(format!("{name} seed {seed}: {found:.3e} above {:.3e}", problem.target()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn a_budget_that_is_too_small_is_noticed() {
    let entry = &OPTIMIZERS[0];
    let (_, problem) = &PROBLEMS[1];
    assert!(worst(entry, problem.as_ref(), 0.1, 10, f64::INFINITY) > problem.target());
}

/// Finds a learning rate and a number of steps for optimizers that have none yet, and prints them: the smallest budget of a
/// list at which some rate of a grid brings every start to half of the target, so that a digit lost elsewhere fails no test.
fn tune() {
    let mut budgets = budgets();
    budgets.retain(|name, _| OPTIMIZERS.iter().any(|entry| entry.name == name));
    let mut unsolved = Vec::new();
    for entry in OPTIMIZERS {
        let of = budgets.entry(entry.name.to_owned()).or_default();
        for (name, problem) in PROBLEMS.iter().filter(|(name, _)| !of.contains_key(*name)).collect::<Vec<_>>()
        {
            let target = if *name == "logistic" {
                problem.target() - 0.5 * (problem.target() - problem.target() / 1.001)
            } else {
                problem.target() / 2.0
            };
            let grid: Vec<f64> = (-20..=12).map(|e| 10f64.powf(f64::from(e) / 4.0)).collect();
            let solved = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000].into_iter().find_map(
                |budget| {
                    let tried =
                        grid.par_iter().map(|lr| (*lr, worst(entry, problem.as_ref(), *lr, budget, target)));
                    let (lr, value) = tried.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                    (value <= target).then_some((lr, budget))
                },
            );
            let Some((lr, budget)) = solved else {
                unsolved.push(format!(
                    "{} {name}: no rate from 1e-5 to 1e3 solves it in 50 000 steps",
                    entry.name
                ));
                continue;
            };
            // three digits are as good
            let lr = format!("{lr:.2e}").parse().unwrap();
            println!("{} {name}: learning rate {lr}, {budget} steps", entry.name);
            of.insert((*name).to_owned(), (lr, budget));
        }
    }
    // an optimizer a line
    let lines: Vec<String> = budgets
        .iter()
        .map(|(name, of)| format!("  {}: {}", serde_json::json!(name), serde_json::to_string(of).unwrap()))
        .collect();
    std::fs::write(file(), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
    println!("written: {}", file().display());
    assert!(unsolved.is_empty(), "{}", unsolved.join("\n"));
}
