//! A comparison that has been refused nothing: rows read and dealt, trainings planned.

use super::super::lines::Lines;
use super::super::networks::Progress;
use super::super::ready::lock;
use super::comparison::{Comparison, Fold, Known};
use super::entrant::{CompareOptions, Entrant, entrants};
use super::race::{Place, Race, plan, race};
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{Choosing, Event, Observer};
use crate::file_names::RACES;
use crate::manifest::checksum;
use crate::resolve::Resolved;
use crate::settings::Settings;
use crate::tables::{Tables, other_seed};
use crate::trainer::Trainer;
use rayon::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use steepest::FileSystem;
use steepest_data::{Division, Prepared};

/// What is compared, on what.
pub(super) struct Ready {
    pub options: CompareOptions,
    pub entrants: Vec<Entrant>,
    /// The rows of each fold: those held back are for the test.
    pub data: Vec<Arc<Prepared>>,
    folds: Vec<Fold>,
    /// Steps of a whole training of each.
    pub steps: Vec<u64>,
    source: String,
    metric: String,
    seed: u64,
}

impl Ready {
    /// Reads and deals the data, and finds whatever is wrong before anything is written.
    pub fn new(settings: &Settings, options: &CompareOptions) -> Result<Self> {
        options.check()?;
        let mut settings = settings.clone();
        if let Some(seconds) = settings.train.max_seconds {
            return Err(Error::BadSetting {
                key: "train.max_seconds",
                found: format!("{seconds} where optimizers are compared"),
                expected: "no limit of time: what decides is counted; train.max_steps is such a count".into(),
            });
        }
        if settings.data.validation_file.is_some() || settings.data.test_file.is_some() {
            return Err(Error::Unsuitable {
                reason: "every row is held back once, and validation or test rows lie in a file of their own",
                remedy: "leave that file out",
                keys: &["data.validation_file", "data.test_file"],
            });
        }
        // every row is for the test, once
        settings.data.test = 0.0;
        let entrants = entrants(&settings, options)?;
        let tables = Tables::read(&settings)?;
        let first = tables.prepare(&settings)?;
        if first.validation.features.rows == 0 {
            return Err(Error::BadSetting {
                key: "data.validation",
                found: settings.data.validation.to_string(),
                expected: "more, for rates are chosen by validation rows".into(),
            });
        }
        let seed = settings.train.seed;
        let deal = |fold: usize| {
            let how = Division::TestFold { fold, of: options.folds, seed };
            tables.divide_again(&settings, &first.split, how).map(Arc::new).map_err(|error| {
                Error::BadSearch {
                    search: format!("folds = {}", options.folds),
                    reason: format!("fold {}: {error}; take fewer folds", fold + 1),
                }
            })
        };
        let data: Vec<Arc<Prepared>> = (0..options.folds).map(deal).collect::<Result<_>>()?;
        let resolved: Vec<Resolved> =
            entrants.iter().map(|entrant| entrant.settings.resolve(&data[0])).collect::<Result<_>>()?;
        // what cannot be built says so here
        let trainers: Vec<Trainer> = (entrants.iter())
            .map(|entrant| Trainer::unwritten(&entrant.settings, Arc::clone(&data[0])))
            .collect::<Result<_>>()?;
        let fold = |data: &Arc<Prepared>| Fold {
            training_rows: data.train.features.rows,
            groups: tables.groups(&data.split.test),
        };
        let ready = Self {
            folds: data.iter().map(fold).collect(),
            steps: resolved.iter().map(|resolved| resolved.total_steps).collect(),
            source: settings.data.source().short_name(),
            metric: trainers[0].metric().to_string(),
            options: options.clone(),
            entrants,
            data,
            seed,
        };
        // too short a training, or too many of them at once
        for (at, entrant) in ready.entrants.iter().enumerate() {
            plan(entrant, 3, ready.steps[at], 0)?;
            resolved[at].check_memory_of_trainings(ready.side_by_side() * 15)?;
        }
        Ok(ready)
    }

    /// How many races run at once: they wait for one another at their rungs.
    fn side_by_side(&self) -> usize {
        2 * rayon::current_num_threads()
    }

