//! What composes with any rule.
//!
//! It changes the gradient before the rule (centralization), the update after it (caution, bounds), or keeps weights of
//! its own beside it (averages, Lookahead). All of it works on blocks that the step has in its cache anyway, so the
//! parameter is written once, as without it; caution and bounds, which depend on the whole update, read it once more.
//! And what takes more than one gradient for a step: accumulation and SAM.

mod accumulate;
mod average;
mod cautious;
mod evaluation;
mod lookahead;
mod sam;
mod update_clip;

pub use accumulate::Accumulator;
pub use average::{Averaging, Ema, Swa};
pub use evaluation::{Evaluation, Tensors};
pub use lookahead::Lookahead;
pub use sam::{Sam, SamReport, SamStep};
pub use update_clip::UpdateClip;

use crate::error::{Error, Result};
use crate::kernel::{Float, Level, Prologue};
use crate::param::Param;
use crate::rule::{Body, Decay, Rule, StateSpec, Step};
use crate::settings::{Range, Settings, check_field};
use average::Mix;
pub(crate) use average::average;
pub(crate) use cautious::Passed;
use cautious::Updated;
use lookahead::Look;
pub(crate) use lookahead::follow;

/// What an optimizer does beside its rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Combine {
    pub centralize: bool,
    pub cautious: bool,
    pub clip_update: Option<UpdateClip>,
    pub cautious_decay: bool,
    /// The learning rate at which λ is the share by which the weights shrink.
    pub reference_lr: Option<f64>,
    pub lookahead: Option<Lookahead>,
    pub average: Option<Averaging>,
}

/// What one step does to one tensor beside its rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    /// The gradient is scaled, clipped and centralized when it is loaded.
    pub centred: bool,
    pub cautious: bool,
    /// Whether the whole update must be known before any of it is kept.
    pub needs_whole: bool,
    /// What the update is multiplied by.
    pub factor: f64,
    /// ηλ, where decay waits for the update's sign.
    pub cautious_decay: Option<f64>,
    /// The slow weights of Lookahead; null without.
    pub slow: *mut u8,
    pub look: Look,
    /// The averaged weights; null without.
    pub average: *mut u8,
    pub mix: Mix,
    /// Room for the weights before a tensor rule's step; null without.
    pub before: *mut u8,
    /// Room for the gradient that a tensor rule is given; null without.
    pub grad: *mut u8,
}

