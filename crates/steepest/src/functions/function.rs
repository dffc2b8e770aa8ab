//! What a test function is.

use crate::error::{Error, Result};
use crate::names::Named;
use crate::settings::{Domain, Parameter, Range, Value, Values, check_field, set_field};

/// How many coordinates a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Exactly this many.
    Exactly(usize),
    /// Any number from this one on; the default is 2, which can be drawn.
    AtLeast(usize),
}

impl Dimension {
    /// How many when not told: what can be drawn.
    pub fn default(self) -> usize {
        match self {
            Self::Exactly(n) => n,
            Self::AtLeast(n) => n.max(2),
        }
    }
}

/// The one number that shapes a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub name: &'static str,
    pub about: &'static str,
    pub value: f64,
    pub range: Range,
}

/// A point where a function is smallest.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalMinimum {
    /// Where.
    pub point: Vec<f64>,
    /// How small.
    pub value: f64,
}

/// A test function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name on the command line.
    pub name: &'static str,
    /// What makes it hard, or easy, in one sentence.
    pub summary: &'static str,
    /// The formula; x and y for functions of two numbers, x_1 … x_n for others.
    pub formula: &'static str,
    /// How many coordinates it takes.
    pub dimension: Dimension,
    /// The part of the plane worth drawing: the range of x, then that of y. For more coordinates, the
    /// ranges of the first two.
    pub window: [(f64, f64); 2],
    /// Who published it.
    pub source: &'static str,
    pub(super) shape: Option<Shape>,
    /// The start, repeated for as many coordinates as there are.
    pub(super) start: &'static [f64],
    /// The points of the global minima, each repeated likewise.
    pub(super) minima: &'static [&'static [f64]],
    /// The minimum's value, per coordinate if `per_coordinate`.
    pub(super) minimum: f64,
    pub(super) per_coordinate: bool,
    /// f at a point, with the number that shapes it; 0 where there is none.
    pub(super) value: fn(&[f64], f64) -> f64,
    /// ∇f likewise.
    pub(super) gradient: fn(&[f64], f64, &mut [f64]),
}

impl Function {
    /// f(x).
    ///
    /// # Panics
    /// If `x` has a length that [`check`](Self::check) refuses.
    pub fn value(&self, x: &[f64]) -> f64 {
        self.expect(x.len());
        (self.value)(x, self.shape())
    }

    /// Writes ∇f(x) into `g`. Where there is none (the tip of `ackley`), it is 0.
    ///
    /// # Panics
    /// If `x` has a length that [`check`](Self::check) refuses, or `g` another one.
    pub fn gradient(&self, x: &[f64], g: &mut [f64]) {
        self.expect(x.len());
        assert_eq!(x.len(), g.len(), "{}: a gradient is as long as its point", self.name);
        (self.gradient)(x, self.shape(), g);
    }

    /// Whether it takes points with `n` coordinates.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if not.
    pub fn check(&self, n: usize) -> Result<()> {
        let (range, fits) = match self.dimension {
            Dimension::Exactly(m) => (Range::new(m as f64, false, m as f64, false), n == m),
            Dimension::AtLeast(m) => (Range::new(m as f64, false, f64::INFINITY, true), n >= m),
        };
        if fits {
            return Ok(());
        }
        Err(Error::OutOfRange {
            owner: self.name,
            setting: "dimension",
            value: n as f64,
            range: range.to_string(),
            nearest: range.nearest(n as f64),
        })
    }

    fn expect(&self, n: usize) {
        if let Err(error) = self.check(n) {
            panic!("{error}");
        }
    }

    /// Where to start, for `n` coordinates.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if it does not take `n` coordinates.
    pub fn start(&self, n: usize) -> Result<Vec<f64>> {
        self.check(n)?;
        Ok(repeated(self.start, n))
    }

    /// All global minima, for `n` coordinates.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if it does not take `n` coordinates.
    pub fn minima(&self, n: usize) -> Result<Vec<GlobalMinimum>> {
        self.check(n)?;
        let value = if self.per_coordinate { self.minimum * n as f64 } else { self.minimum };
        Ok(self.minima.iter().map(|point| GlobalMinimum { point: repeated(point, n), value }).collect())
    }

    /// The table of settings: none, or the one number that shapes the function.
    pub fn parameters(&self) -> Vec<Parameter> {
        let row = |shape: &Shape| Parameter {
            name: shape.name,
            about: shape.about.to_owned(),
            default: Value::Number(shape.value),
            domain: Domain::Interval(shape.range),
        };
        self.shape.iter().map(row).collect()
    }

    /// The same function, shaped by `values`.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], [`Error::WrongType`], [`Error::OutOfRange`].
    ///
    /// ```
    /// use steepest::functions::find;
    /// use steepest::settings::{Value, Values};
    /// let values = Values::from([("condition".into(), Value::Number(10.0))]);
    /// let quadratic = find("quadratic")?.with(&values)?;
    /// assert_eq!(quadratic.value(&[1.0, 1.0]), 5.5); // (1 + 10)/2
    /// # Ok::<(), steepest::Error>(())
    /// ```
    pub fn with(mut self, values: &Values) -> Result<Self> {
        for (name, value) in values {
            match &mut self.shape {
                Some(shape) if shape.name == name => {
                    set_field(self.name, shape.name, &mut shape.value, value)?;
                    check_field(self.name, shape.name, &shape.value, shape.range)?;
                }
                shape => {
                    let known: Vec<&str> = shape.iter().map(|shape| shape.name).collect();
                    return Err(Error::unknown_setting(self.name, name, &known));
                }
            }
        }
        Ok(self)
    }

    fn shape(&self) -> f64 {
        self.shape.map_or(0.0, |shape| shape.value)
    }
}

fn repeated(pattern: &[f64], n: usize) -> Vec<f64> {
    pattern.iter().copied().cycle().take(n).collect()
}

impl Named for Function {
    fn name(&self) -> &str {
        self.name
    }
}
