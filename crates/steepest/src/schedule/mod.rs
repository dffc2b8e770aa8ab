//! Learning-rate schedules: pure functions of the step number.
//!
//! A schedule gives a **factor** of the base learning rate, dimensionless, for a step counted from
//! 0: the learning rate of an optimizer's `t`-th step (`t` = 1, 2, …) is `base · factor(t − 1)`.
//! What a step is (a batch, an epoch) is for the caller to say. Since a factor depends on nothing
//! but the step's number, resuming a run needs that number and nothing else.
//!
//! Every factor is finite and not negative, for every `u64`.
//!
//! The length of a schedule that ends with the run is its setting `steps`; 0, the default, stands
//! for the whole run, and [`Schedule::resolve`] puts the length in once it is known.
//!
//! [`ReduceOnPlateau`] is another kind: it looks at a metric, so it has a state to save.
//!
//! ```
//! use steepest::schedule::{Cosine, Schedule, Warmup};
//! let cosine = Cosine { floor: 0.1, ..Cosine::default() };
//! let mut schedule = Warmup::new(10, 0.0, Box::new(cosine))?;
//! schedule.resolve(110);
//! let base = 1e-3;
//! assert_eq!(base * schedule.factor(5), 0.5e-3);
//! assert_eq!(base * schedule.factor(10), 1e-3);
//! assert_eq!(base * schedule.factor(110), 1e-4);
//! # Ok::<(), steepest::Error>(())
//! ```

mod constant;
mod cosine;
mod cosine_restarts;
mod cyclic;
mod exponential;
mod inverse_sqrt;
mod inverse_time;
mod linear;
mod multi_step;
mod one_cycle;
pub mod plateau;
mod polynomial;
mod sequence;
mod step;
mod warmup;

pub use constant::Constant;
pub use cosine::{AfterEnd, Cosine};
pub use cosine_restarts::CosineRestarts;
pub use cyclic::{Cyclic, CyclicMode};
pub use exponential::Exponential;
pub use inverse_sqrt::InverseSqrt;
pub use inverse_time::InverseTime;
pub use linear::Linear;
pub use multi_step::MultiStep;
pub use one_cycle::{Anneal, OneCycle};
pub use plateau::ReduceOnPlateau;
pub use polynomial::Polynomial;
pub use sequence::{Sequence, SequenceSettings};
pub use step::Step;
pub use warmup::{Warmup, WarmupSettings};

use crate::error::{Error, Result, nearest};
use crate::settings::{Parameter, Range, Setting, Settings, Value, Values};
use std::f64::consts::FRAC_PI_2;
use std::fmt;

/// A learning-rate schedule.
pub trait Schedule: Send + Sync + fmt::Debug {
    /// The factor of the base learning rate at `step`, counted from 0; finite and ≥ 0 for every
    /// `step`. While a length is still "the whole run", the factor stays where it starts.
    fn factor(&self, step: u64) -> f64;

    /// The name in [`REGISTRY`].
    fn name(&self) -> &'static str;

    /// All settings, such that `make(self.name(), &self.values())` gives the same schedule.
    fn values(&self) -> Values;

    /// Whether each setting lies in its range and all agree.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Puts `total_steps`, the run's length, wherever a length is 0 for "the whole run". Does
    /// nothing where the length is given.
    fn resolve(&mut self, _total_steps: u64) {}

    /// Whether a length is still 0 for "the whole run".
    fn is_unresolved(&self) -> bool {
        false
    }

    /// What a trainer asks before its first step.
    ///
    /// # Errors
    /// What [`validate`](Self::validate) finds, and [`Error::Conflict`] while a length is not
    /// known: a schedule that waits for the end of a run must know where that is.
    fn ready(&self) -> Result<()> {
        self.validate()?;
        if self.is_unresolved() {
            return Err(Error::Conflict {
                owner: self.name(),
                conflict: "its length is the whole run (steps = 0), and that length is not known".to_owned(),
                remedy: "set `steps`, limit the run by steps or epochs, or call `resolve`".to_owned(),
            });
        }
        Ok(())
    }
}

/// One line of [`REGISTRY`].
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name in files and on the command line.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The factor at step `e` = 0, 1, …, with `T` for `steps`.
    pub formula: &'static str,
    /// The paper, or the library whose convention it is.
    pub source: &'static str,
    parameters: fn() -> Vec<Parameter>,
    make: fn(&Values) -> Result<Box<dyn Schedule>>,
}

impl Entry {
    /// The table of settings: name, meaning, default, valid values.
    pub fn parameters(&self) -> Vec<Parameter> {
        (self.parameters)()
    }

