//! Ways in that people know from torch and optax: copies, groups that are added later, curves, choices, lists of slots.

use crate::common::{self, Data, all_bits, args, param, random, slots, state_of, state_words};
use steepest::registry::OPTIMIZERS;
use steepest::settings::Values;
use steepest::{
    Adam, AdamW, Clip, DType, Ema, Error, FromRule, Group, Muon, NonFinite, Optimizer, Param, Polyak, Sgd,
    Slot, StateFormat, StepArgs, Yogi,
};

fn data(seed: u64, n: usize) -> Data {
    Data::of(DType::F32, &random(seed, n))
}

/// Steps `from..to` on one tensor, whose gradients are random.
fn run(optimizer: &mut Optimizer, theta: &mut [Data], from: u64, to: u64) {
    let lengths: Vec<usize> = optimizer.params().iter().map(Param::len).collect();
    for t in from..to {
        let grads: Vec<Data> = lengths.iter().zip(0..).map(|(n, i)| data(100 * t + i, *n)).collect();
        optimizer.step(args(0.01), &mut slots(theta, &grads)).unwrap();
    }
}

#[test]
fn a_copy_goes_on_as_the_original_would_and_neither_touches_the_other() {
    for entry in OPTIMIZERS {
        let mut first = Optimizer::builder(entry.make(&Values::new()))
            .clip(Clip::GlobalNorm(1.0))
            .build([Param::new("a", [20, 13], DType::F32), Param::new("b", [7], DType::F32)])
            .unwrap();
        let mut theta = [data(1, 260), data(2, 7)];
        run(&mut first, &mut theta, 0, 2);
        let (mut copy, mut again) = (first.clone(), theta.clone());
        assert!(copy.to_bytes().unwrap() == first.to_bytes().unwrap());
        run(&mut first, &mut theta, 2, 5);
        let after = first.to_bytes().unwrap();
        run(&mut copy, &mut again, 2, 5);
        assert_eq!(all_bits(&theta), all_bits(&again), "{}", entry.name);
        assert!(copy.to_bytes().unwrap() == after && first.to_bytes().unwrap() == after, "{}", entry.name);
    }
}

#[test]
fn a_part_of_a_state_is_taken_and_what_was_not_is_said() {
    let body = || Param::new("body", [4, 3], DType::F32);
    let make = |params: Vec<Param>| Optimizer::builder(AdamW::default()).build(params).unwrap();
    let mut old = make(vec![body(), param("gone", 2, DType::F32), param("other_shape", 3, DType::F32)]);
    let mut theta = [data(1, 12), data(2, 2), data(3, 3)];
    run(&mut old, &mut theta, 0, 3);
    let mut new =
        make(vec![param("head", 5, DType::F32), body(), Param::new("other_shape", [3, 1], DType::F32)]);
    let part = new.load_part(&old.to_bytes().unwrap(), FromRule::Same).unwrap();
    assert_eq!(part.loaded, ["body"]);
    assert_eq!(part.unused, ["gone"]);
    let left: Vec<&str> = part.left_out.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left, ["head", "other_shape"]);
    let shown = part.to_string();
    assert!(shown.starts_with("loaded: body\nnot loaded: head (rule of head: expected adamw, found nothing"));
    assert!(
        shown.contains("shape of other_shape: expected [3, 1], found [3]") && shown.ends_with("unused: gone")
    );
    assert_eq!(new.state("body", "exp_avg").unwrap(), old.state("body", "exp_avg").unwrap());
    assert_eq!(new.state("head", "exp_avg").unwrap(), [0.0; 5]);
    let steps = state_of(&new);
    assert_eq!((steps["body/steps"][0], steps["head/steps"][0], new.steps_taken()), (3.0, 0.0, 3));
    // what is no state file loads nothing
    let kept = new.to_bytes().unwrap();
    assert!(matches!(new.load_part(b"garbage", FromRule::Same), Err(Error::StateMismatch { .. })));
    assert!(new.to_bytes().unwrap() == kept);
    // an optimizer with nothing in common keeps its step number
    let mut strange = make(vec![param("strange", 1, DType::F32)]);
    let part = strange.load_part(&old.to_bytes().unwrap(), FromRule::Same).unwrap();
    assert_eq!((part.loaded.len(), strange.steps_taken()), (0, 0));
}

