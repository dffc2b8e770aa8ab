//! When to stop: rules, how they combine, and which one it was.
//!
//! A [`Stop`] says when; a [`Stopper`] watches a run and remembers what the rules need; a
//! [`Reason`] says which rule it was, with its numbers.
//!
//! ```
//! use std::time::Duration;
//! use steepest::stop::{Progress, Stop, Stopper};
//! let stop = Stop::max_epochs(100.0) | Stop::max_time(Duration::from_secs(60)) | Stop::no_improvement(2);
//! let mut stopper = Stopper::new(stop)?;
//! let losses = [0.9, 0.4, 0.5, 0.6];
//! let reason = (1..).zip(losses).find_map(|(epoch, loss)| {
//!     stopper.observe(&Progress {
//!         step: 10 * epoch,
//!         epoch: epoch as f64,
//!         metric: Some(loss),
//!         ..Progress::default()
//!     })
//! });
//! let reason = reason.unwrap();
//! assert_eq!(reason.stopped_by(), "no_improvement");
//! assert_eq!(
//!     reason.to_string(),
//!     "no improvement of the validation metric for 2 epochs; best 0.4 at epoch 2"
//! );
//! # Ok::<(), steepest::Error>(())
//! ```

use crate::error::{Error, Result};
use crate::settings::{Parameter, Range, Settings, Values};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::slice;
use std::time::Duration;

/// Where a run is: what a [`Stopper`] observes, after a step or after an epoch.
///
/// A value that was not computed this time is `None`; rules that need it wait.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u64,
    /// Epochs done; 0 throughout where there are none.
    pub epoch: f64,
    /// Time since the [`Stopper`] was made, or since it was restored.
    pub elapsed: Duration,
    /// The last training loss.
    pub loss: Option<f64>,
    /// The last validation metric; smaller is better.
    pub metric: Option<f64>,
    /// The Euclidean norm of the whole gradient.
    pub gradient_norm: Option<f64>,
    /// What turned out NaN or infinite, by name, if anything did: `the gradient of layer1.weight`.
    pub non_finite: Option<String>,
}

crate::settings! {
    /// Stops after so many optimizer steps.
    pub struct MaxSteps("max_steps") {
        /// optimizer steps
        steps: u64 = 10_000, Range::AT_LEAST_ONE;
    }
}

crate::settings! {
    /// Stops after so many epochs.
    pub struct MaxEpochs("max_epochs") {
        /// passes over the training data; a part of one is allowed
        epochs: f64 = 100.0, Range::POSITIVE;
    }
}

crate::settings! {
    /// Stops after so much time, the time before a restart included.
    pub struct MaxTime("max_time") {
        /// seconds on the clock
        seconds: f64 = 3600.0, Range::POSITIVE;
    }
}

crate::settings! {
    /// Stops when the training loss reaches a target.
    pub struct TargetLoss("target_loss") {
        /// the training loss that is good enough
        loss: f64 = 0.0, Range::FINITE;
    }
}

crate::settings! {
    /// Stops when the gradient is as good as zero.
    pub struct GradientTolerance("gradient_tolerance") {
        /// the Euclidean norm of the whole gradient that is small enough
        norm: f64 = 1e-6, Range::NON_NEGATIVE;
    }
}

crate::word_setting! {
    /// What [`NoImprovement`] watches; smaller is better.
    pub enum Watch {
        /// The validation metric.
        #[default]
        Metric = "metric",
        /// The training loss.
        Loss = "loss",
    }
}

crate::settings! {
    /// Stops when the validation metric, or the training loss, no longer improves.
    ///
    /// An observation is better when it lies more than `min_delta` below the best so far; the rule
    /// fires at the `patience`-th in a row that is not. Observations without the watched value do
    /// not count, so with one validation an epoch the patience is in epochs. NaN is never better.
    ///
    /// With [`ReduceOnPlateau`](crate::schedule::ReduceOnPlateau) this patience should be the larger
    /// one, or the lower rate never gets its chance.
    pub struct NoImprovement("no_improvement") {
        /// observations in a row without improvement
        patience: u64 = 20, Range::AT_LEAST_ONE;
        /// how far below the best an improvement must be, in the metric's own unit
        min_delta: f64 = 0.0, Range::NON_NEGATIVE;
        /// what is watched: the validation metric or the training loss
        of: Watch = Watch::Metric;
    }
}

crate::settings! {
    /// Stops when the training loss runs away.
    ///
    /// ```text
    /// fires when loss > factor·max(|first|, |best|) in `patience` observations in a row,
    /// or at once when the loss is NaN or infinite
    /// ```
    ///
    /// The bound is taken from where the run began, not from the best loss: a loss near zero is
    /// multiplied by a large number by any hard batch, and such a run is healthy. (`best` enters
    /// for losses below zero, whose first value may be small.) So a run that falls back to where it
    /// began has not diverged by this rule; [`NoImprovement`] stops it.
    pub struct Divergence("divergence") {
        /// how many times above where it began the loss must be
        factor: f64 = 4.0, Range::new(1.0, true, f64::INFINITY, true);
        /// observations in a row above the bound
        patience: u64 = 10, Range::AT_LEAST_ONE;
    }
}

