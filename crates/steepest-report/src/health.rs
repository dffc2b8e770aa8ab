//! What is wrong with the gradients of a run, in words.

use crate::number::count;
use steepest_train::{Summary, TensorLine};

/// Steps in a thousand that may explode or vanish before a tensor is named: a hard batch does it.
const FORGIVEN: f64 = 1e-3;
/// Fraction of zeros in a gradient from which on most of a layer is dead.
const DEAD: f64 = 0.9;
/// Changes of a tensor in one step, relative to its size, beyond which training is too fast.
const FAST: f64 = 0.1;

/// Each tensor whose gradients are not as they should be, with what is wrong.
pub fn complaints(summary: &Summary) -> Vec<String> {
    summary.health.tensors.iter().filter_map(|tensor| complaint(tensor, summary.steps)).collect()
}

/// What is wrong with a tensor's gradients, if anything is.
fn complaint(tensor: &TensorLine, steps: u64) -> Option<String> {
    let often = |n: u64| n as f64 > FORGIVEN * steps as f64;
    let mut wrong = Vec::new();
    if often(tensor.exploded) {
        wrong.push(format!("exploded in {}", count(tensor.exploded, "step")));
    }
    if often(tensor.vanished) {
        wrong.push(format!("vanished in {}", count(tensor.vanished, "step")));
    }
    if tensor.zeros > DEAD {
        wrong.push(format!("{:.0} % zeros", 100.0 * tensor.zeros));
    }
    if let Some(ratio) = tensor.update_ratio.filter(|ratio| *ratio > FAST) {
        wrong.push(format!("a step changes it by {:.0} %", 100.0 * ratio));
    }
    (!wrong.is_empty()).then(|| format!("{}: {}", tensor.name, wrong.join(", ")))
}