impl Combine {
    /// Whether all settings are valid, alone and with these rules; where decay is of another kind than the rules',
    /// gives it to them. `decays` has the λ of every group.
    pub fn settle(&self, rules: &mut [Rule], decays: impl Fn(usize) -> bool) -> Result<()> {
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

    /// The arrays that are kept for `param`, in this order behind those of the rule.
    pub fn arrays(&self, param: &Param) -> Vec<StateSpec> {
        let names =
            [self.lookahead.as_ref().map(|_| "lookahead_slow"), self.average.as_ref().map(Averaging::array)];
        let spec = |name| StateSpec { name, shape: param.shape.clone(), initial: 0.0 };
        names.into_iter().flatten().map(spec).collect()
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        usize::from(self.lookahead.is_some()) + usize::from(self.average.is_some())
    }

    /// The work space that is needed beside a tensor rule, in this order: not part of the state.
    pub fn work(&self, param: &Param, rule: &Rule) -> Vec<StateSpec> {
        let spec = |name| StateSpec { name, shape: param.shape.clone(), initial: 0.0 };
        let (before, grad) = match rule.body {
            Body::Element(_) => (false, false),
            Body::Tensor(_) => (self.changes_update() || self.lookahead.is_some(), self.centres(param)),
        };
        [before.then(|| spec("before")), grad.then(|| spec("grad"))].into_iter().flatten().collect()
    }

    /// Whether updates are not kept as the rules give them.
    pub fn changes_update(&self) -> bool {
        self.cautious || self.clip_update.is_some() || self.cautious_decay
    }

    fn centres(&self, param: &Param) -> bool {
        self.centralize && param.rank() >= 2
    }

    /// Whether the whole update must be known before any of it is kept.
    pub fn needs_whole(&self) -> bool {
        self.cautious || self.clip_update.is_some()
    }

    /// The decay of a tensor whose learning rate is `factor` times the step's.
    pub fn decay(&self, decay: Decay, factor: f64) -> Decay {
        match (self.reference_lr, decay) {
            // the driver multiplies by the tensor's own rate
            (Some(reference), Decay::Decoupled(lambda)) => {
                Decay::Decoupled(if factor > 0.0 { lambda / (reference * factor) } else { 0.0 })
            }
            _ => decay,
        }
    }

    /// The work of `step` on a tensor whose arrays and work space lie at these places.
    pub fn aim(
        &self,
        step: Step,
        decay: Decay,
        param: &Param,
        mut arrays: impl Iterator<Item = *mut u8>,
        mut work: impl Iterator<Item = *mut u8>,
        whole_tensor: bool,
    ) -> Beside {
        let null = std::ptr::null_mut();
        let mut next = |there: bool| if there { arrays.next() } else { None }.unwrap_or(null);
        let mut room = |there: bool| if there && whole_tensor { work.next() } else { None }.unwrap_or(null);
        let centred = self.centres(param);
        let still = Look { begin: false, follow: None };
        Beside {
            centred,
            cautious: self.cautious,
            needs_whole: self.needs_whole(),
            factor: 1.0,
            cautious_decay: match decay {
                Decay::Decoupled(lambda) if self.cautious_decay => Some(step.lr * lambda),
                _ => None,
            },
            slow: next(self.lookahead.is_some()),
            look: self.lookahead.as_ref().map_or(still, |lookahead| lookahead.look(step.t)),
            average: next(self.average.is_some()),
            mix: self.average.as_ref().map_or(Mix::Leave, |average| average.mix(step.t)),
            before: room(self.changes_update() || self.lookahead.is_some()),
            grad: room(centred),
        }
    }

    /// What a tensor's update is multiplied by, when so much of it passes caution.
    ///
    /// # Formula
    /// ```text
    /// 1 / max(count/len, 1e-3) with caution, times what the bound says of the norm of the result
    /// ```
    pub fn factor(&self, [count, squares]: Passed, len: usize, lr: f64) -> f64 {
        let caution = if self.cautious { 1.0 / (count / len.max(1) as f64).max(1e-3) } else { 1.0 };
        let bound = self.clip_update.map_or(1.0, |clip| clip.factor(caution * squares.sqrt(), len, lr));
        caution * bound
    }
}

impl Beside {
    /// Whether the rule's weights are stored as they are, and nothing else is.
    pub fn is_nothing(&self) -> bool {
        let keeps = self.mix != Mix::Leave || self.look.begin || self.look.follow.is_some();
        !(self.centred || keeps || self.changes_update())
    }

    /// Whether the update is not kept as it is.
    pub fn changes_update(&self) -> bool {
        self.cautious || self.factor != 1.0 || self.cautious_decay.is_some()
    }

    /// What of the update from `before` to `after` passes caution.
    pub fn count<T: Float>(
        &self,
        level: Level,
        prologue: &Prologue<f64>,
        (before, grad): (&[T], &[T]),
        after: &[T],
    ) -> Passed {
        let updated = Updated { before, grad, prologue: prologue.round(), cautious: self.cautious };
        cautious::count(level, updated, after)
    }

    /// Keeps of the update from `before` to `after` what is to be kept.
    pub fn finish<T: Float>(
        &self,
        level: Level,
        prologue: &Prologue<f64>,
        (before, grad): (&[T], &[T]),
        after: &mut [T],
    ) {
        if self.cautious || self.factor != 1.0 {
            let updated = Updated { before, grad, prologue: prologue.round(), cautious: self.cautious };
            cautious::finish(level, updated, after, self.factor);
        }
        if let Some(shrink) = self.cautious_decay {
            cautious::decay(level, before, after, shrink);
        }
    }
}
