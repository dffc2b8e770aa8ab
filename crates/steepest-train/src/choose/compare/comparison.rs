//! What a comparison says, and how sure that is.

use super::entrant::{CompareOptions, Entrant};
use super::race::{Race, TriedRate};
use serde::{Deserialize, Serialize};
use steepest_choose::stats::{Difference, Rows, binomial_interval, holm, paired_difference};

/// The version of `comparison.json`.
const FORMAT: u32 = 1;
/// The level of all intervals.
const LEVEL: f64 = 0.95;
/// How far from the baseline's lowest validation loss counts as reached, where no loss is given.
const NEAR: f64 = 1.05;

/// Optimizers side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The version: 1.
    pub format: u32,
    /// What the rows are of.
    pub data: String,
    /// The optimizers, in the order in which they were named.
    pub optimizers: Vec<Compared>,
    /// Which of them the others are compared with.
    pub baseline: usize,
    /// Folds, each of which was held back once.
    pub folds: usize,
    /// How often everything was done on each fold.
    pub trainings: u64,
    /// Rows that were held back, over all folds.
    pub rows: usize,
    /// What the metric is called.
    pub metric: String,
    /// The validation loss whose reaching was counted; absent where it is that of the baseline on the same rows and 5 % of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reach: Option<f64>,
    /// How many rates were tried of each optimizer that was named: given, they give the same bits again.
    pub rates: Vec<u64>,
}

/// One optimizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What it is called here.
    pub name: String,
    /// Whether its rate was chosen.
    pub tuned: bool,
    /// The rate of each training, by fold; absent where all diverged.
    pub lr: Vec<Option<f64>>,
    /// Whether the chosen rate was the lowest or the highest that was tried, in so many trainings.
    pub at_edge: u64,
    /// The mean loss of all rows, each held back once; absent where a training failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<Estimate>,
    /// Against the baseline; absent for itself, and where a training of one of them failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub difference: Option<Versus>,
    /// The mean over trainings of the metric of their rows, and the least and the most.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metric: Option<[f64; 3]>,
    /// Trainings that reached the loss that was to be reached.
    pub reached: Reached,
    /// Trainings that failed.
    pub failed: u64,
    /// What choosing the rate cost for each training, in trainings.
    pub tuning: f64,
    /// The same in seconds of steps.
    pub tuning_seconds: f64,
    /// Seconds of a step, as they were measured at the start.
    pub step_seconds: f64,
    /// Behind a number of steps the lowest validation loss until there, the mean over trainings that did not fail.
    pub curve: Vec<(u64, f64)>,
}

/// A mean with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Where it lies, as far as 95 % go, for other rows of the same kind.
    pub interval: [f64; 2],
}

/// How an optimizer differs from the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Versus {
    /// Its mean loss minus the baseline's: negative is better.
    pub mean: f64,
    /// Where it lies, as far as 95 % go.
    pub interval: [f64; 2],
    /// The same relative to the baseline's mean loss.
    pub relative: [f64; 3],
    /// The probability of so large a difference where there is none.
    pub p_value: f64,
    /// The same for all optimizers together (Holm 1979): at most 0.05 is a difference.
    pub p_adjusted: f64,
}

impl Versus {
    /// Whether it is a difference, whichever way.
    pub fn is_told_apart(&self) -> bool {
        self.p_adjusted <= 1.0 - LEVEL
    }
}

/// How soon a loss was reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// How many trainings reached it.
    pub count: u64,
    /// Of how many; those on folds where the baseline failed are left out, unless the loss was given.
    pub of: u64,
    /// Where the part of trainings that reach it lies, as far as 95 % go (Clopper & Pearson 1934).
    pub interval: [f64; 2],
    /// Steps until then, of those that reached it: the median, the least and the most.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub steps: Option<[u64; 3]>,
    /// The median in seconds of steps.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds: Option<f64>,
}

/// What is known of the folds.
pub(super) struct Fold {
    pub training_rows: usize,
    /// For each row that is held back, which of them belong together.
    pub groups: Vec<u64>,
}

