//! State, weights and gradients in few bytes: what must hold of every optimizer that can keep them so.

mod common;

use common::{Data, Setting, args, levels, random, settings, small};
use half::bf16;
use steepest::registry::{Entry, OPTIMIZERS};
use steepest::rule::Scope;
use steepest::{
    AdamW, Clip, DType, Ema, Error, Group, InstructionSet, Lookahead, Master, Muon, NonFinite, Optimizer,
    Param, Rounding, Sgd, Slot, StateFormat, StateKind,
};

/// Types of parameter and gradient, and how state and weights are kept.
type Kept = (DType, DType, StateFormat, Master, Rounding);

const KEPT: [Kept; 8] = [
    (DType::F32, DType::F32, StateFormat::Bf16, Master::None, Rounding::Nearest),
    (DType::F32, DType::F32, StateFormat::Bits8, Master::None, Rounding::Nearest),
    (DType::F32, DType::Bf16, StateFormat::Bits8, Master::None, Rounding::Nearest),
    (DType::Bf16, DType::Bf16, StateFormat::Bits8, Master::Correction, Rounding::Nearest),
    (DType::Bf16, DType::F32, StateFormat::F32, Master::Correction, Rounding::Stochastic),
    (DType::Bf16, DType::Bf16, StateFormat::F32, Master::F32, Rounding::Nearest),
    (DType::F16, DType::F16, StateFormat::Bf16, Master::F32, Rounding::Nearest),
    (DType::F16, DType::F32, StateFormat::F32, Master::None, Rounding::Stochastic),
];

/// Those that can keep their state in few bytes.
fn rows() -> impl Iterator<Item = &'static Entry> {
    OPTIMIZERS.iter().filter(|entry| entry.traits.half)
}

/// A run, of which tests vary one thing.
#[derive(Clone, Copy)]
struct Run<'a> {
    entry: &'a Entry,
    setting: &'a Setting,
    kept: Kept,
    level: InstructionSet,
    seed: u64,
    /// Steps before the state goes through a file into another optimizer, and steps after it.
    steps: (u64, u64),
    /// Whether everything that composes with a rule does.
    composed: bool,
    /// Whether each update is measured, which takes other ways through memory.
    measured: bool,
    non_finite: NonFinite,
}

impl<'a> Run<'a> {
    fn new(entry: &'a Entry, setting: &'a Setting, kept: Kept) -> Self {
        let level = InstructionSet::best();
        let (steps, composed, non_finite) = ((0, 3), false, NonFinite::Error);
        Self { entry, setting, kept, level, seed: 7, steps, composed, measured: false, non_finite }
    }

    fn build(&self, seed: u64, lengths: &[usize]) -> Optimizer {
        let (dtype, _, format, master, rounding) = self.kept;
        let mut builder = Optimizer::builder(self.entry.make(&self.setting.values))
            .instruction_set(self.level)
            .non_finite(self.non_finite)
            .group(Group::named("*").state_format(format))
            .master(master)
            .rounding(rounding)
            .seed(seed);
        if self.measured {
            builder = builder.measure_updates(1);
        }
        if self.composed {
            builder = builder.clip(Clip::GlobalNorm(0.5)).measure_updates(2).centralize(true);
            let alone = self.entry.make(&self.setting.values).unwrap().evaluates();
            if !alone {
                builder = builder.cautious(true).average(Ema::default()).lookahead(Lookahead::default());
            }
        }
        let params = lengths.iter().enumerate().map(|(i, n)| Param::new(format!("p{i}"), [*n], dtype));
        builder.build(params).unwrap_or_else(|e| panic!("{} {:?}: {e}", self.entry.name, self.kept))
    }

    /// The bits of parameters and of the state file's numbers, of tensors with these values and gradients.
    fn of(&self, theta: &[Vec<f64>], grads: &[Vec<Vec<f64>>]) -> (Vec<Vec<u64>>, Vec<u64>) {
        let (dtype, of_grad, ..) = self.kept;
        let lengths: Vec<usize> = theta.iter().map(Vec::len).collect();
        let mut theta: Vec<Data> = theta.iter().map(|t| Data::of(dtype, t)).collect();
        let grads: Vec<Vec<Data>> =
            grads.iter().map(|set| set.iter().map(|g| Data::of(of_grad, g)).collect()).collect();
        let mut optimizer = self.build(self.seed, &lengths);
        for step in 0..self.steps.0 + self.steps.1 {
            if step > 0 && step == self.steps.0 {
                let bytes = optimizer.to_bytes().unwrap();
                // its own seed, which the file's replaces
                optimizer = self.build(self.seed + 1, &lengths);
                optimizer.from_bytes(&bytes).unwrap();
            }
            let grads = &grads[step as usize % grads.len()];
            optimizer.step(args(self.setting.lr(step + 1)), &mut common::slots(&mut theta, grads)).unwrap();
        }
        (theta.iter().map(Data::bits).collect(), common::state_words(&optimizer))
    }
}

