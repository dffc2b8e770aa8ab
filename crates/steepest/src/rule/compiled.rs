//! A rule that is ready to be used by an optimizer, whatever its kind.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::ElementKernel;
use crate::linalg::PANEL;
use crate::param::Param;
use crate::rule::element::{Decay, Scope, StateKind};
use crate::rule::tensor::{StateSpec, TensorKernel, TensorRule};
use crate::settings::{Settings, Values};

/// How a rule is run.
pub enum Body {
    /// Element by element.
    Element(Box<dyn ElementKernel>),
    /// Tensor by tensor.
    Tensor(Box<dyn TensorKernel>),
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
    /// Makes the rule again, from other settings.
    make: Option<fn(&Values) -> Result<Self>>,
    /// What updates the parameters that a tensor rule does not [take](TensorRule::takes); without it they are an
    /// error when the optimizer is made.
    pub fallback: Option<Fallback>,
}

/// The rule for the parameters that a tensor rule does not take.
#[derive(Debug)]
pub struct Fallback {
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
    /// A rule of one's own, without settings.
    pub fn custom(name: &'static str, decay: Decay, body: Body) -> Self {
        Self { name, settings: Values::new(), decay, body, make: None, fallback: None }
    }

    /// The rule of an element-wise optimizer, from its settings.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn element<S: Settings + IntoRule>(
        settings: &S,
        decay: Decay,
        kernel: Box<dyn ElementKernel>,
    ) -> Result<Self> {
        settings.check_ranges()?;
        let body = Body::Element(kernel);
        Ok(Self {
            name: S::OWNER,
            settings: settings.values(),
            decay,
            body,
            make: Some(make::<S>),
            fallback: None,
        })
    }

    /// The rule of an optimizer that needs whole tensors, from its settings.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn tensor<S: Settings + IntoRule>(
        settings: &S,
        decay: Decay,
        rule: impl TensorRule,
        fallback: Option<Fallback>,
    ) -> Result<Self> {
        settings.check_ranges()?;
        let body = Body::Tensor(Box::new(rule));
        Ok(Self { name: S::OWNER, settings: settings.values(), decay, body, make: Some(make::<S>), fallback })
    }

    /// The same rule with some settings changed.
    ///
    /// # Errors
    /// A setting that it does not have, or a value outside its range.
    pub fn with(&self, changes: &Values) -> Result<Self> {
        let mut settings = self.settings.clone();
        settings.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
        let make = self.make.ok_or_else(|| Error::Conflict {
            owner: self.name,
            conflict: "it was made without settings, and one is to change".to_owned(),
            remedy: "make the rule from a settings struct".to_owned(),
        })?;
        make(&settings)
    }

    /// Why this rule does not take a parameter of this shape itself.
    pub fn refuses(&self, shape: &[usize]) -> Option<&'static str> {
        match &self.body {
            Body::Tensor(rule) => rule.takes(shape).err(),
            Body::Element(_) => None,
        }
    }

    /// Bytes of workspace that a step needs for `param`.
    pub(crate) fn workspace(&self, param: &Param) -> usize {
        let numbers = match &self.body {
            Body::Tensor(rule) => rule.workspace(&param.shape).next_multiple_of(PANEL),
            Body::Element(_) => 0,
        };
        numbers * if param.dtype == DType::F64 { 8 } else { 4 }
    }

    /// The numbers that this rule keeps for a tensor as a whole: name and first value.
    pub fn memory(&self) -> Vec<(&'static str, f64)> {
        match &self.body {
            Body::Tensor(_) => Vec::new(),
            Body::Element(kernel) => kernel.memory(),
        }
    }

    /// What its state arrays are; nothing is said of a tensor rule's.
    pub fn kinds(&self) -> &'static [StateKind] {
        match &self.body {
            Body::Tensor(_) => &[],
            Body::Element(kernel) => kernel.kinds(),
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

    /// Whether the weights to evaluate with are not those that are trained: [`ElementRule::EVALUATES`](crate::rule::ElementRule::EVALUATES).
    pub fn evaluates(&self) -> bool {
        match &self.body {
            Body::Tensor(_) => false,
            Body::Element(kernel) => kernel.evaluates(),
        }
    }

    /// The state arrays that this rule, or its fallback, keeps for `param`.
    pub fn state(&self, param: &Param) -> Vec<StateSpec> {
        if let (Some(_), Some(fallback)) = (self.refuses(&param.shape), &self.fallback) {
            return fallback.rule.state(param);
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

fn make<S: Settings + IntoRule>(settings: &Values) -> Result<Rule> {
    S::from_values(settings)?.into_rule()
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