crate::settings! {
    /// Stops at the first NaN or infinity: reported by name, or in the loss, the validation metric
    /// or the gradient's norm.
    pub struct NonFinite("non_finite") {
    }
}

/// When to stop: one rule, or several combined.
///
/// `a.or(b)` and `a | b` stop at the first of both; `a.and(b)` and `a & b` stop when both hold. A
/// rule keeps its last verdict while the value it needs is not reported, so a rule about an epoch's
/// metric combines with one about every step's loss.
///
/// ```
/// use steepest::stop::{Progress, Stop, Stopper};
/// let stop = Stop::target_loss(0.1) & Stop::max_steps(100);
/// let mut stopper = Stopper::new(stop)?;
/// let at = |step, loss| Progress { step, loss: Some(loss), ..Progress::default() };
/// assert!(stopper.observe(&at(50, 0.05)).is_none());
/// assert_eq!(stopper.observe(&at(100, 0.07)).unwrap().stopped_by(), "target_loss+max_steps");
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// After so many optimizer steps.
    MaxSteps(MaxSteps),
    /// After so many epochs.
    MaxEpochs(MaxEpochs),
    /// After so much time.
    MaxTime(MaxTime),
    /// At a training loss.
    TargetLoss(TargetLoss),
    /// At a gradient as good as zero.
    GradientTolerance(GradientTolerance),
    /// When nothing improves any more.
    NoImprovement(NoImprovement),
    /// When the loss runs away.
    Divergence(Divergence),
    /// At the first NaN or infinity.
    NonFinite(NonFinite),
    /// At the first of these.
    Any(Vec<Stop>),
    /// When all of these hold.
    All(Vec<Stop>),
}

impl Stop {
    /// After `steps` optimizer steps.
    pub fn max_steps(steps: u64) -> Self {
        Self::MaxSteps(MaxSteps { steps })
    }

    /// After `epochs` epochs.
    pub fn max_epochs(epochs: f64) -> Self {
        Self::MaxEpochs(MaxEpochs { epochs })
    }

    /// After `time`, the time before a restart included.
    pub fn max_time(time: Duration) -> Self {
        Self::MaxTime(MaxTime { seconds: time.as_secs_f64() })
    }

    /// When the training loss is at most `loss`.
    pub fn target_loss(loss: f64) -> Self {
        Self::TargetLoss(TargetLoss { loss })
    }

    /// When the gradient's Euclidean norm is at most `norm`.
    pub fn gradient_tolerance(norm: f64) -> Self {
        Self::GradientTolerance(GradientTolerance { norm })
    }

    /// When the validation metric has not improved for `patience` observations; for the other
    /// settings see [`NoImprovement`].
    pub fn no_improvement(patience: u64) -> Self {
        NoImprovement { patience, ..NoImprovement::default() }.into()
    }

    /// When the training loss is above `factor` times where it began; see [`Divergence`].
    pub fn divergence(factor: f64) -> Self {
        Divergence { factor, ..Divergence::default() }.into()
    }

    /// At the first NaN or infinity.
    pub fn non_finite() -> Self {
        Self::NonFinite(NonFinite {})
    }

    /// At the first of both.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any(mut rules), Self::Any(more)) => {
                rules.extend(more);
                Self::Any(rules)
            }
            (Self::Any(mut rules), one) => {
                rules.push(one);
                Self::Any(rules)
            }
            (a, b) => Self::Any(vec![a, b]),
        }
    }

    /// When both hold.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut rules), Self::All(more)) => {
                rules.extend(more);
                Self::All(rules)
            }
            (Self::All(mut rules), one) => {
                rules.push(one);
                Self::All(rules)
            }
            (a, b) => Self::All(vec![a, b]),
        }
    }

    /// Whether each setting lies in its range and each combination has a rule.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; [`Error::Conflict`] for a combination of nothing.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::MaxSteps(rule) => rule.check_ranges(),
            Self::MaxEpochs(rule) => rule.check_ranges(),
            Self::MaxTime(rule) => rule.check_ranges(),
            Self::TargetLoss(rule) => rule.check_ranges(),
            Self::GradientTolerance(rule) => rule.check_ranges(),
            Self::NoImprovement(rule) => rule.check_ranges(),
            Self::Divergence(rule) => rule.check_ranges(),
            Self::NonFinite(rule) => rule.check_ranges(),
            Self::Any(rules) | Self::All(rules) if rules.is_empty() => Err(Error::Conflict {
                owner: "stop rules",
                conflict: "a combination of no rules never has a reason".to_owned(),
                remedy: "give at least one rule".to_owned(),
            }),
            Self::Any(rules) | Self::All(rules) => rules.iter().try_for_each(Self::validate),
        }
    }

    /// The rules without their combination, in the order written.
    fn rules(&self) -> Vec<&Self> {
        match self {
            Self::Any(rules) | Self::All(rules) => rules.iter().flat_map(Self::rules).collect(),
            rule => vec![rule],
        }
    }

    /// A rule's name, as in [`REGISTRY`]; `any` and `all` for combinations.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MaxSteps(_) => MaxSteps::OWNER,
            Self::MaxEpochs(_) => MaxEpochs::OWNER,
            Self::MaxTime(_) => MaxTime::OWNER,
            Self::TargetLoss(_) => TargetLoss::OWNER,
            Self::GradientTolerance(_) => GradientTolerance::OWNER,
            Self::NoImprovement(_) => NoImprovement::OWNER,
            Self::Divergence(_) => Divergence::OWNER,
            Self::NonFinite(_) => NonFinite::OWNER,
            Self::Any(_) => "any",
            Self::All(_) => "all",
        }
    }
}

