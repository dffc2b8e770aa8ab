//! What must hold of every optimizer of the registry, whatever its formula.

mod common;

use common::{Data, Setting, args, levels, random, settings, slots, small};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::settings::{Domain, Parameter, Range, Value, Values};
use steepest::{Clip, DType, Error, Level, NonFinite, Optimizer, Param, Slot};

/// Parameter and gradient types that an element rule takes; a tensor rule takes the first two.
const TYPES: [(DType, DType); 8] = [
    (DType::F64, DType::F64),
    (DType::F32, DType::F32),
    (DType::F32, DType::Bf16),
    (DType::F32, DType::F16),
    (DType::Bf16, DType::F32),
    (DType::Bf16, DType::Bf16),
    (DType::F16, DType::F32),
    (DType::F16, DType::F16),
];

fn types(entry: &Entry) -> &'static [(DType, DType)] {
    if entry.traits.half { &TYPES } else { &TYPES[..2] }
}

/// What a run leaves behind, to be compared bit for bit.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    theta: Vec<Vec<u64>>,
    state: Vec<u64>,
    norms: Vec<Option<u64>>,
    ratios: Vec<Option<u64>>,
}

/// A run that tests vary one thing of.
#[derive(Clone)]
struct Run<'a> {
    entry: &'a Entry,
    setting: &'a Setting,
    level: Level,
    types: (DType, DType),
    clip: Option<Clip>,
    measure: u64,
    non_finite: NonFinite,
    steps: u64,
}

impl<'a> Run<'a> {
    fn new(entry: &'a Entry, setting: &'a Setting) -> Self {
        Self {
            entry,
            setting,
            level: Level::best(),
            types: (DType::F32, DType::F32),
            clip: None,
            measure: 0,
            non_finite: NonFinite::Error,
            steps: 3,
        }
    }

    fn build(&self, shapes: &[Vec<usize>]) -> Optimizer {
        let params = shapes
            .iter()
            .enumerate()
            .map(|(i, shape)| Param::new(format!("p{i}"), shape.clone(), self.types.0));
        Optimizer::builder(self.entry.make(&self.setting.values))
            .level(self.level)
            .clip(self.clip)
            .measure_updates(self.measure)
            .non_finite(self.non_finite)
            .build(params)
            .unwrap_or_else(|e| panic!("{} {}: {e}", self.entry.name, self.setting.name))
    }

    /// Steps over the whole of `theta`; step t uses `grads[t % grads.len()]`.
    fn whole(&self, theta: &[Vec<f64>], grads: &[Vec<Vec<f64>>]) -> Outcome {
        let shapes: Vec<Vec<usize>> = theta.iter().map(|t| vec![t.len()]).collect();
        let offsets = vec![0; theta.len()];
        self.at(&shapes, &offsets, theta, grads)
    }

    /// Steps over slices that begin `offsets` elements after the start of their buffers. The
    /// buffers' elements before and behind must stay as they are.
    fn at(
        &self,
        shapes: &[Vec<usize>],
        offsets: &[usize],
        theta: &[Vec<f64>],
        grads: &[Vec<Vec<f64>>],
    ) -> Outcome {
        const GUARD: f64 = 77.0;
        let place = |dtype, offset: usize, values: &[f64]| {
            let mut padded = vec![GUARD; offset];
            padded.extend(values);
            padded.extend([GUARD; 3]);
            Data::of(dtype, &padded)
        };
        // the gradient is misaligned otherwise than the parameter
        let grad_offset = |i: usize| (offsets[i] * 7 + 3) % 16;
        let mut optimizer = self.build(shapes);
        let mut theta: Vec<Data> =
            theta.iter().zip(offsets).map(|(t, o)| place(self.types.0, *o, t)).collect();
        let lengths: Vec<usize> = shapes.iter().map(|s| s.iter().product()).collect();
        let grads: Vec<Vec<Data>> = grads
            .iter()
            .map(|grads| {
                let with_offset = grads.iter().enumerate();
                with_offset.map(|(i, g)| place(self.types.1, grad_offset(i), g)).collect()
            })
            .collect();
        let mut norms = Vec::new();
        for step in 1..=self.steps {
            let grads = &grads[step as usize % grads.len()];
            let mut slots: Vec<Slot> = theta
                .iter_mut()
                .zip(grads)
                .enumerate()
                .map(|(i, (t, g))| {
                    let (from, n) = (grad_offset(i), lengths[i]);
                    Slot::new(t.part_mut(offsets[i]..offsets[i] + n), g.part(from..from + n))
                })
                .collect();
            let report = optimizer.step(args(self.setting.lr(step)), &mut slots).unwrap();
            norms.push(report.gradient_norm.map(f64::to_bits));
        }
        let inside = |i: usize| offsets[i]..offsets[i] + lengths[i];
        let mut bits = Vec::new();
        for (i, theta) in theta.iter().enumerate() {
            let values = theta.to_f64();
            let around = values[..offsets[i]].iter().chain(&values[inside(i).end..]);
            assert!(around.copied().eq(std::iter::repeat_n(GUARD, offsets[i] + 3)), "wrote beside a slice");
            bits.push(common::bits(&values[inside(i)]));
        }
        Outcome {
            theta: bits,
            state: common::state_words(&optimizer),
            norms,
            ratios: optimizer.health().iter().map(|h| h.update_ratio.map(f64::to_bits)).collect(),
        }
    }
}

