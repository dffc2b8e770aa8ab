//! What the matrix methods do with vectors and single numbers: they are updated by AdamW, or are an error.

use super::super::{AdamW, nadam};
use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Body, ElementRule, Fallback, IntoRule, StateKind, Step};

crate::word_setting! {
    /// What happens to the parameters that a matrix method does not take: vectors and single numbers.
    pub enum MatrixFallback {
        /// They are updated by AdamW.
        #[default]
        Adamw = "adamw",
        /// They are an error when the optimizer is made.
        Refuse = "refuse",
    }
}

/// [`settings!`](crate::settings!) of a matrix method, with those of the AdamW it falls back to, whose
/// defaults stand under `adam`; its method `fallback` makes that rule, or none.
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
                others: crate::rules::MatrixFallback = crate::rules::MatrixFallback::Adamw;
                /// AdamW's learning rate is this factor times the group's
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
            fn fallback(&self, nesterov: bool) -> crate::Result<Option<crate::rule::Fallback>> {
                let adamw = crate::rules::AdamW {
                    beta1: self.adam_beta1,
                    beta2: self.adam_beta2,
                    eps: self.adam_eps,
                    weight_decay: self.adam_weight_decay,
                    ..crate::rules::AdamW::default()
                };
                super::fallback::rule(self.others, adamw, self.adam_lr_factor, nesterov)
            }
        }
    };
}
pub(super) use matrix_settings;

/// The rule for what a matrix method does not take.
pub(super) fn rule(
    by: MatrixFallback,
    adamw: AdamW,
    lr_factor: f64,
    nesterov: bool,
) -> Result<Option<Fallback>> {
    if by == MatrixFallback::Refuse {
        return Ok(None);
    }
    let AdamW { beta1, beta2, eps, .. } = adamw;
    let mut rule = adamw.into_rule()?;
    if nesterov {
        rule.body = Body::Element(element(Nesterov { beta1, beta2, eps }));
    }
    Ok(Some(Fallback { rule: Box::new(rule), lr_factor }))
}

/// optax's Adam with Nesterov's momentum: that of [NAdam](crate::NAdam) without a schedule, and without its
/// memory.
struct Nesterov {
    beta1: f64,
    beta2: f64,
    eps: f64,
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    moments: nadam::Moments<R>,
}

impl ElementRule<2> for Nesterov {
    const STATE: [&'static str; 2] = nadam::STATE;
    const KINDS: [StateKind; 2] = nadam::KINDS;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let ahead = corrected_look_ahead(step, self.beta1);
        Scalars {
            lr: R::of(step.lr),
            moments: nadam::Moments::new(step, ahead, (self.beta1, self.beta2), (self.eps, 0.0)),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, state: [R; 2]) -> (R, [R; 2]) {
        let (ahead, root, state) = s.moments.follow::<false>(g, state);
        (theta - s.lr * ahead / root, state)
    }
}

/// optax's bias-corrected Nesterov momentum: `β/(1 − βᵗ⁺¹)` for m, `(1 − β)/(1 − βᵗ)` for g.
pub(super) fn corrected_look_ahead<R: Real>(step: Step, beta: f64) -> Average<R> {
    let next = Step { t: step.t.saturating_add(1), ..step };
    Average::weighted(beta / next.bias_correction(beta), (1.0 - beta) / step.bias_correction(beta))
}