impl BitOr for Stop {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl BitAnd for Stop {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

/// One line of [`REGISTRY`].
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name in files, on the command line, and in [`Reason::stopped_by`].
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    parameters: fn() -> Vec<Parameter>,
    make: fn(&Values) -> Result<Stop>,
}

impl Entry {
    const fn of<S: Settings + Into<Stop>>(summary: &'static str) -> Self {
        Self {
            name: S::OWNER,
            summary,
            parameters: S::parameters,
            make: |values| Ok(S::from_values(values)?.into()),
        }
    }

    /// The table of settings: name, meaning, default, valid values.
    pub fn parameters(&self) -> Vec<Parameter> {
        (self.parameters)()
    }

    /// The rule with its defaults, changed where `values` says so.
    ///
    /// # Errors
    /// An unknown setting, a wrong type, a value outside its range.
    pub fn make(&self, values: &Values) -> Result<Stop> {
        (self.make)(values)
    }
}

impl crate::names::Named for Entry {
    fn name(&self) -> &str {
        self.name
    }
}

macro_rules! into_stop {
    ($($rule:ident),+) => {
        $(impl From<$rule> for Stop {
            fn from(rule: $rule) -> Self {
                Self::$rule(rule)
            }
        })+
    };
}
into_stop!(MaxSteps, MaxEpochs, MaxTime, TargetLoss, GradientTolerance, NoImprovement, Divergence, NonFinite);

/// Every stop rule.
pub const REGISTRY: &[Entry] = &[
    Entry::of::<Divergence>("Stops when the training loss runs away from where it began."),
    Entry::of::<GradientTolerance>("Stops when the gradient is as good as zero."),
    Entry::of::<MaxEpochs>("Stops after so many passes over the training data."),
    Entry::of::<MaxSteps>("Stops after so many optimizer steps."),
    Entry::of::<MaxTime>("Stops after so many seconds, those before a restart included."),
    Entry::of::<NoImprovement>("Stops when the validation metric no longer improves."),
    Entry::of::<NonFinite>("Stops at the first NaN or infinity."),
    Entry::of::<TargetLoss>("Stops when the training loss reaches a target."),
];

/// The line of [`REGISTRY`] with this name.
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
pub fn find(name: &str) -> Result<&'static Entry> {
    crate::names::find("stop rule", REGISTRY, name)
}

/// A stop rule by name; see [`find`] and [`Entry::make`].
///
/// ```
/// use steepest::settings::{Value, Values};
/// use steepest::stop::{Stop, make};
/// let values = Values::from([("epochs".into(), Value::parse("50"))]);
/// assert_eq!(make("max_epochs", &values)?, Stop::max_epochs(50.0));
/// # Ok::<(), steepest::Error>(())
/// ```
pub fn make(name: &str, values: &Values) -> Result<Stop> {
    find(name)?.make(values)
}

/// Why a run stopped. `Display` is a sentence with the numbers, without a full stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The limit of steps is reached.
    MaxSteps {
        /// Steps done.
        steps: u64,
    },
    /// The limit of epochs is reached.
    MaxEpochs {
        /// Epochs done.
        epochs: f64,
    },
    /// The limit of time is reached.
    MaxTime {
        /// The limit in seconds.
        limit: f64,
        /// Seconds spent, those before a restart included.
        elapsed: f64,
    },
    /// The loss is good enough.
    TargetLoss {
        /// The target.
        target: f64,
        /// The training loss.
        #[serde(with = "crate::exact")]
        loss: f64,
    },
    /// The gradient is as good as zero.
    GradientTolerance {
        /// The tolerance.
        tolerance: f64,
        /// The Euclidean norm of the gradient.
        norm: f64,
    },
    /// Nothing improves any more.
    NoImprovement {
        /// What was watched: `validation metric`, or the name given to the stopper.
        what: String,
        /// Observations since the best.
        observations: u64,
        /// Epochs since the best.
        epochs: f64,
        /// The best, where and when; none if no observation was a number.
        best: Option<Best>,
    },
    /// The loss ran away.
    Divergence {
        /// The training loss.
        #[serde(with = "crate::exact")]
        loss: f64,
        /// The first finite loss; none if there was none.
        first: Option<f64>,
        /// What the loss was above; none when it is not finite.
        bound: Option<f64>,
        /// Observations in a row above the bound.
        observations: u64,
    },
    /// The optimizer itself says that it has arrived: L-BFGS.
    Converged {
        /// What has become small, and how small.
        what: String,
    },
    /// Something is NaN or infinite.
    NonFinite {
        /// What.
        what: String,
        /// The step after which it was found.
        step: u64,
    },
    /// All of these, in the order of the rules.
    All(Vec<Reason>),
}

