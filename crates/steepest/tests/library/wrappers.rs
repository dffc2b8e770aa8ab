//! What composes with any rule: what it refuses, and what it leaves as it is. Its trajectories are in
//! `tests/optimizers/composition.rs`.

use crate::common::{self, Data, Fixture, Problem, evaluation, random, slots};
use serde_json::Value as Json;
use steepest::rule::{Body, Decay, ElementRule, StateKind, Step};
use steepest::settings::Settings;
use steepest::stop::Stop;
use steepest::{
    Accumulator, Builder, Clip, DType, Ema, Error, Group, Lbfgs, LbfgsMinimizer, Lookahead, Minimize,
    Objective, Optimizer, Param, Real, Rule, Sam, SamStep, Slot, Swa, Tensors, UpdateClip, element,
};

#[test]
fn batches_of_any_size_weigh_as_their_samples() {
    let samples: Vec<Vec<f64>> = (0..10).map(|i| random(i, 33)).collect();
    let mean = |part: &[Vec<f64>]| -> Vec<f64> {
        (0..33).map(|k| part.iter().map(|s| s[k]).sum::<f64>() / part.len() as f64).collect()
    };
    let mut gradients = Accumulator::<f64>::new([33]);
    for cut in [0..4, 4..5, 5..10] {
        gradients.add(cut.len() as u64, &[mean(&samples[cut])]).unwrap();
    }
    let expected = mean(&samples);
    let error = common::worst(gradients.mean()[0].iter().zip(&expected).map(|(a, b)| (a - b).abs()));
    assert!(error < 1e-15, "{error:e}");

    let before = gradients.clone();
    let error = gradients.add(1, &[vec![0.0; 32]]).unwrap_err();
    assert!(matches!(error, Error::Length { expected: 33, found: 32, .. }), "{error}");
    let error = gradients.add(1, &[vec![0.0; 33], vec![]]).unwrap_err();
    assert!(matches!(error, Error::TensorCount { expected: 1, found: 2, .. }), "{error}");
    let error = gradients.add(0, &[vec![0.0; 33]]).unwrap_err();
    assert!(error.to_string().contains("the number of samples is 0"), "{error}");
    assert_eq!(gradients, before);
}

#[test]
fn sam_leaves_the_parameters_where_a_step_is_refused() {
    let params = [Param::new("a", [2], DType::F32)];
    let mut sgd = Optimizer::builder(steepest::Sgd::default()).build(params).unwrap();
    let mut sam = SamStep::<f32>::new(Sam::default(), [2]).unwrap();
    let mut theta = vec![vec![0.1f32, 0.2]];
    let mut calls = 0;
    for bad_call in [1, 2] {
        calls = 0;
        let error = sam.step(&mut sgd, 0.1, &mut theta, |_: &[Vec<f32>], g: &mut [Vec<f32>]| {
            calls += 1;
            g[0].copy_from_slice(&[1.0, if calls == bad_call { f32::NAN } else { 2.0 }]);
            1.0
        });
        assert!(matches!(error, Err(Error::NonFiniteGradient { index: 1, .. })));
        assert_eq!(theta, [[0.1, 0.2]]);
    }
    assert_eq!((calls, sgd.steps_taken()), (2, 0));
    let zero = |_: &[Vec<f32>], _: &mut [Vec<f32>]| 0.0;
    assert!(sam.step(&mut sgd, 0.1, &mut [vec![0.0; 3]], zero).is_err());
}

/// Σθ² over all tensors.
struct Squares;

impl Objective<f64, [Vec<f64>]> for Squares {
    fn value_and_gradient(&mut self, theta: &[Vec<f64>], gradient: &mut [Vec<f64>]) -> f64 {
        for (g, x) in gradient.iter_mut().flatten().zip(theta.iter().flatten()) {
            *g = 2.0 * x;
        }
        theta.iter().flatten().map(|x| x * x).sum()
    }
}

