//! Classic test functions with exact gradients, known minima and a window to draw them in.
//!
//! ```
//! use steepest::functions::find;
//! let rosenbrock = find("rosenbrock")?;
//! let x = rosenbrock.start(2)?;
//! assert_eq!(x, [-1.2, 1.0]);
//! let mut g = vec![0.0; 2];
//! rosenbrock.gradient(&x, &mut g);
//! assert!((rosenbrock.value(&x) - 24.2).abs() < 1e-14);
//! assert!((g[0] + 215.6).abs() < 1e-12 && (g[1] + 88.0).abs() < 1e-12);
//! # Ok::<(), steepest::Error>(())
//! ```

use crate::error::{Error, Result, nearest};
use crate::settings::{Parameter, Range, Value, Values};
use std::f64::consts::{E, PI};

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
struct Constant {
    name: &'static str,
    about: &'static str,
    value: f64,
    range: Range,
}

/// A point where a function is smallest.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
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
    constant: Option<Constant>,
    /// The start, repeated for as many coordinates as there are.
    start: &'static [f64],
    /// The points of the global minima, each repeated likewise.
    minima: &'static [&'static [f64]],
    /// The minimum's value, per coordinate if `per_coordinate`.
    minimum: f64,
    per_coordinate: bool,
    value: fn(&[f64], f64) -> f64,
    gradient: fn(&[f64], f64, &mut [f64]),
}

impl Function {
    /// f(x).
    ///
    /// # Panics
    /// If `x` has a length that [`check`](Self::check) refuses.
    pub fn value(&self, x: &[f64]) -> f64 {
        self.expect(x.len());
        (self.value)(x, self.constant())
    }

    /// Writes ∇f(x) into `g`. Where there is none (the tip of `ackley`), it is 0.
    ///
    /// # Panics
    /// If `x` has a length that [`check`](Self::check) refuses, or `g` another one.
    pub fn gradient(&self, x: &[f64], g: &mut [f64]) {
        self.expect(x.len());
        assert_eq!(x.len(), g.len(), "{}: a gradient is as long as its point", self.name);
        (self.gradient)(x, self.constant(), g);
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
    pub fn minima(&self, n: usize) -> Result<Vec<Minimum>> {
        self.check(n)?;
        let value = if self.per_coordinate { self.minimum * n as f64 } else { self.minimum };
        Ok(self.minima.iter().map(|point| Minimum { point: repeated(point, n), value }).collect())
    }

    /// The table of settings: none, or the one number that shapes the function.
    pub fn parameters(&self) -> Vec<Parameter> {
        let row = |c: &Constant| Parameter {
            name: c.name,
            about: c.about.to_owned(),
            default: Value::Number(c.value),
            valid: c.range.to_string(),
        };
        self.constant.iter().map(row).collect()
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
            match &mut self.constant {
                Some(c) if c.name == name => {
                    crate::settings::set_field(self.name, c.name, &mut c.value, value)?;
                    crate::settings::check_field(self.name, c.name, &c.value, c.range)?;
                }
                c => {
                    let known: Vec<&str> = c.iter().map(|c| c.name).collect();
                    return Err(crate::settings::unknown_setting(self.name, name, &known));
                }
            }
        }
        Ok(self)
    }

    fn constant(&self) -> f64 {
        self.constant.map_or(0.0, |c| c.value)
    }
}

fn repeated(pattern: &[f64], n: usize) -> Vec<f64> {
    pattern.iter().copied().cycle().take(n).collect()
}

/// The function with this name.
///
/// # Errors
/// [`Error::UnknownName`], with the nearest name.
///
/// ```
/// let error = steepest::functions::find("rosenbruck").unwrap_err().to_string();
/// assert!(error.contains("did you mean `rosenbrock`?"));
/// ```
pub fn find(name: &str) -> Result<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name).ok_or_else(|| {
        let known = || FUNCTIONS.iter().map(|function| function.name);
        Error::UnknownName {
            kind: "function",
            name: name.to_owned(),
            nearest: nearest(name, known()).map(str::to_owned),
            known: known().map(str::to_owned).collect(),
        }
    })
}