/// `count` sets of random gradients for tensors of these lengths.
fn random_grads(count: u64, lengths: &[usize]) -> Vec<Vec<Vec<f64>>> {
    (0..count)
        .map(|set| lengths.iter().enumerate().map(|(i, n)| random(1000 * (set + 1) + i as u64, *n)).collect())
        .collect()
}

fn random_theta(lengths: &[usize]) -> Vec<Vec<f64>> {
    lengths.iter().enumerate().map(|(i, n)| random(i as u64, *n)).collect()
}

/// What the driver may do to a gradient on its way.
fn policies() -> Vec<(Option<Clip>, u64)> {
    vec![
        (Some(Clip::Value(0.3)), 0),
        (Some(Clip::TensorNorm(0.5)), 0),
        (Some(Clip::GlobalNorm(0.5)), 1),
        (Some(Clip::Adaptive { factor: 0.1, eps: 1e-3 }), 0),
        (None, 1),
    ]
}

#[test]
fn every_level_gives_the_bits_of_the_reference_for_every_length_and_offset() {
    let (longest, levels) = if small() { (33, vec![Level::best()]) } else { (64, levels().collect()) };
    let lengths: Vec<usize> = (0..=longest).collect();
    let shapes: Vec<Vec<usize>> = lengths.iter().map(|n| vec![*n]).collect();
    let (theta, grads) = (random_theta(&lengths), random_grads(3, &lengths));
    for entry in OPTIMIZERS {
        for (i, setting) in settings(entry).iter().enumerate() {
            for &types in types(entry) {
                let halves = types.0 != types.1 || types.0.size() == 2;
                if small() && halves && i > 0 {
                    continue;
                }
                // all offsets for the defaults; a setting's own formula meets all of them across the
                // lengths, and half precision passes through the same buffers whatever the formula
                let offsets = match (small(), i, halves) {
                    (false, 0, _) => 0..16,
                    (false, _, false) => 0..5,
                    _ => 0..3,
                };
                let mut run = Run { types, ..Run::new(entry, setting) };
                run.level = Level::Scalar;
                let expected = run.at(&shapes, &vec![0; shapes.len()], &theta, &grads);
                for &level in &levels {
                    run.level = level;
                    for offset in offsets.clone() {
                        // neighbours in the list begin at different offsets
                        let offsets: Vec<usize> = lengths.iter().map(|n| (n * 5 + offset) % 16).collect();
                        let found = run.at(&shapes, &offsets, &theta, &grads);
                        let place = || format!("{} {} {types:?} {level:?}", entry.name, setting.name);
                        assert_eq!(found, expected, "{} offset {offset}", place());
                    }
                }
            }
        }
    }
}

#[test]
fn every_level_gives_the_bits_of_the_reference_with_clipping_and_measuring() {
    let lengths: Vec<usize> = if small() { vec![0, 1, 17, 1025] } else { vec![0, 1, 15, 17, 63, 1025, 3000] };
    let (theta, grads) = (random_theta(&lengths), random_grads(3, &lengths));
    for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.half) {
        let setting = &settings(entry)[0];
        for types in TYPES {
            for (clip, measure) in policies() {
                let mut run = Run { types, clip, measure, ..Run::new(entry, setting) };
                run.level = Level::Scalar;
                let expected = run.whole(&theta, &grads);
                // measuring must not change what is measured
                run.measure = 0;
                let unmeasured = run.whole(&theta, &grads);
                assert_eq!(unmeasured.theta, expected.theta, "{} {types:?} {clip:?}", entry.name);
                run.measure = measure;
                for level in levels() {
                    run.level = level;
                    let found = run.whole(&theta, &grads);
                    assert_eq!(found, expected, "{} {types:?} {clip:?} {level:?}", entry.name);
                }
            }
        }
    }
}

