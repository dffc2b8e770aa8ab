//! What ended a run that went wrong, and what to change.

use crate::number::short;
use steepest::registry;
use steepest_train::Summary;

/// What ended a run that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether the loss ran away; else something was NaN or infinite.
    pub diverged: bool,
    /// The epoch that it failed in, from 1.
    pub epoch: u64,
    /// Step and tensor, in words: ``at step 3 the gradient of `hidden.0.weight` is NaN at index 0``.
    pub what: String,
    /// The learning rate to try next, as an option takes it.
    pub lr: String,
    /// What to change, in the options of the program.
    pub advice: String,
}

/// Where the trainer's sentence turns from what was found to what to do, in the words of settings.
const REMEDY: &str = "; try ";

/// What ended a run; `None` where nothing went wrong.
pub fn failure(summary: &Summary) -> Option<Failure> {
    if !summary.is_failure() {
        return None;
    }
    let (what, remedy) = summary.stopped_because.split_once(REMEDY).unwrap_or((&summary.stopped_because, ""));
    let usual = registry::find(&summary.optimizer).map_or(f64::INFINITY, |entry| entry.default_lr);
    let lr = short(usual.min(summary.lr / 10.0));
    // who clips already is not told to
    let clip = if summary.health.clipped > 0.0 { "a smaller --clip-norm" } else { "--clip-norm 1" };
    let mut advice = format!("--lr {lr} in place of {}, {clip} or a longer --warmup", short(summary.lr));
    // a loss that is not finite comes back after a skipped step, a gradient may not
    if remedy.contains("skip_non_finite") {
        advice += "; --skip-non-finite goes on over such steps";
    }
    Some(Failure {
        diverged: summary.stopped_by == "divergence",
        epoch: summary.epochs,
        what: what.to_owned(),
        lr,
        advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_failure_says_where_and_what_to_change() {
        let mut summary = fixture::summary();
        assert_eq!(failure(&summary), None);
        summary.stopped_by = "non_finite".into();
        summary.stopped_because =
            "at step 3 the gradient of `w` is NaN at index 0 (2 such values in it); try a smaller learning rate, \
             or to skip such steps (skip_non_finite)"
                .into();
        summary.lr = 1e9;
        let nan = failure(&summary).unwrap();
        assert_eq!(nan.what, "at step 3 the gradient of `w` is NaN at index 0 (2 such values in it)");
        // the usual rate of AdamW
        assert_eq!((nan.lr.as_str(), nan.diverged), ("0.003", false));
        for part in ["--lr 0.003 in place of 1e9", "--clip-norm 1", "--warmup", "--skip-non-finite"] {
            assert!(nan.advice.contains(part), "{}", nan.advice);
        }

        summary.stopped_by = "divergence".into();
        summary.stopped_because =
            "the training loss 9 is above 4; try a smaller learning rate than 0.001".into();
        (summary.lr, summary.health.clipped) = (0.001, 0.5);
        let ran_away = failure(&summary).unwrap();
        assert_eq!(ran_away.what, "the training loss 9 is above 4");
        assert_eq!(
            ran_away.advice,
            "--lr 0.0001 in place of 0.001, a smaller --clip-norm or a longer --warmup"
        );
    }
}
