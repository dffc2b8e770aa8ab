//! `lr = "auto"`: several learning rates are trained a little, the best goes on and is the run.

use super::apply::{LR, apply};
use super::chosen::{Chosen, How};
use super::ramps::Ramps;
use super::ready::{Decided, Ready, Training};
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::resolve::Resolved;
use crate::settings::Settings;
use crate::tables::Tables;
use std::path::Path;
use std::sync::Arc;
use steepest::FileSystem;
use steepest_choose::choose::{Choice, Outcome, Plan};
use steepest_data::Prepared;

/// A ramp takes at most this part of the training's steps.
const RAMP_PART: u64 = 50;

/// What is tried on so many divisions of the rows; where there are several of them, trainings are cheap.
///
/// # Errors
/// No validation rows; a training that is too short to be cut into rungs; those of [`Settings::resolve`].
fn plan(settings: &Settings, data: &Prepared, splits: usize) -> Result<Plan> {
    let refuse = |found: &str, expected: String| {
        Err(Error::BadSetting { key: "optimizer.lr", found: found.into(), expected })
    };
    if data.validation.features.rows == 0 {
        let expected = "validation rows, by which rates are compared, or a number".into();
        return refuse("auto without validation rows", expected);
    }
    let total = settings.resolve(data)?.total_steps;
    let planned = Plan::automatic(LR, settings.optimizer.learning_rate()?, total).and_then(|mut plan| {
        if splits > 1 {
            plan = plan.paired(splits).deeper();
        }
        // the winner goes on from the last comparison as the run itself
        plan.rungs.pop();
        plan.seeds = vec![settings.train.seed];
        plan.check().map(|()| plan)
    });
    planned.or_else(|error| refuse("auto", format!("a number, or a longer training: {error}")))
}

/// Reads and divides the data, and finds whatever is wrong before anything is written.
pub(super) fn ready(settings: Settings) -> Result<Ready> {
    let tables = Tables::read(&settings)?;
    let data = Arc::new(tables.prepare(&settings)?);
    let one = plan(&settings, &data, 1)?;
    let splits = match settings.optimizer.lr_splits {
        Some(count) if count > 1 && !tables.can_divide_again() => {
            return Err(Error::BadSetting {
                key: "optimizer.lr_splits",
                found: count.to_string(),
                expected: "1: rows that are divided by time, or whose validation rows lie in a file, are divided once"
                    .into(),
            });
        }
        Some(count) => tables.divisions(&settings, &data, count)?,
        None if tables.can_divide_again() => {
            let Resolved { model, batch, total_steps, .. } = settings.resolve(&data)?;
            let (parameters, batch) = (model.parameters(), batch.resolve(data.train.features.rows));
            let cheap = |count: &u64| seconds(*count, parameters, batch, total_steps) <= CHEAP;
            let count = [5, 3].into_iter().find(cheap).unwrap_or(1);
            // few groups cannot be divided at will, and nobody asked for it
            tables.divisions(&settings, &data, count).unwrap_or_else(|_| vec![Arc::clone(&data)])
        }
        None => vec![Arc::clone(&data)],
    };
    let plan = if splits.len() == 1 { one } else { plan(&settings, &data, splits.len())? };
    Ready::new(settings, &tables, data, splits, plan, &())
}

/// Chooses; the best rate's training on the run's own division of the rows becomes the run.
pub(super) fn decide(
    ready: &Ready,
    system: &Arc<dyn FileSystem>,
    run: &Path,
    observer: &mut dyn Observer,
) -> Result<Decided> {
    let ramps = Ramps::of(ready, ready.steps / RAMP_PART)?;
    let mut plan = ready.plan.clone();
    plan.extra_at_most -= ramps.cost;
    let plan = ramps.below_divergence(plan);
    let choice = ready.choose(&plan, system, run, observer)?;
    let own = choice.outcomes[choice.winner].rungs.last().map_or(0.0, |rung| rung.to);
    let chosen = Chosen {
        cost: choice.cost.total - own + ramps.cost,
        grid_cost: (choice.outcomes.len() * ready.splits.len()) as f64,
        ..Chosen::of(&choice, How::Auto, &ready.splits, &ready.groups, 1)
    };
    let mut settings = apply(&ready.settings, &choice.best().point)?;
    let from = from(&choice, &chosen);
    let notes = notes(&choice, &from);
    settings.optimizer.lr_from = Some(from);
    // where there is none, because the choice was cut or the training ended by itself, the same steps are taken again
    let own = choice.trained.into_iter().find(|trained| trained.split == 0).and_then(|own| own.trial);
    let own = own.filter(|trial| trial.ended.is_none());
    let training = own.map(|trial| Training { trainer: trial.trainer, epochs: trial.epochs });
    Ok(Decided { settings, chosen, notes, training })
}

/// Where the rate comes from.
fn from<T>(choice: &Choice<T>, chosen: &Chosen) -> String {
    let mut rates: Vec<f64> = choice.outcomes.iter().map(rate).collect();
    rates.sort_unstable_by(f64::total_cmp);
    let on = match chosen.splits {
        1 => "on the run's own split".to_owned(),
        n => format!("on {n} splits"),
    };
    // as numbers are typed: 0.003, 9.49e-5
    format!(
        "auto: the best of {} rates from {:?} to {:?} {on}, at {:.2} trainings beside the run's own",
        rates.len(),
        rates[0],
        rates[rates.len() - 1],
        chosen.cost
    )
}

/// What is to be said, the choice first.
fn notes<T>(choice: &Choice<T>, from: &str) -> Vec<String> {
    let mut notes = vec![format!("learning rate {:?}, {from}", rate(&choice.outcomes[choice.winner]))];
    if choice.dropped.iter().any(|dropped| dropped.documented) {
        notes.push("the usual learning rate was not tried: training falls apart near it".to_owned());
    }
    let diverged: Vec<String> = (choice.outcomes.iter())
        .filter_map(|outcome| {
            Some(format!("{:?} (at {:.1} % of the training)", rate(outcome), 100.0 * outcome.diverged?.at))
        })
        .collect();
    if !diverged.is_empty() {
        notes.push(format!("learning rates that diverged: {}", diverged.join(", ")));
    }
    notes
}

fn rate(outcome: &Outcome) -> f64 {
    outcome.candidate.number(LR).unwrap_or(f64::NAN)
}

/// Seconds beyond which a choice on several divisions of the rows is too dear to be made without being asked for.
const CHEAP: f64 = 8.0;

/// About how long a choice on so many divisions takes on one usual core. It is counted, not measured, so that every machine
/// decides alike: 0.15 ms a step, and 30 billion multiplications and additions a second.
fn seconds(splits: u64, parameters: u64, batch: usize, total: u64) -> f64 {
    let step = 1.5e-4 + 6.0 * parameters as f64 * batch as f64 / 3e10;
    // seven to an eighth, five to a quarter, three to a half
    splits as f64 * 2.25 * total as f64 * step
}

#[cfg(test)]
mod tests;
