//! One file per optimizer: its documentation, settings, scalars of a step and formula. And the table of
//! all: a new optimizer is its file and its lines here. Those for matrices are in a folder of their own, with what they
//! share.

use crate::registry::{Entry, InTorch, Traits};
use crate::rule::IntoRule;
use crate::settings::Settings;

mod adabelief;
mod adabound;
mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adan;
mod ademamix;
mod adopt;
mod asgd;
mod dadapt;
mod dadapt_sgd;
mod dog;
mod dowg;
mod fromage;
mod ftrl;
mod lamb;
mod laprop;
mod lars;
mod lion;
mod madgrad;
mod matrix;
mod mechanic;
mod nadam;
mod novograd;
mod polyak;
mod prodigy;
mod qhadam;
mod radam;
mod rmsprop;
mod rprop;
mod schedule_free;
mod sgd;
mod signsgd;
mod sm3;
mod yogi;

pub use adabelief::AdaBelief;
pub use adabound::AdaBound;
pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use adan::Adan;
pub use ademamix::{AdEMAMix, SimplifiedAdEMAMix};
pub use adopt::Adopt;
pub use asgd::Asgd;
pub use dadapt::DAdaptAdam;
pub use dadapt_sgd::DAdaptSgd;
pub use dog::DoG;
pub use dowg::DoWG;
pub use fromage::Fromage;
pub use ftrl::Ftrl;
pub use lamb::Lamb;
pub use laprop::LaProp;
pub use lars::Lars;
pub use lion::Lion;
pub use madgrad::Madgrad;
pub use matrix::{
    DiagonalSides, Grafting, Kron, MatrixFallback, Mud, Muon, NorMuon, Polynomial, Shampoo, Soap, UpdateScale,
};
pub use mechanic::{Mechanic, MechanicBase};
pub use nadam::NAdam;
pub use novograd::NovoGrad;
pub use polyak::{Polyak, PolyakVariant};
pub use prodigy::Prodigy;
pub use qhadam::QHAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use schedule_free::{ScheduleFreeAdamW, ScheduleFreeSgd};
pub use sgd::Sgd;
pub use signsgd::{SignSgd, Signum};
pub use sm3::Sm3;
pub use yogi::Yogi;

/// An entry: settings, a learning rate to begin with, bytes of traffic per f32 parameter and step, traits.
macro_rules! entry {
    ($settings:ty, $default_lr:expr, $traffic:expr) => {
        entry!($settings, $default_lr, $traffic, Traits::ELEMENT)
    };
    ($settings:ty, $default_lr:expr, $traffic:expr, $traits:expr) => {
        Entry {
            name: <$settings as Settings>::OWNER,
            type_name: stringify!($settings),
            page: <$settings as Settings>::PAGE,
            default_lr: $default_lr,
            traffic: $traffic,
            traits: $traits,
            torch: None,
            dialects: <$settings as Settings>::DIALECTS,
            parameters: <$settings as Settings>::parameters,
            make: |values| <$settings as Settings>::from_values(values)?.into_rule(),
        }
    };
}

