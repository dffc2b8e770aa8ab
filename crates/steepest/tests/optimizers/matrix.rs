//! Tensor rules on matrices: what the other files, whose tensors are vectors, do not see.

use crate::common::{Data, args, instruction_sets, random, settings, slots, small, state_words};
use crate::{Property, property};
use std::panic::{AssertUnwindSafe, catch_unwind};
use steepest::linalg::{Loops, PANEL};
use steepest::registry::Entry;
use steepest::rule::{Body, Decay, Step, TensorKernel, TensorView};
use steepest::settings::Value;
use steepest::{Clip, DType, NonFinite, Optimizer, Param};

/// Tensor rules.
const ROWS: fn(&Entry) -> bool = |entry| !entry.traits.half;

pub const PROPERTIES: &[Property] = &[
    property!(every_instruction_set_gives_the_same_bits, ROWS),
    property!(the_number_of_threads_changes_no_bit, ROWS),
    property!(a_zero_gradient_moves_no_matrix, |entry| ROWS(entry) && entry.traits.still),
    property!(gradients_of_any_size_give_finite_matrices, ROWS),
    property!(what_is_not_finite_panics_nowhere, ROWS),
    property!(a_step_takes_the_workspace_that_its_rule_asks_for_and_no_less, ROWS),
];

/// A wide, a tall, a flat matrix, one of one element, a kernel, an empty one, a vector and a number.
const SHAPES: [&[usize]; 8] = [&[17, 40], &[40, 17], &[1, 9], &[1, 1], &[5, 3, 2, 2], &[0, 4], &[19], &[]];

struct Outcome {
    theta: Vec<Vec<u64>>,
    state: Vec<u64>,
}

/// `steps` steps with random gradients of size `size`.
fn run(optimizer: &mut Optimizer, dtype: DType, steps: u64, lr: f64, size: f64) -> Outcome {
    let lengths: Vec<usize> = optimizer.params().iter().map(Param::len).collect();
    let draw = |seed: u64, size: f64| -> Vec<Data> {
        let values = lengths.iter().zip(0..).map(|(n, i)| random(100 * seed + i, *n));
        values.map(|v| Data::of(dtype, &v.iter().map(|x| x * size).collect::<Vec<_>>())).collect()
    };
    let mut theta = draw(0, 1.0);
    for step in 1..=steps {
        optimizer.step(args(lr), &mut slots(&mut theta, &draw(step, size))).unwrap();
    }
    Outcome { theta: theta.iter().map(Data::bits).collect(), state: state_words(optimizer) }
}

fn params(shapes: &[&[usize]], dtype: DType) -> Vec<Param> {
    (0..).zip(shapes).map(|(i, shape)| Param::new(format!("p{i}"), *shape, dtype)).collect()
}

fn every_instruction_set_gives_the_same_bits(entry: &Entry) {
    for setting in settings(entry) {
        for dtype in [DType::F32, DType::F64] {
            let outcomes: Vec<Outcome> = instruction_sets()
                .map(|instructions| {
                    let mut optimizer = Optimizer::builder(entry.make(&setting.values))
                        .instruction_set(instructions)
                        .build(params(&SHAPES, dtype))
                        .unwrap();
                    run(&mut optimizer, dtype, 4, setting.lr(1), 1.0)
                })
                .collect();
            for (found, instructions) in outcomes.iter().zip(instruction_sets()) {
                let place = format!("{} {dtype} {instructions:?}", setting.name);
                assert_eq!(found.theta, outcomes[0].theta, "{place}");
                assert_eq!(found.state, outcomes[0].state, "{place}");
            }
        }
    }
}

fn the_number_of_threads_changes_no_bit(entry: &Entry) {
    // two that all threads work on, one after the other, and some that run side by side
    let shapes: [&[usize]; 6] = [&[200, 310], &[30, 20], &[280, 150], &[64, 16, 3], &[400], &[33, 65]];
    for (i, setting) in settings(entry).iter().enumerate() {
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut optimizer = Optimizer::builder(entry.make(&setting.values))
                .clip(Clip::GlobalNorm(1.0))
                .measure_updates(1)
                .build(params(&shapes, DType::F32))
                .unwrap();
            let found = pool.install(|| run(&mut optimizer, DType::F32, 2, setting.lr(1), 1.0));
            (found, optimizer.health().iter().map(|h| h.update_ratio).collect::<Vec<_>>())
        };
        let (one, ratios) = of(1);
        for threads in 2..=if small() || i > 0 { 2 } else { 3 } {
            let (found, same_ratios) = of(threads);
            let same = found.theta == one.theta && found.state == one.state && same_ratios == ratios;
            assert!(same, "{}: {threads} threads", setting.name);
        }
    }
}

