//! State files of optimizers.

use half::bf16;
use std::sync::OnceLock;
use steepest::registry::{OPTIMIZERS, find};
use steepest::{
    Builder, DType, Ema, Group, Lookahead, Master, Optimizer, Param, Slot, StateFormat, StepArgs,
};

use crate::choices::Choices;

const SHAPES: [&[usize]; 3] = [&[24, 16], &[5, 40], &[16]];
const NAMES: [&str; 3] = ["first.weight", "second.weight", "bias"];

/// The optimizers whose state files are fuzzed: those of `tests/compat`, whose files are of these shapes.
fn variants() -> &'static [(&'static str, &'static str)] {
    static VARIANTS: OnceLock<Vec<(&str, &str)>> = OnceLock::new();
    VARIANTS.get_or_init(|| {
        let mut all: Vec<_> = OPTIMIZERS.iter().map(|entry| (entry.name, "f32")).collect();
        all.extend(["adamw", "sgd", "soap", "nadam"].map(|name| (name, "f64-lookahead-ema")));
        for format in ["f32-8bit", "bf16-8bit-correction", "bf16-bf16-master"] {
            all.extend(
                ["adamw", "lion", "adan", "prodigy", "schedule_free_adamw"].map(|name| (name, format)),
            );
        }
        all
    })
}

fn builder(name: &str, format: &str) -> (Builder, DType) {
    let builder = Optimizer::builder(find(name).expect("it is in the table").make(&Default::default()));
    let eight =
        |builder: Builder| builder.group(Group::rank_at_least(1).state_format(StateFormat::Bits8)).seed(7);
    match format {
        "f64-lookahead-ema" => {
            let average = Ema { decay: 0.9, ..Ema::default() };
            (builder.lookahead(Lookahead { every: 3, alpha: 0.5 }).average(average), DType::F64)
        }
        "f32-8bit" => (eight(builder), DType::F32),
        "bf16-8bit-correction" => (eight(builder).master(Master::Correction), DType::Bf16),
        "bf16-bf16-master" => {
            (builder.state_format(StateFormat::Bf16).master(Master::F32).seed(9), DType::Bf16)
        }
        _ => (builder, DType::F32),
    }
}

/// The first byte chooses an optimizer, the others are its state: what loads saves to bytes that load and save alike, and
/// the next steps are steps or errors; what does not load changes nothing.
pub fn state(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (name, format) = choices.one(variants());
    let (builder, dtype) = builder(name, format);
    let params = SHAPES.iter().zip(NAMES).map(|(shape, name)| Param::new(name, *shape, dtype));
    let mut optimizer = builder.build(params).expect("the table's settings");
    let before = optimizer.to_bytes().expect("a state saves");
    if optimizer.from_bytes(choices.rest()).is_err() {
        assert_eq!(optimizer.to_bytes().expect("a state saves"), before, "an error changes nothing");
        return;
    }
    let saved = optimizer.to_bytes().expect("a state saves");
    optimizer.from_bytes(&saved).expect("a state loads what it saved");
    assert_eq!(optimizer.to_bytes().expect("a state saves"), saved, "a state saves what it loaded");
    let lr = find(name).expect("it is in the table").default_lr;
    match dtype {
        DType::F64 => steps(optimizer, lr, 0.25f64, -0.125),
        DType::Bf16 => steps(optimizer, lr, bf16::from_f32(0.25), bf16::from_f32(-0.125)),
        _ => steps(optimizer, lr, 0.25f32, -0.125),
    }
}

/// Two steps: they may refuse what came of the state, and nothing else.
fn steps<T: Copy>(mut optimizer: Optimizer, lr: f64, weight: T, gradient: T)
where
    for<'a> steepest::SliceMut<'a>: From<&'a mut [T]>,
    for<'a> steepest::Slice<'a>: From<&'a [T]>,
{
    let sizes = SHAPES.map(|shape| shape.iter().product::<usize>());
    let mut theta = sizes.map(|size| vec![weight; size]);
    let gradients = sizes.map(|size| vec![gradient; size]);
    for _ in 0..2 {
        let mut slots: Vec<Slot<'_>> = (theta.iter_mut().zip(&gradients))
            .map(|(theta, gradient)| Slot::new(theta.as_mut_slice(), gradient.as_slice()))
            .collect();
        let _ = optimizer.step(StepArgs { loss: Some(0.5), ..StepArgs::from(lr) }, &mut slots);
    }
    if optimizer.evaluates() {
        let _ = optimizer.to_bytes().expect("a state saves");
    }
}
