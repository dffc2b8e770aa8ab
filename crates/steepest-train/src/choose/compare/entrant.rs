//! What is compared.

use crate::error::{Error, Result};
use crate::settings::{OptimizerSettings, Settings};
use serde::{Deserialize, Serialize};
use steepest::registry;

/// How optimizers are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompareOptions {
    /// Their names, at least two. One that finds its own step size, or is made to go without a schedule, is there twice: as it is,
    /// and with a rate chosen like the others'.
    pub optimizers: Vec<String>,
    /// The one that the others are compared with. Default: the first.
    pub baseline: Option<String>,
    /// Into how many folds the rows are dealt, each of which is held back once, at least 2. Default 5.
    pub folds: usize,
    /// How often everything is done on each fold, each time with other initial weights and another order of the rows, at least 1.
    /// Default 1.
    pub trainings: u64,
    /// How many rates are tried for each optimizer, or one number for all of them. Default: 7 for the baseline, and for the others
    /// what takes about as many seconds, from 3 to 15.
    pub rates: Vec<u64>,
    /// The validation loss whose reaching is counted. Default: within 5 % of the baseline's lowest on the same rows.
    pub reach: Option<f64>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            optimizers: Vec::new(),
            baseline: None,
            folds: 5,
            trainings: 1,
            rates: Vec::new(),
            reach: None,
        }
    }
}

/// The most rates that may be tried of one optimizer: seven decades.
const MOST_RATES: u64 = 15;

impl CompareOptions {
    /// Everything that is known to be wrong before the data is read.
    pub(super) fn check(&self) -> Result<()> {
        let refuse =
            |what: String, reason: &str| Err(Error::BadSearch { search: what, reason: reason.to_owned() });
        if self.optimizers.len() < 2 {
            let given = self.optimizers.join(", ");
            return refuse(format!("optimizers = {given}"), "expected at least two to compare");
        }
        for (at, name) in self.optimizers.iter().enumerate() {
            let entry = registry::find(name)?;
            if entry.traits.needs_function {
                let reason =
                    "it needs the function itself, which training on batches does not have; leave it out";
                return refuse(format!("optimizers = {name}"), reason);
            }
            if self.optimizers[..at].contains(name) {
                return refuse(format!("optimizers = {name}"), "it is named twice; name it once");
            }
        }
        if let Some(baseline) = self.baseline.as_ref().filter(|name| !self.optimizers.contains(name)) {
            let reason = format!("it is none of {}; name one of them", self.optimizers.join(", "));
            return refuse(format!("baseline = {baseline}"), &reason);
        }
        for (what, found, least) in [("folds", self.folds as u64, 2), ("trainings", self.trainings, 1)] {
            if found < least {
                return refuse(format!("{what} = {found}"), &format!("expected at least {least}"));
            }
        }
        let counts = self.rates.len();
        if counts > 1 && counts != self.optimizers.len() {
            let reason = format!("expected one number, or one for each of {}", self.optimizers.len());
            return refuse(format!("rates = {:?}", self.rates), &reason);
        }
        if let Some(found) = self.rates.iter().find(|count| !(1..=MOST_RATES).contains(*count)) {
            return refuse(format!("rates = {found}"), &format!("expected 1 to {MOST_RATES}"));
        }
        match self.reach {
            Some(loss) if !(loss > 0.0 && loss.is_finite()) => {
                refuse(format!("reach = {loss}"), "expected a finite loss above 0")
            }
            _ => Ok(()),
        }
    }

    /// The place of the one that the others are compared with: tuned, as they are.
    pub(super) fn baseline(&self, entrants: &[Entrant]) -> usize {
        let name = self.baseline.as_ref().or(self.optimizers.first());
        let is_it = |one: &Entrant| one.tuned && Some(&one.settings.optimizer.name) == name;
        entrants.iter().position(is_it).unwrap_or(0)
    }
}

/// An optimizer that is compared, as it is or tuned.
#[derive(Debug, Clone)]
pub(super) struct Entrant {
    /// What it is called.
    pub name: String,
    /// Its place among the optimizers that were named.
    pub optimizer: usize,
    /// Whether its rate is chosen.
    pub tuned: bool,
    pub settings: Settings,
}

/// What the optimizers become, in their order.
pub(super) fn entrants(settings: &Settings, options: &CompareOptions) -> Result<Vec<Entrant>> {
    let OptimizerSettings { lr, settings: own, .. } = &settings.optimizer;
    let given = lr.iter().map(|_| "lr").chain(own.keys().map(String::as_str)).collect::<Vec<_>>().join(", ");
    if !given.is_empty() {
        return Err(Error::BadSearch {
            search: format!("optimizers = {}", options.optimizers.join(", ")),
            reason: format!("{given} would be of one of them, and each has its own; leave that out"),
        });
    }
    let mut entrants = Vec::new();
    for (optimizer, name) in options.optimizers.iter().enumerate() {
        let traits = registry::find(name)?.traits;
        let mut settings = settings.clone();
        settings.optimizer.name.clone_from(name);
        settings.check()?;
        let as_it_is = traits.learning_rate_free || traits.schedule_free;
        if as_it_is {
            let name = format!("{name}, untuned");
            entrants.push(Entrant { name, optimizer, tuned: false, settings: settings.clone() });
        }
        entrants.push(Entrant { name: name.clone(), optimizer, tuned: true, settings });
    }
    Ok(entrants)
}