/// The best observation of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its value.
    #[serde(with = "crate::exact")]
    pub value: f64,
    /// Steps done then.
    pub step: u64,
    /// Epochs done then.
    pub epoch: f64,
}

impl Reason {
    /// The rule's stable name, for programs; the names of several with `+` between them.
    pub fn stopped_by(&self) -> String {
        self.rules().join("+")
    }

    /// The names of the rules, in order: one, or several for `and`.
    pub fn rules(&self) -> Vec<&'static str> {
        match self {
            Self::MaxSteps { .. } => vec![MaxSteps::OWNER],
            Self::MaxEpochs { .. } => vec![MaxEpochs::OWNER],
            Self::MaxTime { .. } => vec![MaxTime::OWNER],
            Self::TargetLoss { .. } => vec![TargetLoss::OWNER],
            Self::GradientTolerance { .. } => vec![GradientTolerance::OWNER],
            Self::NoImprovement { .. } => vec![NoImprovement::OWNER],
            Self::Divergence { .. } => vec![Divergence::OWNER],
            Self::Converged { .. } => vec!["converged"],
            Self::NonFinite { .. } => vec![NonFinite::OWNER],
            Self::All(reasons) => reasons.iter().flat_map(Self::rules).collect(),
        }
    }

    /// Whether the run went wrong: it diverged, or met a NaN or an infinity.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Divergence { .. } | Self::NonFinite { .. } => true,
            Self::All(reasons) => reasons.iter().any(Self::is_failure),
            _ => false,
        }
    }
}

/// A number with six significant digits at most, as a sentence wants it.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        if rounded != 0.0 && !(1e-4..1e9).contains(&rounded.abs()) && rounded.is_finite() {
            write!(f, "{rounded:e}")
        } else {
            write!(f, "{rounded}")
        }
    }
}

/// `1 epoch`, `2 epochs`.
struct Count<'a>(f64, &'a str);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1.0 { "" } else { "s" };
        write!(f, "{} {}{plural}", Short(self.0), self.1)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // not Short: the number of steps is exact
            Self::MaxSteps { steps: 1 } => write!(f, "1 step is done"),
            Self::MaxSteps { steps } => write!(f, "{steps} steps are done"),
            Self::MaxEpochs { epochs } => {
                let verb = if *epochs == 1.0 { "is" } else { "are" };
                write!(f, "{} {verb} done", Count(*epochs, "epoch"))
            }
            Self::MaxTime { limit, elapsed } => {
                write!(f, "{} s are spent, the limit is {} s", Short(*elapsed), Short(*limit))
            }
            Self::TargetLoss { target, loss } => {
                write!(f, "the training loss {} reached its target {}", Short(*loss), Short(*target))
            }
            Self::GradientTolerance { tolerance, norm } => {
                write!(f, "the gradient's norm {} is at most {}", Short(*norm), Short(*tolerance))
            }
            Self::NoImprovement { what, observations, epochs, best } => {
                let observations = *observations as f64;
                write!(f, "no improvement of the {what} for ")?;
                match *epochs {
                    // where a run has no epochs, or several observations in each
                    0.0 => write!(f, "{}", Count(observations, "observation"))?,
                    epochs if epochs == observations => write!(f, "{}", Count(epochs, "epoch"))?,
                    epochs => {
                        write!(f, "{} ({})", Count(epochs, "epoch"), Count(observations, "observation"))?
                    }
                }
                match best {
                    None => write!(f, "; it was never a number"),
                    Some(Best { value, step, epoch: 0.0 }) => {
                        write!(f, "; best {} at step {step}", Short(*value))
                    }
                    Some(Best { value, epoch, .. }) => {
                        write!(f, "; best {} at epoch {}", Short(*value), Short(*epoch))
                    }
                }
            }
            Self::Divergence { loss, first, bound, observations } => match (first, bound) {
                (Some(first), Some(bound)) => write!(
                    f,
                    "the training loss {} is above {} for {}; it began at {}",
                    Short(*loss),
                    Short(*bound),
                    Count(*observations as f64, "observation"),
                    Short(*first)
                ),
                (Some(first), None) => {
                    write!(f, "the training loss is {loss}; it began at {}", Short(*first))
                }
                (None, _) => write!(f, "the training loss is {loss} from the beginning"),
            },
            Self::Converged { what } => write!(f, "it has converged: {what}"),
            Self::NonFinite { what, step } => write!(f, "{what} at step {step}"),
            Self::All(reasons) => {
                for (i, reason) in reasons.iter().enumerate() {
                    write!(f, "{}{reason}", if i == 0 { "" } else { ", and " })?;
                }
                Ok(())
            }
        }
    }
}

