//! Tuning: settings chosen by cross-validation, and a run with what was chosen.

use super::choosing::{Choosing, context};
use super::chosen::{CHOICE, Chosen, FORMAT, How};
use super::networks::NetworkTrial;
use super::search::{self, LR, Search};
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::pool::in_pool;
use crate::run_dir::{self, Out, RunDir};
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::{ResumeOptions, Tables, Trainer, settings_of};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use steepest::{Disk, FileSystem};
use steepest_choose::choose::{Choice, Plan};
use steepest_data::{Division, Prepared};

const FILE: &str = "trials/tune.json";

/// How settings are tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneOptions {
    /// What is searched. Default: the learning rate.
    pub search: Vec<Search>,
    /// Into how many folds the rows that are not for the test are dealt, at least 2. Default 5.
    pub folds: usize,
    /// Trainings on each fold, each with other initial weights and another order of the rows, at least 1. Default 3.
    pub trainings: u64,
    /// Candidates, where they are not counted off by what is searched, at least 2. Default 11.
    pub points: usize,
}

impl Default for TuneOptions {
    fn default() -> Self {
        Self { search: vec![Search::rate()], folds: 5, trainings: 3, points: 11 }
    }
}

/// Chooses settings by cross-validation on the rows that are not for the test, and then trains with them as [`fit`](crate::fit())
/// does: its test scores are of rows that no choice has seen.
///
/// Candidates are halved: all to an eighth of the full schedule, five elevenths of them to a quarter, two elevenths to the end, on
/// each fold with the same start and order for all.
///
/// # Errors
/// Those of [`fit`](crate::fit()); what cannot be searched or divided, before anything is trained; [`Error::ChoosingStopped`].
pub fn tune(
    settings: &Settings,
    options: &TuneOptions,
    out: &Out,
    observer: &mut dyn Observer,
) -> Result<(Chosen, Summary)> {
    in_pool(settings.train.threads, || {
        out.check()?;
        let tune = Tune::read(settings.clone(), options.clone())?;
        let system: Arc<dyn FileSystem> = Arc::new(Disk);
        let mut dir = RunDir::create(Arc::clone(&system), out, &settings.data.source().short_name())?;
        dir.write_settings(settings)?;
        let folder = dir.path().join("trials");
        system.create_folder(&folder).map_err(|error| Error::file(&folder, error))?;
        let text = serde_json::to_string_pretty(&Asked { format: FORMAT, options }).expect("plain values");
        steepest::write_atomically_on(&*system, dir.path().join(FILE), text.as_bytes())?;
        tune.run(&system, dir, observer)
    })
}

#[derive(Serialize)]
struct Asked<'a> {
    format: u32,
    #[serde(flatten)]
    options: &'a TuneOptions,
}

#[derive(Deserialize)]
struct Found {
    format: u32,
    #[serde(flatten)]
    options: TuneOptions,
}

/// Goes on with a run that was cut while it was tuned; `None` where nothing was, or is any more.
pub(crate) fn resume(
    path: &Path,
    how: &ResumeOptions,
    observer: &mut dyn Observer,
) -> Result<Option<Summary>> {
    let file = path.join(FILE);
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    if path.join(CHOICE).exists() && crate::checkpoint::latest(path)?.is_some() {
        return Ok(None);
    }
    let damaged = |reason: String| Error::Damaged { path: file.clone(), reason };
    let found: Found = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if found.format > FORMAT {
        return Err(damaged(format!("format {} is of a later version of steepest", found.format)));
    }
    if let Some(epochs) = how.epochs {
        return Err(Error::BadSetting {
            key: "train.epochs",
            found: epochs.to_string(),
            expected: "nothing yet: settings are still being chosen for the length that the run was to have"
                .into(),
        });
    }
    let mut settings = settings_of(path)?;
    if let Some(source) = &how.source {
        (settings.data.source, settings.data.more_files) = (source.clone(), Vec::new());
    }
    let lock = run_dir::lock(path)?;
    let tune = Tune::read(settings.clone(), found.options)?;
    let system: Arc<dyn FileSystem> = Arc::new(Disk);
    let mut dir = RunDir::reopen(Arc::clone(&system), path, lock, 0)?;
    dir.write_settings(&settings)?;
    tune.run(&system, dir, observer).map(|(_, summary)| Some(summary))
}

struct Tune {
    settings: Settings,
    options: TuneOptions,
    data: Arc<Prepared>,
    folds: Vec<Arc<Prepared>>,
    plan: Plan,
}

