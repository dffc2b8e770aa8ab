//! What a peer is asked to do: one entry of `WORKS` in `compare.py`, as JSON.

use serde::Deserialize;
use std::time::Instant;
use steepest::settings::Values;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// A step of an optimizer on bare tensors.
    Step(StepWork),
    /// Forward, backward and step of a perceptron.
    Train { batch: usize, width: usize },
    /// The step alone, on the same perceptron.
    ModuleStep { batch: usize, width: usize },
}

#[derive(Deserialize)]
pub struct StepWork {
    pub optimizer: String,
    pub settings: Values,
    pub lr: f64,
    pub shape: Vec<usize>,
    pub tensors: usize,
    /// The bound of the global norm.
    pub clip: Option<f64>,
    /// The share of the old average of the weights that is kept.
    pub ema: Option<f64>,
    /// Whether the gradient is zero after the step; it is filled again before the next, untimed.
    pub zero: bool,
}

impl StepWork {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The gradient of every tensor: `gradient` in `serve.py` gives the same bits.
    pub fn gradient(&self) -> Vec<f32> {
        let number = |i: usize| {
            let mut hash = (i as u32).wrapping_mul(0x9E37_79B1);
            hash = (hash ^ hash >> 16).wrapping_mul(0x45D9_F3B);
            hash ^= hash >> 16;
            ((f64::from(hash) / f64::from(u32::MAX) - 0.5) * 2e-3) as f32
        };
        (0..self.len()).map(number).collect()
    }
}

/// Does the work once and returns the seconds of the part that counts.
pub type Run = Box<dyn FnMut() -> f64>;

pub fn seconds(timed: impl FnOnce()) -> f64 {
    let start = Instant::now();
    timed();
    start.elapsed().as_secs_f64()
}
