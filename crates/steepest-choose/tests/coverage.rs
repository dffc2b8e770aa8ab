//! How often the statistics are right, over simulated choices of a learning rate.
//!
//! `cargo test -p steepest-choose --test coverage -- --nocapture` prints the tables, with
//! `STEEPEST_LONG=1` of ten times as many simulations. A simulation has nine rates half a decade apart, and a
//! curve of expected losses whose lowest point lies anywhere within half a decade of the middle. A row's loss is the sum of
//!
//! - the row's own difficulty and its split's, the same for all rates;
//! - the rate's expected loss;
//! - what the table at hand does to the rate on all splits alike, as much as its training rows explain;
//! - what the split does to the rate, and the seed on the split;
//! - the row's liking for high rates, and what a training does to the row.

mod simulation;

use rayon::prelude::*;
use simulation::{Design, Simulated, WORKLOADS, Workload};
use steepest_choose::stats::{
    Difference, Entrant, Rows, SetOptions, Trainings, best_set, binomial_interval, paired_difference,
};

/// How many simulations of each kind: ten times as many with `STEEPEST_LONG`.
fn simulations(usual: u64) -> u64 {
    if std::env::var_os("STEEPEST_LONG").is_some() { 10 * usual } else { usual }
}

/// Decades from one rate to the next.
const STEP: f64 = 0.5;

#[derive(Default, Clone, Copy)]
struct Counts {
    trials: u64,
    covered: u64,
}

impl Counts {
    fn add(&mut self, covered: bool) {
        self.trials += 1;
        self.covered += u64::from(covered);
    }

    fn join(self, other: Self) -> Self {
        Self { trials: self.trials + other.trials, covered: self.covered + other.covered }
    }

    fn rate(self) -> f64 {
        self.covered as f64 / self.trials as f64
    }

    /// That chance alone does not explain less than `least`.
    fn at_least(self, least: f64, name: &str) {
        let [low, high] = binomial_interval(self.covered, self.trials, 0.95).unwrap();
        assert!(high >= least, "{name}: {} of {} ({low:.3} to {high:.3})", self.covered, self.trials);
    }

    fn at_most(self, most: f64, name: &str) {
        let [low, high] = binomial_interval(self.covered, self.trials, 0.95).unwrap();
        assert!(low <= most, "{name}: {} of {} ({low:.3} to {high:.3})", self.covered, self.trials);
    }
}

fn entrants(simulated: &Simulated) -> Vec<Entrant<'_>> {
    simulated
        .losses
        .iter()
        .map(|rate| {
            let losses = rate.iter().map(|split| split.iter().map(|rows| &rows[..]).collect()).collect();
            Entrant { rungs: vec![Trainings { losses }], diverged: None }
        })
        .collect()
}

/// What one simulation gives.
struct Found {
    covered: bool,
    lowest_is_best: bool,
    /// Decades.
    width: f64,
    noise: bool,
    /// Every rate of the plateau costs less than its margin.
    flat: bool,
}