impl Tune {
    /// Reads and divides the data, and finds whatever is wrong before anything is trained.
    fn read(settings: Settings, options: TuneOptions) -> Result<Self> {
        settings.check()?;
        let TuneOptions { search, folds, trainings, points } = &options;
        let at_least = |what: &'static str, found: usize, least: usize| match found >= least {
            true => Ok(()),
            false => Err(Error::BadSearch {
                search: format!("{what} = {found}"),
                reason: format!("expected at least {least}"),
            }),
        };
        at_least("folds", *folds, 2)?;
        at_least("trainings", *trainings as usize, 1)?;
        at_least("points", *points, 2)?;
        if settings.optimizer.chooses_rate() {
            let reason =
                "the learning rate is `auto`, which is chosen without tuning; leave that out".to_owned();
            return Err(Error::BadSearch { search: "lr".to_owned(), reason });
        }
        if search.iter().any(|search| search.name() == LR)
            && steepest::registry::find(&settings.optimizer.name)?.traits.learning_rate_free
        {
            let reason = format!("{} finds its own step size", settings.optimizer.name);
            return Err(Error::BadSearch { search: "lr".to_owned(), reason });
        }
        let tables = Tables::read(&settings)?;
        if tables.has_validation() {
            return Err(Error::Unsuitable {
                reason: "tuning deals the rows into folds, and validation rows lie in a file of their own",
                remedy: "leave that file out",
                keys: &["data.validation_file"],
            });
        }
        let data = Arc::new(tables.prepare(&settings)?);
        let seed = settings.train.seed;
        let fold = |fold: usize| -> Result<Arc<Prepared>> {
            let how = Division::Fold { fold, of: *folds, seed };
            tables.divide_again(&settings, &data.split, how).map(Arc::new).map_err(|error| match error {
                Error::Data(steepest_data::Error::EmptyPart { rows, .. }) => Error::BadSearch {
                    search: format!("folds = {folds}"),
                    reason: format!("{rows} rows are too few to be dealt so; take fewer folds"),
                },
                Error::Data(steepest_data::Error::FewGroups { groups, .. }) => Error::BadSearch {
                    search: format!("folds = {folds}"),
                    reason: format!("{groups} groups are too few to be dealt so; take fewer folds"),
                },
                error => error,
            })
        };
        let parts: Vec<Arc<Prepared>> = (0..*folds).map(fold).collect::<Result<_>>()?;
        let steps = settings.resolve(&parts[0])?.total_steps;
        let mut plan = search::plan(search, *points, &settings, steps, *folds)?;
        plan.seeds = (0..*trainings).map(|number| seed.wrapping_add(number << 32)).collect();
        let asked = serde_json::to_string(&options).expect("plain values");
        plan.context = crate::manifest::checksum((context(&settings, &parts) + &asked).as_bytes());
        Ok(Self { folds: parts, settings, options, data, plan })
    }

    fn run(
        self,
        system: &Arc<dyn FileSystem>,
        dir: RunDir,
        observer: &mut dyn Observer,
    ) -> Result<(Chosen, Summary)> {
        let steps = self.settings.resolve(&self.folds[0])?.total_steps;
        let expected = (self.plan.cost() * steps as f64) as u64;
        let run: PathBuf = dir.path().to_owned();
        let (chosen, point) = {
            let choosing =
                Choosing { plan: &self.plan, expected, settings: &self.settings, splits: &self.folds };
            let choice = choosing.run(system, &run, &mut *observer)?;
            (self.chosen(&choice), choice.best().point.clone())
        };
        let mut settings = search::apply(&self.settings, &point)?;
        let searched: Vec<&str> = self.options.search.iter().map(Search::name).collect();
        if searched.contains(&LR) {
            settings.optimizer.lr_from = Some(format!(
                "tune: the best of {} by {} folds of {}",
                chosen.tried.len(),
                chosen.splits,
                searched.join(", ")
            ));
        }
        let identity = Identity::of(&self.data);
        let trainer = Trainer::begin(Arc::clone(system), &settings, self.data, identity, || Ok(dir))?;
        let text = chosen.to_json();
        steepest::write_atomically_on(&**system, run.join(CHOICE), text.as_bytes())?;
        // that it asks to stop is heard at the first step
        let _ = observer.observe(&Event::Chosen(chosen.clone()));
        Ok((chosen, trainer.run(observer)?))
    }

    /// How many candidates a grid of the same range would have, as fine as what is refined.
    fn grid(&self, tried: usize) -> usize {
        match &self.plan.refine {
            // two of them lie between others
            Some(_) => 2 * tried.saturating_sub(2).max(1) - 1,
            None => tried,
        }
    }

    fn chosen(&self, choice: &Choice<NetworkTrial<'_>>) -> Chosen {
        Chosen {
            cost: choice.cost.total,
            grid_cost: self.grid(choice.outcomes.len()) as f64 * self.plan.trainings() as f64,
            trainings: self.options.trainings,
            ..Chosen::of(choice, How::Tune, &self.folds)
        }
    }
}

#[cfg(test)]
#[path = "tune_tests.rs"]
mod tests;
