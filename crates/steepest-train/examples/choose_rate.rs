//! How good the learning rates are that `lr = "auto"` chooses, beside the documented one and beside the rules of learning rate
//! finders: `cargo run --release -p steepest-train --example choose_rate -- pool.jsonl [DATA,TARGET,OPTIMIZER …]`
//!
//! For each data set and optimizer, 20 divisions of the rows (each with initial weights and an order of its own) are trained with 15
//! rates a quarter of a decade apart round the documented one, and two farther out, and three ramps are recorded. What is found
//! goes into the file, and is not trained again. From it, choices are drawn as they would have been made, and judged by the mean test
//! loss of the chosen rate over all 20.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use steepest_choose::choose::{Candidate, Standing, Train as _, Trial as _, Value};
use steepest_train::Settings;
use steepest_train::choose::Networks;

const SEEDS: u64 = 20;
/// Decades from the documented rate.
const RATES: [f64; 17] =
    [-2.0, -1.75, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0];
/// Where a training is looked at.
const RUNGS: [f64; 5] = [1.0 / 16.0, 0.125, 0.25, 0.5, 1.0];
/// On one division of the rows: which rung, and how many go on. On several: the same, later.
const QUICK: [(usize, usize); 3] = [(0, 4), (1, 2), (2, 1)];
const DEEPER: [(usize, usize); 3] = [(1, 5), (2, 3), (3, 1)];
/// The 15 rates among which the best is looked for.
const GRID: std::ops::Range<usize> = 1..16;

/// What one training gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Trained {
    workload: String,
    seed: u64,
    /// Of [`RATES`].
    rate: usize,
    /// The validation loss at each rung; `None` where it had diverged.
    validation: [Option<f64>; 5],
    /// Where it diverged, as a part of the training.
    diverged: Option<f64>,
    /// The test loss of the weights that are kept.
    test: Option<f64>,
}

/// A ramp, and the rates that the rules of finders take from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ramp {
    workload: String,
    seed: u64,
    steps: u64,
    total: u64,
    ramp: Vec<[Option<f64>; 2]>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Line {
    Trained(Trained),
    Ramp(Ramp),
}

/// The defaults when this was measured: later ones would need all of it again.
const MEASURED_WITH: &str = "[model]\nhidden = [128, 64]\ninput_scale = false\ndropout_schedule = 'constant'\n[schedule]\nname = 'cosine'\n";

fn settings(workload: &str, seed: u64) -> Settings {
    let parts: Vec<&str> = workload.split(',').collect();
    let [data, target, optimizer] = parts[..] else { panic!("{workload}: expected DATA,TARGET,OPTIMIZER") };
    let momentum = if optimizer == "sgd" { "\nmomentum = 0.9" } else { "" };
    let target = if target.is_empty() { String::new() } else { format!("target = '{target}'\n") };
    let text = format!(
        "{MEASURED_WITH}[data]\nsource = '{data}'\n{target}rows = 600\npieces = 0\n[optimizer]\nname = '{optimizer}'{momentum}\n[train]\nseed = {seed}\nbatch = 32\nepochs = 200\npatience = 66"
    );
    Settings::from_toml(&text, "study").expect("settings")
}

fn documented(settings: &Settings) -> f64 {
    settings.optimizer.learning_rate().expect("a rate")
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

fn train(workload: &str, seed: u64) -> Vec<Line> {
    let settings = settings(workload, seed);
    let networks = Networks::read(&settings, 1).expect("data");
    let (usual, total) = (documented(&settings), networks.steps().expect("a length"));
    let mut lines = Vec::new();
    for (rate, decades) in RATES.iter().enumerate() {
        let lr = Value::Number(usual * 10f64.powf(*decades));
        let candidate = Candidate { index: rate, point: BTreeMap::from([("lr".to_owned(), lr)]) };
        let mut trial = networks.start(&candidate, 0, seed).expect("a training");
        let (mut validation, mut diverged) = ([None; 5], None);
        for (at, to) in RUNGS.iter().enumerate() {
            match trial.advance(*to).expect("steps") {
                Standing::Losses(losses) if losses.iter().all(|loss| loss.is_finite()) => {
                    validation[at] = Some(mean(&losses));
                }
                Standing::Losses(_) => diverged = diverged.or(Some(*to)),
                Standing::Diverged { at } => diverged = diverged.or(Some(at)),
            }
        }
        let test = trial.test_losses().expect("losses");
        let test = Some(mean(&test)).filter(|loss| loss.is_finite() && diverged.is_none());
        let workload = workload.to_owned();
        lines.push(Line::Trained(Trained { workload, seed, rate, validation, diverged, test }));
    }
    let steps = 100.min(total / 50);
    if steps >= 30 {
        let ramp = networks.ramp(0.1 * usual, 1e4 * usual, steps, 0, seed).expect("a ramp");
        let ramp = ramp.into_iter().map(|point| point.map(|x| Some(x).filter(|x| x.is_finite()))).collect();
        lines.push(Line::Ramp(Ramp { workload: workload.to_owned(), seed, steps, total, ramp }));
    }
    lines
}

/// All of one workload.
struct Pool<'a> {
    trained: BTreeMap<(u64, usize), &'a Trained>,
    ramps: BTreeMap<u64, &'a Ramp>,
    /// Of each rate the mean test loss; infinite where a training diverged.
    truth: Vec<f64>,
}

