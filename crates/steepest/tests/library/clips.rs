//! Norms of other orders, and several clips in a row: held to a version that clips gradients one clip after the other, in f64.

use crate::common::{Data, instruction_sets, param, random, slots, small, state_words};
use steepest::{
    Clip, Clips, DType, Error, InstructionSet, Muon, Optimizer, Param, Sgd, Slot, StepArgs, UpdateClip,
};

const INF: f64 = f64::INFINITY;

/// A momentum whose buffer holds the first gradient exactly as the rule saw it: μ·0 + 1·g.
fn recording() -> Sgd {
    Sgd { momentum: 0.5, ..Sgd::default() }
}

/// What a row of a matrix, or a vector, has for a unit.
fn unit_len(param: &Param) -> usize {
    if param.rank() < 2 { param.len() } else { param.len() / param.shape[0] }
}

/// `(Σ|x|ᵖ)^(1/p)`, as its definition says.
fn norm<'a>(order: f64, values: impl Iterator<Item = &'a f64>) -> f64 {
    if order == INF {
        return values.fold(0.0, |most, x| most.max(x.abs()));
    }
    values.map(|x| x.abs().powf(order)).sum::<f64>().powf(1.0 / order)
}

/// Scales so that a norm is at most `most`: torch's `clip_grad_norm_`.
fn scale(order: f64, most: f64, tensors: &mut [Vec<f64>]) -> f64 {
    let factor = (most / (norm(order, tensors.iter().flatten()) + 1e-6)).min(1.0);
    tensors.iter_mut().flatten().for_each(|g| *g *= factor);
    factor
}

/// Clips gradients where they lie; the factor that clipping by norm gave each tensor.
fn naive(clips: &[Clip], params: &[Param], theta: &[Vec<f64>], grads: &mut [Vec<f64>]) -> Vec<f64> {
    let mut factors = vec![1.0; grads.len()];
    for clip in clips {
        let (global, order, most) = match *clip {
            Clip::GlobalNorm(most) => (true, 2.0, most),
            Clip::GlobalNormOf { order, most } => (true, order, most),
            Clip::TensorNorm(most) => (false, 2.0, most),
            Clip::TensorNormOf { order, most } => (false, order, most),
            Clip::Value(c) => {
                grads.iter_mut().flatten().for_each(|g| *g = g.clamp(-c, c));
                continue;
            }
            Clip::Adaptive { factor, eps } => {
                for ((param, theta), grad) in params.iter().zip(theta).zip(&mut *grads) {
                    let len = unit_len(param);
                    for (w, g) in theta.chunks(len).zip(grad.chunks_mut(len)) {
                        let most = factor * norm(2.0, w.iter()).max(eps);
                        let found = norm(2.0, g.iter());
                        if found > most {
                            g.iter_mut().for_each(|g| *g *= most / found);
                        }
                    }
                }
                continue;
            }
            _ => panic!("{clip:?} is new"),
        };
        if global {
            let factor = scale(order, most, grads);
            factors.iter_mut().for_each(|f| *f *= factor);
        } else {
            let tensors = grads.chunks_mut(1).zip(&mut factors);
            tensors.for_each(|(tensor, f)| *f *= scale(order, most, tensor));
        }
    }
    factors
}

struct Seen {
    /// The gradients as the rule saw them.
    grads: Vec<Vec<f64>>,
    gradient_norm: f64,
    clip_factor: f64,
}

fn seen(
    clips: impl Into<Clips>,
    instructions: InstructionSet,
    params: &[Param],
    theta: &[Data],
    grads: &[Data],
    gradient_scale: f64,
) -> Seen {
    let mut optimizer = Optimizer::builder(recording())
        .clip(clips)
        .instruction_set(instructions)
        .build(params.to_vec())
        .unwrap();
    let args = StepArgs { gradient_scale, ..StepArgs::from(0.0) };
    let report = optimizer.step(args, &mut slots(&mut theta.to_vec(), grads)).unwrap();
    Seen {
        grads: params.iter().map(|p| optimizer.state(&p.name, "momentum_buffer").unwrap()).collect(),
        gradient_norm: report.gradient_norm.unwrap(),
        clip_factor: report.clip_factor,
    }
}

