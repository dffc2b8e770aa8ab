//! What composes with any rule.
//!
//! It changes the gradient before the rule ([centralization](centralize)), the update after it
//! ([caution](cautious), [bounds](update_clip)), or keeps weights of its own beside it ([averages](average),
//! [Lookahead](lookahead)). All of it works on blocks that the step has in its cache anyway, so the parameter is
//! read and written once, as without it. And what takes more than one gradient for a step: [accumulation](accumulate),
//! [SAM](sam), [L-BFGS](lbfgs).

mod average;
mod evaluation;

pub use average::{Averaging, Ema, Swa};
pub use evaluation::{Evaluation, Tensors};

use crate::error::{Error, Result};
use crate::param::Param;
use crate::rule::{Rule, StateSpec, Step};
pub(crate) use average::average;

/// What an optimizer does beside its rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Combine {
    pub average: Option<Averaging>,
}

/// What one step does to one tensor beside its rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    /// The averaged weights; null without.
    pub average: *mut u8,
    pub mix: average::Mix,
}

impl Combine {
    /// Whether all settings are valid, alone and with these rules.
    pub fn check(&self, rules: &[Rule]) -> Result<()> {
        if let Some(average) = &self.average {
            average.check()?;
        }
        let changes = [(self.average.is_some(), "its weights are to be averaged once more")];
        for rule in rules.iter().filter(|rule| rule.evaluates()) {
            if let Some((_, what)) = changes.iter().find(|change| change.0) {
                return Err(Error::Conflict {
                    owner: rule.name,
                    conflict: format!("it averages its weights itself, and {what}"),
                    remedy: "leave that to the rule, or take another rule".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The arrays that are kept for `param`, in this order behind those of the rule.
    pub fn arrays(&self, param: &Param) -> Vec<StateSpec> {
        let names = [self.average.as_ref().map(Averaging::array)];
        let spec = |name| StateSpec { name, shape: param.shape.clone(), initial: 0.0 };
        names.into_iter().flatten().map(spec).collect()
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        usize::from(self.average.is_some())
    }

    /// The work of `step` on a tensor whose arrays lie at `arrays`.
    pub fn aim(&self, step: Step, mut arrays: impl Iterator<Item = *mut u8>) -> Beside {
        let mut next = |there: bool| if there { arrays.next() } else { None }.unwrap_or(std::ptr::null_mut());
        Beside {
            average: next(self.average.is_some()),
            mix: self.average.as_ref().map_or(average::Mix::Leave, |average| average.mix(step.t)),
        }
    }
}

impl Beside {
    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.mix == average::Mix::Leave
    }
}