/// Every test function.
pub const FUNCTIONS: &[Function] = &[
    ACKLEY,
    BEALE,
    BOOTH,
    GOLDSTEIN_PRICE,
    HIMMELBLAU,
    LEVY,
    MATYAS,
    QUADRATIC,
    RASTRIGIN,
    ROSENBROCK,
    SPHERE,
    STYBLINSKI_TANG,
    THREE_HUMP_CAMEL,
];

/// What most functions have: two coordinates, no constant, one minimum of 0. A row states the rest.
const TWO: Function = Function {
    name: "",
    summary: "",
    formula: "",
    dimension: Dimension::Exactly(2),
    window: [(0.0, 0.0); 2],
    source: "",
    constant: None,
    start: &[],
    minima: &[],
    minimum: 0.0,
    per_coordinate: false,
    value: |_, _| 0.0,
    gradient: |_, _, _| (),
};

const ACKLEY: Function = Function {
    name: "ackley",
    summary: "Nearly flat far out and full of small pits, with one deep hole that ends in a tip.",
    formula: "20 + e − 20·exp(−0.2·√(Σ x_i²/n)) − exp(Σ cos(2π·x_i)/n)",
    dimension: Dimension::AtLeast(1),
    window: [(-5.0, 5.0), (-5.0, 5.0)],
    source: "Ackley 1987, A Connectionist Machine for Genetic Hillclimbing",
    start: &[2.5, -1.8],
    minima: &[&[0.0]],
    value: |x, _| {
        let n = x.len() as f64;
        let r = (x.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
        let c = x.iter().map(|x| (2.0 * PI * x).cos()).sum::<f64>() / n;
        // exp_m1: 20 + e and the exponentials cancel at the minimum
        -20.0 * (-0.2 * r).exp_m1() - E * (c - 1.0).exp_m1()
    },
    gradient: |x, _, g| {
        let n = x.len() as f64;
        let r = (x.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
        let c = x.iter().map(|x| (2.0 * PI * x).cos()).sum::<f64>() / n;
        // x/r has no limit at the tip; 0 is the middle of its directions
        let radial = if r > 0.0 { 4.0 * (-0.2 * r).exp() / (n * r) } else { 0.0 };
        for (g, x) in g.iter_mut().zip(x) {
            *g = radial * x + c.exp() * 2.0 * PI * (2.0 * PI * x).sin() / n;
        }
    },
    ..TWO
};

const BEALE: Function = Function {
    name: "beale",
    summary: "Flat ground between steep walls.",
    formula: "(1.5 − x + x·y)² + (2.25 − x + x·y²)² + (2.625 − x + x·y³)²",
    window: [(-4.5, 4.5), (-4.5, 4.5)],
    source: "Beale 1958; Moré, Garbow and Hillstrom 1981, Testing Unconstrained Optimization Software, problem 5",
    start: &[1.0, 1.0],
    minima: &[&[3.0, 0.5]],
    value: |x, _| beale_residuals(x[0], x[1]).iter().map(|r| r * r).sum(),
    gradient: |x, _, g| {
        let (x, y) = (x[0], x[1]);
        let [a, b, c] = beale_residuals(x, y);
        g[0] = 2.0 * (a * (y - 1.0) + b * (y * y - 1.0) + c * (y.powi(3) - 1.0));
        g[1] = 2.0 * x * (a + 2.0 * y * b + 3.0 * y * y * c);
    },
    ..TWO
};

fn beale_residuals(x: f64, y: f64) -> [f64; 3] {
    [1.5 - x + x * y, 2.25 - x + x * y * y, 2.625 - x + x * y.powi(3)]
}

const BOOTH: Function = Function {
    name: "booth",
    summary: "A bowl, a little longer than wide.",
    formula: "(x + 2y − 7)² + (2x + y − 5)²",
    window: [(-10.0, 10.0), (-10.0, 10.0)],
    source: "Jamil and Yang 2013, A Literature Survey of Benchmark Functions",
    start: &[-8.0, -5.0],
    minima: &[&[1.0, 3.0]],
    value: |x, _| (x[0] + 2.0 * x[1] - 7.0).powi(2) + (2.0 * x[0] + x[1] - 5.0).powi(2),
    gradient: |x, _, g| {
        let (a, b) = (x[0] + 2.0 * x[1] - 7.0, 2.0 * x[0] + x[1] - 5.0);
        g[0] = 2.0 * a + 4.0 * b;
        g[1] = 4.0 * a + 2.0 * b;
    },
    ..TWO
};

const GOLDSTEIN_PRICE: Function = Function {
    name: "goldstein_price",
    summary: "Four valleys, and values over six orders of magnitude.",
    formula: "(1 + (x + y + 1)²·(19 − 14x + 3x² − 14y + 6xy + 3y²))·(30 + (2x − 3y)²·(18 − 32x + 12x² + 48y − 36xy + 27y²))",
    window: [(-2.0, 2.0), (-2.0, 2.0)],
    source: "Goldstein and Price 1971, On Descent from Local Minima",
    start: &[-0.5, -0.3],
    minima: &[&[0.0, -1.0]],
    minimum: 3.0,
    value: |x, _| {
        let [first, second] = goldstein_price_factors(x[0], x[1]);
        first.0 * second.0
    },
    gradient: |x, _, g| {
        let [first, second] = goldstein_price_factors(x[0], x[1]);
        g[0] = first.1 * second.0 + first.0 * second.1;
        g[1] = first.2 * second.0 + first.0 * second.2;
    },
    ..TWO
};

/// Both factors, each with its derivatives with respect to x and y.
fn goldstein_price_factors(x: f64, y: f64) -> [(f64, f64, f64); 2] {
    let s = x + y + 1.0;
    let p = 19.0 - 14.0 * x + 3.0 * x * x - 14.0 * y + 6.0 * x * y + 3.0 * y * y;
    // p depends on x + y alone, so both derivatives are the same
    let first = 2.0 * s * p + s * s * (-14.0 + 6.0 * x + 6.0 * y);
    let t = 2.0 * x - 3.0 * y;
    let q = 18.0 - 32.0 * x + 12.0 * x * x + 48.0 * y - 36.0 * x * y + 27.0 * y * y;
    [
        (1.0 + s * s * p, first, first),
        (
            30.0 + t * t * q,
            4.0 * t * q + t * t * (-32.0 + 24.0 * x - 36.0 * y),
            -6.0 * t * q + t * t * (48.0 - 36.0 * x + 54.0 * y),
        ),
    ]
}

const HIMMELBLAU: Function = Function {
    name: "himmelblau",
    summary: "Four minima, all equally deep.",
    formula: "(x² + y − 11)² + (x + y² − 7)²",
    window: [(-6.0, 6.0), (-6.0, 6.0)],
    source: "Himmelblau 1972, Applied Nonlinear Programming",
    start: &[0.0, 0.0],
    // all but the first to the last digit of an f64
    minima: &[
        &[3.0, 2.0],
        &[-2.805_118_086_952_745, 3.131_312_518_250_573],
        &[-3.779_310_253_377_747, -3.283_185_991_286_17],
        &[3.584_428_340_330_492, -1.848_126_526_964_404],
    ],
    value: |x, _| (x[0] * x[0] + x[1] - 11.0).powi(2) + (x[0] + x[1] * x[1] - 7.0).powi(2),
    gradient: |x, _, g| {
        let (x, y) = (x[0], x[1]);
        let (a, b) = (x * x + y - 11.0, x + y * y - 7.0);
        g[0] = 4.0 * x * a + 2.0 * b;
        g[1] = 2.0 * a + 4.0 * y * b;
    },
    ..TWO
};

const LEVY: Function = Function {
    name: "levy",
    summary: "Waves in every direction over a wide bowl.",
    formula: "sin²(π·w_1) + Σ_{i<n} (w_i − 1)²·(1 + 10·sin²(π·w_i + 1)) + (w_n − 1)²·(1 + sin²(2π·w_n)), w_i = 1 + (x_i − 1)/4",
    dimension: Dimension::AtLeast(1),
    window: [(-10.0, 10.0), (-10.0, 10.0)],
    source: "Levy and Montalvo 1985, The Tunneling Algorithm; in the form of Laguna and Martí 2005",
    start: &[-4.0, 5.0],
    minima: &[&[1.0]],
    value: |x, _| {
        let w = |x: f64| 1.0 + (x - 1.0) / 4.0;
        let (last, others) = x.split_last().expect("`check` asks for at least one coordinate");
        let middle = |x: &f64| (w(*x) - 1.0).powi(2) * (1.0 + 10.0 * (PI * w(*x) + 1.0).sin().powi(2));
        (PI * w(x[0])).sin().powi(2)
            + others.iter().map(middle).sum::<f64>()
            + (w(*last) - 1.0).powi(2) * (1.0 + (2.0 * PI * w(*last)).sin().powi(2))
    },
    gradient: |x, _, g| {
        let w = |x: f64| 1.0 + (x - 1.0) / 4.0;
        let last = x.len() - 1;
        for (i, (g, x)) in g.iter_mut().zip(x).enumerate() {
            let (d, w) = (w(*x) - 1.0, w(*x));
            // 2·sin·cos of an angle is the sine of twice the angle
            *g = if i < last {
                2.0 * d * (1.0 + 10.0 * (PI * w + 1.0).sin().powi(2))
                    + d * d * 10.0 * PI * (2.0 * PI * w + 2.0).sin()
            } else {
                2.0 * d * (1.0 + (2.0 * PI * w).sin().powi(2)) + d * d * 2.0 * PI * (4.0 * PI * w).sin()
            };
            if i == 0 {
                *g += PI * (2.0 * PI * w).sin();
            }
            *g /= 4.0;
        }
    },
    ..TWO
};

const MATYAS: Function = Function {
    name: "matyas",
    summary: "A flat bowl with a long axis: one curvature is 25 times the other.",
    formula: "0.26·(x² + y²) − 0.48·x·y",
    window: [(-10.0, 10.0), (-10.0, 10.0)],
    source: "Matyas 1965, Random Optimization",
    start: &[8.0, -3.0],
    minima: &[&[0.0, 0.0]],
    value: |x, _| 0.26 * (x[0] * x[0] + x[1] * x[1]) - 0.48 * x[0] * x[1],
    gradient: |x, _, g| {
        g[0] = 0.52 * x[0] - 0.48 * x[1];
        g[1] = 0.52 * x[1] - 0.48 * x[0];
    },
    ..TWO
};

const QUADRATIC: Function = Function {
    name: "quadratic",
    summary: "A long narrow bowl, as narrow as wanted.",
    formula: "Σ c_i·x_i²/2, c_i = condition^((i − 1)/(n − 1))",
    dimension: Dimension::AtLeast(2),
    window: [(-10.0, 10.0), (-2.0, 2.0)],
    source: "Nocedal and Wright 2006, Numerical Optimization, section 3.3",
    constant: Some(Constant {
        name: "condition",
        about: "the condition number: the largest curvature over the smallest",
        value: 100.0,
        range: Range::new(1.0, false, 1e16, false),
    }),
    start: &[9.0, 1.5],
    minima: &[&[0.0]],
    value: |x, condition| {
        let n = x.len();
        (0..n).map(|i| curvature(condition, i, n) * x[i] * x[i] / 2.0).sum()
    },
    gradient: |x, condition, g| {
        let n = x.len();
        for i in 0..n {
            g[i] = curvature(condition, i, n) * x[i];
        }
    },
    ..TWO
};

fn curvature(condition: f64, i: usize, n: usize) -> f64 {
    condition.powf(i as f64 / (n - 1) as f64)
}

const RASTRIGIN: Function = Function {
    name: "rastrigin",
    summary: "A bowl full of pits, one at every whole number.",
    formula: "10·n + Σ (x_i² − 10·cos(2π·x_i))",
    dimension: Dimension::AtLeast(1),
    window: [(-5.12, 5.12), (-5.12, 5.12)],
    source: "Rastrigin 1974, Systems of Extremal Control; for n coordinates Mühlenbein et al. 1991",
    start: &[3.3, -2.4],
    minima: &[&[0.0]],
    // 10 − 10·cos is 20·sin² of half the angle, which does not cancel at the minimum
    value: |x, _| x.iter().map(|x| x * x + 20.0 * (PI * x).sin().powi(2)).sum(),
    gradient: |x, _, g| {
        for (g, x) in g.iter_mut().zip(x) {
            *g = 2.0 * x + 20.0 * PI * (2.0 * PI * x).sin();
        }
    },
    ..TWO
};

const ROSENBROCK: Function = Function {
    name: "rosenbrock",
    summary: "A long curved valley: its floor is easy to find and hard to follow.",
    formula: "Σ_{i<n} (steepness·(x_{i+1} − x_i²)² + (1 − x_i)²)",
    dimension: Dimension::AtLeast(2),
    window: [(-2.0, 2.0), (-1.0, 3.0)],
    source: "Rosenbrock 1960, An Automatic Method for Finding the Greatest or Least Value of a Function",
    constant: Some(Constant {
        name: "steepness",
        about: "how steep the valley's walls are",
        value: 100.0,
        range: Range::new(0.0, true, 1e16, false),
    }),
    start: &[-1.2, 1.0],
    minima: &[&[1.0]],
    value: |x, b| x.windows(2).map(|w| b * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum(),
    gradient: |x, b, g| {
        g.fill(0.0);
        for i in 0..x.len() - 1 {
            let off = x[i + 1] - x[i] * x[i];
            g[i] += -4.0 * b * x[i] * off - 2.0 * (1.0 - x[i]);
            g[i + 1] += 2.0 * b * off;
        }
    },
    ..TWO
};

const SPHERE: Function = Function {
    name: "sphere",
    summary: "The easiest of all: a round bowl.",
    formula: "Σ x_i²",
    dimension: Dimension::AtLeast(1),
    window: [(-5.0, 5.0), (-5.0, 5.0)],
    source: "De Jong 1975, An Analysis of the Behavior of a Class of Genetic Adaptive Systems, F1",
    start: &[4.0, -3.0],
    minima: &[&[0.0]],
    value: |x, _| x.iter().map(|x| x * x).sum(),
    gradient: |x, _, g| {
        for (g, x) in g.iter_mut().zip(x) {
            *g = 2.0 * x;
        }
    },
    ..TWO
};

const STYBLINSKI_TANG: Function = Function {
    name: "styblinski_tang",
    summary: "Two valleys along every coordinate, one deeper than the other.",
    formula: "Σ (x_i⁴ − 16·x_i² + 5·x_i)/2",
    dimension: Dimension::AtLeast(1),
    window: [(-5.0, 5.0), (-5.0, 5.0)],
    source: "Styblinski and Tang 1990, Experiments in Nonconvex Optimization",
    start: &[-0.5, 4.0],
    // a root of 4x³ − 32x + 5
    minima: &[&[-2.903_534_027_771_177]],
    minimum: -39.166_165_703_771_42,
    per_coordinate: true,
    value: |x, _| x.iter().map(|x| (x.powi(4) - 16.0 * x * x + 5.0 * x) / 2.0).sum(),
    gradient: |x, _, g| {
        for (g, x) in g.iter_mut().zip(x) {
            *g = 2.0 * x.powi(3) - 16.0 * x + 2.5;
        }
    },
    ..TWO
};

const THREE_HUMP_CAMEL: Function = Function {
    name: "three_hump_camel",
    summary: "Three valleys in a row, the middle one the deepest.",
    formula: "2x² − 1.05·x⁴ + x⁶/6 + x·y + y²",
    window: [(-2.5, 2.5), (-2.5, 2.5)],
    source: "Jamil and Yang 2013, A Literature Survey of Benchmark Functions",
    start: &[-0.9, 2.0],
    minima: &[&[0.0, 0.0]],
    value: |x, _| {
        let (x, y) = (x[0], x[1]);
        2.0 * x * x - 1.05 * x.powi(4) + x.powi(6) / 6.0 + x * y + y * y
    },
    gradient: |x, _, g| {
        let (x, y) = (x[0], x[1]);
        g[0] = 4.0 * x - 4.2 * x.powi(3) + x.powi(5) + y;
        g[1] = x + 2.0 * y;
    },
    ..TWO
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minimize::{GradientCheckOptions, check_gradient};

    fn dimensions(function: &Function) -> Vec<usize> {
        match function.dimension {
            Dimension::Exactly(n) => vec![n],
            Dimension::AtLeast(n) => vec![n, 2, 3, 7],
        }
    }

    fn gradient(function: &Function, x: &[f64]) -> Vec<f64> {
        let mut g = vec![f64::NAN; x.len()];
        function.gradient(x, &mut g);
        g
    }

    fn assert_gradient(function: &Function, x: &[f64]) {
        let g = gradient(function, x);
        let options = GradientCheckOptions::default();
        let check = check_gradient(|x| function.value(x), &g, x, &options).unwrap();
        assert!(check.passed(check.tolerance), "{} at {x:?}: {check}", function.name);
    }

    #[test]
    fn gradients_are_those_of_the_values() {
        for function in FUNCTIONS {
            for n in dimensions(function) {
                assert_gradient(function, &function.start(n).unwrap());
                // points over the window, none of them special
                for k in 0..40u32 {
                    let at = |i: usize| {
                        let (low, high) = function.window[i % 2];
                        let part = (f64::from(k) * 0.618_034 + i as f64 * 0.414_214).fract();
                        low + part * (high - low)
                    };
                    assert_gradient(function, &(0..n).map(at).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_values_near_the_minima() {
        // there both the gradient and the difference quotient are mostly rounding
        for function in FUNCTIONS {
            for n in dimensions(function) {
                for minimum in function.minima(n).unwrap() {
                    for distance in [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3] {
                        for k in 0..10u32 {
                            let shift = |i: usize| (f64::from(k) * 2.4 + i as f64).sin() * distance;
                            let x = minimum.point.iter().enumerate().map(|(i, x)| x + shift(i));
                            assert_gradient(function, &x.collect::<Vec<_>>());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn minima_are_where_and_what_they_are_said_to_be() {
        for function in FUNCTIONS {
            for n in dimensions(function) {
                for minimum in function.minima(n).unwrap() {
                    let value = function.value(&minimum.point);
                    // a few roundings of the value, or of terms of size 100 that cancel to 0
                    let allowed = 1e-14 * minimum.value.abs().max(1.0);
                    assert!((value - minimum.value).abs() <= allowed, "{} {value}", function.name);
                    for g in gradient(function, &minimum.point) {
                        // a point rounded to 4e-16, times a curvature of up to 1000
                        assert!(g.abs() <= 1e-12, "{} {n}: {g}", function.name);
                    }
                    // and nowhere in the window is it smaller
                    let mut x = minimum.point.clone();
                    for k in 0..2000u32 {
                        for (i, x) in x.iter_mut().enumerate() {
                            let (low, high) = function.window[i % 2];
                            let part = (f64::from(k) * (0.618_034 + 0.137 * i as f64)).fract();
                            *x = low + part * (high - low);
                        }
                        assert!(function.value(&x) >= value - allowed, "{} {x:?}", function.name);
                    }
                }
            }
        }
    }

    #[test]
    fn starts_and_minima_of_two_coordinates_lie_in_the_window() {
        for function in FUNCTIONS {
            let inside = |x: &[f64]| x.iter().zip(function.window).all(|(x, (a, b))| a < *x && *x < b);
            let n = function.dimension.default();
            assert_eq!(n, 2);
            let start = function.start(n).unwrap();
            assert!(inside(&start), "{}", function.name);
            let minima = function.minima(n).unwrap();
            assert!(!minima.is_empty() && minima.iter().all(|m| inside(&m.point)));
            assert!(function.value(&start) > minima[0].value + 0.1, "{}", function.name);
            assert!(gradient(function, &start).iter().any(|g| g.abs() > 1e-3), "{}", function.name);
        }
    }

    #[test]
    fn rows_are_complete_and_sorted() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
        for function in FUNCTIONS {
            assert_eq!(find(function.name).unwrap().name, function.name);
            assert!(function.summary.ends_with('.'));
            assert!(!function.formula.is_empty() && !function.source.is_empty());
        }
        assert!(matches!(find("nothing"), Err(Error::UnknownName { .. })));
    }

    #[test]
    fn settings_shape_a_function_and_are_checked() {
        let number = |name: &str, x: f64| Values::from([(name.to_owned(), Value::Number(x))]);
        let quadratic = find("quadratic").unwrap();
        assert_eq!(quadratic.parameters()[0].name, "condition");
        let shaped = quadratic.with(&number("condition", 1e6)).unwrap();
        assert_eq!(gradient(&shaped, &[1.0, 1.0, 1.0]), [1.0, 1e3, 1e6]);
        assert_gradient(&shaped, &[0.3, -0.2, 0.7]);
        let error = quadratic.with(&number("condition", 0.5)).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { nearest: 1.0, .. }));
        let error = quadratic.with(&number("conditon", 5.0)).unwrap_err();
        assert!(matches!(error, Error::UnknownSetting { nearest: Some(_), .. }));
        assert!(find("sphere").unwrap().with(&number("condition", 5.0)).is_err());
        let error = find("beale").unwrap().start(3).unwrap_err().to_string();
        assert_eq!(error, "beale: dimension = 3 is outside [2, 2]; the nearest valid value is 2");
    }
}
