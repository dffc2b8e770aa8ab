//! What composes with any rule, against the trajectories of `fixtures/make_wrappers.py`; and that it resumes, and that
//! neither threads nor instruction sets change a bit of it.

use crate::common::{
    self, Data, Fixture, Problem, SHAPES, STEPS, Setting, all_bits, evaluation, instruction_sets, random,
    slots, small,
};
use libtest_mimic::Trial;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use steepest::linalg::Number;
use steepest::registry::find;
use steepest::rule::{Body, Decay, StateSpec, Step, TensorRule, TensorView};
use steepest::settings::Value;
use steepest::{
    Accumulator, Builder, Clip, DType, Ema, InstructionSet, Lookahead, Optimizer, Param, Rule, Sam, SamStep,
    Swa, UpdateClip,
};

/// What the builder knows of the fixtures' `combine`.
const KNOWN: &[&str] = &[
    "ema",
    "swa",
    "lookahead",
    "clip_value",
    "centralize",
    "cautious",
    "cautious_decay",
    "clip_update",
    "fully_decoupled_decay",
];

/// A composition: the rule's settings, and what is composed with it.
struct Case {
    setting: Setting,
    optimizer: String,
    combine: serde_json::Map<String, Json>,
}

/// The trajectories, and what each is of.
static FIXTURE: LazyLock<(Fixture, Vec<Case>)> = LazyLock::new(|| {
    let fixture = Fixture::load("combine").unwrap();
    let case = |setting: &Setting| {
        let about: Json =
            serde_json::from_str(&fixture.metadata[&format!("setting/{}", setting.name)]).unwrap();
        Case {
            setting: setting.clone(),
            optimizer: about["optimizer"].as_str().unwrap().to_owned(),
            combine: about["combine"].as_object().unwrap().clone(),
        }
    };
    let cases = fixture.settings.iter().map(case).collect();
    (fixture, cases)
});

fn whole(value: &Json) -> u64 {
    value.as_f64().unwrap() as u64
}

fn builder(case: &Case) -> Builder {
    compose(case, find(&case.optimizer).unwrap().make(&case.setting.values).unwrap())
}

/// What the case composes, with any rule.
fn compose(case: &Case, rule: Rule) -> Builder {
    let mut builder = Optimizer::builder(rule);
    for (key, value) in &case.combine {
        let (start, every) = (&value["start"], &value["every"]);
        builder = match key.as_str() {
            "ema" => {
                let decay = value["decay"].as_f64().unwrap();
                builder.average(Ema { decay, start: whole(start), every: whole(every), warmup: false })
            }
            "swa" => builder.average(Swa { start: whole(start), every: whole(every) }),
            "lookahead" => {
                builder.lookahead(Lookahead { every: whole(every), alpha: value["alpha"].as_f64().unwrap() })
            }
            "centralize" => builder.centralize(true),
            "cautious" => builder.cautious(true),
            "cautious_decay" => builder.cautious_decay(true),
            "fully_decoupled_decay" => builder.fully_decoupled_decay(value.as_f64().unwrap()),
            "clip_update" => builder.clip_update(match (value["rms"].as_f64(), value["norm"].as_f64()) {
                (Some(rms), None) => UpdateClip::Rms(rms),
                (None, Some(norm)) => UpdateClip::Norm(norm),
                _ => panic!("{value}"),
            }),
            "clip_value" => builder.clip(Clip::Value(value.as_f64().unwrap())),
            other => panic!("{other}"),
        };
    }
    builder
}

/// Whether the builder can make it; accumulation and SAM are not the optimizer's.
fn is_built(case: &Case) -> bool {
    case.combine.keys().all(|key| KNOWN.contains(&key.as_str()))
}

/// What must hold of the cases that it concerns, and how many there are at least.
struct Composed {
    name: &'static str,
    concerns: fn(&Case) -> bool,
    holds: fn(&Case),
    at_least: usize,
}

macro_rules! composed {
    ($holds:ident, $concerns:expr, $at_least:expr) => {
        Composed { name: crate::full_name!($holds), concerns: $concerns, holds: $holds, at_least: $at_least }
    };
}

