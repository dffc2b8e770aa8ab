//! State that is lent to each step: the bits of state that the optimizer owns.

use crate::common::{DTYPES, Data, Kept, KeptArray, Problem, Setting, args, random, settings, step_lent};
use crate::{Property, property};
use half::bf16;
use steepest::registry::Entry;
use steepest::{
    Averaging, Builder, Clip, DType, Ema, Group, Lookahead, Master, Optimizer, Param, Rounding, StateFormat,
    Swa,
};

pub const PROPERTIES: &[Property] = &[
    property!(lent_state_gives_the_bits_of_owned_state_in_every_type),
    property!(lent_state_in_few_bytes_gives_the_bits_of_owned_state, |entry| entry.traits.half),
    property!(what_is_kept_outside_is_all_that_the_next_step_depends_on),
];

fn dtypes(entry: &Entry) -> &'static [DType] {
    if entry.traits.half { &DTYPES } else { &DTYPES[..2] }
}

/// The arrays that are lent, in f64, but for codes and their scales.
fn values(optimizer: &Optimizer, i: usize, kept: &Kept) -> Vec<(String, Vec<f64>)> {
    let of = |array: &KeptArray| match array {
        KeptArray::F64(v) => Some(v.clone()),
        KeptArray::F32(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
        KeptArray::Bf16(v) => Some(v.iter().map(|x| bf16::to_f64(*x)).collect()),
        KeptArray::I8(v) => Some(v.iter().map(|x| f64::from(*x)).collect()),
        KeptArray::U8(_) => None,
    };
    let layout = optimizer.state_layout(i);
    assert_eq!(layout.len(), kept.0.len());
    layout.into_iter().zip(&kept.0).filter_map(|(array, kept)| Some((array.name, of(kept)?))).collect()
}

/// Steps with gradients that are random, the second tensor without one in the second step, with state owned and lent. Everything
/// that can be seen is the same.
fn both_ways(make: impl Fn() -> Builder, params: &[Param], setting: &Setting, place: &str) {
    let mut owned = make().build(params.to_vec()).unwrap();
    let mut lent = make().lent_state(true).build(params.to_vec()).unwrap();
    let mut kept = Kept::all(&mut lent);
    assert_eq!(owned.state_bytes(), lent.state_bytes());
    let draw = |seed: u64| -> Vec<Data> {
        params
            .iter()
            .zip(seed..)
            .map(|(param, seed)| Data::of(param.dtype, &random(seed, param.len())))
            .collect()
    };
    let (mut theta, mut other) = (draw(1), draw(1));
    for t in 1..=4 {
        let (mut grads, lr) = (draw(100 * t), setting.lr(t));
        if t == 3 {
            // so large that the step is looked at on copies, where the type has room
            grads[0] = Data::of(
                params[0].dtype,
                &random(9, params[0].len()).iter().map(|x| 1e16 * x).collect::<Vec<_>>(),
            );
        }
        let (of_owned, of_lent) = (
            owned.step(args(lr), &mut crate::common::slots(&mut theta, &grads)),
            step_lent(&mut lent, args(lr), &mut other, &grads, &mut kept),
        );
        assert_eq!(of_owned, of_lent, "{place} step {t}");
        assert_eq!(crate::common::all_bits(&theta), crate::common::all_bits(&other), "{place} step {t}");
    }
    assert_eq!(format!("{:?}", owned.health()), format!("{:?}", lent.health()), "{place}");
    for (i, (param, kept)) in params.iter().zip(&mut kept).enumerate() {
        assert_eq!(owned.memory_of(i), lent.memory_of(i), "{place}");
        assert_eq!(owned.memory_names(i), lent.memory_names(i), "{place}");
        for (name, values) in values(&lent, i, kept) {
            let expected = owned.state(&param.name, &name).unwrap();
            assert_eq!(crate::common::bits(&values), crate::common::bits(&expected), "{place} {name}");
        }
        if owned.evaluates() {
            let (mut one, mut two) = (theta[i].clone(), theta[i].clone());
            owned.evaluation_of(i, one.all_mut()).unwrap();
            lent.evaluation_with_state(i, two.all_mut(), &mut kept.slices()).unwrap();
            assert_eq!(one.bits(), two.bits(), "{place}");
        }
    }
}

fn lent_state_gives_the_bits_of_owned_state_in_every_type(entry: &Entry) {
    for setting in settings(entry) {
        let rule = || entry.make(&setting.values);
        for &dtype in dtypes(entry) {
            let place = format!("{} {dtype}", setting.name);
            both_ways(|| Optimizer::builder(rule()), &Problem::params(dtype), &setting, &place);
            if !rule().unwrap().evaluates() {
                let average: [Averaging; 2] = [Ema::default().into(), Swa::default().into()];
                for average in average {
                    let make = || {
                        Optimizer::builder(rule())
                            .clip(Clip::GlobalNorm(1.0))
                            .average(average.clone())
                            .lookahead(Lookahead { every: 2, alpha: 0.5 })
                            .cautious(true)
                            .centralize(true)
                    };
                    both_ways(make, &Problem::params(dtype), &setting, &format!("{place} composed"));
                }
            }
        }
    }
}

fn lent_state_in_few_bytes_gives_the_bits_of_owned_state(entry: &Entry) {
    use StateFormat::{Bf16, Bits8, F32};
    let kept = [
        (DType::F32, Bf16, Master::None, Rounding::Nearest),
        (DType::F32, Bits8, Master::None, Rounding::Nearest),
        (DType::Bf16, Bits8, Master::Correction, Rounding::Nearest),
        (DType::Bf16, F32, Master::F32, Rounding::Nearest),
        (DType::F16, Bits8, Master::None, Rounding::Stochastic),
    ];
    for setting in settings(entry) {
        for (dtype, format, master, rounding) in kept {
            // lengths with whole groups of codes and without, and one of several chunks
            let params: Vec<Param> = (["a", "b", "c", "d"].iter().zip([1, 300, 128, 40_000]))
                .map(|(name, n)| Param::new(*name, [n], dtype))
                .collect();
            let make = || {
                Optimizer::builder(entry.make(&setting.values))
                    .group(Group::all().state_format(format))
                    .master(master)
                    .rounding(rounding)
                    .seed(5)
            };
            both_ways(make, &params, &setting, &format!("{} {dtype} {format} {master:?}", setting.name));
        }
    }
}

fn what_is_kept_outside_is_all_that_the_next_step_depends_on(entry: &Entry) {
    let problem = Problem::new();
    for setting in settings(entry) {
        let make = || {
            let builder = Optimizer::builder(entry.make(&setting.values)).lent_state(true);
            builder.build(Problem::params(DType::F64)).unwrap()
        };
        let step = |optimizer: &mut Optimizer, theta: &mut [Data], kept: &mut [Kept], t| {
            let at: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
            let grads: Vec<Data> =
                (at.iter().enumerate()).map(|(i, x)| Data::F64(problem.gradient(i, t, x))).collect();
            step_lent(optimizer, args(setting.lr(t)), theta, &grads, kept).unwrap();
        };
        let (mut whole, mut expected) = (make(), problem.theta(DType::F64));
        let mut kept_whole = Kept::all(&mut whole);
        (1..=8).for_each(|t| step(&mut whole, &mut expected, &mut kept_whole, t));
        let (mut first, mut theta) = (make(), problem.theta(DType::F64));
        let mut kept = Kept::all(&mut first);
        (1..=5).for_each(|t| step(&mut first, &mut theta, &mut kept, t));
        let mut second = make();
        for i in 0..theta.len() {
            let memory: Vec<f64> = first.memory_of(i).to_vec();
            second.set_memory_of(i, &memory).unwrap();
            second.set_steps_of(i, first.steps_of(i));
        }
        assert_eq!(second.steps_taken(), 5);
        (6..=8).for_each(|t| step(&mut second, &mut theta, &mut kept, t));
        let place = &setting.name;
        assert_eq!(crate::common::all_bits(&theta), crate::common::all_bits(&expected), "{place}");
        assert_eq!(kept, kept_whole, "{place}");
    }
}
