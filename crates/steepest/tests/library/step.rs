//! What a step promises beside the formula: clipping, freezing, groups, health, and errors that say what to do.

use crate::common::{
    self, DTYPES, Data, Fixture, all_bits, instruction_sets, layers, param, random, slots, state_words,
    trained, with_infinities,
};
use half::{bf16, f16};
use steepest::linalg::Number;
use steepest::registry::{self, OPTIMIZERS};
use steepest::rule::{Body, Decay, Rule, StateSpec, Step, TensorRule, TensorView};
use steepest::settings::{Value, Values};
use steepest::{
    Adam, AdamW, Clip, DType, DoG, Error, Group, InstructionSet, IntoRule, NonFinite, Optimizer, Param,
    Polyak, Sgd, Slot, StepArgs, Verdict,
};

/// A momentum whose buffer holds the first gradient exactly as the rule saw it: μ·0 + 1·g.
fn recording() -> Sgd {
    Sgd { momentum: 0.5, ..Sgd::default() }
}

// ---------------------------------------------------------------------------------------------
// Gradients that are not finite
// ---------------------------------------------------------------------------------------------

#[test]
fn clipping_by_norm_finds_a_nan_even_unchecked() {
    for clip in [Clip::GlobalNorm(1.0), Clip::TensorNorm(1.0)] {
        let mut optimizer = Optimizer::builder(Sgd::default())
            .non_finite(NonFinite::Unchecked)
            .clip(clip)
            .build([param("a", 2, DType::F64)])
            .unwrap();
        let mut theta = [1.0, 2.0];
        let error = optimizer.step(1.0, &mut [Slot::new(&mut theta, &[0.0, f64::NAN])]).unwrap_err();
        assert!(matches!(error, Error::NonFiniteGradient { index: 1, value, .. } if value.is_nan()));
        assert_eq!(theta, [1.0, 2.0]);
    }
}

#[test]
fn a_gradient_that_its_scale_makes_infinite_is_found() {
    let mut optimizer = Optimizer::builder(Sgd::default()).build([param("a", 2, DType::F32)]).unwrap();
    let mut theta = [1.0f32, 2.0];
    let args = StepArgs { lr: 0.1, gradient_scale: 1e10, loss: None };
    let error = optimizer.step(args, &mut [Slot::new(&mut theta, &[1.0f32, -1e30])]).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { index: 1, value: f64::NEG_INFINITY, count: 1, .. }));
    assert_eq!(theta, [1.0, 2.0]);
    // close to the end of f32's range, but within it
    let args = StepArgs { lr: 1e-38, gradient_scale: 2.0, loss: None };
    optimizer.step(args, &mut [Slot::new(&mut theta, &[0.0f32, -1.5e38])]).unwrap();
    assert!((theta[1] - 5.0).abs() < 1e-5, "{theta:?}"); // 2 + 1e-38·3e38, and 1e-38 is subnormal in f32
}