#[test]
fn sam_takes_an_objective_of_several_tensors() {
    let params = || [Param::new("a", [2], DType::F64), Param::new("b", [1], DType::F64)];
    let step = |loss: &mut dyn Objective<f64, [Vec<f64>]>| {
        let mut sgd = Optimizer::builder(steepest::Sgd::default()).build(params()).unwrap();
        let mut sam = SamStep::new(Sam { rho: 0.3, ..Sam::default() }, [2, 1]).unwrap();
        let mut theta = vec![vec![1.0, -2.0], vec![2.0]];
        let report = sam.step(&mut sgd, 0.1, &mut theta, loss).unwrap();
        (theta, report)
    };
    let (theta, report) = step(&mut Squares);
    assert_eq!(
        step(&mut |theta: &[Vec<f64>], g: &mut [Vec<f64>]| Squares.value_and_gradient(theta, g)).0,
        theta
    );
    // ‖θ‖ = 3, and the worst point at a distance of 0.3 is 1.1·θ
    assert_eq!((report.loss, Squares.value(&theta) < 9.0), (9.0, true));
    for (found, expected) in theta.iter().flatten().zip([1.0, -2.0, 2.0]) {
        assert!((found - expected * (1.0 - 0.1 * 2.0 * 1.1)).abs() < 1e-12, "{found} {expected}");
    }
}

fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    (g[0], g[1]) = (-2.0 * a - 400.0 * x[0] * b, 200.0 * b);
    a * a + 100.0 * b * b
}

fn least_squares(x: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for i in 0..12i32 {
        let row: Vec<f64> =
            (0..8).map(|j| f64::from((7 * i + 3 * j) % 11 - 5) / (1.0 + f64::from(j))).collect();
        let off = row.iter().zip(x).fold(-f64::from(i % 5 - 2), |off, (a, x)| off + a * x);
        value += 0.5 * off * off;
        g.iter_mut().zip(row).for_each(|(g, a)| *g += a * off);
    }
    value
}

fn quartic(x: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for j in 0..4 {
        let (s, next) = (x[j] * x[j] - (1.0 + j as f64), (j + 1) % 4);
        value += 0.25 * s * s + 0.1 * x[j] * x[next];
        g[j] += x[j] * s + 0.1 * x[next];
        g[next] += 0.1 * x[j];
    }
    value
}

#[test]
fn lbfgs_follows_torch() {
    let fixture = Fixture::load("torch_lbfgs").unwrap();
    let (mut cases, mut moved) = (0, std::collections::BTreeSet::new());
    for (key, text) in &fixture.metadata {
        let Some(case) = key.strip_prefix("case/") else { continue };
        cases += 1;
        let about: Json = serde_json::from_str(text).unwrap();
        let values: steepest::settings::Values = serde_json::from_value(about["steepest"].clone()).unwrap();
        let settings = Lbfgs::from_values(&values).unwrap();
        moved.extend(
            settings.values().into_iter().filter(|v| Lbfgs::default().values()[&v.0] != v.1).map(|v| v.0),
        );
        let function = match about["function"].as_str().unwrap() {
            "rosenbrock" => rosenbrock,
            "least_squares" => least_squares,
            "quartic" => quartic,
            other => panic!("{other}"),
        };
        let of = |name: &str| &fixture.tensors[&format!("{case}/x/{name}")];
        let mut theta: Vec<f64> = serde_json::from_value(about["start"].clone()).unwrap();
        let n = theta.len();
        let mut lbfgs = LbfgsMinimizer::new(settings, n).unwrap();
        let scale = of("theta").iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let highest = of("loss").iter().fold(0.0f64, |m, x| m.max(x.abs()));
        for (call, theirs) in of("theta").chunks(n).enumerate() {
            let loss = lbfgs.step(about["lr"].as_f64().unwrap(), function, &mut theta).unwrap();
            let error = common::worst(theta.iter().zip(theirs).map(|(a, b)| (a - b).abs()));
            assert!(error <= 1e-9 * scale, "{case}, call {call}: {error:.1e}");
            assert!((loss - of("loss")[call]).abs() <= 1e-9 * highest, "{case}, call {call}: loss {loss}");
            assert_eq!(lbfgs.evaluations() as f64, of("evaluations")[call], "{case}, call {call}");
        }
    }
    assert_eq!(cases, 8);
    let names: Vec<String> = Lbfgs::parameters().into_iter().map(|p| p.name.to_owned()).collect();
    assert!(names.iter().all(|name| moved.contains(name)), "{names:?} {moved:?}");
}

