//! What is wrong with the gradients and the hidden layers of a run, in words.

use crate::number::{count, significant};
use steepest::registry;
use steepest_train::{LayerLine, Summary, TensorLine};

/// The fraction of steps that may explode or vanish before a tensor is named. Of 171 healthy runs over the embedded data
/// sets the worst has 0.5 %: a hard batch does it, and a network that has learnt all there is.
const FORGIVEN: f64 = 0.02;
/// The fraction of a layer's units that nothing wakes from which on it is named; of 420 healthy runs (140 each of
/// AdamW, SGD and tanh, by the example `health`) the worst has 0.17.
const DEAD: f64 = 0.25;
/// The fraction of a layer's values on the flat ends of tanh from which on it is saturated; of those runs the worst has
/// 0.28, and of 140 with first weights thirty times too large the best 0.56.
const SATURATED: f64 = 0.5;
/// Changes of a matrix in one step, relative to its size, beyond which training is too fast: of an optimizer whose steps
/// do not follow the size of the gradient, as AdamW, whose healthy runs stay below 0.023 and those of ten times its usual
/// rate above 0.030; and of the others, as SGD, whose healthy runs go up to 0.10.
const FAST: [f64; 2] = [0.025, 0.15];
/// Usual learning rates up to which an optimizer is of the first kind.
const OWN_SIZE: f64 = 0.005;

/// Each hidden layer and each tensor that is not as it should be, with what is wrong and what to change.
pub fn complaints(summary: &Summary) -> Vec<String> {
    let usual = registry::find(&summary.optimizer).map_or(f64::INFINITY, |entry| entry.default_lr);
    let fast = if usual <= OWN_SIZE { FAST[0] } else { FAST[1] };
    let tensors = summary.health.tensors.iter().filter_map(|tensor| complaint(tensor, summary.steps, fast));
    summary.health.layers.iter().filter_map(asleep).chain(tensors).collect()
}

/// Whether a gradient has exploded, or vanished, in so many steps of all that something is wrong.
pub fn is_often(n: u64, steps: u64) -> bool {
    n as f64 > FORGIVEN * steps as f64
}

/// What is wrong with a layer's units and what to change, if anything is.
fn asleep(layer: &LayerLine) -> Option<String> {
    let LayerLine { name, activation, units, dead, flat } = layer;
    if *dead as f64 > DEAD * *units as f64 {
        return Some(format!(
            "{name}: {dead} of {} are dead: their {activation} is flat for every row; lower the learning rate, or {}",
            count(*units, "unit"),
            if activation == "silu" {
                "normalize the layers"
            } else {
                "take another activation such as silu"
            }
        ));
    }
    // half of what others are given is on their flat side, and should be
    (activation == "tanh" && *flat > SATURATED).then(|| {
        format!(
            "{name}: saturated: {:.0} % of its values lie where {activation} is flat; lower the learning rate, or \
             normalize the layers",
            100.0 * flat
        )
    })
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
    if let Some(ratio) = tensor.largest_update.filter(|ratio| *ratio > fast) {
        wrong.push(format!("a step changed it by {} %", significant(100.0 * ratio, 2)));
        changes.push("lower the learning rate");
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

    #[test]
    fn a_layer_that_learns_nothing_is_named() {
        let layer = |activation: &str, dead: u64, flat: f64| {
            let (name, activation) = ("hidden.0".to_owned(), activation.to_owned());
            asleep(&LayerLine { name, activation, units: 128, dead, flat })
        };
        assert_eq!(layer("relu", 20, 0.7), None);
        assert_eq!(layer("tanh", 0, 0.1), None);
        let said = layer("relu", 64, 0.8).unwrap();
        assert!(said.starts_with("hidden.0: 64 of 128 units are dead") && said.contains("lower"), "{said}");
        let said = layer("tanh", 0, 0.97).unwrap();
        assert!(said.starts_with("hidden.0: saturated: 97 %") && said.contains("normalize"), "{said}");
    }
}
