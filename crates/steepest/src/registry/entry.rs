//! A row of the table of optimizers.

use crate::error::Result;
use crate::names::Named;
use crate::page;
use crate::rule::Rule;
use crate::settings::{Dialect, Parameter, Values};

/// What an optimizer can do and what it needs: what tests, the trainer and the pages go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

/// What torch has of an optimizer, where it has it: what a door to Python goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct InTorch {
    /// The name of its class in `torch.optim`.
    pub class: &'static str,
    /// Its default learning rate there, which is not for networks of a certain size.
    pub lr: f64,
    /// Settings that are one argument there: its name, and theirs in its order. Numbered ones, as `beta1` and `beta2`, need not be said.
    pub joined: &'static [(&'static str, &'static [&'static str])],
    /// Settings whose 0 stands for something else, and is written `None` there.
    pub none: &'static [&'static str],
    /// State arrays over all axes but one, which torch keeps with length 1: which it is, counted from the last, 0.
    pub kept_axes: &'static [(&'static str, usize)],
}

/// An optimizer as the table knows it.
#[derive(Debug)]
pub struct Entry {
    /// Its name, in files and on the command line.
    pub name: &'static str,
    /// The name of its settings as a type.
    pub type_name: &'static str,
    /// Its page: one sentence, then sections (`# Formula`, `# State`, `# Differences`, …) in Markdown.
    pub page: &'static str,
    /// A learning rate to begin with, as the peak of a schedule, for networks of ordinary size.
    pub default_lr: f64,
    /// Bytes read and written per f32 parameter and step with default settings.
    pub traffic: u32,
    /// What it can do and what it needs.
    pub traits: Traits,
    /// What torch has of it.
    pub torch: Option<InTorch>,
    /// The dialects that it knows, the default first; none where implementations agree.
    pub dialects: &'static [Dialect],
    /// Its table of settings.
    pub parameters: fn() -> Vec<Parameter>,
    pub(crate) make: fn(&Values) -> Result<Rule>,
}

impl Entry {
    /// The same with the name of its class in torch and the default learning rate there.
    pub(crate) const fn in_torch(self, class: &'static str, lr: f64) -> Self {
        self.in_torch_with(InTorch { class, lr, joined: &[], none: &[], kept_axes: &[] })
    }

    /// The same, where arguments are not settings there.
    pub(crate) const fn in_torch_with(self, torch: InTorch) -> Self {
        Self { torch: Some(torch), ..self }
    }

    /// The first sentence of the page.
    pub fn summary(&self) -> String {
        page::summary(self.page)
    }

    /// The section of the page under `# heading`, without its heading.
    pub fn section(&self, heading: &str) -> Option<String> {
        page::section(self.page, heading)
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

    /// The rule with these settings; those not named keep their defaults.
    ///
    /// # Errors
    /// A setting that is unknown (the nearest is named), of another type, or outside its range.
    pub fn make(&self, settings: &Values) -> Result<Rule> {
        (self.make)(settings)
    }
}

impl Named for Entry {
    fn name(&self) -> &str {
        self.name
    }
}
