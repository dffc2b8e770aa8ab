//! Which wrappers an optimizer has.

use crate::error::{Error, Result};
use crate::param::Param;
use crate::rule::{Decay, Rule, StateSpec, Step};
use crate::settings::{Range, Settings, check_field};
use crate::wrappers::average::{Averaging, Mix};
use crate::wrappers::bound::{BoundAverage, BoundLookahead, BoundWrappers};
use crate::wrappers::cautious::Passed;
use crate::wrappers::lookahead::Lookahead;
use crate::wrappers::update_clip::UpdateClip;

/// What an optimizer does round its rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrappers {
    pub centralize: bool,
    pub cautious: bool,
    pub clip_update: Option<UpdateClip>,
    pub cautious_decay: bool,
    /// The learning rate at which λ is the fraction by which the weights shrink.
    pub reference_lr: Option<f64>,
    pub lookahead: Option<Lookahead>,
    pub average: Option<Averaging>,
}

impl Wrappers {
    /// Whether all settings are valid, alone and with these rules; where decay is of another kind than the rules',
    /// gives it to them. `decays` has the λ of every group.
    pub fn validate(&self, rules: &mut [Rule], decays: impl Fn(usize) -> bool) -> Result<()> {
        if let Some(average) = &self.average {
            average.check()?;
        }
        if let Some(lookahead) = &self.lookahead {
            lookahead.check_ranges()?;
        }
        if let Some(clip) = &self.clip_update {
            clip.check()?;
        }
        if let Some(lr) = &self.reference_lr {
            check_field("fully decoupled decay", "reference_lr", lr, Range::POSITIVE)?;
        }
        let changes = [
            (self.cautious, "its update is to be cautious"),
            (self.clip_update.is_some(), "its update is to be bounded"),
            (self.cautious_decay, "its decay is to wait for the update"),
            (self.lookahead.is_some(), "Lookahead is to move them"),
            (self.average.is_some(), "its weights are to be averaged once more"),
        ];
        for (i, rule) in rules.iter_mut().enumerate() {
            if let Some((_, what)) = changes.iter().find(|change| change.0 && rule.evaluates()) {
                return Err(Error::Conflict {
                    owner: rule.name,
                    conflict: format!("it averages its weights itself, and {what}"),
                    remedy: "leave that to the rule, or take another rule".to_owned(),
                });
            }
            if !(self.cautious_decay || self.reference_lr.is_some()) {
                continue;
            }
            match rule.decay {
                Decay::Coupled(lambda) => rule.decay = Decay::Decoupled(lambda),
                Decay::Own(lambda) if lambda > 0.0 || decays(i) => {
                    return Err(Error::Conflict {
                        owner: rule.name,
                        conflict: "its weight decay is part of its formula".to_owned(),
                        remedy: "set weight_decay to 0, or leave the kind of decay to the rule".to_owned(),
                    });
                }
                Decay::Decoupled(_) | Decay::Own(_) => {}
            }
        }
        Ok(())
    }

    /// The arrays that are kept for `param`: Lookahead's, then the average.
    pub fn arrays(&self, param: &Param) -> Vec<StateSpec> {
        let names =
            [self.lookahead.as_ref().map(|_| "lookahead_slow"), self.average.as_ref().map(Averaging::array)];
        let spec = |name| StateSpec { name, shape: param.shape.clone(), initial: 0.0 };
        names.into_iter().flatten().map(spec).collect()
    }

    /// Whether updates are not kept as the rules give them.
    pub fn changes_update(&self) -> bool {
        self.cautious || self.clip_update.is_some() || self.cautious_decay
    }

    /// Whether the gradient of this parameter is centralized.
    pub fn centralizes(&self, param: &Param) -> bool {
        self.centralize && param.rank() >= 2
    }

    /// Whether the scale of an update depends on all of it, so that it must be known before any of it is kept.
    pub fn scales_update(&self) -> bool {
        self.cautious || self.clip_update.is_some()
    }

    /// The decay of a tensor whose learning rate is `factor` times the step's.
    pub fn decay(&self, decay: Decay, factor: f64) -> Decay {
        match (self.reference_lr, decay) {
            // the step multiplies by the tensor's own rate
            (Some(reference), Decay::Decoupled(lambda)) => {
                Decay::Decoupled(if factor > 0.0 { lambda / (reference * factor) } else { 0.0 })
            }
            _ => decay,
        }
    }

    /// What `step` does to a tensor whose [arrays](Self::arrays) lie at these places.
    pub fn bind(
        &self,
        step: Step,
        decay: Decay,
        param: &Param,
        mut arrays: impl Iterator<Item = *mut u8>,
    ) -> BoundWrappers {
        let lookahead =
            self.lookahead.as_ref().zip(if self.lookahead.is_some() { arrays.next() } else { None });
        let average = self.average.as_ref().zip(arrays.next());
        BoundWrappers {
            centralized: self.centralizes(param),
            cautious: self.cautious,
            scale: 1.0,
            cautious_decay: match decay {
                Decay::Decoupled(lambda) if self.cautious_decay => Some(step.lr * lambda),
                _ => None,
            },
            lookahead: lookahead.and_then(|(lookahead, slow)| {
                let (begin, follow) = (step.t == 1, lookahead.follows(step.t));
                (begin || follow.is_some()).then_some(BoundLookahead { slow, begin, follow })
            }),
            average: average
                .map(|(average, at)| BoundAverage { at, mix: average.mix(step.t) })
                .filter(|average| average.mix != Mix::Leave),
        }
    }

    /// What a tensor's update is multiplied by, when so much of it passes caution.
    ///
    /// # Formula
    /// ```text
    /// 1 / max(count/len, 1e-3) with caution, times what the bound says of the norm of the result
    /// ```
    pub fn update_scale(&self, [count, squares]: Passed, len: usize, lr: f64) -> f64 {
        let caution = if self.cautious { 1.0 / (count / len.max(1) as f64).max(1e-3) } else { 1.0 };
        let bound = self.clip_update.map_or(1.0, |clip| clip.factor(caution * squares.sqrt(), len, lr));
        caution * bound
    }
}
