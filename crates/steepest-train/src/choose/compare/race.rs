//! One optimizer on the rows of one fold: a rate is chosen, its training goes on to the end and is judged on the rows held back.

use super::super::apply::LR;
use super::super::networks::{NetworkTrial, Networks, Progress};
use super::entrant::Entrant;
use crate::error::{Error, Result};
use crate::event::EpochDone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use steepest_choose::choose::{self, Choice, Ended, Journal, Plan};
use steepest_data::Prepared;

/// What was found of one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct TriedRate {
    /// The rate.
    pub lr: f64,
    /// How far it was trained, as a part of the full schedule.
    pub to: f64,
    /// The mean validation loss there; absent where it had diverged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<f64>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Race {
    /// Whose it is.
    pub entrant: usize,
    pub fold: usize,
    /// Which of the trainings on this fold.
    pub training: u64,
    /// The rate that was chosen; absent where all diverged.
    pub lr: Option<f64>,
    /// The rates that were tried, the best first.
    pub rates: Vec<TriedRate>,
    /// What the choice cost beside the training, in full schedules.
    pub extra: f64,
    /// The validation loss at the end of each epoch, behind the steps until there.
    pub curve: Vec<(u64, f64)>,
    /// The loss of each row that was held back; empty where the training failed.
    pub losses: Vec<f64>,
    /// The metric of these rows.
    pub metric: Option<f64>,
    /// Why it failed.
    pub failed: Option<String>,
}

/// How many rates are tried, and how far.
pub(super) fn plan(entrant: &Entrant, rates: u64, steps: u64, seed: u64) -> Result<Plan> {
    let usual = entrant.settings.optimizer.learning_rate()?;
    let count = if entrant.tuned { rates as usize } else { 1 };
    let planned = Plan::quick(LR, usual, count, steps).and_then(|mut plan| {
        plan.seeds = vec![seed];
        if count == 1 {
            plan.extend = None;
            plan.rungs.drain(..plan.rungs.len() - 1);
        }
        plan.check().map(|()| plan)
    });
    planned.map_err(|error| Error::BadSearch {
        search: format!("optimizers = {}", entrant.name),
        reason: error.to_string(),
    })
}

/// Where a race takes place.
pub(super) struct Place {
    pub entrant: usize,
    pub fold: usize,
    pub training: u64,
}

/// Runs one.
///
/// # Errors
/// [`Error::Stopped`] where the observer asked for it; what keeps a training from going on. That it diverges is none.
pub(super) fn race(
    place: &Place,
    entrant: &Entrant,
    plan: &Plan,
    data: &Arc<Prepared>,
    progress: &Arc<Progress<'_>>,
) -> Result<Race> {
    let networks = Networks::of(entrant.settings.clone(), vec![Arc::clone(data)], Some(Arc::clone(progress)));
    let Place { entrant: at, fold, training } = *place;
    let none = Race { entrant: at, fold, training, ..Race::default() };
    match choose::choose(&networks, plan, Journal::default(), |_| progress.flow()) {
        Ok(Ended::Chosen(choice)) => judged(none, choice),
        Ok(Ended::Stopped(_)) | Err(choose::Error::Training { source: Error::Stopped, .. }) => {
            Err(Error::Stopped)
        }
        Err(error @ choose::Error::AllDiverged { .. }) => {
            Ok(Race { failed: Some(error.to_string()), ..none })
        }
        Err(choose::Error::Training { candidate, source, .. }) => Err(Error::Trial {
            place: format!("{} with {candidate} on fold {}", entrant.name, place.fold + 1),
            source: Box::new(source),
        }),
        Err(error) => Err(Error::BadSearch {
            search: format!("optimizers = {}", entrant.name),
            reason: error.to_string(),
        }),
    }
}

fn judged(none: Race, mut choice: Choice<NetworkTrial<'_>>) -> Result<Race> {
    let trial = choice.trained.pop().and_then(|trained| trained.trial);
    let mut trial = trial.expect("nothing was restored, so that the training is here");
    let tried = |&at: &usize| {
        let outcome = &choice.outcomes[at];
        let last = outcome.rungs.last().filter(|_| outcome.diverged.is_none());
        let to = last.map_or(outcome.diverged.map_or(0.0, |divergence| divergence.at), |rung| rung.to);
        Some(TriedRate { lr: outcome.candidate.number(LR)?, to, loss: last.map(|rung| rung.mean) })
    };
    let (losses, metric) = trial.trainer.test_results()?;
    let finite = losses.iter().all(|loss| loss.is_finite());
    let loss = |done: &EpochDone| done.validation_capped.or(done.validation_loss);
    Ok(Race {
        lr: choice.best().number(LR),
        rates: choice.order.iter().filter_map(tried).collect(),
        // of one rate it is a difference of nothing
        extra: choice.cost.extra.max(0.0),
        curve: trial.epochs.iter().filter_map(|done| Some((done.step, loss(done)?))).collect(),
        failed: (!finite).then(|| "the loss of a row that was held back is not finite".to_owned()),
        losses: if finite { losses } else { Vec::new() },
        metric: metric.filter(|metric| metric.is_finite()),
        ..none
    })
}
