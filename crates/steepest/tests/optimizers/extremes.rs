//! Gradients, rates and settings at the ends of the types: what a step leaves is finite, or the step is refused and nothing has
//! changed.

use crate::common::{self, Data, Setting, all_bits, random, settings, slots, state_words};
use crate::{Property, property};
use steepest::registry::Entry;
use steepest::settings::{Domain, Value, Values};
use steepest::{DType, Error, Group, NonFinite, NotFinite, Optimizer, Param, Slot, StateFormat, StepArgs};

pub const PROPERTIES: &[Property] = &[
    property!(a_step_that_says_ok_leaves_nothing_that_is_not_finite),
    property!(what_hundreds_of_gradients_leave_overflows_by_no_later_one),
    property!(a_root_of_zero_divides_nothing_whatever_eps_is),
    property!(a_rate_that_the_type_cannot_hold_is_refused),
    property!(weights_that_are_not_finite_show_where_updates_are_measured),
];

/// A whole group of 8-bit state and a part of one; a matrix for those that need one.
const SHAPES: [(&str, &[usize]); 2] = [("vector", &[150]), ("matrix", &[16, 9])];
const DTYPES: [DType; 3] = [DType::F64, DType::F32, DType::Bf16];

/// The ways to keep state that this row allows for parameters of this type.
fn formats(entry: &Entry, dtype: DType) -> &'static [StateFormat] {
    if entry.traits.half && dtype != DType::F64 {
        &[StateFormat::F32, StateFormat::Bf16, StateFormat::Bits8]
    } else {
        &[StateFormat::F32]
    }
}

fn dtypes(entry: &Entry) -> &'static [DType] {
    if entry.traits.half { &DTYPES } else { &DTYPES[..2] }
}

fn build(entry: &Entry, values: &Values, dtype: DType, format: StateFormat, policy: NonFinite) -> Optimizer {
    Optimizer::builder(entry.make(values))
        .group(Group::all().state_format(format))
        .non_finite(policy)
        .measure_updates(1)
        .build(SHAPES.map(|(name, shape)| Param::new(name, shape, dtype)))
        .unwrap()
}

fn tensors(dtype: DType, values: impl Fn(usize) -> Vec<f64>) -> Vec<Data> {
    SHAPES
        .iter()
        .enumerate()
        .map(|(i, (_, shape))| {
            let mut all = values(i);
            all.truncate(shape.iter().product());
            Data::of(dtype, &all)
        })
        .collect()
}

/// What of the weights and the state is not finite, in words.
fn not_finite(optimizer: &Optimizer, theta: &[Data]) -> Option<String> {
    let broken = |values: &[f64]| values.iter().position(|x| !x.is_finite());
    for ((name, _), theta) in SHAPES.iter().zip(theta) {
        if let Some(at) = broken(&theta.to_f64()) {
            return Some(format!("{name}[{at}]"));
        }
    }
    for key in common::state_of(optimizer).keys() {
        let (param, array) = key.split_once('/').unwrap();
        if array == "steps" || array.ends_with(".scales") {
            continue;
        }
        let values = optimizer.state(param, array).unwrap();
        if let Some(at) = broken(&values) {
            return Some(format!("{key}[{at}] = {}", values[at]));
        }
    }
    None
}

/// Everything that a refused step must leave as it was.
fn all_of(optimizer: &Optimizer, theta: &[Data]) -> (Vec<Vec<u64>>, Vec<u64>, String, u64) {
    (all_bits(theta), state_words(optimizer), format!("{:?}", optimizer.health()), optimizer.steps_taken())
}

fn extremes(dtype: DType) -> [f64; 5] {
    let (largest, smallest) = match dtype {
        DType::F64 => (f64::MAX, 5e-324),
        DType::F32 => (f64::from(f32::MAX), f64::from(f32::from_bits(1))),
        _ => (half::bf16::MAX.to_f64(), half::bf16::from_bits(1).to_f64()),
    };
    [1e19, 1e30, largest / 2.0, smallest, 0.0]
}

fn a_step_that_says_ok_leaves_nothing_that_is_not_finite(entry: &Entry) {
    let chosen: Vec<Setting> = settings(entry);
    for (i, setting) in chosen.iter().enumerate() {
        for (dtype, format) in dtypes(entry).iter().flat_map(|t| formats(entry, *t).iter().map(|f| (*t, f))) {
            if i > 0 && *format != StateFormat::F32 {
                continue;
            }
            for (extreme, all) in extremes(dtype).into_iter().flat_map(|g| [(g, false), (g, true)]) {
                let all_ways = [(6, NonFinite::Error), (0, NonFinite::Error), (6, NonFinite::Skip)];
                for (before, policy) in all_ways.into_iter().take(if i == 0 { 3 } else { 1 }) {
                    let place = format!(
                        "{} {dtype} {format} g = {extreme:e} {} after {before}",
                        setting.name,
                        if all { "everywhere" } else { "once" }
                    );
                    extreme_among_usual(
                        entry,
                        setting,
                        (dtype, *format),
                        (extreme, all),
                        before,
                        policy,
                        &place,
                    );
                }
            }
        }
    }
}