impl Comparison {
    /// What all races say, or as many as there are.
    pub(super) fn of(
        entrants: &[Entrant],
        options: &CompareOptions,
        folds: &[Fold],
        races: &[Race],
        known: Known,
    ) -> Self {
        let Known { data, metric, counts, step_seconds, steps } = known;
        let baseline = options.baseline(entrants);
        let losses: Vec<Option<Vec<Vec<f64>>>> =
            (0..entrants.len()).map(|at| row_losses(at, options, races)).collect();
        let differences: Vec<Option<Difference>> = losses
            .iter()
            .enumerate()
            .map(|(at, own)| {
                let (own, others) = (own.as_ref()?, losses[baseline].as_ref()?);
                (at != baseline).then(|| difference(own, others, folds)).flatten()
            })
            .collect();
        // as many tests as there are others, those that could not be made among them
        let others = (0..entrants.len()).filter(|at| *at != baseline);
        let p_values: Vec<f64> =
            others.clone().map(|at| differences[at].map_or(f64::NAN, |found| found.p_value)).collect();
        let mut adjusted = vec![1.0; entrants.len()];
        others.zip(holm(&p_values)).for_each(|(at, p)| adjusted[at] = p);

        let estimates: Vec<Option<Estimate>> = losses
            .iter()
            .map(|own| {
                let own = own.as_ref()?;
                let zeros: Vec<Vec<f64>> = own.iter().map(|fold| vec![0.0; fold.len()]).collect();
                let found = difference(own, &zeros, folds)?;
                Some(Estimate { mean: found.mean, interval: found.interval })
            })
            .collect();
        let compared = |(at, entrant): (usize, &Entrant)| {
            let own: Vec<&Race> = races.iter().filter(|race| race.entrant == at).collect();
            let count = own.len().max(1) as f64;
            let tuning = own.iter().map(|race| race.extra).sum::<f64>() / count;
            let difference = differences[at].map(|found| {
                let usual = estimates[baseline].map_or(f64::NAN, |estimate| estimate.mean);
                let relative = [found.mean, found.interval[0], found.interval[1]].map(|x| x / usual);
                Versus {
                    mean: found.mean,
                    interval: found.interval,
                    relative,
                    p_value: found.p_value,
                    p_adjusted: adjusted[at],
                }
            });
            let metrics: Vec<f64> = own.iter().filter_map(|race| race.metric).collect();
            Compared {
                name: entrant.name.clone(),
                tuned: entrant.tuned,
                lr: own.iter().map(|race| race.lr).collect(),
                at_edge: own.iter().filter(|race| is_at_edge(race)).count() as u64,
                loss: estimates[at],
                difference,
                metric: spread(metrics.clone())
                    .map(|[_, low, high]| [metrics.iter().sum::<f64>() / metrics.len() as f64, low, high]),
                reached: reached(&own, baseline, races, options.reach, step_seconds[at]),
                failed: own.iter().filter(|race| race.failed.is_some()).count() as u64,
                tuning,
                tuning_seconds: tuning * steps[at] as f64 * step_seconds[at],
                step_seconds: step_seconds[at],
                curve: mean_curve(&own),
            }
        };
        let first_of = |optimizer: usize| {
            let tuned = |entrant: &&Entrant| entrant.optimizer == optimizer && entrant.tuned;
            entrants.iter().position(|entrant| tuned(&entrant)).map_or(0, |at| counts[at])
        };
        Self {
            format: FORMAT,
            data,
            optimizers: entrants.iter().enumerate().map(compared).collect(),
            baseline,
            folds: options.folds,
            trainings: options.trainings,
            rows: folds.iter().map(|fold| fold.groups.len()).sum(),
            metric,
            reach: options.reach,
            rates: (0..options.optimizers.len()).map(first_of).collect(),
        }
    }

    /// Whether any optimizer differs from the baseline by more than chance.
    pub fn is_anything_told_apart(&self) -> bool {
        self.optimizers.iter().filter_map(|one| one.difference).any(|found| found.is_told_apart())
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("finite numbers")
    }
}

/// What a comparison is told that the races do not hold.
pub(super) struct Known {
    pub data: String,
    pub metric: String,
    /// Rates of each.
    pub counts: Vec<u64>,
    pub step_seconds: Vec<f64>,
    /// Of a whole training.
    pub steps: Vec<u64>,
}

