//! What must hold of every optimizer of the registry: one test for each property and each optimizer, so that they run side by
//! side and the name of one that fails says what broke, as in `state::a_resumed_run_has_the_bits_of_an_uninterrupted_one::adamw`.
//!
//! A new row of the registry needs no line here. A part of a name chooses tests, whatever runs them:
//!
//! ```text
//! cargo test -p steepest --test optimizers ::adamw      # one optimizer
//! cargo test -p steepest --test optimizers state::      # one file
//! ```
//!
//! With `STEEPEST_ONLY=adamw,lamb` in the environment there are tests of these rows alone.

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod bits;
mod composition;
mod convergence;
mod extremes;
mod lent;
mod matrix;
mod minimize;
mod quantized;
mod reference;
mod run;
mod state;
mod steps;
mod table;
mod values;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use steepest::registry::{Entry, OPTIMIZERS};

/// What must hold of each optimizer that it concerns.
struct Property {
    name: &'static str,
    concerns: fn(&Entry) -> bool,
    holds: fn(&'static Entry),
}

/// The path of a function of this module, below the program's name.
macro_rules! full_name {
    ($function:ident) => {
        concat!(module_path!(), "::", stringify!($function)).split_at("optimizers::".len()).1
    };
}
use full_name;

/// The [`Property`] of a function of this module, for all optimizers or for those of a condition.
macro_rules! property {
    ($holds:ident) => {
        property!($holds, |_| true)
    };
    ($holds:ident, $concerns:expr) => {
        crate::Property { name: crate::full_name!($holds), concerns: $concerns, holds: $holds }
    };
}
use property;

/// A test that looks at one thing, or at all rows together.
type Alone = (&'static str, fn());

macro_rules! alone {
    ($holds:ident) => {
        (crate::full_name!($holds), $holds)
    };
}
use alone;

fn trials(properties: &'static [Property], alone: &[Alone]) -> Vec<Trial> {
    let mut trials = Vec::new();
    let only = std::env::var("STEEPEST_ONLY").ok();
    let chosen =
        |entry: &Entry| only.as_ref().is_none_or(|names| names.split(',').any(|name| name == entry.name));
    for property in properties {
        for entry in OPTIMIZERS.iter().filter(|entry| (property.concerns)(entry) && chosen(entry)) {
            let name = format!("{}::{}", property.name, entry.name);
            trials.push(trial(name, || (property.holds)(entry)));
        }
    }
    trials.extend(alone.iter().map(|&(name, holds)| trial(name.to_owned(), holds)));
    trials
}

fn trial(name: String, holds: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, || {
        holds();
        Ok(())
    })
}

fn main() -> ExitCode {
    let all = [
        trials(minimize::PROPERTIES, &[]),
        trials(bits::PROPERTIES, &[]),
        trials(quantized::PROPERTIES, &[]),
        trials(values::PROPERTIES, &[]),
        trials(reference::PROPERTIES, reference::ALONE),
        trials(allocations::PROPERTIES, allocations::ALONE),
        trials(state::PROPERTIES, &[]),
        trials(lent::PROPERTIES, &[]),
        trials(matrix::PROPERTIES, &[]),
        trials(convergence::PROPERTIES, convergence::ALONE),
        trials(steps::PROPERTIES, &[]),
        trials(extremes::PROPERTIES, &[]),
        trials(table::PROPERTIES, &[]),
        composition::trials(),
        // it writes a fixture
        vec![trial(convergence::TUNE.0.to_owned(), convergence::TUNE.1).with_ignored_flag(true)],
    ];
    libtest_mimic::run(&Arguments::from_args(), all.into_iter().flatten().collect()).exit_code()
}
