//! State, weights and gradients in few bytes.

use crate::common::{self, Data, Setting, args, instruction_sets, random, scope, settings, small};
use crate::run::is_representative;
use crate::{Property, property};
use std::array::from_fn;
use std::sync::LazyLock;
use steepest::registry::Entry;
use steepest::rule::Scope;
use steepest::{
    Clip, DType, Ema, Group, InstructionSet, Lookahead, Master, NonFinite, Optimizer, Param, Rounding, Slot,
    StateFormat, StateKind,
};

/// Those that can keep their state in few bytes.
const ROWS: fn(&Entry) -> bool = |entry| entry.traits.half;

pub const PROPERTIES: &[Property] = &[
    property!(every_instruction_set_gives_the_bits_of_the_reference_for_every_length, ROWS),
    // where all tensors are measured together, the gradients of one move the weights of the other
    property!(a_tensor_that_comes_from_memory_steps_as_one_from_the_cache, |entry| {
        ROWS(entry) && scope(entry) != Scope::All && (!small() || ["sgd", "adamw"].contains(&entry.name))
    }),
    property!(the_number_of_threads_changes_no_bit, ROWS),
    property!(an_interruption_changes_no_bit_and_the_seed_does, ROWS),
    property!(looking_at_the_updates_changes_no_bit, ROWS),
    property!(a_zero_gradient_moves_nothing, |entry| ROWS(entry) && entry.traits.still),
    property!(numbers_that_are_not_finite_are_not_hidden_and_every_instruction_set_treats_them_alike, ROWS),
    property!(a_gradient_is_set_to_zero_in_the_step_and_the_step_is_the_same),
];

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

