//! What is wrong with the gradients of a run, in words.

use crate::number::{count, significant};
use steepest::registry;
use steepest_train::{Summary, TensorLine};

/// The fraction of steps that may explode or vanish before a tensor is named. Of 171 healthy runs over the embedded data
/// sets the worst has 0.5 %: a hard batch does it, and a network that has learnt all there is.
const FORGIVEN: f64 = 0.02;
/// Fraction of zeros in a gradient from which on most of a layer is dead; of those runs the worst has 0.8.
const DEAD: f64 = 0.9;
/// Changes of a matrix in one step, relative to its size, beyond which training is too fast: of an optimizer whose steps
/// do not follow the size of the gradient, as AdamW, whose healthy runs stay below 0.023 and those of ten times its usual
/// rate above 0.030; and of the others, as SGD, whose healthy runs go up to 0.10.
const FAST: [f64; 2] = [0.025, 0.15];
/// Usual learning rates up to which an optimizer is of the first kind.
const OWN_SIZE: f64 = 0.005;

/// Each tensor whose gradients are not as they should be, with what is wrong.
pub fn complaints(summary: &Summary) -> Vec<String> {
    let usual = registry::find(&summary.optimizer).map_or(f64::INFINITY, |entry| entry.default_lr);
    let fast = if usual <= OWN_SIZE { FAST[0] } else { FAST[1] };
    summary.health.tensors.iter().filter_map(|tensor| complaint(tensor, summary.steps, fast)).collect()
}

/// Whether a gradient has exploded, or vanished, in so many steps of all that something is wrong.
pub fn is_often(n: u64, steps: u64) -> bool {
    n as f64 > FORGIVEN * steps as f64
}

/// What is wrong with a tensor's gradients and what to change, if anything is.
fn complaint(tensor: &TensorLine, steps: u64, fast: f64) -> Option<String> {
    let (mut wrong, mut changes) = (Vec::new(), Vec::new());
    if is_often(tensor.exploded, steps) {
        wrong.push(format!("exploded in {}", count(tensor.exploded, "step")));
        changes.push("clip the gradient");
    }
    if is_often(tensor.vanished, steps) {
        wrong.push(format!("vanished in {}", count(tensor.vanished, "step")));
        changes.push("normalize the layers, or take another activation");
    }
    if tensor.zeros > DEAD {
        wrong.push(format!("{:.0} % zeros", 100.0 * tensor.zeros));
        changes.push("lower the learning rate, or take an activation without a flat side");
    }
    if let Some(ratio) = tensor.largest_update.filter(|ratio| *ratio > fast) {
        wrong.push(format!("a step changed it by {} %", significant(100.0 * ratio, 2)));
        changes.push("lower the learning rate");
    }
    // one is a part of the other
    if changes.iter().any(|change| change.starts_with("lower the learning rate,")) {
        changes.retain(|change| *change != "lower the learning rate");
    }
    (!wrong.is_empty()).then(|| format!("{}: {}; {}", tensor.name, wrong.join(", "), changes.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_says_what_and_what_to_change() {
        let healthy = TensorLine {
            name: "hidden.0.weight".into(),
            gradient_norm: 0.5,
            zeros: 0.6,
            update_ratio: Some(0.01),
            largest_update: Some(0.02),
            exploded: 17,
            vanished: 3,
        };
        assert_eq!(complaint(&healthy, 6000, FAST[0]), None, "17 hard batches of 6000 are none");
        for (sick, words) in [
            (TensorLine { exploded: 600, ..healthy.clone() }, ["exploded in 600 steps", "clip"]),
            (TensorLine { vanished: 600, ..healthy.clone() }, ["vanished in 600 steps", "activation"]),
            (TensorLine { zeros: 0.99, ..healthy.clone() }, ["99 % zeros", "lower the learning rate"]),
            (
                TensorLine { largest_update: Some(0.3), ..healthy },
                ["changed it by 30 %", "lower the learning rate"],
            ),
        ] {
            let said = complaint(&sick, 6000, FAST[0]).unwrap();
            assert!(
                said.starts_with("hidden.0.weight: ") && words.iter().all(|word| said.contains(word)),
                "{said}"
            );
        }
    }
}
