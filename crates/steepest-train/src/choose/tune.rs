//! Tuning: settings chosen by cross-validation, and a run with what was chosen.

use super::choosing::{Choosing, check_memory, context};
use super::chosen::{Chosen, How};
use super::networks::NetworkTrial;
use super::search::{self, LR, Search};
use crate::checkpoint::Identity;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::file_names::CHOICE;
use crate::run_dir::RunDir;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::trainer::{Tables, Trainer};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::{Choice, Plan};
use steepest_data::{Division, Prepared};

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

/// Settings that are to be tuned.
pub(super) struct Tune {
    settings: Settings,
    options: TuneOptions,
    data: Arc<Prepared>,
    folds: Vec<Arc<Prepared>>,
    /// For each of them, which rows belong together.
    groups: Vec<Vec<u64>>,
    plan: Plan,
}

impl Tune {
    /// Reads and divides the data, and finds whatever is wrong before anything is trained.
    pub fn read(settings: Settings, options: TuneOptions) -> Result<Self> {
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
                error => Error::BadSearch {
                    search: format!("folds = {folds}"),
                    reason: format!("fold {}: {error}; take other folds", fold + 1),
                },
            })
        };
        let parts: Vec<Arc<Prepared>> = (0..*folds).map(fold).collect::<Result<_>>()?;
        let steps = settings.resolve(&parts[0])?.total_steps;
        let mut plan = search::plan(search, *points, &settings, steps, *folds)?;
        plan.seeds = (0..*trainings).map(|number| seed.wrapping_add(number << 32)).collect();
        let asked = serde_json::to_string(&options).expect("plain values");
        plan.context = crate::manifest::checksum((context(&settings, &parts) + &asked).as_bytes());
        check_memory(&settings, &parts[0], &plan)?;
        let groups = parts.iter().map(|part| tables.groups(&part.split.validation)).collect();
        Ok(Self { folds: parts, groups, settings, options, data, plan })
    }

    /// What the trainings depend on.
    pub fn context(&self) -> &str {
        &self.plan.context
    }

    /// Chooses, and trains with what was chosen.
    pub fn run(
        self,
        system: &Arc<dyn FileSystem>,
        mut dir: RunDir,
        observer: &mut dyn Observer,
    ) -> Result<(Chosen, Summary)> {
        let steps = self.settings.resolve(&self.folds[0])?.total_steps;
        let expected = (self.plan.cost() * steps as f64) as u64;
        let (chosen, point) = {
            let choosing =
                Choosing { plan: &self.plan, expected, settings: &self.settings, splits: &self.folds };
            let choice = choosing.run(system, dir.path(), &mut *observer)?;
            (self.chosen(&choice), choice.best().point.clone())
        };
        let Self { settings, options, data, folds, .. } = self;
        // they have done their part
        drop(folds);
        let mut settings = search::apply(&settings, &point)?;
        let searched: Vec<&str> = options.search.iter().map(Search::name).collect();
        if searched.contains(&LR) {
            settings.optimizer.lr_from = Some(format!(
                "tune: the best of {} by {} folds of {}",
                chosen.tried.len(),
                chosen.splits,
                searched.join(", ")
            ));
        }
        dir.write(CHOICE, chosen.to_json().as_bytes())?;
        let identity = Identity::of(&data);
        let trainer = Trainer::begin(Arc::clone(system), &settings, data, identity, || Ok(dir))?;
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
            ..Chosen::of(choice, How::Tune, &self.folds, &self.groups)
        }
    }
}

#[cfg(test)]
#[path = "tune_tests.rs"]
mod tests;
