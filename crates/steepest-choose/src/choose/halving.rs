use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::candidate::{Candidate, Point};
use super::choice::{Choice, Cost, Ended, Outcome, Stopped, Trained};
use super::error::Error;
use super::extend::{at_edge, beyond, neighbours};
use super::journal::{Entry, Journal};
use super::plan::Plan;
use super::rank::rank;
use super::rung::{Climb, Slot};
use super::train::Train;

/// Chooses by successive halving (Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization").
///
/// Candidates that are left go on to the next rung, on all of its splits with all seeds, side by side on rayon's threads. Then the
/// best go on, by the mean over splits and seeds of their mean losses; equally good ones by how near they are to the documented
/// settings. One of which a training diverged is out; where all that are left diverge, the best of those that ended before take their
/// place, and their trainings begin again. After the first rung the range may grow ([`Plan::extend`]), after the last one
/// the winner may be refined ([`Plan::refine`]).
///
/// `journal`: what an earlier call found, or an empty one. Nothing in it is trained again, and the choice is the same, bit for bit, as
/// if nothing had interrupted it; a survivor whose training was not saved ([`Train::restore`]) is trained again from nothing.
/// `observer` gets every new result as soon as it is there, in whatever order that is, and ends the choice by
/// [`ControlFlow::Break`]: no training begins after that, those that run come to their rung. It is called by one thread at a
/// time and must not wait for work of rayon's.
///
/// All candidates of the first rung are held at once; a trial that is large is best kept in a file between two calls of
/// [`Trial::advance`](super::Trial::advance).
///
/// # Errors
/// A plan that cannot be carried out, or a journal of something else, before anything is trained; a training that fails; validation rows
/// whose number changes; nobody is left.
pub fn choose<T: Train>(
    train: &T,
    plan: &Plan,
    journal: Journal,
    mut observer: impl FnMut(&Entry) -> ControlFlow<()> + Send,
) -> Result<Ended<T::Trial>, Error<T::Error>> {
    plan.check()?;
    if journal.context != plan.context && !journal.entries.is_empty() {
        return Err(Error::OtherJournal { found: journal.context, expected: plan.context.clone() });
    }
    let mut halving = Halving {
        plan,
        climb: Climb { train, plan, observer: Mutex::new(&mut observer), stopped: AtomicBool::new(false) },
        journal: Journal { context: plan.context.clone(), ..journal },
        outcomes: Vec::new(),
        slots: Vec::new(),
    };
    let leading = halving.run()?;
    Ok(match leading {
        Run::Won { winner, extended } => Ended::Chosen(halving.choice(winner, extended)?),
        Run::Stopped { leading } => {
            let leading = leading.map(|i| halving.outcomes[i].candidate.clone());
            Ended::Stopped(Stopped { leading, journal: halving.journal })
        }
    })
}

/// A choice on its way.
struct Halving<'a, T: Train> {
    plan: &'a Plan,
    climb: Climb<'a, T>,
    journal: Journal,
    outcomes: Vec<Outcome>,
    /// Of each candidate.
    slots: Vec<Vec<Slot<T::Trial>>>,
}

enum Run {
    Won { winner: usize, extended: usize },
    Stopped { leading: Option<usize> },
}