/// A run, of which tests vary one thing.
#[derive(Clone, Copy)]
struct Run<'a> {
    entry: &'a Entry,
    setting: &'a Setting,
    kept: Kept,
    instructions: InstructionSet,
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
        let instructions = InstructionSet::best();
        let (steps, composed, non_finite) = ((0, 3), false, NonFinite::Error);
        Self { entry, setting, kept, instructions, seed: 7, steps, composed, measured: false, non_finite }
    }

    fn build(&self, seed: u64, lengths: &[usize]) -> Optimizer {
        let (dtype, _, format, master, rounding) = self.kept;
        let mut builder = Optimizer::builder(self.entry.make(&self.setting.values))
            .instruction_set(self.instructions)
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

/// Parameters and sets of gradients.
type Problem = (Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>);

/// Gradients are of very different sizes, some of them zero.
fn problem(lengths: &[usize]) -> Problem {
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

fn every_instruction_set_gives_the_bits_of_the_reference_for_every_length(entry: &Entry) {
    let few = [0, 1, 17, 128, 131, 1030];
    let many = (0..34).chain([63, 64, 65, 127, 128, 129, 200, 255, 256, 257, 1023, 1024, 1025, 3000]);
    let [few, many] = [few.to_vec(), many.collect()].map(|lengths| problem(&lengths));
    for (i, setting) in settings(entry).iter().enumerate().take(if small() { 1 } else { usize::MAX }) {
        // another setting is another formula in the same loops
        let (theta, grads) = if small() || i > 0 { &few } else { &many };
        for kept in KEPT {
            // what composes is the same whatever the setting
            for composed in if i == 0 { &[false, true][..] } else { &[false] } {
                let run = Run { composed: *composed, ..Run::new(entry, setting, kept) };
                let expected = Run { instructions: InstructionSet::Scalar, ..run }.of(theta, grads);
                for instructions in instruction_sets().skip(1) {
                    let same = Run { instructions, ..run }.of(theta, grads) == expected;
                    assert!(same, "{} {kept:?} {instructions:?} {composed}", setting.name);
                }
            }
        }
    }
}

fn a_tensor_that_comes_from_memory_steps_as_one_from_the_cache(entry: &Entry) {
    // together more than a cache holds, so that memory is asked for early; both lengths end within everything
    static FAR: LazyLock<Problem> = LazyLock::new(|| problem(&[3037, 96 * 1024]));
    let (theta, grads) = &*FAR;
    let alone: Vec<Vec<Vec<f64>>> = grads.iter().map(|set| set[..1].to_vec()).collect();
    let whole = |dtype| (dtype, dtype, StateFormat::F32, Master::None, Rounding::Nearest);
    let setting = &settings(entry)[0];
    // where memory is asked for is the kernel's: all kinds and instruction sets for some
    let all = is_representative(entry) && !small();
    let kinds =
        [whole(DType::F32), KEPT[1], whole(DType::F64), KEPT[0]].into_iter().chain(KEPT[2..].iter().copied());
    for kept in kinds.take(if all { usize::MAX } else { 2 }) {
        for instructions in instruction_sets().filter(|set| all || *set == InstructionSet::best()) {
            for &measured in
                if instructions == InstructionSet::best() { &[false, true][..] } else { &[false] }
            {
                let run = Run { instructions, measured, steps: (0, 2), ..Run::new(entry, setting, kept) };
                let (near, _) = run.of(&theta[..1], &alone);
                let (far, _) = run.of(theta, grads);
                assert!(far[0] == near[0], "{kept:?} {instructions:?} measured: {measured}");
            }
        }
    }
}

fn the_number_of_threads_changes_no_bit(entry: &Entry) {
    // more than stays on the calling thread
    static LARGE: LazyLock<Problem> =
        LazyLock::new(|| problem(if small() { &[1, 17, 300] } else { &[1, 17, 3000, 30_000, 70_000] }));
    let (theta, grads) = &*LARGE;
    let pools: [_; 3] = from_fn(|n| rayon::ThreadPoolBuilder::new().num_threads(n + 1).build().unwrap());
    let setting = &settings(entry)[0];
    // how work is divided does not depend on the formula: all kinds for some
    for &kept in if is_representative(entry) { &KEPT[..] } else { &KEPT[1..2] } {
        let run = Run { steps: (0, 4), ..Run::new(entry, setting, kept) };
        let expected = pools[0].install(|| run.of(theta, grads));
        for (n, pool) in pools.iter().enumerate().skip(1) {
            let same = pool.install(|| run.of(theta, grads)) == expected;
            assert!(same, "{kept:?}: {} threads", n + 1);
        }
    }
}

fn an_interruption_changes_no_bit_and_the_seed_does(entry: &Entry) {
    let (theta, grads) = problem(if small() { &[1, 17, 300] } else { &[1, 17, 3000, 5000] });
    let setting = &settings(entry)[0];
    for kept in KEPT {
        let run = Run { steps: (0, 4), ..Run::new(entry, setting, kept) };
        let expected = run.of(&theta, &grads);
        let same = Run { steps: (2, 2), ..run }.of(&theta, &grads) == expected;
        assert!(same, "{kept:?}: through a file");
        let (_, _, format, master, rounding) = kept;
        let other = Run { seed: 8, ..run }.of(&theta, &grads);
        // state is rounded at random where it is kept in few bytes and holds no points, and weights where asked for
        let rule = entry.make(&setting.values).unwrap();
        let of_state =
            format != StateFormat::F32 && rule.kinds().iter().any(|kind| *kind != StateKind::Point);
        let of_weights = rounding == Rounding::Stochastic && master != Master::F32;
        if of_state || of_weights {
            assert!(other != expected, "{kept:?}: the seed does nothing");
        } else {
            assert!(other == expected, "{kept:?}: the seed does something");
        }
    }
}

fn looking_at_the_updates_changes_no_bit(entry: &Entry) {
    let lengths: &[usize] = if small() { &[1, 131] } else { &[1, 17, 128, 131, 1030, 3000] };
    let (theta, grads) = problem(lengths);
    let setting = &settings(entry)[0];
    for kept in KEPT {
        let run = Run::new(entry, setting, kept);
        let same = Run { measured: true, ..run }.of(&theta, &grads) == run.of(&theta, &grads);
        assert!(same, "{kept:?}");
    }
}

fn a_zero_gradient_moves_nothing(entry: &Entry) {
    let theta = vec![random(3, 300)];
    let grads = vec![vec![vec![0.0; 300]]];
    for kept in KEPT {
        let mut setting = settings(entry)[0].clone();
        for name in (entry.parameters)().iter().map(|p| p.name).filter(|name| *name == "weight_decay") {
            setting.values.insert(name.into(), steepest::settings::Value::Number(0.0));
        }
        let run = Run::new(entry, &setting, kept);
        let expected = Data::of(kept.0, &theta[0]).bits();
        assert_eq!(run.of(&theta, &grads).0[0], expected, "{kept:?}");
    }
}

fn numbers_that_are_not_finite_are_not_hidden_and_every_instruction_set_treats_them_alike(entry: &Entry) {
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
    let setting = &settings(entry)[0];
    for kept in KEPT {
        let run = Run { non_finite: NonFinite::Unchecked, steps: (0, 4), ..Run::new(entry, setting, kept) };
        let expected = Run { instructions: InstructionSet::Scalar, ..run }.of(&theta, &grads);
        for instructions in instruction_sets().skip(1) {
            let found = Run { instructions, ..run }.of(&theta, &grads);
            assert!(found == expected, "{kept:?} {instructions:?}");
        }
    }
}

fn a_gradient_is_set_to_zero_in_the_step_and_the_step_is_the_same(entry: &Entry) {
    for (dtype, of_grad) in [
        (DType::F64, DType::F64),
        (DType::F32, DType::F32),
        (DType::F32, DType::Bf16),
        (DType::F16, DType::F16),
    ] {
        if !entry.traits.half && (dtype.size() < 4 || of_grad != dtype) {
            continue;
        }
        for (composed, shape) in [(false, vec![1500]), (true, vec![30, 50]), (false, vec![0])] {
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
                assert!(grad.to_f64().iter().all(|g| g.to_bits() == 0), "{dtype}");
                let grad = Data::of(of_grad, &values);
                b.step(args(0.01), &mut [Slot::new(other.all_mut(), grad.all())]).unwrap();
            }
            assert_eq!(theta[0].bits(), theta[1].bits(), "{dtype} {composed}");
        }
    }
}
