//! State that is lent: what does not fit is refused, and nothing has changed then.

use crate::common::{Data, Kept, KeptArray, args, random, slots, step_lent};
use steepest::{AdamW, DType, Ema, Error, Group, Muon, Optimizer, Param, Prodigy, Sgd, Slot, StateSlice};

fn lent() -> Optimizer {
    Optimizer::builder(AdamW::default())
        .average(Ema::default())
        .lent_state(true)
        .build([Param::new("a", [4, 3], DType::F32), Param::new("b", [5], DType::F32)])
        .unwrap()
}

fn data(seed: u64) -> Vec<Data> {
    vec![Data::of(DType::F32, &random(seed, 12)), Data::of(DType::F32, &random(seed + 1, 5))]
}

#[test]
fn the_layout_is_told_beforehand() {
    let optimizer = lent();
    let told: Vec<String> = (optimizer.state_layout(0).iter())
        .map(|array| format!("{} {:?} {} {}", array.name, array.shape, array.element, array.len()))
        .collect();
    assert_eq!(told, ["exp_avg [4, 3] f32 12", "exp_avg_sq [4, 3] f32 12", "ema_weights [4, 3] f32 12"]);
    let weights: Vec<bool> = optimizer.state_layout(0).iter().map(|array| array.weights).collect();
    assert_eq!(weights, [false, false, true]);
    let muon = Optimizer::builder(Muon::default())
        .group(Group::named("b").state_format(steepest::StateFormat::Bits8))
        .build([Param::new("a", [4, 3], DType::F64), Param::new("b", [300], DType::F32)])
        .unwrap();
    let told = |i| -> Vec<String> {
        muon.state_layout(i)
            .iter()
            .map(|array| format!("{} {:?} {}", array.name, array.shape, array.element))
            .collect()
    };
    assert_eq!(told(0), ["momentum_buffer [4, 3] f64"]);
    assert_eq!(
        told(1),
        ["exp_avg [300] u8", "exp_avg.scales [3] u8", "exp_avg_sq [300] u8", "exp_avg_sq.scales [3] u8"]
    );
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut optimizer = lent();
    let (mut theta, mut kept, grads) = (data(1), Kept::all(&mut optimizer), data(3));
    step_lent(&mut optimizer, 0.1, &mut theta, &grads, &mut kept).unwrap();
    let before = (theta.clone(), kept.clone());
    let mut refused = |edit: &dyn Fn(&mut Vec<KeptArray>), part: &str| {
        let mut wrong = kept.clone();
        edit(&mut wrong[1].0);
        let now = (theta.clone(), wrong.clone());
        let error = step_lent(&mut optimizer, 0.1, &mut theta, &grads, &mut wrong).unwrap_err();
        assert!(matches!(&error, Error::LentState { tensor, step: 2, .. } if tensor == "b"), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        let error = optimizer.begin_state(1, &mut wrong[1].slices()).unwrap_err();
        assert!(matches!(&error, Error::LentState { .. }), "{error}");
        assert_eq!((format!("{theta:?}"), wrong), (format!("{:?}", now.0), now.1));
        assert_eq!((optimizer.steps_taken(), optimizer.steps_of(1)), (1, 1));
    };
    refused(
        &|arrays| drop(arrays.pop()),
        "is 5 × f32, 5 × f32, expected exp_avg (5 × f32), exp_avg_sq (5 × f32), ema",
    );
    refused(&|arrays| arrays.push(arrays[0].clone()), "is 5 × f32, 5 × f32, 5 × f32, 5 × f32, expected");
    refused(&|arrays| arrays.clear(), "is none, expected");
    refused(&|arrays| arrays[1] = KeptArray::F32(vec![0.0; 4]), "5 × f32, 4 × f32, 5 × f32, expected");
    refused(&|arrays| arrays[0] = KeptArray::F64(vec![0.0; 5]), "5 × f64, 5 × f32");
    refused(&|arrays| arrays[2] = KeptArray::U8(vec![0; 20]), "5 × f32, 20 × u8");
    // none at all, but where there is no gradient
    let (_, a, b) = ((), grads[0].clone(), grads[1].clone());
    let error = optimizer.step(0.1, &mut slots(&mut theta, &[a.clone(), b])).unwrap_err();
    assert!(error.to_string().contains("the state that `a` brings is none, expected exp_avg (12"), "{error}");
    assert_eq!((format!("{theta:?}"), &kept), (format!("{:?}", before.0), &before.1));
    let [first, second] = &mut theta[..] else { panic!() };
    let step = &mut [
        Slot::new(first.all_mut(), a.all()).with_state(kept[0].slices()),
        Slot::frozen(second.all_mut()),
    ];
    assert_eq!(optimizer.step(0.1, step).unwrap().step, 2);
    assert_eq!((optimizer.steps_of(0), optimizer.steps_of(1)), (2, 1));
}

#[test]
fn a_gradient_that_is_not_finite_changes_no_state_that_is_lent() {
    let mut optimizer = lent();
    let (mut theta, mut kept, mut grads) = (data(1), Kept::all(&mut optimizer), data(3));
    step_lent(&mut optimizer, 0.1, &mut theta, &grads, &mut kept).unwrap();
    let before = (format!("{theta:?}"), kept.clone());
    for bad in [f64::NAN, 3e38] {
        grads[1] = Data::of(DType::F32, &[1.0, 2.0, bad, 0.0, 1.0]);
        let error = step_lent(&mut optimizer, 0.1, &mut theta, &grads, &mut kept).unwrap_err();
        assert!(error.is_not_finite(), "{error}");
        assert_eq!((format!("{theta:?}"), kept.clone()), before);
    }
}

#[test]
fn an_optimizer_has_its_state_itself_or_is_lent_it() {
    let mut owned = Optimizer::builder(Sgd::default()).build([Param::new("a", [1], DType::F32)]).unwrap();
    let (mut theta, mut extra) = ([1.0f32], vec![1.0f32]);
    let error =
        owned.step(0.1, &mut [Slot::new(&mut theta, &[1.0f32]).with_state([&mut extra])]).unwrap_err();
    assert!(
        error.to_string().contains("is 1 arrays, expected none, for the optimizer keeps it itself"),
        "{error}"
    );
    let mut state = [StateSlice::from(&mut extra)];
    assert!(matches!(owned.begin_state(0, &mut state), Err(Error::LentState { .. })));
    let mut lent = lent();
    let errors = [
        lent.to_bytes().unwrap_err(),
        lent.from_bytes(&[]).unwrap_err(),
        lent.state("a", "exp_avg").unwrap_err(),
        lent.evaluation_of(0, Data::of(DType::F32, &[0.0; 12]).all_mut()).unwrap_err(),
        lent.adopt(&mut [&mut [0.0f32; 12][..], &mut [0.0; 5]]).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, Error::Conflict { .. }), "{error}");
    }
    // a copy is lent the same
    let (mut theta, mut kept) = (data(1), Kept::all(&mut lent));
    step_lent(&mut lent, 0.1, &mut theta, &data(3), &mut kept).unwrap();
    let (mut copy, mut again, mut kept_again) = (lent.clone(), theta.clone(), kept.clone());
    step_lent(&mut lent, 0.1, &mut theta, &data(5), &mut kept).unwrap();
    step_lent(&mut copy, 0.1, &mut again, &data(5), &mut kept_again).unwrap();
    assert_eq!((format!("{theta:?}"), kept), (format!("{again:?}"), kept_again));
    lent.reset();
    assert_eq!((lent.steps_taken(), lent.steps_of(0)), (0, 0));
}

