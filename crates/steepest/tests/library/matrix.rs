//! Tensor rules: which parameters they take, and along which axes.

use crate::common::{self, Data, random, slots};
use steepest::settings::{Settings, Values};
use steepest::{
    Adafactor, DType, DiagonalSides, Dialect, Group, Kron, MatrixFallback, Muon, Optimizer, Param,
};

fn params(shapes: &[&[usize]], dtype: DType) -> Vec<Param> {
    (0..).zip(shapes).map(|(i, shape)| Param::new(format!("p{i}"), *shape, dtype)).collect()
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
        let n = shape.iter().product();
        let mut theta = [Data::F64(random(0, n))];
        for step in 1..=3 {
            optimizer.step(0.1, &mut slots(&mut theta, &[Data::F64(random(step, n))])).unwrap();
        }
        theta[0].bits()
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

/// L and R fit tiny gradients, to which they are as large as f32 lets them; usual gradients then leave it when they are multiplied by
/// both, and by both again, and when that is squared. Nothing leaves f64, to which f32 is held.
#[test]
fn factors_that_learned_from_tiny_gradients_meet_usual_ones_as_in_f64() {
    for diagonal in [DiagonalSides::None, DiagonalSides::Longer, DiagonalSides::Both] {
        for (tiny, usual) in [(1e-20, 1e8), (1e-20, 1e14), (1e-30, 1.0), (1e-30, 1e12), (1e-33, 1e14)] {
            let run = |dtype| {
                // factors that follow within some hundred refreshes
                let kron = Kron { diagonal, precond_lr: 0.5, ..Kron::default() };
                let mut optimizer = Optimizer::builder(kron).build(params(&[&[7, 4]], dtype)).unwrap();
                let mut theta = [Data::of(dtype, &random(1, 28))];
                let mut seen = Vec::new();
                for t in 0..330 {
                    let size = if t < 300 { tiny } else { usual };
                    let gradient: Vec<f64> = random(t + 2, 28).iter().map(|g| size * g).collect();
                    let grads = [Data::of(dtype, &gradient)];
                    optimizer.step(0.01, &mut slots(&mut theta, &grads)).unwrap();
                    if t % 10 == 9 || t == 300 {
                        let factors = ["left", "right"].map(|name| optimizer.state("p0", name).unwrap());
                        seen.push([factors.concat(), theta[0].to_f64()]);
                    }
                }
                seen
            };
            let [single, double] = [DType::F32, DType::F64].map(run);
            for (i, (found, expected)) in single.iter().zip(&double).enumerate() {
                for (found, expected) in found.iter().zip(expected) {
                    let largest = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                    let apart = common::worst(found.iter().zip(expected).map(|(a, b)| (a - b).abs()));
                    // eighty times the last place of f32: each refresh rounds some products, and follows the last by half
                    let error = apart / largest;
                    assert!(
                        error < 1e-5,
                        "{diagonal:?} {tiny:e} {usual:e}, part {i}: {error:e} of {largest:e}"
                    );
                }
            }
        }
    }
}