#[test]
fn a_rule_that_needs_the_loss_refuses_a_step_without_it() {
    let mut optimizer = Optimizer::builder(Polyak::default()).build([param("a", 2, DType::F64)]).unwrap();
    let mut theta = [1.0, 2.0];
    let with = |loss| StepArgs { loss, ..StepArgs::from(0.5) };
    optimizer.step(with(Some(3.0)), &mut [Slot::new(&mut theta, &[1.0, -1.0])]).unwrap();
    let before = (theta, optimizer.to_bytes().unwrap().len(), optimizer.state("a", "rate").unwrap());
    for (loss, found) in [(None, "none"), (Some(f64::NAN), "NaN"), (Some(f64::INFINITY), "inf")] {
        let error = optimizer.step(with(loss), &mut [Slot::new(&mut theta, &[7.0, 8.0])]).unwrap_err();
        assert!(matches!(error, Error::LossNeeded { step: 2, optimizer: "polyak", .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "step 2: polyak computes its step from the loss, found {found}; give StepArgs {{ loss: \
                 Some(value), .. }} with a finite value; nothing was changed"
            )
        );
        let after = (theta, optimizer.to_bytes().unwrap().len(), optimizer.state("a", "rate").unwrap());
        assert_eq!(before, after);
        assert_eq!(optimizer.steps_taken(), 1);
    }
    // and goes on with one: gap 3 over ‖g‖² = 113
    optimizer.step(with(Some(3.0)), &mut [Slot::new(&mut theta, &[7.0, 8.0])]).unwrap();
    assert_eq!(optimizer.state("a", "rate").unwrap(), [3.0 / 113.0]);
}

#[test]
fn what_is_measured_over_all_tensors_is_learned_when_one_has_a_gradient() {
    let params = [param("a", 2, DType::F64), param("b", 1, DType::F64)];
    let mut optimizer = Optimizer::builder(DoG::default()).build(params).unwrap();
    let (mut a, mut b) = ([3.0, 4.0], [12.0]);
    optimizer.step(1.0, &mut [Slot::frozen(&mut a), Slot::frozen(&mut b)]).unwrap();
    assert_eq!(optimizer.state("a", "max_distance").unwrap(), [0.0], "nothing was there to learn from");
    optimizer.step(1.0, &mut [Slot::new(&mut a, &[1.0, 2.0]), Slot::frozen(&mut b)]).unwrap();
    for name in ["a", "b"] {
        assert_eq!(optimizer.state(name, "max_distance").unwrap(), [1e-6 * (1.0 + 5.0)], "{name}");
        assert_eq!(optimizer.state(name, "sum_of_squares").unwrap(), [5.0], "{name}");
    }
    assert_eq!((b, optimizer.state("b", "start").unwrap()), ([12.0], vec![0.0]));
    optimizer.step(1.0, &mut [Slot::frozen(&mut a), Slot::new(&mut b, &[1.0])]).unwrap();
    assert_eq!(optimizer.state("b", "start").unwrap(), [12.0], "the start is where it joined");
    assert_eq!(optimizer.state("a", "sum_of_squares").unwrap(), [6.0]);
}

// ---------------------------------------------------------------------------------------------
// Clipping
// ---------------------------------------------------------------------------------------------

const CLIPPED: [(&str, &[usize]); 5] =
    [("t1", &[1]), ("t17", &[17]), ("m5x3", &[5, 3]), ("k2x3x2x4", &[2, 3, 2, 4]), ("zero4", &[4])];

/// One step of plain descent with rate 1 from `start` (zeros if `None`): the gradients as the rule
/// saw them, and the norm that was reported.
fn clipped(clip: Clip, case: &str, fixture: &Fixture) -> steepest::Result<(Vec<Vec<f64>>, Option<f64>)> {
    let mut optimizer = Optimizer::builder(recording())
        .clip(clip)
        // so that a value goes through clipping as torch's does; clipping by norm checks all the same
        .non_finite(NonFinite::Unchecked)
        // optax's units lie along the last axis
        .build(CLIPPED.map(|(name, shape)| Param::new(name, shape, DType::F64).unit_axis(shape.len() - 1)))?;
    let grads: Vec<Data> = CLIPPED
        .iter()
        .map(|(name, _)| Data::F64(fixture.tensors[&format!("{case}/{name}/in")].clone()))
        .collect();
    let start: Vec<Vec<f64>> = CLIPPED
        .iter()
        .zip(&grads)
        .map(|((name, _), g)| {
            let stored = fixture.tensors.get(&format!("{case}/{name}/param"));
            stored.cloned().unwrap_or_else(|| vec![0.0; g.all().len()])
        })
        .collect();
    let mut theta: Vec<Data> = start.iter().cloned().map(Data::F64).collect();
    let report = optimizer.step(1.0, &mut slots(&mut theta, &grads))?;
    let seen: Vec<Vec<f64>> =
        CLIPPED.iter().map(|(name, _)| optimizer.state(name, "momentum_buffer").unwrap()).collect();
    for ((theta, start), g) in theta.iter().zip(&start).zip(&seen) {
        let expected: Vec<f64> = start.iter().zip(g).map(|(t, g)| t - g).collect();
        assert_eq!(theta.bits(), common::bits(&expected), "{case}");
    }
    Ok((seen, report.gradient_norm))
}

/// The largest difference of two gradients relative to the largest element of `expected`.
fn distance(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let largest = expected.iter().flatten().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    assert!(found.iter().map(Vec::len).eq(expected.iter().map(Vec::len)));
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    common::worst(pairs.map(|(a, b)| {
        let same = a == b || (a.is_nan() && b.is_nan());
        if same { 0.0 } else { (a - b).abs() / largest }
    }))
}

#[test]
fn clipping_agrees_with_torch_and_optax() {
    // Norms of 61 numbers, summed in another order, and one division and product: some ten
    // roundings of 1.1e-16.
    const TOLERANCE: f64 = 2e-15;
    let fixture = Fixture::load("clipping").unwrap();
    let (mut compared, mut refused) = (0, 0);
    for (key, about) in &fixture.metadata {
        let Some(case) = key.strip_prefix("case/") else { continue };
        let about: serde_json::Value = serde_json::from_str(about).unwrap();
        let number = |name: &str| about["arguments"][name].as_f64().unwrap();
        let expected: Vec<Vec<f64>> =
            CLIPPED.iter().map(|(name, _)| fixture.tensors[&format!("{case}/{name}/out")].clone()).collect();
        let norm = fixture.tensors.get(&format!("{case}/norm")).map(|norm| norm[0]);
        let (clip, tolerance) = match about["function"].as_str().unwrap() {
            // a power and its root are right to 2e-13 each
            "clip_grad_norm_" if about["arguments"]["norm_type"] != 2.0 => {
                let order = about["arguments"]["norm_type"].as_f64().unwrap_or(f64::INFINITY);
                (Clip::GlobalNormOf { order, most: number("max_norm") }, 1e-12)
            }
            "clip_grad_norm_" => (Clip::GlobalNorm(number("max_norm")), TOLERANCE),
            // optax divides by the norm, torch and we by the norm + 1e-6
            "clip_by_global_norm" => {
                (Clip::GlobalNorm(number("max_norm")), TOLERANCE + (1e-6 / norm.unwrap()).min(1e-6))
            }
            "clip_grad_value_" => (Clip::Value(number("clip_value")), 0.0),
            "adaptive_grad_clip" => {
                let (factor, eps) = (number("clipping"), number("eps"));
                (Clip::Adaptive { factor, eps }, TOLERANCE)
            }
            // the root mean square, which depends on the size; see the next test
            "clip_by_block_rms" => continue,
            other => panic!("{case}: {other}"),
        };
        if matches!(clip, Clip::GlobalNorm(0.0)) {
            let error = clipped(clip, case, &fixture).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { value: 0.0, .. }), "{error}");
            refused += 1;
        } else if norm.is_some_and(|norm| !norm.is_finite()) {
            // torch and optax poison every gradient; we refuse the step
            let error = clipped(clip, case, &fixture).unwrap_err();
            assert!(matches!(error, Error::NonFiniteGradient { index: 3, count: 1, .. }), "{error}");
            refused += 1;
        } else {
            let (found, total) = clipped(clip, case, &fixture).unwrap();
            let error = distance(&found, &expected);
            assert!(error <= tolerance, "{case}: {error:.1e} > {tolerance:.1e}");
            if let (Some(norm), false) = (norm, matches!(clip, Clip::GlobalNormOf { .. })) {
                let error = (total.unwrap() - norm).abs() / norm.max(f64::MIN_POSITIVE);
                assert!(error <= TOLERANCE, "{case}: norm {total:?}, expected {norm}");
            }
            compared += 1;
        }
    }
    assert_eq!((compared, refused), (29, 5), "cases of the fixture");
}