#[test]
fn state_goes_from_one_rule_to_another_only_when_asked() {
    let mut adam = Optimizer::builder(Adam::default()).build([param("w", 4, DType::F32)]).unwrap();
    let mut theta = [data(1, 4)];
    run(&mut adam, &mut theta, 0, 3);
    let bytes = adam.to_bytes().unwrap();
    let mut adamw = Optimizer::builder(AdamW { weight_decay: 0.0, ..AdamW::default() })
        .build([param("w", 4, DType::F32)])
        .unwrap();
    let part = adamw.load_part(&bytes, FromRule::Same).unwrap();
    assert_eq!(part.left_out[0].1, ["rule of w: expected adamw, found adam"]);
    assert_eq!(adamw.load_part(&bytes, FromRule::SameState).unwrap().loaded, ["w"]);
    // without decay the two are one
    let mut again = theta.clone();
    run(&mut adam, &mut theta, 3, 6);
    run(&mut adamw, &mut again, 3, 6);
    assert_eq!(all_bits(&theta), all_bits(&again));
    // numbers of the rule are part of what must be there
    let mut prodigy =
        Optimizer::builder(steepest::Prodigy::default()).build([param("w", 4, DType::F32)]).unwrap();
    assert!(prodigy.load_part(&bytes, FromRule::SameState).unwrap().loaded.is_empty());
    let mut yogi = Optimizer::builder(Yogi::default()).build([param("w", 4, DType::F32)]).unwrap();
    assert!(yogi.load_part(&bytes, FromRule::Same).unwrap().loaded.is_empty());
}

#[test]
fn state_goes_from_one_format_to_another() {
    use StateFormat::{Bf16, Bits8, F32};
    let make = |format, dtype| {
        Optimizer::builder(AdamW::default())
            .group(Group::all().state_format(format))
            .build([param("w", 300, dtype)])
            .unwrap()
    };
    for (dtype, from_dtype) in
        [(DType::F32, DType::F32), (DType::Bf16, DType::F32), (DType::F32, DType::Bf16)]
    {
        for (from, to, error) in [
            (F32, Bf16, 0.01),
            (F32, Bits8, 0.13),
            (Bf16, F32, 0.0),
            (Bits8, F32, 0.0),
            (Bits8, Bf16, 0.0),
            (Bf16, Bits8, 0.13),
        ] {
            let mut first = make(from, from_dtype);
            let mut theta = [Data::of(from_dtype, &random(1, 300))];
            run(&mut first, &mut theta, 0, 3);
            let mut second = make(to, dtype);
            let part = second.load_part(&first.to_bytes().unwrap(), FromRule::Same).unwrap();
            assert_eq!(part.loaded, ["w"], "{part}");
            for array in ["exp_avg", "exp_avg_sq"] {
                let (was, is) = (first.state("w", array).unwrap(), second.state("w", array).unwrap());
                let largest = was.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                let off = common::worst(was.iter().zip(&is).map(|(a, b)| {
                    // what is far below its group's largest is kept as zero, or as the smallest
                    (a - b).abs() / a.abs().max(1e-4 * largest)
                }));
                assert!(off <= error, "{from} to {to}, {array}: {off}");
            }
            // the same file gives the same bits
            let mut third = make(to, dtype);
            third.load_part(&first.to_bytes().unwrap(), FromRule::Same).unwrap();
            assert!(third.to_bytes().unwrap() == second.to_bytes().unwrap());
        }
    }
}

#[test]
fn groups_are_chosen_by_names_conditions_and_what_they_have_in_common() {
    let params = || {
        [("a.weight", vec![4, 4]), ("a.bias", vec![4]), ("b.weight", vec![2, 4]), ("b.bias", vec![2])]
            .map(|(name, shape)| Param::new(name, shape, DType::F32))
    };
    let chosen = |group: Group| -> steepest::Result<Vec<usize>> {
        let optimizer = Optimizer::builder(Sgd::default()).group(group.lr_factor(0.5)).build(params())?;
        let plan = optimizer.plan().to_string();
        Ok(plan
            .lines()
            .skip(1)
            .enumerate()
            .filter(|(_, line)| !line.ends_with(" -"))
            .map(|(i, _)| i)
            .collect())
    };
    assert_eq!(chosen(Group::names(["a.bias", "b.weight"])).unwrap(), [1, 2]);
    assert_eq!(chosen(Group::matching(|param| param.len() < 5)).unwrap(), [1, 3]);
    assert_eq!(chosen(Group::named("a.*").and(Group::rank_at_least(2))).unwrap(), [0]);
    assert_eq!(chosen(Group::named("a.bias").or(Group::named("b.*"))).unwrap(), [1, 2, 3]);
    assert_eq!(chosen(Group::all().except(Group::rank_at_most(1))).unwrap(), [0, 2]);
    let error = chosen(Group::names(["a.bias", "b.wight"])).unwrap_err();
    assert!(
        matches!(&error, Error::GroupMatchesNothing { group, nearest: Some(near), .. } if group == "b.wight" && near == "b.weight"),
        "{error}"
    );
    let error = chosen(Group::named("a.*").and(Group::named("b.*"))).unwrap_err().to_string();
    assert!(error.contains("group `(a.* and b.*)` matches none"), "{error}");
}

