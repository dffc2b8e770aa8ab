//! What an optimizer is: a rule that says how one step changes a parameter.
//!
//! An [`ElementRule`] treats every element alone; its file holds only the formula, and the
//! kernel owns loading, storing, instruction sets and threads. A [`TensorRule`]
//! sees a whole tensor at once. Both become a [`Rule`], which is what an
//! [`Optimizer`](crate::Optimizer) is built from.

use crate::error::Result;
use crate::kernel::ElementKernel;
use crate::param::Param;
use crate::real::Real;
use crate::settings::{Settings, Values};

/// What a rule may know about the step that it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The number of this step of this tensor, counted from 1.
    pub t: u64,
    /// The learning rate of this step, with the group's factor.
    pub lr: f64,
}

impl Step {
    /// `1 − βᵗ`: what a moving average that began at zero has seen of its input.
    pub fn bias_correction(&self, beta: f64) -> f64 {
        // powf, since t may exceed the i32 of powi; 1 − βᵗ is 1 long before t leaves f64's integers
        1.0 - beta.powf(self.t as f64)
    }
}

/// How a rule takes weight decay λ. The driver applies it, so no rule writes it again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// `g ← g + λθ`: the L2 penalty's gradient, which adaptive rules then rescale.
    Coupled(f64),
    /// `θ ← (1 − ηλ)θ` before the update (Loshchilov & Hutter, 2019).
    Decoupled(f64),
}

impl Decay {
    /// λ.
    pub fn lambda(&self) -> f64 {
        match self {
            Self::Coupled(lambda) | Self::Decoupled(lambda) => *lambda,
        }
    }

    /// The same kind with another λ.
    pub fn with_lambda(&self, lambda: f64) -> Self {
        match self {
            Self::Coupled(_) => Self::Coupled(lambda),
            Self::Decoupled(_) => Self::Decoupled(lambda),
        }
    }
}

/// An optimizer that treats each element alone, with `N` numbers of state for each.
///
/// The formula is written once, for any [`Real`]; the kernel turns it into vector code. It must be free
/// of branches that depend on data: `max`, `min` and `sign` instead.
pub trait ElementRule<const N: usize>: Send + Sync + 'static {
    /// The names of its state arrays; each has the parameter's shape.
    const STATE: [&'static str; N];

    /// What is constant during one step, in the precision of the update.
    type Scalars<R: Real>: Copy + Send + Sync;

    /// What the state arrays hold before the first step.
    fn initial(&self) -> [f64; N] {
        [0.0; N]
    }

    /// The scalars of one step: computed in f64, rounded once.
    fn scalars<R: Real>(&self, step: Step) -> Self::Scalars<R>;

    /// The new element and its new state. `theta` is already decayed, `g` already scaled,
    /// clipped and, with coupled decay, `g + λθ`.
    fn update<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, state: [R; N]) -> (R, [R; N]);
}

/// One state array of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct StateSpec {
    /// Its name, as in a state file: `<parameter>/<name>`.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it holds before the first step.
    pub initial: f64,
}

/// A whole tensor in the hands of a [`TensorRule`].
#[derive(Debug)]
pub struct TensorView<'a, T> {
    /// The parameter, not yet decayed.
    pub theta: &'a mut [T],
    /// The gradient, as given.
    pub grad: &'a [T],
    /// What to multiply the gradient by before use: clipping and loss scale.
    pub scale: f64,
    /// The decay of this tensor's group.
    pub decay: Decay,
    /// The state arrays, in the order of [`TensorRule::state`].
    pub state: &'a mut [&'a mut [T]],
    /// The shape, outermost axis first.
    pub shape: &'a [usize],
}

/// An optimizer that needs the whole tensor: its norm, its rows, its singular values.
///
/// Tensors of one step run side by side; a tensor runs on one thread, so the order of its sums,
/// and with it every bit, is the same for any number of threads.
pub trait TensorRule: Send + Sync + 'static {
    /// The state arrays for a parameter of this shape, work space included: a step allocates nothing.
    fn state(&self, shape: &[usize]) -> Vec<StateSpec>;
    /// One step in single precision. Returns `Σ (θ' − θ)²`, which the rule knows anyway.
    fn update_f32(&self, step: Step, tensor: TensorView<'_, f32>) -> f64;
    /// One step in double precision. Returns `Σ (θ' − θ)²`.
    fn update_f64(&self, step: Step, tensor: TensorView<'_, f64>) -> f64;
}

/// How a rule is run.
pub enum Body {
    /// Element by element.
    Element(Box<dyn ElementKernel>),
    /// Tensor by tensor.
    Tensor(Box<dyn TensorRule>),
}

/// An optimizer's rule, ready to be used by an [`Optimizer`](crate::Optimizer): from a settings
/// struct such as [`AdamW`](crate::AdamW), or by name from the [registry](crate::registry).
pub struct Rule {
    /// The name in the registry.
    pub name: &'static str,
    /// The settings it was made with.
    pub settings: Values,
    /// Its weight decay.
    pub decay: Decay,
    /// The formula.
    pub body: Body,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).field("settings", &self.settings).finish()
    }
}

impl Rule {
    /// The rule of an element-wise optimizer, from its settings.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn element<S: Settings>(settings: &S, decay: Decay, kernel: Box<dyn ElementKernel>) -> Result<Self> {
        settings.check_ranges()?;
        Ok(Self { name: S::OWNER, settings: settings.values(), decay, body: Body::Element(kernel) })
    }

    /// The state arrays that this rule keeps for `param`.
    pub fn state(&self, param: &Param) -> Vec<StateSpec> {
        match &self.body {
            Body::Tensor(rule) => rule.state(&param.shape),
            Body::Element(kernel) => kernel
                .state()
                .map(|(name, initial)| StateSpec { name, shape: param.shape.clone(), initial })
                .collect(),
        }
    }
}

/// Settings that make a [`Rule`]: all are checked here, when the optimizer is made.
pub trait IntoRule {
    /// The rule, or which setting is wrong and what the nearest valid one is.
    fn into_rule(self) -> Result<Rule>;
}

impl IntoRule for Rule {
    fn into_rule(self) -> Result<Rule> {
        Ok(self)
    }
}

impl<T: IntoRule> IntoRule for Result<T> {
    fn into_rule(self) -> Result<Rule> {
        self?.into_rule()
    }
}