    /// What races depend on.
    pub fn context(&self, counts: &[u64]) -> String {
        let settings = self.entrants.iter().map(|entrant| entrant.settings.that_decide().to_toml());
        let hashes = self.data.iter().map(|data| Identity::of(data).data_hash().to_owned());
        let options = serde_json::to_string(&(&self.options, counts)).expect("plain values");
        checksum(settings.chain(hashes).chain([options]).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Runs the races that are not run yet, and says what all of them say.
    pub fn run(
        &self,
        counts: Vec<u64>,
        step_seconds: Vec<f64>,
        system: &Arc<dyn FileSystem>,
        run: &Path,
        observer: &mut dyn Observer,
    ) -> Result<Comparison> {
        let lines: Lines<Race> = Lines::open(Arc::clone(system), run.join(RACES), &self.context(&counts))?;
        if let Some(note) = lines.damage() {
            // whoever wants to stop says so again
            let _ = observer.observe(&Event::Note(note));
        }
        let is_done = |place: &Place| {
            lines.entries.iter().any(|race| {
                (race.entrant, race.fold, race.training) == (place.entrant, place.fold, place.training)
            })
        };
        // fold after fold, so that what is there after a while is of all optimizers
        let mut left = Vec::new();
        let (mut expected, mut taken) = (0.0, 0.0);
        for fold in 0..self.options.folds {
            for training in 0..self.options.trainings {
                for (entrant, of) in self.entrants.iter().enumerate() {
                    let seed = other_seed(self.seed, training);
                    let plan = plan(of, counts[entrant], self.steps[entrant], seed)?;
                    let steps = plan.cost() * self.steps[entrant] as f64;
                    let place = Place { entrant, fold, training };
                    expected += steps;
                    match is_done(&place) {
                        true => taken += steps,
                        false => left.push((place, plan)),
                    }
                }
            }
        }
        let (done, lines) = (AtomicU64::new(lines.entries.len() as u64), Mutex::new(lines));
        let observer = Mutex::new(observer);
        let tell = |steps: u64| {
            let choosing = Choosing {
                done: (steps as f64 / expected).min(1.0),
                compared: done.load(Ordering::Relaxed) as usize,
            };
            lock(&observer).observe(&Event::Choosing(choosing))
        };
        let progress = Progress::new(taken as u64, tell);
        for together in left.chunks(self.side_by_side()) {
            let ended: Vec<Result<()>> = together
                .par_iter()
                .map(|(place, plan)| {
                    if progress.is_stopped() {
                        return Err(Error::Stopped);
                    }
                    let found =
                        race(place, &self.entrants[place.entrant], plan, &self.data[place.fold], &progress)?;
                    done.fetch_add(1, Ordering::Relaxed);
                    lock(&lines).add(found)
                })
                .collect();
            // another error says more than that the rest was stopped for it
            let (stopped, failed): (Vec<Error>, Vec<Error>) = (ended.into_iter().filter_map(Result::err))
                .partition(|error| matches!(error, Error::Stopped));
            if let Some(error) = failed.into_iter().next() {
                return Err(error);
            }
            if !stopped.is_empty() {
                let races = &lock(&lines).entries;
                return Err(Error::ComparingStopped { run: run.to_owned(), so_far: self.so_far(races) });
            }
        }
        let mut races = std::mem::take(&mut lock(&lines).entries);
        races.sort_by_key(|race| (race.entrant, race.fold, race.training));
        let known = Known {
            data: self.source.clone(),
            metric: self.metric.clone(),
            counts,
            step_seconds,
            steps: self.steps.clone(),
        };
        Ok(Comparison::of(&self.entrants, &self.options, &self.folds, &races, known))
    }

    /// The mean loss of each on the folds that are there, in words; empty before the first.
    fn so_far(&self, races: &[Race]) -> String {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let of = |(at, entrant): (usize, &Entrant)| {
            let losses: Vec<f64> = (races.iter())
                .filter(|race| race.entrant == at && race.failed.is_none())
                .map(|race| mean(&race.losses))
                .collect();
            let trainings = if losses.len() == 1 { "training" } else { "trainings" };
            let words = format!("{} {:.4} over {} {trainings}", entrant.name, mean(&losses), losses.len());
            (!losses.is_empty()).then_some(words)
        };
        self.entrants.iter().enumerate().filter_map(of).collect::<Vec<_>>().join(", ")
    }
}