impl<'a> Pool<'a> {
    fn of(workload: &str, lines: &'a [Line]) -> Self {
        let (mut trained, mut ramps) = (BTreeMap::new(), BTreeMap::new());
        for line in lines {
            match line {
                Line::Trained(one) if one.workload == workload => {
                    trained.insert((one.seed, one.rate), one);
                }
                Line::Ramp(one) if one.workload == workload => {
                    ramps.insert(one.seed, one);
                }
                _ => {}
            }
        }
        let truth = (0..RATES.len())
            .map(|rate| {
                let losses = (0..SEEDS).map(|seed| trained[&(seed, rate)].test.unwrap_or(f64::INFINITY));
                losses.sum::<f64>() / SEEDS as f64
            })
            .collect();
        Self { trained, ramps, truth }
    }

    fn best(&self) -> f64 {
        self.truth[GRID].iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// By how much a rate is worse than the best of the grid, relative to it. A rate between those that were trained counts as the
    /// worse of its neighbours.
    fn regret(&self, rate: usize) -> f64 {
        self.truth[rate] / self.best() - 1.0
    }

    /// The validation loss of a rate at a rung, over some divisions.
    fn validation(&self, seeds: &[u64], rate: usize, rung: usize) -> f64 {
        let losses =
            seeds.iter().map(|seed| self.trained[&(*seed, rate)].validation[rung].unwrap_or(f64::INFINITY));
        losses.sum::<f64>() / seeds.len() as f64
    }

    /// The highest rate that is tried, by three ramps; and what they cost, in trainings.
    fn limit(&self, seeds: [u64; 3]) -> (f64, f64) {
        let ramps: Vec<&&Ramp> = seeds.iter().filter_map(|seed| self.ramps.get(seed)).collect();
        let lowest = ramps.iter().filter_map(|ramp| {
            let [lr, loss] = *ramp.ramp.last()?;
            if loss.is_some() { None } else { lr }
        });
        let cost = ramps.iter().map(|ramp| ramp.steps as f64 / ramp.total as f64).sum();
        (lowest.fold(f64::INFINITY, f64::min) / 3.0, cost)
    }

    /// What `lr = "auto"` chooses on these divisions, and its extra cost in trainings for each of them. No workload here has the
    /// means for more rates at an edge on one division; on several they are left out, too.
    fn auto(&self, seeds: &[u64], usual: f64) -> (usize, f64) {
        let (most, ramp) = self.limit([0, 1, 2].map(|i| (seeds[0] + i) % SEEDS));
        let all = (-3..=3).filter_map(|i| RATES.iter().position(|x| *x == 0.5 * f64::from(i)));
        let mut left: Vec<usize> =
            all.clone().filter(|rate| usual * 10f64.powf(RATES[*rate]) <= most).collect();
        if left.is_empty() {
            left = all.collect();
        }
        let (mut cost, mut before) = (ramp, 0.0);
        for (rung, keep) in if seeds.len() == 1 { QUICK } else { DEEPER } {
            let one = |rate: usize, seed: u64| {
                let end = self.trained[&(seed, rate)].diverged.map_or(RUNGS[rung], |at| at.min(RUNGS[rung]));
                (end - before).max(0.0) / seeds.len() as f64
            };
            cost +=
                left.iter().map(|rate| seeds.iter().map(|seed| one(*rate, *seed)).sum::<f64>()).sum::<f64>();
            let loss = |rate: &usize| self.validation(seeds, *rate, rung);
            left.sort_by(|a, b| {
                loss(a).total_cmp(&loss(b)).then(RATES[*a].abs().total_cmp(&RATES[*b].abs()))
            });
            left.truncate(keep);
            before = RUNGS[rung];
        }
        (left[0], cost - before)
    }

    /// What finders take from a ramp: fastai's valley, steepest and minimum / 10, as decades from the documented rate.
    fn finders(&self, seed: u64, usual: f64) -> Option<[f64; 3]> {
        let ramp = self.ramps.get(&seed)?;
        let known: Vec<[f64; 2]> =
            ramp.ramp.iter().filter_map(|[lr, loss]| Some([(*lr)?, (*loss)?])).collect();
        let decades = |lr: f64| (lr / usual).log10();
        let lowest = known.iter().min_by(|a, b| a[1].total_cmp(&b[1]))?;
        let steepest = known.windows(2).min_by(|a, b| (a[1][1] - a[0][1]).total_cmp(&(b[1][1] - b[0][1])))?;
        // the longest stretch over which the loss falls, and two thirds of it (fastai, `valley`)
        let mut longest = vec![1usize; known.len()];
        for i in 1..known.len() {
            for j in 0..i {
                if known[i][1] < known[j][1] {
                    longest[i] = longest[i].max(longest[j] + 1);
                }
            }
        }
        let end = (0..known.len()).max_by_key(|i| longest[*i])?;
        let start = (end + 1).saturating_sub(longest[end]);
        let third = (end - start) / 3;
        let valley = known[start + third + third / 2];
        Some([decades(valley[0]), decades(steepest[0][0]), decades(lowest[0] / 10.0)])
    }

    /// The regret of a rate that was not trained: that of the nearest one.
    fn regret_at(&self, decades: f64) -> f64 {
        let near = (0..RATES.len())
            .min_by(|a, b| (RATES[*a] - decades).abs().total_cmp(&(RATES[*b] - decades).abs()));
        self.regret(near.expect("rates"))
    }
}

/// Regrets of many draws.
#[derive(Default)]
struct Regrets(Vec<f64>);

impl Regrets {
    fn within(&self, most: f64) -> f64 {
        100.0 * self.0.iter().filter(|regret| **regret <= most).count() as f64 / self.0.len().max(1) as f64
    }

