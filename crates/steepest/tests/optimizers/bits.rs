//! Neither instruction sets nor threads nor the way tensors are cut change a bit.

use crate::common::{instruction_sets, settings, small};
use crate::run::{Outcome, Run, TYPES, is_representative, policies, random_grads, random_theta, types};
use crate::{Property, property};
use std::array::from_fn;
use std::sync::LazyLock;
use steepest::registry::Entry;
use steepest::{Clip, DType, InstructionSet, NonFinite};

pub const PROPERTIES: &[Property] = &[
    property!(every_instruction_set_gives_the_bits_of_the_reference_for_every_length),
    property!(no_offset_changes_a_bit, is_representative),
    property!(every_instruction_set_gives_the_bits_of_the_reference_with_clipping_and_measuring, |entry| {
        entry.traits.half
    }),
    property!(every_instruction_set_treats_special_values_alike),
    property!(the_number_of_threads_changes_no_bit),
    property!(splitting_a_tensor_changes_no_bit, |entry| entry.traits.elementwise),
    property!(a_permuted_tensor_gives_the_permuted_result, |entry| entry.traits.elementwise),
];

type Tensors = Vec<Vec<f64>>;

/// Tensors of all lengths up to four registers of the longest kind, and gradients.
static SHORT: LazyLock<(Vec<usize>, Tensors, Vec<Tensors>)> = LazyLock::new(|| {
    let lengths: Vec<usize> = (0..=if small() { 33 } else { 64 }).collect();
    (lengths.clone(), random_theta(&lengths), random_grads(3, &lengths))
});

/// Whether vector code agrees with one number at a time for every length, with neighbours that begin `first` and more
/// elements behind the start of their buffers.
fn agrees_at(run: &Run, firsts: impl Iterator<Item = usize> + Clone) {
    let (lengths, theta, grads) = &*SHORT;
    let shapes: Vec<Vec<usize>> = lengths.iter().map(|n| vec![*n]).collect();
    let reference = Run { instructions: InstructionSet::Scalar, ..run.clone() };
    let expected = reference.at(&shapes, &vec![0; shapes.len()], theta, grads);
    let sets = if small() { vec![InstructionSet::best()] } else { instruction_sets().collect() };
    for instructions in sets {
        for first in firsts.clone() {
            let offsets: Vec<usize> = lengths.iter().map(|n| (n * 5 + first) % 16).collect();
            let found = Run { instructions, ..run.clone() }.at(&shapes, &offsets, theta, grads);
            let same = found == expected; // a diff of thousands of numbers helps nobody
            assert!(same, "{} {:?} {instructions:?} offset {first}", run.setting.name, run.types);
        }
    }
}

fn every_instruction_set_gives_the_bits_of_the_reference_for_every_length(entry: &Entry) {
    for (i, setting) in settings(entry).iter().enumerate() {
        for &types in types(entry) {
            let halves = types.0 != types.1 || types.0.size() == 2;
            if small() && halves && i > 0 {
                continue;
            }
            let firsts = if i > 0 { 0..1 } else { 0..2 };
            agrees_at(&Run { types, ..Run::new(entry, setting) }, firsts);
        }
    }
}

/// Where a tensor begins is the kernel's to deal with, not the formula's.
fn no_offset_changes_a_bit(entry: &Entry) {
    for &types in types(entry) {
        agrees_at(&Run { types, ..Run::new(entry, &settings(entry)[0]) }, 0..16);
    }
}

fn every_instruction_set_gives_the_bits_of_the_reference_with_clipping_and_measuring(entry: &Entry) {
    let lengths: Vec<usize> = if small() { vec![0, 1, 17, 1025] } else { vec![0, 1, 15, 17, 63, 1025, 3000] };
    let (theta, grads) = (random_theta(&lengths), random_grads(3, &lengths));
    let setting = &settings(entry)[0];
    for types in TYPES {
        for (clip, measure) in policies() {
            let mut run = Run { types, clip: clip.clone(), measure, ..Run::new(entry, setting) };
            run.instructions = InstructionSet::Scalar;
            let expected = run.whole(&theta, &grads);
            // measuring must not change what is measured
            run.measure = 0;
            let unmeasured = run.whole(&theta, &grads);
            assert_eq!(unmeasured.theta, expected.theta, "{types:?} {clip:?}");
            run.measure = measure;
            for instructions in instruction_sets() {
                run.instructions = instructions;
                let found = run.whole(&theta, &grads);
                assert_eq!(found, expected, "{types:?} {clip:?} {instructions:?}");
            }
        }
    }
}