#[test]
fn clipping_by_tensor_norm_agrees_with_optax_by_root_mean_square() {
    // ‖g‖/√n ≤ c is ‖g‖ ≤ c√n. optax divides by the norm (here above 0.5), we by the norm + 1e-6.
    const TOLERANCE: f64 = 2e-6;
    let fixture = Fixture::load("clipping").unwrap();
    let mut scaled = 0;
    for (name, shape) in CLIPPED {
        let n: usize = shape.iter().product();
        let of = |which: &str| fixture.tensors[&format!("optax_block_rms/{name}/{which}")].clone();
        let mut optimizer = Optimizer::builder(recording())
            .clip(Clip::TensorNorm(0.5 * (n as f64).sqrt()))
            .build([Param::new(name, shape, DType::F64)])
            .unwrap();
        let report = optimizer.step(1.0, &mut [Slot::new(&mut vec![0.0; n], &of("in"))]).unwrap();
        let found = optimizer.state(name, "momentum_buffer").unwrap();
        assert!(distance(&[found], &[of("out")]) <= TOLERANCE, "{name}");
        scaled += usize::from(report.clip_factor < 1.0);
    }
    assert!(scaled >= 2, "nothing was clipped");
}

#[test]
fn clipping_by_tensor_norm_is_clipping_each_tensor_alone() {
    for dtype in DTYPES {
        let (theta, grads, _) = with_infinities(dtype);
        let mut together = theta.clone();
        let report = Optimizer::builder(Sgd::default())
            .clip(Clip::TensorNorm(1.5))
            .build([param("a", 30, dtype), param("b", 20, dtype)])
            .unwrap()
            .step(1.0, &mut slots(&mut together, &grads))
            .unwrap();
        let mut factors = Vec::new();
        for i in 0..2 {
            let mut alone = [theta[i].clone()];
            let report = Optimizer::builder(Sgd::default())
                .clip(Clip::GlobalNorm(1.5))
                .build([param("a", theta[i].all().len(), dtype)])
                .unwrap()
                .step(1.0, &mut slots(&mut alone, &grads[i..=i]))
                .unwrap();
            factors.push(report.clip_factor);
            assert_eq!(alone[0].bits(), together[i].bits(), "{dtype} tensor {i}");
        }
        assert!(factors[0] < 1.0 && factors[1] < 1.0 && factors[0] != factors[1], "{factors:?}");
        assert_eq!(report.clip_factor, factors[0].min(factors[1]));
    }
}

#[test]
fn gradients_whose_squares_overflow_are_clipped_to_the_bound() {
    let last = f64::MAX;
    for (gradient, norm) in [
        ([3e200, -4e200, 0.0], 5e200),
        ([-1e300, 0.0, 0.0], 1e300),
        ([1e160, 1e-200, 1e155], 1e160 * 1.000_000_000_05),
        // the norm itself is above all f64, and counts as the largest one
        ([last, -last, last], last),
    ] {
        for (clip, parts) in
            [(Clip::GlobalNorm(2.0), 1), (Clip::TensorNorm(2.0), 1), (Clip::GlobalNorm(2.0), 3)]
        {
            let params = (0..parts).map(|i| param(&format!("p{i}"), 3 / parts, DType::F64));
            let mut optimizer = Optimizer::builder(Sgd::default()).clip(clip).build(params).unwrap();
            let mut theta = [0.0; 3];
            let mut slots: Vec<Slot> = theta
                .chunks_mut(3 / parts)
                .zip(gradient.chunks(3 / parts))
                .map(|(t, g)| Slot::new(t, g))
                .collect();
            let report = optimizer.step(1.0, &mut slots).unwrap();
            // a few roundings of 1.1e-16 each
            let found = report.gradient_norm.unwrap();
            assert!((found / norm - 1.0).abs() < 1e-14, "{gradient:?}: norm {found:e}");
            // 2/1e308 is subnormal: it has 12 fewer bits than other numbers, 1e-12
            let expected = gradient.map(|g| -g / norm * 2.0);
            let error = distance(&[theta.to_vec()], &[expected.to_vec()]);
            assert!(error < 1e-11, "{gradient:?}: {theta:?}, expected {expected:?}");
        }
    }
}

