//! How good what `tune` chooses is, beside a whole grid, and how often its set holds the best:
//! `cargo run --release -p steepest-train --example choose_settings -- FOLDER [DATA,TARGET,OPTIMIZER[,SETTING=VALUES] …]`
//!
//! Each workload is trained for every candidate on every fold of several deals with every seed, and looked at where any plan would; the
//! losses of all rows lie in a file of the folder, and are not trained again. From it choices are drawn with
//! [`choose`](steepest_choose::choose::choose()) itself, as `tune` would make them, and judged by the mean test loss of the candidates in 40
//! other trainings, each with rows, weights and an order of its own.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use steepest_choose::choose::{
    Candidate, Choice, Ended, Journal, Plan, Point, Rung, Standing, Train, Trial, Value, choose,
};
use steepest_choose::stats::{SetOptions, best_set, binomial_interval};
use steepest_train::Settings;
use steepest_train::choose::Networks;

const FOLDS: usize = 5;
const DEALS: u64 = 3;
const SEEDS: u64 = 4;
/// Of which a choice has three.
const DRAWN: [[u64; 3]; 4] = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]];
const OTHERS: u64 = 40;
/// Where a training is looked at.
const RUNGS: [f64; 4] = [0.125, 0.25, 0.5, 1.0];
/// Short enough for some thousand trainings of each workload.
const STEPS: u64 = 400;

/// What one training cost at each rung: row by row, or nothing where it had diverged.
type Rungs = Vec<Option<Vec<f32>>>;

/// All of one workload.
#[derive(Serialize, Deserialize)]
struct Pool {
    /// Values of the setting, in order.
    values: Vec<f64>,
    usual: f64,
    training_rows: usize,
    /// By deal, value, fold, seed.
    trained: Vec<Vec<Vec<Vec<Rungs>>>>,
    /// Where ramps fell apart.
    #[serde(default)]
    diverged_at: Vec<f64>,
    /// Of each value the mean test loss; absent where a training diverged.
    truth: Vec<Option<f64>>,
}

/// The defaults when this was measured: later ones would need all of it again.
const MEASURED_WITH: &str = "[model]\nhidden = [128, 64]\ninput_scale = false\ndropout_schedule = 'constant'\n[schedule]\nname = 'cosine'\n";

struct Workload<'a> {
    text: &'a str,
    settings: Settings,
    setting: String,
    values: Vec<f64>,
}

impl<'a> Workload<'a> {
    fn new(text: &'a str) -> Self {
        let parts: Vec<&str> = text.split(',').collect();
        let [data, target, optimizer, ..] = parts[..] else {
            panic!("{text}: DATA,TARGET,OPTIMIZER expected")
        };
        let momentum = if optimizer == "sgd" { "\nmomentum = 0.9" } else { "" };
        let target = if target.is_empty() { String::new() } else { format!("target = '{target}'\n") };
        let settings = format!(
            "{MEASURED_WITH}[data]\nsource = '{data}'\n{target}rows = 600\npieces = 0\n[optimizer]\nname = '{optimizer}'{momentum}\n[train]\nbatch = 32\nmax_steps = {STEPS}\npatience = 0"
        );
        let settings = Settings::from_toml(&settings, "study").expect("settings");
        let (setting, values) =
            match parts.get(3).map(|search| search.split_once('=').expect("SETTING=LOW..HIGH")) {
                None => {
                    let usual = settings.optimizer.learning_rate().expect("a rate");
                    // a quarter of a decade apart, which is as fine as tuning refines, and one beyond each end of the grid
                    ("lr", (-11..=11).map(|i| usual * 10f64.powf(0.25 * f64::from(i))).collect())
                }
                Some((setting, range)) => {
                    let (ends, log) = range.strip_suffix(":log").map_or((range, false), |ends| (ends, true));
                    let (low, high) = ends.split_once("..").expect("LOW..HIGH");
                    let [low, high]: [f64; 2] = [low, high].map(|end| end.parse().expect("a number"));
                    let at = |i: u32| match log {
                        true => low * (high / low).powf(f64::from(i) / 10.0),
                        false => low + (high - low) * f64::from(i) / 10.0,
                    };
                    (setting, (0..=10).map(at).collect())
                }
            };
        Self { text, settings, setting: setting.to_owned(), values }
    }