    /// The schedule with its defaults, changed where `values` says so, and validated.
    ///
    /// # Errors
    /// An unknown setting, a wrong type, a value outside its range, settings in conflict.
    pub fn make(&self, values: &Values) -> Result<Box<dyn Schedule>> {
        (self.make)(values)
    }
}

/// Every schedule of the step number; what lists, describes, makes and tests them reads this.
pub const REGISTRY: &[Entry] = &[
    constant::ENTRY,
    cosine::ENTRY,
    cosine_restarts::ENTRY,
    cyclic::ENTRY,
    exponential::ENTRY,
    inverse_sqrt::ENTRY,
    inverse_time::ENTRY,
    linear::ENTRY,
    multi_step::ENTRY,
    one_cycle::ENTRY,
    polynomial::ENTRY,
    sequence::ENTRY,
    step::ENTRY,
    warmup::ENTRY,
];

/// The line of [`REGISTRY`] with this name.
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
///
/// ```
/// let error = steepest::schedule::find("cosin").unwrap_err().to_string();
/// assert!(error.starts_with("no schedule is called `cosin`; did you mean `cosine`?"));
/// ```
pub fn find(name: &str) -> Result<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known = || REGISTRY.iter().map(|entry| entry.name);
        Error::UnknownName {
            kind: "schedule",
            name: name.to_owned(),
            nearest: nearest(name, known()).map(str::to_owned),
            known: known().map(str::to_owned).collect(),
        }
    })
}

/// A schedule by name; see [`find`] and [`Entry::make`].
///
/// ```
/// use steepest::settings::{Value, Values};
/// let values = Values::from([("gamma".into(), Value::parse("0.5"))]);
/// let schedule = steepest::schedule::make("exponential", &values)?;
/// assert_eq!(schedule.factor(3), 0.125);
/// # Ok::<(), steepest::Error>(())
/// ```
pub fn make(name: &str, values: &Values) -> Result<Box<dyn Schedule>> {
    find(name)?.make(values)
}

/// [`Entry::make`] of a schedule that is nothing but its settings.
fn make_from_settings<S: Schedule + Settings + 'static>(values: &Values) -> Result<Box<dyn Schedule>> {
    let schedule = S::from_values(values)?;
    schedule.validate()?;
    Ok(Box::new(schedule))
}

/// The setting that names the schedules inside [`Warmup`] and [`Sequence`]: `constant,cosine`.
#[derive(Debug, Clone, PartialEq)]
pub struct Names(pub Vec<String>);

impl Setting for Names {
    const EXPECTED: &'static str = "names of schedules, with commas between them";
    fn to_value(&self) -> Value {
        Value::Word(self.0.join(","))
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Word(names) = value {
            Some(Self(names.split(',').map(|name| name.trim().to_owned()).collect()))
        } else {
            None
        }
    }
    fn valid(_: &Range) -> String {
        let names: Vec<&str> = REGISTRY.iter().map(|entry| entry.name).collect();
        format!("names among {}", names.join(", "))
    }
}

/// The settings of the schedule inside: those called `prefix.…`, without the prefix. They are
/// taken out of `values`.
fn take_prefixed(values: &mut Values, prefix: &str) -> Values {
    let inner = |name: &str| name.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
    let taken = values.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone())));
    let taken = taken.collect();
    values.retain(|name, _| inner(name).is_none());
    taken
}

/// The opposite of [`take_prefixed`].
fn put_prefixed(values: &mut Values, prefix: &str, inner: Values) {
    values.extend(inner.into_iter().map(|(name, value)| (format!("{prefix}.{name}"), value)));
}

/// Fills in a length that is 0 for "the whole run"; a run of no steps counts as one, so that the
/// schedule does not wait for its length any longer.
fn resolve_length(steps: &mut u64, total_steps: u64) {
    if *steps == 0 {
        *steps = total_steps.max(1);
    }
}

/// How much of `steps` is left at `step`, from 1 down to exactly 0; 1 while the length is unknown.
///
/// Taken from the integers, so it keeps its relative precision down to the last step.
fn remaining(step: u64, steps: u64) -> f64 {
    if steps == 0 { 1.0 } else { steps.saturating_sub(step) as f64 / steps as f64 }
}

/// From `start` (when all remains) to `end` (when nothing does) along half a cosine:
/// `end + (start − end)·(1 + cos π(1 − remaining))/2`, exact at both ends.
///
/// Written with sin² of half the angle: `1 + cos` cancels near the end, where the rate is smallest
/// and its relative precision counts most.
fn cosine_between(start: f64, end: f64, remaining: f64) -> f64 {
    end + (start - end) * (FRAC_PI_2 * remaining).sin().powi(2)
}