/// What one rule remembers. One type for all rules: a rule leaves alone what it has no use for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Memory {
    rule: String,
    /// The last verdict; `and` needs it while the rule waits for its next value.
    verdict: Option<Reason>,
    #[serde(with = "crate::exact::option")]
    first: Option<f64>,
    best: Option<Best>,
    /// Epochs done at the first observation, for a best that never came.
    begin: Option<f64>,
    /// Observations in a row that were bad.
    bad: u64,
}

/// What a [`Stopper`] remembers, to save and restore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StopperState {
    /// Time spent up to the last observation.
    elapsed: Duration,
    /// One for each rule, in the order written.
    rules: Vec<Memory>,
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
    rules: Vec<Memory>,
}

impl Stopper {
    /// Watches for `stop`, with nothing observed.
    ///
    /// # Errors
    /// What [`Stop::validate`] finds.
    pub fn new(stop: Stop) -> Result<Self> {
        stop.validate()?;
        let memory = |rule: &Stop| Memory { rule: rule.name().to_owned(), ..Memory::default() };
        let rules = stop.rules().into_iter().map(memory).collect();
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
        seen.verdict(&self.stop, &mut self.rules.iter_mut())
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
        let names = |rules: &[Memory]| -> Vec<String> { rules.iter().map(|m| m.rule.clone()).collect() };
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

/// One observation, as the rules see it.
struct Seen<'a> {
    progress: &'a Progress,
    elapsed: Duration,
    metric_name: &'a str,
}

impl Seen<'_> {
    /// Walks the tree; each rule takes the next memory, in the order of [`Stop::rules`].
    fn verdict(&self, stop: &Stop, memories: &mut slice::IterMut<Memory>) -> Option<Reason> {
        match stop {
            // collected first: every rule must see the observation
            Stop::Any(rules) => {
                let verdicts: Vec<_> = rules.iter().map(|r| self.verdict(r, memories)).collect();
                verdicts.into_iter().flatten().next()
            }
            Stop::All(rules) => {
                let verdicts: Vec<_> = rules.iter().map(|r| self.verdict(r, memories)).collect();
                verdicts.into_iter().collect::<Option<_>>().map(Reason::All)
            }
            rule => {
                let memory = memories.next().expect("`Stopper::new` made one memory for each rule");
                if let Some(verdict) = self.judge(rule, memory) {
                    memory.verdict = verdict;
                }
                memory.verdict.clone()
            }
        }
    }

    /// A rule's new verdict; the outer `None` when the value it needs was not reported.
    fn judge(&self, rule: &Stop, memory: &mut Memory) -> Option<Option<Reason>> {
        let Progress { step, epoch, .. } = *self.progress;
        let verdict = match rule {
            Stop::MaxSteps(rule) => (step >= rule.steps).then_some(Reason::MaxSteps { steps: step }),
            Stop::MaxEpochs(rule) => (epoch >= rule.epochs).then_some(Reason::MaxEpochs { epochs: epoch }),
            Stop::MaxTime(rule) => {
                let elapsed = self.elapsed.as_secs_f64();
                (elapsed >= rule.seconds).then_some(Reason::MaxTime { limit: rule.seconds, elapsed })
            }
            Stop::TargetLoss(rule) => {
                let loss = self.progress.loss?;
                (loss <= rule.loss).then_some(Reason::TargetLoss { target: rule.loss, loss })
            }
            Stop::GradientTolerance(rule) => {
                let norm = self.progress.gradient_norm?;
                (norm <= rule.norm).then_some(Reason::GradientTolerance { tolerance: rule.norm, norm })
            }
            Stop::NoImprovement(rule) => self.judge_improvement(rule, memory)?,
            Stop::Divergence(rule) => judge_divergence(rule, memory, self.progress.loss?),
            Stop::NonFinite(_) => self.first_non_finite().map(|what| Reason::NonFinite { what, step }),
            Stop::Any(_) | Stop::All(_) => unreachable!("`verdict` takes combinations apart"),
        };
        Some(verdict)
    }

