//! Which candidates may be the best: a paired max-t set.

use rayon::prelude::*;

use super::binomial::checked_level;
use super::error::{Error, Result};
use super::losses::Trainings;
use super::noise::{Context, Noise, Replicates};
use super::resample::Draw;

/// What is known of one candidate.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entrant<'a> {
    /// What its trainings cost at each rung that it came to, in order; the last one is where it ended.
    pub rungs: Vec<Trainings<'a>>,
    /// The fraction of the schedule at which one of its trainings was no longer finite. Such a candidate is out.
    pub diverged: Option<f64>,
}

/// How [`best_set`] goes about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetOptions<'a> {
    /// How often the set is to hold the best candidate; 0.95.
    pub level: f64,
    /// Rows that each training was trained on, the mean over splits.
    pub training_rows: usize,
    /// For each split and validation row, which rows belong together; rows of a group count as one observation. Where parts of
    /// several splits overlap, the row's own number. `None`: each row stands alone, and no two splits share a validation row.
    pub groups: Option<&'a [Vec<u64>]>,
    /// Where there is one training of each candidate, nothing measures what another seed would give. It is then taken to move a
    /// training's mean loss by this standard deviation, relative to the lowest; 0.03.
    pub assumed_noise: f64,
    /// How many times the most that a survivor gained from a rung on a candidate that ended there might have gained; 2. See
    /// [`Verdict::Unresolved`].
    pub catching_up: f64,
    /// How many draws find the critical values; 4000, with which those waver by a hundredth.
    pub draws: u32,
    /// What the draws are numbered under.
    pub seed: u64,
}

impl SetOptions<'_> {
    /// The defaults.
    pub fn new(training_rows: usize) -> Self {
        let (level, assumed_noise, catching_up) = (0.95, 0.03, 2.0);
        Self { level, training_rows, groups: None, assumed_noise, catching_up, draws: 4000, seed: 0 }
    }
}

/// What is said of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It came to the last rung and may be the best.
    Possible,
    /// It ended at an earlier rung, and what it lagged behind there does not exclude it. At a rung nothing is certain about the end,
    /// where slow candidates catch up, so it is excluded only if it would still be behind had it gained, from there to the end,
    /// `catching_up` times what the fastest survivor gained.
    Unresolved {
        /// The rung, from 0.
        rung: usize,
    },
    /// Another one is better, as far as the level goes.
    Excluded {
        /// At which rung, from 0.
        rung: usize,
        /// The candidate that says so the loudest.
        by: usize,
    },
    /// One of its trainings was no longer finite.
    Diverged {
        /// The fraction of the schedule.
        at: f64,
    },
}

impl Verdict {
    /// Whether the candidate is in the set: it may be the best.
    pub fn is_in_set(self) -> bool {
        matches!(self, Self::Possible | Self::Unresolved { .. })
    }
}

/// How much more a candidate costs than the best of the others, in the unit of the losses. Below zero it is the best itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excess {
    /// Its mean loss.
    pub mean: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// What [`best_set`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct BestSet {
    /// For each candidate.
    pub verdicts: Vec<Verdict>,
    /// For each candidate that came to the last rung.
    pub excess: Vec<Option<Excess>>,
    /// The one of the lowest mean loss at the last rung.
    pub lowest: usize,
    /// What the noise of training was measured by.
    pub replicates: Replicates,
}

impl BestSet {
    /// The candidates that may be the best.
    pub fn members(&self) -> impl Iterator<Item = usize> + '_ {
        self.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_in_set()).map(|(i, _)| i)
    }

    /// Whether nothing is told apart: at least two candidates did not diverge, and each of them may be the best.
    pub fn differences_are_noise(&self) -> bool {
        let excluded = self.verdicts.iter().any(|verdict| matches!(verdict, Verdict::Excluded { .. }));
        !excluded && self.members().nth(1).is_some()
    }

    /// The candidates of which it is sure, as far as the level goes, that they cost at most `margin` more than the best of the
    /// others, relative to the lowest mean loss (0.05: five percent). Those that ended early are never among them. Few are where
    /// there is much noise; that is no sign that the others are worse.
    pub fn plateau(&self, margin: f64) -> Vec<usize> {
        let lowest = self.excess[self.lowest].map_or(0.0, |excess| excess.mean.abs());
        let flat = |excess: &Option<Excess>| excess.is_some_and(|excess| excess.high < margin * lowest);
        (0..self.excess.len()).filter(|&i| flat(&self.excess[i])).collect()
    }
}

