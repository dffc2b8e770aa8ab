//! What an optimizer is: a rule that says how one step changes a parameter.
//!
//! An [`ElementRule`] treats every element alone; its file holds only the formula, and the
//! kernel owns loading, storing, instruction sets and threads. A [`TensorRule`]
//! sees a whole tensor at once. Both become a [`Rule`], which is what an
//! [`Optimizer`](crate::Optimizer) is built from.

use crate::error::Result;
use crate::kernel::ElementKernel;
use crate::linalg::{Loops, Number};
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
    /// The weight decay λ where the rule applies it itself ([`Decay::Own`]); else 0.
    pub lambda: f64,
    /// The value of the loss at this step's gradient, when the caller gave it ([`StepArgs::loss`](crate::StepArgs)).
    pub loss: Option<f64>,
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
    /// The rule's own formula: λ comes with the [`Step`], and the driver does nothing.
    Own(f64),
}

impl Decay {
    /// λ.
    pub fn lambda(&self) -> f64 {
        match self {
            Self::Coupled(lambda) | Self::Decoupled(lambda) | Self::Own(lambda) => *lambda,
        }
    }

    /// The same kind with another λ.
    pub fn with_lambda(&self, lambda: f64) -> Self {
        match self {
            Self::Coupled(_) => Self::Coupled(lambda),
            Self::Decoupled(_) => Self::Decoupled(lambda),
            Self::Own(_) => Self::Own(lambda),
        }
    }
}

/// What a state array of an [`ElementRule`] holds. It decides how the array is kept in [few
/// bytes](crate::StateFormat).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// An average or a sum of gradients and the like, of either sign. Subnormal numbers count as zero.
    Average,
    /// The same of squares or sizes: never negative.
    Square,
    /// A point among the parameters: kept as it is.
    Point,
}

/// What an [`ElementRule`] wants to know of the whole before it updates a single element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: one pass over memory.
    Element,
    /// Sums over the tensor: LAMB, LARS. The gradient and what is summed are read once more.
    Tensor,
    /// Sums over all tensors that the rule updates: Prodigy, DoG.
    All,
}

/// How many sums a rule can ask for.
pub const MAX_SUMS: usize = 4;

/// Sums over a tensor, or over all: what [`ElementRule::measure`] gave for each element.
pub type Sums = [f64; MAX_SUMS];

