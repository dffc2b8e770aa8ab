//! The functions, each with its formula, its gradient and what is known of it.

use super::function::{Dimension, Function, Shape};
use crate::error::Result;
use crate::names;
use crate::settings::Range;
use std::f64::consts::{E, PI};

/// The function with this name.
///
/// # Errors
/// [`Error::UnknownName`](crate::Error::UnknownName), with the nearest name.
///
/// ```
/// let error = steepest::functions::find("rosenbruck").unwrap_err().to_string();
/// assert!(error.contains("did you mean `rosenbrock`?"));
/// ```
pub fn find(name: &str) -> Result<&'static Function> {
    names::find("function", FUNCTIONS, name)
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

/// What most functions have: two coordinates, no shape, one minimum of 0. A row states the rest.
const TWO: Function = Function {
    name: "",
    summary: "",
    formula: "",
    dimension: Dimension::Exactly(2),
    window: [(0.0, 0.0); 2],
    source: "",
    shape: None,
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
    shape: Some(Shape {
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
    shape: Some(Shape {
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
