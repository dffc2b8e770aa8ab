//! A choice on its way: what is trained, what it tells, and what is kept of it.

use super::networks::{NetworkTrial, Networks, Progress};
use super::trials::Trials;
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{self, Event, Observer};
use crate::settings::Settings;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use steepest::FileSystem;
use steepest_choose::choose::{self, Choice, Ended, Entry, Journal, Plan, Point};
use steepest_data::Prepared;

/// Something that is being chosen.
pub(super) struct Choosing<'a> {
    pub plan: &'a Plan,
    /// Steps of all trainings, about.
    pub expected: u64,
    pub settings: &'a Settings,
    pub splits: &'a [Arc<Prepared>],
}

impl<'a> Choosing<'a> {
    /// Chooses, or goes on choosing: what is found is kept in the run's directory.
    pub fn run(
        &self,
        system: &Arc<dyn FileSystem>,
        run: &Path,
        observer: &'a mut dyn Observer,
    ) -> Result<Choice<NetworkTrial<'a>>> {
        let trials = Trials::open(Arc::clone(system), run, self.plan.context.clone())?;
        let known = trials.journal.clone();
        if trials.lost > 0 {
            let note = format!(
                "{} of trials.jsonl cannot be read: what they held is trained again",
                if trials.lost == 1 { "a line".to_owned() } else { format!("{} lines", trials.lost) }
            );
            // whoever wants to stop says so again
            let _ = observer.observe(&Event::Note(note));
        }
        let (candidates, splits) = (self.plan.points.len(), self.splits.len());
        let trainings = candidates * splits * self.plan.seeds.len();
        // whoever wants to stop says so again
        let _ = observer.observe(&Event::Note(format!(
            "choosing among {candidates} candidates, with {trainings} trainings on {splits} {} of the rows and about {} steps in all",
            if splits == 1 { "division" } else { "divisions" },
            self.expected
        )));
        // what could not be written ends the choice
        let trials = Arc::new(Mutex::new((trials, None)));
        let told = Arc::clone(&trials);
        let (observer, expected) = (Mutex::new(observer), self.expected.max(1) as f64);
        let tell = move |steps: u64| {
            let compared = lock(&told).0.journal.entries.len();
            let done = (steps as f64 / expected).min(1.0);
            lock(&observer).observe(&Event::Choosing(event::Choosing { done, compared }))
        };
        let progress = Arc::new(Progress {
            steps: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            tell: Box::new(tell),
        });
        let networks = Networks::of(self.settings.clone(), self.splits.to_vec(), Some(Arc::clone(&progress)));
        let ended = choose::choose(&networks, self.plan, known, |entry| {
            let mut trials = lock(&trials);
            if let Err(error) = trials.0.add(entry) {
                trials.1 = Some(error);
                progress.stop.store(true, Ordering::SeqCst);
            }
            match progress.stop.load(Ordering::SeqCst) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        let mut trials = lock(&trials);
        match ended {
            Ok(Ended::Chosen(choice)) => {
                trials.0.write_table(&choice.journal)?;
                Ok(choice)
            }
            Ok(Ended::Stopped(_))
            | Err(choose::Error::Training { source: Error::ChoosingStopped { .. }, .. }) => {
                Err(trials.1.take().unwrap_or_else(|| Error::ChoosingStopped {
                    run: run.to_owned(),
                    leading: leading(&trials.0.journal, self.splits.len() * self.plan.seeds.len()),
                }))
            }
            Err(choose::Error::Training { candidate, split, seed, source }) => Err(Error::Trial {
                place: format!("{candidate} on division {} with seed {seed}", split + 1),
                source: Box::new(source),
            }),
            Err(error) => Err(Error::NothingLeft { reason: error.to_string() }),
        }
    }
}

/// What trainings depend on beside the learning rate.
pub(super) fn context(settings: &Settings, splits: &[Arc<Prepared>]) -> String {
    let mut settings = settings.clone();
    let usual = Settings::default();
    (settings.data.source, settings.data.more_files) = (usual.data.source, usual.data.more_files);
    (settings.train.threads, settings.data.max_memory) = (None, None);
    (settings.train.save_every, settings.train.keep) = (usual.train.save_every, usual.train.keep);
    let data: Vec<String> = splits.iter().map(|data| Identity::of(data).data_hash().to_owned()).collect();
    crate::manifest::checksum((settings.to_toml() + &data.join(" ")).as_bytes())
}

/// Refuses as many networks at once as memory does not hold.
pub(super) fn check_memory(settings: &Settings, data: &Prepared, plan: &Plan) -> Result<()> {
    let Some(allowed) = settings.data.max_memory() else { return Ok(()) };
    let splits = plan.rungs.first().map_or(1, |rung| rung.splits);
    let trainings = (plan.points.len() * splits * plan.seeds.len()) as u64;
    // weights, gradient, the best so far, and at most four arrays of state, in f32
    let one = settings.resolve(data)?.model.parameters().saturating_mul(4 * 7);
    let needed = one.saturating_mul(trainings);
    match needed <= allowed {
        true => Ok(()),
        false => Err(Error::TooLarge {
            what: format!("choosing among {trainings} trainings at once"),
            needed,
            allowed,
        }),
    }
}

/// What is best so far, in words: of what came farthest with all of its trainings.
fn leading(journal: &Journal, trainings: usize) -> Option<String> {
    let complete = |entry: &&Entry| {
        let alike = |other: &&Entry| other.to == entry.to && other.point == entry.point;
        journal.entries.iter().filter(alike).count() == trainings
    };
    let farthest = journal.entries.iter().filter(complete).map(|entry| entry.to).fold(0.0, f64::max);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    let mut means: Vec<(&Point, Vec<f64>)> = Vec::new();
    for entry in journal.entries.iter().filter(complete).filter(|entry| entry.to == farthest) {
        let loss = match &entry.standing {
            choose::Standing::Losses(losses) => mean(losses),
            choose::Standing::Diverged { .. } => f64::INFINITY,
        };
        match means.iter_mut().find(|(point, _)| **point == entry.point) {
            Some((_, losses)) => losses.push(loss),
            None => means.push((&entry.point, vec![loss])),
        }
    }
    let best = means.into_iter().min_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)))?.0;
    Some(best.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", "))
}

/// The lowest and the highest.
pub(super) fn ends(rates: &[f64]) -> [f64; 2] {
    rates.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(*x), high.max(*x)])
}

/// A rate in three digits.
pub(super) fn short(x: f64) -> String {
    let rounded: f64 = format!("{x:.2e}").parse().unwrap_or(x);
    match (1e-4..1e4).contains(&rounded) {
        true => format!("{rounded}"),
        false => format!("{rounded:e}"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