/// An optimizer that treats each element alone, with `N` numbers of state for each.
///
/// The formula is written once, for any [`Real`]; the kernel turns it into vector code. It must be free
/// of branches that depend on data: `max`, `min` and `sign` instead.
///
/// Two things are for rules that also know something of the tensor as a whole. [`MEMORY`](Self::MEMORY) is a few
/// numbers in f64 for each tensor, saved with its state; [`learn`](Self::learn) moves them on, once for each step. With a
/// [`SCOPE`](Self::SCOPE), a pass before the update sums what [`measure`](Self::measure) says over all elements.
pub trait ElementRule<const N: usize>: Send + Sync + 'static {
    /// The names of its state arrays; each has the parameter's shape.
    const STATE: [&'static str; N];

    /// What each of them holds.
    const HOLDS: [Holds; N] = [Holds::Average; N];

    /// The numbers that it keeps for a tensor as a whole: name and first value.
    const MEMORY: &'static [(&'static str, f64)] = &[];

    /// What is summed before the update.
    const SCOPE: Scope = Scope::Element;

    /// How many of the [`Sums`] it fills; the others stay 0.
    const SUMS: usize = 0;

    /// Whether a step must be given the loss; it is finite then.
    const NEEDS_LOSS: bool = false;

    /// Whether the weights to evaluate with are not θ itself; see [`evaluate`](Self::evaluate).
    const EVALUATES: bool = false;

    /// What is constant during one step, in the precision of the update.
    type Scalars<R: Real>: Copy + Send + Sync;

    /// What the state arrays hold before the first step.
    fn initial(&self) -> [f64; N] {
        [0.0; N]
    }

    /// The first values of [`MEMORY`](Self::MEMORY), where they depend on settings.
    fn first_memory(&self, _memory: &mut [f64]) {}

    /// The scalars of one step: computed in f64, rounded once. `memory` is what [`learn`](Self::learn) left;
    /// before [`measure`](Self::measure), what the step before left.
    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Self::Scalars<R>;

    /// What to sum of one element: products of numbers widened to f64. `theta` is not yet decayed, `g` as in
    /// [`update`](Self::update).
    fn measure<R: Real>(_s: &Self::Scalars<R>, _theta: R, _g: R, _state: [R; N]) -> Sums {
        [0.0; MAX_SUMS]
    }

    /// Moves the memory on, once in a step, before the update.
    fn learn(&self, _step: Step, _sums: &Sums, _memory: &mut [f64]) {}

    /// The new element and its new state. `theta` is already decayed, `g` already scaled,
    /// clipped and, with coupled decay, `g + λθ`.
    fn update<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, state: [R; N]) -> (R, [R; N]);

    /// The element to evaluate with, where [`EVALUATES`](Self::EVALUATES): for rules that compute gradients at one
    /// point and mean another, as schedule-free ones do. Called only after a first step.
    fn evaluate<R: Real>(&self, theta: R, _state: [R; N]) -> R {
        theta
    }
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
    /// The axis along which units lie: the outputs of a layer.
    pub unit_axis: usize,
    /// [Work space](TensorRule::work): it holds whatever another tensor left there.
    pub work: &'a mut [T],
    /// How to run loops over the tensor.
    pub loops: Loops,
}

impl<T> TensorView<'_, T> {
    /// What to multiply the parameter by before the update: 1 − ηλ of decoupled decay.
    pub fn keep(&self, step: Step) -> f64 {
        if let Decay::Decoupled(lambda) = self.decay { 1.0 - step.lr * lambda } else { 1.0 }
    }

    /// What share of the parameter to add to the scaled gradient: λ of coupled decay.
    pub fn coupled(&self) -> f64 {
        if let Decay::Coupled(lambda) = self.decay { lambda } else { 0.0 }
    }
}

/// An optimizer that needs the whole tensor: its norm, its rows, its singular values.
///
/// Small tensors of one step run side by side, each on one thread; large ones one after the other, each on all
/// threads. Whichever it is, [`Loops`] give the same bits.
///
/// A formula for f32 and f64 at once is a [`WholeRule`].
pub trait TensorRule: Send + Sync + 'static {
    /// Whether it takes a parameter of this shape, or why not. Those it does not take go to the rule's
    /// [`others`](Rule::others), if it has them.
    fn takes(&self, _shape: &[usize]) -> Result<(), &'static str> {
        Ok(())
    }
    /// The state arrays for this parameter.
    fn state(&self, param: &Param) -> Vec<StateSpec>;
    /// How many numbers of work space a step of this shape needs. It is allocated with the optimizer, shared by
    /// large tensors, and not saved: a step allocates nothing.
    fn work(&self, _shape: &[usize]) -> usize {
        0
    }
    /// One step in single precision. Returns `Σ (θ' − θ)²`, which the rule knows anyway.
    fn update_f32(&self, step: Step, tensor: TensorView<'_, f32>) -> f64;
    /// One step in double precision. Returns `Σ (θ' − θ)²`.
    fn update_f64(&self, step: Step, tensor: TensorView<'_, f64>) -> f64;
}

/// A [`TensorRule`] whose step is written once, for f32 and f64.
pub trait WholeRule: Send + Sync + 'static {
    /// See [`TensorRule::takes`].
    fn takes(&self, _shape: &[usize]) -> Result<(), &'static str> {
        Ok(())
    }
    /// See [`TensorRule::state`].
    fn state(&self, param: &Param) -> Vec<StateSpec>;
    /// See [`TensorRule::work`].
    fn work(&self, _shape: &[usize]) -> usize {
        0
    }
    /// One step. Returns `Σ (θ' − θ)²`.
    fn update<T: Number>(&self, step: Step, tensor: TensorView<'_, T>) -> f64;
}

