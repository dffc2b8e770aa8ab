//! What people who come from other libraries meet first: things that were easy to get wrong, with the right value.

use crate::common::{self, Data, all_bits, args, param, random, slots, state_words};
use steepest::registry::OPTIMIZERS;
use steepest::schedule::{Cosine, Schedule};
use steepest::settings::Values;
use steepest::stop::{Reason, Stop};
use steepest::{
    AdamW, Clip, DType, Ema, Error, Group, Lbfgs, LearningRate, Lookahead, NonFinite, NotFinite, Optimizer,
    Param, Rprop, Sgd, Slot, minimize,
};

fn text<T: std::fmt::Debug>(result: steepest::Result<T>) -> String {
    result.unwrap_err().to_string()
}

// ---------------------------------------------------------------------------------------------
// Overflow
// ---------------------------------------------------------------------------------------------

#[test]
fn a_gradient_that_overflows_inside_the_rule_is_named_and_the_run_goes_on() {
    let mut adamw = Optimizer::builder(AdamW::default()).build([param("w", 8, DType::F32)]).unwrap();
    let mut theta = [1.0f32; 8];
    let ones = [1.0f32; 8];
    for _ in 0..10 {
        adamw.step(1e-3, &mut [Slot::new(&mut theta, &ones)]).unwrap();
    }
    let mut spike = ones;
    spike[3] = 3e19;
    let kept = (theta, adamw.to_bytes().unwrap());
    let error = adamw.step(1e-3, &mut [Slot::new(&mut theta, &spike)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step 11: the gradient of `w` is finite, of norm 3.00e19, but the step would make its state `exp_avg_sq` \
         inf at index 3 (1 such value in it); nothing was changed; clip the gradient with `Clip`, lower the learning \
         rate or the weight decay, or skip such steps with `NonFinite::Skip`"
    );
    assert!(matches!(error, Error::Overflow { what: NotFinite::State("exp_avg_sq"), index: 3, .. }));
    assert!(error.gradient_fault().is_none(), "it is not the gradient that is wrong");
    assert!((theta, adamw.to_bytes().unwrap()) == kept);
    for _ in 0..1000 {
        adamw.step(1e-3, &mut [Slot::new(&mut theta, &ones)]).unwrap();
    }
    assert!(theta[3] < 0.1 && theta[3] == theta[0], "{theta:?}");
}

#[test]
fn clipping_takes_what_would_overflow() {
    for clip in [Clip::GlobalNorm(1.0), Clip::TensorNorm(1.0), Clip::Value(1.0)] {
        let mut adamw =
            Optimizer::builder(AdamW::default()).clip(clip).build([param("w", 2, DType::F32)]).unwrap();
        let mut theta = [1.0f32; 2];
        adamw.step(0.1, &mut [Slot::new(&mut theta, &[3e19f32, 0.0])]).unwrap();
        assert!(theta[0] < 0.91 && theta[0] > 0.8, "{clip:?}: {theta:?}");
    }
}

#[test]
fn a_skipped_overflow_zeroes_gradients_and_counts_nothing() {
    let mut adamw = Optimizer::builder(AdamW::default())
        .non_finite(NonFinite::Skip)
        .build([param("w", 2, DType::F32)])
        .unwrap();
    let (mut theta, mut grad) = ([1.0f32; 2], [0.0f32, 1e20]);
    let report = adamw.step(0.1, &mut [Slot::zeroing(&mut theta, &mut grad)]).unwrap();
    let at = report.skipped.unwrap();
    assert_eq!((at.tensor, at.index, at.what, report.step), (0, 1, NotFinite::State("exp_avg_sq"), 0));
    assert_eq!((theta, grad, adamw.health()[0].seen), ([1.0; 2], [0.0; 2], 0));
}

#[test]
fn a_state_that_is_near_the_end_of_its_type_is_watched_after_loading_too() {
    let make = || {
        Optimizer::builder(Sgd { momentum: 0.9, ..Sgd::default() })
            .build([param("w", 1, DType::F32)])
            .unwrap()
    };
    let (mut first, mut theta) = (make(), [0.0f32]);
    first.step(1e-30, &mut [Slot::new(&mut theta, &[3.2e38f32])]).unwrap();
    let mut second = make();
    second.from_bytes(&first.to_bytes().unwrap()).unwrap();
    // 0.9·3.2e38 + 5e37 is 3.38e38, still a number; 0.9 of that and 1e38 are none
    second.step(1e-30, &mut [Slot::new(&mut theta, &[5e37f32])]).unwrap();
    let error = second.step(1e-30, &mut [Slot::new(&mut theta, &[1e38f32])]).unwrap_err();
    assert!(matches!(error, Error::Overflow { what: NotFinite::State("momentum_buffer"), .. }), "{error}");
    let error = second.step(2.0, &mut [Slot::new(&mut theta, &[1.0f32])]).unwrap_err();
    assert!(matches!(error, Error::Overflow { what: NotFinite::Parameter, .. }), "{error}");
}

#[test]
fn a_decay_that_makes_weights_grow_is_found_when_they_leave_the_type() {
    let rule = AdamW { weight_decay: 100.0, ..AdamW::default() };
    let mut adamw = Optimizer::builder(rule).build([param("w", 1, DType::F32)]).unwrap();
    let mut theta = [1.0f32];
    let error =
        (0..100).find_map(|_| adamw.step(1.0, &mut [Slot::new(&mut theta, &[0.0f32])]).err()).unwrap();
    assert!(matches!(error, Error::Overflow { what: NotFinite::Parameter, .. }), "{error}");
    assert!(theta[0].is_finite() && theta[0].abs() > 1e36);
}

// ---------------------------------------------------------------------------------------------
// State of another rule
// ---------------------------------------------------------------------------------------------

#[test]
fn the_state_of_another_rule_is_refused_in_a_group_for_every_pair_of_rules() {
    let make = |name: &str| {
        Optimizer::builder(Sgd::default())
            .group(
                Group::named("in_group").rule(steepest::registry::find(name).unwrap().make(&Values::new())),
            )
            .build([Param::new("in_group", [4, 3], DType::F32), Param::new("outside", [2], DType::F32)])
            .unwrap()
    };
    let saved: Vec<(&str, Vec<u8>)> = OPTIMIZERS
        .iter()
        .map(|entry| {
            let mut optimizer = make(entry.name);
            let mut theta = [Data::of(DType::F32, &random(1, 12)), Data::of(DType::F32, &random(2, 2))];
            let grads = [Data::of(DType::F32, &random(3, 12)), Data::of(DType::F32, &random(4, 2))];
            optimizer.step(args(1e-3), &mut slots(&mut theta, &grads)).unwrap();
            (entry.name, optimizer.to_bytes().unwrap())
        })
        .collect();
    for entry in OPTIMIZERS {
        let mut optimizer = make(entry.name);
        for (name, bytes) in &saved {
            if *name == entry.name {
                optimizer.from_bytes(bytes).unwrap();
                continue;
            }
            let problems = common::problems_of(&mut optimizer, bytes);
            let expected = format!("rule of in_group: expected {}, found {name}", entry.name);
            assert!(problems.contains(&expected), "{problems:?}");
        }
    }
}

#[test]
fn what_a_file_says_of_a_tensor_is_held_to_it() {
    let sgd = |dtype| Optimizer::builder(Sgd::default()).build([Param::new("w", [2, 3], dtype)]).unwrap();
    let good = sgd(DType::F32).to_bytes().unwrap();
    let edited =
        |edit: fn(&mut serde_json::Value)| common::edited(&good, |_, about| common::edit_header(about, edit));
    let mut optimizer = sgd(DType::F32);
    let shape = edited(|header| header["tensors"]["w"]["shape"] = serde_json::json!([3, 2]));
    assert_eq!(common::problems_of(&mut optimizer, &shape), ["shape of w: expected [2, 3], found [3, 2]"]);
    let nothing = edited(|header| drop(header["tensors"].as_object_mut().unwrap().remove("w")));
    assert_eq!(
        common::problems_of(&mut optimizer, &nothing),
        ["rule of w: expected sgd, found nothing of it"]
    );
    assert_eq!(common::problems_of(&mut sgd(DType::Bf16), &good), ["type of w: expected bf16, found f32"]);
}

// ---------------------------------------------------------------------------------------------
// L-BFGS
// ---------------------------------------------------------------------------------------------

#[test]
fn a_wrong_gradient_is_no_convergence() {
    let wrong = |x: &[f64], g: &mut [f64]| {
        g[0] = -2.0 * x[0];
        x[0] * x[0]
    };
    let report = minimize(wrong, &[3.0], Lbfgs::default(), 1.0, Stop::max_steps(100)).unwrap();
    assert!(
        matches!(report.reason, Reason::LineSearch { promised } if promised > 1.0),
        "{:?}",
        report.reason
    );
    assert_eq!((report.value, report.theta[0], report.reason.stopped_by()), (9.0, 3.0, "line_search".into()));
    assert!(report.reason.is_failure());
    assert!(
        report.reason.to_string().ends_with("the gradient may be wrong; compare it with `check_gradient`")
    );
    // in f32, and where one coordinate of many is wrong
    let wrong = |x: &[f32], g: &mut [f32]| {
        g[0] = -2.0 * x[0];
        x[0] * x[0]
    };
    let report = minimize(wrong, &[3.0f32], Lbfgs::default(), 1.0, Stop::max_steps(100)).unwrap();
    assert_eq!(report.reason.stopped_by(), "line_search");
    let partly = |x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (2.0 * x[0], -200.0 * x[1]);
        x[0] * x[0] + 100.0 * x[1] * x[1]
    };
    let report = minimize(partly, &[1.0, 1.0], Lbfgs::default(), 1.0, Stop::max_steps(100)).unwrap();
    assert_eq!(report.reason.stopped_by(), "line_search");
}

