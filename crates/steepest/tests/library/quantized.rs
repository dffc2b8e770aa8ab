//! State, weights and gradients in few bytes: what one optimizer shows for all.

use crate::common::{self, Data, random, small};
use half::bf16;
use steepest::{
    AdamW, DType, Ema, Error, Group, Master, Muon, NonFinite, Optimizer, Param, Rounding, Sgd, Slot,
    StateFormat,
};

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
fn a_number_that_is_not_finite_spoils_its_group_of_the_state_and_its_own_weight() {
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