fn every_instruction_set_treats_special_values_alike(entry: &Entry) {
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
    for setting in &settings(entry) {
        for &types in types(entry) {
            let mut run = Run { types, ..Run::new(entry, setting) };
            run.non_finite = NonFinite::Unchecked;
            run.instructions = InstructionSet::Scalar;
            let expected = run.whole(&theta, &grads);
            for instructions in instruction_sets() {
                run.instructions = instructions;
                let found = run.whole(&theta, &grads);
                assert_eq!(found, expected, "{} {types:?} {instructions:?}", setting.name);
            }
        }
    }
}

/// Both above the 98 304 elements that stay on the calling thread: in four tasks, and in two.
static LARGE: LazyLock<[(Tensors, Vec<Tensors>); 2]> = LazyLock::new(|| {
    [[1, 17, 3000, 50_000, 150_000], [1, 17, 3000, 40_000, 60_000]]
        .map(|n| (random_theta(&n), random_grads(3, &n)))
});

fn the_number_of_threads_changes_no_bit(entry: &Entry) {
    let [large, smaller] = &*LARGE;
    let pools: [_; 3] = from_fn(|n| rayon::ThreadPoolBuilder::new().num_threads(n + 1).build().unwrap());
    for (i, setting) in settings(entry).iter().enumerate().take(if small() { 1 } else { usize::MAX }) {
        // how work is divided does not depend on the formula: all types and a long run for some
        let thorough = i == 0 && is_representative(entry) && !small();
        for &types in if thorough { types(entry) } else { &TYPES[1..2] } {
            let mut run = Run { types, ..Run::new(entry, setting) };
            // a norm of all gradients that depended on the order of summing would show in θ
            run.clip = Clip::GlobalNorm(10.0).into();
            // gradients that stay as they are have no minimum: in 300 steps an estimate of how far it is may outgrow its type
            run.non_finite = NonFinite::Skip;
            let mut compare = |(theta, grads): &(Tensors, Vec<Tensors>), steps: u64| {
                (run.steps, run.measure) = (steps, steps.div_ceil(2));
                let outcomes: Vec<Outcome> =
                    pools.iter().map(|pool| pool.install(|| run.whole(theta, grads))).collect();
                for (n, found) in outcomes.iter().enumerate() {
                    let same = found == &outcomes[0]; // a diff of 200 000 numbers helps nobody
                    assert!(same, "{} {types:?}: {} threads", setting.name, n + 1);
                }
            };
            compare(if i == 0 { large } else { smaller }, if small() || i > 0 { 2 } else { 4 });
            if thorough && types == (DType::F32, DType::F32) {
                compare(smaller, 300);
            }
        }
    }
}

/// What to look at first where an optimizer's elements are not alone.
const MEASURES: &str = "if it measures its tensor, its line in src/rules/mod.rs needs `Traits::MEASURED`";

fn splitting_a_tensor_changes_no_bit(entry: &Entry) {
    let pieces = [1, 16, 700, 15, 31, 237];
    let whole: usize = pieces.iter().sum();
    let (theta, grads) = (random_theta(&[whole]), random_grads(3, &[whole]));
    let split = |values: &[f64]| {
        let mut rest = values;
        let cut = |n: &usize| rest.split_off(..*n).unwrap().to_vec();
        pieces.iter().map(cut).collect::<Vec<_>>()
    };
    let split_grads: Vec<Tensors> = grads.iter().map(|g| split(&g[0])).collect();
    for setting in &settings(entry) {
        for types in TYPES {
            let run = Run { types, ..Run::new(entry, setting) };
            let expected = run.whole(&theta, &grads).theta.concat();
            let found = run.whole(&split(&theta[0]), &split_grads).theta.concat();
            assert!(found == expected, "{} {types:?}; {MEASURES}", setting.name);
        }
    }
}

fn a_permuted_tensor_gives_the_permuted_result(entry: &Entry) {
    // 619 and 1000 have no common divisor, so i → 619·i visits every place once
    let permute = |values: &[f64]| (0..1000).map(|i| values[i * 619 % 1000]).collect::<Vec<f64>>();
    let (theta, grads) = (random_theta(&[1000]), random_grads(3, &[1000]));
    let permuted: Vec<Tensors> = grads.iter().map(|g| vec![permute(&g[0])]).collect();
    for setting in &settings(entry) {
        for types in TYPES {
            let run = Run { types, ..Run::new(entry, setting) };
            let straight = run.whole(&theta, &grads);
            let found = run.whole(&[permute(&theta[0])], &permuted);
            let expected: Vec<u64> = (0..1000).map(|i| straight.theta[0][i * 619 % 1000]).collect();
            assert!(found.theta[0] == expected, "{} {types:?}; {MEASURES}", setting.name);
        }
    }
}