#[test]
fn a_negative_scale_clips_units_like_a_positive_one() {
    let clip = Clip::Adaptive { factor: 0.1, eps: 1e-3 };
    let step = |gradient_scale: f64| {
        let mut optimizer = Optimizer::builder(Sgd::default())
            .clip(clip)
            .build([Param::new("w", [2, 3], DType::F64)])
            .unwrap();
        let mut theta = [0.0; 6];
        let gradient: [f64; 6] = random(1, 6).try_into().unwrap();
        let args = StepArgs { lr: 1.0, gradient_scale, loss: None };
        optimizer.step(args, &mut [Slot::new(&mut theta, &gradient)]).unwrap();
        theta
    };
    assert_eq!(step(3.0), step(-3.0).map(|x| -x));
    // zero weights: each unit's gradient is brought to factor·eps
    let unit = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((unit(&step(3.0)[..3]) - 1e-4).abs() < 1e-18);
}

#[test]
fn the_norm_of_all_gradients_has_the_same_bits_for_every_instruction_set_and_any_threads() {
    // seven tasks for three threads; the tensors end within chunks
    let lengths = [1, 33_000, 20_001, 250_000, 70_007];
    for dtype in DTYPES {
        let theta: Vec<Data> = lengths.iter().map(|n| Data::of(dtype, &vec![0.0; *n])).collect();
        let grads: Vec<Data> =
            lengths.iter().enumerate().map(|(i, n)| Data::of(dtype, &random(i as u64, *n))).collect();
        let norm = |instructions: InstructionSet, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let params = lengths.iter().enumerate().map(|(i, n)| param(&format!("p{i}"), *n, dtype));
            let mut optimizer =
                Optimizer::builder(Sgd::default()).instruction_set(instructions).build(params).unwrap();
            let mut theta = theta.clone();
            pool.install(|| optimizer.step(0.0, &mut slots(&mut theta, &grads)))
                .unwrap()
                .gradient_norm
                .unwrap()
        };
        let expected = norm(InstructionSet::Scalar, 1);
        let naive = grads.iter().flat_map(Data::to_f64).map(|g| g * g).sum::<f64>().sqrt();
        // the naive sum of 373 000 squares is off by at most 373 000 · 1.1e-16, half of it after the root
        assert!((expected / naive - 1.0).abs() < 2.1e-11, "{dtype}: {expected} and {naive}");
        for instructions in instruction_sets() {
            for threads in 1..=3 {
                let found = norm(instructions, threads);
                assert_eq!(found.to_bits(), expected.to_bits(), "{dtype} {instructions:?} {threads} threads");
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------
// The scale of gradients; frozen parameters
// ---------------------------------------------------------------------------------------------

#[test]
fn a_frozen_slot_may_be_made_directly() {
    let mut optimizer = Optimizer::builder(Sgd::default()).build([param("a", 2, DType::F32)]).unwrap();
    let mut theta = [1.0f32, 2.0];
    let report = optimizer.step(0.1, &mut [Slot::frozen(&mut theta)]).unwrap();
    assert_eq!((theta, report.step, report.gradient_norm), ([1.0, 2.0], 1, Some(0.0)));
}

// ---------------------------------------------------------------------------------------------
// Groups
// ---------------------------------------------------------------------------------------------

#[test]
fn a_later_group_wins_and_leaves_what_it_does_not_set() {
    let make = || Optimizer::builder(AdamW::default());
    let found = make()
        .group(Group::named("hidden.*").lr_factor(0.5).weight_decay(0.3))
        .group(Group::named("*.bias").lr_factor(2.0))
        .build(layers());
    let decayed = AdamW { weight_decay: 0.3, ..AdamW::default() };
    let found = trained(found, 0.01);
    let run = |rule: AdamW, lr: f64| trained(Optimizer::builder(rule).build(layers()), lr);
    assert_eq!(found[0], run(decayed.clone(), 0.005)[0]);
    assert_eq!(found[1], run(decayed, 0.02)[1], "the later lr_factor, the earlier weight_decay");
    assert_eq!(found[2], run(AdamW::default(), 0.01)[2]);
    assert_eq!(found[3], run(AdamW::default(), 0.02)[3]);
}

#[test]
fn the_plan_shows_what_holds_for_each_parameter() {
    let optimizer = Optimizer::builder(AdamW::default())
        .group(Group::rank_at_most(1).weight_decay(0.0))
        .group(Group::named("out.*").lr_factor(0.5).rule(Sgd::default()))
        .build(layers())
        .unwrap();
    let plan = optimizer.plan().to_string();
    let words: Vec<Vec<&str>> = plan.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(plan.lines().next().unwrap().split("  ").filter(|w| !w.is_empty()).count(), 8);
    assert_eq!(
        words[1..],
        [
            vec!["hidden.weight", "3×4", "f32", "adamw", "1", "0.01", "96", "-", "(decoupled)"],
            vec!["hidden.bias", "3", "f32", "adamw", "1", "0", "24", "rank", "≤", "1"],
            vec!["out.weight", "2×3", "f32", "sgd", "0.5", "0", "0", "out.*"],
            vec!["out.bias", "2", "f32", "sgd", "0.5", "0", "0", "rank", "≤", "1,", "out.*"],
        ]
    );
    assert_eq!(optimizer.state_bytes(), 96 + 24);
}

// ---------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------

/// The text of an error.
fn text<T>(result: steepest::Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn slices_that_do_not_fit_are_named_and_nothing_changes() {
    let mut optimizer = Optimizer::builder(Adam::default())
        .build([param("a", 2, DType::F32), param("b", 3, DType::F32)])
        .unwrap();
    let (mut a, mut b) = ([1.0f32, 2.0], [3.0f32, 4.0, 5.0]);
    let untouched = state_words(&optimizer);
    let mut step = |a: Slot<'_>, b: Slot<'_>| {
        let result = text(optimizer.step(0.1, &mut [a, b]));
        assert_eq!(state_words(&optimizer), untouched);
        assert_eq!(optimizer.steps_taken(), 0);
        result
    };
    assert_eq!(
        step(Slot::new(&mut a, &[1.0f32; 2]), Slot::new(&mut b, &[1.0f32; 4])),
        "step 1: gradient of `b` has 4 elements, expected 3; nothing was changed"
    );
    assert_eq!(
        step(Slot::new(&mut a, &[1.0f32; 2]), Slot::new(&mut [0.0f32; 2], &[1.0f32; 3])),
        "step 1: parameter `b` has 2 elements, expected 3; nothing was changed"
    );
    assert_eq!(
        step(Slot::new(&mut [f16::ZERO; 2], &[1.0f32; 2]), Slot::new(&mut b, &[1.0f32; 3])),
        "step 1: parameter `a` is f16, expected f32; nothing was changed"
    );
    assert_eq!(
        step(Slot::new(&mut a, &[1.0f32; 2]), Slot::new(&mut b, &[1.0f64; 3])),
        "step 1: gradient of `b` is f64, expected f32 (or, for element rules, bf16 or f16); nothing was changed"
    );
    assert_eq!((a, b), ([1.0, 2.0], [3.0, 4.0, 5.0]));
    assert_eq!(
        text(optimizer.step(0.1, &mut [Slot::new(&mut a, &[1.0f32; 2])])),
        "step 1: 1 tensors were given, the optimizer was made for 2; give every parameter in the order of \
         `build`, one without gradient as `Slot::frozen`"
    );
    assert_eq!(a, [1.0, 2.0]);
    let mut double = Optimizer::builder(Adam::default()).build([param("a", 1, DType::F64)]).unwrap();
    assert_eq!(
        text(double.step(0.1, &mut [Slot::new(&mut [0.0f64], &[bf16::ONE])])),
        "step 1: gradient of `a` is bf16, expected f64; nothing was changed"
    );
}

#[test]
fn a_bad_rate_or_scale_is_refused() {
    let mut optimizer = Optimizer::builder(Adam::default()).build([param("a", 1, DType::F64)]).unwrap();
    let mut theta = [1.0];
    for (lr, shown) in [(f64::NAN, "NaN"), (-0.1, "-0.1"), (f64::INFINITY, "inf")] {
        let found = text(optimizer.step(lr, &mut [Slot::new(&mut theta, &[1.0])]));
        let expected =
            format!("step 1: the learning rate is {shown}, expected a finite number of at least 0");
        assert!(found.starts_with(&expected) && found.ends_with("; nothing was changed"), "{found}");
        assert_eq!(found.contains("a schedule gives NaN until its length is known"), lr.is_nan());
    }
    for (gradient_scale, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (1e39, &*1e39f64.to_string())]
    {
        assert_eq!(
            text(optimizer.step(
                StepArgs { lr: 0.1, gradient_scale, loss: None },
                &mut [Slot::new(&mut theta, &[1.0])]
            )),
            format!(
                "step 1: the gradient scale is {shown}, expected a number that f32 can hold; nothing was changed"
            )
        );
    }
    assert_eq!((theta, optimizer.steps_taken()), ([1.0], 0));
    // a rate of zero is a step that changes the state alone
    optimizer.step(0.0, &mut [Slot::new(&mut theta, &[1.0])]).unwrap();
    assert_eq!((theta, optimizer.steps_taken()), ([1.0], 1));
    assert!(optimizer.state("a", "exp_avg").unwrap()[0] > 0.0);
}

#[test]
fn a_non_finite_gradient_says_what_to_do() {
    let mut optimizer = Optimizer::builder(Adam::default()).build([param("w", 3, DType::F32)]).unwrap();
    let gradient = [0.0, f32::NAN, f32::NAN];
    assert_eq!(
        text(optimizer.step(0.1, &mut [Slot::new(&mut [0.0f32; 3], &gradient)])),
        "step 1: the gradient of `w` is NaN at index 1 (2 such values in it); nothing was changed; clipping \
         cannot mend it: look for what makes the loss or its gradient so, lower the learning rate or the loss \
         scale, or skip such steps with `NonFinite::Skip`"
    );
}

#[test]
fn what_a_dialect_does_not_have_is_refused_with_the_way_out() {
    let (yes, number) = (Value::Flag(true), Value::Number(0.5));
    let refused = |optimizer: &str, dialect: &str, settings: &[(&str, &Value)]| {
        let mut values = Values::from([("dialect".to_owned(), Value::Word(dialect.to_owned()))]);
        values.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())));
        text(registry::find(optimizer).unwrap().make(&values))
    };
    for optimizer in ["adam", "adamw", "nadam"] {
        for dialect in ["torch", "keras"] {
            assert_eq!(
                refused(optimizer, dialect, &[("eps_root", &number)]),
                format!(
                    "{optimizer}: eps_root is no part of dialect {dialect}; leave it at its default, or set \
                     dialect to optax"
                )
            );
        }
    }
    for (optimizer, dialect, settings, conflict) in [
        ("sgd", "keras", vec![("dampening", &number)], "dampening is no part of dialect keras"),
        ("adagrad", "optax", vec![("lr_decay", &number)], "lr_decay is no part of dialect optax"),
        ("rmsprop", "torch", vec![("initial_scale", &number)], "initial_scale is no part of dialect torch"),
        ("rmsprop", "keras", vec![("bias_correction", &yes)], "bias_correction is no part of dialect keras"),
        ("rmsprop", "torch", vec![("eps_in_sqrt", &yes)], "eps_in_sqrt true in dialect torch"),
        ("rmsprop", "optax", vec![("nesterov", &yes)], "nesterov with momentum 0"),
        ("radam", "torch", vec![("threshold", &Value::Number(6.0))], "threshold is no part of dialect torch"),
        ("radam", "torch", vec![("nesterov", &yes)], "nesterov is no part of dialect torch"),
        ("nadam", "optax", vec![("momentum_decay", &number)], "momentum_decay is no part of dialect optax"),
        (
            "nadam",
            "keras",
            vec![("weight_decay", &number), ("decoupled_weight_decay", &Value::Flag(false))],
            "weight decay that is not decoupled is no part of dialect keras",
        ),
        ("adam", "paper", vec![], "it has no dialect paper"),
    ] {
        let found = refused(optimizer, dialect, &settings);
        assert!(found.starts_with(&format!("{optimizer}: {conflict}; ")), "{found}");
    }
}

#[test]
fn what_can_be_known_is_refused_when_the_optimizer_is_made() {
    let build = |rule: steepest::Result<Rule>| text(Optimizer::builder(rule).build(layers()));
    let set = |name: &str, value: Value| Values::from([(name.to_owned(), value)]);
    let adam = registry::find("adam").unwrap();
    assert_eq!(
        text(registry::find("adma")),
        "no optimizer is called `adma`; did you mean `adam`? known: ".to_owned()
            + &OPTIMIZERS.iter().map(|e| e.name).collect::<Vec<_>>().join(", ")
    );
    assert_eq!(
        build(adam.make(&set("beta_1", Value::Number(0.9)))),
        "adam has no setting `beta_1`; did you mean `beta1`? known: beta1, beta2, eps, eps_root, amsgrad, \
         weight_decay, dialect"
    );
    assert_eq!(
        build(adam.make(&set("beta1", Value::Number(-0.5)))),
        "adam: beta1 = -0.5 is outside [0, 1); the nearest valid value is 0"
    );
    assert_eq!(
        build(adam.make(&set("eps", Value::Number(f64::NAN)))),
        "adam: eps = NaN is outside [0, ∞); the nearest valid value is 0"
    );
    assert_eq!(
        build(adam.make(&set("amsgrad", Value::Number(1.0)))),
        "adam: `amsgrad` is a number (1), expected true or false; write for example amsgrad = false"
    );
    assert_eq!(
        build(Sgd { nesterov: true, ..Sgd::default() }.into_rule()),
        "sgd: nesterov with momentum 0 and dampening 0; nesterov needs a momentum above 0, such as 0.9, and \
         dampening 0"
    );
    assert_eq!(
        build(Adam { beta2: 1.0, ..Adam::default() }.into_rule()),
        "adam: beta2 = 1 is outside [0, 1); the nearest valid value is 0.9999999999999999"
    );
    let make = || Optimizer::builder(AdamW::default());
    assert_eq!(
        text(make().group(Group::named("hiden.weight").lr_factor(0.1)).build(layers())),
        "group `hiden.weight` matches none of the 4 parameters; did you mean `hidden.weight`; see them all \
         with `Optimizer::plan`"
    );
    assert_eq!(
        text(make().group(Group::rank_at_least(3)).build(layers())),
        "group `rank ≥ 3` matches none of the 4 parameters; check the spelling; see them all with \
         `Optimizer::plan`"
    );
    assert_eq!(
        text(make().group(Group::named("*").lr_factor(-1.0)).build(layers())),
        "group: lr_factor = -1 is outside [0, ∞); the nearest valid value is 0"
    );
    assert_eq!(
        text(make().group(Group::named("*").weight_decay(f64::NAN)).build(layers())),
        "group: weight_decay = NaN is outside [0, ∞); the nearest valid value is 0"
    );
    assert_eq!(
        text(make().group(Group::named("*").rule(Sgd { momentum: 1.5, ..Sgd::default() })).build(layers())),
        "sgd: momentum = 1.5 is outside [0, 1); the nearest valid value is 0.9999999999999999"
    );
    assert_eq!(
        text(make().build([param("a", 1, DType::F32), param("b", 1, DType::F32), param("a", 2, DType::F64)])),
        "two parameters are called `a` (numbers 0 and 2); give each its own name"
    );
    assert_eq!(
        text(make().build([Param::new("w", [2, 3], DType::F32).unit_axis(2)])),
        "adamw cannot take parameter `w`: its unit axis is 2, its rank 2; give an axis below the rank"
    );
    for (clip, what) in [
        (Clip::Value(0.0), "value = 0"),
        (Clip::TensorNorm(-1.0), "tensor norm = -1"),
        (Clip::GlobalNorm(f64::NAN), "global norm = NaN"),
        (Clip::Adaptive { factor: 0.0, eps: 1e-3 }, "factor = 0"),
        (Clip::Adaptive { factor: 0.01, eps: 0.0 }, "eps = 0"),
    ] {
        let found = text(make().clip(clip).build(layers()));
        assert!(found.starts_with(&format!("clip: {what} is outside (0, ∞); ")), "{found}");
    }
    for level in InstructionSet::ALL.into_iter().filter(|level| !level.is_available()) {
        let found = text(make().instruction_set(level).build(layers()));
        assert!(found.starts_with(&format!("optimizer: this processor has no {level:?}; use at most ")));
    }
    let optimizer = make().build(layers()).unwrap();
    assert_eq!(
        text(optimizer.state("out.wight", "exp_avg")),
        "no parameter is called `out.wight`; did you mean `out.weight`? known: hidden.weight, hidden.bias, \
         out.weight, out.bias"
    );
    assert_eq!(
        text(optimizer.state("out.bias", "exp_avg_sqr")),
        "no state array is called `exp_avg_sqr`; did you mean `exp_avg_sq`? known: exp_avg, exp_avg_sq"
    );
}

// ---------------------------------------------------------------------------------------------
// Health
// ---------------------------------------------------------------------------------------------

#[test]
fn health_is_what_a_naive_computation_gives() {
    for dtype in DTYPES {
        // the longer tensor has two chunks, the second of them odd
        for n in [5, 20_011] {
            let mut values = random(2, n);
            values.iter_mut().step_by(3).for_each(|g| *g = 0.0);
            let (start, grads) = (Data::of(dtype, &random(1, n)), [Data::of(dtype, &values)]);
            let mut theta = [start.clone()];
            let mut optimizer =
                Optimizer::builder(Adam::default()).measure_updates(2).build([param("a", n, dtype)]).unwrap();
            optimizer.step(0.1, &mut slots(&mut theta, &grads)).unwrap();
            let health = optimizer.health()[0];
            assert_eq!(health.update_ratio, None, "the first step is not measured");
            let before = theta[0].to_f64();
            optimizer.step(0.1, &mut slots(&mut theta, &grads)).unwrap();
            let (after, health) = (theta[0].to_f64(), optimizer.health()[0]);
            let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
            let gradient = grads[0].to_f64();
            let expected = norm(&mut gradient.iter().copied());
            let moved = norm(&mut before.iter().zip(&after).map(|(b, a)| a - b));
            let ratio = moved / norm(&mut before.iter().copied());
            // sums of up to 20 011 squares in two orders, each addition off by at most 1.1e-16
            assert!((health.norm / expected - 1.0).abs() < 3e-12, "{dtype} {n}");
            assert!((health.update_ratio.unwrap() / ratio - 1.0).abs() < 3e-12, "{dtype} {n}");
            let zeros = gradient.iter().filter(|g| **g == 0.0).count();
            assert_eq!(health.zeros, zeros as f64 / n as f64);
            assert_eq!((health.seen, health.verdict), (2, Verdict::Unknown));
        }
    }
}

#[test]
fn an_update_that_half_precision_rounds_away_is_measured_as_none() {
    let mut optimizer =
        Optimizer::builder(Sgd::default()).measure_updates(1).build([param("a", 2, DType::Bf16)]).unwrap();
    let mut theta = [bf16::ONE, bf16::ONE];
    // bf16 has steps of 2⁻⁸ below 1
    optimizer.step(1.0, &mut [Slot::new(&mut theta, &[1e-4f32, 1e-4])]).unwrap();
    assert_eq!(optimizer.health()[0].update_ratio, Some(0.0));
    optimizer.step(1.0, &mut [Slot::new(&mut theta, &[1e-4f32, 0.25])]).unwrap();
    // √(0.25² / 2)
    assert_eq!(optimizer.health()[0].update_ratio, Some(0.03125f64.sqrt()));
}

#[test]
fn a_parameter_of_zeros_has_no_ratio_and_an_empty_one_no_history() {
    let mut optimizer = Optimizer::builder(Sgd::default())
        .measure_updates(1)
        .build([param("zeros", 2, DType::F32), param("empty", 0, DType::F32)])
        .unwrap();
    let mut theta = [0.0f32; 2];
    let (mut empty, no_gradient): ([f32; 0], [f32; 0]) = ([], []);
    for i in 0..30 {
        let mut slots = [Slot::new(&mut theta, &[0.5f32, 0.0]), Slot::new(&mut empty, &no_gradient)];
        optimizer.step(0.5, &mut slots).unwrap();
        assert_eq!(optimizer.health()[0].update_ratio.is_none(), i == 0);
    }
    assert_eq!((optimizer.health()[1].seen, optimizer.health()[1].vanished), (0, 0));
}

#[test]
fn a_gradient_that_explodes_or_vanishes_is_judged_in_the_step() {
    let mut optimizer = Optimizer::builder(Sgd::default())
        .build([param("steady", 2, DType::F32), param("wild", 2, DType::F32)])
        .unwrap();
    let (mut a, mut b) = ([0.0f32; 2], [0.0f32; 2]);
    let mut verdict = |g: f32| {
        let (steady, wild) = ([1.0f32, 1.0], [g, -g]);
        optimizer.step(0.0, &mut [Slot::new(&mut a, &steady), Slot::new(&mut b, &wild)]).unwrap();
        assert_ne!(optimizer.health()[0].verdict, Verdict::Exploding);
        optimizer.health()[1].verdict
    };
    for i in 0..40 {
        let expected = if i < 20 { Verdict::Unknown } else { Verdict::Normal };
        assert_eq!(verdict(1.0 + 0.01 * i as f32), expected);
    }
    assert_eq!(verdict(1e4), Verdict::Exploding);
    assert_eq!(verdict(1e-20), Verdict::Vanishing);
    assert_eq!(verdict(0.0), Verdict::Vanishing);
    assert_eq!((optimizer.health()[1].exploded, optimizer.health()[1].vanished), (1, 2));
}

// ---------------------------------------------------------------------------------------------
// Rules that need the whole tensor, before the registry has one
// ---------------------------------------------------------------------------------------------

/// `θ ← (1 − ηλ)θ − η·g/‖g‖`; counts the elements it was given.
struct Normalized;

impl TensorRule for Normalized {
    fn state(&self, _: &Param) -> Vec<StateSpec> {
        vec![StateSpec { name: "count", shape: vec![1], initial: 0.0 }]
    }
    fn update<T: Number>(&self, step: Step, view: TensorView<'_, T>) -> f64 {
        let TensorView { theta, grad, scale, decay, state, shape, .. } = view;
        assert_eq!(shape.iter().product::<usize>(), theta.len());
        let norm = grad.iter().map(|g| g.wide().powi(2)).sum::<f64>().sqrt() * scale;
        state[0][0] = state[0][0] + T::of(theta.len() as f64);
        let mut moved = 0.0;
        for (t, g) in theta.iter_mut().zip(grad) {
            let old = t.wide();
            let kept = old * (1.0 - step.lr * decay.lambda());
            *t = T::of(kept - step.lr * g.wide() * scale / norm);
            moved += (t.wide() - old).powi(2);
        }
        moved
    }
}

fn normalized(lambda: f64) -> Rule {
    Rule::custom("normalized", Decay::Decoupled(lambda), Body::Tensor(Box::new(Normalized)))
}

#[test]
fn a_tensor_rule_sees_whole_tensors_beside_element_rules() {
    let params = [
        Param::new("w", [300, 400], DType::F32),
        Param::new("b", [20_000], DType::F32),
        Param::new("d", [3, 2], DType::F64),
    ];
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut optimizer = Optimizer::builder(normalized(0.5))
            .group(Group::named("b").rule(Sgd::default()))
            .clip(Clip::GlobalNorm(1e-3))
            .measure_updates(1)
            .build(params.clone())
            .unwrap();
        let mut theta: Vec<Data> = params.iter().map(|p| Data::of(p.dtype, &random(1, p.len()))).collect();
        let grads: Vec<Data> = params.iter().map(|p| Data::of(p.dtype, &random(2, p.len()))).collect();
        let before = theta.clone();
        pool.install(|| optimizer.step(0.5, &mut slots(&mut theta, &grads))).unwrap();
        (before, theta, optimizer)
    };
    let (before, after, optimizer) = run(1);
    assert_eq!(optimizer.state("w", "count").unwrap(), [120_000.0]);
    assert_eq!(optimizer.state("d", "count").unwrap(), [6.0]);
    for (i, kept) in [(0, 0.75), (2, 0.75)] {
        let (before, after) = (before[i].to_f64(), after[i].to_f64());
        let step: f64 = before.iter().zip(&after).map(|(b, a)| (a - kept * b).powi(2)).sum::<f64>().sqrt();
        // η = 0.5 whatever the clipping; f32 parameters round by 6e-8 of themselves
        assert!((step - 0.5).abs() < 1e-5, "tensor {i}: {step}");
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let moved = norm(&mut before.iter().zip(&after).map(|(b, a)| a - b));
        let ratio = moved / norm(&mut before.iter().copied());
        // sums of 120 000 squares in two orders, each addition off by at most 1.1e-16
        assert!((optimizer.health()[i].update_ratio.unwrap() / ratio - 1.0).abs() < 3e-11, "tensor {i}");
    }
    for threads in 2..=3 {
        assert_eq!(all_bits(&run(threads).1), all_bits(&after), "{threads} threads");
    }
}

#[test]
fn a_tensor_rule_refuses_what_it_cannot_take() {
    assert_eq!(
        text(Optimizer::builder(normalized(0.0)).build([param("a", 2, DType::Bf16)])),
        "normalized cannot take parameter `a`: it needs the whole tensor in f32 or f64, found bf16; keep this \
         parameter in f32, or give it another rule with `Group::rule`"
    );
    for clip in [Clip::Value(1.0), Clip::Adaptive { factor: 0.1, eps: 1e-3 }] {
        assert_eq!(
            text(Optimizer::builder(normalized(0.0)).clip(clip).build([param("a", 2, DType::F32)])),
            "normalized cannot take parameter `a`: clipping by value and adaptive clipping work element by \
             element; clip by norm with this optimizer"
        );
    }
    let mut optimizer = Optimizer::builder(normalized(0.0)).build([param("a", 2, DType::F32)]).unwrap();
    assert_eq!(
        text(optimizer.step(0.1, &mut [Slot::new(&mut [0.0f32; 2], &[bf16::ONE; 2])])),
        "step 1: gradient of `a` is bf16, expected f32 (or, for element rules, bf16 or f16); nothing was changed"
    );
}
