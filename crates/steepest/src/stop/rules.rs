//! The list of stop rules, and what is made of it: a rule is its file and its line in the list.

use super::divergence::{Diverged, Divergence};
use super::gradient_tolerance::{GradientTolerance, SmallGradient};
use super::max_epochs::{EpochsDone, MaxEpochs};
use super::max_steps::{MaxSteps, StepsDone};
use super::max_time::{MaxTime, TimeSpent};
use super::no_improvement::{NoImprovement, NotImproved};
use super::non_finite::{FoundNonFinite, NonFinite};
use super::rule::{RuleState, Seen, StopRule};
use super::target_loss::{TargetLoss, TargetReached};
use crate::error::Result;
use crate::names::{self, Named};
use crate::page;
use crate::settings::{Parameter, Settings, Values};
use std::fmt;

macro_rules! stop_rules {
    ($($rule:ident => $why:ident,)+) => {
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
        #[non_exhaustive]
        pub enum Stop {
            $(
                #[doc = concat!("See [`", stringify!($rule), "`].")]
                $rule($rule),
            )+
            /// At the first of these.
            Any(Vec<Stop>),
            /// When all of these hold.
            All(Vec<Stop>),
        }

        /// Why a run stopped. `Display` is a sentence with the numbers, without a full stop.
        #[derive(Debug, Clone, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
        #[non_exhaustive]
        pub enum Reason {
            $(
                #[doc = concat!("That of [`", stringify!($rule), "`].")]
                $rule($why),
            )+
            /// The optimizer itself says that it has arrived: L-BFGS.
            Converged {
                /// What has become small, and how small.
                what: String,
            },
            /// The line search of L-BFGS found no lower point along a direction in which the gradient says that there is one: as
            /// a rule, the gradient is wrong. See [`check_gradient`](crate::check_gradient).
            LineSearch {
                /// By how much the function should fall, by its gradient.
                promised: f64,
            },
            /// All of these, in the order of the rules.
            All(Vec<Reason>),
        }

        $(
            impl From<$rule> for Stop {
                fn from(rule: $rule) -> Self {
                    Self::$rule(rule)
                }
            }

            impl From<$why> for Reason {
                fn from(why: $why) -> Self {
                    Self::$rule(why)
                }
            }
        )+

        /// Every stop rule.
        pub const REGISTRY: &[StopEntry] = &[$(StopEntry::of::<$rule>()),+];

        impl Stop {
            /// The rule; none for a combination.
            pub(super) fn single(&self) -> Option<&dyn Single> {
                match self {
                    $(Self::$rule(rule) => Some(rule),)+
                    Self::Any(_) | Self::All(_) => None,
                }
            }
        }

        impl Reason {
            /// The rule's name, whether it stops what went wrong, and its sentence; none where no single rule stopped
            /// the run.
            pub(super) fn single(&self) -> Option<(&'static str, bool, &dyn fmt::Display)> {
                match self {
                    $(Self::$rule(why) => Some(($rule::OWNER, $rule::FAILURE, why)),)+
                    Self::Converged { .. } | Self::LineSearch { .. } | Self::All(_) => None,
                }
            }
        }
    };
}

// in the order of their names: first what the user sets, then what a reason says
stop_rules! {
    Divergence => Diverged,
    GradientTolerance => SmallGradient,
    MaxEpochs => EpochsDone,
    MaxSteps => StepsDone,
    MaxTime => TimeSpent,
    NoImprovement => NotImproved,
    NonFinite => FoundNonFinite,
    TargetLoss => TargetReached,
}

/// Any rule, behind a reference.
pub(super) trait Single {
    fn name(&self) -> &'static str;
    fn validate(&self) -> Result<()>;
    /// As [`StopRule::judge`].
    fn judge(&self, seen: &Seen<'_>, memory: &mut RuleState) -> Option<Option<Reason>>;
}

impl<R: StopRule> Single for R
where
    Reason: From<R::Why>,
{
    fn name(&self) -> &'static str {
        R::OWNER
    }
    fn validate(&self) -> Result<()> {
        self.check_ranges()
    }
    fn judge(&self, seen: &Seen<'_>, memory: &mut RuleState) -> Option<Option<Reason>> {
        Some(StopRule::judge(self, seen, memory)?.map(Reason::from))
    }
}

/// A row of [`REGISTRY`].
#[derive(Debug, Clone, Copy)]
pub struct StopEntry {
    /// Its name in files, on the command line, and in [`Reason::stopped_by`].
    pub name: &'static str,
    /// Its page in Markdown: one sentence, then what there is to say.
    pub page: &'static str,
    parameters: fn() -> Vec<Parameter>,
    make: fn(&Values) -> Result<Stop>,
}

impl StopEntry {
    const fn of<S: Settings + Into<Stop>>() -> Self {
        Self {
            name: S::OWNER,
            page: S::PAGE,
            parameters: S::parameters,
            make: |values| Ok(S::from_values(values)?.into()),
        }
    }

    /// The first sentence of the page: what it does.
    pub fn summary(&self) -> String {
        page::summary(self.page)
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

impl Named for StopEntry {
    fn name(&self) -> &str {
        self.name
    }
}

/// The row of [`REGISTRY`] with this name.
///
/// # Errors
/// [`Error::UnknownName`](crate::Error::UnknownName), with the nearest name.
pub fn find(name: &str) -> Result<&'static StopEntry> {
    names::find("stop rule", REGISTRY, name)
}

/// A stop rule by name; see [`find`] and [`StopEntry::make`].
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
