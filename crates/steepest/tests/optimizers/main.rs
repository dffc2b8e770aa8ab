//! What must hold of every optimizer of the registry: one test for each property and each optimizer, so that they run side by
//! side and the name of one that fails says what broke, as in `state::a_resumed_run_has_the_bits_of_an_uninterrupted_one::adamw`.
//!
//! A new row of the registry needs no line here. A part of a name chooses tests, whatever runs them:
//!
//! ```text
//! cargo test -p steepest --test optimizers ::adamw      # one optimizer
//! cargo test -p steepest --test optimizers state::      # one file
//! ```

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod bits;
mod composition;
mod convergence;
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

/// The [`Property`] of a function of this module, for all optimizers or for those of a condition.
macro_rules! property {
    ($holds:ident) => {
        property!($holds, |_| true)
    };
    ($holds:ident, $concerns:expr) => {
        crate::Property { name: stringify!($holds), concerns: $concerns, holds: $holds }
    };
}
use property;

/// A test that looks at one thing, or at all rows together.
type Alone = (&'static str, fn());

macro_rules! alone {
    ($holds:ident) => {
        (stringify!($holds), $holds)
    };
}
use alone;

fn trials(module: &str, properties: &[Property], alone: &[Alone]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for property in properties {
        for entry in OPTIMIZERS.iter().filter(|entry| (property.concerns)(entry)) {
            let (name, holds) = (format!("{module}::{}::{}", property.name, entry.name), property.holds);
            trials.push(trial(name, move || holds(entry)));
        }
    }
    trials.extend(alone.iter().map(|&(name, holds)| trial(format!("{module}::{name}"), holds)));
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
        trials("minimize", minimize::PROPERTIES, &[]),
        trials("bits", bits::PROPERTIES, &[]),
        trials("quantized", quantized::PROPERTIES, &[]),
        trials("values", values::PROPERTIES, &[]),
        trials("reference", reference::PROPERTIES, reference::ALONE),
        trials("allocations", allocations::PROPERTIES, allocations::ALONE),
        trials("state", state::PROPERTIES, &[]),
        trials("matrix", matrix::PROPERTIES, &[]),
        trials("convergence", convergence::PROPERTIES, convergence::ALONE),
        trials("steps", steps::PROPERTIES, &[]),
        trials("table", table::PROPERTIES, &[]),
        composition::trials(),
        // writes a fixture
        vec![trial("convergence::tune".into(), convergence::tune).with_ignored_flag(true)],
    ];
    libtest_mimic::run(&Arguments::from_args(), all.into_iter().flatten().collect()).exit_code()
}