    fn point(&self, value: usize) -> Point {
        Point::from([(self.setting.clone(), Value::Number(self.values[value]))])
    }

    /// Where training falls apart, as `tune` finds it.
    fn ramps(&self) -> Vec<f64> {
        if self.setting != "lr" {
            return Vec::new();
        }
        let networks = Networks::folds(&self.with_seed(0), FOLDS).expect("folds");
        let usual = self.values[11];
        (0..3u64)
            .filter_map(|number| {
                let ramp = networks.ramp(0.1 * usual, 1e4 * usual, 100, 0, number << 32).expect("a ramp");
                ramp.last().filter(|[_, loss]| loss.is_infinite()).map(|[lr, _]| *lr)
            })
            .collect()
    }

    fn with_seed(&self, seed: u64) -> Settings {
        let mut settings = self.settings.clone();
        settings.train.seed = seed;
        settings
    }

    fn pool(&self) -> Pool {
        let rungs = |networks: &Networks<'_>, value: usize, split: usize, seed: u64| -> Rungs {
            let candidate = Candidate { index: value, point: self.point(value) };
            let mut trial = networks.start(&candidate, split, seed).expect("a training");
            let at = |to: &f64| match trial.advance(*to).expect("steps") {
                Standing::Losses(rows) if rows.iter().all(|loss| loss.is_finite()) => {
                    Some(rows.into_iter().map(|loss| loss as f32).collect())
                }
                _ => None,
            };
            RUNGS.iter().map(at).collect()
        };
        let deals: Vec<Networks<'_>> =
            (0..DEALS).map(|deal| Networks::folds(&self.with_seed(deal), FOLDS).expect("folds")).collect();
        let trained = deals
            .par_iter()
            .map(|networks| {
                let of_fold = |value: usize, fold: usize| {
                    (0..SEEDS).into_par_iter().map(|seed| rungs(networks, value, fold, seed)).collect()
                };
                let of_value =
                    |value: usize| (0..FOLDS).into_par_iter().map(|fold| of_fold(value, fold)).collect();
                (0..self.values.len()).into_par_iter().map(of_value).collect()
            })
            .collect();
        let tests: Vec<Vec<Option<f64>>> = (0..OTHERS)
            .into_par_iter()
            .map(|other| {
                let seed = 1000 + other;
                let networks = Networks::read(&self.with_seed(seed), 1).expect("data");
                let test = |value: usize| {
                    let candidate = Candidate { index: value, point: self.point(value) };
                    let mut trial = networks.start(&candidate, 0, seed).expect("a training");
                    let Standing::Losses(_) = trial.advance(1.0).expect("steps") else { return None };
                    let losses = trial.test_losses().expect("losses");
                    Some(mean(&losses)).filter(|loss| loss.is_finite())
                };
                (0..self.values.len()).map(test).collect()
            })
            .collect();
        let truth = (0..self.values.len())
            .map(|value| tests.iter().map(|of| of[value]).collect::<Option<Vec<f64>>>().map(|of| mean(&of)))
            .collect();
        let rows = deals[0].training_rows();
        let usual = match self.setting.as_str() {
            "lr" => self.values[11],
            _ => self.values[0],
        };
        Pool {
            values: self.values.clone(),
            usual,
            training_rows: rows.iter().sum::<usize>() / rows.len(),
            trained,
            diverged_at: self.ramps(),
            truth,
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Trains by looking into a pool.
struct Replay<'a> {
    pool: &'a Pool,
    setting: &'a str,
    deal: usize,
}

impl Replay<'_> {
    fn value(&self, point: &Point) -> usize {
        let Value::Number(x) = point[self.setting] else { panic!("a number") };
        // as typed, in three digits
        let away = |value: &f64| (value - x).abs() / x.abs().max(1e-12);
        let nearest = (0..self.pool.values.len())
            .min_by(|a, b| away(&self.pool.values[*a]).total_cmp(&away(&self.pool.values[*b])))
            .expect("values");
        assert!(away(&self.pool.values[nearest]) < 0.01, "{x} is not in the pool");
        nearest
    }
}

