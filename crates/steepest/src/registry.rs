//! The table of optimizers: one line in it (`src/rules/mod.rs`), and the command line, the reference
//! pages and every test loop know the optimizer.

use crate::dtype::DType;
use crate::error::{Error, Result, nearest};
use crate::kernel::Float;
use crate::minimize::{Lbfgs, LearningRate, Minimize};
use crate::optimizer::Optimizer;
use crate::param::Param;
use crate::rule::Rule;
use crate::settings::{Dialect, Parameter, Settings, Values};
use crate::stop::Stop;
use std::fmt::Write as _;

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
    /// Whether it needs the function itself, which it evaluates several times in a step.
    pub needs_function: bool,
    /// Whether its steps fall toward zero with their number, whatever η.
    pub fading: bool,
    /// Whether a falling η brings it to the end of a narrow valley: not where one factor of all past steps is learned, beside
    /// whose sum the newest are small.
    pub settles: bool,
    /// Whether it needs the gradient of all data: the noise of mini-batches misleads it.
    pub full_batch: bool,
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
        needs_function: false,
        full_batch: false,
        fading: false,
        settles: true,
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

    /// Bytes of state for each element of a large f32 matrix, with default settings.
    ///
    /// # Errors
    /// None: the defaults are valid.
    pub fn state_bytes(&self) -> Result<f64> {
        let matrix = Param::new("matrix", [256, 256], DType::F32);
        let len = matrix.len() as f64;
        let optimizer = Optimizer::builder(self.make(&Values::new())).build([matrix])?;
        Ok((optimizer.state_bytes() as f64 / len * 100.0).round() / 100.0)
    }

    /// What it needs besides a gradient and a learning rate, in words; empty when nothing.
    pub fn needs(&self) -> String {
        let Traits {
            needs_loss, needs_function, learning_rate_free, schedule_free, full_batch, half, ..
        } = self.traits;
        let words = [
            (needs_loss, "the loss"),
            (needs_function, "the function, not a gradient"),
            (full_batch, "the gradient of all data"),
            (learning_rate_free, "no learning rate: a factor of about 1"),
            (schedule_free, "no schedule"),
            (!half, "parameters in f32 or f64"),
        ];
        words.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect::<Vec<_>>().join("; ")
    }

    /// A minimization with these settings, whatever the method's kind.
    ///
    /// # Errors
    /// As [`Entry::make`].
    pub fn minimize<T: Float>(
        &self,
        settings: &Values,
        rate: impl Into<LearningRate>,
        stop: impl Into<Stop>,
    ) -> Result<Minimize<T>> {
        if self.traits.needs_function {
            return Ok(Minimize::new(Lbfgs::from_values(settings)?, rate, stop));
        }
        Ok(Minimize::new(self.make(settings)?, rate, stop))
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

/// L-BFGS, which evaluates the loss itself, several times in a step: for [`Minimize`], and not
/// among [`OPTIMIZERS`], whose step has one gradient. It makes no rule.
pub static LBFGS: Entry = Entry {
    name: Lbfgs::OWNER,
    page: Lbfgs::PAGE,
    default_lr: 1.0,
    // both loops of the recursion read two vectors for each of 100 remembered steps
    traffic: 1600,
    traits: Traits { needs_function: true, learning_rate_free: true, ..Traits::TENSOR },
    dialects: Lbfgs::DIALECTS,
    parameters: Lbfgs::parameters,
    make: |_| {
        Err(Error::Conflict {
            owner: Lbfgs::OWNER,
            conflict: "it evaluates the loss several times in a step, and a training step has one gradient"
                .into(),
            remedy: "use it with `minimize`, or another optimizer".into(),
        })
    },
};

/// What `minimize` can use: an optimizer, or [`LBFGS`].
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
pub fn find_method(name: &str) -> Result<&'static Entry> {
    if name == LBFGS.name { Ok(&LBFGS) } else { find(name) }
}

/// The reference page in Markdown: a table of all optimizers, then each one's own page.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Optimizers\n\nState and traffic are bytes for each f32 parameter of a matrix, with default settings: \
         what is kept, and what a step reads and writes.\n\n\
         | optimizer | state | traffic | needs | |\n| --- | --- | --- | --- | --- |\n",
    );
    for entry in OPTIMIZERS {
        let state = entry.state_bytes().map_or_else(|e| e.to_string(), |bytes| bytes.to_string());
        let (name, traffic, needs) = (entry.name, entry.traffic, entry.needs());
        let _ =
            writeln!(page, "| [`{name}`](#{name}) | {state} | {traffic} | {needs} | {} |", entry.summary());
    }
    for entry in OPTIMIZERS.iter().chain([&LBFGS]) {
        let _ = writeln!(page, "\n## {}\n\n{}", entry.name, entry.summary());
        for heading in ["Formula", "Settings", "State", "Differences", "Errors", "Example", "Source"] {
            let body = match (heading, entry.section(heading)) {
                ("Settings", _) => settings_table(&(entry.parameters)()),
                (_, Some(body)) => body,
                (_, None) => continue,
            };
            let _ = writeln!(page, "\n### {heading}\n\n{body}");
        }
    }
    page
}

fn settings_table(parameters: &[Parameter]) -> String {
    let mut table = String::from("| setting | default | valid | |\n| --- | --- | --- | --- |");
    for p in parameters {
        let _ = write!(table, "\n| `{}` | {} | {} | {} |", p.name, p.default, p.valid, p.about);
    }
    table
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_complete() {
        for entry in OPTIMIZERS {
            for heading in ["Formula", "State", "Differences", "Errors", "Example", "Source"] {
                let body = entry.section(heading);
                assert!(body.is_some_and(|b| !b.is_empty()), "{}: no section {heading}", entry.name);
            }
            assert!(entry.summary().ends_with('.'), "{}: {}", entry.name, entry.summary());
            assert!((entry.parameters)().iter().all(|p| !p.about.is_empty()), "{}", entry.name);
        }
        let page = reference_page();
        assert!(OPTIMIZERS.iter().all(|entry| page.contains(&format!("\n## {}\n", entry.name))));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = OPTIMIZERS.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPTIMIZERS.len());
    }

    #[test]
    fn state_is_counted_for_each_element() {
        let bytes = |name| find(name).unwrap().state_bytes().unwrap();
        assert_eq!((bytes("sgd"), bytes("adagrad"), bytes("adamw")), (0.0, 4.0, 8.0));
    }
}
