//! Settings as a table: one declaration gives the struct, its defaults, its documentation, its
//! ranges, and access by name. The command line, the reference pages and the test loops read the
//! same table.

use crate::error::{Error, Result, nearest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The value of a setting, as files and command lines give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A word from a list.
    Word(String),
    /// A list of numbers.
    Numbers(Vec<f64>),
}

impl Value {
    /// Reads a value as a command line gives it: `true`, `1e-3`, `10,20,30`, or else a word.
    pub fn parse(text: &str) -> Self {
        if let Ok(flag) = text.parse() {
            return Self::Flag(flag);
        }
        if let Ok(number) = text.parse() {
            return Self::Number(number);
        }
        let trimmed = text.trim_start_matches('[').trim_end_matches(']');
        if trimmed.contains(',')
            && let Ok(numbers) = trimmed.split(',').map(|n| n.trim().parse()).collect()
        {
            return Self::Numbers(numbers);
        }
        Self::Word(text.to_owned())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "a flag",
            Self::Number(_) => "a number",
            Self::Word(_) => "a word",
            Self::Numbers(_) => "a list of numbers",
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

impl From<Vec<f64>> for Value {
    fn from(numbers: Vec<f64>) -> Self {
        Self::Numbers(numbers)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(x) if *x != 0.0 && (x.abs() < 1e-3 || x.abs() >= 1e6) => {
                write!(f, "{x:e}")
            }
            Self::Number(x) => write!(f, "{x}"),
            Self::Word(word) => write!(f, "{word}"),
            Self::Numbers(xs) => {
                let words: Vec<String> = xs.iter().map(|x| Self::Number(*x).to_string()).collect();
                write!(f, "{}", words.join(","))
            }
        }
    }
}

/// Settings by name, as a file or a command line gives them.
pub type Values = BTreeMap<String, Value>;

/// An interval of valid numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    low: f64,
    low_open: bool,
    high: f64,
    high_open: bool,
}

impl Range {
    /// Every finite number.
    pub const FINITE: Self = Self::new(f64::NEG_INFINITY, true, f64::INFINITY, true);
    /// `[0, ∞)`
    pub const NON_NEGATIVE: Self = Self::new(0.0, false, f64::INFINITY, true);
    /// `(0, ∞)`
    pub const POSITIVE: Self = Self::new(0.0, true, f64::INFINITY, true);
    /// `[0, 1)`: the rates of moving averages.
    pub const RATE: Self = Self::new(0.0, false, 1.0, true);
    /// `[0, 1]`
    pub const FRACTION: Self = Self::new(0.0, false, 1.0, false);
    /// `[1, ∞)`
    pub const AT_LEAST_ONE: Self = Self::new(1.0, false, f64::INFINITY, true);

    /// The interval from `low` to `high`, each end open or closed.
    pub const fn new(low: f64, low_open: bool, high: f64, high_open: bool) -> Self {
        Self { low, low_open, high, high_open }
    }

    /// Whether `x` lies in the interval; NaN lies in none.
    pub fn contains(&self, x: f64) -> bool {
        let above = if self.low_open { x > self.low } else { x >= self.low };
        let below = if self.high_open { x < self.high } else { x <= self.high };
        above && below
    }

    /// The number of the interval closest to `x`; its lower end for NaN.
    pub fn nearest(&self, x: f64) -> f64 {
        let low = if self.low_open { self.low.next_up() } else { self.low };
        let high = if self.high_open { self.high.next_down() } else { self.high };
        if x.is_nan() { low.max(f64::MIN) } else { x.clamp(low, high) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |x: f64| match x {
            f64::INFINITY => "∞".to_owned(),
            f64::NEG_INFINITY => "-∞".to_owned(),
            x => x.to_string(),
        };
        let open = if self.low_open { '(' } else { '[' };
        let close = if self.high_open { ')' } else { ']' };
        write!(f, "{open}{}, {}{close}", bound(self.low), bound(self.high))
    }
}

/// One row of the table of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, as in files and on the command line.
    pub name: &'static str,
    /// What it means.
    pub about: String,
    /// What it is when not given.
    pub default: Value,
    /// The valid values, as text: an interval, or a list of words.
    pub valid: String,
}

/// A type that a setting can have.
pub trait Setting: Sized {
    /// What it is called in an error: `a number`, `true or false`, …
    const EXPECTED: &'static str;
    /// The value as files give it.
    fn to_value(&self) -> Value;
    /// From a file's value; `None` when it is of another type.
    fn from_value(value: &Value) -> Option<Self>;
    /// The first number outside `range`, if any.
    fn outside(&self, _range: &Range) -> Option<f64> {
        None
    }
    /// The valid values as text.
    fn valid(range: &Range) -> String {
        range.to_string()
    }
}