const PROPERTIES: &[Composed] = &[
    composed!(no_thread_and_no_instruction_set_changes_a_bit, is_built, 20),
    composed!(it_resumes_bit_for_bit, is_built, 20),
    composed!(it_follows_its_source, is_built, 20),
    // clipping by value is by element
    composed!(
        tensor_rules_compose_as_element_rules_do,
        |case| is_built(case) && case.optimizer == "sgd" && !case.combine.contains_key("clip_value"),
        8
    ),
    composed!(accumulation_follows_optax, |case| case.combine.contains_key("accumulate"), 1),
    composed!(sam_follows_its_paper, |case| case.combine.contains_key("sam"), 3),
];

/// A test for each property and each setting of the fixture.
pub fn trials() -> Vec<Trial> {
    let kinds = crate::full_name!(the_fixture_has_cases_of_each_kind).to_owned();
    let mut trials = vec![crate::trial(kinds, || {
        for property in PROPERTIES {
            let cases = FIXTURE.1.iter().filter(|case| (property.concerns)(case)).count();
            assert!(cases >= property.at_least, "{}: {cases}", property.name);
        }
    })];
    for property in PROPERTIES {
        for case in FIXTURE.1.iter().filter(|case| (property.concerns)(case)) {
            let name = format!("{}::{}", property.name, case.setting.name);
            trials.push(crate::trial(name, || (property.holds)(case)));
        }
    }
    trials
}

/// Every quantity of a run in f64: `<tensor>/theta@<step>` and `<tensor>/evaluation@<step>`.
fn run(
    builder: Builder,
    case: &Case,
    mut step: impl FnMut(&mut Optimizer, u64, f64, &mut [Data]),
) -> BTreeMap<String, Vec<f64>> {
    let mut optimizer = builder.build(Problem::params(DType::F64)).unwrap();
    let mut theta = Problem::new().theta(DType::F64);
    let mut found = BTreeMap::new();
    for t in 1..=STEPS {
        step(&mut optimizer, t, case.setting.lr(t), &mut theta);
        let evaluation = evaluation(&optimizer, &mut theta);
        for (i, (name, _)) in SHAPES.iter().enumerate() {
            found.insert(format!("{name}/theta@{t}"), theta[i].to_f64());
            found.insert(format!("{name}/evaluation@{t}"), evaluation[i].clone());
        }
    }
    found
}

/// Where a run differs from the fixture by more than 1e-12 of the largest element of the quantity.
fn differences(case: &Case, ours: &BTreeMap<String, Vec<f64>>) -> Vec<String> {
    let fixture = &FIXTURE.0;
    let quantity = |key: &str| key.split_once('/').unwrap().1.to_owned();
    let mut largest: BTreeMap<String, f64> = BTreeMap::new();
    for (key, values) in fixture.of(&case.setting.name) {
        let of = largest.entry(quantity(key)).or_default();
        *of = values.iter().fold(*of, |m, x| m.max(x.abs()));
    }
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (key, theirs) in fixture.of(&case.setting.name) {
        compared += 1;
        let error = common::worst(ours[key].iter().zip(theirs).map(|(a, b)| (a - b).abs()));
        let relative = error / largest[&quantity(key)];
        let fits = relative <= 1e-12;
        if !fits {
            wrong.push(format!("{key}: {relative:.1e} of its largest element"));
        }
    }
    assert!(compared >= 25, "{compared} quantities");
    wrong
}