#[test]
fn every_level_treats_special_values_alike() {
    let max = f64::from(f32::MAX);
    let tiny = f64::from(f32::from_bits(1));
    let one_sign = [
        0.0,
        tiny,
        100.0 * tiny,
        f64::from(f32::MIN_POSITIVE),
        1e-30,
        1e-19,
        1e-4,
        1.0,
        65504.0,
        1e19,
        1e30,
        max,
        f64::INFINITY,
        f64::NAN,
        5e-324,
        1e-310,
        1e-200,
        1e200,
        f64::MAX,
    ];
    let values: Vec<f64> = one_sign.iter().flat_map(|x| [*x, -x]).collect();
    // every value of θ with every value of g
    let theta = vec![values.iter().flat_map(|t| vec![*t; values.len()]).collect::<Vec<f64>>()];
    let first: Vec<f64> = values.iter().flat_map(|_| values.iter().copied()).collect();
    // and then another gradient, so that each meets a state of another kind
    let mut second = first.clone();
    second.rotate_left(5);
    let grads = vec![vec![second], vec![first]];
    for entry in OPTIMIZERS {
        for setting in &settings(entry) {
            for &types in types(entry) {
                let mut run = Run { types, ..Run::new(entry, setting) };
                run.non_finite = NonFinite::Unchecked;
                run.level = Level::Scalar;
                let expected = run.whole(&theta, &grads);
                for level in levels() {
                    run.level = level;
                    let found = run.whole(&theta, &grads);
                    assert_eq!(found, expected, "{} {} {types:?} {level:?}", entry.name, setting.name);
                }
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    // both above the 98 304 elements that stay on the calling thread: in four tasks, and in two
    let large = [1, 17, 3000, 50_000, 150_000];
    let smaller = [1, 17, 3000, 40_000, 60_000];
    let [large, smaller] = [large, smaller].map(|n| (random_theta(&n), random_grads(3, &n)));
    let pools: Vec<rayon::ThreadPool> =
        (1..=3).map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()).collect();
    for entry in OPTIMIZERS {
        for (i, setting) in settings(entry).iter().enumerate() {
            for &types in if i == 0 && !small() { types(entry) } else { &TYPES[1..2] } {
                let mut run = Run { types, ..Run::new(entry, setting) };
                // a norm of all gradients that depended on the order of summing would show in θ
                run.clip = Some(Clip::GlobalNorm(10.0));
                let mut compare = |(theta, grads): &(Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>), steps: u64| {
                    (run.steps, run.measure) = (steps, steps.div_ceil(2));
                    let outcomes: Vec<Outcome> =
                        pools.iter().map(|pool| pool.install(|| run.whole(theta, grads))).collect();
                    for (n, found) in outcomes.iter().enumerate() {
                        let same = found == &outcomes[0]; // a diff of 200 000 numbers helps nobody
                        assert!(same, "{} {} {types:?}: {} threads", entry.name, setting.name, n + 1);
                    }
                };
                compare(if i == 0 { &large } else { &smaller }, if small() || i > 0 { 2 } else { 4 });
                if i == 0 && types == (DType::F32, DType::F32) && !small() {
                    compare(&smaller, 300);
                }
            }
            if small() {
                break;
            }
        }
    }
}

#[test]
fn splitting_a_tensor_changes_no_bit() {
    let pieces = [1, 16, 700, 15, 31, 237];
    let whole: usize = pieces.iter().sum();
    let (theta, grads) = (random_theta(&[whole]), random_grads(3, &[whole]));
    let split = |values: &[f64]| {
        let mut rest = values;
        let cut = |n: &usize| {
            let (piece, more) = rest.split_at(*n);
            rest = more;
            piece.to_vec()
        };
        pieces.iter().map(cut).collect::<Vec<_>>()
    };
    let split_grads: Vec<Vec<Vec<f64>>> = grads.iter().map(|g| split(&g[0])).collect();
    for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.elementwise) {
        for setting in &settings(entry) {
            for types in TYPES {
                let run = Run { types, ..Run::new(entry, setting) };
                let expected = run.whole(&theta, &grads).theta.concat();
                let found = run.whole(&split(&theta[0]), &split_grads).theta.concat();
                assert_eq!(found, expected, "{} {} {types:?}", entry.name, setting.name);
            }
        }
    }
}

#[test]
fn a_permuted_tensor_gives_the_permuted_result() {
    // 619 and 1000 have no common divisor, so i → 619·i visits every place once
    let permute = |values: &[f64]| (0..1000).map(|i| values[i * 619 % 1000]).collect::<Vec<f64>>();
    let (theta, grads) = (random_theta(&[1000]), random_grads(3, &[1000]));
    let permuted: Vec<Vec<Vec<f64>>> = grads.iter().map(|g| vec![permute(&g[0])]).collect();
    for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.elementwise) {
        for setting in &settings(entry) {
            for types in TYPES {
                let run = Run { types, ..Run::new(entry, setting) };
                let straight = run.whole(&theta, &grads);
                let found = run.whole(&[permute(&theta[0])], &permuted);
                let expected: Vec<u64> = (0..1000).map(|i| straight.theta[0][i * 619 % 1000]).collect();
                assert_eq!(found.theta[0], expected, "{} {} {types:?}", entry.name, setting.name);
            }
        }
    }
}