#[test]
fn settings_follow_their_curves_and_go_on_with_them_after_an_interruption() {
    let beta1 = |step: u64| 0.95 - 0.01 * (step % 10) as f64;
    let make = || {
        Optimizer::builder(AdamW::default())
            .group(Group::named("a").scheduled("beta1", beta1))
            .group(Group::all().scheduled("weight_decay", |step| 0.1 / (step + 1) as f64))
            .group(Group::named("b").scheduled("lr_factor", |step| if step < 3 { 0.5 } else { 1.0 }))
            .build([param("a", 5, DType::F32), param("b", 5, DType::F32)])
            .unwrap()
    };
    let mut by_hand = Optimizer::builder(AdamW::default())
        .build([param("a", 5, DType::F32), param("b", 5, DType::F32)])
        .unwrap();
    let (mut theta, mut expected) = ([data(1, 5), data(2, 5)], [data(1, 5), data(2, 5)]);
    let mut scheduled = make();
    for t in 0..12 {
        by_hand.change(Group::named("a").setting("beta1", beta1(t))).unwrap();
        by_hand.change(Group::all().weight_decay(0.1 / (t + 1) as f64)).unwrap();
        by_hand.change(Group::named("b").lr_factor(if t < 3 { 0.5 } else { 1.0 })).unwrap();
        run(&mut by_hand, &mut expected, t, t + 1);
        run(&mut scheduled, &mut theta, t, t + 1);
        if t == 5 {
            let bytes = scheduled.to_bytes().unwrap();
            scheduled = make();
            scheduled.from_bytes(&bytes).unwrap();
        }
        assert_eq!(all_bits(&theta), all_bits(&expected), "step {t}");
    }
    let mut wrong = Optimizer::builder(AdamW::default())
        .group(Group::all().scheduled("beta1", |step| if step < 2 { 0.9 } else { 1.5 }))
        .build([param("a", 5, DType::F32)])
        .unwrap();
    let mut theta = [data(1, 5)];
    run(&mut wrong, &mut theta, 0, 2);
    let kept = (all_bits(&theta), state_words(&wrong));
    let grads = [data(9, 5)];
    let error = wrong.step(0.1, &mut slots(&mut theta, &grads)).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { setting: "beta1", .. }), "{error}");
    assert_eq!((all_bits(&theta), state_words(&wrong)), kept);
}

#[test]
fn slots_come_from_an_iterator_and_arrays_in_any_form() {
    let params = || (0..3).map(|i| Param::new(format!("{i}"), [2, 2], DType::F32));
    let mut one = Optimizer::builder(AdamW::default()).build(params()).unwrap();
    let mut two = Optimizer::builder(AdamW::default()).build(params()).unwrap();
    let mut flat = vec![vec![1.0f32, 2.0, 3.0, 4.0]; 3];
    let grads = vec![vec![0.1f32, 0.2, -0.3, 0.4]; 3];
    let (mut nested, mut boxed, mut rows) = (
        [[1.0f32, 2.0], [3.0, 4.0]],
        vec![1.0f32, 2.0, 3.0, 4.0].into_boxed_slice(),
        vec![[1.0f32, 2.0], [3.0, 4.0]],
    );
    for _ in 0..3 {
        one.step_iter(0.1f32, flat.iter_mut().zip(&grads).map(|(t, g)| Slot::new(t, g))).unwrap();
        let (of_box, of_rows) = (grads[1].clone().into_boxed_slice(), vec![[0.1f32, 0.2], [-0.3, 0.4]]);
        let step = &mut [
            Slot::new(&mut nested, &[[0.1f32, 0.2], [-0.3, 0.4]]),
            Slot::new(&mut boxed, &of_box),
            Slot::new(&mut rows, &of_rows),
        ];
        two.step(f64::from(0.1f32), step).unwrap();
    }
    assert_eq!(
        (nested.as_flattened(), &boxed[..], rows.as_flattened()),
        (&flat[0][..], &flat[1][..], &flat[2][..])
    );
    let error = one.step_iter(0.1, flat.iter_mut().take(2).map(Slot::frozen)).unwrap_err();
    assert!(matches!(error, Error::TensorCount { expected: 3, found: 2, .. }));
}