impl<T: Train> Halving<'_, T> {
    fn run(&mut self) -> Result<Run, Error<T::Error>> {
        let mut left = self.add(self.plan.points.clone());
        let (mut leading, mut extended) = (None, 0);
        for number in 0..self.plan.rungs.len() {
            if !self.climb(number, &left)? {
                return Ok(Run::Stopped { leading });
            }
            let mut times =
                self.plan.extend.as_ref().filter(|_| number == 0).map_or(0, |extend| extend.times);
            while times > 0 {
                self.rank(&mut left);
                let spent = self.spent(|_| true);
                let more = self.add(beyond(self.plan, &self.outcomes, &left, spent));
                if more.is_empty() {
                    break;
                }
                if !self.climb(number, &more)? {
                    return Ok(Run::Stopped { leading });
                }
                extended += more.len();
                left.extend(more);
                times -= 1;
            }
            while left.iter().all(|&i| self.outcomes[i].diverged.is_some()) {
                left = self.next_best(number)?;
                for below in 0..=number {
                    let here = |i: &usize| {
                        self.outcomes[*i].rungs.len() == below && self.outcomes[*i].diverged.is_none()
                    };
                    let behind: Vec<usize> = left.iter().copied().filter(here).collect();
                    if !self.climb(below, &behind)? {
                        return Ok(Run::Stopped { leading });
                    }
                }
            }
            self.keep(&mut left, self.plan.rungs[number].keep);
            leading = left.first().copied();
        }
        let mut winner = left[0];
        if let Some(refine) = &self.plan.refine {
            let mut finished = self.add(neighbours(refine, self.plan, &self.outcomes, winner));
            for number in 0..self.plan.rungs.len() {
                finished.retain(|&i| self.outcomes[i].diverged.is_none());
                if !self.climb(number, &finished)? {
                    return Ok(Run::Stopped { leading });
                }
            }
            finished.push(winner);
            self.rank(&mut finished);
            winner = finished[0];
        }
        Ok(Run::Won { winner, extended })
    }

    /// New candidates' numbers.
    fn add(&mut self, points: Vec<Point>) -> Vec<usize> {
        let from = self.outcomes.len();
        for point in points {
            let candidate = Candidate { index: self.outcomes.len(), point };
            self.outcomes.push(Outcome { candidate, rungs: Vec::new(), diverged: None });
            self.slots.push(Vec::new());
        }
        (from..self.outcomes.len()).collect()
    }

    fn climb(&mut self, number: usize, candidates: &[usize]) -> Result<bool, Error<T::Error>> {
        let (rung, outcomes, slots) = (self.plan.rungs[number], &mut self.outcomes, &mut self.slots);
        self.climb.to(rung, candidates, outcomes, slots, &mut self.journal)
    }

    fn rank(&self, candidates: &mut [usize]) {
        rank(candidates, &self.outcomes, &self.plan.documented);
    }

    /// Who takes the place of those that came to a rung and all diverged: as many as there may be, of those that ended before.
    fn next_best(&self, number: usize) -> Result<Vec<usize>, Error<T::Error>> {
        let finite = |i: &usize| self.outcomes[*i].diverged.is_none();
        let mut next: Vec<usize> = (0..self.outcomes.len()).filter(finite).collect();
        if next.is_empty() {
            let at = |outcome: &Outcome| outcome.diverged.map_or(0.0, |divergence| divergence.at);
            let latest = self.outcomes.iter().map(at).fold(0.0, f64::max);
            let remedy = "try lower learning rates, clip gradients, or look at the data";
            return Err(Error::AllDiverged { count: self.outcomes.len(), latest, remedy });
        }
        self.rank(&mut next);
        next.truncate(number.checked_sub(1).map_or(usize::MAX, |before| self.plan.rungs[before].keep));
        Ok(next)
    }

    /// Leaves the best so many and lets go of the others' trainings.
    fn keep(&mut self, left: &mut Vec<usize>, keep: usize) {
        self.rank(left);
        left.truncate(keep);
        left.retain(|&i| self.outcomes[i].diverged.is_none());
        for (_, slots) in self.slots.iter_mut().enumerate().filter(|(i, _)| !left.contains(i)) {
            slots.iter_mut().for_each(|slot| slot.trial = None);
        }
    }

    fn spent(&self, of: impl Fn(usize) -> bool) -> f64 {
        let slots = self.slots.iter().enumerate().filter(|(i, _)| of(*i));
        slots.flat_map(|(_, slots)| slots).map(|slot| slot.advanced).sum()
    }

    fn choice(mut self, winner: usize, extended: usize) -> Result<Choice<T::Trial>, Error<T::Error>> {
        let mut order: Vec<usize> = (0..self.outcomes.len()).collect();
        self.rank(&mut order);
        let end = self.plan.rungs.last().map_or(1.0, |rung| rung.to);
        let candidate = &self.outcomes[winner].candidate;
        let cost = Cost {
            total: self.spent(|_| true),
            extra: self.spent(|i| i != winner),
            trainings: self.slots[winner].len(),
        };
        let mut trained = Vec::new();
        for Slot { split, seed, trial, .. } in std::mem::take(&mut self.slots[winner]) {
            let failed = |source| Error::Training { candidate: candidate.clone(), split, seed, source };
            let trial = match trial {
                Some(trial) => Some(trial),
                None => self.climb.train.restore(candidate, split, seed, end).map_err(failed)?,
            };
            trained.push(Trained { split, seed, trial });
        }
        Ok(Choice {
            winner,
            order,
            cost,
            extended,
            at_edge: at_edge(self.plan, &self.outcomes, winner),
            dropped: self.plan.dropped.clone(),
            trained,
            outcomes: self.outcomes,
            journal: self.journal,
        })
    }
}
