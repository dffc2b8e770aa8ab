//! How honest `compare` is: `cargo run --release -p steepest-train --example compare_optimizers -- REPETITIONS DATA,TARGET,FIRST,SECOND …`
//!
//! Each repetition draws 600 other rows of the data, deals and compares two optimizers on them, with two trainings of the whole procedure
//! on every fold. One optimizer's first training against its second is a comparison with itself under another name: how often is one
//! of them better? The two optimizers' difference is the mean over all repetitions, up to what so many leave open: how often does a
//! repetition's interval hold it?

use serde_json::Value;
use std::ops::ControlFlow;
use steepest_choose::stats::{Difference, Rows, binomial_interval, paired_difference};
use steepest_train::choose::{CompareOptions, compare};
use steepest_train::{Event, Out, Settings};
use tempfile::TempDir;

const ROWS: usize = 600;
const FOLDS: usize = 5;
/// Short enough for some thousand trainings.
const STEPS: u64 = 600;

/// The defaults when this was measured: later ones would need all of it again.
const MEASURED_WITH: &str = "[model]\nhidden = [128, 64]\ninput_scale = false\ndropout_schedule = 'constant'\n[schedule]\nname = 'cosine'\n";

/// Row losses by optimizer, training, fold.
type Losses = Vec<Vec<Vec<Vec<f64>>>>;

fn repetition(data: &str, target: &str, optimizers: [&str; 2], seed: u64) -> Losses {
    let target = if target.is_empty() { String::new() } else { format!("target = '{target}'\n") };
    let text = format!(
        "{MEASURED_WITH}[data]\nsource = '{data}'\n{target}rows = {ROWS}\npieces = 0\n[train]\nseed = {seed}\nbatch = 32\npatience = 15\nmax_steps = {STEPS}"
    );
    let settings = Settings::from_toml(&text, "study").expect("settings");
    let options = CompareOptions {
        optimizers: optimizers.map(str::to_owned).to_vec(),
        folds: FOLDS,
        trainings: 2,
        // seconds would be counted anew each time
        rates: vec![7],
        ..CompareOptions::default()
    };
    let folder = TempDir::new().expect("a folder");
    let out = Out::At(folder.path().join("run"));
    let mut quiet = |_: &Event| ControlFlow::Continue(());
    let (run, _) = compare(&settings, &options, &out, &mut quiet).expect("a comparison");
    let lines = std::fs::read_to_string(run.join("trials/races.jsonl")).expect("races");
    let mut losses = vec![vec![vec![Vec::new(); FOLDS]; 2]; 2];
    for line in lines.lines().skip(1) {
        let race = &serde_json::from_str::<Value>(line).expect("a race")["entry"];
        let at = |key: &str| race[key].as_u64().expect("a number") as usize;
        losses[at("entrant")][at("training")][at("fold")] =
            race["losses"].as_array().expect("losses").iter().filter_map(Value::as_f64).collect();
    }
    losses
}

/// The first minus the second; `None` where one of them failed.
fn difference(first: &[Vec<f64>], second: &[Vec<f64>]) -> Option<Difference> {
    let training_rows = (ROWS - ROWS / FOLDS) * 85 / 100;
    let rows: Vec<Rows<'_>> = first
        .iter()
        .zip(second)
        .map(|(first, second)| Rows { first, second, groups: None, training_rows })
        .collect();
    paired_difference(&rows, 0.95).ok()
}

fn both(trainings: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let [one, two] = trainings else { panic!("two trainings") };
    one.iter().zip(two).map(|(a, b)| a.iter().zip(b).map(|(a, b)| 0.5 * (a + b)).collect()).collect()
}

fn share(name: &str, hits: usize, all: usize) {
    let [low, high] = binomial_interval(hits as u64, all as u64, 0.95).expect("trials").map(|x| 100.0 * x);
    println!("{name}: {:.1} % of {all} ({low:.1} to {high:.1})", 100.0 * hits as f64 / all as f64);
}

fn main() {
    let mut args = std::env::args().skip(1);
    let repetitions: u64 = args.next().and_then(|count| count.parse().ok()).expect("a number of repetitions");
    let (mut better, mut itself, mut held, mut told, mut compared) = (0, 0, 0, 0, 0);
    for text in args {
        let parts: Vec<&str> = text.split(',').collect();
        let [data, target, first, second] = parts[..] else {
            panic!("{text}: DATA,TARGET,FIRST,SECOND expected")
        };
        // one after the other: each uses all cores
        let found: Vec<Losses> =
            (0..repetitions).map(|seed| repetition(data, target, [first, second], seed)).collect();
        let same =
            |losses: &Losses, optimizer: usize| difference(&losses[optimizer][0], &losses[optimizer][1]);
        let itself_here: Vec<Difference> =
            found.iter().flat_map(|losses| [same(losses, 0), same(losses, 1)]).flatten().collect();
        let better_here = itself_here.iter().filter(|found| found.p_value <= 0.05).count();
        // one training each, as is usual, and the mean of both
        let one: Vec<Difference> =
            found.iter().filter_map(|losses| difference(&losses[1][0], &losses[0][0])).collect();
        let two: Vec<Difference> =
            found.iter().filter_map(|losses| difference(&both(&losses[1]), &both(&losses[0]))).collect();
        let truth = two.iter().map(|found| found.mean).sum::<f64>() / two.len() as f64;
        let all: Vec<&Difference> = one.iter().chain(&two).collect();
        let held_here =
            all.iter().filter(|found| found.interval[0] <= truth && truth <= found.interval[1]).count();
        let told_here = all.iter().filter(|found| found.p_value <= 0.05).count();
        share(&format!("{text}: itself better or worse"), better_here, itself_here.len());
        share(&format!("{text}: interval holds {truth:.4}"), held_here, all.len());
        share(&format!("{text}: told apart"), told_here, all.len());
        better += better_here;
        itself += itself_here.len();
        held += held_here;
        told += told_here;
        compared += all.len();
    }
    share("all: itself better or worse", better, itself);
    share("all: interval holds the difference", held, compared);
    share("all: told apart", told, compared);
}
