//! A step allocates nothing.
#![allow(unsafe_code)] // a global allocator cannot be written without

use crate::common::{Data, args, random, settings, slots};
use crate::{Alone, Property, alone, property};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use steepest::registry::Entry;
use steepest::{
    AdamW, Clip, Clips, DType, Ema, Group, Lookahead, Master, Optimizer, Param, Rounding, Slot, Slots,
    StateFormat, UpdateClip,
};

pub const PROPERTIES: &[Property] = &[
    property!(a_step_allocates_nothing),
    property!(a_step_with_few_bytes_allocates_nothing, |entry| entry.traits.half),
];

pub const ALONE: &[Alone] = &[
    alone!(a_step_with_all_that_composes_allocates_nothing),
    alone!(slots_from_an_iterator_allocate_nothing),
    alone!(slots_of_a_model_allocate_nothing),
];

/// Counts what is allocated on the threads of one pool.
#[derive(Default)]
struct Counter {
    on: AtomicBool,
    allocations: AtomicUsize,
}

thread_local! {
    /// The counter of this thread's pool: other tests allocate at the same time on threads of their own.
    static COUNTER: Cell<Option<&'static Counter>> = const { Cell::new(None) };
}

struct Counting;

fn count() {
    // a thread that is ending has none
    if let Ok(Some(counter)) = COUNTER.try_with(Cell::get)
        && counter.on.load(SeqCst)
    {
        counter.allocations.fetch_add(1, SeqCst);
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

/// Threads whose allocations are counted.
struct Counted {
    pool: ThreadPool,
    counter: &'static Counter,
}

impl Counted {
    fn new(threads: usize) -> Self {
        let counter: &'static Counter = Box::leak(Box::default());
        let mark = move |_| COUNTER.with(|of_thread| of_thread.set(Some(counter)));
        let pool = ThreadPoolBuilder::new().num_threads(threads).start_handler(mark).build().unwrap();
        // the threads are up, and have what rayon gives each when it first looks for work
        for _ in 0..100 {
            pool.broadcast(|_| std::hint::black_box(0));
        }
        let counted = Self { pool, counter };
        let found = counted.allocations(|| drop(std::hint::black_box(vec![1])));
        assert!(found > 0, "the counter does not count");
        counted
    }

    /// How often anything was allocated while `work` ran, on any thread of the pool.
    fn allocations(&self, work: impl FnOnce() + Send) -> usize {
        self.pool.install(|| {
            self.counter.allocations.store(0, SeqCst);
            self.counter.on.store(true, SeqCst);
            work();
            self.counter.on.store(false, SeqCst);
            self.counter.allocations.load(SeqCst)
        })
    }
}

/// 130 000 elements: the step runs in parallel when it can.
const SHAPES: [&[usize]; 5] = [&[1], &[100, 300], &[17], &[90_000], &[9_982]];

fn params(dtype: DType) -> Vec<Param> {
    (0..).zip(SHAPES).map(|(i, shape)| Param::new(format!("p{i}"), shape, dtype)).collect()
}

/// Neighbouring windows of one sequence, which differ in every place.
fn drawn(dtype: DType, window: usize) -> Vec<Data> {
    static NUMBERS: LazyLock<Vec<f64>> = LazyLock::new(|| random(1, 100_000));
    params(dtype).iter().map(|param| Data::of(dtype, &NUMBERS[window..window + param.len()])).collect()
}

fn a_step_allocates_nothing(entry: &Entry) {
    let pools = [1, 2].map(Counted::new);
    let types: &[(DType, DType)] = match entry.traits.half {
        true => &[(DType::F32, DType::F32), (DType::F64, DType::F64), (DType::Bf16, DType::F32)],
        false => &[(DType::F32, DType::F32), (DType::F64, DType::F64)],
    };
    let by_unit = Clip::Adaptive { factor: 0.1, eps: 1e-3 };
    let norms = [
        Clip::GlobalNormOf { order: 3.0, most: 0.1 },
        Clip::TensorNormOf { order: f64::INFINITY, most: 0.1 },
    ];
    let clips: &[Clips] = &match entry.traits.half {
        true => vec![
            None.into(),
            Clip::Value(0.1).into(),
            Clip::TensorNorm(0.1).into(),
            Clip::GlobalNorm(0.1).into(),
            by_unit.into(),
            [norms[0], norms[1], by_unit, Clip::Value(0.1)].into(),
        ],
        false => vec![None.into(), Clip::TensorNorm(0.1).into(), Clip::GlobalNorm(0.1).into(), norms.into()],
    };
    for (i, setting) in settings(entry).iter().enumerate() {
        // clipping and types do not see the settings: all of them for the defaults only
        let (types, clips) = if i == 0 { (types, clips) } else { (&types[..1], &clips[..1]) };
        for &(dtype, of_grad) in types {
            let (mut theta, grads) = (drawn(dtype, 1), drawn(of_grad, 2));
            let mut slots: Vec<Slot> = slots(&mut theta, &grads);
            for clip in clips {
                for (pool, threads) in pools.iter().zip(1..) {
                    let mut optimizer = Optimizer::builder(entry.make(&setting.values))
                        .clip(clip.clone())
                        .measure_updates(2)
                        .build(params(dtype))
                        .unwrap();
                    let found = pool.allocations(|| {
                        for t in 1..=4 {
                            optimizer.step(args(setting.lr(t)), &mut slots).unwrap();
                        }
                    });
                    assert_eq!(found, 0, "{} {dtype} {clip:?}, {threads} threads", setting.name);
                }
            }
        }
    }
}

fn a_step_with_few_bytes_allocates_nothing(entry: &Entry) {
    let pool = Counted::new(2);
    for (dtype, format, master) in [
        (DType::F32, StateFormat::Bits8, Master::None),
        (DType::F32, StateFormat::Bf16, Master::None),
        (DType::Bf16, StateFormat::Bits8, Master::Correction),
        (DType::Bf16, StateFormat::F32, Master::F32),
    ] {
        let (mut theta, mut grads) = (drawn(dtype, 1), drawn(dtype, 2));
        let slots = theta.iter_mut().zip(&mut grads).map(|(t, g)| Slot::zeroing(t.all_mut(), g.all_mut()));
        let mut slots: Vec<Slot> = slots.collect();
        let mut optimizer = Optimizer::builder(entry.make(&Default::default()))
            .group(Group::named("*").state_format(format))
            .master(master)
            .rounding(Rounding::Stochastic)
            .build(params(dtype))
            .unwrap();
        let found = pool.allocations(|| {
            (0..3).for_each(|_| assert!(optimizer.step(args(1e-3), &mut slots).is_ok()));
        });
        assert_eq!(found, 0, "{dtype} {format} {master:?}");
    }
}

fn a_step_with_all_that_composes_allocates_nothing() {
    let pools = [1, 2].map(Counted::new);
    for (dtype, of_grad) in [(DType::F32, DType::F32), (DType::F64, DType::F64), (DType::Bf16, DType::F32)] {
        let (mut theta, grads) = (drawn(dtype, 1), drawn(of_grad, 2));
        let mut slots: Vec<Slot> = slots(&mut theta, &grads);
        for (pool, threads) in pools.iter().zip(1..) {
            let mut optimizer = Optimizer::builder(AdamW::default())
                .clip(Clip::Adaptive { factor: 0.1, eps: 1e-3 })
                .centralize(true)
                .cautious(true)
                .cautious_decay(true)
                .fully_decoupled_decay(0.1)
                .clip_update(UpdateClip::Rms(0.5))
                .lookahead(Lookahead { every: 2, alpha: 0.5 })
                .average(Ema::default())
                .build(params(dtype))
                .unwrap();
            let found = pool.allocations(|| {
                (0..4).for_each(|_| assert!(optimizer.step(0.1, &mut slots).is_ok()));
            });
            assert_eq!(found, 0, "{dtype}, {threads} threads");
        }
    }
}

fn slots_from_an_iterator_allocate_nothing() {
    let counted = Counted::new(1);
    let mut theta = vec![vec![1.0f32; 20]; 1000];
    let grads = vec![vec![1.0f32; 20]; 1000];
    let params = (0..1000).map(|i| Param::new(format!("{i}"), [20], DType::F32));
    let mut adamw = Optimizer::builder(AdamW::default()).build(params).unwrap();
    let mut step = || {
        let slots = theta.iter_mut().zip(&grads).map(|(theta, grad)| Slot::new(theta, grad));
        adamw.step_iter(1e-3, slots).unwrap();
    };
    let found = counted.allocations(|| (0..10).for_each(|_| step()));
    assert_eq!(found, 0);
}

/// A model of its own: as many layers as it was made with, each with its gradients beside it.
struct Network {
    layers: Vec<Layer>,
}

struct Layer {
    weight: Vec<f32>,
    bias: [f32; 3],
    weight_grad: Vec<f32>,
    bias_grad: [f32; 3],
}

impl Slots for Network {
    fn each_slot<'a>(&'a mut self, see: &mut dyn FnMut(Slot<'a>)) {
        for layer in &mut self.layers {
            see(Slot::zeroing(&mut layer.weight, &mut layer.weight_grad));
            see(Slot::new(&mut layer.bias, &layer.bias_grad));
        }
    }
}

fn slots_of_a_model_allocate_nothing() {
    let counted = Counted::new(1);
    let layer = |i: usize| Layer {
        weight: vec![1.0; 3 * i],
        bias: [1.0; 3],
        weight_grad: vec![1.0; 3 * i],
        bias_grad: [1.0; 3],
    };
    let mut network = Network { layers: (0..500).map(layer).collect() };
    let params = (0..500).flat_map(|i| {
        let weight = Param::new(format!("{i}.weight"), [3, i], DType::F32);
        [weight, Param::new(format!("{i}.bias"), [3], DType::F32)]
    });
    let clips = [Clip::GlobalNormOf { order: 1.0, most: 1.0 }, Clip::Value(0.1)];
    let mut adamw =
        Optimizer::builder(AdamW::default()).clip(clips).average(Ema::default()).build(params).unwrap();
    let found = counted.allocations(|| {
        (0..10).for_each(|_| assert!(adamw.step_on(1e-3, &mut network).is_ok()));
    });
    assert_eq!(found, 0);
    assert!(network.layers[9].weight.iter().all(|x| *x < 1.0));
    assert!(network.layers[9].weight_grad.iter().all(|g| *g == 0.0));
}
