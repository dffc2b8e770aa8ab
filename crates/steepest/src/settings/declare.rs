//! A struct of settings: declared once, known by name.

use super::dialect::Dialect;
use super::domain::Domain;
use super::setting::{Parameter, Setting};
use crate::error::{Error, Result};
use crate::value::{Value, Values};
use std::fmt;

/// A struct declared with [`settings!`](crate::settings!): its fields are settings, known by name.
pub trait Settings: Default + Clone + PartialEq + fmt::Debug {
    /// What errors call the owner: the optimizer's or schedule's name.
    const OWNER: &'static str;
    /// The struct's documentation, in Markdown: what `describe` prints.
    const PAGE: &'static str;
    /// The table: one row for each field, in order.
    fn parameters() -> Vec<Parameter>;
    /// Sets the field `name`.
    fn set(&mut self, name: &str, value: &Value) -> Result<()>;
    /// All fields as they are.
    fn values(&self) -> Values;
    /// The dialects that it knows, the default first; none where implementations agree.
    const DIALECTS: &'static [Dialect] = &[];
    /// The dialect that it follows.
    fn dialect(&self) -> Option<Dialect> {
        None
    }
    /// The defaults of a dialect.
    fn of_dialect(_dialect: Dialect) -> Self {
        Self::default()
    }
    /// Whether every field lies in its range. Conflicts between fields are the owner's own check.
    fn check_ranges(&self) -> Result<()>;

    /// The defaults (those of `dialect`, if `values` names one), changed where `values` says so, each
    /// checked against its range.
    fn from_values(values: &Values) -> Result<Self> {
        let dialect = values.get("dialect").and_then(Dialect::from_value);
        let mut settings = dialect.map_or_else(Self::default, Self::of_dialect);
        for (name, value) in values {
            settings.set(name, value)?;
        }
        settings.check_ranges()?;
        Ok(settings)
    }
}

#[doc(hidden)]
pub fn set_field<T: Setting>(
    owner: &'static str,
    setting: &'static str,
    field: &mut T,
    value: &Value,
) -> Result<()> {
    let default = field.to_value().to_string();
    *field = T::from_value(value).ok_or_else(|| Error::WrongType {
        owner,
        setting,
        expected: T::EXPECTED,
        found: format!("{} ({value})", value.kind()),
        example: default,
    })?;
    Ok(())
}

#[doc(hidden)]
pub fn check_field<T: Setting>(
    owner: &'static str,
    setting: &'static str,
    field: &T,
    bounds: T::Bounds,
) -> Result<()> {
    match field.outside(bounds) {
        None => Ok(()),
        Some((value, range)) => Err(Error::OutOfRange {
            owner,
            setting,
            value,
            range: range.to_string(),
            nearest: range.nearest(value),
        }),
    }
}

#[doc(hidden)]
pub fn check_dialect(owner: &'static str, dialect: Option<Dialect>, known: &[Dialect]) -> Result<()> {
    let Some(dialect) = dialect.filter(|dialect| !known.contains(dialect)) else { return Ok(()) };
    Err(Error::Conflict {
        owner,
        conflict: format!("it has no dialect {dialect}"),
        remedy: format!("use one of {}", dialect_domain(known)),
    })
}

/// Refuses what only the dialect `one` has: for a setting that is not at its default.
pub(crate) fn only_in(
    owner: &'static str,
    dialect: Dialect,
    one: Dialect,
    setting: &str,
    moved: bool,
) -> Result<()> {
    if !moved || dialect == one {
        return Ok(());
    }
    Err(Error::Conflict {
        owner,
        conflict: format!("{setting} is no part of dialect {dialect}"),
        remedy: format!("leave it at its default, or set dialect to {one}"),
    })
}

#[doc(hidden)]
pub fn with_dialects(mut rows: Vec<Parameter>, dialects: &[Dialect]) -> Vec<Parameter> {
    for row in &mut rows {
        if row.name == "dialect" {
            row.domain = dialect_domain(dialects);
        }
    }
    rows
}

fn dialect_domain(dialects: &[Dialect]) -> Domain {
    Domain::Words(dialects.iter().map(|dialect| dialect.as_str()).collect())
}