#[test]
fn maximizing_is_minimizing_the_negative_for_every_rule() {
    for entry in OPTIMIZERS {
        let build = |maximize: bool| {
            Optimizer::builder(entry.make(&Values::new()))
                .clip(Clip::GlobalNorm(1.0))
                .maximize(maximize)
                .build([Param::new("a", [4, 3], DType::F32)])
                .unwrap()
        };
        let (mut up, mut down) = (build(true), build(false));
        let (mut theta, mut other) = ([data(1, 12)], [data(1, 12)]);
        for t in 0..3 {
            let grads = random(10 + t, 12);
            let negative: Vec<f64> = grads.iter().map(|g| -g).collect();
            let (grads, negative) = ([Data::of(DType::F32, &grads)], [Data::of(DType::F32, &negative)]);
            let with = |loss| StepArgs { lr: entry.default_lr, loss: Some(loss), ..StepArgs::default() };
            up.step(with(-1.0), &mut slots(&mut theta, &grads)).unwrap();
            down.step(with(1.0), &mut slots(&mut other, &negative)).unwrap();
        }
        assert_eq!(all_bits(&theta), all_bits(&other), "{}", entry.name);
    }
    let polyak = Optimizer::builder(Polyak::default()).maximize(true).build([param("a", 1, DType::F64)]);
    let mut theta = [3.0f64];
    polyak
        .unwrap()
        .step(StepArgs { loss: Some(-9.0), ..StepArgs::from(1.0) }, &mut [Slot::new(&mut theta, &[-6.0])])
        .unwrap();
    assert_eq!(theta, [1.5]);
}

#[test]
fn skips_in_a_row_come_to_an_end() {
    let mut sgd = Optimizer::builder(Sgd::default())
        .non_finite(NonFinite::Skip)
        .max_skips(2)
        .build([param("w", 1, DType::F32)])
        .unwrap();
    let mut theta = [1.0f32];
    for _ in 0..3 {
        for _ in 0..2 {
            let report = sgd.step(0.1, &mut [Slot::new(&mut theta, &[f32::NAN])]).unwrap();
            assert!(report.skipped.is_some());
        }
        sgd.step(0.0, &mut [Slot::new(&mut theta, &[1.0f32])]).unwrap();
    }
    for _ in 0..2 {
        sgd.step(0.1, &mut [Slot::new(&mut theta, &[f32::NAN])]).unwrap();
    }
    for bad in [f32::NAN, f32::INFINITY] {
        let error = sgd.step(0.1, &mut [Slot::new(&mut theta, &[bad])]).unwrap_err();
        assert!(matches!(error, Error::NonFiniteGradient { step: 4, .. }), "{error}");
    }
    assert_eq!((theta, sgd.steps_taken()), ([1.0], 3));
}

#[test]
fn small_state_where_it_is_possible() {
    let params = || {
        vec![
            Param::new("matrix", [80, 80], DType::F32),
            Param::new("vector", [5000], DType::F32),
            Param::new("double", [5000], DType::F64),
        ]
    };
    let builder = || Optimizer::builder(Muon::default());
    assert!(builder().state_format(StateFormat::Bits8).build(params()).is_err());
    let muon = builder().state_format_where_possible(StateFormat::Bits8).build(params()).unwrap();
    assert_eq!(muon.state_bytes(), 4 * 6400 + 2 * (5000 + 40) + 2 * 8 * 5000);
    let asked = Group::named("double").state_format(StateFormat::Bits8);
    let error = builder().state_format_where_possible(StateFormat::Bf16).group(asked).build(params());
    assert!(matches!(error, Err(Error::Unsupported { .. })));
}

#[test]
fn a_warm_average_forgets_where_training_began() {
    let average = |warmup: bool, steps: u64| {
        let mut sgd = Optimizer::builder(Sgd::default())
            .average(Ema { warmup, ..Ema::default() })
            .build([param("w", 1, DType::F64)])
            .unwrap();
        let mut theta = [1000.0f64];
        for t in 0..steps {
            sgd.step(1.0, &mut [Slot::new(&mut theta, &[if t == 1 { 1000.0 } else { 0.0 }])]).unwrap();
        }
        sgd.state("w", "ema_weights").unwrap()[0]
    };
    // the weights are 1000 once and 0 from then on
    assert_eq!(average(true, 1), 1000.0);
    assert!((average(true, 2) - 1000.0 * 2.0 / 11.0).abs() < 1e-9);
    assert!((average(true, 4) - 1000.0 * (2.0 / 11.0) * (3.0 / 12.0) * (4.0 / 13.0)).abs() < 1e-9);
    assert!(average(true, 100) < 1e-8 && average(false, 100) > 900.0);
    // decay is the end of it
    assert!((average(true, 20_001) / average(true, 20_000) - 0.999).abs() < 1e-9);
}
