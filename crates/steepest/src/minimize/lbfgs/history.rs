//! The curvature that L-BFGS remembers, and the direction that follows from it.

use super::vector::{add, dot};
use std::collections::VecDeque;

/// How gradient and point changed in one iteration, and what that says of the curvature.
#[derive(Debug, Clone)]
struct Pair {
    y: Vec<f64>,
    s: Vec<f64>,
    /// 1/yᵀs.
    rho: f64,
}

/// The pairs of the last iterations.
#[derive(Debug, Clone)]
pub(super) struct History {
    pairs: VecDeque<Pair>,
    most: u64,
    /// The scale of the first guess of the inverse curvature.
    scale: f64,
    /// Workspace: one coefficient of the recursion for each pair.
    coefficients: Vec<f64>,
}

impl History {
    /// At most so many pairs.
    pub fn new(most: u64) -> Self {
        Self { pairs: VecDeque::new(), most, scale: 1.0, coefficients: Vec::new() }
    }

    /// Takes in the pair of an iteration that went by `t` along `direction`, if its curvature is positive.
    pub fn update(&mut self, gradient: &[f64], last_gradient: &[f64], direction: &[f64], t: f64) {
        let (mut curvature, mut square) = (0.0, 0.0);
        for ((g, old), d) in gradient.iter().zip(last_gradient).zip(direction) {
            let y = g - old;
            curvature += y * (d * t);
            square += y * y;
        }
        let positive = curvature > 1e-10;
        if !positive {
            return;
        }
        let full = self.pairs.len() as u64 == self.most;
        let oldest = if full { self.pairs.pop_front() } else { None };
        let mut pair = oldest.unwrap_or_else(|| {
            let zeros = || vec![0.0; gradient.len()];
            Pair { y: zeros(), s: zeros(), rho: 0.0 }
        });
        for i in 0..gradient.len() {
            pair.y[i] = gradient[i] - last_gradient[i];
            pair.s[i] = direction[i] * t;
        }
        pair.rho = 1.0 / curvature;
        self.scale = curvature / square;
        self.pairs.push_back(pair);
        self.coefficients.resize(self.pairs.len(), 0.0);
    }

    /// The direction to go in, by the two-loop recursion; without a pair it is −g.
    pub fn direction(&mut self, gradient: &[f64], d: &mut [f64]) {
        d.iter_mut().zip(gradient).for_each(|(d, g)| *d = -g);
        for (pair, a) in self.pairs.iter().zip(&mut self.coefficients).rev() {
            *a = dot(&pair.s, d) * pair.rho;
            add(d, -*a, &pair.y);
        }
        d.iter_mut().for_each(|d| *d *= self.scale);
        for (pair, a) in self.pairs.iter().zip(&self.coefficients) {
            let b = dot(&pair.y, d) * pair.rho;
            add(d, a - b, &pair.s);
        }
    }
}
