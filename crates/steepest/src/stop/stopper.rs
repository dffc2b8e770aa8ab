//! A run under watch.

use super::rule::{Progress, RuleState, Seen};
use super::rules::{Reason, Single, Stop};
use crate::error::{Error, Result};
use std::slice;
use std::time::Duration;

/// What is kept of one rule.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Record {
    rule: String,
    /// The last verdict; `and` needs it while the rule waits for its next value.
    verdict: Option<Reason>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    memory: RuleState,
}

/// What a [`Stopper`] remembers, to save and restore.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StopperState {
    /// Time spent up to the last observation.
    elapsed: Duration,
    /// One for each rule, in the order written.
    rules: Vec<Record>,
}

/// Watches a run and says when to stop.
///
/// Every rule sees every observation, also when another one decides. When several fire at once, the
/// reason is that of the first in the order written.
///
/// ```
/// use std::time::Duration;
/// use steepest::stop::{Progress, Stop, Stopper};
/// let stop = Stop::max_time(Duration::from_secs(60));
/// let mut stopper = Stopper::new(stop.clone())?;
/// let after = |seconds| Progress { elapsed: Duration::from_secs(seconds), ..Progress::default() };
/// assert!(stopper.observe(&after(50)).is_none());
///
/// let saved = serde_json::to_string(&stopper.state()).unwrap();
/// let mut resumed = Stopper::new(stop)?;
/// resumed.restore(serde_json::from_str(&saved).unwrap())?;
/// assert!(resumed.observe(&after(9)).is_none());
/// let reason = resumed.observe(&after(10)).unwrap(); // 50 s and 10 s
/// assert_eq!(reason.to_string(), "60 s are spent, the limit is 60 s");
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Stopper {
    stop: Stop,
    metric_name: String,
    /// Time spent before the last restore.
    earlier: Duration,
    elapsed: Duration,
    rules: Vec<Record>,
}

impl Stopper {
    /// Watches for `stop`, with nothing observed.
    ///
    /// # Errors
    /// What [`Stop::validate`] finds.
    pub fn new(stop: Stop) -> Result<Self> {
        stop.validate()?;
        let record = |rule: &dyn Single| Record {
            rule: rule.name().to_owned(),
            verdict: None,
            memory: RuleState::default(),
        };
        let rules = stop.rules().into_iter().map(record).collect();
        Ok(Self {
            stop,
            metric_name: "validation metric".to_owned(),
            earlier: Duration::ZERO,
            elapsed: Duration::ZERO,
            rules,
        })
    }

    /// What reasons call the metric: `validation loss`, `error rate`; `validation metric` unless
    /// told otherwise.
    pub fn with_metric_name(mut self, name: impl Into<String>) -> Self {
        self.metric_name = name.into();
        self
    }

    /// The reason to stop, once there is one.
    pub fn observe(&mut self, progress: &Progress) -> Option<Reason> {
        self.elapsed = self.earlier.saturating_add(progress.elapsed);
        let seen = Seen { progress, elapsed: self.elapsed, metric_name: &self.metric_name };
        verdict(&self.stop, &seen, &mut self.rules.iter_mut())
    }

    /// What it watches for.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Time spent up to the last observation, that before a restart included.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What must be saved to go on later.
    pub fn state(&self) -> StopperState {
        StopperState { elapsed: self.elapsed, rules: self.rules.clone() }
    }

    /// Goes on from a saved state; [`Progress::elapsed`] counts from here.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] if the state is that of other rules; nothing is changed then.
    pub fn restore(&mut self, state: StopperState) -> Result<()> {
        let names = |rules: &[Record]| -> Vec<String> { rules.iter().map(|r| r.rule.clone()).collect() };
        let (saved, here) = (names(&state.rules), names(&self.rules));
        if saved != here {
            return Err(Error::StateMismatch {
                problems: vec![format!(
                    "saved with the stop rules {}, restored with {}",
                    saved.join(", "),
                    here.join(", ")
                )],
            });
        }
        self.earlier = state.elapsed;
        self.elapsed = state.elapsed;
        self.rules = state.rules;
        Ok(())
    }
}

/// Walks the tree; each rule takes the next record, in the order of [`Stop::rules`].
fn verdict(stop: &Stop, seen: &Seen<'_>, records: &mut slice::IterMut<'_, Record>) -> Option<Reason> {
    // collected: every rule must see the observation
    let mut each =
        |rules: &[Stop]| -> Vec<_> { rules.iter().map(|rule| verdict(rule, seen, records)).collect() };
    match stop {
        Stop::Any(rules) => each(rules).into_iter().flatten().next(),
        Stop::All(rules) => each(rules).into_iter().collect::<Option<_>>().map(Reason::All),
        rule => {
            let record = records.next().expect("`Stopper::new` made one record for each rule");
            if let Some(verdict) = rule.single().and_then(|rule| rule.judge(seen, &mut record.memory)) {
                record.verdict = verdict;
            }
            record.verdict.clone()
        }
    }
}
