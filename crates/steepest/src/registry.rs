//! The table of optimizers: one line here, and the command line, the reference pages and every
//! test loop know the optimizer.

use crate::error::{Error, Result, nearest};
use crate::rule::{IntoRule, Rule};
use crate::rules::{Adadelta, Adagrad, Adam, AdamW, Adamax, RAdam, RmsProp, Sgd};
use crate::settings::{Parameter, Settings, Values};

/// An optimizer as the table knows it.
#[derive(Debug)]
pub struct Entry {
    /// Its name, in files and on the command line.
    pub name: &'static str,
    /// Its page: one sentence, then sections (`# Formula`, `# State`, `# Differences`, …) in Markdown.
    pub page: &'static str,
    /// A learning rate to begin with, as the peak of a schedule, for networks of ordinary size.
    pub default_lr: f64,
    /// Bytes read and written per f32 parameter and step with default settings.
    pub traffic: u32,
    /// Whether each element is treated alone.
    pub elementwise: bool,
    /// Its table of settings.
    pub parameters: fn() -> Vec<Parameter>,
    make: fn(&Values) -> Result<Rule>,
}

impl Entry {
    /// The first sentence of the page.
    pub fn summary(&self) -> String {
        let paragraph = self.page.trim_start().split("\n\n").next().unwrap_or_default();
        paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The section of the page under `# heading`, without its heading.
    pub fn section(&self, heading: &str) -> Option<String> {
        let mut inside = false;
        let lines: Vec<&str> = self
            .page
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .filter(|line| {
                if let Some(title) = line.strip_prefix("# ")
                    && title.trim().chars().next().is_some_and(char::is_uppercase)
                {
                    inside = title.trim() == heading;
                    return false;
                }
                inside
            })
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n").trim().to_owned())
    }

    /// The rule with these settings; those not named keep their defaults.
    ///
    /// # Errors
    /// A setting that is unknown (the nearest is named), of another type, or outside its range.
    pub fn make(&self, settings: &Values) -> Result<Rule> {
        (self.make)(settings)
    }
}

macro_rules! entry {
    ($settings:ty, $default_lr:expr, $traffic:expr) => {
        Entry {
            name: <$settings as Settings>::OWNER,
            page: <$settings as Settings>::PAGE,
            default_lr: $default_lr,
            traffic: $traffic,
            elementwise: true,
            parameters: <$settings as Settings>::parameters,
            make: |values| <$settings as Settings>::from_values(values)?.into_rule(),
        }
    };
}

/// Every optimizer.
pub static OPTIMIZERS: &[Entry] = &[
    entry!(Sgd, 0.05, 12),
    entry!(Adagrad, 0.02, 20),
    entry!(RmsProp, 1e-3, 20),
    entry!(Adam, 3e-3, 28),
    entry!(AdamW, 3e-3, 28),
    entry!(Adadelta, 1.0, 28),
    entry!(Adamax, 5e-3, 28),
    entry!(RAdam, 3e-3, 28),
];

/// The optimizer called `name`.
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
///
/// ```
/// let error = steepest::registry::find("adamv").unwrap_err();
/// assert!(error.to_string().starts_with("no optimizer is called `adamv`; did you mean `adam"));
/// ```
pub fn find(name: &str) -> Result<&'static Entry> {
    OPTIMIZERS.iter().find(|entry| entry.name == name).ok_or_else(|| Error::UnknownName {
        kind: "optimizer",
        name: name.to_owned(),
        nearest: nearest(name, OPTIMIZERS.iter().map(|e| e.name)).map(str::to_owned),
        known: OPTIMIZERS.iter().map(|e| e.name.to_owned()).collect(),
    })
}
