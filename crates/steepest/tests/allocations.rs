//! A step allocates nothing. One test only: the counter sees the whole process.
#![allow(unsafe_code)] // a global allocator cannot be written without

mod common;

use common::{Data, random, settings, slots};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use steepest::registry::OPTIMIZERS;
use steepest::{
    AdamW, Clip, DType, Ema, Group, Lookahead, Master, Optimizer, Param, Rounding, Slot, StateFormat,
    UpdateClip,
};

struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

fn count() {
    if COUNTING.load(SeqCst) {
        ALLOCATIONS.fetch_add(1, SeqCst);
    }
}

// SAFETY: every call goes to the system's allocator with the same arguments; counting beside it
// allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's contract.
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often anything was allocated while `work` ran, on any thread.
fn allocations(work: impl FnOnce()) -> usize {
    ALLOCATIONS.store(0, SeqCst);
    COUNTING.store(true, SeqCst);
    work();
    COUNTING.store(false, SeqCst);
    ALLOCATIONS.load(SeqCst)
}

#[test]
fn a_step_allocates_nothing() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1]))) > 0, "the counter does not count");
    // 130 000 elements: the step runs in parallel when it can
    let shapes: [&[usize]; 5] = [&[1], &[100, 300], &[17], &[90_000], &[9_982]];
    let [alone, pool] = [1, 2].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    // the threads are up, and have what rayon gives each when it first looks for work
    for _ in 0..100 {
        alone.broadcast(|_| std::hint::black_box(0));
        pool.broadcast(|_| std::hint::black_box(0));
    }
    for entry in OPTIMIZERS {
        let types: &[(DType, DType)] = match entry.traits.half {
            true => &[(DType::F32, DType::F32), (DType::F64, DType::F64), (DType::Bf16, DType::F32)],
            false => &[(DType::F32, DType::F32), (DType::F64, DType::F64)],
        };
        let clips: &[Option<Clip>] = match entry.traits.half {
            true => &[
                None,
                Some(Clip::Value(0.1)),
                Some(Clip::TensorNorm(0.1)),
                Some(Clip::GlobalNorm(0.1)),
                Some(Clip::Adaptive { factor: 0.1, eps: 1e-3 }),
            ],
            false => &[None, Some(Clip::TensorNorm(0.1)), Some(Clip::GlobalNorm(0.1))],
        };
        for (i, setting) in settings(entry).iter().enumerate() {
            // clipping and types do not see the settings: all of them for the defaults only
            let (types, clips) = if i == 0 { (types, clips) } else { (&types[..1], &clips[..1]) };
            for (&(dtype, of_grad), &clip) in types.iter().flat_map(|t| clips.iter().map(move |c| (t, c))) {
                let params = (0..).zip(shapes).map(|(i, s)| Param::new(format!("p{i}"), s, dtype));
                let params: Vec<Param> = params.collect();
                let drawn = |dtype, seed: u64| -> Vec<Data> {
                    params.iter().map(|p| Data::of(dtype, &random(seed, p.len()))).collect()
                };
                let (mut theta, grads) = (drawn(dtype, 1), drawn(of_grad, 2));
                let make = || {
                    Optimizer::builder(entry.make(&setting.values))
                        .clip(clip)
                        .measure_updates(2)
                        .build(params.clone())
                        .unwrap()
                };
                let place = format!("{} {} {dtype} {clip:?}", entry.name, setting.name);
                let mut optimizer = make();
                let mut slots: Vec<Slot> = slots(&mut theta, &grads);
                let mut run = |optimizer: &mut Optimizer| {
                    for step in 1..=4 {
                        optimizer.step(common::args(setting.lr(step)), &mut slots).unwrap();
                    }
                };
                let serial = alone.install(|| allocations(|| run(&mut optimizer)));
                assert_eq!(serial, 0, "{place}, serial");
                let mut optimizer = make();
                let parallel = pool.install(|| allocations(|| run(&mut optimizer)));
                assert_eq!(parallel, 0, "{place}, on two threads");
            }
        }
    }
    // state and weights in few bytes, for each rule
    for entry in OPTIMIZERS.iter().filter(|entry| entry.traits.half) {
        for (dtype, format, master) in [
            (DType::F32, StateFormat::Bits8, Master::None),
            (DType::F32, StateFormat::Bf16, Master::None),
            (DType::Bf16, StateFormat::Bits8, Master::Correction),
            (DType::Bf16, StateFormat::F32, Master::F32),
        ] {
            let params: Vec<Param> =
                (0..).zip(shapes).map(|(i, s)| Param::new(format!("p{i}"), s, dtype)).collect();
            let drawn = |seed: u64| {
                params.iter().map(|p| Data::of(dtype, &random(seed, p.len()))).collect::<Vec<_>>()
            };
            let (mut theta, mut grads) = (drawn(1), drawn(2));
            let slots =
                theta.iter_mut().zip(&mut grads).map(|(t, g)| Slot::zeroing(t.all_mut(), g.all_mut()));
            let mut slots: Vec<Slot> = slots.collect();
            let mut optimizer = Optimizer::builder(entry.make(&Default::default()))
                .group(Group::named("*").state_format(format))
                .master(master)
                .rounding(Rounding::Stochastic)
                .build(params.clone())
                .unwrap();
            let found = pool.install(|| {
                allocations(|| {
                    (0..3).for_each(|_| assert!(optimizer.step(common::args(1e-3), &mut slots).is_ok()));
                })
            });
            assert_eq!(found, 0, "{} {dtype} {format} {master:?}", entry.name);
        }
    }
    // all that composes with a rule, at once
    for (dtype, of_grad) in [(DType::F32, DType::F32), (DType::F64, DType::F64), (DType::Bf16, DType::F32)] {
        let params: Vec<Param> =
            (0..).zip(shapes).map(|(i, s)| Param::new(format!("p{i}"), s, dtype)).collect();
        let drawn = |dtype, seed: u64| -> Vec<Data> {
            params.iter().map(|p| Data::of(dtype, &random(seed, p.len()))).collect()
        };
        let (mut theta, grads) = (drawn(dtype, 1), drawn(of_grad, 2));
        let mut slots: Vec<Slot> = slots(&mut theta, &grads);
        for (pool, threads) in [(&alone, 1), (&pool, 2)] {
            let mut optimizer = Optimizer::builder(AdamW::default())
                .clip(Clip::Adaptive { factor: 0.1, eps: 1e-3 })
                .centralize(true)
                .cautious(true)
                .cautious_decay(true)
                .fully_decoupled_decay(0.1)
                .clip_update(UpdateClip::Rms(0.5))
                .lookahead(Lookahead { every: 2, alpha: 0.5 })
                .average(Ema::default())
                .build(params.clone())
                .unwrap();
            let found = pool.install(|| {
                allocations(|| (0..4).for_each(|_| assert!(optimizer.step(0.1, &mut slots).is_ok())))
            });
            assert_eq!(found, 0, "everything, {dtype}, {threads} threads");
        }
    }
}