/// `setting` without weight decay.
fn undecayed(entry: &Entry, setting: &Setting) -> Setting {
    let mut setting = setting.clone();
    for parameter in
        (entry.parameters)().iter().filter(|p| ["weight_decay", "adam_weight_decay"].contains(&p.name))
    {
        setting.values.insert(parameter.name.into(), Value::Number(0.0));
    }
    setting
}

#[test]
fn a_zero_gradient_moves_nothing_and_denormals_stay() {
    let mut theta = random(1, 100);
    theta.extend([0.0, -0.0, 5e-324, -1e-310, 1e-45, -1e-40, 1.2e-38, 6e-8, f64::from(f32::MAX), 65504.0]);
    for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.still) {
        for setting in &settings(entry) {
            let setting = &undecayed(entry, setting);
            for &types in types(entry) {
                // f32::MAX is infinite in half precision, and ∞ is no parameter: 0·∞ is NaN
                let mut theta = Data::of(types.0, &theta).to_f64();
                theta.retain(|x| x.is_finite());
                let expected = vec![common::bits(&theta)];
                let grads = vec![vec![vec![0.0; theta.len()]]];
                for level in levels() {
                    let run = Run { types, level, ..Run::new(entry, setting) };
                    let found = run.whole(std::slice::from_ref(&theta), &grads).theta;
                    assert_eq!(found, expected, "{} {} {types:?} {level:?}", entry.name, setting.name);
                }
            }
        }
    }
}

#[test]
fn step_numbers_up_to_the_last_neither_wrap_nor_panic() {
    let grads = [Data::of(DType::F32, &random(7, 20))];
    for entry in OPTIMIZERS {
        for (i, setting) in settings(entry).iter().enumerate() {
            let run = Run::new(entry, setting);
            for start in [(1 << 31) - 2, (1 << 32) - 2, (1 << 53) - 2, u64::MAX - 2] {
                let mut optimizer = run.build(&[vec![20]]);
                let bytes = common::with_steps(&optimizer.to_bytes().unwrap(), start);
                optimizer.from_bytes(&bytes).unwrap();
                assert_eq!(optimizer.steps_taken(), start);
                let mut theta = [Data::of(DType::F32, &random(8, 20))];
                let before = theta[0].to_f64();
                let place = format!("{} {} from {start}", entry.name, setting.name);
                for step in 1..=4 {
                    let report =
                        optimizer.step(args(setting.lr(step)), &mut slots(&mut theta, &grads)).unwrap();
                    assert_eq!(report.step, start.saturating_add(step), "{place}");
                    assert_eq!(optimizer.steps_taken(), report.step, "{place}");
                }
                let saved = common::state_of(&optimizer);
                assert_eq!(saved["p0/steps"], [start.saturating_add(4) as f64], "{place}");
                let after = theta[0].to_f64();
                assert!(after.iter().all(|x| x.is_finite()), "{place}: {after:?}");
                // a setting may have made the rate tiny by then
                // and so may 1/√t
                let may_rest = i > 0 || entry.traits.fading || start > 1 << 53;
                assert!(may_rest || before != after, "{place}: nothing moved");
            }
        }
    }
}

