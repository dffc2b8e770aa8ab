//! What is wrong with the gradients of a run, in words.

use crate::number::count;
use steepest_train::{Summary, TensorLine};

/// The fraction of steps that may explode or vanish before a tensor is named. Of healthy runs over the embedded data sets
/// the worst has 0.2 %: a hard batch does it, and a network that has learnt all there is.
const FORGIVEN: f64 = 0.02;
/// Fraction of zeros in a gradient from which on most of a layer is dead; of healthy runs the worst has 0.7.
const DEAD: f64 = 0.9;
/// Changes of a tensor in one step, relative to its size, beyond which training is too fast.
const FAST: f64 = 0.1;

/// Each tensor whose gradients are not as they should be, with what is wrong.
pub fn complaints(summary: &Summary) -> Vec<String> {
    summary.health.tensors.iter().filter_map(|tensor| complaint(tensor, summary.steps)).collect()
}

/// What is wrong with a tensor's gradients and what to change, if anything is.
fn complaint(tensor: &TensorLine, steps: u64) -> Option<String> {
    let often = |n: u64| n as f64 > FORGIVEN * steps as f64;
    let (mut wrong, mut changes) = (Vec::new(), Vec::new());
    if often(tensor.exploded) {
        wrong.push(format!("exploded in {}", count(tensor.exploded, "step")));
        changes.push("clip the gradient");
    }
    if often(tensor.vanished) {
        wrong.push(format!("vanished in {}", count(tensor.vanished, "step")));
        changes.push("normalize the layers, or take another activation");
    }
    if tensor.zeros > DEAD {
        wrong.push(format!("{:.0} % zeros", 100.0 * tensor.zeros));
        changes.push("lower the learning rate, or take an activation without a flat side");
    }
    if let Some(ratio) = tensor.update_ratio.filter(|ratio| *ratio > FAST) {
        wrong.push(format!("a step changes it by {:.0} %", 100.0 * ratio));
        changes.push("lower the learning rate");
    }
    changes.dedup();
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
            exploded: 17,
            vanished: 3,
        };
        assert_eq!(complaint(&healthy, 6000), None, "17 hard batches of 6000 are none");
        for (sick, words) in [
            (TensorLine { exploded: 600, ..healthy.clone() }, ["exploded in 600 steps", "clip"]),
            (TensorLine { vanished: 600, ..healthy.clone() }, ["vanished in 600 steps", "activation"]),
            (TensorLine { zeros: 0.99, ..healthy.clone() }, ["99 % zeros", "lower the learning rate"]),
            (
                TensorLine { update_ratio: Some(0.3), ..healthy },
                ["changes it by 30 %", "lower the learning rate"],
            ),
        ] {
            let said = complaint(&sick, 6000).unwrap();
            assert!(
                said.starts_with("hidden.0.weight: ") && words.iter().all(|word| said.contains(word)),
                "{said}"
            );
        }
    }
}