/// Declares a struct of settings; see [`Settings`].
///
/// A field has a type that is a [`Setting`](crate::settings::Setting), a default, and for numbers a
/// [`Range`](crate::settings::Range).
///
/// ```
/// use steepest::settings::{Range, Settings, Value, Values};
/// steepest::settings! {
///     /// Gradient descent with friction.
///     pub struct Friction("friction") {
///         /// how much of the velocity is lost in a step
///         loss: f64 = 0.1, Range::FRACTION;
///         /// whether it is lost after the step instead of before
///         late: bool = false;
///     }
/// }
/// assert_eq!(Friction::default(), Friction { loss: 0.1, late: false });
/// let wrong = Values::from([("loss".into(), Value::Number(2.0))]);
/// assert_eq!(
///     Friction::from_values(&wrong).unwrap_err().to_string(),
///     "friction: loss = 2 is outside [0, 1]; the nearest valid value is 1"
/// );
/// ```
///
/// Where implementations differ, `dialects` lists whose formulas there are, the default first, each with the
/// defaults that it changes. The struct gets a field `dialect`, and `of_dialect` gives its defaults.
///
/// ```
/// use steepest::settings::{Dialect, Range, Settings, Value, Values};
/// steepest::settings! {
///     /// Gradient descent with friction.
///     pub struct Friction("friction") {
///         /// how much of the velocity is lost in a step
///         loss: f64 = 0.1, Range::FRACTION;
///     }
///     dialects { Torch {}, Keras { loss: 0.2 } }
/// }
/// assert_eq!(Friction::of_dialect(Dialect::Keras), Friction { loss: 0.2, dialect: Dialect::Keras });
/// let keras = Values::from([("dialect".into(), Value::Word("keras".into()))]);
/// assert_eq!(Friction::from_values(&keras)?.loss, 0.2);
/// let optax = Friction { dialect: Dialect::Optax, ..Friction::default() };
/// assert_eq!(
///     optax.check_ranges().unwrap_err().to_string(),
///     "friction: it has no dialect optax; use one of torch, keras"
/// );
/// # Ok::<(), steepest::Error>(())
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $page:literal])*
        pub struct $name:ident ($owner:literal) { $($fields:tt)* }
    ) => {
        $crate::settings! { @make [$($page),*] $name $owner [$($fields)*] [] }
    };
    (
        $(#[doc = $page:literal])*
        pub struct $name:ident ($owner:literal) { $($fields:tt)* }
        dialects { $first:ident { $($first_field:ident : $first_value:expr),* $(,)? }
            $(, $dialect:ident { $($changed:ident : $value:expr),* $(,)? })* $(,)? }
    ) => {
        $crate::settings! { @make [$($page),*] $name $owner [
            $($fields)*
            /// whose formula and defaults, where implementations differ
            dialect: $crate::settings::Dialect = $crate::settings::Dialect::$first;
        ] [
            const DIALECTS: &'static [$crate::settings::Dialect] =
                &[$crate::settings::Dialect::$first $(, $crate::settings::Dialect::$dialect)*];
            fn dialect(&self) -> Option<$crate::settings::Dialect> {
                Some(self.dialect)
            }
            fn of_dialect(dialect: $crate::settings::Dialect) -> Self {
                #[allow(unused_mut)] // where only formulas differ
                let mut settings = Self { dialect, ..Self::default() };
                match dialect {
                    $($crate::settings::Dialect::$dialect => {
                        $(settings.$changed = $value;)*
                    })*
                    _ => {}
                }
                settings
            }
        ] }
    };
    (
        @make [$($page:literal),*] $name:ident $owner:literal
        [$($(#[doc = $about:literal])+ $field:ident : $type:ty = $default:expr $(, $range:expr)?;)*]
        [$($dialects:tt)*]
    ) => {
        $(#[doc = $page])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[doc = $about])+ pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::settings::Settings for $name {
            const OWNER: &'static str = $owner;
            const PAGE: &'static str = concat!($($page, "\n"),*);
            $($dialects)*
            fn parameters() -> Vec<$crate::settings::Parameter> {
                let _defaults = Self::default();
                let rows = vec![$($crate::settings::Parameter {
                    name: stringify!($field),
                    about: [$($about),+].map(str::trim).join(" "),
                    default: $crate::settings::Setting::to_value(&_defaults.$field),
                    domain: <$type as $crate::settings::Setting>::domain({ $($range)? }),
                },)*];
                $crate::settings::with_dialects(rows, Self::DIALECTS)
            }
            fn set(&mut self, name: &str, _value: &$crate::settings::Value) -> $crate::Result<()> {
                match name {
                    $(stringify!($field) => {
                        $crate::settings::set_field($owner, stringify!($field), &mut self.$field, _value)
                    })*
                    _ => Err($crate::Error::unknown_setting($owner, name, &[$(stringify!($field)),*])),
                }
            }
            fn values(&self) -> $crate::settings::Values {
                [$((stringify!($field).to_owned(), $crate::settings::Setting::to_value(&self.$field)),)*]
                    .into_iter().collect()
            }
            fn check_ranges(&self) -> $crate::Result<()> {
                $($crate::settings::check_field($owner, stringify!($field), &self.$field, { $($range)? })?;)*
                $crate::settings::check_dialect($owner, self.dialect(), Self::DIALECTS)
            }
        }
    };
}