/// The candidates that cannot be excluded as the best: with probability `level` the one whose expected loss over other rows, splits
/// and seeds is lowest is among them.
///
/// ```text
/// candidate c is excluded if max over c' of (m_c − m_c') / s_cc' > q_c
/// m    the mean over splits of the mean over seeds of the mean over rows
/// s²   (1 + N/n₁) · the rows' part of the variance of m_c − m_c' + the trainings' part
/// q_c  the quantile at `level` of the same maximum where all candidates are alike
/// ```
///
/// Only one candidate is the best, so that no correction for the number of candidates is needed beyond the maximum (Hsu 1984,
/// "Constrained simultaneous confidence intervals for multiple comparisons with the best"). Its distribution is that of a bootstrap with
/// Gaussian multipliers (Chernozhukov, Chetverikov & Kato 2013): given the losses its draws are normal with their covariance, so
/// they are drawn from that. How the parts are measured: `noise.rs`.
///
/// A candidate that diverged is out. With a single candidate left there is nothing to compare: it is [`Verdict::Possible`].
///
/// # Errors
/// No candidate that did not diverge; a candidate without a rung; trainings of one rung that are not paired; losses that are not
/// finite; no training rows; labels of groups that are not those of the last rung's rows; options outside their ranges.
///
/// ```
/// use steepest_choose::stats::{Entrant, SetOptions, Trainings, Verdict, best_set};
/// // three candidates, one split, two seeds, four rows
/// let losses = [[[0.5, 0.6, 0.4, 0.5], [0.5, 0.6, 0.5, 0.5]], [[0.5, 0.6, 0.4, 0.6], [0.5, 0.6, 0.4, 0.5]], [[9.0; 4], [9.1; 4]]];
/// let entrants: Vec<Entrant> = losses
///     .iter()
///     .map(|seeds| Entrant {
///         rungs: vec![Trainings { losses: vec![seeds.iter().map(|rows| &rows[..]).collect()] }],
///         diverged: None,
///     })
///     .collect();
/// let set = best_set(&entrants, &SetOptions::new(16))?;
/// assert_eq!(set.members().collect::<Vec<_>>(), [0, 1]);
/// assert!(matches!(set.verdicts[2], Verdict::Excluded { rung: 0, .. }));
/// # Ok::<(), steepest_choose::stats::Error>(())
/// ```
pub fn best_set(entrants: &[Entrant<'_>], options: &SetOptions<'_>) -> Result<BestSet> {
    check(entrants, options)?;
    let alive = |i: &usize| entrants[*i].diverged.is_none();
    let rungs = (0..entrants.len()).filter(alive).map(|i| entrants[i].rungs.len()).max().unwrap_or(0);
    if rungs == 0 {
        let remedy = "try lower learning rates";
        return Err(Error::TooFew { what: "candidates that did not diverge", found: 0, least: 1, remedy });
    }
    let mut set = BestSet {
        verdicts: entrants.iter().map(|e| Verdict::Diverged { at: e.diverged.unwrap_or(0.0) }).collect(),
        excess: vec![None; entrants.len()],
        lowest: 0,
        replicates: Replicates::Assumed,
    };
    // from the end, where the lowest is found
    for rung in (0..rungs).rev() {
        let present: Vec<usize> =
            (0..entrants.len()).filter(alive).filter(|&i| entrants[i].rungs.len() > rung).collect();
        if rung + 1 < rungs && !present.iter().any(|&i| entrants[i].rungs.len() == rung + 1) {
            continue;
        }
        let trainings: Vec<&Trainings<'_>> = present.iter().map(|&i| &entrants[i].rungs[rung]).collect();
        for (&candidate, other) in present.iter().zip(&trainings) {
            trainings[0].check_paired(other, candidate)?;
        }
        let context = Context {
            training_rows: options.training_rows,
            groups: options.groups.map(|groups| checked_groups(groups, trainings[0])).transpose()?,
            assumed: options.assumed_noise,
        };
        let noise = Noise::of(&trainings, context);
        let critical = critical_values(&noise, options);
        if rung + 1 == rungs {
            let lowest = (0..present.len()).min_by(|&a, &b| noise.means[a].total_cmp(&noise.means[b]));
            (set.lowest, set.replicates) = (present[lowest.unwrap_or(0)], noise.replicates);
            for (i, &candidate) in present.iter().enumerate() {
                let excess = excess(&noise, i, critical[i]);
                let (low, by) = excess.low;
                set.verdicts[candidate] =
                    if low > 0.0 { Verdict::Excluded { rung, by: present[by] } } else { Verdict::Possible };
                set.excess[candidate] = Some(Excess { mean: noise.means[i], low, high: excess.high });
            }
        } else {
            let allowance = allowance(entrants, &present, rung, set.lowest, options.catching_up);
            let Some(lowest) = present.iter().position(|&i| i == set.lowest) else { continue };
            for (i, &candidate) in
                present.iter().enumerate().filter(|(_, c)| entrants[**c].rungs.len() == rung + 1)
            {
                let low = noise.means[i] - noise.means[lowest] - critical[i] * noise.pairs[i][lowest].0;
                set.verdicts[candidate] = if low > allowance {
                    Verdict::Excluded { rung, by: set.lowest }
                } else {
                    Verdict::Unresolved { rung }
                };
            }
        }
    }
    Ok(set)
}

/// By how much a candidate that ended at a rung may lag behind the lowest there, and yet be ahead of it at the end, if it gains
/// `times` what the fastest of those present gained that went on.
fn allowance(entrants: &[Entrant<'_>], present: &[usize], rung: usize, lowest: usize, times: f64) -> f64 {
    let gain = |i: usize| {
        let (from, to) = (&entrants[i].rungs[rung], entrants[i].rungs.last()?);
        // over the splits that both rungs have
        let splits = from.splits().min(to.splits());
        Some(from.mean(splits) - to.mean(splits))
    };
    let fastest = present.iter().filter_map(|&i| gain(i)).fold(0.0, f64::max);
    (times * fastest - gain(lowest).unwrap_or(0.0)).max(0.0)
}

/// Bounds of what a candidate costs more than the best of the others; the lower one with who says so.
struct Bounds {
    low: (f64, usize),
    high: f64,
}

fn excess(noise: &Noise, i: usize, critical: f64) -> Bounds {
    let mut bounds = Bounds { low: (f64::NEG_INFINITY, i), high: f64::NEG_INFINITY };
    for j in (0..noise.means.len()).filter(|&j| j != i) {
        let (difference, reach) = (noise.means[i] - noise.means[j], critical * noise.pairs[i][j].0);
        if difference - reach > bounds.low.0 {
            bounds.low = (difference - reach, j);
        }
        bounds.high = bounds.high.max(difference + reach);
    }
    if noise.means.len() == 1 {
        bounds = Bounds { low: (0.0, i), high: 0.0 };
    }
    bounds
}

/// For each candidate, the quantile of the largest standardized difference to another one where all are alike.
fn critical_values(noise: &Noise, options: &SetOptions<'_>) -> Vec<f64> {
    let count = noise.means.len();
    let root = &noise.root;
    let spread: Vec<Vec<f64>> = (0..count)
        .map(|a| {
            (0..count)
                .map(|b| root[a].iter().zip(&root[b]).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt())
                .collect()
        })
        .collect();
    let freedom: Vec<f64> = (0..count)
        .map(|a| (0..count).filter(|&b| b != a).map(|b| noise.pairs[a][b].1).fold(f64::INFINITY, f64::min))
        .collect();
    let draws: Vec<Vec<f64>> = (0..u64::from(options.draws))
        .into_par_iter()
        .map(|number| {
            let mut draw = Draw::new(options.seed, number);
            let normal: Vec<f64> = (0..count).map(|_| draw.normal()).collect();
            let means: Vec<f64> =
                root.iter().map(|line| line.iter().zip(&normal).map(|(l, z)| l * z).sum()).collect();
            (0..count)
                .map(|a| {
                    let others = (0..count).filter(|&b| spread[a][b] > 0.0);
                    let largest = others
                        .map(|b| (means[a] - means[b]) / spread[a][b])
                        .fold(f64::NEG_INFINITY, f64::max);
                    largest / draw.error_factor(freedom[a])
                })
                .collect()
        })
        .collect();
    (0..count)
        .map(|a| {
            let mut values: Vec<f64> = draws.iter().map(|draw| draw[a]).collect();
            values.sort_unstable_by(f64::total_cmp);
            let at = (options.level * values.len() as f64).ceil() as usize;
            // without any spread there is nothing to multiply
            values[at.clamp(1, values.len()) - 1].max(0.0)
        })
        .collect()
}

fn check(entrants: &[Entrant<'_>], options: &SetOptions<'_>) -> Result<()> {
    checked_level(options.level)?;
    for (name, found) in [("the assumed noise", options.assumed_noise), ("catching up", options.catching_up)]
    {
        if !(found >= 0.0 && found.is_finite()) {
            return Err(Error::OutOfRange { name, found, range: "of at least 0" });
        }
    }
    if options.draws < 100 {
        let remedy = "take the default, 4000";
        return Err(Error::TooFew { what: "draws", found: options.draws as usize, least: 100, remedy });
    }
    if options.training_rows == 0 {
        let remedy = "say how many rows each training was trained on";
        return Err(Error::TooFew { what: "training rows", found: 0, least: 1, remedy });
    }
    for (candidate, entrant) in entrants.iter().enumerate().filter(|(_, e)| e.diverged.is_none()) {
        if entrant.rungs.is_empty() {
            let remedy = "train each candidate to the first rung, or say that it diverged";
            return Err(Error::TooFew { what: "rungs of a candidate", found: 0, least: 1, remedy });
        }
        entrant.rungs.iter().try_for_each(|trainings| trainings.check(candidate))?;
    }
    Ok(())
}

/// The labels of a rung's splits: the first ones.
fn checked_groups<'a>(groups: &'a [Vec<u64>], trainings: &Trainings<'_>) -> Result<&'a [Vec<u64>]> {
    let expected = trainings.splits();
    if groups.len() < expected {
        return Err(Error::Unpaired {
            what: "splits with group labels".into(),
            found: groups.len(),
            expected,
        });
    }
    for (k, (labels, split)) in groups.iter().zip(&trainings.losses).enumerate() {
        if labels.len() != split[0].len() {
            let what = format!("group labels of split {k}");
            return Err(Error::Unpaired { what, found: labels.len(), expected: split[0].len() });
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows round a mean, the same for all candidates; 20 of them.
    fn rows(mean: f64) -> Vec<f64> {
        (0..20).map(|i| mean + if i % 2 == 0 { 0.1 } else { -0.1 }).collect()
    }

    /// By candidate, its means at the rungs that it came to.
    fn set(means: &[&[f64]], diverged: &[usize]) -> BestSet {
        let losses: Vec<Vec<Vec<f64>>> =
            means.iter().map(|rungs| rungs.iter().map(|&mean| rows(mean)).collect()).collect();
        let entrants: Vec<Entrant<'_>> = losses
            .iter()
            .enumerate()
            .map(|(i, rungs)| Entrant {
                rungs: rungs.iter().map(|rows| Trainings { losses: vec![vec![&rows[..]]] }).collect(),
                diverged: diverged.contains(&i).then_some(0.25),
            })
            .collect();
        best_set(&entrants, &SetOptions::new(80)).unwrap()
    }

    #[test]
    fn who_diverged_is_out_and_named() {
        let set = set(&[&[0.5], &[], &[0.1]], &[1, 2]);
        assert_eq!(
            set.verdicts,
            [Verdict::Possible, Verdict::Diverged { at: 0.25 }, Verdict::Diverged { at: 0.25 }]
        );
        assert_eq!((set.lowest, set.differences_are_noise()), (0, false), "one candidate is no comparison");
        assert_eq!(set.plateau(0.05), [0]);
    }

    #[test]
    fn equal_ones_are_all_possible_and_far_ones_are_not() {
        let equal = set(&[&[0.5], &[0.5], &[0.501]], &[]);
        assert!(equal.differences_are_noise());
        assert_eq!(equal.members().count(), 3);
        let far = set(&[&[0.5], &[0.9], &[0.501]], &[]);
        assert_eq!(far.verdicts[1], Verdict::Excluded { rung: 0, by: 0 });
        assert!(!far.differences_are_noise());
        // 3 % of noise of training is assumed: within it nothing is known to be flat to 5 %, but to 30 %
        assert_eq!((far.plateau(0.05), far.plateau(0.3)), (vec![], vec![0, 2]));
    }

    #[test]
    fn who_ended_early_is_excluded_only_beyond_what_it_could_have_caught_up() {
        // the fastest, number 1, gains 0.6 to its end at 0.3; twice that may have been gained from 1.5 on, but not from 1.6 and the noise on
        let set = set(&[&[1.0, 0.5], &[0.9, 0.3], &[1.4], &[2.5], &[0.95]], &[]);
        assert_eq!(set.lowest, 1);
        assert_eq!(set.verdicts[0], Verdict::Excluded { rung: 1, by: 1 });
        assert_eq!(set.verdicts[2], Verdict::Unresolved { rung: 0 });
        assert_eq!(set.verdicts[3], Verdict::Excluded { rung: 0, by: 1 });
        assert_eq!(set.verdicts[4], Verdict::Unresolved { rung: 0 });
        assert!(set.excess[2].is_none() && !set.plateau(10.0).contains(&4));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let (short, long, nan) = (rows(0.5)[..10].to_vec(), rows(0.5), vec![f64::NAN; 20]);
        let of = |losses: Vec<Vec<&[f64]>>| {
            let entrants = [vec![vec![&long[..]]], losses]
                .map(|losses| Entrant { rungs: vec![Trainings { losses }], diverged: None });
            best_set(&entrants, &SetOptions::new(80)).unwrap_err().to_string()
        };
        for (error, words) in [
            (of(vec![]), "0 splits"),
            (of(vec![vec![]]), "0 seeds"),
            (of(vec![vec![&short]]), "validation rows of candidate 1 on split 0: 10, expected 20"),
            (of(vec![vec![&long, &short]]), "validation rows of candidate 1, split 0, training 1: 10"),
            (of(vec![vec![&long], vec![&long]]), "splits of candidate 1: 2, expected 1"),
            (of(vec![vec![&long, &long]]), "seeds of candidate 1: 2, expected 1"),
            (of(vec![vec![&nan]]), "row 0 of candidate 1, split 0, training 0 is NaN"),
        ] {
            assert!(error.contains(words), "{error}");
        }
        let entrants = [Entrant { rungs: vec![Trainings { losses: vec![vec![&long[..]]] }], diverged: None }];
        let groups = [vec![0; 3]];
        for (options, words) in [
            (SetOptions { level: 1.0, ..SetOptions::new(80) }, "the level is 1"),
            (SetOptions { draws: 3, ..SetOptions::new(80) }, "3 draws"),
            (SetOptions { assumed_noise: -1.0, ..SetOptions::new(80) }, "the assumed noise is -1"),
            (SetOptions { catching_up: f64::NAN, ..SetOptions::new(80) }, "catching up is NaN"),
            (
                SetOptions { groups: Some(&groups), ..SetOptions::new(80) },
                "group labels of split 0: 3, expected 20",
            ),
            (SetOptions::new(0), "0 training rows"),
        ] {
            let error = best_set(&entrants, &options).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let none = best_set(&[Entrant { rungs: vec![], diverged: Some(0.1) }], &SetOptions::new(80));
        assert!(none.unwrap_err().to_string().contains("candidates that did not diverge"));
    }
}
