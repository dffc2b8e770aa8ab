//! What the matrix methods do with vectors and single numbers: a rule beside the rule.

use super::adam::AdamW;
use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Body, ElementRule, Fallback, IntoRule, StateKind, Step};

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

/// [`settings!`](crate::settings!) of a matrix method, with those of the AdamW beside it, whose defaults stand under
/// `adam`; its method `adam` makes that rule, or none.
macro_rules! matrix_settings {
    (
        $(#[doc = $page:literal])*
        pub struct $name:ident ($owner:literal) { $($fields:tt)* }
        adam { lr_factor: $lr_factor:expr, beta1: $beta1:expr, beta2: $beta2:expr, eps: $eps:expr }
        $(dialects { $($dialects:tt)* })?
    ) => {
        crate::settings! {
            $(#[doc = $page])*
            pub struct $name($owner) {
                $($fields)*
                /// what updates vectors and single numbers: AdamW, or nothing does and they are an error
                others: crate::rules::OtherParameters = crate::rules::OtherParameters::Adamw;
                /// AdamW's share of the learning rate
                adam_lr_factor: f64 = $lr_factor, crate::settings::Range::NON_NEGATIVE;
                /// β₁ of AdamW
                adam_beta1: f64 = $beta1, crate::settings::Range::RATE;
                /// β₂ of AdamW
                adam_beta2: f64 = $beta2, crate::settings::Range::RATE;
                /// ε of AdamW
                adam_eps: f64 = $eps, crate::settings::Range::NON_NEGATIVE;
                /// λ of AdamW
                adam_weight_decay: f64 = 0.0, crate::settings::Range::NON_NEGATIVE;
            }
            $(dialects { $($dialects)* })?
        }

        impl $name {
            /// The rule for what is not a matrix; with `nesterov`, both moments corrected as optax's
            /// `adam(nesterov=True)` does.
            fn adam(&self, nesterov: bool) -> crate::Result<Option<crate::rule::Fallback>> {
                let adamw = crate::rules::AdamW {
                    beta1: self.adam_beta1,
                    beta2: self.adam_beta2,
                    eps: self.adam_eps,
                    weight_decay: self.adam_weight_decay,
                    ..crate::rules::AdamW::default()
                };
                crate::rules::others::beside(self.others, adamw, self.adam_lr_factor, nesterov)
            }
        }
    };
}
pub(super) use matrix_settings;

/// The rule beside a matrix method.
pub(super) fn beside(
    by: OtherParameters,
    adamw: AdamW,
    lr_factor: f64,
    nesterov: bool,
) -> Result<Option<Fallback>> {
    if by == OtherParameters::Refuse {
        return Ok(None);
    }
    let AdamW { beta1, beta2, eps, .. } = adamw;
    let mut rule = adamw.into_rule()?;
    if nesterov {
        rule.body = Body::Element(element(Nesterov { beta1, beta2, eps }));
    }
    Ok(Some(Fallback { rule: Box::new(rule), lr_factor }))
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
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Unsigned];
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