/// A value for a setting from its row of the table: `u` in [0, 1) chooses.
fn drawn(parameter: &Parameter, u: f64) -> Value {
    let number = |range: &Range| match (range.low(), range.high()) {
        // unbounded ranges hold small terms, decays and exponents: 1e-8 to 1 above the low end
        (low, f64::INFINITY) => low.max(-1.0) + 10f64.powf(8.0 * u - 8.0),
        // near the upper end things are most delicate: 1 − 1e-4 of the way at most; not on an open lower end
        (low, high) => low + (high - low) * (1.0 - 10f64.powf(-4.0 * u.max(1e-3))),
    };
    let from_one = |range: &Range| range.low() == 1.0 && !range.is_low_open();
    match (&parameter.domain, &parameter.default) {
        (Domain::Flag, _) => Value::Flag(u < 0.5),
        (Domain::Interval(range) | Domain::Whole(range), Value::Number(x))
            if x.fract() == 0.0 && from_one(range) =>
        {
            Value::Number(*x)
        }
        (Domain::Whole(_), _) => Value::Number((20.0 * u).floor()),
        (Domain::Interval(range), _) => Value::Number(number(range)),
        (Domain::List(range), Value::Numbers(xs)) => Value::Numbers(vec![number(range); xs.len()]),
        (Domain::Words(words), _) => Value::Word(words[(u * words.len() as f64) as usize].to_owned()),
        (domain, default) => panic!("{}: nothing is drawn from {domain} beside {default}", parameter.name),
    }
}

/// The same cases in every run, so that what fails is what was changed; PROPTEST_RNG_SEED chooses others.
fn config(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    match usual.rng_seed {
        RngSeed::Random => ProptestConfig { rng_seed: RngSeed::Fixed(1), ..usual },
        RngSeed::Fixed(_) => usual,
    }
}

proptest! {
    #![proptest_config(config(if small() { 8 } else { 1000 }))]

    #[test]
    fn reasonable_input_never_gives_nan(
        choices in proptest::collection::vec(0.0..1.0, 16),
        given in proptest::collection::vec(any::<bool>(), 16),
        lr in 1e-6..0.1f64,
        log_size in -6.0..2.0f64,
        length in 0usize..70,
        seed in 0u64..1000,
        types in 0..TYPES.len(),
        level in 0..Level::ALL.len(),
    ) {
        let level = Level::ALL[level];
        prop_assume!(level.is_available());
        // gradients from 1e-6 to 1e2
        let grads: Vec<Vec<Vec<f64>>> = random_grads(3, &[length])
            .into_iter()
            .map(|g| vec![g[0].iter().map(|x| x * 10f64.powf(log_size)).collect()])
            .collect();
        let theta = [random(seed, length)];
        for entry in OPTIMIZERS {
            let parameters = (entry.parameters)();
            let values: Values = parameters
                .iter()
                .zip(choices.iter().zip(&given))
                // what only one dialect has is a conflict in the others: leave some as they are
                .filter(|(parameter, (_, given))| {
                    **given || entry.dialects.is_empty() || parameter.name == "dialect"
                })
                .filter(|(parameter, _)| parameter.name != "others") // which refuses vectors
                .map(|(parameter, (u, _))| (parameter.name.to_owned(), drawn(parameter, *u)))
                .collect();
            match entry.make(&values) {
                Err(Error::Conflict { .. }) => continue, // refused with a reason, not computed
                Err(e) => return Err(TestCaseError::fail(format!("{} {values:?}: {e}", entry.name))),
                Ok(_) => {}
            }
            let setting =
                Setting { name: "drawn".into(), lr, inverse_time: false, on_path: false, values, torch_dialect: true };
            let of_row = self::types(entry);
            let run = Run { types: of_row[types % of_row.len()], level, steps: 20, ..Run::new(entry, &setting) };
            let found = run.whole(&theta, &grads);
            let values = |found: &Outcome| {
                found.theta.concat().into_iter().chain(found.state.iter().copied()).map(f64::from_bits).collect()
            };
            let numbers: Vec<f64> = values(&found);
            if numbers.iter().all(|x| x.is_finite()) {
                continue;
            }
            // settings may diverge: then the same run in f64 leaves the type's range, or grows without bound, before
            // anything is not finite
            let range = if run.types.0 == DType::F16 { 6550.0 } else { 1e10 };
            let left = (1..=run.steps)
                .map(|steps| values(&Run { types: TYPES[0], steps, ..run.clone() }.whole(&theta, &grads)))
                .take_while(|exact: &Vec<f64>| exact.iter().all(|x| x.is_finite()))
                .any(|exact| exact.iter().any(|x| x.abs() > range));
            prop_assert!(left, "{} {:?} {:?}: {numbers:?}", entry.name, setting.values, run.types);
        }
    }
}
