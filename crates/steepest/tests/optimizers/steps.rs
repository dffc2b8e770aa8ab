//! What a step promises of every formula: refusing, skipping, scaling, freezing, groups.

use crate::common::{
    self, DTYPES, Data, all_bits, args, layers, param, random, scope, slots, state_words, trained,
    with_infinities,
};
use crate::{Property, property};
use steepest::registry::Entry;
use steepest::rule::Scope;
use steepest::settings::{Value, Values};
use steepest::{Clip, DType, Error, Group, NonFinite, NonFiniteAt, NotFinite, Optimizer, Sgd, StepArgs};

/// Where all tensors are measured together, what one does shows in the others.
const TENSORS_APART: fn(&Entry) -> bool = |entry| scope(entry) != Scope::All;

pub const PROPERTIES: &[Property] = &[
    property!(an_infinite_gradient_is_an_error_that_names_it_and_changes_nothing),
    property!(a_skipped_step_leaves_no_trace),
    property!(an_unchecked_nan_goes_through_to_its_element_alone, |entry| entry.traits.elementwise),
    property!(a_scale_is_as_if_the_gradient_had_been_multiplied),
    property!(a_frozen_parameter_skips_the_step_as_if_it_had_not_been_there, TENSORS_APART),
    property!(a_group_changes_its_parameters_and_no_others, TENSORS_APART),
];

fn an_infinite_gradient_is_an_error_that_names_it_and_changes_nothing(entry: &Entry) {
    for dtype in DTYPES {
        if !entry.traits.half && dtype.size() == 2 {
            continue;
        }
        let (mut theta, good, bad) = with_infinities(dtype);
        let mut optimizer = Optimizer::builder(entry.make(&Values::new()))
            .build([param("a", 30, dtype), param("b", 20, dtype)])
            .unwrap();
        for _ in 0..2 {
            optimizer.step(args(0.01), &mut slots(&mut theta, &good)).unwrap();
        }
        let before = (all_bits(&theta), state_words(&optimizer), optimizer.health().to_vec());
        let error = optimizer.step(args(0.01), &mut slots(&mut theta, &bad)).unwrap_err();
        assert_eq!(
            error,
            Error::NonFiniteGradient {
                step: 3,
                tensor: "b".into(),
                index: 5,
                value: f64::NEG_INFINITY,
                count: 2
            },
        );
        let after = (all_bits(&theta), state_words(&optimizer), optimizer.health().to_vec());
        assert_eq!(before, after, "{dtype}");
        assert_eq!(optimizer.steps_taken(), 2);
    }
}

fn a_skipped_step_leaves_no_trace(entry: &Entry) {
    for dtype in DTYPES {
        if !entry.traits.half && dtype.size() == 2 {
            continue;
        }
        let run = |skip: bool| {
            let (mut theta, good, bad) = with_infinities(dtype);
            let mut optimizer = Optimizer::builder(entry.make(&Values::new()))
                .non_finite(NonFinite::Skip)
                .build([param("a", 30, dtype), param("b", 20, dtype)])
                .unwrap();
            optimizer.step(args(0.01), &mut slots(&mut theta, &good)).unwrap();
            if skip {
                let before = (all_bits(&theta), state_words(&optimizer));
                let report = optimizer.step(args(0.01), &mut slots(&mut theta, &bad)).unwrap();
                assert!(
                    matches!(
                        report.skipped,
                        Some(NonFiniteAt {
                            tensor: 1,
                            index: 5,
                            value: f64::NEG_INFINITY,
                            count: 2,
                            what: NotFinite::Gradient,
                            ..
                        })
                    ),
                    "{:?}",
                    report.skipped
                );
                assert_eq!(report.step, 1);
                assert_eq!(before, (all_bits(&theta), state_words(&optimizer)));
            }
            let report = optimizer.step(args(0.01), &mut slots(&mut theta, &good)).unwrap();
            assert_eq!((report.skipped, report.step), (None, 2));
            (all_bits(&theta), state_words(&optimizer), optimizer.health().to_vec())
        };
        assert!(run(true) == run(false), "{dtype}");
    }
}

fn an_unchecked_nan_goes_through_to_its_element_alone(entry: &Entry) {
    let mut optimizer = Optimizer::builder(entry.make(&Values::new()))
        .non_finite(NonFinite::Unchecked)
        .build([param("a", 40, DType::F32)])
        .unwrap();
    let mut theta = [Data::of(DType::F32, &random(1, 40))];
    let mut gradient = random(2, 40);
    gradient[33] = f64::NAN;
    let grads = [Data::of(DType::F32, &gradient)];
    let report = optimizer.step(args(0.01), &mut slots(&mut theta, &grads)).unwrap();
    assert_eq!(report.gradient_norm, None, "the gradient was read for nothing");
    let nans: Vec<usize> = (0..40).filter(|i| theta[0].to_f64()[*i].is_nan()).collect();
    // NaN has no sign to step along
    let signless = !entry.traits.continuous && nans.is_empty();
    assert!(signless || nans == [33], "{nans:?}");
}