/// A [`WholeRule`] as a [`TensorRule`].
struct Whole<R>(R);

impl<R: WholeRule> TensorRule for Whole<R> {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        self.0.takes(shape)
    }
    fn state(&self, param: &Param) -> Vec<StateSpec> {
        self.0.state(param)
    }
    fn work(&self, shape: &[usize]) -> usize {
        self.0.work(shape)
    }
    fn update_f32(&self, step: Step, tensor: TensorView<'_, f32>) -> f64 {
        self.0.update(step, tensor)
    }
    fn update_f64(&self, step: Step, tensor: TensorView<'_, f64>) -> f64 {
        self.0.update(step, tensor)
    }
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
    /// What updates the parameters that a tensor rule does not [take](TensorRule::takes); without it they are an
    /// error when the optimizer is made.
    pub others: Option<Others>,
}

/// The rule beside a rule: for the parameters that it does not take.
#[derive(Debug)]
pub struct Others {
    /// An element rule, with its own weight decay.
    pub rule: Box<Rule>,
    /// Its learning rate is this factor times that of the parameter's group.
    pub lr_factor: f64,
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
        let body = Body::Element(kernel);
        Ok(Self { name: S::OWNER, settings: settings.values(), decay, body, others: None })
    }

    /// The rule of an optimizer that needs whole tensors, from its settings.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn whole<S: Settings>(
        settings: &S,
        decay: Decay,
        rule: impl WholeRule,
        others: Option<Others>,
    ) -> Result<Self> {
        settings.check_ranges()?;
        let body = Body::Tensor(Box::new(Whole(rule)));
        Ok(Self { name: S::OWNER, settings: settings.values(), decay, body, others })
    }

    /// Why this rule does not take a parameter of this shape itself.
    pub fn refuses(&self, shape: &[usize]) -> Option<&'static str> {
        match &self.body {
            Body::Tensor(rule) => rule.takes(shape).err(),
            Body::Element(_) => None,
        }
    }

    /// The numbers that this rule keeps for a tensor as a whole: name and first value.
    pub fn memory(&self) -> Vec<(&'static str, f64)> {
        match &self.body {
            Body::Tensor(_) => Vec::new(),
            Body::Element(kernel) => kernel.memory(),
        }
    }

    /// What its state arrays hold; nothing is said of a tensor rule's.
    pub fn holds(&self) -> &'static [Holds] {
        match &self.body {
            Body::Tensor(_) => &[],
            Body::Element(kernel) => kernel.holds(),
        }
    }

    /// What this rule sums before the update.
    pub fn scope(&self) -> Scope {
        match &self.body {
            Body::Tensor(_) => Scope::Element,
            Body::Element(kernel) => kernel.scope(),
        }
    }

    /// Whether a step must be given the loss.
    pub fn needs_loss(&self) -> bool {
        match &self.body {
            Body::Tensor(_) => false,
            Body::Element(kernel) => kernel.needs_loss(),
        }
    }

    /// Whether the weights to evaluate with are not those that are trained: [`ElementRule::EVALUATES`].
    pub fn evaluates(&self) -> bool {
        match &self.body {
            Body::Tensor(_) => false,
            Body::Element(kernel) => kernel.evaluates(),
        }
    }

    /// The state arrays that this rule, or the one for the others, keeps for `param`.
    pub fn state(&self, param: &Param) -> Vec<StateSpec> {
        if let (Some(_), Some(others)) = (self.refuses(&param.shape), &self.others) {
            return others.rule.state(param);
        }
        match &self.body {
            Body::Tensor(rule) => rule.state(param),
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