impl Setting for f64 {
    const EXPECTED: &'static str = "a number";
    fn to_value(&self) -> Value {
        Value::Number(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Number(x) = value { Some(*x) } else { None }
    }
    fn outside(&self, range: &Range) -> Option<f64> {
        (!range.contains(*self)).then_some(*self)
    }
}

impl Setting for u64 {
    const EXPECTED: &'static str = "a whole number";
    fn to_value(&self) -> Value {
        Value::Number(*self as f64)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(x) if *x >= 0.0 && x.fract() == 0.0 && *x < 2f64.powi(53) => Some(*x as u64),
            _ => None,
        }
    }
    fn outside(&self, range: &Range) -> Option<f64> {
        (!range.contains(*self as f64)).then_some(*self as f64)
    }
    fn valid(range: &Range) -> String {
        format!("whole, {range}")
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";
    fn to_value(&self) -> Value {
        Value::Flag(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Flag(flag) = value { Some(*flag) } else { None }
    }
    fn valid(_: &Range) -> String {
        "true, false".to_owned()
    }
}

impl Setting for Vec<f64> {
    const EXPECTED: &'static str = "a list of numbers";
    fn to_value(&self) -> Value {
        Value::Numbers(self.clone())
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Numbers(xs) => Some(xs.clone()),
            Value::Number(x) => Some(vec![*x]),
            _ => None,
        }
    }
    fn outside(&self, range: &Range) -> Option<f64> {
        self.iter().copied().find(|x| !range.contains(*x))
    }
    fn valid(range: &Range) -> String {
        format!("each in {range}")
    }
}

/// Makes an enum a [`Setting`]: a word from a list.
#[macro_export]
macro_rules! word_setting {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }
        impl $crate::settings::Setting for $name {
            const EXPECTED: &'static str = concat!("one of", $(" ", $word),+);
            fn to_value(&self) -> $crate::settings::Value {
                $crate::settings::Value::Word(match self { $(Self::$variant => $word),+ }.to_owned())
            }
            fn from_value(value: &$crate::settings::Value) -> Option<Self> {
                match value {
                    $($crate::settings::Value::Word(w) if w == $word => Some(Self::$variant),)+
                    _ => None,
                }
            }
            fn valid(_: &$crate::settings::Range) -> String {
                [$($word),+].join(", ")
            }
        }
    };
}

word_setting! {
    /// Whose formula and defaults an optimizer follows, where implementations differ.
    pub enum Dialect {
        /// PyTorch's.
        #[default]
        Torch = "torch",
        /// optax's.
        Optax = "optax",
        /// Keras's.
        Keras = "keras",
        /// The paper's, or its authors' own code.
        Paper = "paper",
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_value())
    }
}

fn dialect_names(dialects: &[Dialect]) -> String {
    dialects.iter().map(Dialect::to_string).collect::<Vec<_>>().join(", ")
}

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
    range: Range,
) -> Result<()> {
    match field.outside(&range) {
        None => Ok(()),
        Some(value) => Err(Error::OutOfRange {
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
        remedy: format!("use one of {}", dialect_names(known)),
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
            row.valid = dialect_names(dialects);
        }
    }
    rows
}

#[doc(hidden)]
pub fn unknown_setting(owner: &'static str, setting: &str, known: &[&str]) -> Error {
    Error::UnknownSetting {
        owner,
        setting: setting.to_owned(),
        nearest: nearest(setting, known.iter().copied()).map(str::to_owned),
        known: known.iter().map(|k| (*k).to_owned()).collect(),
    }
}

/// Declares a struct of settings; see [`Settings`].
///
/// ```
/// use steepest::settings::{Range, Settings, Value, Values};
/// steepest::settings! {
///     /// Gradient descent with friction.
///     pub struct Friction("friction") {
///         /// how much of the velocity is lost in a step
///         loss: f64 = 0.1, Range::FRACTION;
///     }
/// }
/// assert_eq!(Friction::default().loss, 0.1);
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
            dialect: $crate::settings::Dialect = $crate::settings::Dialect::$first,
                $crate::settings::Range::FINITE;
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
        [$($(#[doc = $about:literal])+ $field:ident : $type:ty = $default:expr, $range:expr;)*]
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
                    valid: <$type as $crate::settings::Setting>::valid(&$range),
                },)*];
                $crate::settings::with_dialects(rows, Self::DIALECTS)
            }
            fn set(&mut self, name: &str, _value: &$crate::settings::Value) -> $crate::Result<()> {
                match name {
                    $(stringify!($field) => {
                        $crate::settings::set_field($owner, stringify!($field), &mut self.$field, _value)
                    })*
                    _ => Err($crate::settings::unknown_setting($owner, name, &[$(stringify!($field)),*])),
                }
            }
            fn values(&self) -> $crate::settings::Values {
                [$((stringify!($field).to_owned(), $crate::settings::Setting::to_value(&self.$field)),)*]
                    .into_iter().collect()
            }
            fn check_ranges(&self) -> $crate::Result<()> {
                $($crate::settings::check_field($owner, stringify!($field), &self.$field, $range)?;)*
                $crate::settings::check_dialect($owner, self.dialect(), Self::DIALECTS)
            }
        }
    };
}
