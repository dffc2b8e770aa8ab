//! One file per optimizer: its documentation, settings, scalars of a step and formula. And the table of
//! all: a new optimizer is its file and its lines here.

use crate::registry::{Entry, Traits};
use crate::rule::IntoRule;
use crate::settings::Settings;

mod adabelief;
mod adabound;
mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adan;
mod ademamix;
mod adopt;
mod ftrl;
mod laprop;
mod lion;
mod madgrad;
mod qhadam;
mod radam;
mod rmsprop;
mod sgd;
mod signsgd;
mod yogi;

pub use adabelief::AdaBelief;
pub use adabound::AdaBound;
pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use adan::Adan;
pub use ademamix::{AdEMAMix, SimplifiedAdEMAMix};
pub use adopt::Adopt;
pub use ftrl::Ftrl;
pub use laprop::LaProp;
pub use lion::Lion;
pub use madgrad::Madgrad;
pub use qhadam::QHAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
pub use signsgd::{SignSgd, Signum};
pub use yogi::Yogi;

/// An entry: settings, a learning rate to begin with, bytes of traffic per f32 parameter and step, traits.
macro_rules! entry {
    ($settings:ty, $default_lr:expr, $traffic:expr) => {
        entry!($settings, $default_lr, $traffic, Traits::ELEMENT)
    };
    ($settings:ty, $default_lr:expr, $traffic:expr, $traits:expr) => {
        Entry {
            name: <$settings as Settings>::OWNER,
            page: <$settings as Settings>::PAGE,
            default_lr: $default_lr,
            traffic: $traffic,
            traits: $traits,
            dialects: <$settings as Settings>::DIALECTS,
            parameters: <$settings as Settings>::parameters,
            make: |values| <$settings as Settings>::from_values(values)?.into_rule(),
        }
    };
}

/// Every optimizer, in the order of `steepest list`.
pub(crate) static TABLE: &[Entry] = &[
    entry!(Sgd, 0.05, 12),
    entry!(Adagrad, 0.02, 20),
    entry!(RmsProp, 1e-3, 20),
    entry!(Adam, 3e-3, 28),
    entry!(AdamW, 3e-3, 28),
    entry!(Adadelta, 1.0, 28),
    entry!(Adamax, 5e-3, 28),
    entry!(RAdam, 3e-3, 28),
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