/// The largest difference relative to the largest element of `expected`.
fn distance(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let largest = expected.iter().flatten().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs() / largest).fold(0.0, |m, x| if x <= m { m } else { x })
}

/// How far a gradient may be from the naive one: a power and its root in f64, 2e-13 each; beside the last place of f32, where
/// the rule's arithmetic is f32: of the factor, of the product with it.
fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F64 { 2e-12 } else { 3.0 * f64::from(f32::EPSILON) }
}

#[test]
fn norms_of_any_order_are_clipped_by_the_formula_of_torch() {
    // several chunks of one tensor, parts of a block, a number, and nothing
    let large = if small() { 17_000 } else { 150_000 };
    let params = |dtype| {
        [("large", large), ("one", 1), ("none", 0), ("block", 1024), ("odd", 1500)]
            .map(|(n, len)| param(n, len, dtype))
    };
    for (dtype, of_grad) in [
        (DType::F64, DType::F64),
        (DType::F32, DType::F32),
        (DType::Bf16, DType::Bf16),
        (DType::F32, DType::F16),
    ] {
        let params = params(dtype);
        let data = |dtype, seed: u64| -> Vec<Data> {
            (seed..).zip(&params).map(|(seed, p)| Data::of(dtype, &random(seed, p.len()))).collect()
        };
        let (theta, grads) = (data(dtype, 1), data(of_grad, 100));
        for order in [1.0, 2.0, INF, 3.0, 1.5] {
            for clip in [Clip::GlobalNormOf { order, most: 0.25 }, Clip::TensorNormOf { order, most: 0.25 }] {
                let mut expected: Vec<Vec<f64>> = grads.iter().map(Data::to_f64).collect();
                let euclidean = norm(2.0, expected.iter().flatten());
                let factors = naive(&[clip], &params, &[], &mut expected);
                let runs: Vec<Seen> = (1..=3)
                    .map(|threads| {
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                        pool.install(|| seen(clip, InstructionSet::best(), &params, &theta, &grads, 1.0))
                    })
                    .collect();
                let place = format!("{dtype} {of_grad} {clip:?}");
                let error = distance(&runs[0].grads, &expected);
                assert!(error <= tolerance(dtype), "{place}: {error:e}");
                let least = factors.iter().fold(1.0f64, |m, f| m.min(*f));
                assert!(least < 1.0 && (runs[0].clip_factor / least - 1.0).abs() <= 2e-12, "{place}");
                // what is reported stays the Euclidean norm
                assert!((runs[0].gradient_norm / euclidean - 1.0).abs() <= 2e-12, "{place}");
                for run in &runs[1..] {
                    assert_eq!(run.clip_factor.to_bits(), runs[0].clip_factor.to_bits(), "{place}");
                    assert!(run.grads == runs[0].grads, "{place}");
                }
                for instructions in instruction_sets() {
                    let run = seen(clip, instructions, &params, &theta, &grads, 1.0);
                    assert_eq!(
                        run.clip_factor.to_bits(),
                        runs[0].clip_factor.to_bits(),
                        "{place} {instructions:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn norms_by_hand() {
    let params = [param("a", 2, DType::F64), param("b", 1, DType::F64)];
    let (theta, grads) = ([Data::F64(vec![0.0; 2]), Data::F64(vec![0.0])], [vec![3.0, -4.0], vec![12.0]]);
    let grads = grads.map(Data::F64);
    for (clip, norm_of_a, norm_of_b) in [
        (Clip::GlobalNormOf { order: 1.0, most: 2.0 }, 19.0, 19.0),
        (Clip::GlobalNormOf { order: 2.0, most: 2.0 }, 13.0, 13.0),
        (Clip::GlobalNormOf { order: INF, most: 2.0 }, 12.0, 12.0),
        (Clip::TensorNormOf { order: 1.0, most: 2.0 }, 7.0, 12.0),
        (Clip::TensorNormOf { order: 2.0, most: 2.0 }, 5.0, 12.0),
        (Clip::TensorNormOf { order: INF, most: 2.0 }, 4.0, 12.0),
    ] {
        let found = seen(clip, InstructionSet::best(), &params, &theta, &grads, 1.0);
        let [a, b] = [norm_of_a, norm_of_b].map(|norm| 2.0 / (norm + 1e-6));
        assert_eq!(found.grads, [vec![3.0 * a, -4.0 * a], vec![12.0 * b]], "{clip:?}");
        assert_eq!((found.gradient_norm, found.clip_factor), (13.0, a.min(b)), "{clip:?}");
    }
}

#[test]
fn the_euclidean_order_has_the_bits_of_the_plain_clips() {
    let sizes = [("a", 40_000), ("b", 30)];
    for dtype in [DType::F64, DType::F32, DType::Bf16] {
        let params = sizes.map(|(name, n)| param(name, n, dtype));
        let data = |seed: u64| -> Vec<Data> {
            (seed..).zip(sizes).map(|(seed, (_, n))| Data::of(dtype, &random(seed, n))).collect()
        };
        let (theta, grads) = (data(1), data(3));
        for (plain, of) in [
            (Clip::GlobalNorm(0.3), Clip::GlobalNormOf { order: 2.0, most: 0.3 }),
            (Clip::TensorNorm(0.3), Clip::TensorNormOf { order: 2.0, most: 0.3 }),
        ] {
            let [plain, of] =
                [plain, of].map(|clip| seen(clip, InstructionSet::best(), &params, &theta, &grads, 1.0));
            assert!(
                plain.grads == of.grads && plain.clip_factor == of.clip_factor && plain.clip_factor < 1.0
            );
        }
    }
}

#[test]
fn norms_at_the_ends_of_f64_are_finite_and_bound() {
    let last = f64::MAX;
    for gradient in
        [[3e200, -4e200, 1e190], [1e-200, 2e-200, -5e-205], [last, -last, last], [5e-324, 0.0, 0.0], [0.0; 3]]
    {
        for order in [1.0, 1.5, 3.0, 100.0, 1e300, INF] {
            let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
            let ratio = if largest > 0.0 { norm(order, gradient.map(|g| g / largest).iter()) } else { 0.0 };
            let expected = (largest * ratio).min(last);
            for clip in [Clip::GlobalNormOf { order, most: 1e-9 }, Clip::TensorNormOf { order, most: 1e-9 }] {
                let mut sgd =
                    Optimizer::builder(Sgd::default()).clip(clip).build([param("a", 3, DType::F64)]).unwrap();
                let mut theta = [0.0; 3];
                let report = sgd.step(1.0, &mut [Slot::new(&mut theta, &gradient)]).unwrap();
                let factor = (1e-9 / (expected + 1e-6)).min(1.0);
                // the factor itself may be a subnormal number
                let error = (report.clip_factor / factor - 1.0).abs();
                assert!(error < 1e-11, "{gradient:?} {clip:?}: {} {factor}", report.clip_factor);
            }
        }
    }
}

/// One of each kind; bounds so low that each does something whatever came before it.
fn kinds(level: usize) -> [Clip; 7] {
    let most = 0.8f64.powi(level as i32);
    [
        Clip::GlobalNorm(3.0 * most),
        Clip::TensorNorm(1.5 * most),
        Clip::GlobalNormOf { order: 1.0, most: 8.0 * most },
        Clip::GlobalNormOf { order: 3.0, most },
        Clip::TensorNormOf { order: INF, most: 0.4 * most },
        Clip::Adaptive { factor: 0.3 * most, eps: 1e-3 },
        Clip::Value(0.12 * most),
    ]
}

/// What may follow what.
fn place(clip: &Clip) -> usize {
    match clip {
        Clip::Adaptive { .. } => 1,
        Clip::Value(_) => 2,
        _ => 0,
    }
}

#[test]
fn clips_in_a_row_bound_what_the_one_before_made() {
    let all = 0..7;
    let mut rows: Vec<Vec<Clip>> = vec![vec![]];
    for (a, b) in all.clone().flat_map(|a| all.clone().map(move |b| (a, b))) {
        rows.push(vec![kinds(0)[a], kinds(1)[b]]);
        rows.extend(all.clone().map(|c| vec![kinds(0)[a], kinds(1)[b], kinds(2)[c]]));
    }
    let (mut allowed, mut refused) = (0, 0);
    for (dtype, gradient_scale) in [(DType::F64, -2.0), (DType::F32, 2.0), (DType::Bf16, 2.0)] {
        let params = [Param::new("m", [6, 5], dtype), param("v", 9, dtype), param("n", 1, dtype)];
        let data = |seed: u64| -> Vec<Data> {
            (seed..).zip(&params).map(|(seed, p)| Data::of(dtype, &random(seed, p.len()))).collect()
        };
        let (theta, grads) = (data(1), data(5));
        let weights: Vec<Vec<f64>> = theta.iter().map(Data::to_f64).collect();
        for clips in &rows {
            if !clips.is_sorted_by_key(place) {
                let built = Optimizer::builder(recording()).clip(clips.clone()).build(params.clone());
                assert!(matches!(built, Err(Error::Conflict { owner: "clip", .. })), "{clips:?}");
                refused += 1;
                continue;
            }
            let mut expected: Vec<Vec<f64>> = grads.iter().map(Data::to_f64).collect();
            expected.iter_mut().flatten().for_each(|g| *g *= gradient_scale);
            let factors = naive(clips, &params, &weights, &mut expected);
            let found = seen(clips.clone(), InstructionSet::best(), &params, &theta, &grads, gradient_scale);
            let error = distance(&found.grads, &expected);
            // each clip by unit rounds once more
            let most = if dtype == DType::F64 { tolerance(dtype) } else { 2.0 * tolerance(dtype) };
            assert!(error <= most, "{dtype} {clips:?}: {error:e}");
            let least = factors.iter().fold(1.0f64, |m, f| m.min(*f));
            assert!((found.clip_factor / least - 1.0).abs() <= 2e-12, "{clips:?}");
            allowed += 1;
        }
    }
    // no clip, and of 5 + 1 + 1 kinds in three places those that never go back: 25 + 5 + 5 + 3 pairs, and triples alike
    let pairs = 5 * 5 + 5 + 5 + 3;
    let triples = 5 * 5 * 5 + 5 * 5 * 2 + 5 * 3 + 4;
    assert_eq!((allowed, refused), (3 * (1 + pairs + triples), 3 * (49 + 343 - pairs - triples)));
}

#[test]
fn a_row_of_clips_is_what_is_given_last_and_none_is_none() {
    let clips = |clips: Clips| clips;
    assert!(clips(None.into()).is_empty() && clips([].into()).is_empty() && clips(vec![].into()).is_empty());
    assert_eq!(clips(Some(Clip::Value(1.0)).into()).as_slice(), [Clip::Value(1.0)]);
    assert_eq!(clips([Clip::Value(1.0)].into_iter().collect()), Clip::Value(1.0).into());
    let step = |set: fn(steepest::Builder) -> steepest::Builder| {
        let mut theta = [0.0f64, 0.0];
        let mut sgd = set(Optimizer::builder(Sgd::default())).build([param("a", 2, DType::F64)]).unwrap();
        sgd.step(1.0, &mut [Slot::new(&mut theta, &[-3.0, 4.0])]).unwrap();
        theta
    };
    assert_eq!(step(|builder| builder.clip(Clip::Value(1.0)).clip(None)), [3.0, -4.0]);
    assert_eq!(step(|builder| builder.clip([Clip::Value(1.0), Clip::Value(2.0)])), [1.0, -1.0]);
    assert_eq!(step(|builder| builder.clip(Clip::GlobalNorm(1.0)).clip(Clip::Value(2.0))), [2.0, -2.0]);
}

#[test]
fn errors_of_clips_say_what_to_do() {
    let text = |clips: Clips| {
        let built = Optimizer::builder(Sgd::default()).clip(clips).build([param("a", 2, DType::F32)]);
        built.unwrap_err().to_string()
    };
    assert_eq!(
        text([Clip::GlobalNorm(1.0), Clip::Value(0.1), Clip::TensorNorm(1.0)].into()),
        "clip: number 3 clips by norm what number 2 has clipped by value, and the one read of the gradients cannot tell the \
         norms of that; put clips by norm first, then those by unit, then those by value"
    );
    assert!(
        text([Clip::Adaptive { factor: 0.1, eps: 1e-3 }, Clip::GlobalNorm(1.0)].into())
            .starts_with("clip: number 2 clips by norm what number 1 has clipped by unit, ")
    );
    assert!(
        text([Clip::Value(1.0), Clip::Adaptive { factor: 0.1, eps: 1e-3 }].into())
            .starts_with("clip: number 2 clips by unit what number 1 has clipped by value, ")
    );
    for (order, shown) in [(0.5, "0.5"), (-INF, "-inf"), (f64::NAN, "NaN")] {
        for clip in [Clip::GlobalNormOf { order, most: 1.0 }, Clip::TensorNormOf { order, most: 1.0 }] {
            let found = text(clip.into());
            assert_eq!(
                found.replace("-∞", "-inf"),
                format!("clip: order = {shown} is outside [1, ∞]; the nearest valid value is 1")
            );
        }
    }
    for most in [0.0, -1.0, f64::NAN, INF] {
        let found = text(Clip::GlobalNormOf { order: 1.0, most }.into());
        assert!(found.starts_with("clip: global norm = ") && found.contains("is outside (0, ∞)"), "{found}");
        let found = text([Clip::Value(1.0), Clip::Value(most)].into());
        assert!(found.starts_with("clip: value = ") && found.contains("is outside (0, ∞)"), "{found}");
    }
}

#[test]
fn rules_for_whole_tensors_take_clips_by_norm_in_a_row() {
    let build = |clips: Clips| {
        Optimizer::builder(Muon::default()).clip(clips).build([Param::new("w", [4, 3], DType::F32)])
    };
    let norms = [Clip::GlobalNormOf { order: INF, most: 0.5 }, Clip::TensorNorm(0.25)];
    let gradient: Vec<f32> = random(1, 12).iter().map(|x| *x as f32).collect();
    let mut muon = build(norms.into()).unwrap();
    let report = muon.step(0.1, &mut [Slot::new(&mut [1.0f32; 12], &gradient)]).unwrap();
    let wide: Vec<f64> = gradient.iter().map(|x| f64::from(*x)).collect();
    let expected = naive(&norms, muon.params(), &[], &mut [wide])[0];
    assert!((report.clip_factor / expected - 1.0).abs() < 1e-12 && expected < 0.5, "{report:?}");
    assert!(build([norms[0], Clip::Value(1.0)].into()).is_err());
}

#[test]
fn a_parameter_without_a_gradient_counts_in_no_norm() {
    let params = || ["a", "b"].map(|name| param(name, 2, DType::F64));
    let clips = [Clip::GlobalNormOf { order: 1.0, most: 1.0 }, Clip::GlobalNormOf { order: INF, most: 0.25 }];
    let step = |b: bool| {
        let mut sgd = Optimizer::builder(recording()).clip(clips).build(params()).unwrap();
        let (mut first, mut second) = ([0.0f64; 2], [0.0f64; 2]);
        // the step before leaves norms of both
        sgd.step(0.0, &mut [Slot::new(&mut first, &[0.0; 2]), Slot::new(&mut second, &[7.0; 2])]).unwrap();
        let second = if b { Slot::new(&mut second, &[0.0; 2]) } else { Slot::frozen(&mut second) };
        let report = sgd.step(1.0, &mut [Slot::new(&mut first, &[3.0, -1.0]), second]).unwrap();
        (first, report.clip_factor, state_words(&sgd)[0])
    };
    let (theta, factor, _) = step(false);
    assert_eq!((theta, factor), (step(true).0, step(true).1));
    // 3/4 of a sum of 1, and then a quarter at most
    assert!((theta[0] + 0.25).abs() < 1e-6 && (theta[1] - 0.25 / 3.0).abs() < 1e-6, "{theta:?}");
}

#[test]
fn bounds_on_updates_go_with_clips_in_a_row() {
    let mut theta = [0.0f64; 2];
    let mut sgd = Optimizer::builder(Sgd::default())
        .clip([Clip::GlobalNormOf { order: 1.0, most: 7.0 }, Clip::Value(3.5)])
        .clip_update(UpdateClip::Norm(0.5))
        .build([param("a", 2, DType::F64)])
        .unwrap();
    // 3 and 4 of a sum of 7, then 3 and 3.5, whose norm comes down to 0.5
    sgd.step(1.0, &mut [Slot::new(&mut theta, &[30.0, -40.0])]).unwrap();
    let norm = 3f64.hypot(3.5);
    assert!((theta[0] + 1.5 / norm).abs() < 1e-6 && (theta[1] - 1.75 / norm).abs() < 1e-6, "{theta:?}");
}