/// Some usual steps, one with an extreme gradient, some usual ones, the extreme one again, and twice.
fn extreme_among_usual(
    entry: &Entry,
    setting: &Setting,
    (dtype, format): (DType, StateFormat),
    (extreme, all): (f64, bool),
    before: u64,
    policy: NonFinite,
    place: &str,
) {
    let mut optimizer = build(entry, &setting.values, dtype, format, policy);
    let mut theta = tensors(dtype, |i| random(i as u64, 150));
    let at_extreme = |t: u64| t == before || t > before + 3;
    for t in 0..before + 6 {
        let grads = tensors(dtype, |i| {
            let mut g = random(100 * (t + 1) + i as u64, 150);
            if at_extreme(t) {
                let chosen = if all { 0..150 } else { 5..6 };
                g[chosen].iter_mut().for_each(|g| *g = extreme.copysign(*g));
            }
            g
        });
        let kept = all_of(&optimizer, &theta);
        let args = StepArgs { loss: Some(1.0), ..StepArgs::from(setting.lr(t + 1)) };
        match optimizer.step(args, &mut slots(&mut theta, &grads)) {
            Ok(report) => {
                assert_eq!(report.non_finite_update, None, "{place}, step {t}");
                if let Some(at) = report.skipped {
                    assert!(
                        policy == NonFinite::Skip && at.what != NotFinite::Gradient && !at.value.is_finite()
                    );
                    assert_eq!(all_of(&optimizer, &theta), kept, "{place}, step {t}");
                }
            }
            Err(Error::Overflow { .. }) => {
                assert_eq!(policy, NonFinite::Error);
                assert_eq!(all_of(&optimizer, &theta), kept, "{place}, step {t}");
            }
            Err(error) => panic!("{place}, step {t}: {error}"),
        }
        if let Some(broken) = not_finite(&optimizer, &theta) {
            panic!("{place}, step {t}: {broken}");
        }
    }
}

/// Hundreds of gradients alike, then usual ones, then some as large as they may be without being looked at beforehand, and those of the
/// beginning again: what a rule has learned of the first is far from what suits the others.
fn what_hundreds_of_gradients_leave_overflows_by_no_later_one(entry: &Entry) {
    for (dtype, format) in dtypes(entry).iter().flat_map(|t| formats(entry, *t).iter().map(|f| (*t, *f))) {
        let (firsts, large): (&[f64], _) = match dtype {
            DType::F64 => (&[1.0, 1e-20, 1e-100, 1e-155, 1e-300], 1e57),
            _ => (&[1.0, 1e-20, 1e-30, 1e-37], 1e12),
        };
        for (i, setting) in settings(entry).iter().enumerate() {
            // what matrices learn depends on the settings, and f32 has the least room
            if i > 0 && (entry.traits.half || dtype != DType::F32) {
                continue;
            }
            for &first in firsts {
                let place = format!("{} {dtype} {format} g = {first:e}", setting.name);
                let mut optimizer = build(entry, &setting.values, dtype, format, NonFinite::Error);
                let mut theta = tensors(dtype, |i| random(i as u64, 150));
                let mut t = 0;
                for (size, steps) in [(first, 400), (1.0, 3), (large, 3), (first, 20), (large, 1), (1.0, 3)] {
                    // a few gradients in turn: to draw them takes longer than a step
                    let draw =
                        |k: u64, i: usize| random(100 * k + i as u64, 150).iter().map(|g| size * g).collect();
                    let grads: Vec<Vec<Data>> = (1..=4).map(|k| tensors(dtype, |i| draw(k, i))).collect();
                    for k in 0..steps as usize {
                        t += 1;
                        let args = StepArgs { loss: Some(1.0), ..StepArgs::from(setting.lr(t)) };
                        match optimizer.step(args, &mut slots(&mut theta, &grads[k % 4])) {
                            Ok(report) => assert_eq!(report.non_finite_update, None, "{place}, step {t}"),
                            Err(Error::Overflow { .. }) => {}
                            Err(error) => panic!("{place}, step {t}: {error}"),
                        }
                    }
                    // what is not finite stays so
                    assert_eq!(not_finite(&optimizer, &theta), None, "{place}, step {t} of size {size:e}");
                }
            }
        }
    }
}

