//! Settings that change between steps.

use crate::common::{Data, random, slots, state_words};
use steepest::{
    Adam, AdamW, Clip, DType, DoG, Error, Group, IntoRule, Muon, NAdam, Optimizer, Param, Sgd, StateFormat,
};

fn params() -> Vec<Param> {
    vec![
        Param::new("hidden.weight", [6, 5], DType::F32),
        Param::new("hidden.bias", [6], DType::F32),
        Param::new("out.weight", [2, 6], DType::F32),
    ]
}

fn theta() -> Vec<Data> {
    params().iter().zip(1..).map(|(param, seed)| Data::of(DType::F32, &random(seed, param.len()))).collect()
}

fn step(optimizer: &mut Optimizer, theta: &mut [Data], t: u64) {
    let grads: Vec<Data> = (params().iter().zip(10 * t..))
        .map(|(param, seed)| Data::of(DType::F32, &random(seed, param.len())))
        .collect();
    optimizer.step(0.01, &mut slots(theta, &grads)).unwrap();
}

fn bits(theta: &[Data]) -> Vec<Vec<u64>> {
    theta.iter().map(Data::bits).collect()
}

#[test]
fn a_changed_setting_acts_as_one_that_was_always_so_from_here_on() {
    // a state file carries the state from one set of settings to the other: the obvious way
    let changed = AdamW { beta1: 0.7, eps: 1e-3, weight_decay: 0.3, ..AdamW::default() };
    let make = |rule: AdamW| Optimizer::builder(rule).clip(Clip::GlobalNorm(1.0)).build(params()).unwrap();
    let (mut one, mut expected) = (make(AdamW::default()), theta());
    (1..=3).for_each(|t| step(&mut one, &mut expected, t));
    let mut two = make(changed);
    two.from_bytes(&one.to_bytes().unwrap()).unwrap();
    (4..=6).for_each(|t| step(&mut two, &mut expected, t));

    let (mut optimizer, mut found) = (make(AdamW::default()), theta());
    (1..=3).for_each(|t| step(&mut optimizer, &mut found, t));
    let change = Group::all().setting("beta1", 0.7).setting("eps", 1e-3).setting("weight_decay", 0.3);
    optimizer.change(change).unwrap();
    (4..=6).for_each(|t| step(&mut optimizer, &mut found, t));
    assert_eq!(bits(&found), bits(&expected));
    assert_eq!(optimizer.to_bytes().unwrap(), two.to_bytes().unwrap());
}

#[test]
fn a_change_of_a_group_leaves_the_rest_alone() {
    let build = || Optimizer::builder(AdamW::default()).build(params()).unwrap();
    let (mut plain, mut same) = (build(), theta());
    let (mut changed, mut found) = (build(), theta());
    for t in 1..=6 {
        if t == 3 {
            let group = Group::named("out.*").setting("beta2", 0.5).lr_factor(0.1).weight_decay(0.0);
            changed.change(group).unwrap();
        }
        step(&mut plain, &mut same, t);
        step(&mut changed, &mut found, t);
    }
    assert_eq!(bits(&found)[..2], bits(&same)[..2]);
    assert_ne!(bits(&found)[2], bits(&same)[2]);
    // and what was a setting of the group from the start is the same
    let grouped = Optimizer::builder(AdamW::default()).group(Group::named("out.*").setting("beta2", 0.5));
    let (mut grouped, mut first) = (grouped.build(params()).unwrap(), theta());
    let (mut later, mut second) = (build(), theta());
    later.change(Group::named("out.*").setting("beta2", 0.5)).unwrap();
    for t in 1..=3 {
        step(&mut grouped, &mut first, t);
        step(&mut later, &mut second, t);
    }
    assert_eq!(bits(&first), bits(&second));
}

#[test]
fn a_matrix_method_passes_a_change_on_to_its_fallback() {
    let make = |rule: Muon| Optimizer::builder(rule).build(params()).unwrap();
    let changed = Muon { momentum: 0.5, adam_beta1: 0.3, ..Muon::default() };
    let (mut always, mut expected) = (make(changed), theta());
    let (mut optimizer, mut found) = (make(Muon::default()), theta());
    optimizer.change(Group::all().setting("momentum", 0.5).setting("adam_beta1", 0.3)).unwrap();
    for t in 1..=3 {
        step(&mut always, &mut expected, t);
        step(&mut optimizer, &mut found, t);
    }
    assert_eq!(bits(&found), bits(&expected));
}

#[test]
fn what_alters_the_arrays_is_an_error_and_changes_nothing() {
    let refused = |rule: steepest::Result<steepest::Rule>, group: Group| {
        let mut optimizer = Optimizer::builder(rule).build(params()).unwrap();
        let mut theta = theta();
        step(&mut optimizer, &mut theta, 1);
        let before = (state_words(&optimizer), optimizer.to_bytes().unwrap());
        let error = optimizer.change(group).unwrap_err();
        assert_eq!((state_words(&optimizer), optimizer.to_bytes().unwrap()), before, "{error}");
        error
    };
    let adamw = || AdamW::default().into_rule();
    let conflict = |error: Error, part: &str| {
        assert!(matches!(error, Error::Conflict { .. }) && error.to_string().contains(part), "{error}");
    };
    conflict(refused(adamw(), Group::all().setting("amsgrad", true)), "what is kept for `hidden.weight`");
    conflict(refused(Sgd::default().into_rule(), Group::all().setting("momentum", 0.9)), "what is kept for");
    conflict(refused(adamw(), Group::all().rule(Adam::default())), "another rule");
    conflict(refused(adamw(), Group::all().state_format(StateFormat::Bf16)), "another state format");
    conflict(
        refused(DoG::default().into_rule(), Group::named("out.*").setting("eps", 1e-4)),
        "change them all",
    );
    let error = refused(adamw(), Group::all().setting("beta1", 1.5));
    assert!(matches!(error, Error::OutOfRange { setting: "beta1", .. }), "{error}");
    let error = refused(NAdam::default().into_rule(), Group::all().setting("beta3", 0.5));
    assert!(matches!(error, Error::UnknownSetting { .. }), "{error}");
    let error = refused(adamw(), Group::named("none.*").setting("beta1", 0.5));
    assert!(matches!(error, Error::GroupMatchesNothing { .. }), "{error}");
}
