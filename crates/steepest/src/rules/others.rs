//! What the matrix methods do with vectors and single numbers: a rule beside the rule.

use super::adam::AdamW;
use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Body, ElementRule, IntoRule, Others, Step};

crate::word_setting! {
    /// What happens to the parameters that a matrix method does not take: vectors and single numbers.
    pub enum OtherParameters {
        /// They are updated by AdamW.
        #[default]
        Adamw = "adamw",
        /// They are an error when the optimizer is made.
        Refuse = "refuse",
    }
}

/// The settings of AdamW beside a matrix method, and its place in it.
pub(super) struct Adam {
    pub by: OtherParameters,
    pub lr_factor: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
    /// Both moments corrected as optax's `adam(nesterov=True)` does.
    pub nesterov: bool,
}

impl Adam {
    pub fn others(self) -> Result<Option<Others>> {
        if self.by == OtherParameters::Refuse {
            return Ok(None);
        }
        let Self { beta1, beta2, eps, weight_decay, .. } = self;
        let mut rule = AdamW { beta1, beta2, eps, weight_decay, ..AdamW::default() }.into_rule()?;
        if self.nesterov {
            rule.body = Body::Element(element(Nesterov { beta1, beta2, eps }));
        }
        Ok(Some(Others { rule: Box::new(rule), lr_factor: self.lr_factor }))
    }
}

/// optax's Adam with Nesterov's momentum: the next step's share of m, and this gradient's own.
struct Nesterov {
    beta1: f64,
    beta2: f64,
    eps: f64,
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// β₁ / (1 − β₁ᵗ⁺¹) for m, (1 − β₁) / (1 − β₁ᵗ) for g
    ahead: Average<R>,
    lr: R,
    root_correction: R,
    eps: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl ElementRule<2> for Nesterov {
    const STATE: [&'static str; 2] = ["exp_avg", "exp_avg_sq"];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        Scalars {
            ahead: ahead(step, self.beta1),
            lr: R::of(step.lr),
            root_correction: R::of(1.0 / step.bias_correction(self.beta2).sqrt()),
            eps: R::of(self.eps),
            beta1: Average::new(self.beta1),
            beta2: Average::new(self.beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let (m, v) = (s.beta1.mix(m, g), s.beta2.mix(v, g * g));
        (theta - s.lr * s.ahead.mix(m, g) / (v.sqrt() * s.root_correction + s.eps), [m, v])
    }
}

/// optax's bias-corrected Nesterov momentum: `β/(1 − βᵗ⁺¹)` for m, `(1 − β)/(1 − βᵗ)` for g.
pub(super) fn ahead<R: Real>(step: Step, beta: f64) -> Average<R> {
    let next = Step { t: step.t.saturating_add(1), ..step };
    Average::weighted(beta / next.bias_correction(beta), (1.0 - beta) / step.bias_correction(beta))
}
