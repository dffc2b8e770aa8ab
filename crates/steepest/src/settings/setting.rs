//! One setting: its type, and its row of the table.

use super::domain::{Domain, Range};
use crate::value::Value;

/// One row of the table of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, as in files and on the command line.
    pub name: &'static str,
    /// What it means.
    pub about: String,
    /// What it is when not given.
    pub default: Value,
    /// The valid values.
    pub domain: Domain,
}

/// A type that a setting can have.
pub trait Setting: Sized {
    /// What its declaration says of the valid values: a [`Range`] for numbers, nothing for a type whose
    /// values are all valid.
    type Bounds;
    /// What it is called in an error: `a number`, `true or false`, …
    const EXPECTED: &'static str;
    /// The value as files give it.
    fn to_value(&self) -> Value;
    /// From a file's value; `None` when it is of another type.
    fn from_value(value: &Value) -> Option<Self>;
    /// The valid values.
    fn domain(bounds: Self::Bounds) -> Domain;
    /// The first number outside `bounds`, and the interval that it should lie in.
    fn outside(&self, _bounds: Self::Bounds) -> Option<(f64, Range)> {
        None
    }
}

impl Setting for f64 {
    type Bounds = Range;
    const EXPECTED: &'static str = "a number";
    fn to_value(&self) -> Value {
        Value::Number(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Number(x) = value { Some(*x) } else { None }
    }
    fn domain(bounds: Range) -> Domain {
        Domain::Interval(bounds)
    }
    fn outside(&self, bounds: Range) -> Option<(f64, Range)> {
        (!bounds.contains(*self)).then_some((*self, bounds))
    }
}

impl Setting for u64 {
    type Bounds = Range;
    const EXPECTED: &'static str = "a whole number";
    fn to_value(&self) -> Value {
        Value::Number(*self as f64)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(x) if Domain::Whole(Range::FINITE).contains(value) => Some(*x as u64),
            _ => None,
        }
    }
    fn domain(bounds: Range) -> Domain {
        Domain::Whole(bounds)
    }
    fn outside(&self, bounds: Range) -> Option<(f64, Range)> {
        // a number of a struct may be above 2⁵³, where a file's may not
        (*self as f64).outside(bounds)
    }
}

impl Setting for bool {
    type Bounds = ();
    const EXPECTED: &'static str = "true or false";
    fn to_value(&self) -> Value {
        Value::Flag(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Flag(flag) = value { Some(*flag) } else { None }
    }
    fn domain((): ()) -> Domain {
        Domain::Flag
    }
}

impl Setting for Vec<f64> {
    type Bounds = Range;
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
    fn domain(bounds: Range) -> Domain {
        Domain::List(bounds)
    }
    fn outside(&self, bounds: Range) -> Option<(f64, Range)> {
        self.iter().find_map(|x| x.outside(bounds))
    }
}

/// Makes an enum a [`Setting`]: a word from a list.
#[macro_export]
macro_rules! word_setting {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }
        impl $name {
            /// The word for it, as in files and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
        impl $crate::settings::Setting for $name {
            type Bounds = ();
            const EXPECTED: &'static str = concat!("one of", $(" ", $word),+);
            fn to_value(&self) -> $crate::settings::Value {
                $crate::settings::Value::Word(self.as_str().to_owned())
            }
            fn from_value(value: &$crate::settings::Value) -> Option<Self> {
                match value {
                    $($crate::settings::Value::Word(w) if w == $word => Some(Self::$variant),)+
                    _ => None,
                }
            }
            fn domain((): ()) -> $crate::settings::Domain {
                $crate::settings::Domain::Words(vec![$($word),+])
            }
        }
    };
}