#[test]
fn numbers_of_a_rule_are_read_and_set() {
    let mut prodigy =
        Optimizer::builder(Prodigy::default()).build([Param::new("a", [2], DType::F64)]).unwrap();
    let mut theta = [Data::of(DType::F64, &[1.0, 2.0])];
    prodigy.step(args(1.0), &mut slots(&mut theta, &[Data::of(DType::F64, &[1.0, 1.0])])).unwrap();
    assert_eq!(prodigy.memory_names(0), ["d", "d_max", "d_numerator", "d_before"]);
    prodigy.set_memory_of(0, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert_eq!((prodigy.memory_names(0)[2], prodigy.memory_of(0)[2]), ("d_numerator", 3.0));
    let error = prodigy.set_memory_of(0, &[1.0]).unwrap_err().to_string();
    assert!(error.contains("numbers of a: expected 4 (d, d_max, d_numerator, d_before), found 1"), "{error}");
    assert_eq!((prodigy.memory_names(0)[0], prodigy.memory_of(0)[0]), ("d", 1.0));
}

#[test]
fn groups_by_position() {
    let mut sgd = Optimizer::builder(Sgd::default())
        .group(Group::positions(1..3).lr_factor(0.5))
        .build(["a", "b", "c"].map(|name| Param::new(name, [1], DType::F64)))
        .unwrap();
    let mut theta = [[1.0f64], [1.0], [1.0]];
    let grads = [[1.0f64]; 3];
    sgd.step_iter(0.5, theta.iter_mut().zip(&grads).map(|(t, g)| Slot::new(t, g))).unwrap();
    assert_eq!(theta, [[0.5], [0.75], [0.75]]);
    sgd.change(Group::positions(0..1).lr_factor(0.0)).unwrap();
    sgd.step_iter(0.5, theta.iter_mut().zip(&grads).map(|(t, g)| Slot::new(t, g))).unwrap();
    assert_eq!(theta, [[0.5], [0.5], [0.5]]);
    let error = sgd.change(Group::positions(3..9).lr_factor(1.0)).unwrap_err();
    assert!(error.to_string().contains("group `numbers 3 to 9` matches none of the 3 parameters"), "{error}");
}
