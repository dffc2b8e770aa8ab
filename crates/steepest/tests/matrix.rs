//! Tensor rules on matrices: what `tests/properties.rs`, whose tensors are vectors, does not see.

mod common;

use common::{Data, args, levels, random, settings, slots, small, state_words};
use std::panic::{AssertUnwindSafe, catch_unwind};
use steepest::linalg::{Loops, PANEL};
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::rule::{Body, Decay, Step, TensorRule, TensorView};
use steepest::settings::{Settings, Value, Values};
use steepest::{Adafactor, Clip, DType, Dialect, Group, MatrixFallback, Muon, NonFinite, Optimizer, Param};

fn tensor_rules() -> impl Iterator<Item = &'static Entry> {
    OPTIMIZERS.iter().filter(|entry| !entry.traits.half)
}

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

#[test]
fn every_level_gives_the_same_bits() {
    for entry in tensor_rules() {
        for setting in settings(entry) {
            for dtype in [DType::F32, DType::F64] {
                let outcomes: Vec<Outcome> = levels()
                    .map(|level| {
                        let mut optimizer = Optimizer::builder(entry.make(&setting.values))
                            .level(level)
                            .build(params(&SHAPES, dtype))
                            .unwrap();
                        run(&mut optimizer, dtype, 4, setting.lr(1), 1.0)
                    })
                    .collect();
                for (found, level) in outcomes.iter().zip(levels()) {
                    let place = format!("{} {} {dtype} {level:?}", entry.name, setting.name);
                    assert_eq!(found.theta, outcomes[0].theta, "{place}");
                    assert_eq!(found.state, outcomes[0].state, "{place}");
                }
            }
        }
    }
}

/// Three steps of a tensor rule with `len` numbers of workspace.
fn steps_in_workspace(rule: &dyn TensorRule, decay: Decay, shape: &[usize], len: usize) {
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
            work: &mut bytemuck::cast_slice_mut(&mut workspace)[..len],
            loops: Loops::default(),
        };
        rule.update_f32(Step { t, lr: 0.01, lambda: 0.0, loss: None }, view);
    }
}

#[test]
fn a_step_takes_the_workspace_that_its_rule_asks_for_and_no_less() {
    let mut exact = 0;
    for entry in tensor_rules() {
        for setting in settings(entry) {
            let rule = entry.make(&setting.values).unwrap();
            let Body::Tensor(kernel) = &rule.body else { panic!("{}: no tensor rule", entry.name) };
            for shape in SHAPES.iter().filter(|shape| kernel.takes(shape).is_ok()) {
                let place = format!("{} {} {shape:?}", entry.name, setting.name);
                let (kernel, len) = (kernel.as_ref(), kernel.work(shape));
                steps_in_workspace(kernel, rule.decay, shape, len);
                if let Some(less) = len.checked_sub(PANEL) {
                    let steps = || steps_in_workspace(kernel, rule.decay, shape, less);
                    assert!(catch_unwind(AssertUnwindSafe(steps)).is_err(), "{place}: {less} are enough");
                    exact += 1;
                }
            }
        }
    }
    assert!(exact > 100, "{exact}");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    // two that all threads work on, one after the other, and some that run side by side
    let shapes: [&[usize]; 6] = [&[200, 310], &[30, 20], &[280, 150], &[64, 16, 3], &[400], &[33, 65]];
    for entry in tensor_rules() {
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
                assert!(same, "{} {}: {threads} threads", entry.name, setting.name);
            }
        }
    }
}

#[test]
fn a_zero_gradient_moves_no_matrix() {
    for entry in tensor_rules().filter(|entry| entry.traits.still) {
        for setting in settings(entry) {
            let mut values = setting.values.clone();
            for parameter in (entry.parameters)()
                .iter()
                .filter(|p| ["weight_decay", "adam_weight_decay"].contains(&p.name))
            {
                values.insert(parameter.name.to_owned(), Value::Number(0.0));
            }
            let mut optimizer =
                Optimizer::builder(entry.make(&values)).build(params(&SHAPES, DType::F32)).unwrap();
            let before = run(&mut optimizer, DType::F32, 0, 0.0, 0.0).theta;
            let after = run(&mut optimizer, DType::F32, 2, setting.lr(1), 0.0).theta;
            assert_eq!(after, before, "{} {}", entry.name, setting.name);
        }
    }
}