impl<'a> Train for Replay<'a> {
    type Trial = Seen<'a>;
    type Error = Infallible;

    fn start(&self, candidate: &Candidate, split: usize, seed: u64) -> Result<Seen<'a>, Infallible> {
        let value = self.value(&candidate.point);
        Ok(Seen(&self.pool.trained[self.deal][value][split][seed as usize]))
    }
}

struct Seen<'a>(&'a Rungs);

impl Trial for Seen<'_> {
    type Error = Infallible;

    fn advance(&mut self, to: f64) -> Result<Standing, Infallible> {
        let at = RUNGS.iter().position(|rung| *rung == to).expect("a rung of the pool");
        Ok(match &self.0[at] {
            Some(rows) => Standing::Losses(rows.iter().map(|loss| f64::from(*loss)).collect()),
            None => Standing::Diverged { at: RUNGS[..at].last().copied().unwrap_or(0.0).max(0.01) },
        })
    }
}

/// What `tune` would plan for a workload.
fn plan(workload: &Workload<'_>, pool: &Pool, rungs: Option<&[(f64, usize)]>) -> Plan {
    let mut plan = match workload.setting.as_str() {
        "lr" => {
            let plan = Plan::thorough("lr", pool.usual, 11, STEPS, FOLDS).expect("a plan");
            // nothing beyond it is trained
            let plan = Plan { extend: None, ..plan };
            match &pool.diverged_at[..] {
                [] => plan,
                // where even the lowest rate falls apart, what is tried says so
                at => plan.clone().below_divergence("lr", at).unwrap_or(plan),
            }
        }
        _ => {
            let points = (0..pool.values.len()).map(|value| workload.point(value)).collect();
            Plan::points(points, Point::new(), STEPS, FOLDS)
        }
    };
    if let Some(rungs) = rungs {
        plan.rungs = rungs.iter().map(|&(to, keep)| Rung { to, keep, splits: FOLDS }).collect();
    }
    plan
}

#[derive(Default)]
struct Found {
    regret: Vec<f64>,
    grid: Vec<f64>,
    cost: Vec<f64>,
    /// By [`CATCHING_UP`].
    sets: [Sets; 3],
}

/// How many times what survivors gained those that were ended might have gained.
const CATCHING_UP: [f64; 3] = [2.0, 1.0, 0.5];

#[derive(Default)]
struct Sets {
    covered: Vec<bool>,
    widths: Vec<f64>,
}

impl Found {
    fn draw(&mut self, workload: &Workload<'_>, pool: &Pool, plan: &Plan, deal: usize, seeds: [u64; 3]) {
        let replay = Replay { pool, setting: &workload.setting, deal };
        let plan = Plan { seeds: seeds.to_vec(), ..plan.clone() };
        let choice = match choose(&replay, &plan, Journal::default(), |_| ControlFlow::Continue(())) {
            Ok(Ended::Chosen(choice)) => choice,
            other => panic!("{}: {:?}", workload.text, other.err().map(|error| error.to_string())),
        };
        let truth = |value: usize| pool.truth[value].unwrap_or(f64::INFINITY);
        let whole = if workload.setting == "lr" { 1..pool.values.len() - 1 } else { 0..pool.values.len() };
        let best = whole.clone().map(truth).fold(f64::INFINITY, f64::min);
        let regret = |value: usize| (truth(value) / best - 1.0).min(1.0);
        self.regret.push(regret(replay.value(&choice.best().point)));
        // the whole grid: all of them to the end
        let end = |value: usize| {
            let last = |fold: usize, seed: u64| {
                let rows = pool.trained[deal][value][fold][seed as usize].last().expect("rungs").as_ref();
                rows.map_or(f64::INFINITY, |rows| {
                    rows.iter().map(|loss| f64::from(*loss)).sum::<f64>() / rows.len() as f64
                })
            };
            (0..FOLDS).flat_map(|fold| seeds.map(|seed| last(fold, seed))).sum::<f64>()
        };
        let lowest = whole.clone().min_by(|a, b| end(*a).total_cmp(&end(*b))).expect("values");
        self.grid.push(regret(lowest));
        self.cost.push(choice.cost.total / (whole.len() * FOLDS * seeds.len()) as f64);
        let tried = (0..choice.outcomes.len()).map(|at| value_of(&replay, &choice, at));
        let best = tried.min_by(|a, b| truth(*a).total_cmp(&truth(*b))).expect("candidates");
        let entrants = choice.entrants();
        for (sets, catching_up) in self.sets.iter_mut().zip(CATCHING_UP) {
            let options = SetOptions { catching_up, ..SetOptions::new(pool.training_rows) };
            let set = best_set(&entrants, &options).expect("losses");
            let members: Vec<usize> = set.members().map(|at| value_of(&replay, &choice, at)).collect();
            sets.covered.push(members.contains(&best));
            let (low, high) =
                members.iter().fold((usize::MAX, 0), |(low, high), at| (low.min(*at), high.max(*at)));
            sets.widths.push((pool.values[high] / pool.values[low]).log10());
        }
    }

