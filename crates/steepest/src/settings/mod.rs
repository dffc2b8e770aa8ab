//! Settings as a table: one declaration gives the struct, its defaults, its documentation, its
//! domains, and access by name. The command line, the reference pages and the test loops read the
//! same table.

mod declare;
mod dialect;
mod domain;
mod setting;

pub use crate::value::{Value, Values};
pub use declare::Settings;
pub(crate) use declare::only_in;
#[doc(hidden)]
pub use declare::{check_dialect, check_field, set_field, with_dialects};
pub use dialect::Dialect;
pub use domain::{Domain, Range};
pub use setting::{Parameter, Setting};