#[test]
fn gradients_of_any_size_give_finite_matrices() {
    for entry in tensor_rules() {
        for setting in settings(entry) {
            for size in [1e-12, 1e-6, 1e2, 1e6] {
                let mut optimizer = Optimizer::builder(entry.make(&setting.values))
                    .build(params(&SHAPES, DType::F32))
                    .unwrap();
                let found = run(&mut optimizer, DType::F32, 10, setting.lr(1), size);
                let finite =
                    found.theta.concat().iter().chain(&found.state).all(|x| f64::from_bits(*x).is_finite());
                assert!(finite, "{} {} {size:e}", entry.name, setting.name);
            }
        }
    }
}

#[test]
fn what_is_not_finite_panics_nowhere() {
    for entry in tensor_rules() {
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
}

fn muon(others: MatrixFallback) -> Muon {
    Muon { others, adam_lr_factor: 0.5, adam_weight_decay: 0.25, ..Muon::default() }
}

#[test]
fn vectors_go_to_the_fallback() {
    let params = [
        Param::new("w", [4, 3], DType::F32),
        Param::new("b", [4], DType::Bf16),
        Param::new("c", [4], DType::F32),
    ];
    let optimizer = Optimizer::builder(muon(MatrixFallback::Adamw))
        .group(Group::named("c").lr_factor(0.5).weight_decay(0.0))
        .build(params)
        .unwrap();
    assert_eq!(optimizer.state("w", "momentum_buffer").unwrap().len(), 12);
    assert_eq!(optimizer.state("b", "exp_avg_sq").unwrap().len(), 4);
    let plan = optimizer.plan().to_string();
    let words: Vec<Vec<&str>> = plan.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[1][..6], ["w", "4×3", "f32", "muon", "1", "0"], "{plan}");
    assert_eq!(words[2][..6], ["b", "4", "bf16", "adamw", "0.5", "0.25"], "{plan}");
    assert_eq!(words[3][..6], ["c", "4", "f32", "adamw", "0.25", "0"], "{plan}");
    // and by name, in a group, next to another rule
    let by_name = steepest::registry::find("muon").unwrap().make(&Values::new());
    let optimizer = Optimizer::builder(steepest::Sgd::default())
        .group(Group::named("a*").rule(by_name))
        .build([Param::new("a.w", [2, 2], DType::F32), Param::new("a.b", [2], DType::F32)])
        .unwrap();
    let plan = optimizer.plan().to_string();
    assert!(plan.contains("muon") && plan.contains("adamw") && !plan.contains("sgd"), "{plan}");
}

#[test]
fn vectors_are_refused_where_settings_say_so() {
    let build = |group: Option<Group>| {
        let builder = Optimizer::builder(muon(MatrixFallback::Refuse));
        let builder = if let Some(group) = group { builder.group(group) } else { builder };
        builder.build([Param::new("w", [4, 3], DType::F32), Param::new("b", [4], DType::F32)])
    };
    assert_eq!(
        build(None).unwrap_err().to_string(),
        "muon cannot take parameter `b`: it works on matrices, and this is a vector or a single number; give it \
         another rule with `Group::rule`"
    );
    build(Some(Group::rank_at_most(1).rule(steepest::AdamW::default()))).unwrap();
}

#[test]
fn a_kernel_is_the_matrix_of_its_first_axis_and_the_rest() {
    let of = |shape: &[usize]| {
        let mut optimizer = Optimizer::builder(Muon::default()).build(params(&[shape], DType::F64)).unwrap();
        run(&mut optimizer, DType::F64, 3, 0.1, 1.0).theta
    };
    assert_eq!(of(&[6, 4, 3, 3]), of(&[6, 36]));
}