    /// The mean, no draw counted as worse than twice the best.
    fn mean(&self) -> f64 {
        100.0 * self.0.iter().map(|regret| regret.min(1.0)).sum::<f64>() / self.0.len().max(1) as f64
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("a file for the pool");
    let asked: Vec<String> = args.collect();
    let known = fs::read_to_string(&path).unwrap_or_default();
    let mut lines: Vec<Line> = known.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for workload in &asked {
        let done = |seed: u64| {
            let of = |line: &&Line| matches!(line, Line::Trained(one) if one.workload == *workload && one.seed == seed);
            lines.iter().filter(of).count() == RATES.len()
        };
        let missing: Vec<u64> = (0..SEEDS).filter(|seed| !done(*seed)).collect();
        let found: Vec<Line> = missing.par_iter().flat_map_iter(|seed| train(workload, *seed)).collect();
        let mut file = File::options().create(true).append(true).open(&path).expect("the pool's file");
        for line in &found {
            writeln!(file, "{}", serde_json::to_string(line).expect("numbers")).expect("space");
        }
        lines.extend(found);
    }
    let mut workloads: Vec<String> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Trained(one) => Some(one.workload.clone()),
            Line::Ramp(_) => None,
        })
        .collect();
    workloads.sort();
    workloads.dedup();
    let names = [
        "auto, 1 split",
        "auto, 3 splits",
        "auto, 5 splits",
        "documented",
        "valley",
        "steepest",
        "minimum / 10",
    ];
    let mut all: [Regrets; 7] = Default::default();
    let (mut cost, mut dearest, mut draws) = (0.0, 0.0f64, 0);
    println!(
        "workload: mean regret in % of auto on 1 split, on 3, of the documented rate; decades of the best rate"
    );
    for workload in &workloads {
        let pool = Pool::of(workload, &lines);
        let usual = documented(&settings(workload, 0));
        let mut here: [Regrets; 7] = Default::default();
        for seed in 0..SEEDS {
            let (rate, extra) = pool.auto(&[seed], usual);
            here[0].0.push(pool.regret(rate));
            (cost, dearest, draws) = (cost + extra, dearest.max(extra), draws + 1);
            let (rate, _) = pool.auto(&[0, 7, 13].map(|i| (seed + i) % SEEDS), usual);
            here[1].0.push(pool.regret(rate));
            let (rate, _) = pool.auto(&[0, 4, 8, 12, 16].map(|i| (seed + i) % SEEDS), usual);
            here[2].0.push(pool.regret(rate));
            here[3].0.push(pool.regret_at(0.0));
            if let Some(found) = pool.finders(seed, usual) {
                (0..3).for_each(|i| here[4 + i].0.push(pool.regret_at(found[i])));
            }
        }
        let best = GRID.min_by(|a, b| pool.truth[*a].total_cmp(&pool.truth[*b])).unwrap_or(8);
        let [one, three, usual] = [0, 1, 3].map(|i| here[i].mean());
        println!("{workload}: {one:.1} {three:.1} {usual:.1}; {:+.2}", RATES[best]);
        for (all, here) in all.iter_mut().zip(here) {
            all.0.extend(here.0);
        }
    }
    println!(
        "\n{} workloads; extra cost on 1 split: mean {:.2}, at most {dearest:.2} trainings",
        workloads.len(),
        cost / f64::from(draws.max(1))
    );
    for (name, regrets) in names.iter().zip(&all) {
        println!(
            "{name}: {} draws, within 5 % of the best {:.0} %, within 20 % {:.0} %, mean regret {:.1} %",
            regrets.0.len(),
            regrets.within(0.05),
            regrets.within(0.2),
            regrets.mean()
        );
    }
}
