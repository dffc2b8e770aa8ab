//! The points of a run: as an observer sees them, and as they are kept.

use crate::float::Float;

/// A point of a run, and the function there.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<T> {
    /// Steps taken to come here; 0 is the start.
    pub step: u64,
    /// Where.
    pub theta: Vec<T>,
    /// f(θ).
    pub value: T,
    /// ‖∇f(θ)‖₂.
    pub gradient_norm: f64,
}

/// A point of a run as an observer sees it.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a, T> {
    /// Steps taken to come here; 0 is the start.
    pub step: u64,
    /// Where.
    pub theta: &'a [T],
    /// f(θ).
    pub value: T,
    /// ∇f(θ).
    pub gradient: &'a [T],
    /// ‖∇f(θ)‖₂.
    pub gradient_norm: f64,
    /// The learning rate of the step that would leave it.
    pub lr: f64,
}

impl<T: Float> Visit<'_, T> {
    pub(super) fn to_point(self) -> Point<T> {
        let Self { step, theta, value, gradient_norm, .. } = self;
        Point { step, theta: theta.to_vec(), value, gradient_norm }
    }
}

/// Numbers that a trace holds at most: 8 MB in f64.
const MOST_NUMBERS: usize = 1 << 20;

/// Points evenly spaced in steps, in bounded memory: when it is full, every second one goes.
pub(super) struct Trace<T> {
    points: Vec<Point<T>>,
    most: usize,
    stride: u64,
}

impl<T: Float> Trace<T> {
    /// At most so many points of `len` coordinates.
    pub fn new(points: usize, len: usize) -> Self {
        Self { points: Vec::new(), most: points.min(MOST_NUMBERS / len), stride: 1 }
    }

    pub fn observe(&mut self, at: Visit<'_, T>) {
        if self.most == 0 || !at.step.is_multiple_of(self.stride) {
            return;
        }
        while self.points.len() >= self.most {
            self.stride *= 2;
            let stride = self.stride;
            self.points.retain(|point| point.step.is_multiple_of(stride));
            if !at.step.is_multiple_of(stride) {
                return;
            }
        }
        self.points.push(at.to_point());
    }

    /// The trace with its last point, which belongs to every trace that was asked for.
    pub fn finish(mut self, at: Visit<'_, T>) -> Vec<Point<T>> {
        if self.most > 0 && self.points.last().is_none_or(|last| last.step != at.step) {
            self.points.push(at.to_point());
        }
        self.points
    }
}
