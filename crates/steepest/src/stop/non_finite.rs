use super::rule::{Progress, RuleState, Seen, StopRule};
use std::fmt;

crate::settings! {
    /// Stops at the first NaN or infinity.
    ///
    /// It may be reported by name, or lie in the loss, the validation metric or the gradient's norm.
    pub struct NonFinite("non_finite") {
    }
}

/// Something is NaN or infinite.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FoundNonFinite {
    /// What.
    pub what: String,
    /// The step after which it was found.
    pub step: u64,
}

impl StopRule for NonFinite {
    type Why = FoundNonFinite;
    const FAILURE: bool = true;
    fn judge(&self, seen: &Seen<'_>, _: &mut RuleState) -> Option<Option<FoundNonFinite>> {
        let step = seen.progress.step;
        Some(first_non_finite(seen).map(|what| FoundNonFinite { what, step }))
    }
}

/// What is NaN or infinite: what the caller named, or else one of the numbers reported.
fn first_non_finite(seen: &Seen<'_>) -> Option<String> {
    let Progress { loss, metric, gradient_norm, ref non_finite, .. } = *seen.progress;
    let named = non_finite.as_ref().map(|what| format!("{what} is not finite"));
    named.or_else(|| {
        [("training loss", loss), ("gradient's norm", gradient_norm), (seen.metric_name, metric)]
            .into_iter()
            .find_map(|(what, value)| {
                let value = value.filter(|x| !x.is_finite())?;
                Some(format!("the {what} is {value}"))
            })
    })
}

impl fmt::Display for FoundNonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at step {}", self.what, self.step)
    }
}