fn find(simulated: &Simulated, entrants: &[Entrant<'_>], seed: u64) -> Found {
    let groups = simulated.groups.as_deref();
    let options = SetOptions { draws: 300, seed, groups, ..SetOptions::new(simulated.training_rows) };
    let set = best_set(entrants, &options).unwrap();
    let members: Vec<usize> = set.members().collect();
    // the lowest loss is about 0.5; a tenth more, since the margin is relative to what was measured
    let flat = |rate: usize| simulated.curve[rate] - simulated.curve[simulated.best] < 1.1 * 0.05 * 0.5;
    Found {
        covered: members.contains(&simulated.best),
        lowest_is_best: set.lowest == simulated.best,
        width: STEP * (members[members.len() - 1] - members[0]) as f64,
        noise: set.differences_are_noise(),
        flat: set.plateau(0.05).into_iter().all(flat),
    }
}

fn share(found: &[Found], of: impl Fn(&Found) -> bool) -> f64 {
    found.iter().filter(|x| of(x)).count() as f64 / found.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn the_set_holds_the_best_rate() {
    let simulations = simulations(72);
    let [mut all, mut flat, mut level] = [Counts::default(); 3];
    let mut widths = [const { Vec::new() }; 2];
    println!("{:<24} K x S  covered  lowest  width  noise  plateau", "workload");
    for workload in WORKLOADS {
        let mut of_workload = Counts::default();
        for (splits, seeds) in [(1, 1), (1, 3), (3, 1), (3, 3), (5, 1), (5, 3)] {
            let found: Vec<Found> = (0..simulations)
                .into_par_iter()
                .map(|number| {
                    let simulated = Simulated::new(workload, Design { splits, seeds }, number);
                    find(&simulated, &entrants(&simulated), number)
                })
                .collect();
            let width = median(found.iter().map(|x| x.width).collect());
            println!(
                "{:<24} {splits} x {seeds} {:>8.3} {:>7.2} {width:>6.1} {:>6.2} {:>8.3}",
                workload.name,
                share(&found, |x| x.covered),
                share(&found, |x| x.lowest_is_best),
                share(&found, |x| x.noise),
                share(&found, |x| x.flat),
            );
            for x in &found {
                all.add(x.covered);
                if splits > 1 && workload.name.starts_with("no differences") {
                    level.add(x.covered);
                }
                if splits * seeds > 1 || workload.noise() <= 0.03 {
                    of_workload.add(x.covered);
                }
                flat.add(x.flat);
            }
            if splits == 5 && !workload.name.starts_with("no differences") {
                widths[usize::from(seeds == 3)].extend(found.iter().map(|x| x.width));
            }
        }
        of_workload.at_least(0.88, workload.name);
    }
    let [one, three] = widths.map(median);
    println!("all: covered {:.3} of {}, plateau {:.3}", all.rate(), all.trials, flat.rate());
    println!("where no rate differs, several splits: covered {:.3}", level.rate());
    println!("median width at 5 splits where there is a difference: {one} decades, {three} with 3 seeds");
    all.at_least(0.93, "all");
    level.at_least(0.93, "where no rate differs");
    flat.at_least(0.95, "plateau");
    assert!(one <= 2.0 && three <= 2.0, "{one} {three}");
}

/// The best rate stays in the set where halving ended it early.
#[test]
fn what_ended_early_is_not_excluded_lightly() {
    let simulations = simulations(200);
    const KEPT: [usize; 3] = [9, 4, 2];
    let mut all = Counts::default();
    for workload in [WORKLOADS[0], WORKLOADS[1], WORKLOADS[2], WORKLOADS[7]] {
        let found: Vec<(Found, bool)> = (0..simulations)
            .into_par_iter()
            .map(|number| {
                let design = Design { splits: 3, seeds: 1 };
                let rungs = Simulated::rungs(workload, design, number, &[1.0 / 16.0, 0.25, 1.0]);
                let by_rung: Vec<Vec<Entrant<'_>>> = rungs.iter().map(entrants).collect();
                let mut entrants = vec![Entrant::default(); simulation::RATES];
                let mut left: Vec<usize> = (0..simulation::RATES).collect();
                for (rung, kept) in KEPT.into_iter().enumerate() {
                    if let Some(before) = rung.checked_sub(1) {
                        left.sort_by(|&a, &b| sum(&rungs[before], a).total_cmp(&sum(&rungs[before], b)));
                    }
                    left.truncate(kept);
                    left.iter().for_each(|&i| entrants[i].rungs.extend(by_rung[rung][i].rungs.clone()));
                }
                let early = !left.contains(&rungs[2].best);
                (find(&rungs[2], &entrants, number), early)
            })
            .collect();
        let width = median(found.iter().map(|(x, _)| x.width).collect());
        let early = found.iter().filter(|(_, early)| *early).count() as f64 / simulations as f64;
        let mut counts = Counts::default();
        found.iter().for_each(|(x, _)| counts.add(x.covered));
        println!(
            "{:<24} covered {:.3} width {width:.1}, best ended early {early:.2}",
            workload.name,
            counts.rate()
        );
        counts.at_least(0.88, workload.name);
        all = all.join(counts);
    }
    all.at_least(0.93, "all");
}

/// A rate's losses at a rung.
fn sum(rung: &Simulated, rate: usize) -> f64 {
    rung.losses[rate].iter().map(|split| split[0].iter().sum::<f64>()).sum()
}

/// The same model twice, and one that is worse by a tenth of its loss.
#[test]
fn two_models() {
    let simulations = simulations(300);
    let rows_alone = Workload { name: "rows alone", split: 0.0, seed: 0.0, ..WORKLOADS[0] };
    let noisy = [0, 5, 6, 7, 8].map(|i| WORKLOADS[i]);
    // on one fold nothing shows the noise of training, so that the last two are printed and not held to anything
    let one = [rows_alone, WORKLOADS[0], WORKLOADS[7]].map(|workload| (workload, (1, 1)));
    let several =
        noisy.into_iter().flat_map(|workload| [(workload, (3, 1)), (workload, (5, 1)), (workload, (5, 3))]);
    let (mut same, mut all) = (Counts::default(), Counts::default());
    let seed_of = |worse: f64, number: u64| if worse > 0.0 { number + simulations } else { number };
    for (workload, (splits, seeds)) in one.into_iter().chain(several) {
        let [mut covered, mut better, mut told] = [Counts::default(); 3];
        for worse in [0.0, 0.05] {
            let found: Vec<Difference> = (0..simulations)
                .into_par_iter()
                .map(|number| {
                    compare(&Simulated::twice(
                        workload,
                        Design { splits, seeds },
                        seed_of(worse, number),
                        worse,
                    ))
                })
                .collect();
            for found in found {
                covered.add((found.interval[0]..=found.interval[1]).contains(&-worse));
                let to = if worse > 0.0 { &mut told } else { &mut better };
                to.add(found.p_first_better < 0.05);
            }
        }
        println!(
            "{:<24} {splits} x {seeds} covered {:.3}, same model better {:.3}, better model better {:.3}",
            workload.name,
            covered.rate(),
            better.rate(),
            told.rate()
        );
        if splits == 1 && workload.seed > 0.0 {
            continue;
        }
        covered.at_least(0.93, workload.name);
        better.at_most(0.05, workload.name);
        all = all.join(covered);
        same = same.join(better);
    }
    println!("all: covered {:.3}, same model better {:.3}", all.rate(), same.rate());
    same.at_most(0.05, "the same model");
    all.at_least(0.94, "all");
}

fn compare(simulated: &Simulated) -> Difference {
    let mean = |of: &Vec<Vec<f64>>| -> Vec<f64> {
        (0..of[0].len()).map(|i| of.iter().map(|rows| rows[i]).sum::<f64>() / of.len() as f64).collect()
    };
    let losses: Vec<[Vec<f64>; 2]> = (0..simulated.losses[0].len())
        .map(|k| [0, 1].map(|model| mean(&simulated.losses[model][k])))
        .collect();
    let folds: Vec<Rows> = losses
        .iter()
        .enumerate()
        .map(|(k, [first, second])| Rows {
            first,
            second,
            groups: simulated.groups.as_ref().map(|groups| &groups[k][..]),
            training_rows: simulated.training_rows,
        })
        .collect();
    paired_difference(&folds, 0.95).unwrap()
}
