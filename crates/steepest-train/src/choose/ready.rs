//! Something that is to be chosen, with all that it takes: choosing it, and the run with what was chosen.

use super::chosen::Chosen;
use super::networks::{NetworkTrial, Networks, Progress};
use super::trials::Trials;
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{self, EpochDone, Event, Observer};
use crate::file_names::CHOICE;
use crate::manifest::checksum;
use crate::run_dir::RunDir;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::tables::Tables;
use crate::trainer::Trainer;
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use steepest::FileSystem;
use steepest_choose::choose::{self, Choice, Ended, Plan};
use steepest_data::Prepared;

/// What is to be chosen, and has been refused nothing.
pub(super) struct Ready {
    pub settings: Settings,
    /// The run's own division of the rows.
    data: Arc<Prepared>,
    /// Those on which candidates are compared.
    pub splits: Vec<Arc<Prepared>>,
    /// For each of them, which validation rows belong together.
    pub groups: Vec<Vec<u64>>,
    pub plan: Plan,
    /// Steps of a whole training.
    pub steps: u64,
}

/// What a choice decides.
pub(super) struct Decided {
    /// Of the run.
    pub settings: Settings,
    pub chosen: Chosen,
    /// What is to be said before the run.
    pub notes: Vec<String>,
    /// The training that becomes the run, if one does.
    pub training: Option<Training>,
}

/// A training, and what it told of its epochs.
pub(super) struct Training {
    pub trainer: Trainer,
    pub epochs: Vec<EpochDone>,
}

impl Ready {
    /// `asked`: what trainings depend on beside the settings and the rows.
    ///
    /// # Errors
    /// More networks at once than memory holds.
    pub fn new(
        settings: Settings,
        tables: &Tables,
        data: Arc<Prepared>,
        splits: Vec<Arc<Prepared>>,
        mut plan: Plan,
        asked: &impl Serialize,
    ) -> Result<Self> {
        let resolved = settings.resolve(&splits[0])?;
        let trainings = plan.points.len() * splits.len() * plan.seeds.len();
        resolved.check_memory_of_trainings(trainings)?;
        let groups = splits.iter().map(|split| tables.groups(&split.split.validation)).collect();
        plan.context = context(&settings, &splits, asked);
        Ok(Self { steps: resolved.total_steps, settings, data, splits, groups, plan })
    }

    /// The same by another plan, of which `asked` says what trainings depend on.
    pub fn planned(self, plan: Plan, asked: &impl Serialize) -> Self {
        let context = context(&self.settings, &self.splits, asked);
        Self { plan: Plan { context, ..plan }, ..self }
    }

    /// Chooses by a plan, or goes on choosing: what is found is kept in the run's directory.
    pub fn choose<'a>(
        &self,
        plan: &Plan,
        system: &Arc<dyn FileSystem>,
        run: &Path,
        observer: &'a mut dyn Observer,
    ) -> Result<Choice<NetworkTrial<'a>>> {
        let trials = Trials::open(Arc::clone(system), run, plan.context.clone())?;
        let (known, damaged) = (trials.journal(), trials.damage());
        let per_candidate = self.splits.len() * plan.seeds.len();
        let expected = plan.cost() * self.steps as f64;
        let mut notes = vec![format!(
            "choosing among {} candidates, each with {per_candidate} {}, with about {expected:.0} steps in all",
            plan.points.len(),
            if per_candidate == 1 { "training" } else { "trainings" },
        )];
        notes.extend(damaged);
        for note in notes {
            // whoever wants to stop says so again
            let _ = observer.observe(&Event::Note(note));
        }

        // beside the journal, what could not be written, which ends the choice
        let trials = Arc::new(Mutex::new((trials, None)));
        let (told, observer) = (Arc::clone(&trials), Mutex::new(observer));
        let tell = move |steps: u64| {
            let compared = lock(&told).0.len();
            let done = (steps as f64 / expected).min(1.0);
            lock(&observer).observe(&Event::Choosing(event::Choosing { done, compared }))
        };
        let taken = (known.advanced() * self.steps as f64) as u64;
        let progress = Progress::new(taken, tell);
        let networks = Networks::of(self.settings.clone(), self.splits.clone(), Some(Arc::clone(&progress)));
        let ended = choose::choose(&networks, plan, known, |entry| {
            let mut trials = lock(&trials);
            if let Err(error) = trials.0.add(entry) {
                trials.1 = Some(error);
                progress.stop();
            }
            progress.flow()
        });
        let mut trials = lock(&trials);
        match ended {
            Ok(Ended::Chosen(choice)) => {
                trials.0.write_table()?;
                Ok(choice)
            }
            Ok(Ended::Stopped(_)) | Err(choose::Error::Training { source: Error::Stopped, .. }) => {
                Err(trials.1.take().unwrap_or_else(|| Error::ChoosingStopped {
                    run: run.to_owned(),
                    leading: trials.0.leading(per_candidate),
                }))
            }
            Err(choose::Error::Training { candidate, split, seed, source }) => Err(Error::Trial {
                place: format!("{candidate} on division {} with seed {seed}", split + 1),
                source: Box::new(source),
            }),
            Err(error) => Err(Error::NothingLeft { reason: error.to_string() }),
        }
    }

    /// The run with what was chosen.
    pub fn train(
        self,
        decided: Decided,
        system: &Arc<dyn FileSystem>,
        mut dir: RunDir,
        observer: &mut dyn Observer,
    ) -> Result<(Chosen, Summary)> {
        let Decided { settings, chosen, notes, training } = decided;
        // the other divisions have done their part
        let data = self.data;
        drop(self.splits);
        dir.write(CHOICE, chosen.to_json().as_bytes())?;
        let identity = Identity::of(&data);
        let mut trainer = Trainer::begin(Arc::clone(system), &settings, data, identity, || Ok(dir))?;
        trainer.was_chosen(chosen.clone(), notes);
        if let Some(Training { trainer: trial, epochs }) = training {
            trainer.take_over(&trial, epochs)?;
        }
        Ok((chosen, trainer.run(observer)?))
    }
}

/// What trainings depend on.
fn context(settings: &Settings, splits: &[Arc<Prepared>], asked: &impl Serialize) -> String {
    let hashes = splits.iter().map(|split| Identity::of(split).data_hash().to_owned());
    let parts = [settings.that_decide().to_toml(), serde_json::to_string(asked).expect("plain values")];
    checksum(parts.into_iter().chain(hashes).collect::<Vec<_>>().join("\n").as_bytes())
}

/// What a lock guards, whatever became of others that held it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