#[test]
fn lbfgs_minimizes_and_says_why_it_ended() {
    let run = |f: fn(&[f64], &mut [f64]) -> f64, start: &[f64]| {
        let mut visits = Vec::new();
        let minimize = Minimize::new(Lbfgs::default(), 1.0, Stop::max_steps(200));
        let minimum = minimize.run_observed(f, start, |at| visits.push((at.step, at.value))).unwrap();
        assert_eq!(visits.last().unwrap(), &(minimum.steps, minimum.value));
        assert!(visits.windows(2).all(|w| w[1].0 == w[0].0 + 1 && w[1].1 <= w[0].1), "{visits:?}");
        assert_eq!(minimum.reason.stopped_by(), "converged");
        assert!(minimum.reason.to_string().starts_with("it has converged: "), "{}", minimum.reason);
        // what it shows is what is there
        let mut g = vec![0.0; start.len()];
        assert_eq!(f(&minimum.theta, &mut g), minimum.value);
        assert!((g.iter().map(|g| g * g).sum::<f64>().sqrt() - minimum.gradient_norm).abs() < 1e-12);
        minimum
    };
    // it ends where the value is within 1e-9 of the lowest, in a valley that is flat
    assert!(run(rosenbrock, &[-1.2, 1.0]).theta.iter().all(|x| (x - 1.0).abs() < 1e-4));
    assert!(run(least_squares, &[1.0; 8]).gradient_norm < 1e-4);
    run(quartic, &[0.1, -0.2, 3.0, 0.05]);
    assert_eq!(run(rosenbrock, &[1.0, 1.0]).theta, [1.0, 1.0], "it begins at the minimum");
    // a wall on the way: the search turns back before it
    let walled = |x: &[f64], g: &mut [f64]| {
        g[0] = 2.0 * (x[0] - 3.0);
        if x[0] < 3.5 { (x[0] - 3.0).powi(2) } else { f64::NAN }
    };
    let minimum = Minimize::new(Lbfgs::default(), 10.0, Stop::max_steps(50)).run(walled, &[0.0]).unwrap();
    assert!((minimum.theta[0] - 3.0).abs() < 1e-6, "{:?}", minimum.theta);
    // in f32
    let bowl = |x: &[f32], g: &mut [f32]| {
        (g[0], g[1]) = (2.0 * x[0], 20.0 * x[1]);
        x[0] * x[0] + 10.0 * x[1] * x[1]
    };
    let minimum =
        Minimize::new(Lbfgs::default(), 1.0, Stop::max_steps(50)).run(bowl, &[3.0f32, 1.0]).unwrap();
    assert!(minimum.theta.iter().all(|x| x.abs() < 1e-4), "{:?}", minimum.theta);
    let refused = Minimize::new(Lbfgs::default(), 1.0, Stop::max_steps(50)).clip(Clip::Value(1.0));
    assert_eq!(
        refused.run(rosenbrock, &[0.0, 0.0]).unwrap_err().to_string(),
        "lbfgs: its line search needs the gradient as it is, not a clipped one; leave clipping away"
    );
    let settings = Lbfgs { history_size: 0, ..Lbfgs::default() };
    assert!(LbfgsMinimizer::new(settings, 2).is_err());
}

#[test]
fn an_average_leaves_the_training_alone_and_frozen_tensors_too() {
    let params = || [Param::new("a", [1], DType::F32), Param::new("b", [1], DType::F32)];
    let adam = || Optimizer::builder(steepest::Adam::default());
    let (mut plain, mut averaged) =
        (adam().build(params()).unwrap(), adam().average(Ema::default()).build(params()).unwrap());
    let (mut one, mut two) = ([vec![1.0f32], vec![2.0f32]], [vec![1.0f32], vec![2.0f32]]);
    for _ in 0..5 {
        for (optimizer, theta) in [(&mut plain, &mut one), (&mut averaged, &mut two)] {
            let [a, b] = theta;
            optimizer.step(0.1, &mut [Slot::new(a, &[1.0f32]), Slot::frozen(b)]).unwrap();
        }
    }
    assert_eq!(one, two);
    // without an average of its own, a tensor is evaluated as it is
    let a = averaged.state("a", "ema_weights").unwrap()[0] as f32;
    assert_eq!(*averaged.evaluation(&mut two).unwrap(), [[a], [2.0]]);
    assert!(a > 0.85 && a < 0.95, "{a}");
    let as_it_is = one.clone();
    assert_eq!(*plain.evaluation(&mut one).unwrap(), as_it_is);
    assert!(averaged.evaluates() && !plain.evaluates());
}

