//! Training with 8-bit state, and with bf16 parameters beside it, gives the curves of f32; what lacks a correction or random
//! rounding does not. `examples/curves` is the same on larger networks, with every other way to keep numbers.

#[path = "../../examples/curves/network.rs"]
mod network;
#[path = "../../examples/curves/statistics.rs"]
mod statistics;
#[path = "../../examples/curves/study.rs"]
#[allow(dead_code)] // the example reads more of it
mod study;

use statistics::{Paired, quantile, two_sided};
use steepest::{GradientCheckOptions, check_gradient};
use study::{Comparison, Recipe, Verdict, Workload, digits, text};

#[test]
fn gradients_are_those_of_the_losses() {
    for Workload { name, network, train, .. } in [digits(12), text(6, 12)] {
        let (rows, lengths) = (5, network.tensors().into_iter().map(|(_, shape)| shape.iter().product()));
        let lengths: Vec<usize> = lengths.collect();
        let input: Vec<f64> = train.inputs[..rows * train.width].iter().map(|x| f64::from(*x)).collect();
        let labels = &train.labels[..rows];
        let split = |flat: &[f64]| -> Vec<Vec<f64>> {
            let mut rest = flat;
            lengths.iter().map(|n| rest.split_off(..*n).unwrap().to_vec()).collect()
        };
        // gains and biases away from their start, where some slopes are hidden
        let start: Vec<f64> = network.start(3).concat();
        let start: Vec<f64> =
            start.iter().zip(crate::common::random(4, start.len())).map(|(x, e)| x + 0.1 * e).collect();
        let theta = split(&start);
        let mut grad = theta.clone();
        let loss = network.gradient(&theta, &input, labels, &mut grad);
        let of = |flat: &[f64]| network.loss(&split(flat), &input, train.width, labels);
        assert!((of(&start) - loss).abs() < 1e-12);
        let options = GradientCheckOptions { samples: Some(400), ..Default::default() };
        let check = check_gradient(of, &grad.concat(), &start, &options).unwrap();
        assert!(check.passed(1e-6), "{name}: {check}");
    }
}

#[test]
fn students_t_is_that_of_the_tables() {
    for (freedom, p, t) in
        [(9, 0.1, 1.833), (9, 0.05, 2.262), (9, 0.01, 3.250), (3, 0.05, 3.182), (29, 0.05, 2.045)]
    {
        assert!((quantile(p, freedom) - t).abs() < 5e-4, "{freedom} {p}");
        assert!((two_sided(-t, freedom) / p - 1.0).abs() < 2e-3, "{freedom} {p}");
    }
}

#[test]
fn a_difference_is_found_and_one_that_is_not_there_is_not() {
    let noise = [0.3, -1.1, 0.2, 0.9, -0.4, 1.3, -0.8, 0.1, -0.6, 0.1];
    let none = [0.0; 10];
    // by hand: mean 0, standard deviation √(5.02/9) = 0.7468, half 1.833·0.7468/√10
    let paired = Paired::new(&noise, &none);
    assert!(paired.mean.abs() < 1e-12, "{paired:?}");
    assert!(paired.p > 0.99 && (paired.half - 0.4329).abs() < 1e-4, "{paired:?}");
    assert!(paired.within(0.44) && !paired.within(0.43));
    let moved = Paired::new(&noise.map(|x| x + 1.0), &none);
    assert!(moved.p < 0.01 && !moved.within(1.4) && moved.within(1.5), "{moved:?}");
    assert_eq!(Paired::new(&noise, &noise).p, 1.0);
}

#[test]
fn few_bytes_train_as_f32_does_and_without_correction_they_do_not() {
    let recipe = Recipe { seeds: 10, steps: 320, batch: 16, checkpoints: 4 };
    let claimed = ["8-bit state", "bf16 + correction, 8-bit state"];
    let controls = ["bf16 alone", "8-bit state to the nearest"];
    let names = [&["f32"], &claimed[..], &controls].concat();
    let workloads = [digits(64), text(16, 64)];
    // all paired tests of what is claimed, at 5 % together
    let tests = workloads.len() * claimed.len() * recipe.checkpoints as usize;
    for workload in workloads {
        let all = study::run(&workload, &study::variants(&names), recipe);
        let comparisons: Vec<Comparison> =
            all.iter().map(|curves| Comparison::new(curves, &all[0], tests)).collect();
        let about = |i: usize| format!("{} {}: {:.5?}", workload.name, names[i], comparisons[i]);
        for (i, of) in comparisons.iter().enumerate().skip(1).take(claimed.len()) {
            println!("{}", about(i));
            // within one standard deviation of f32 from seed to seed, with 95 % confidence on either side
            assert!(of.reach < 1.0, "{}", about(i));
            // The paired test may find that it is lower: steps are 0.6 % longer, docs/precision.md says why, and these
            // runs are so short that longer ones get farther. Higher it must not be.
            let higher = of.paired.iter().any(|d| d.mean > 0.0 && d.p * (tests as f64) < 0.05);
            assert!(!higher, "{}", about(i));
        }
        // both controls are told from f32, or none of the above would mean anything
        for (i, of) in comparisons.iter().enumerate().skip(1 + claimed.len()) {
            println!("{}", about(i));
            assert_eq!(of.verdict, Verdict::Differs, "{}", about(i));
        }
        let alone = comparisons[names.len() - 2].paired.last().unwrap();
        assert!(alone.mean > 0.0, "{}: bf16 alone is better: {alone:?}", workload.name);
    }
}
