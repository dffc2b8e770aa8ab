//! What a reason says.

use super::rules::Reason;
use std::fmt;

impl Reason {
    /// The rule's stable name, for programs; the names of several with `+` between them.
    pub fn stopped_by(&self) -> String {
        self.rules().join("+")
    }

    /// The names of the rules, in order: one, or several for `and`.
    pub fn rules(&self) -> Vec<&'static str> {
        match (self.single(), self) {
            (Some((name, ..)), _) => vec![name],
            (None, Self::All(reasons)) => reasons.iter().flat_map(Self::rules).collect(),
            (None, Self::LineSearch { .. }) => vec!["line_search"],
            (None, _) => vec!["converged"],
        }
    }

    /// Whether the run went wrong: it diverged, met a NaN or an infinity, or its gradient is not the function's.
    pub fn is_failure(&self) -> bool {
        match (self.single(), self) {
            (Some((_, failure, _)), _) => failure,
            (None, Self::All(reasons)) => reasons.iter().any(Self::is_failure),
            (None, Self::LineSearch { .. }) => true,
            (None, _) => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((.., sentence)) = self.single() {
            return sentence.fmt(f);
        }
        match self {
            Self::LineSearch { promised } => write!(
                f,
                "the line search found no lower point, where the gradient promises a fall by {promised:.3e}: the \
                 gradient may be wrong; compare it with `check_gradient`"
            ),
            Self::Converged { what } => write!(f, "it has converged: {what}"),
            Self::All(reasons) => {
                for (i, reason) in reasons.iter().enumerate() {
                    write!(f, "{}{reason}", if i == 0 { "" } else { ", and " })?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
