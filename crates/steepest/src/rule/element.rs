//! Optimizers that treat each element alone.

use crate::real::Real;

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

/// How a rule takes weight decay λ. The step applies it, so no rule writes it again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// `g ← g + λθ`: the L2 penalty's gradient, which adaptive rules then rescale.
    Coupled(f64),
    /// `θ ← (1 − ηλ)θ` before the update (Loshchilov & Hutter, 2019).
    Decoupled(f64),
    /// The rule's own formula: λ comes with the [`Step`], and the step does nothing.
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

/// What a state array of an [`ElementRule`] is. It decides how the array is [quantized](crate::StateFormat).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateKind {
    /// A moment of either sign: an average or a sum of gradients and the like. Subnormal numbers count as zero.
    Signed,
    /// A moment without a sign: the same of squares or sizes, never negative.
    Unsigned,
    /// A point among the parameters: never quantized.
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

/// The most state arrays that an element rule can have.
pub const MAX_STATES: usize = 4;

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
/// numbers in f64 for each tensor, saved with its state; [`update_memory`](Self::update_memory) updates them, once for each step. With a
/// [`SCOPE`](Self::SCOPE), a pass before the update sums what [`measure`](Self::measure) says over all elements.
pub trait ElementRule<const N: usize>: Send + Sync + 'static {
    /// The names of its state arrays; each has the parameter's shape.
    const STATE: [&'static str; N];

    /// What each of them is.
    const KINDS: [StateKind; N];

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

    /// The scalars of one step: computed in f64, rounded once. `memory` is what [`update_memory`](Self::update_memory) left;
    /// before [`measure`](Self::measure), what the step before left.
    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Self::Scalars<R>;

    /// What to sum of one element: products of numbers widened to f64. `theta` is not yet decayed, `g` as in
    /// [`update`](Self::update).
    fn measure<R: Real>(_s: &Self::Scalars<R>, _theta: R, _g: R, _state: [R; N]) -> Sums {
        [0.0; MAX_SUMS]
    }

    /// Updates the memory, once in a step, before the update.
    fn update_memory(&self, _step: Step, _sums: &Sums, _memory: &mut [f64]) {}

    /// The new element and its new state. `theta` is already decayed, `g` already scaled,
    /// clipped and, with coupled decay, `g + λθ`.
    fn update<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, state: [R; N]) -> (R, [R; N]);

    /// The element to evaluate with, where [`EVALUATES`](Self::EVALUATES): for rules that compute gradients at one
    /// point and mean another, as schedule-free ones do. Called only after a first step.
    fn evaluate<R: Real>(&self, theta: R, _state: [R; N]) -> R {
        theta
    }
}
