//! Everything that can go wrong, as data: where, what was expected, what was found, what to do.

use crate::dtype::DType;
use crate::health::NotFinite;
use crate::hint::{Hint, nearest};
use crate::value::Value;
use std::fmt;

/// The error of every function of this crate.
///
/// A message reads `where: what was found, what was expected; what to do`. The fields carry the
/// same facts for programs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no table knows (an optimizer, a schedule, a stop rule, a function).
    #[error("no {kind} is called `{name}`; {}", Hint { nearest: nearest.as_deref(), known })]
    UnknownName {
        /// What was looked for: `optimizer`, `schedule`, …
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The known name that is most like it, if one is near.
        nearest: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
    /// A setting that its owner does not have.
    #[error("{owner} has no setting `{setting}`; {}", Hint { nearest: nearest.as_deref(), known })]
    UnknownSetting {
        /// The optimizer or schedule.
        owner: &'static str,
        /// The setting that was asked for.
        setting: String,
        /// The known setting that is most like it, if one is near.
        nearest: Option<String>,
        /// All settings of the owner.
        known: Vec<String>,
    },
    /// A setting of the wrong type.
    #[error("{owner}: `{setting}` is {found}, expected {expected}; write for example {setting} = {example}")]
    WrongType {
        /// The optimizer or schedule.
        owner: &'static str,
        /// The setting.
        setting: &'static str,
        /// The type it takes.
        expected: &'static str,
        /// What was given.
        found: String,
        /// A valid value: the default.
        example: String,
    },
    /// A setting outside its range.
    #[error("{owner}: {setting} = {} is outside {range}; the nearest valid value is {}", Value::Number(*.value), Value::Number(*.nearest))]
    OutOfRange {
        /// The optimizer, schedule or function.
        owner: &'static str,
        /// The setting.
        setting: &'static str,
        /// What was given.
        value: f64,
        /// The valid range in interval notation.
        range: String,
        /// The valid value closest to the one given.
        nearest: f64,
    },
    /// Settings that are valid alone but not together.
    #[error("{owner}: {conflict}; {remedy}")]
    Conflict {
        /// The optimizer, schedule or function.
        owner: &'static str,
        /// What contradicts what.
        conflict: String,
        /// What to change.
        remedy: String,
    },
    /// A pattern of a parameter group that matches no parameter.
    #[error("group `{group}` matches none of the {count} parameters; {}; see them all with `Optimizer::plan`", Hint { nearest: nearest.as_deref(), known: &[] })]
    GroupMatchesNothing {
        /// The group's selector as text.
        group: String,
        /// The name most like the pattern.
        nearest: Option<String>,
        /// How many parameters there are.
        count: usize,
    },
    /// Two parameters of one name; states are saved by name, so names are unique.
    #[error("two parameters are called `{name}` (numbers {first} and {second}); give each its own name")]
    DuplicateName {
        /// The shared name.
        name: String,
        /// Position of the first.
        first: usize,
        /// Position of the second.
        second: usize,
    },
    /// A parameter that this optimizer cannot take, known when the optimizer is made.
    #[error("{optimizer} cannot take parameter `{tensor}`: {reason}; {remedy}")]
    Unsupported {
        /// The optimizer.
        optimizer: &'static str,
        /// The parameter.
        tensor: String,
        /// Why.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A step with another number of tensors than the optimizer was made for.
    #[error(
        "step {step}: {found} tensors were given, the optimizer was made for {expected}; give every parameter in the order of `build`, one without gradient as `Slot::frozen`"
    )]
    TensorCount {
        /// The step that was refused.
        step: u64,
        /// Tensors of the optimizer.
        expected: usize,
        /// Tensors given.
        found: usize,
    },
    /// A slice of the wrong length.
    #[error("step {step}: {what} `{tensor}` has {found} elements, expected {expected}; nothing was changed")]
    Length {
        /// The step that was refused.
        step: u64,
        /// `parameter` or `gradient of`.
        what: &'static str,
        /// The tensor.
        tensor: String,
        /// Elements of the parameter when the optimizer was made.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A slice of the wrong element type.
    #[error("step {step}: {what} `{tensor}` is {found}, expected {expected}; nothing was changed")]
    WrongDType {
        /// The step that was refused.
        step: u64,
        /// `parameter` or `gradient of`.
        what: &'static str,
        /// The tensor.
        tensor: String,
        /// The element type when the optimizer was made, or those a gradient may have.
        expected: String,
        /// The element type given.
        found: DType,
    },
    /// A gradient that is not a number or infinite.
    #[error(
        "step {step}: {}; nothing was changed; clipping cannot mend it: look for what makes the loss or its gradient so, lower the learning rate or the loss scale, or skip such steps with `NonFinite::Skip`",
        GradientFault { step: *step, tensor, index: *index, value: *value, count: *count }
    )]
    NonFiniteGradient {
        /// The step that was refused, counted from 1.
        step: u64,
        /// The first tensor with such a value, in the order of `build`.
        tensor: String,
        /// Index of the first such value in the flat tensor.
        index: usize,
        /// The value: NaN or an infinity.
        value: f64,
        /// How many such values the tensor has.
        count: usize,
    },
    /// A step with finite gradients that would leave something that is not finite in a parameter or its state.
    #[error(
        "step {step}: the gradient of `{tensor}` is finite, of norm {gradient_norm:.2e}, but the step would make {what} {value} at index {index} ({count} such value{} in it); nothing was changed; clip the gradient with `Clip`, lower the learning rate or the weight decay, or skip such steps with `NonFinite::Skip`",
        if *count == 1 { "" } else { "s" }
    )]
    Overflow {
        /// The step that was refused, counted from 1.
        step: u64,
        /// The first such tensor, in the order of `build`.
        tensor: String,
        /// What of it would not be finite.
        what: NotFinite,
        /// Index of the first such value, flat.
        index: usize,
        /// What it would be: NaN or an infinity.
        value: f64,
        /// How many such values there would be.
        count: usize,
        /// The Euclidean norm of the tensor's gradient, before clipping.
        gradient_norm: f64,
    },
    /// A learning rate, scale or bound that is not a number or outside its range, given to a step.
    #[error("step {step}: {what} is {value}, expected {expected}; nothing was changed")]
    BadArgument {
        /// The step that was refused.
        step: u64,
        /// Which argument.
        what: &'static str,
        /// What was given.
        value: f64,
        /// The valid values.
        expected: &'static str,
    },
    /// An optimizer that computes its step from the loss was stepped without one, or with one that is not finite.
    #[error(
        "step {step}: {optimizer} computes its step from the loss, found {}; give \
         StepArgs {{ loss: Some(value), .. }} with a finite value; nothing was changed",
        found.map_or("none".to_owned(), |x| x.to_string())
    )]
    LossNeeded {
        /// The step that was refused.
        step: u64,
        /// The optimizer.
        optimizer: &'static str,
        /// What was given.
        found: Option<f64>,
    },
    /// State that a slot brings does not fit, or is missing, or is brought to an optimizer that keeps its state itself.
    #[error(
        "step {step}: the state that `{tensor}` brings is {found}, expected {expected}; nothing was changed; ask \
         `Optimizer::state_layout` for the arrays of each parameter, and lend them in that order"
    )]
    LentState {
        /// The step that was refused.
        step: u64,
        /// The parameter.
        tensor: String,
        /// Names, lengths and element types of its arrays.
        expected: String,
        /// What was lent.
        found: String,
    },
    /// The objective of `minimize` or `check_gradient` is not a number.
    #[error("the function is {value} at step {step}; start elsewhere or lower the learning rate")]
    NonFiniteObjective {
        /// The step, 0 for the start.
        step: u64,
        /// The value.
        value: f64,
    },
    /// A state that does not fit: everything missing, extra or different, all at once.
    #[error("the state does not fit this optimizer:\n  {}\nnothing was loaded; use the settings and parameters it was saved with", .problems.join("\n  "))]
    StateMismatch {
        /// One line for each problem.
        problems: Vec<String>,
    },
    /// A state file that cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system or the format's library says.
        reason: String,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// [`Error::UnknownName`], with the known name that is most like `name`.
    pub fn unknown_name<'a>(
        kind: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        Self::UnknownName {
            kind,
            name: name.to_owned(),
            nearest: nearest(name, known.iter().copied()).map(str::to_owned),
            known: known.into_iter().map(str::to_owned).collect(),
        }
    }

    /// [`Error::UnknownSetting`], with the setting of `owner` that is most like `setting`.
    pub fn unknown_setting(owner: &'static str, setting: &str, known: &[&str]) -> Self {
        Self::UnknownSetting {
            owner,
            setting: setting.to_owned(),
            nearest: nearest(setting, known.iter().copied()).map(str::to_owned),
            known: known.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Whether a step was refused for what is not finite, in a gradient or in what the step would have left: the training has gone
    /// wrong, not the call.
    pub fn is_not_finite(&self) -> bool {
        matches!(self, Self::NonFiniteGradient { .. } | Self::Overflow { .. })
    }

    /// What [`Error::NonFiniteGradient`] found, for a message with other advice.
    pub fn gradient_fault(&self) -> Option<GradientFault<'_>> {
        match self {
            Self::NonFiniteGradient { step, tensor, index, value, count } => {
                Some(GradientFault { step: *step, tensor, index: *index, value: *value, count: *count })
            }
            _ => None,
        }
    }
}

