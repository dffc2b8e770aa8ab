//! What a time is spent on.

use crate::choose::step_seconds;
use crate::error::Result;
use crate::preset::{Preset, USUAL_MEMBERS};
use crate::settings::{Settings, TrainSettings};
use std::sync::Arc;
use steepest_data::Prepared;

/// The most members that a time is spent on: the error of an average falls with their number, and half of what four gain, two do.
const MOST_MEMBERS: u64 = 16;
/// The most times that the usual epochs become longer.
const LONGEST: u64 = 4;
/// The part of the time that steps may take; the rest is for reading, validation and scores.
const FOR_STEPS: f64 = 0.8;

/// Settings whose time has become members and epochs, and what was decided, where [`Preset::Best`] has a time to spend and is left
/// both: steps are timed once, and from then on the counts decide, so that the same counts give the same bits. First come as many members
/// of the usual epochs as fit, up to four; then longer training, up to four times; then more members.
///
/// # Errors
/// What [`Settings::resolve`] refuses.
pub(crate) fn spend(settings: &Settings, data: &Arc<Prepared>) -> Result<Option<(Settings, String)>> {
    let TrainSettings { preset, max_seconds, epochs, max_steps, .. } = settings.train;
    let (Preset::Best, Some(seconds), None, None) = (preset, max_seconds, epochs, max_steps) else {
        return Ok(None);
    };
    if settings.model.members.is_some() {
        return Ok(None);
    }
    let mut planned = settings.clone();
    planned.train.max_seconds = None;
    // without a time it takes its usual members, where the network and the rule can have several
    let members = planned.resolve(data)?.model.members() as u64;
    if members == 1 {
        return Ok(None);
    }
    let timed = step_seconds([&planned], data)?[0];
    planned.train.preset = Preset::Default;
    let usual = planned.resolve(data)?;
    let steps = FOR_STEPS * seconds * members as f64 / timed.max(1e-9);
    let (members, epochs) = members_and_epochs(steps, usual.epochs, usual.steps_per_epoch);
    let mut decided = settings.clone();
    decided.model.members = Some(members);
    decided.train.epochs = Some(epochs);
    let note = format!(
        "a step of {USUAL_MEMBERS} members takes {:.2} ms, so that {seconds:.0} s are spent on members {members} and epochs {epochs}; these \
         counts give the same bits again",
        1e3 * timed
    );
    Ok(Some((decided, note)))
}

/// What so many steps of one member are spent on.
fn members_and_epochs(steps: f64, usual: u64, per_epoch: u64) -> (u64, u64) {
    let all = (steps / per_epoch.max(1) as f64) as u64;
    let members = (all / usual.max(1)).clamp(1, USUAL_MEMBERS);
    let epochs = (all / members).clamp(1, LONGEST * usual.max(1));
    let members =
        if members == USUAL_MEMBERS { (all / epochs).clamp(members, MOST_MEMBERS) } else { members };
    (members, epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_spent_on_members_then_epochs_then_members() {
        let of = |epochs: u64| members_and_epochs((epochs * 10) as f64, 20, 10);
        // less than one usual training: one shorter
        assert_eq!(of(7), (1, 7));
        assert_eq!(of(0), (1, 1));
        assert_eq!(of(30), (1, 30));
        assert_eq!(of(45), (2, 22));
        assert_eq!(of(80), (4, 20));
        assert_eq!(of(200), (4, 50));
        assert_eq!(of(320), (4, 80));
        assert_eq!(of(640), (8, 80));
        assert_eq!(of(100_000), (16, 80));
    }
}