/// For each fold the loss of each row, the mean over trainings; `None` where one is missing or failed.
fn row_losses(entrant: usize, options: &CompareOptions, races: &[Race]) -> Option<Vec<Vec<f64>>> {
    let of_fold = |fold: usize| {
        let own: Vec<&Race> =
            races.iter().filter(|race| race.entrant == entrant && race.fold == fold).collect();
        let complete = own.len() as u64 == options.trainings && own.iter().all(|race| race.failed.is_none());
        complete.then(|| {
            let rows = own.first().map_or(0, |race| race.losses.len());
            let mean = |row: usize| own.iter().map(|race| race.losses[row]).sum::<f64>() / own.len() as f64;
            (0..rows).map(mean).collect()
        })
    };
    (0..options.folds).map(of_fold).collect()
}

fn difference(first: &[Vec<f64>], second: &[Vec<f64>], folds: &[Fold]) -> Option<Difference> {
    let rows: Vec<Rows<'_>> = first
        .iter()
        .zip(second)
        .zip(folds)
        .map(|((first, second), fold)| Rows {
            first,
            second,
            groups: Some(&fold.groups),
            training_rows: fold.training_rows,
        })
        .collect();
    // two rows or groups at least, which folds have that can be dealt at all
    paired_difference(&rows, LEVEL).ok()
}

/// How many of an optimizer's trainings reached a loss, and when.
fn reached(own: &[&Race], baseline: usize, races: &[Race], reach: Option<f64>, seconds: f64) -> Reached {
    let lowest = |race: &Race| race.curve.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
    let (mut of, mut steps) = (0, Vec::new());
    for race in own {
        let is_same = |other: &&Race| {
            (other.entrant, other.fold, other.training) == (baseline, race.fold, race.training)
                && other.failed.is_none()
        };
        let Some(loss) = reach.or_else(|| races.iter().find(is_same).map(|other| NEAR * lowest(other)))
        else {
            continue;
        };
        of += 1;
        let there = race.curve.iter().find(|(_, found)| race.failed.is_none() && *found <= loss);
        steps.extend(there.map(|(step, _)| *step));
    }
    let count = steps.len() as u64;
    let steps = spread(steps);
    Reached {
        count,
        of,
        interval: binomial_interval(count, of, LEVEL).unwrap_or([0.0, 1.0]),
        steps,
        seconds: steps.map(|[median, ..]| median as f64 * seconds),
    }
}

/// The lowest loss until each step, the mean over trainings; one that has ended stays where it was.
fn mean_curve(own: &[&Race]) -> Vec<(u64, f64)> {
    let curves: Vec<&[(u64, f64)]> =
        own.iter().filter(|race| race.failed.is_none()).map(|race| race.curve.as_slice()).collect();
    let mut steps: Vec<u64> = curves.iter().flat_map(|curve| curve.iter().map(|(step, _)| *step)).collect();
    steps.sort_unstable();
    steps.dedup();
    let lowest = |curve: &[(u64, f64)], until: u64| {
        let before = curve.iter().take_while(|(step, _)| *step <= until).map(|(_, loss)| *loss);
        Some(before.fold(f64::INFINITY, f64::min)).filter(|loss| loss.is_finite())
    };
    let mean = |step: u64| {
        let losses: Option<Vec<f64>> = curves.iter().map(|curve| lowest(curve, step)).collect();
        losses.map(|losses| (step, losses.iter().sum::<f64>() / losses.len() as f64))
    };
    steps.into_iter().filter_map(mean).collect()
}

/// The median (of an even number the lower), the least and the most.
fn spread<T: Copy + PartialOrd>(mut values: Vec<T>) -> Option<[T; 3]> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    Some([values[values.len().checked_sub(1)? / 2], *values.first()?, *values.last()?])
}

/// Whether the rate that was chosen is the lowest or the highest of several.
fn is_at_edge(race: &Race) -> bool {
    let Some(own) = race.lr.filter(|_| race.rates.len() > 2) else { return false };
    let all = |holds: &dyn Fn(&TriedRate) -> bool| race.rates.iter().all(holds);
    all(&|tried| tried.lr >= own) || all(&|tried| tried.lr <= own)
}
