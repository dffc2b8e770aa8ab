//! A row of the table of schedules.

use super::factor::Schedule;
use crate::error::Result;
use crate::names::Named;
use crate::page;
use crate::settings::{Parameter, Settings, Values};

/// What a trainer needs to know of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traits {
    /// Whether it begins with a warm-up of its own, so that it needs no other before it.
    pub own_warmup: bool,
}

/// Makes a schedule by name: what those with schedules inside are given to make them.
pub(super) type Make = fn(&str, &Values) -> Result<Box<dyn Schedule>>;

/// A row of [`REGISTRY`](crate::schedule::REGISTRY).
#[derive(Debug, Clone, Copy)]
pub struct ScheduleEntry {
    /// Its name in files and on the command line.
    pub name: &'static str,
    /// Its page: one sentence, then sections (`# Formula`, `# Differences`, `# Source`, …) in Markdown. The formula
    /// gives the factor at step `e` = 0, 1, …
    pub page: &'static str,
    /// What a trainer needs to know of it.
    pub traits: Traits,
    pub(super) parameters: fn() -> Vec<Parameter>,
    pub(super) make: fn(&Values, Make) -> Result<Box<dyn Schedule>>,
}

impl ScheduleEntry {
    /// The row of a schedule that is nothing but its settings.
    pub(super) const fn of<S: Schedule + Settings + 'static>() -> Self {
        Self {
            name: S::OWNER,
            page: S::PAGE,
            traits: Traits { own_warmup: false },
            parameters: S::parameters,
            make: |values, _| {
                let schedule = S::from_values(values)?;
                schedule.validate()?;
                Ok(Box::new(schedule))
            },
        }
    }

    /// The first sentence of the page: what it does.
    pub fn summary(&self) -> String {
        page::summary(self.page)
    }

    /// The section of the page under `# heading`, without its heading.
    pub fn section(&self, heading: &str) -> Option<String> {
        page::section(self.page, heading)
    }
}

impl Named for ScheduleEntry {
    fn name(&self) -> &str {
        self.name
    }
}