/// Parameters, and gradients of very different sizes, some of them zero.
fn problem(lengths: &[usize]) -> (Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>) {
    let theta = lengths.iter().enumerate().map(|(i, n)| random(i as u64, *n)).collect();
    let grads = (1..4).map(|set| {
        let of = |(i, n): (usize, &usize)| {
            let sizes = random(500 + i as u64, *n);
            let values = random(1000 * set + i as u64, *n);
            let each = values.iter().zip(&sizes).enumerate();
            each.map(|(i, (g, s))| if i % 17 == 5 { 0.0 } else { g * 10f64.powf(3.0 * s - 3.0) }).collect()
        };
        lengths.iter().enumerate().map(of).collect()
    });
    (theta, grads.collect())
}

#[test]
fn every_level_gives_the_bits_of_the_reference_for_every_length() {
    let lengths: Vec<usize> = if small() {
        vec![0, 1, 17, 128, 131, 1030]
    } else {
        (0..34).chain([63, 64, 65, 127, 128, 129, 200, 255, 256, 257, 1023, 1024, 1025, 3000]).collect()
    };
    let (theta, grads) = problem(&lengths);
    for entry in rows() {
        for (i, setting) in settings(entry).iter().enumerate() {
            for kept in KEPT {
                // what composes is the same whatever the setting
                for composed in [false, true] {
                    if (composed || small()) && i > 0 {
                        continue;
                    }
                    let run = Run { composed, ..Run::new(entry, setting, kept) };
                    let expected = Run { level: InstructionSet::Scalar, ..run }.of(&theta, &grads);
                    for level in levels().skip(1) {
                        let same = Run { level, ..run }.of(&theta, &grads) == expected;
                        assert!(same, "{} {} {kept:?} {level:?} {composed}", entry.name, setting.name);
                    }
                }
            }
        }
    }
}

#[test]
fn a_tensor_that_comes_from_memory_steps_as_one_from_the_cache() {
    // together more than a cache holds, so that memory is asked for early; both lengths end within everything
    let (theta, grads) = problem(&[3037, 96 * 1024]);
    let alone: Vec<Vec<Vec<f64>>> = grads.iter().map(|set| set[..1].to_vec()).collect();
    let whole = [DType::F32, DType::F64]
        .map(|dtype| (dtype, dtype, StateFormat::F32, Master::None, Rounding::Nearest));
    let count = if small() { 2 } else { usize::MAX };
    for entry in rows().take(count) {
        let setting = &settings(entry)[0];
        if entry.make(&setting.values).unwrap().scope() == Scope::All {
            continue; // one tensor's gradients then move the other's weights
        }
        for kept in whole.into_iter().chain(KEPT).take(count) {
            for level in levels() {
                for &measured in if level == InstructionSet::best() { &[false, true][..] } else { &[false] } {
                    let run = Run { level, measured, steps: (0, 2), ..Run::new(entry, setting, kept) };
                    let (near, _) = run.of(&theta[..1], &alone);
                    let (far, _) = run.of(&theta, &grads);
                    assert!(far[0] == near[0], "{} {kept:?} {level:?} measured: {measured}", entry.name);
                }
            }
        }
    }
}

#[test]
fn neither_threads_nor_an_interruption_change_a_bit_and_the_seed_does() {
    // more than stays on the calling thread
    let lengths: &[usize] = if small() { &[1, 17, 300] } else { &[1, 17, 3000, 30_000, 70_000] };
    let (theta, grads) = problem(lengths);
    let pools: Vec<rayon::ThreadPool> =
        (1..=3).map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()).collect();
    for entry in rows() {
        let setting = &settings(entry)[0];
        for kept in KEPT {
            let run = Run { steps: (0, 4), ..Run::new(entry, setting, kept) };
            let place = format!("{} {kept:?}", entry.name);
            let expected = pools[0].install(|| run.of(&theta, &grads));
            for (n, pool) in pools.iter().enumerate().skip(1) {
                let same = pool.install(|| run.of(&theta, &grads)) == expected;
                assert!(same, "{place}: {} threads", n + 1);
            }
            let same = Run { steps: (2, 2), ..run }.of(&theta, &grads) == expected;
            assert!(same, "{place}: through a file");
            if small() {
                continue;
            }
            let (_, _, format, master, rounding) = kept;
            let other = Run { seed: 8, ..run }.of(&theta, &grads);
            // state is rounded at random where it is kept in few bytes and holds no points, and weights where asked for
            let rule = entry.make(&setting.values).unwrap();
            let of_state =
                format != StateFormat::F32 && rule.kinds().iter().any(|kind| *kind != StateKind::Point);
            let of_weights = rounding == Rounding::Stochastic && master != Master::F32;
            if of_state || of_weights {
                assert!(other != expected, "{place}: the seed does nothing");
            } else {
                assert!(other == expected, "{place}: the seed does something");
            }
        }
    }
}