fn a_scale_is_as_if_the_gradient_had_been_multiplied(entry: &Entry) {
    for clip in [None, Some(Clip::GlobalNorm(0.5)), Some(Clip::TensorNorm(0.5))] {
        // powers of two round nothing
        let (scale, factor) = (1.0 / 1024.0, 1024.0);
        let run = |scale: f64, factor: f64| {
            let mut optimizer = Optimizer::builder(entry.make(&Values::new()))
                .clip(clip)
                .build([param("a", 30, DType::F32)])
                .unwrap();
            let mut theta = [Data::of(DType::F32, &random(1, 30))];
            let grads = [Data::of(DType::F32, &random(2, 30).iter().map(|g| g * factor).collect::<Vec<_>>())];
            let mut norm = None;
            for _ in 0..3 {
                let args = StepArgs { gradient_scale: scale, ..args(0.01) };
                norm = optimizer.step(args, &mut slots(&mut theta, &grads)).unwrap().gradient_norm;
            }
            (all_bits(&theta), state_words(&optimizer), norm, optimizer.health()[0].norm)
        };
        assert_eq!(run(scale, factor), run(1.0, 1.0), "{clip:?}");
    }
}

fn a_frozen_parameter_skips_the_step_as_if_it_had_not_been_there(entry: &Entry) {
    let (mut theta, grads, _) = with_infinities(DType::F32);
    let start = theta.clone();
    let params = [param("a", 30, DType::F32), param("b", 20, DType::F32)];
    let mut optimizer = Optimizer::builder(entry.make(&Values::new())).build(params.clone()).unwrap();
    for step in 1..=4 {
        let frozen = step % 2 == 0;
        let mut slots = slots(&mut theta, &grads);
        if frozen {
            slots[1].grad = None;
        }
        let report = optimizer.step(args(0.01), &mut slots).unwrap();
        assert_eq!(report.step, step);
        if frozen {
            let alone = grads[0].to_f64().iter().map(|g| g * g).sum::<f64>().sqrt();
            // two orders of summing 30 squares
            assert!((report.gradient_norm.unwrap() - alone).abs() < 1e-14);
        }
    }
    let state = common::state_of(&optimizer);
    assert_eq!((state["a/steps"][0], state["b/steps"][0]), (4.0, 2.0));
    assert_eq!((optimizer.health()[0].seen, optimizer.health()[1].seen), (4, 2));
    for (i, steps) in [(0, 4), (1, 2)] {
        let mut alone = [start[i].clone()];
        let mut optimizer =
            Optimizer::builder(entry.make(&Values::new())).build([params[i].clone()]).unwrap();
        for _ in 0..steps {
            optimizer.step(args(0.01), &mut slots(&mut alone, &grads[i..=i])).unwrap();
        }
        assert_eq!(alone[0].bits(), theta[i].bits(), "tensor {i}");
        for (name, values) in common::state_of(&optimizer) {
            assert_eq!(values, state[&name], "{name}");
        }
    }
}

/// The first of `some` where `from_first`, else of `others`.
fn picked(some: &[Vec<u64>], others: &[Vec<u64>], from_some: [bool; 4]) -> Vec<Vec<u64>> {
    (0..4).map(|i| if from_some[i] { some[i].clone() } else { others[i].clone() }).collect()
}

fn a_group_changes_its_parameters_and_no_others(entry: &Entry) {
    let make = || Optimizer::builder(entry.make(&Values::new()));
    let (whole, half) = (trained(make().build(layers()), 0.01), trained(make().build(layers()), 0.005));
    let group = Group::named("hidden.*").lr_factor(0.5);
    let found = trained(make().group(group).build(layers()), 0.01);
    assert_eq!(found, picked(&half, &whole, [true, true, false, false]));

    if (entry.parameters)().iter().any(|parameter| parameter.name == "weight_decay") {
        let decayed = |lambda: f64| {
            let values = Values::from([("weight_decay".into(), Value::Number(lambda))]);
            Optimizer::builder(entry.make(&values))
        };
        let (with, without) = (decayed(0.3).build(layers()), decayed(0.0).build(layers()));
        let (with, without) = (trained(with, 0.01), trained(without, 0.01));
        // the matrix: what a matrix method leaves to another rule has a decay of its own
        assert_ne!(with[0], without[0], "decay does nothing");
        let found = decayed(0.3).group(Group::rank_at_most(1).weight_decay(0.0)).build(layers());
        let expected = picked(&without, &with, [false, true, false, true]);
        assert_eq!(trained(found, 0.01), expected);
        let found = decayed(0.0).group(Group::rank_at_least(2).weight_decay(0.3)).build(layers());
        let expected = picked(&with, &without, [true, false, true, false]);
        assert_eq!(trained(found, 0.01), expected);
    }

    let other = || Sgd { momentum: 0.25, ..Sgd::default() };
    let sgd = trained(Optimizer::builder(other()).build(layers()), 0.01);
    let found = make().group(Group::named("*.bias").rule(other())).build(layers()).unwrap();
    assert_eq!(found.state("out.bias", "momentum_buffer").unwrap(), [0.0, 0.0]);
    let expected = picked(&sgd, &whole, [false, true, false, true]);
    assert_eq!(trained(Ok(found), 0.01), expected);
}
