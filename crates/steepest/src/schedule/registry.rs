//! The table of schedules.

use super::entry::ScheduleEntry;
use super::factor::Schedule;
use crate::error::Result;
use crate::names;
use crate::settings::{Domain, Parameter, Values};

/// Every schedule of the step number; what lists, describes, makes and tests them reads this.
pub const REGISTRY: &[ScheduleEntry] = &[
    super::constant::ENTRY,
    super::cosine::ENTRY,
    super::cosine_log::ENTRY,
    super::cosine_restarts::ENTRY,
    super::cyclic::ENTRY,
    super::exponential::ENTRY,
    super::inverse_sqrt::ENTRY,
    super::inverse_time::ENTRY,
    super::linear::ENTRY,
    super::multi_step::ENTRY,
    super::one_cycle::ENTRY,
    super::polynomial::ENTRY,
    super::sequence::ENTRY,
    super::step::ENTRY,
    super::warmup::ENTRY,
];

/// The row of [`REGISTRY`] with this name.
///
/// # Errors
/// [`Error::UnknownName`](crate::Error::UnknownName), with the nearest name.
///
/// ```
/// let error = steepest::schedule::find("cosin").unwrap_err().to_string();
/// assert!(error.starts_with("no schedule is called `cosin`; did you mean `cosine`?"));
/// ```
pub fn find(name: &str) -> Result<&'static ScheduleEntry> {
    names::find("schedule", REGISTRY, name)
}

/// A schedule by name; see [`find`] and [`ScheduleEntry::make`].
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

// here, and not beside the row: schedules inside others are looked up in the table
impl ScheduleEntry {
    /// The table of settings: name, meaning, default, valid values.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut rows = (self.parameters)();
        for row in &mut rows {
            if let Domain::Names(names) = &mut row.domain {
                *names = REGISTRY.iter().map(|entry| entry.name).collect();
            }
        }
        rows
    }

    /// The schedule with its defaults, changed where `values` says so, and validated.
    ///
    /// # Errors
    /// An unknown setting, a wrong type, a value outside its range, settings in conflict.
    pub fn make(&self, values: &Values) -> Result<Box<dyn Schedule>> {
        (self.make)(values, make)
    }
}
