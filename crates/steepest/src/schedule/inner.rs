//! Schedules inside others: their names, and their settings among those of the whole.

use crate::settings::{Domain, Setting, Value, Values};

/// The setting that names the schedules inside [`Warmup`](crate::schedule::Warmup) and
/// [`Sequence`](crate::schedule::Sequence): `constant,cosine`.
#[derive(Debug, Clone, PartialEq)]
pub struct Names(pub Vec<String>);

impl Setting for Names {
    type Bounds = ();
    const EXPECTED: &'static str = "names of schedules, with commas between them";
    fn to_value(&self) -> Value {
        Value::Word(self.0.join(","))
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Word(names) = value {
            Some(Self(names.split(',').map(|name| name.trim().to_owned()).collect()))
        } else {
            None
        }
    }
    /// Without the names: the table, which stands above the schedules, puts them in.
    fn domain((): ()) -> Domain {
        Domain::Names(Vec::new())
    }
}

/// The settings of the schedule inside: those called `prefix.…`, without the prefix. They are
/// taken out of `values`.
pub(super) fn take_prefixed(values: &mut Values, prefix: &str) -> Values {
    let inner = |name: &str| name.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
    let taken = values.iter().filter_map(|(name, value)| Some((inner(name)?, value.clone())));
    let taken = taken.collect();
    values.retain(|name, _| inner(name).is_none());
    taken
}

/// The opposite of [`take_prefixed`].
pub(super) fn put_prefixed(values: &mut Values, prefix: &str, inner: Values) {
    values.extend(inner.into_iter().map(|(name, value)| (format!("{prefix}.{name}"), value)));
}
