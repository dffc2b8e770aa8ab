//! What an explanation lacks, so that who asks for it can be told what to give.

use crate::error::Error;
use steepest_explain::Error as Refused;

/// What an explanation lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacks {
    /// Time, or evaluations.
    Budget,
    /// Rows to compare with.
    Background,
    /// Columns that there are.
    Columns,
}

impl Lacks {
    /// What an error is about; `None` for others.
    pub fn of(error: &Error) -> Option<Self> {
        match error {
            Error::NoBackground { .. } | Error::Explain(Refused::SmallBackground { .. }) => {
                Some(Self::Background)
            }
            Error::Explain(Refused::SmallBudget { .. }) => Some(Self::Budget),
            Error::Explain(Refused::NoSuchPlayer { .. } | Refused::TooMany { .. }) => Some(Self::Columns),
            _ => None,
        }
    }
}