    fn judge_improvement(&self, rule: &NoImprovement, memory: &mut Memory) -> Option<Option<Reason>> {
        let Progress { step, epoch, .. } = *self.progress;
        let (value, what) = match rule.of {
            Watch::Metric => (self.progress.metric?, self.metric_name),
            Watch::Loss => (self.progress.loss?, "training loss"),
        };
        let begin = *memory.begin.get_or_insert(epoch);
        let best = memory.best.map_or(f64::INFINITY, |best| best.value);
        if value < best - rule.min_delta {
            memory.best = Some(Best { value, step, epoch });
            memory.bad = 0;
        } else {
            memory.bad = memory.bad.saturating_add(1);
        }
        Some((memory.bad >= rule.patience).then(|| Reason::NoImprovement {
            what: what.to_owned(),
            observations: memory.bad,
            epochs: epoch - memory.best.map_or(begin, |best| best.epoch),
            best: memory.best,
        }))
    }

    /// What is NaN or infinite: what the caller named, or else one of the numbers reported.
    fn first_non_finite(&self) -> Option<String> {
        let named = self.progress.non_finite.as_ref().map(|what| format!("{what} is not finite"));
        let Progress { loss, metric, gradient_norm, .. } = *self.progress;
        named.or_else(|| {
            [("training loss", loss), ("gradient's norm", gradient_norm), (self.metric_name, metric)]
                .into_iter()
                .find_map(|(what, value)| {
                    let value = value.filter(|x| !x.is_finite())?;
                    Some(format!("the {what} is {value}"))
                })
        })
    }
}