#[test]
fn looking_at_the_updates_changes_no_bit() {
    let lengths: &[usize] = if small() { &[1, 131] } else { &[1, 17, 128, 131, 1030, 3000] };
    let (theta, grads) = problem(lengths);
    for entry in rows() {
        let setting = &settings(entry)[0];
        for kept in KEPT {
            let run = Run::new(entry, setting, kept);
            let same = Run { measured: true, ..run }.of(&theta, &grads) == run.of(&theta, &grads);
            assert!(same, "{} {kept:?}", entry.name);
        }
    }
}

#[test]
fn a_file_holds_codes_in_the_order_of_the_elements() {
    // one whole group and a part of one
    let positive = |i: usize| i.is_multiple_of(3) || i % 7 == 2;
    let grad: Vec<f64> = (0..200).map(|i| if positive(i) { 1.0 } else { -1.0 }).collect();
    for (dtype, master) in [(DType::F32, Master::None), (DType::Bf16, Master::Correction)] {
        let mut theta = [Data::of(dtype, &[1.0; 200])];
        let mut optimizer = Optimizer::builder(AdamW::default())
            .group(Group::named("*").state_format(StateFormat::Bits8))
            .master(master)
            .build([Param::new("w", [200], dtype)])
            .unwrap();
        optimizer.step(0.1, &mut common::slots(&mut theta, &[Data::of(dtype, &grad)])).unwrap();
        let bytes = optimizer.to_bytes().unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let codes = file.tensor("w/exp_avg").unwrap();
        assert!(
            codes.data().iter().enumerate().all(|(i, code)| (code & 0x80 == 0) == positive(i)),
            "{dtype}"
        );
        assert!(optimizer.state("w", "exp_avg").unwrap().iter().zip(&grad).all(|(m, g)| m * g > 0.0));
    }
}