/// Every optimizer, in the order of `steepest list`.
pub(crate) static TABLE: &[Entry] = &[
    entry!(Sgd, 0.05, 12).in_torch("SGD", 1e-3),
    entry!(Adagrad, 0.02, 20).in_torch("Adagrad", 0.01),
    entry!(RmsProp, 1e-3, 20).in_torch("RMSprop", 0.01),
    entry!(Adam, 3e-3, 28).in_torch("Adam", 1e-3),
    entry!(AdamW, 3e-3, 28).in_torch("AdamW", 1e-3),
    entry!(Adadelta, 1.0, 28).in_torch("Adadelta", 1.0),
    entry!(Adamax, 5e-3, 28).in_torch("Adamax", 2e-3),
    entry!(RAdam, 3e-3, 28).in_torch("RAdam", 1e-3),
    entry!(NAdam, 3e-3, 28).in_torch("NAdam", 2e-3),
    entry!(Asgd, 0.05, 20, Traits { still: false, fading: true, ..Traits::ELEMENT }).in_torch("ASGD", 0.01),
    entry!(Rprop, 0.01, 28, Traits { continuous: false, full_batch: true, ..Traits::ELEMENT }).in_torch_with(
        InTorch {
            class: "Rprop",
            lr: 0.01,
            joined: &[("etas", &["eta_minus", "eta_plus"]), ("step_sizes", &["step_min", "step_max"])],
            none: &[],
            kept_axes: &[],
        },
    ),
    entry!(Lamb, 0.01, 44, Traits::MEASURED),
    entry!(Lars, 1.0, 28, Traits::MEASURED),
    entry!(NovoGrad, 0.01, 24, Traits::MEASURED),
    entry!(Fromage, 0.01, 20, Traits { still: false, ..Traits::MEASURED }),
    entry!(Polyak, 1.0, 16, Traits { needs_loss: true, learning_rate_free: true, ..Traits::MEASURED }),
    entry!(DoG, 1.0, 32, Traits { learning_rate_free: true, ..Traits::MEASURED }),
    entry!(DoWG, 1.0, 32, Traits { learning_rate_free: true, ..Traits::MEASURED }),
    entry!(ScheduleFreeSgd, 1.0, 20, Traits { schedule_free: true, ..Traits::ELEMENT }),
    entry!(ScheduleFreeAdamW, 2.5e-3, 28, Traits { schedule_free: true, ..Traits::ELEMENT }),
    entry!(Prodigy, 1.0, 56, Traits { learning_rate_free: true, ..Traits::MEASURED }),
    entry!(DAdaptAdam, 1.0, 48, Traits { learning_rate_free: true, ..Traits::MEASURED }),
    entry!(DAdaptSgd, 1.0, 36, Traits { learning_rate_free: true, ..Traits::MEASURED }),
    // one of its bases takes signs
    entry!(
        Mechanic,
        1.0,
        48,
        Traits { learning_rate_free: true, continuous: false, settles: false, ..Traits::MEASURED }
    ),
    entry!(Adafactor, 0.01, 28, Traits::TENSOR).in_torch_with(InTorch {
        class: "Adafactor",
        lr: 0.01,
        joined: &[],
        none: &["eps1"],
        kept_axes: &[("row_var", 0), ("col_var", 1)],
    }),
    entry!(Sm3, 0.1, 28, Traits::TENSOR),
    entry!(Muon, 0.02, 20, Traits::TENSOR),
    entry!(NorMuon, 3e-3, 20, Traits::TENSOR),
    entry!(Mud, 3e-3, 20, Traits::TENSOR),
    entry!(Shampoo, 3e-3, 52, Traits::TENSOR),
    // eigenvalues are sorted
    entry!(Soap, 3e-3, 52, Traits { continuous: false, ..Traits::TENSOR }),
    // the longest column of a matrix is taken
    entry!(Kron, 1e-3, 36, Traits { continuous: false, ..Traits::TENSOR }),
    entry!(SignSgd, 1e-3, 12, Traits { continuous: false, ..Traits::ELEMENT }),
    entry!(Signum, 1e-3, 20, Traits { continuous: false, ..Traits::ELEMENT }),
    entry!(Lion, 5e-4, 20, Traits { continuous: false, ..Traits::ELEMENT }),
    entry!(AdaBelief, 3e-3, 28),
    entry!(Yogi, 1e-2, 28, Traits { still: false, continuous: false, ..Traits::ELEMENT }),
    entry!(Adan, 1e-2, 44),
    entry!(AdEMAMix, 1e-3, 36),
    entry!(SimplifiedAdEMAMix, 3e-5, 28),
    entry!(Adopt, 3e-3, 28),
    entry!(QHAdam, 3e-3, 28),
    entry!(LaProp, 1e-3, 28),
    entry!(AdaBound, 1e-3, 28),
    entry!(Madgrad, 1e-2, 36),
    entry!(Ftrl, 0.05, 28, Traits { still: false, ..Traits::ELEMENT }),
];