    fn line(&self) -> String {
        let [tune, grid, cost] = [&self.regret, &self.grid, &self.cost].map(|of| 100.0 * mean(of));
        let mut line = format!("regret {tune:.2} % (grid {grid:.2}), {cost:.0} % of its trainings");
        for (sets, times) in self.sets.iter().zip(CATCHING_UP) {
            let covered = sets.covered.iter().filter(|covered| **covered).count() as u64;
            let all = sets.covered.len() as u64;
            let [low, high] = binomial_interval(covered, all, 0.95).expect("trials").map(|x| 100.0 * x);
            let mut widths = sets.widths.clone();
            widths.sort_by(f64::total_cmp);
            line += &format!(
                "; set ({times}) {:.0} % of {all} ({low:.0} to {high:.0}), width {:.2}",
                100.0 * covered as f64 / all as f64,
                widths[widths.len() / 2]
            );
        }
        line
    }

    fn add(&mut self, other: Self) {
        self.regret.extend(other.regret);
        self.grid.extend(other.grid);
        self.cost.extend(other.cost);
        for (own, other) in self.sets.iter_mut().zip(other.sets) {
            own.covered.extend(other.covered);
            own.widths.extend(other.widths);
        }
    }
}

fn value_of<T>(replay: &Replay<'_>, choice: &Choice<T>, at: usize) -> usize {
    replay.value(&choice.outcomes[at].candidate.point)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("a folder for the pools");
    fs::create_dir_all(&folder).expect("a folder");
    let texts: Vec<String> = args.collect();
    // as now; later rungs
    let later: [&[(f64, usize)]; 3] = [
        &[(0.125, 7), (0.25, 4), (0.5, 2), (1.0, 1)],
        &[(0.25, 5), (0.5, 3), (1.0, 1)],
        &[(0.5, 4), (1.0, 1)],
    ];
    let mut all: BTreeMap<String, Found> = BTreeMap::new();
    for text in &texts {
        let workload = Workload::new(text);
        let name: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        let path = Path::new(&folder).join(name + ".json");
        let pool: Pool = match fs::read_to_string(&path) {
            // ramps take no time, and older pools have none
            Ok(known) => {
                Pool { diverged_at: workload.ramps(), ..serde_json::from_str(&known).expect("a pool") }
            }
            Err(_) => {
                let pool = workload.pool();
                fs::write(&path, serde_json::to_string(&pool).expect("numbers")).expect("space");
                pool
            }
        };
        let mut plans = vec![("as it is".to_owned(), plan(&workload, &pool, None))];
        plans.extend(later.iter().map(|rungs| (format!("{rungs:?}"), plan(&workload, &pool, Some(rungs)))));
        for (name, plan) in plans {
            let mut found = Found::default();
            for deal in 0..DEALS as usize {
                for seeds in DRAWN {
                    found.draw(&workload, &pool, &plan, deal, seeds);
                }
            }
            let kind = if workload.setting == "lr" { "lr" } else { "others" };
            println!("{text}, {name}: {}", found.line());
            all.entry(format!("{kind}, {name}")).or_default().add(found);
        }
    }
    println!();
    for (name, found) in &all {
        println!("all {name}: {}", found.line());
    }
}