#[test]
fn a_zero_gradient_moves_nothing() {
    let theta = vec![random(3, 300)];
    let grads = vec![vec![vec![0.0; 300]]];
    for entry in rows().filter(|entry| entry.traits.still) {
        for kept in KEPT {
            let mut setting = settings(entry)[0].clone();
            for name in (entry.parameters)().iter().map(|p| p.name).filter(|name| *name == "weight_decay") {
                setting.values.insert(name.into(), steepest::settings::Value::Number(0.0));
            }
            let run = Run::new(entry, &setting, kept);
            let expected = Data::of(kept.0, &theta[0]).bits();
            assert_eq!(run.of(&theta, &grads).0[0], expected, "{} {kept:?}", entry.name);
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_not_hidden_and_every_level_treats_them_alike() {
    let max = f64::from(f32::MAX);
    let special =
        [0.0, -0.0, 1e-45, -1e-38, 1e-30, 1.0, -1e19, 1e30, max, f64::INFINITY, f64::NAN, -f64::NAN];
    let mut values = Vec::new();
    for x in special {
        // each in a group of its own
        values.extend([0.5; 128]);
        let at = values.len() - 60;
        values[at] = x;
    }
    let theta = vec![vec![0.25; values.len()]];
    let mut later = values.clone();
    later.rotate_left(128);
    let grads = vec![vec![later], vec![values.clone()]];
    for entry in rows() {
        let setting = &settings(entry)[0];
        for kept in KEPT {
            let run =
                Run { non_finite: NonFinite::Unchecked, steps: (0, 4), ..Run::new(entry, setting, kept) };
            let expected = Run { level: InstructionSet::Scalar, ..run }.of(&theta, &grads);
            for level in levels().skip(1) {
                let found = Run { level, ..run }.of(&theta, &grads);
                assert!(found == expected, "{} {kept:?} {level:?}", entry.name);
            }
        }
    }
    let mut optimizer = Optimizer::builder(AdamW::default())
        .state_format(StateFormat::Bits8)
        .non_finite(NonFinite::Unchecked)
        .build([Param::new("w", [4096], DType::F32)])
        .unwrap();
    let (mut theta, mut grad) = (vec![1.0f32; 4096], vec![0.5f32; 4096]);
    grad[300] = f32::NAN;
    optimizer.step(0.1, &mut [Slot::new(&mut theta, &grad)]).unwrap();
    let broken =
        |values: &[f64]| values.iter().enumerate().filter(|(_, x)| x.is_nan()).map(|(i, _)| i).collect();
    // the parameter's own element at once, and its group of the state
    assert!(theta.iter().enumerate().all(|(i, x)| x.is_nan() == (i == 300)));
    for name in ["exp_avg", "exp_avg_sq"] {
        let found: Vec<usize> = broken(&optimizer.state("w", name).unwrap());
        assert_eq!(found, (256..384).collect::<Vec<_>>(), "{name}");
    }
}

/// A long run of `builder` on a bowl with noise, and its loss at the end.
fn noisy_bowl(builder: steepest::Builder, dtype: DType, lr: f64) -> f64 {
    const N: usize = 4096;
    let (centre, curvature) = (random(1, N), random(2, N));
    let mut theta = [Data::of(dtype, &vec![2.0; N])];
    let mut optimizer = builder.build([Param::new("w", [N], dtype)]).unwrap();
    let loss = |theta: &[f64]| {
        let each = theta.iter().zip(&centre).zip(&curvature);
        each.map(|((x, c), k)| (1.5 + k) * (x - c).powi(2)).sum::<f64>() / N as f64
    };
    for step in 0..600u64 {
        let at = theta[0].to_f64();
        let noise = random(100 + step, N);
        let each = at.iter().zip(&centre).zip(&curvature).zip(&noise);
        let grad: Vec<f64> = each.map(|(((x, c), k), e)| (1.5 + k) * (x - c) + 0.3 * e).collect();
        let grad = [Data::of(if dtype == DType::F64 { DType::F64 } else { DType::F32 }, &grad)];
        // falls towards nothing, where rounding shows
        let rate = lr * (1.0 - step as f64 / 600.0);
        optimizer.step(rate, &mut common::slots(&mut theta, &grad)).unwrap();
    }
    loss(&theta[0].to_f64())
}

#[test]
fn few_bytes_train_as_well_as_f32_and_half_precision_alone_does_not() {
    if small() {
        return; // a long run, of what the other tests run through too
    }
    let adamw = || Optimizer::builder(AdamW { weight_decay: 0.0, ..AdamW::default() });
    let full = noisy_bowl(adamw(), DType::F32, 0.02);
    let close = |name, loss: f64| assert!(loss < 1.1 * full, "{name}: {loss:e}, f32 {full:e}");
    close("bf16 state", noisy_bowl(adamw().state_format(StateFormat::Bf16), DType::F32, 0.02));
    // rounding at random: a mean over seeds, of which one wanders by some hundredths
    let seeds = |builder: &dyn Fn() -> steepest::Builder, dtype| {
        (0..4).map(|seed| noisy_bowl(builder().seed(seed), dtype, 0.02)).sum::<f64>() / 4.0
    };
    close("8-bit state", seeds(&|| adamw().state_format(StateFormat::Bits8), DType::F32));
    close("f32 copy", noisy_bowl(adamw().master(Master::F32), DType::Bf16, 0.02));
    let corrected = || adamw().master(Master::Correction).state_format(StateFormat::Bits8);
    close("correction and 8-bit state", seeds(&corrected, DType::Bf16));
    close("random rounding", noisy_bowl(adamw().rounding(Rounding::Stochastic), DType::F16, 0.02));
    // what all of this is for
    let alone = noisy_bowl(adamw(), DType::Bf16, 0.02);
    let dithered = noisy_bowl(adamw().rounding(Rounding::Stochastic), DType::Bf16, 0.02);
    assert!(alone > 1.5 * full, "bf16 alone: {alone:e}, f32 {full:e}");
    assert!(dithered < alone, "{dithered:e} {alone:e}");
}

#[test]
fn a_parameter_with_an_f32_copy_moves_as_one_in_f32() {
    let start = Data::of(DType::Bf16, &random(5, 3000)).to_f64();
    let grads: Vec<Data> = (0..20).map(|i| Data::of(DType::F32, &random(50 + i, 3000))).collect();
    for half in [DType::Bf16, DType::F16] {
        let mut copied = [Data::of(half, &start)];
        let mut full = [Data::of(DType::F32, &copied[0].to_f64())];
        let make = |dtype, master| {
            let builder = Optimizer::builder(AdamW::default()).master(master);
            builder.build([Param::new("w", [3000], dtype)]).unwrap()
        };
        let (mut a, mut b) = (make(half, Master::F32), make(DType::F32, Master::None));
        for grad in &grads {
            let grad = std::slice::from_ref(grad);
            a.step(1e-3, &mut common::slots(&mut copied, grad)).unwrap();
            b.step(1e-3, &mut common::slots(&mut full, grad)).unwrap();
        }
        let exact = full[0].to_f64();
        assert_eq!(a.state("w", "master_weights").unwrap(), exact);
        assert_eq!(copied[0].bits(), Data::of(half, &exact).bits());
        // what is changed from outside is taken over, the rest stays as precise as it was
        let mut changed = copied[0].to_f64();
        changed[7] = 0.5;
        copied[0] = Data::of(half, &changed);
        let zero = [Data::of(DType::F32, &vec![0.0; 3000])];
        a.step(0.0, &mut common::slots(&mut copied, &zero)).unwrap();
        let kept = a.state("w", "master_weights").unwrap();
        assert_eq!(kept[7], 0.5);
        assert!(kept.iter().zip(&exact).enumerate().all(|(i, (a, b))| i == 7 || a == b));
    }
}

#[test]
fn a_parameter_and_its_correction_are_the_first_24_bits() {
    let start = Data::of(DType::Bf16, &random(5, 3000));
    let mut theta = [start];
    let mut full = [Data::of(DType::F32, &theta[0].to_f64())];
    let sgd = || Optimizer::builder(Sgd::default());
    let mut a = sgd().master(Master::Correction).build([Param::new("w", [3000], DType::Bf16)]).unwrap();
    let mut b = sgd().build([Param::new("w", [3000], DType::F32)]).unwrap();
    let grad = [Data::of(DType::F32, &random(6, 3000))];
    a.step(1e-3, &mut common::slots(&mut theta, &grad)).unwrap();
    b.step(1e-3, &mut common::slots(&mut full, &grad)).unwrap();
    let low = a.state("w", "weight_correction").unwrap();
    for ((high, low), exact) in theta[0].to_f64().iter().zip(&low).zip(full[0].to_f64()) {
        let bits = (*high as f32).to_bits().wrapping_add_signed(*low as i32 * 256);
        let joined = f64::from(f32::from_bits(bits));
        assert!((joined - exact).abs() <= exact.abs() / 65536.0 + 1e-38, "{joined} {exact}");
    }
}

#[test]
fn a_gradient_is_set_to_zero_in_the_step_and_the_step_is_the_same() {
    for (dtype, of_grad) in [
        (DType::F64, DType::F64),
        (DType::F32, DType::F32),
        (DType::F32, DType::Bf16),
        (DType::F16, DType::F16),
    ] {
        for (composed, shape) in [(false, vec![1500]), (true, vec![30, 50]), (false, vec![0])] {
            for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.half || dtype.size() >= 4) {
                if !entry.traits.half && of_grad != dtype {
                    continue;
                }
                let n = shape.iter().product();
                let make = || {
                    let builder = Optimizer::builder(entry.make(&Default::default()));
                    let evaluates = entry.make(&Default::default()).unwrap().evaluates();
                    let builder = if composed && !evaluates {
                        builder.clip(Clip::GlobalNorm(0.1)).centralize(true).average(Ema::default())
                    } else {
                        builder
                    };
                    builder.build([Param::new("w", shape.clone(), dtype)]).unwrap()
                };
                let (mut a, mut b) = (make(), make());
                let mut theta = [Data::of(dtype, &random(1, n)), Data::of(dtype, &random(1, n))];
                for step in 0..3 {
                    let values = random(9 + step, n);
                    let mut grad = Data::of(of_grad, &values);
                    let [one, other] = &mut theta;
                    a.step(args(0.01), &mut [Slot::zeroing(one.all_mut(), grad.all_mut())]).unwrap();
                    assert!(grad.to_f64().iter().all(|g| g.to_bits() == 0), "{} {dtype}", entry.name);
                    let grad = Data::of(of_grad, &values);
                    b.step(args(0.01), &mut [Slot::new(other.all_mut(), grad.all())]).unwrap();
                }
                assert_eq!(theta[0].bits(), theta[1].bits(), "{} {dtype} {composed}", entry.name);
            }
        }
    }
}

#[test]
fn a_refused_step_keeps_the_gradient_and_a_skipped_one_zeroes_it() {
    for (policy, left) in [(NonFinite::Error, 2.0f32), (NonFinite::Skip, 0.0)] {
        let mut sgd = Optimizer::builder(Sgd::default())
            .non_finite(policy)
            .build([Param::new("a", [2], DType::F32), Param::new("b", [2], DType::F32)])
            .unwrap();
        let (mut a, mut b) = ([1.0f32; 2], [1.0f32; 2]);
        let (mut of_a, mut of_b) = ([2.0f32; 2], [f32::INFINITY, 2.0]);
        let result = sgd.step(0.1, &mut [Slot::zeroing(&mut a, &mut of_a), Slot::zeroing(&mut b, &mut of_b)]);
        assert_eq!(result.is_ok(), policy == NonFinite::Skip);
        assert_eq!((a, b), ([1.0; 2], [1.0; 2]));
        assert_eq!((of_a, of_b[1]), ([left; 2], left), "{policy:?}");
    }
}

#[test]
fn small_tensors_keep_f32_unless_a_group_says_otherwise() {
    let params = || [Param::new("bias", [4095], DType::F32), Param::new("weight", [4096], DType::F32)];
    let adamw = || Optimizer::builder(AdamW::default()).state_format(StateFormat::Bits8);
    let bytes = |builder: steepest::Builder| builder.build(params()).unwrap().state_bytes();
    let few = |n: usize| 2 * (n + n.div_ceil(128));
    assert_eq!(bytes(adamw()), 8 * 4095 + few(4096));
    assert_eq!(
        bytes(adamw().group(Group::named("bias").state_format(StateFormat::Bits8))),
        few(4095) + few(4096)
    );
    assert_eq!(
        bytes(adamw().group(Group::named("weight").state_format(StateFormat::F32))),
        8 * (4095 + 4096)
    );
    assert_eq!(bytes(adamw().state_format(StateFormat::Bf16)), 4 * (4095 + 4096));
}

#[test]
fn what_cannot_be_kept_so_is_refused_with_the_way_out() {
    let refused = |builder: steepest::Builder, param: Param| match builder.build([param]) {
        Err(error @ Error::Unsupported { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let eight = || Optimizer::builder(AdamW::default()).state_format(StateFormat::Bits8);
    let text = refused(eight(), Param::new("w", [5000], DType::F64));
    assert!(text.contains("`w`") && text.contains("8-bit") && text.contains("Group::state_format"), "{text}");
    let muon = Optimizer::builder(Muon::default()).state_format(StateFormat::Bf16);
    let text = refused(muon, Param::new("w", [64, 64], DType::F32));
    assert!(text.contains("whole tensor"), "{text}");
    let corrected = Optimizer::builder(AdamW::default()).master(Master::Correction);
    let text = refused(corrected, Param::new("w", [64], DType::F16));
    assert!(text.contains("f16") && text.contains("Master::F32"), "{text}");
    // a file of another format says so
    let params = || [Param::new("w", [5000], DType::F32)];
    let full = Optimizer::builder(AdamW::default()).build(params()).unwrap();
    let Err(Error::StateMismatch { problems }) =
        eight().build(params()).unwrap().from_bytes(&full.to_bytes().unwrap())
    else {
        panic!("f32 loaded as 8 bits");
    };
    let all = problems.join("; ");
    assert!(all.contains("w/exp_avg: expected U8 [5000], found F32") && all.contains("seed"), "{all}");
    assert!(all.contains("missing: w/exp_avg.scales"), "{all}");
}

#[test]
fn averages_of_weights_with_a_copy_are_of_the_copy() {
    let mut theta = [vec![bf16::ONE; 4]];
    let mut sgd = Optimizer::builder(Sgd::default())
        .master(Master::F32)
        .average(Ema { decay: 0.5, ..Ema::default() })
        .build([Param::new("w", [4], DType::Bf16)])
        .unwrap();
    for _ in 0..2 {
        sgd.step(1e-3, &mut [Slot::new(&mut theta[0], &[1.0f32; 4])]).unwrap();
    }
    // 1 − 1e-3 and 1 − 2e-3, of which bf16 knows nothing
    assert!(sgd.state("w", "ema_weights").unwrap().iter().all(|w| (w - 0.9985).abs() < 1e-6));
}