#[test]
fn evaluation_refuses_what_does_not_fit_and_changes_nothing() {
    let params = [Param::new("a", [1], DType::F32), Param::new("b", [1], DType::F32)];
    let mut sgd = Optimizer::builder(steepest::Sgd::default()).average(Swa::default()).build(params).unwrap();
    let (mut a, mut b) = ([1.0f32], [2.0f32]);
    for _ in 0..2 {
        sgd.step(1.0, &mut [Slot::new(&mut a, &[1.0f32]), Slot::new(&mut b, &[1.0f32])]).unwrap();
    }
    let error = sgd.evaluation(&mut vec![vec![1.0f32]]).unwrap_err();
    assert!(matches!(error, Error::TensorCount { expected: 2, found: 1, .. }), "{error}");
    let mut held = [vec![1.0f32], vec![1.0f32, 2.0]];
    let error = sgd.evaluation(&mut held).unwrap_err();
    assert!(matches!(error, Error::Length { expected: 1, found: 2, .. }), "{error}");
    assert_eq!(held[0], [1.0], "the first tensor fits, and is as it was");
    struct Both(Vec<f32>, Vec<f64>);
    impl Tensors for Both {
        fn each(&mut self, see: &mut dyn FnMut(steepest::SliceMut<'_>)) {
            see((&mut self.0).into());
            see((&mut self.1).into());
        }
    }
    let mut both = Both(vec![1.0], vec![1.0]);
    let error = sgd.evaluation(&mut both).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::WrongDType { found: DType::F64, .. }), "{error}");
    assert_eq!((both.0, both.1), (vec![1.0], vec![1.0]));
}

/// A rule whose gradient is taken at y, halfway between z, which steps, and the point that is meant: x = 2y − z.
struct Halfway;