#[test]
fn outputs_lie_along_the_unit_axis() {
    let step = |shape: [usize; 2], axis: usize| {
        let mut optimizer = Optimizer::builder(Muon::default())
            .build([Param::new("w", shape, DType::F64).unit_axis(axis)])
            .unwrap();
        let mut theta = [Data::F64(vec![0.0; 24])];
        let grads = [Data::F64((0..24).map(|i| f64::from(i * i % 7) - 2.0).collect())];
        optimizer.step(1.0, &mut slots(&mut theta, &grads)).unwrap();
        theta[0].to_f64().iter().map(|x| x * x).sum::<f64>().sqrt()
    };
    // 8 outputs of 3 inputs, stored either way; 3 outputs of 8 inputs
    assert!((step([8, 3], 0) / step([8, 3], 1) - (8.0f64 / 3.0).sqrt()).abs() < 1e-12);
    assert!((step([3, 8], 1) / step([3, 8], 0) - (8.0f64 / 3.0).sqrt()).abs() < 1e-12);
}

#[test]
fn adafactor_treats_the_last_two_axes_as_a_stack_of_matrices() {
    let one = Optimizer::builder(Adafactor { scale_by_parameter: false, d: 1e9, ..Adafactor::default() });
    let mut one = one.build(params(&[&[2, 5, 3]], DType::F64)).unwrap();
    let two = Optimizer::builder(Adafactor { scale_by_parameter: false, d: 1e9, ..Adafactor::default() });
    let mut two = two.build(params(&[&[5, 3], &[5, 3]], DType::F64)).unwrap();
    let values = |seed| random(seed, 30);
    let mut whole = [Data::F64(values(1))];
    let mut halves = [Data::F64(values(1)[..15].to_vec()), Data::F64(values(1)[15..].to_vec())];
    for step in 2..6 {
        let g = values(step);
        one.step(0.1, &mut slots(&mut whole, &[Data::F64(g.clone())])).unwrap();
        let g = [Data::F64(g[..15].to_vec()), Data::F64(g[15..].to_vec())];
        two.step(0.1, &mut slots(&mut halves, &g)).unwrap();
    }
    assert_eq!(whole[0].bits(), [halves[0].bits(), halves[1].bits()].concat());
}

#[test]
fn adafactor_of_optax_factors_the_longest_axes_wherever_they_are() {
    let shape = [3, 8, 2, 5];
    // axes 0 and 2 stay, 1 and 3 change places
    let swapped = |values: &[f64]| -> Vec<f64> {
        let mut out = vec![0.0; values.len()];
        for (i, x) in values.iter().enumerate() {
            let (d, c, b, a) = (i % 5, i / 5 % 2, i / 10 % 8, i / 80);
            out[((a * 5 + d) * 2 + c) * 8 + b] = *x;
        }
        out
    };
    let optax =
        Adafactor { min_dim_size_to_factor: 4, momentum: 0.5, ..Adafactor::of_dialect(Dialect::Optax) };
    let make =
        |shape: &[usize]| Optimizer::builder(optax.clone()).build(params(&[shape], DType::F64)).unwrap();
    let (mut straight, mut turned) = (make(&shape), make(&[3, 5, 2, 8]));
    assert_eq!(straight.state("p0", "row_var").unwrap().len(), 30);
    let mut theta = [Data::F64(random(1, 240))];
    let mut other = [Data::F64(swapped(&random(1, 240)))];
    for step in 2..6 {
        let g = random(step, 240);
        straight.step(0.1, &mut slots(&mut theta, &[Data::F64(g.clone())])).unwrap();
        turned.step(0.1, &mut slots(&mut other, &[Data::F64(swapped(&g))])).unwrap();
    }
    let error =
        common::worst(swapped(&theta[0].to_f64()).iter().zip(other[0].to_f64()).map(|(a, b)| (a - b).abs()));
    assert!(error < 1e-14, "{error:e}"); // sums in another order
}
