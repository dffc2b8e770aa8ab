use super::rule::{RuleState, Seen, StopRule};
use super::words::Short;
use crate::settings::Range;
use std::fmt;

crate::settings! {
    /// Stops after so many seconds, those before a restart included.
    pub struct MaxTime("max_time") {
        /// seconds on the clock
        seconds: f64 = 3600.0, Range::POSITIVE;
    }
}

/// The limit of [`MaxTime`] is reached.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TimeSpent {
    /// The limit in seconds.
    pub limit: f64,
    /// Seconds spent, those before a restart included.
    pub elapsed: f64,
}

impl StopRule for MaxTime {
    type Why = TimeSpent;
    fn judge(&self, seen: &Seen<'_>, _: &mut RuleState) -> Option<Option<TimeSpent>> {
        let elapsed = seen.elapsed.as_secs_f64();
        Some((elapsed >= self.seconds).then_some(TimeSpent { limit: self.seconds, elapsed }))
    }
}

impl fmt::Display for TimeSpent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s are spent, the limit is {} s", Short(self.elapsed), Short(self.limit))
    }
}