fn it_follows_its_source(case: &Case) {
    let problem = Problem::new();
    let ours =
        run(builder(case), case, |optimizer, t, lr, theta| problem.step(optimizer, t, lr, DType::F64, theta));
    let wrong = differences(case, &ours);
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Gradient descent with momentum, a tensor at a time.
struct Descent(f64);

impl TensorRule for Descent {
    fn state(&self, param: &Param) -> Vec<StateSpec> {
        vec![StateSpec { name: "momentum_buffer", shape: param.shape.clone(), initial: 0.0 }]
    }
    fn update<T: Number>(&self, step: Step, tensor: TensorView<'_, T>) -> f64 {
        let TensorView { theta, grad, scale, decay, state, .. } = tensor;
        let (coupled, keep) = match decay {
            Decay::Coupled(lambda) => (lambda, 1.0),
            Decay::Decoupled(lambda) => (0.0, 1.0 - step.lr * lambda),
            Decay::Own(_) => (0.0, 1.0),
        };
        let old = if step.t == 1 { 0.0 } else { self.0 };
        let mut moved = 0.0;
        for (i, theta) in theta.iter_mut().enumerate() {
            let g = grad[i] * T::of(scale) + *theta * T::of(coupled);
            state[0][i] = state[0][i] * T::of(old) + g;
            let new = *theta * T::of(keep) - T::of(step.lr) * state[0][i];
            moved += (new - *theta).wide().powi(2);
            *theta = new;
        }
        moved
    }
}

/// The case's SGD as a tensor rule.
fn as_tensor_rule(case: &Case) -> Rule {
    let value = |name| match case.setting.values.get(name) {
        Some(Value::Number(x)) => *x,
        _ => 0.0,
    };
    let body = Body::Tensor(Box::new(Descent(value("momentum"))));
    let decay = Decay::Coupled(value("weight_decay"));
    Rule::custom("descent", decay, body)
}

fn tensor_rules_compose_as_element_rules_do(case: &Case) {
    let problem = Problem::new();
    let tensorwise = || compose(case, as_tensor_rule(case)).measure_updates(1);
    let ours = run(tensorwise(), case, |optimizer, t, lr, theta| {
        let before = theta.to_vec();
        problem.step(optimizer, t, lr, DType::F64, theta);
        for (i, health) in optimizer.health().iter().enumerate() {
            let (before, after) = (before[i].to_f64(), theta[i].to_f64());
            let moved: f64 = before.iter().zip(&after).map(|(a, b)| (a - b).powi(2)).sum();
            let size: f64 = before.iter().map(|a| a * a).sum();
            if size > 0.0 {
                let (ratio, found) = ((moved / size).sqrt(), health.update_ratio.unwrap());
                assert!((ratio - found).abs() <= 1e-12 * ratio, "{ratio} {found}");
            }
        }
    });
    let wrong = differences(case, &ours);
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Two tensors that are cut into chunks, one of them in several tasks, and small ones.
const LARGE: [&[usize]; 5] = [&[3, 5], &[200, 351], &[17], &[40_000], &[2, 3, 4]];

/// All state and all parameters after some steps, as bits.
fn outcome(
    case: &Case,
    instructions: InstructionSet,
    types: (DType, DType),
    threads: usize,
    numbers: &[f64],
) -> (Vec<u64>, Vec<Vec<u64>>) {
    let params: Vec<Param> =
        (0..).zip(LARGE).map(|(i, shape)| Param::new(format!("p{i}"), shape, types.0)).collect();
    let drawn = |dtype, t: usize| -> Vec<Data> {
        // neighbouring windows of one sequence differ in every place
        params.iter().map(|p| Data::of(dtype, &numbers[t * 16..t * 16 + p.len()])).collect()
    };
    let mut optimizer =
        builder(case).instruction_set(instructions).measure_updates(2).build(params.clone()).unwrap();
    let mut theta = drawn(types.0, 0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for t in 1..=if small() { 2 } else { 7 } {
        let grads = drawn(types.1, t);
        pool.install(|| {
            optimizer.step(common::args(case.setting.lr(t as u64)), &mut slots(&mut theta, &grads)).unwrap()
        });
    }
    let mut words = common::state_words(&optimizer);
    words.extend(optimizer.health().iter().map(|h| h.update_ratio.map_or(0, f64::to_bits)));
    (words, theta.iter().map(Data::bits).collect())
}

fn no_thread_and_no_instruction_set_changes_a_bit(case: &Case) {
    static NUMBERS: LazyLock<Vec<f64>> = LazyLock::new(|| random(1, 80_000));
    for types in [(DType::F32, DType::F32), (DType::Bf16, DType::F32), (DType::F64, DType::F64)] {
        let of = |instructions, threads| outcome(case, instructions, types, threads, &NUMBERS);
        let one = of(InstructionSet::best(), 1);
        for threads in [2, 3] {
            assert!(of(InstructionSet::best(), threads) == one, "{types:?}, {threads} threads");
        }
        for instructions in instruction_sets().filter(|instructions| *instructions != InstructionSet::best())
        {
            assert!(of(instructions, 1) == one, "{types:?} {instructions:?}");
        }
    }
}

fn it_resumes_bit_for_bit(case: &Case) {
    let problem = Problem::new();
    for dtype in [DType::F64, DType::F32, DType::Bf16] {
        let of_grad = if dtype == DType::Bf16 { DType::F32 } else { dtype };
        let make = || builder(case).build(Problem::params(dtype)).unwrap();
        let step = |optimizer: &mut Optimizer, t, theta: &mut [Data]| {
            problem.step(optimizer, t, case.setting.lr(t), of_grad, theta);
        };
        let (mut first, mut theta) = (make(), problem.theta(dtype));
        for stop in [0, 1, 4, 12] {
            while first.steps_taken() < stop {
                let t = first.steps_taken() + 1;
                step(&mut first, t, &mut theta);
            }
            let mut second = make();
            second.from_bytes(&first.to_bytes().unwrap()).unwrap();
            let mut again = theta.clone();
            let (mut alone, mut alone_theta) = (make(), theta.clone());
            alone.from_bytes(&first.to_bytes().unwrap()).unwrap();
            for t in stop + 1..=stop + 9 {
                step(&mut second, t, &mut again);
                // an evaluation in between leaves no trace
                evaluation(&alone, &mut alone_theta);
                step(&mut alone, t, &mut alone_theta);
            }
            let place = format!("{dtype} after {stop}");
            assert_eq!(all_bits(&again), all_bits(&alone_theta), "{place}");
            let (mut whole, mut uncut) = (make(), problem.theta(dtype));
            (1..=stop + 9).for_each(|t| step(&mut whole, t, &mut uncut));
            assert_eq!(all_bits(&again), all_bits(&uncut), "{place}");
            assert_eq!(common::state_words(&second), common::state_words(&whole), "{place}");
        }
    }
}

fn accumulation_follows_optax(case: &Case) {
    let problem = Problem::new();
    let every = whole(&case.combine["accumulate"]);
    let rule = find(&case.optimizer).unwrap().make(&case.setting.values).unwrap();
    let lengths = || Problem::params(DType::F64).into_iter().map(|p| p.len());
    let mut gradients = Accumulator::<f64>::new(lengths());
    let ours = run(Optimizer::builder(rule), case, |optimizer, t, lr, theta| {
        for batch in 1..=every {
            let g: Vec<Vec<f64>> = (0..)
                .zip(&*theta)
                .map(|(i, theta)| problem.gradient(i, every * (t - 1) + batch, &theta.to_f64()))
                .collect();
            gradients.add(8, &g).unwrap();
        }
        assert_eq!((gradients.samples(), gradients.batches()), (8 * every, every));
        let grads: Vec<Data> = gradients.mean().iter().map(|g| Data::of(DType::F64, g)).collect();
        optimizer.step(lr, &mut slots(theta, &grads)).unwrap();
        gradients.clear();
        assert_eq!(gradients, Accumulator::new(lengths()));
    });
    let wrong = differences(case, &ours);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sam_follows_its_paper(case: &Case) {
    let problem = Problem::new();
    let lengths = || Problem::params(DType::F64).into_iter().map(|p| p.len());
    let about = &case.combine["sam"];
    let settings = Sam {
        rho: about["rho"].as_f64().unwrap(),
        adaptive: about["adaptive"].as_bool().unwrap_or(false),
        eta: about["eta"].as_f64().unwrap_or(Sam::default().eta),
    };
    let rule = find(&case.optimizer).unwrap().make(&case.setting.values).unwrap();
    let mut sam = SamStep::new(settings, lengths()).unwrap();
    let ours = run(Optimizer::builder(rule), case, |optimizer, t, lr, theta| {
        let mut values: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
        let report = sam
            .step(optimizer, lr, &mut values, |theta: &[Vec<f64>], g: &mut [Vec<f64>]| {
                for (i, g) in g.iter_mut().enumerate() {
                    g.copy_from_slice(&problem.gradient(i, t, &theta[i]));
                }
                problem.loss(theta)
            })
            .unwrap();
        let before: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
        assert_eq!(report.loss, problem.loss(&before));
        assert_ne!(report.loss_nearby, report.loss);
        for (theta, values) in theta.iter_mut().zip(values) {
            *theta = Data::F64(values);
        }
    });
    let wrong = differences(case, &ours);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