fn a_root_of_zero_divides_nothing_whatever_eps_is(entry: &Entry) {
    let parameters = (entry.parameters)();
    let dialects =
        if entry.dialects.is_empty() { vec![None] } else { entry.dialects.iter().map(Some).collect() };
    for dialect in dialects {
        for eps in [0.0, 1e-300, 1e-45] {
            let mut values = Values::new();
            if let Some(dialect) = dialect {
                values.insert("dialect".to_owned(), Value::Word(dialect.to_string()));
            }
            for parameter in parameters.iter().filter(|p| p.name.contains("eps") && !p.name.contains("steps"))
            {
                if let Domain::Interval(_) = parameter.domain {
                    let least = parameter.domain.nearest(&Value::Number(eps)).unwrap();
                    values.insert(parameter.name.to_owned(), least);
                }
            }
            if entry.make(&values).is_err() {
                // what only one dialect has
                values.remove("eps_root");
            }
            let rule = entry.make(&values);
            assert!(rule.is_ok(), "{values:?}: {}", rule.unwrap_err());
            for dtype in dtypes(entry) {
                for g in [0.0, 1e-45, 1e-38, 3e-30, 1e-25, 1e-20, 1e-18] {
                    let setting = format!("{dialect:?} eps = {eps:e} {dtype} g = {g:e}");
                    let mut optimizer = build(entry, &values, *dtype, StateFormat::F32, NonFinite::Error);
                    let mut theta = tensors(*dtype, |i| random(i as u64, 150));
                    let start: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
                    for t in 1..=5u64 {
                        let grads = tensors(*dtype, |i| {
                            random(100 * t + i as u64, 150).iter().map(|x| g * x.signum()).collect()
                        });
                        let args = StepArgs { loss: Some(1.0), ..StepArgs::from(entry.default_lr) };
                        optimizer.step(args, &mut slots(&mut theta, &grads)).unwrap();
                        let broken = not_finite(&optimizer, &theta);
                        assert_eq!(broken, None, "{setting}, step {t}");
                    }
                    let moved = common::worst(theta.iter().zip(&start).flat_map(|(theta, start)| {
                        let moved = theta.to_f64().into_iter().zip(start).map(|(a, b)| (a - b).abs());
                        moved.collect::<Vec<_>>()
                    }));
                    // a tiny gradient makes no giant step
                    assert!(moved <= 200.0 * entry.default_lr.max(0.1), "{setting}: moved by {moved:e}");
                }
            }
        }
    }
}

fn a_rate_that_the_type_cannot_hold_is_refused(entry: &Entry) {
    for dtype in dtypes(entry) {
        let mut optimizer = build(entry, &Values::new(), *dtype, StateFormat::F32, NonFinite::Error);
        let mut theta = tensors(*dtype, |i| random(i as u64, 150));
        let grads = tensors(*dtype, |i| random(10 + i as u64, 150));
        let kept = all_of(&optimizer, &theta);
        for lr in [1e300, 1e39, 1e38, 1e25] {
            let args = StepArgs { loss: Some(1.0), ..StepArgs::from(lr) };
            let outcome = optimizer.step(args, &mut slots(&mut theta, &grads));
            match (outcome, *dtype) {
                (
                    Err(Error::BadArgument { what: "the learning rate", value, .. }),
                    DType::F32 | DType::Bf16,
                ) => {
                    assert!(value == lr && lr > f64::from(f32::MAX));
                }
                (Err(Error::Overflow { .. }), _) => {}
                (Ok(_), _) => {
                    assert!(lr <= f64::from(f32::MAX) || *dtype == DType::F64, "{dtype} {lr:e}");
                    assert_eq!(not_finite(&optimizer, &theta), None, "{dtype} {lr:e}");
                    return;
                }
                (Err(error), _) => panic!("{dtype} {lr:e}: {error}"),
            }
            assert_eq!(all_of(&optimizer, &theta), kept, "{dtype} {lr:e}");
        }
    }
}

fn weights_that_are_not_finite_show_where_updates_are_measured(entry: &Entry) {
    for dtype in dtypes(entry) {
        for weight in [f64::NAN, f64::INFINITY] {
            let mut optimizer = build(entry, &Values::new(), *dtype, StateFormat::F32, NonFinite::Unchecked);
            let mut theta = tensors(*dtype, |i| random(i as u64, 150));
            let mut values = theta[1].to_f64();
            values[7] = weight;
            theta[1] = Data::of(*dtype, &values);
            let grads = tensors(*dtype, |i| random(10 + i as u64, 150));
            let pairs = theta.iter_mut().zip(&grads);
            let mut slots: Vec<Slot> = pairs.map(|(t, g)| Slot::new(t.all_mut(), g.all())).collect();
            let args = StepArgs { loss: Some(1.0), ..StepArgs::from(entry.default_lr) };
            let report = optimizer.step(args, &mut slots).unwrap();
            // a sum over all tensors may carry it to the others
            let first = if entry.traits.elementwise { Some(1) } else { report.non_finite_update };
            assert_eq!(report.non_finite_update, first, "{dtype} {weight}");
            assert!(report.non_finite_update.is_some(), "{dtype} {weight}");
            let ratio = optimizer.health()[1].update_ratio;
            assert!(ratio.is_some_and(|ratio| !ratio.is_finite()), "{dtype} {weight}: {ratio:?}");
        }
    }
}