/// What [`Error::NonFiniteGradient`] found. `Display` says it in words, without step and advice, which
/// depend on who speaks.
///
/// ```
/// use steepest::{DType, Optimizer, Param, Sgd, Slot};
/// let mut optimizer = Optimizer::builder(Sgd::default()).build([Param::new("w", [2], DType::F32)])?;
/// let (mut theta, gradient) = ([0.0f32; 2], [0.0, f32::NAN]);
/// let error = optimizer.step(0.1, &mut [Slot::new(&mut theta, &gradient)]).unwrap_err();
/// let fault = error.gradient_fault().unwrap();
/// assert_eq!(fault.step, 1);
/// assert_eq!(fault.to_string(), "the gradient of `w` is NaN at index 1 (1 such value in it)");
/// # Ok::<(), steepest::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GradientFault<'a> {
    /// The step that was refused, counted from 1.
    pub step: u64,
    /// The first tensor with such a value, in the order of `build`.
    pub tensor: &'a str,
    /// Index of the first such value in the flat tensor.
    pub index: usize,
    /// The value: NaN or an infinity.
    pub value: f64,
    /// How many such values the tensor has.
    pub count: usize,
}

impl fmt::Display for GradientFault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tensor, index, value, count, .. } = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "the gradient of `{tensor}` is {value} at index {index} ({count} such value{plural} in it)")
    }
}
