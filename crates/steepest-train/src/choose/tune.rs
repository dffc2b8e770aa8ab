//! Tuning: settings chosen by cross-validation, and a run with what was chosen.

use super::apply::{LR, apply};
use super::chosen::{Chosen, How};
use super::ramps::Ramps;
use super::ready::{Decided, Ready};
use super::search::{self, Search};
use super::timing::step_seconds;
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::settings::Settings;
use crate::tables::{Tables, other_seed};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::Plan;
use steepest_data::Prepared;

/// How settings are tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneOptions {
    /// What is searched. Default: the learning rate.
    pub search: Vec<Search>,
    /// Into how many folds the rows that are not for the test are dealt, at least 2. Default 5.
    pub folds: usize,
    /// Trainings on each fold, each with other initial weights and another order of the rows, at least 1. Default 3, and 1 where several settings are
    /// searched.
    pub trainings: u64,
    /// Candidates, where they are not counted off by what is searched, at least 2. Default 11, and 33 where several
    /// settings are searched.
    pub points: usize,
}

impl Default for TuneOptions {
    fn default() -> Self {
        Self::of(vec![Search::rate()])
    }
}

impl TuneOptions {
    /// The defaults for what is searched. Along one setting, three trainings on each fold tell neighbours apart; in a space of
    /// several, three times as many points with one training each cost the same and find more.
    pub fn of(search: Vec<Search>) -> Self {
        let (trainings, points) = if search.len() > 1 { (1, 33) } else { (3, 11) };
        Self { search, folds: 5, trainings, points }
    }
}

/// Reads and divides the data, and finds whatever is wrong before anything is written.
pub(super) fn ready(settings: Settings, options: &TuneOptions) -> Result<Ready> {
    let TuneOptions { search, folds, trainings, points } = options;
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
        let reason = "the learning rate is `auto`, which is chosen without tuning; leave that out".to_owned();
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
    let refused = |fold: usize, error: Error| {
        let reason = match error {
            Error::Data(steepest_data::Error::EmptyPart { rows, .. }) => {
                format!("{rows} rows are too few to be dealt so; take fewer folds")
            }
            Error::Data(steepest_data::Error::FewGroups { groups, .. }) => {
                format!("{groups} groups are too few to be dealt so; take fewer folds")
            }
            error => format!("fold {}: {error}; take other folds", fold + 1),
        };
        Error::BadSearch { search: format!("folds = {folds}"), reason }
    };
    let parts: Vec<Arc<Prepared>> = (tables.folds(&settings, &data.split, *folds).enumerate())
        .map(|(fold, part)| part.map_err(|error| refused(fold, error)))
        .collect::<Result<_>>()?;
    let steps = settings.resolve(&parts[0])?.total_steps;
    let plan = plan(options, &settings, steps)?;
    Ready::new(settings, &tables, data, parts, plan, options)
}

fn plan(options: &TuneOptions, settings: &Settings, steps: u64) -> Result<Plan> {
    let mut plan = search::plan(&options.search, options.points, settings, steps, options.folds)?;
    plan.seeds = (0..options.trainings).map(|number| other_seed(settings.train.seed, number)).collect();
    Ok(plan)
}

/// Fewest candidates that seconds leave.
const FEWEST: usize = 3;

/// As many candidates and trainings, at most those that are asked for, as seconds are time for, the run itself included.
pub(super) fn within(ready: Ready, options: &TuneOptions, seconds: f64) -> Result<(Ready, TuneOptions)> {
    let [step] = step_seconds([&ready.settings], &ready.splits[0])?[..] else {
        unreachable!("one was asked for")
    };
    // trainings run side by side, and the run alone
    let together = rayon::current_num_threads() as f64;
    let takes = |plan: &Plan| (plan.cost() / together + 1.0) * ready.steps as f64 * step;
    let mut best: Option<(f64, Plan, TuneOptions)> = None;
    let mut least = f64::INFINITY;
    for trainings in 1..=options.trainings {
        for points in FEWEST.min(options.points)..=options.points {
            let counted = TuneOptions { trainings, points, ..options.clone() };
            let plan = plan(&counted, &ready.settings, ready.steps)?;
            let cost = takes(&plan);
            least = least.min(cost);
            if cost <= seconds && best.as_ref().is_none_or(|(most, ..)| cost > *most) {
                best = Some((cost, plan, counted));
            }
        }
    }
    let Some((_, plan, counted)) = best else {
        return Err(Error::BadSetting {
            key: "train.max_seconds",
            found: seconds.to_string(),
            expected: format!("at least {}, which the fewest trainings take here", least.ceil()),
        });
    };
    Ok((ready.planned(plan, &counted), counted))
}

/// The most that a ramp may take of what all trainings do.
const RAMP_PART: f64 = 0.01;

/// Chooses by cross-validation.
pub(super) fn decide(
    ready: &Ready,
    options: &TuneOptions,
    system: &Arc<dyn FileSystem>,
    run: &Path,
    observer: &mut dyn Observer,
) -> Result<Decided> {
    let (mut plan, mut ramped) = (ready.plan.clone(), 0.0);
    if options.search.iter().any(|search| search.name() == LR) {
        let ramps = Ramps::of(ready, (RAMP_PART * plan.cost() * ready.steps as f64) as u64)?;
        (plan, ramped) = (ramps.below_divergence(plan), ramps.cost);
    }
    let choice = ready.choose(&plan, system, run, observer)?;
    let chosen = Chosen {
        cost: choice.cost.total + ramped,
        grid_cost: grid(&plan, choice.outcomes.len()) as f64 * plan.trainings() as f64,
        ..Chosen::of(&choice, How::Tune, &ready.splits, &ready.groups, options.trainings)
    };
    let mut settings = apply(&ready.settings, &choice.best().point)?;
    let searched: Vec<&str> = options.search.iter().map(Search::name).collect();
    if searched.contains(&LR) {
        settings.optimizer.lr_from = Some(format!(
            "tune: the best of {} by {} folds of {}",
            chosen.tried.len(),
            chosen.splits,
            searched.join(", ")
        ));
    }
    Ok(Decided { settings, chosen, notes: Vec::new(), training: None })
}

/// How many candidates a grid of the same range would have, as fine as what is refined.
fn grid(plan: &Plan, tried: usize) -> usize {
    match &plan.refine {
        // two of them lie between others
        Some(_) => 2 * tried.saturating_sub(2).max(1) - 1,
        None => tried,
    }
}

#[cfg(test)]
mod tests;