/// From `start` to `end` along a line, exact at both ends.
fn linear_between(start: f64, end: f64, remaining: f64) -> f64 {
    start * remaining + end * (1.0 - remaining)
}

/// `base^exponent`, held at the largest number instead of infinity.
fn power(base: f64, exponent: u64) -> f64 {
    base.powf(exponent as f64).min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps where a careless integer or float would wrap, round or overflow.
    fn hard_steps() -> Vec<u64> {
        let edges = [0, 1 << 31, 1 << 32, 1 << 53, 1 << 63, u64::MAX];
        edges.iter().flat_map(|e| (0..3).flat_map(|d| [e.saturating_sub(d), e.saturating_add(d)])).collect()
    }

    fn defaults() -> impl Iterator<Item = Box<dyn Schedule>> {
        REGISTRY.iter().map(|entry| entry.make(&Values::new()).unwrap())
    }

    #[test]
    fn every_factor_is_finite_and_not_negative() {
        for length in [1, 2, 100, 1 << 40, u64::MAX] {
            for mut schedule in defaults() {
                schedule.resolve(length);
                assert!(!schedule.is_unresolved(), "{}", schedule.name());
                schedule.ready().unwrap();
                for step in hard_steps().into_iter().chain(0..200) {
                    let factor = schedule.factor(step);
                    assert!(factor.is_finite() && factor >= 0.0, "{schedule:?} at {step}: {factor}");
                }
            }
        }
    }

    #[test]
    fn extreme_settings_stay_finite() {
        // every numeric setting at each end of what its range admits, one at a time
        for entry in REGISTRY {
            for parameter in entry.parameters() {
                let Value::Number(_) = parameter.default else { continue };
                for extreme in [0.0, 5e-324, 1.0, 2.0, 1e300, f64::MAX, 9007199254740991.0] {
                    let values = Values::from([(parameter.name.to_owned(), Value::Number(extreme))]);
                    let Ok(mut schedule) = entry.make(&values) else { continue };
                    schedule.resolve(1000);
                    for step in hard_steps() {
                        let factor = schedule.factor(step);
                        assert!(factor.is_finite() && factor >= 0.0, "{schedule:?} at {step}: {factor}");
                    }
                }
            }
        }
    }

    #[test]
    fn values_make_the_same_schedule_again() {
        for mut schedule in defaults() {
            schedule.resolve(300);
            let again = make(schedule.name(), &schedule.values()).unwrap();
            assert_eq!(format!("{schedule:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn rows_are_complete_and_sorted() {
        assert!(REGISTRY.is_sorted_by_key(|entry| entry.name));
        for entry in REGISTRY {
            assert_eq!(entry.make(&Values::new()).unwrap().name(), entry.name);
            assert!(entry.summary.ends_with('.') && !entry.formula.is_empty());
            assert!(!entry.source.is_empty());
            assert!(entry.parameters().iter().all(|p| !p.about.is_empty()), "{}", entry.name);
        }
    }

    #[test]
    fn unknown_names_and_settings_suggest() {
        let error = make("exponental", &Values::new()).unwrap_err();
        assert!(matches!(error, Error::UnknownName { nearest: Some(n), .. } if n == "exponential"));
        let values = Values::from([("gama".to_owned(), Value::Number(0.5))]);
        let error = make("exponential", &values).unwrap_err();
        assert!(matches!(error, Error::UnknownSetting { nearest: Some(n), .. } if n == "gamma"));
    }

    #[test]
    fn a_range_is_checked_in_every_schedule() {
        for entry in REGISTRY {
            for parameter in entry.parameters() {
                let Value::Number(_) = parameter.default else { continue };
                let values = Values::from([(parameter.name.to_owned(), Value::Number(-1.0))]);
                assert!(entry.make(&values).is_err(), "{} {}", entry.name, parameter.name);
            }
        }
    }

    #[test]
    fn an_unresolved_length_is_an_error_of_ready() {
        for name in ["cosine", "linear", "one_cycle", "polynomial"] {
            let mut schedule = make(name, &Values::new()).unwrap();
            assert_eq!(schedule.factor(0), schedule.factor(1000), "{name}");
            let error = schedule.ready().unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains("`resolve`"), "{error}");
            schedule.resolve(50);
            schedule.ready().unwrap();
            schedule.resolve(70);
            assert_eq!(schedule.values()["steps"], Value::Number(50.0), "{name}");
        }
    }
}