fn a_zero_gradient_moves_no_matrix(entry: &Entry) {
    for setting in settings(entry) {
        let mut values = setting.values.clone();
        for parameter in
            (entry.parameters)().iter().filter(|p| ["weight_decay", "adam_weight_decay"].contains(&p.name))
        {
            values.insert(parameter.name.to_owned(), Value::Number(0.0));
        }
        let mut optimizer =
            Optimizer::builder(entry.make(&values)).build(params(&SHAPES, DType::F32)).unwrap();
        let before = run(&mut optimizer, DType::F32, 0, 0.0, 0.0).theta;
        let after = run(&mut optimizer, DType::F32, 2, setting.lr(1), 0.0).theta;
        assert_eq!(after, before, "{}", setting.name);
    }
}

fn gradients_of_any_size_give_finite_matrices(entry: &Entry) {
    for setting in settings(entry) {
        for size in [1e-12, 1e-6, 1e2, 1e6] {
            let mut optimizer =
                Optimizer::builder(entry.make(&setting.values)).build(params(&SHAPES, DType::F32)).unwrap();
            let found = run(&mut optimizer, DType::F32, 10, setting.lr(1), size);
            let finite =
                found.theta.concat().iter().chain(&found.state).all(|x| f64::from_bits(*x).is_finite());
            assert!(finite, "{} {size:e}", setting.name);
        }
    }
}

fn what_is_not_finite_panics_nowhere(entry: &Entry) {
    for setting in settings(entry) {
        let mut optimizer = Optimizer::builder(entry.make(&setting.values))
            .non_finite(NonFinite::Unchecked)
            .build(params(&SHAPES, DType::F32))
            .unwrap();
        for size in [f64::NAN, f64::INFINITY, 1e38] {
            run(&mut optimizer, DType::F32, 2, setting.lr(1), size);
        }
    }
}

/// Three steps of a tensor rule with `len` numbers of workspace.
fn steps_in_workspace(rule: &dyn TensorKernel, decay: Decay, shape: &[usize], len: usize) {
    let param = Param::new("p", shape, DType::F32);
    // of f64, so that those of f32 lie where numbers of f64 may
    let mut workspace = vec![f64::NAN; len.div_ceil(2)];
    let mut theta: Vec<f32> = random(1, param.len()).iter().map(|x| *x as f32).collect();
    let mut state: Vec<Vec<f32>> =
        rule.state(&param).iter().map(|spec| vec![0.0; spec.shape.iter().product()]).collect();
    for t in 1..=3 {
        let grad: Vec<f32> = random(t + 1, param.len()).iter().map(|x| *x as f32).collect();
        let mut arrays: Vec<&mut [f32]> = state.iter_mut().map(Vec::as_mut_slice).collect();
        let view = TensorView {
            theta: &mut theta,
            grad: &grad,
            scale: 1.0,
            decay,
            state: &mut arrays,
            shape,
            unit_axis: 0,
            workspace: &mut bytemuck::cast_slice_mut(&mut workspace)[..len],
            loops: Loops::default(),
        };
        rule.update_f32(Step { t, lr: 0.01, lambda: 0.0, loss: None }, view);
    }
}

fn a_step_takes_the_workspace_that_its_rule_asks_for_and_no_less(entry: &Entry) {
    for setting in settings(entry) {
        let rule = entry.make(&setting.values).unwrap();
        let Body::Tensor(kernel) = &rule.body else { panic!("no tensor rule") };
        for shape in SHAPES.iter().filter(|shape| kernel.takes(shape).is_ok()) {
            let (kernel, len) = (kernel.as_ref(), kernel.workspace(shape));
            steps_in_workspace(kernel, rule.decay, shape, len);
            if let Some(less) = len.checked_sub(PANEL) {
                let steps = || steps_in_workspace(kernel, rule.decay, shape, less);
                let place = format!("{} {shape:?}", setting.name);
                assert!(catch_unwind(AssertUnwindSafe(steps)).is_err(), "{place}: {less} are enough");
            }
        }
    }
}