fn judge_divergence(rule: &Divergence, memory: &mut Memory, loss: f64) -> Option<Reason> {
    if !loss.is_finite() {
        memory.bad = memory.bad.saturating_add(1);
        let (first, observations) = (memory.first, memory.bad);
        return Some(Reason::Divergence { loss, first, bound: None, observations });
    }
    let first = *memory.first.get_or_insert(loss);
    let best = memory.best.map_or(loss, |best| best.value.min(loss));
    // only the value matters here
    memory.best = Some(Best { value: best, step: 0, epoch: 0.0 });
    let bound = rule.factor * first.abs().max(best.abs());
    // a run that began at exactly 0 and never was elsewhere gives no scale to measure by
    memory.bad = if bound > 0.0 && loss > bound { memory.bad.saturating_add(1) } else { 0 };
    (memory.bad >= rule.patience).then_some(Reason::Divergence {
        loss,
        first: Some(first),
        bound: Some(bound),
        observations: memory.bad,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;

    fn at(step: u64) -> Progress {
        Progress { step, ..Progress::default() }
    }

    fn metrics(stop: impl Into<Stop>, values: &[f64]) -> Option<(usize, Reason)> {
        let mut stopper = Stopper::new(stop.into()).unwrap();
        (0..values.len()).find_map(|i| {
            let progress = Progress { epoch: i as f64 + 1.0, metric: Some(values[i]), ..at(i as u64) };
            stopper.observe(&progress).map(|reason| (i, reason))
        })
    }

    fn losses(stop: impl Into<Stop>, values: &[f64]) -> Option<(usize, Reason)> {
        let mut stopper = Stopper::new(stop.into()).unwrap();
        (0..values.len()).find_map(|i| {
            let progress = Progress { loss: Some(values[i]), ..at(i as u64 + 1) };
            stopper.observe(&progress).map(|reason| (i, reason))
        })
    }

    #[test]
    fn limits_fire_at_their_number() {
        let mut stopper = Stopper::new(Stop::max_steps(100)).unwrap();
        assert_eq!(stopper.observe(&at(99)), None);
        assert_eq!(stopper.observe(&at(100)).unwrap().to_string(), "100 steps are done");

        let mut stopper = Stopper::new(Stop::max_epochs(1.5)).unwrap();
        assert_eq!(stopper.observe(&Progress { epoch: 1.4, ..at(14) }), None);
        let reason = stopper.observe(&Progress { epoch: 1.5, ..at(15) }).unwrap();
        assert_eq!(
            (reason.stopped_by().as_str(), reason.to_string().as_str()),
            ("max_epochs", "1.5 epochs are done")
        );

        let mut stopper = Stopper::new(Stop::gradient_tolerance(1e-6)).unwrap();
        assert_eq!(stopper.observe(&at(1)), None);
        let norm = |x| Progress { gradient_norm: Some(x), ..at(2) };
        assert_eq!(stopper.observe(&norm(f64::NAN)), None);
        let reason = stopper.observe(&norm(5e-7)).unwrap();
        assert_eq!(reason.to_string(), "the gradient's norm 5e-7 is at most 1e-6");
    }

    #[test]
    fn target_loss_waits_for_the_loss() {
        let (i, reason) = losses(Stop::target_loss(0.1), &[1.0, f64::NAN, 0.11, 0.1]).unwrap();
        assert_eq!(i, 3);
        assert_eq!(reason.to_string(), "the training loss 0.1 reached its target 0.1");
    }

    #[test]
    fn no_improvement_counts_observations_in_a_row() {
        let stop = NoImprovement { patience: 3, min_delta: 0.1, ..NoImprovement::default() };
        // 0.95 is no improvement by 0.1, 0.85 is
        let values = [1.0, 0.95, 0.92, 0.85, 0.8, f64::NAN, 0.76, 0.0];
        let (i, reason) = metrics(stop, &values).unwrap();
        assert_eq!(i, 6);
        assert_eq!(
            reason.to_string(),
            "no improvement of the validation metric for 3 epochs; best 0.85 at epoch 4"
        );
        let (_, reason) = metrics(Stop::no_improvement(2), &[f64::NAN; 5]).unwrap();
        assert_eq!(
            reason.to_string(),
            "no improvement of the validation metric for 1 epoch (2 observations); it was never a number"
        );
    }

    #[test]
    fn no_improvement_without_epochs_speaks_of_steps() {
        let of = Watch::Loss;
        let stop = NoImprovement { patience: 2, of, ..NoImprovement::default() };
        let (_, reason) = losses(stop, &[1.0, 0.0123456789, 0.5, 0.5]).unwrap();
        assert_eq!(
            reason.to_string(),
            "no improvement of the training loss for 2 observations; best 0.0123457 at step 2"
        );
    }

    #[test]
    fn a_missing_value_counts_neither_way() {
        let mut stopper = Stopper::new(Stop::no_improvement(2)).unwrap().with_metric_name("validation loss");
        let seen = |step, metric| Progress { metric, epoch: 1.0, ..at(step) };
        assert_eq!(stopper.observe(&seen(1, Some(0.5))), None);
        for step in 2..50 {
            assert_eq!(stopper.observe(&seen(step, None)), None);
        }
        assert_eq!(stopper.observe(&seen(50, Some(0.6))), None);
        let reason = stopper.observe(&seen(51, Some(0.6))).unwrap();
        assert!(reason.to_string().starts_with("no improvement of the validation loss for 2 obs"));
    }

    #[test]
    fn divergence_forgives_a_hard_batch_and_a_tiny_best() {
        let stop = || Divergence { factor: 4.0, patience: 3 };
        // one outlier; and a best near zero with losses far above it, both healthy
        let mut healthy = vec![2.0, 1.0, 100.0, 0.5, 1e-9];
        healthy.extend([1e-3, 0.9, 1e-7, 0.2, 7.9, 7.9, 7.9]);
        assert_eq!(losses(stop(), &healthy), None);
        let (i, reason) = losses(stop(), &[2.0, 1.0, 9.0, 20.0, 50.0]).unwrap();
        assert_eq!(i, 4);
        assert_eq!(reason.to_string(), "the training loss 50 is above 8 for 3 observations; it began at 2");
        assert!(reason.is_failure());
    }

    #[test]
    fn divergence_takes_losses_of_any_sign() {
        let stop = || Divergence { factor: 2.0, patience: 1 };
        assert_eq!(losses(stop(), &[-1.0, -5.0, 9.0]), None);
        assert!(losses(stop(), &[-1.0, -5.0, 11.0]).is_some());
        assert_eq!(losses(stop(), &[0.0, 1e-20, 3.0]), None);
        let (i, reason) = losses(Stop::divergence(4.0), &[1.0, f64::NAN]).unwrap();
        assert_eq!((i, reason.to_string().as_str()), (1, "the training loss is NaN; it began at 1"));
        let (_, reason) = losses(Stop::divergence(4.0), &[f64::INFINITY]).unwrap();
        assert_eq!(reason.to_string(), "the training loss is inf from the beginning");
    }

    #[test]
    fn non_finite_says_what() {
        let mut stopper = Stopper::new(Stop::non_finite()).unwrap();
        assert_eq!(stopper.observe(&Progress { loss: Some(1.0), ..at(1) }), None);
        let named = Progress {
            non_finite: Some("the gradient of layer1.weight".to_owned()),
            loss: Some(f64::NAN),
            ..at(7)
        };
        let reason = stopper.observe(&named).unwrap();
        assert_eq!(reason.to_string(), "the gradient of layer1.weight is not finite at step 7");
        let reason = stopper.observe(&Progress { metric: Some(f64::NAN), ..at(8) }).unwrap();
        assert_eq!(reason.to_string(), "the validation metric is NaN at step 8");
    }

    #[test]
    fn or_takes_the_first_and_shows_every_rule_everything() {
        let stop = Stop::max_steps(3) | Stop::no_improvement(2) | Stop::max_epochs(3.0);
        assert!(matches!(&stop, Stop::Any(rules) if rules.len() == 3));
        let (i, reason) = metrics(stop, &[1.0, 2.0, 2.0, 2.0]).unwrap();
        assert_eq!((i, reason.stopped_by().as_str()), (2, "no_improvement"));
    }

    #[test]
    fn and_needs_all_and_keeps_verdicts() {
        let stop = Stop::no_improvement(1) & Stop::target_loss(0.5);
        let mut stopper = Stopper::new(stop).unwrap();
        let seen = |step, loss, metric| Progress { loss, metric, ..at(step) };
        assert_eq!(stopper.observe(&seen(1, None, Some(1.0))), None);
        assert_eq!(stopper.observe(&seen(2, None, Some(2.0))), None);
        // the metric is not reported here; its rule still holds
        let reason = stopper.observe(&seen(3, Some(0.4), None)).unwrap();
        assert_eq!(reason.stopped_by(), "no_improvement+target_loss");
        assert_eq!(
            reason.to_string(),
            "no improvement of the validation metric for 1 observation; best 1 at step 1, \
             and the training loss 0.4 reached its target 0.5"
        );
        // improvement takes the verdict back
        assert_eq!(stopper.observe(&seen(4, Some(0.4), Some(0.1))), None);
    }

    #[test]
    fn combinations_nest() {
        let stop = (Stop::max_steps(5) & Stop::target_loss(0.5)) | Stop::max_steps(8);
        let (i, reason) = losses(stop.clone(), &[1.0; 20]).unwrap();
        assert_eq!((i, reason.stopped_by().as_str()), (7, "max_steps"));
        let (i, reason) = losses(stop, &[0.1; 20]).unwrap();
        assert_eq!((i, reason.stopped_by().as_str()), (4, "max_steps+target_loss"));
    }

    #[test]
    fn a_saved_state_goes_on_as_if_never_interrupted() {
        let stop = (Stop::no_improvement(4) & Stop::target_loss(0.4))
            | Stop::from(Divergence { factor: 2.0, patience: 6 })
            | Stop::max_time(Duration::from_millis(33_300));
        let seen = |i: u64, since: u64| Progress {
            epoch: i as f64 / 3.0,
            elapsed: Duration::from_millis(1100 * (i - since)),
            loss: Some(1.0 / 3.0 + (i * 5 % 7) as f64 / 9.0),
            metric: i.is_multiple_of(2).then_some((i * 3 % 11) as f64 / 7.0),
            ..at(i)
        };
        let mut whole = Stopper::new(stop.clone()).unwrap();
        let expected: Vec<_> = (1..=40).map(|i| whole.observe(&seen(i, 0))).collect();
        assert!(expected.iter().any(Option::is_some) && expected[..9].iter().all(Option::is_none));
        for cut in 0..=40 {
            let mut first = Stopper::new(stop.clone()).unwrap();
            let mut found: Vec<_> = (1..=cut).map(|i| first.observe(&seen(i, 0))).collect();
            let text = serde_json::to_string(&first.state()).unwrap();
            let mut second = Stopper::new(stop.clone()).unwrap();
            second.restore(serde_json::from_str(&text).unwrap()).unwrap();
            assert_eq!(second.state(), first.state());
            found.extend((cut + 1..=40).map(|i| second.observe(&seen(i, cut))));
            assert_eq!(found, expected, "cut after {cut}");
        }
    }

    #[test]
    fn the_state_of_other_rules_is_refused() {
        let saved = Stopper::new(Stop::max_steps(5)).unwrap().state();
        let mut stopper = Stopper::new(Stop::max_epochs(5.0) | Stop::max_steps(5)).unwrap();
        let message = stopper.restore(saved).unwrap_err().to_string();
        assert!(message.contains("saved with the stop rules max_steps, restored with max_epochs, max_steps"));
    }

    #[test]
    fn everything_is_checked_when_made() {
        assert!(matches!(Stopper::new(Stop::Any(vec![])), Err(Error::Conflict { .. })));
        let nested = Stop::max_steps(3) & Stop::divergence(0.5);
        assert!(matches!(Stopper::new(nested), Err(Error::OutOfRange { setting: "factor", .. })));
        assert!(matches!(Stopper::new(Stop::max_time(Duration::ZERO)), Err(Error::OutOfRange { .. })));
    }

    #[test]
    fn the_registry_makes_every_rule() {
        assert!(REGISTRY.is_sorted_by_key(|entry| entry.name));
        for entry in REGISTRY {
            let stop = make(entry.name, &Values::new()).unwrap();
            assert_eq!(stop.name(), entry.name);
            Stopper::new(stop).unwrap();
            assert!(entry.summary.starts_with("Stops ") && entry.summary.ends_with('.'));
            assert!(entry.parameters().iter().all(|p| !p.about.is_empty()));
        }
        let error = make("max_epoch", &Values::new()).unwrap_err().to_string();
        assert!(error.contains("did you mean `max_epochs`?"), "{error}");
        let word = Values::from([("of".to_owned(), Value::Word("loss".to_owned()))]);
        let expected = NoImprovement { of: Watch::Loss, ..NoImprovement::default() };
        assert_eq!(make("no_improvement", &word).unwrap(), expected.into());
    }

    #[test]
    fn numbers_in_sentences_are_short() {
        let short = |x: f64| Short(x).to_string();
        assert_eq!(short(0.012_345_678_9), "0.0123457");
        assert_eq!(short(1234567.0), "1234570");
        assert_eq!(short(3.0e-7), "3e-7");
        assert_eq!(short(f64::NAN), "NaN");
        assert_eq!(short(0.0), "0");
    }
}
