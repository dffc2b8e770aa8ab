//! The table of optimizers: one line in it (`src/rules/mod.rs`), and the command line, the reference
//! pages and every test loop know the optimizer.

use crate::error::{Error, Result, nearest};
use crate::rule::Rule;
use crate::settings::{Dialect, Parameter, Values};

/// What an optimizer can do and what it needs: what tests, the trainer and the pages go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Whether each element is treated alone, so that splitting and permuting tensors changes no bit.
    pub elementwise: bool,
    /// Whether it takes bf16 and f16, and clipping by value and by unit.
    pub half: bool,
    /// Whether a gradient of zero, from the first step on and without decay, leaves the parameters as they are.
    pub still: bool,
    /// Whether nearly equal gradients give nearly equal steps: not where signs are taken.
    pub continuous: bool,
    /// Whether it finds the size of its steps itself: η is a factor of about 1.
    pub learning_rate_free: bool,
    /// Whether it averages its weights instead of letting η fall: best with a constant η.
    pub schedule_free: bool,
    /// Whether a step needs the loss.
    pub needs_loss: bool,
    /// Whether its steps fall toward zero with their number, whatever η.
    pub fading: bool,
}

impl Traits {
    /// An element rule, as most are.
    pub const ELEMENT: Self = Self {
        elementwise: true,
        half: true,
        still: true,
        continuous: true,
        learning_rate_free: false,
        schedule_free: false,
        needs_loss: false,
        fading: false,
    };
    /// An element rule that also measures the tensor, or all of them.
    pub const MEASURED: Self = Self { elementwise: false, ..Self::ELEMENT };
    /// A tensor rule.
    pub const TENSOR: Self = Self { elementwise: false, half: false, ..Self::ELEMENT };
}

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
    /// What it can do and what it needs.
    pub traits: Traits,
    /// The dialects that it knows, the default first; none where implementations agree.
    pub dialects: &'static [Dialect],
    /// Its table of settings.
    pub parameters: fn() -> Vec<Parameter>,
    pub(crate) make: fn(&Values) -> Result<Rule>,
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

/// Every optimizer.
pub static OPTIMIZERS: &[Entry] = crate::rules::TABLE;

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