#[test]
fn a_search_that_ends_at_the_function_s_own_rounding_has_converged() {
    for offset in [0.0, 1.0, 1e6, -1e9] {
        let bowl = move |x: &[f64], g: &mut [f64]| {
            g.iter_mut().zip(x).for_each(|(g, x)| *g = 2.0 * (x - 0.3));
            offset + x.iter().map(|x| (x - 0.3) * (x - 0.3)).sum::<f64>()
        };
        let strict = Lbfgs { tolerance_grad: 0.0, tolerance_change: 0.0, ..Lbfgs::default() };
        for lbfgs in [strict, Lbfgs::default()] {
            let report = minimize(bowl, &[1.0; 5], lbfgs, 1.0, Stop::max_steps(100)).unwrap();
            assert!(!report.reason.is_failure(), "{offset}: {}", report.reason);
            assert!((report.theta[0] - 0.3).abs() < 1e-2, "{offset}: {:?}", report.theta);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Freezing, sizes, weights from outside, schedules
// ---------------------------------------------------------------------------------------------

#[test]
fn a_frozen_group_is_as_if_it_had_no_gradient_for_every_rule() {
    for entry in OPTIMIZERS {
        let build = |group: Option<Group>| {
            let builder = Optimizer::builder(entry.make(&Values::new())).clip(Clip::GlobalNorm(0.5));
            let builder = group.into_iter().fold(builder, steepest::Builder::group);
            builder.build([Param::new("a", [4, 3], DType::F32), Param::new("b", [3, 4], DType::F32)]).unwrap()
        };
        let data = |seed| Data::of(DType::F32, &random(seed, 12));
        let (mut frozen, mut by_slot) = (build(Some(Group::named("a").frozen())), build(None));
        let (mut theta, mut other) = ([data(1), data(2)], [data(1), data(2)]);
        for t in 0..3 {
            let grads = [data(10 + t), data(20 + t)];
            let report = frozen.step(args(entry.default_lr), &mut slots(&mut theta, &grads)).unwrap();
            let [a, b] = &mut other;
            let mut slots = [Slot::frozen(a.all_mut()), Slot::new(b.all_mut(), grads[1].all())];
            assert_eq!(report, by_slot.step(args(entry.default_lr), &mut slots).unwrap(), "{}", entry.name);
        }
        assert_eq!(all_bits(&theta), all_bits(&other), "{}", entry.name);
        assert_eq!(state_words(&frozen), state_words(&by_slot), "{}", entry.name);
        assert_eq!(theta[0].bits(), data(1).bits(), "{} moved what is frozen", entry.name);
    }
}

#[test]
fn freezing_is_said_by_the_plan_and_ends_with_a_change() {
    let mut rprop = Optimizer::builder(Rprop::default())
        .group(Group::named("a").frozen())
        .build([param("a", 1, DType::F32), param("b", 1, DType::F32)])
        .unwrap();
    assert!(rprop.plan().to_string().lines().nth(1).unwrap().contains("frozen"));
    let (mut a, mut b) = ([1.0f32], [1.0f32]);
    rprop.step(0.1, &mut [Slot::new(&mut a, &[1.0f32]), Slot::new(&mut b, &[1.0f32])]).unwrap();
    assert_eq!((a, b), ([1.0], [0.9]));
    rprop.change(Group::named("a").thawed()).unwrap();
    rprop.change(Group::named("b").frozen()).unwrap();
    rprop.step(0.1, &mut [Slot::new(&mut a, &[1.0f32]), Slot::new(&mut b, &[1.0f32])]).unwrap();
    assert_eq!((a, b), ([0.9], [0.9]));
}

#[test]
fn a_shape_too_large_for_memory_is_refused() {
    for shape in [vec![1 << 63, 2], vec![usize::MAX, usize::MAX], vec![1 << 62], vec![3, 1 << 60, 7]] {
        let huge = Param::new("huge", shape.clone(), DType::F32);
        assert!(huge.len() > 1 << 61 && !huge.is_empty(), "{shape:?}");
        let message = text(Optimizer::builder(AdamW::default()).build([huge]));
        assert!(message.starts_with("adamw cannot take parameter `huge`: its shape"), "{message}");
    }
    assert_eq!(Param::new("none", [usize::MAX, 0, 7], DType::F32).len(), 0);
}

#[test]
fn debug_says_what_it_is_in_a_line() {
    let optimizer = Optimizer::builder(AdamW::default()).build([param("w", 100_000, DType::F32)]).unwrap();
    let shown = format!("{optimizer:?}");
    assert!(shown.len() < 400 && shown.starts_with("Optimizer { rule: \"adamw\", settings: "), "{shown}");
    assert!(shown.contains("parameters: 1, steps_taken: 0, state_bytes: 800000"), "{shown}");
}

#[test]
fn weights_from_outside_are_adopted_by_what_keeps_weights() {
    for (lookahead, name) in [(true, "lookahead_slow"), (false, "ema_weights")] {
        for dtype in common::DTYPES {
            let builder = Optimizer::builder(Sgd::default());
            let builder = if lookahead {
                builder.lookahead(Lookahead { every: 2, alpha: 0.5 })
            } else {
                builder.average(Ema { decay: 0.5, ..Ema::default() })
            };
            let mut sgd = builder.build([param("w", 2, dtype)]).unwrap();
            let mut theta = [Data::of(dtype, &[4.0, 4.0])];
            let grads = [Data::of(dtype, &[1.0, 1.0])];
            sgd.step(1.0, &mut slots(&mut theta, &grads)).unwrap();
            theta[0] = Data::of(dtype, &[100.0, 50.0]);
            sgd.adopt(&mut [theta[0].all_mut()][..]).unwrap();
            assert_eq!(sgd.state("w", name).unwrap(), [100.0, 50.0]);
            sgd.step(1.0, &mut slots(&mut theta, &grads)).unwrap();
            // half of the way from what was adopted to where the step went
            assert_eq!(sgd.state("w", name).unwrap(), [99.5, 49.5], "{dtype}");
            let expected = if lookahead { [99.5, 49.5] } else { [99.0, 49.0] };
            assert_eq!(theta[0].to_f64(), expected, "{dtype}");
            let kept = state_words(&sgd);
            assert!(text(sgd.adopt(&mut [[1.0f64; 3]][..])).contains("`w`"));
            assert!(text(sgd.adopt(&mut [[1.0f32; 2]; 2][..])).contains("2 tensors were given"));
            assert_eq!(state_words(&sgd), kept);
        }
    }
}

#[test]
fn a_schedule_without_its_length_trains_nothing_and_says_why() {
    let mut adamw = Optimizer::builder(AdamW::default()).build([param("w", 1, DType::F32)]).unwrap();
    let mut theta = [1.0f32];
    let cosine = Cosine::default();
    let error = text(adamw.step(0.1 * cosine.factor(0), &mut [Slot::new(&mut theta, &[1.0f32])]));
    assert!(
        error.contains("until its length is known: call `resolve`, or make a `LearningRate` with `over`")
    );
    assert_eq!(theta, [1.0]);
    let rate = LearningRate::from((0.1, Cosine::default())).over(10).unwrap();
    assert_eq!([0, 5, 10, 99].map(|step| (1e6 * rate.at(step)).round()), [1e5, 5e4, 0.0, 0.0]);
    assert!(LearningRate::from((-1.0, Cosine::default())).over(10).is_err());
    assert!(LearningRate::from((0.1, Cosine { floor: 2.0, ..Cosine::default() })).over(10).is_err());
}

// ---------------------------------------------------------------------------------------------
// Copies, and beginning anew
// ---------------------------------------------------------------------------------------------

#[test]
fn a_reset_optimizer_is_a_new_one_for_every_rule() {
    for entry in OPTIMIZERS {
        for format in [steepest::StateFormat::F32, steepest::StateFormat::Bits8] {
            if format != steepest::StateFormat::F32 && !entry.traits.half {
                continue;
            }
            let make = || {
                Optimizer::builder(entry.make(&Values::new()))
                    .group(Group::all().state_format(format))
                    .build([Param::new("a", [20, 13], DType::F32)])
                    .unwrap()
            };
            let run = |optimizer: &mut Optimizer| {
                let mut theta = [Data::of(DType::F32, &random(1, 260))];
                for t in 0..3 {
                    let grads = [Data::of(DType::F32, &random(2 + t, 260))];
                    optimizer.step(args(entry.default_lr), &mut slots(&mut theta, &grads)).unwrap();
                }
                (all_bits(&theta), optimizer.to_bytes().unwrap())
            };
            let mut optimizer = make();
            let first = run(&mut optimizer);
            optimizer.reset();
            assert!(optimizer.to_bytes().unwrap() == make().to_bytes().unwrap(), "{}", entry.name);
            assert!(run(&mut optimizer) == first, "{}", entry.name);
        }
    }
}
