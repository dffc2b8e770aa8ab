//! One rung: every training that is left goes on to it, some of them side by side.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::candidate::Candidate;
use super::choice::{Divergence, Outcome, RungResult};
use super::error::Error;
use super::journal::{Entry, Journal};
use super::plan::{Plan, Rung};
use super::train::{Standing, Train, Trial};

/// One training of one candidate.
pub(super) struct Slot<T> {
    pub split: usize,
    pub seed: u64,
    /// The training, if it is in this process.
    pub trial: Option<T>,
    /// The fraction of the schedule that it came to.
    pub advanced: f64,
}

/// Who is told of results, and may end it all.
pub(super) type Observer<'a> = dyn FnMut(&Entry) -> ControlFlow<()> + Send + 'a;

/// What all rungs of a choice share.
pub(super) struct Climb<'a, T> {
    pub train: &'a T,
    pub plan: &'a Plan,
    pub observer: Mutex<&'a mut Observer<'a>>,
    pub stopped: AtomicBool,
}

struct Job<'a, T> {
    candidate: &'a Candidate,
    slot: &'a mut Slot<T>,
}

impl<T: Train> Climb<'_, T> {
    /// Takes these candidates to a rung and writes down what came of it. `false` where the observer ended it first.
    pub fn to(
        &self,
        rung: Rung,
        candidates: &[usize],
        outcomes: &mut [Outcome],
        slots: &mut [Vec<Slot<T::Trial>>],
        journal: &mut Journal,
    ) -> Result<bool, Error<T::Error>> {
        let before: f64 =
            self.plan.rungs.iter().map(|rung| rung.to).filter(|to| *to < rung.to).fold(0.0, f64::max);
        let mut jobs: Vec<Job<'_, T::Trial>> = Vec::new();
        for (index, slots) in slots.iter_mut().enumerate().filter(|(index, _)| candidates.contains(index)) {
            for split in 0..rung.splits {
                for &seed in &self.plan.seeds {
                    if !slots.iter().any(|slot| slot.split == split && slot.seed == seed) {
                        slots.push(Slot { split, seed, trial: None, advanced: 0.0 });
                    }
                }
            }
            jobs.extend(slots.iter_mut().map(|slot| Job { candidate: &outcomes[index].candidate, slot }));
        }
        let known = &*journal;
        let fresh: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
        let results: Vec<Result<Option<Standing>, T::Error>> = jobs
            .par_iter_mut()
            .map(|job| {
                let (candidate, split, seed) = (job.candidate, job.slot.split, job.slot.seed);
                if let Some(standing) = known.find(&candidate.point, split, seed, rung.to) {
                    return Ok(Some(standing.clone().settled(rung.to)));
                }
                if self.stopped.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let standing = self.advance(job, before, rung.to).inspect_err(|_| self.stop())?;
                let point = candidate.point.clone();
                let entry = Entry { point, split, seed, to: rung.to, standing: standing.clone() };
                // a panic elsewhere does not take away what was found here
                let mut observer = self.observer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if (*observer)(&entry).is_break() {
                    self.stop();
                }
                fresh.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(entry);
                Ok(Some(standing))
            })
            .collect();
        journal.entries.extend(fresh.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()));
        let mut standings = Vec::with_capacity(results.len());
        let mut complete = true;
        for (job, result) in jobs.into_iter().zip(results) {
            let (split, seed) = (job.slot.split, job.slot.seed);
            let candidate = || job.candidate.clone();
            let found =
                result.map_err(|source| Error::Training { candidate: candidate(), split, seed, source })?;
            let Some(standing) = found else {
                complete = false;
                continue;
            };
            job.slot.advanced = match standing {
                Standing::Losses(_) => rung.to,
                Standing::Diverged { at } => at.max(job.slot.advanced),
            };
            standings.push((job.candidate.index, split, seed, standing));
        }
        if complete {
            write_down(self.plan, rung, standings, outcomes)?;
        }
        Ok(complete && !self.stopped.load(Ordering::Relaxed))
    }

    /// No training begins after this.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// A training that is not in this process goes on as it was saved, or begins again.
    fn advance(&self, job: &mut Job<'_, T::Trial>, before: f64, to: f64) -> Result<Standing, T::Error> {
        let (candidate, split, seed) = (job.candidate, job.slot.split, job.slot.seed);
        let saved = match job.slot.trial.take() {
            None if job.slot.advanced > 0.0 => self.train.restore(candidate, split, seed, before)?,
            held => held,
        };
        let mut trial = match saved {
            Some(trial) => trial,
            None => self.train.start(candidate, split, seed)?,
        };
        let standing = trial.advance(to)?.settled(to);
        if matches!(standing, Standing::Losses(_)) {
            job.slot.trial = Some(trial);
        }
        Ok(standing)
    }
}

fn write_down<E: std::error::Error>(
    plan: &Plan,
    rung: Rung,
    standings: Vec<(usize, usize, u64, Standing)>,
    outcomes: &mut [Outcome],
) -> Result<(), Error<E>> {
    let mut rows: Vec<Option<usize>> = vec![None; rung.splits];
    // what earlier candidates had on this split, at whatever rung
    for result in outcomes.iter().flat_map(|outcome| &outcome.rungs) {
        for (rows, split) in rows.iter_mut().zip(&result.losses) {
            *rows = split.first().map(Vec::len);
        }
    }
    let mut standings = standings.into_iter().peekable();
    while let Some(index) = standings.peek().map(|first| first.0) {
        let outcome = &mut outcomes[index];
        let mut losses: Vec<Vec<Vec<f64>>> = vec![Vec::new(); rung.splits];
        while let Some((_, split, seed, standing)) = standings.next_if(|next| next.0 == index) {
            match standing {
                Standing::Diverged { at } => {
                    if outcome.diverged.is_none_or(|first| at < first.at) {
                        outcome.diverged = Some(Divergence { split, seed, at });
                    }
                }
                Standing::Losses(found) => {
                    let expected = *rows[split].get_or_insert(found.len());
                    if found.len() != expected || found.is_empty() {
                        let candidate = outcome.candidate.clone();
                        let expected =
                            if expected == 0 { "at least 1".to_owned() } else { expected.to_string() };
                        return Err(Error::Rows { candidate, split, found: found.len(), expected });
                    }
                    losses[split].push(found);
                }
            }
        }
        if outcome.diverged.is_none() {
            let of_split = |seeds: &Vec<Vec<f64>>| {
                mean(seeds.iter().map(|rows| mean(rows.iter().copied(), rows.len())), plan.seeds.len())
            };
            let mean = mean(losses.iter().map(of_split), rung.splits);
            outcome.rungs.push(RungResult { to: rung.to, mean, losses });
        }
    }
    Ok(())
}

fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    values.sum::<f64>() / count as f64
}