impl ElementRule<1> for Halfway {
    const STATE: [&'static str; 1] = ["z"];
    const KINDS: [StateKind; 1] = [StateKind::Signed];
    const EVALUATES: bool = true;
    type Scalars<R: Real> = R;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> R {
        R::of(step.lr)
    }

    fn update<R: Real>(lr: &R, y: R, g: R, [z]: [R; 1]) -> (R, [R; 1]) {
        (y - *lr * g * R::of(0.5), [z - *lr * g])
    }

    fn evaluate<R: Real>(&self, y: R, [z]: [R; 1]) -> R {
        y + (y - z)
    }
}

fn halfway() -> Rule {
    Rule::custom("halfway", Decay::Decoupled(0.0), Body::Element(element(Halfway)))
}

#[test]
fn a_rule_may_mean_another_point_than_it_trains() {
    let params = [Param::new("a", [3], DType::F32), Param::new("b", [2], DType::Bf16)];
    let mut optimizer = Optimizer::builder(halfway()).build(params).unwrap();
    let mut theta = [Data::of(DType::F32, &[1.0, 2.0, 3.0]), Data::of(DType::Bf16, &[4.0, 8.0])];
    assert_eq!(
        evaluation(&optimizer, &mut theta)[0],
        [1.0, 2.0, 3.0],
        "before the first step there is no state"
    );
    let grads = [Data::of(DType::F32, &[1.0, 2.0, 4.0]), Data::of(DType::F32, &[1.0, 2.0])];
    optimizer.step(0.5, &mut slots(&mut theta, &grads)).unwrap();
    assert_eq!(theta[0].to_f64(), [0.75, 1.5, 2.0]);
    assert_eq!(evaluation(&optimizer, &mut theta), [vec![2.0, 4.0, 6.0], vec![8.0, 16.0]]);
    assert_eq!(theta[1].to_f64(), [3.75, 7.5]);
    // an average beside its own would be one of points that nobody means
    let refused =
        Optimizer::builder(halfway()).average(Swa::default()).build([Param::new("a", [1], DType::F32)]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "halfway: it averages its weights itself, and its weights are to be averaged once more; \
         leave that to the rule, or take another rule"
    );
}

#[test]
fn settings_outside_their_range_are_refused() {
    let build = |builder: Builder| builder.build([Param::new("a", [1], DType::F32)]).unwrap_err().to_string();
    let sgd = || Optimizer::builder(steepest::Sgd::default());
    assert_eq!(
        build(sgd().average(Ema { decay: 1.5, ..Ema::default() })),
        "ema: decay = 1.5 is outside [0, 1]; the nearest valid value is 1"
    );
    assert_eq!(
        build(sgd().average(Swa { every: 0, ..Swa::default() })),
        "swa: every = 0 is outside [1, ∞); the nearest valid value is 1"
    );
    assert_eq!(
        build(sgd().lookahead(Lookahead { alpha: -0.5, ..Lookahead::default() })),
        "lookahead: alpha = -0.5 is outside [0, 1]; the nearest valid value is 0"
    );
    assert!(
        build(sgd().clip_update(UpdateClip::Rms(0.0))).starts_with("clip_update: rms = 0 is outside (0, ∞)")
    );
    assert!(build(sgd().fully_decoupled_decay(f64::NAN)).contains("reference_lr = NaN is outside (0, ∞)"));
    let own = |lambda| {
        let mut rule = halfway();
        rule.decay = Decay::Own(lambda);
        rule
    };
    let owned = |lambda| Optimizer::builder(own(lambda)).fully_decoupled_decay(0.1);
    owned(0.0).build([Param::new("a", [1], DType::F32)]).unwrap();
    let remedy = "set weight_decay to 0, or leave the kind of decay to the rule";
    let message = format!("halfway: its weight decay is part of its formula; {remedy}");
    assert_eq!(build(owned(0.1)), message);
    assert_eq!(build(owned(0.0).group(Group::named("a").weight_decay(0.1))), message);
    for composed in [
        Optimizer::builder(halfway()).cautious(true),
        Optimizer::builder(halfway()).cautious_decay(true),
        Optimizer::builder(halfway()).clip_update(UpdateClip::Norm(1.0)),
        Optimizer::builder(halfway()).lookahead(Lookahead::default()),
    ] {
        let message = build(composed);
        assert!(message.starts_with("halfway: it averages its weights itself, and "), "{message}");
    }
}

#[test]
fn what_changes_nothing_leaves_every_bit() {
    let problem = Problem::new();
    let run = |compose: fn(Builder) -> Builder| {
        let rule = steepest::AdamW { weight_decay: 0.1, ..steepest::AdamW::default() };
        let mut optimizer = compose(Optimizer::builder(rule)).build(Problem::params(DType::F32)).unwrap();
        let mut theta = problem.theta(DType::F32);
        (1..=20).for_each(|t| problem.step(&mut optimizer, t, 0.01, DType::F32, &mut theta));
        theta.iter().map(Data::bits).collect::<Vec<_>>()
    };
    let plain = run(|builder| builder);
    assert_eq!(run(|builder| builder.clip_update(UpdateClip::Rms(100.0))), plain);
    assert_eq!(run(|builder| builder.average(Swa::default())), plain);
    assert_eq!(run(|builder| builder.lookahead(Lookahead { every: 100, alpha: 0.5 })), plain);
    assert_ne!(run(|builder| builder.cautious(true)), plain);
    assert_ne!(run(|builder| builder.centralize(true)), plain);
}

#[test]
fn units_lie_along_the_unit_axis() {
    // (in, out) = (2, 3): a unit is a column
    let param = Param::new("a", [2, 3], DType::F32).unit_axis(1);
    let vector = Param::new("b", [2], DType::F32);
    let mut sgd =
        Optimizer::builder(steepest::Sgd::default()).centralize(true).build([param, vector]).unwrap();
    let (mut a, mut b) = ([0.0f32; 6], [0.0f32; 2]);
    let grads = ([1.0f32, 2.0, 3.0, 5.0, 8.0, 4.0], [1.0f32, 3.0]);
    let report = sgd.step(1.0, &mut [Slot::new(&mut a, &grads.0), Slot::new(&mut b, &grads.1)]).unwrap();
    assert_eq!(a, [2.0, 3.0, 0.5, -2.0, -3.0, -0.5]);
    assert_eq!(b, [-1.0, -3.0], "a vector is left alone");
    assert!(
        (report.gradient_norm.unwrap() - 129.0f64.sqrt()).abs() < 1e-9,
        "the norm is that of the gradient as given"
    );
}
