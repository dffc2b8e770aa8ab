//! A step copies neither parameter nor gradient: the tensors stay where they are, and nothing that a
//! step allocates is as large as the smallest matrix.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, TensorData, activation::relu};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use steepest::{AdamW, Clip, Optimizer};
use steepest_burn::BurnOptimizer;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[allow(unsafe_code)] // the trait is unsafe; everything is passed on to the system
// SAFETY: every call goes to `System` with its arguments unchanged
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        // SAFETY: as above
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.layers.iter().fold(x, |x, layer| relu(layer.forward(x)))
    }
}

#[derive(Module, Debug)]
struct Cnn {
    conv: Conv2d,
    #[module(skip)]
    pool: MaxPool2d,
    out: Linear,
}

impl Cnn {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.out.forward(self.pool.forward(relu(self.conv.forward(x))).flatten(1, 3))
    }
}

/// Where the memory of each parameter lies. Taking it out and putting it back copies a tensor that
/// has a second owner: the address would change.
fn addresses<M: Module>(module: &mut M) -> Vec<usize> {
    struct Look(Vec<usize>);
    impl ModuleMapper for Look {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| {
                let device = tensor.device();
                let data: TensorData = tensor.into_data();
                self.0.push(data.as_bytes().as_ptr() as usize);
                Tensor::from_data(data, &device).require_grad()
            })
        }
    }
    let mut look = Look(Vec::new());
    *module = take(module).map(&mut look);
    look.0
}

/// The module by value; an empty `Vec` of layers or the like would do, but `M` knows none.
fn take<M: Module>(module: &mut M) -> M {
    struct Empty;
    impl ModuleMapper for Empty {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|_| Tensor::empty([0; D], &Device::flex()))
        }
    }
    let empty = module.clone().map(&mut Empty);
    std::mem::replace(module, empty)
}

/// Steps a model, whose steps may allocate small things, and one of `copied` bytes.
fn stays<M: Module, X: Clone>(mut model: M, x: X, forward: impl Fn(&M, X) -> Tensor<2>, copied: usize) {
    let rule = Optimizer::builder(AdamW::default()).clip(Clip::GlobalNorm(1.0));
    let mut optimizer = BurnOptimizer::new(rule, &model).unwrap();
    let mut places = None;
    for _ in 0..20 {
        let output = forward(&model, x.clone());
        let grads = output.powi_scalar(2).mean().backward();
        LARGEST.store(0, Relaxed);
        optimizer.step(1e-3, &mut model, grads).unwrap();
        let largest = LARGEST.load(Relaxed);
        assert!(largest < 4096.max(copied + 1), "{largest} bytes were allocated at once in a step");
        let now = addresses(&mut model);
        assert_eq!(places.get_or_insert(now.clone()), &now, "a parameter was copied");
    }
}

// one test: the count is of the whole process
#[test]
fn a_step_copies_nothing() {
    let device = Device::flex().autodiff();
    let sizes = [784, 256, 256, 10];
    let mlp = Mlp { layers: sizes.windows(2).map(|w| LinearConfig::new(w[0], w[1]).init(&device)).collect() };
    let x = Tensor::<2>::random([32, 784], Distribution::Default, &device);
    stays(mlp, x, Mlp::forward, 0);

    let cnn = Cnn {
        conv: Conv2dConfig::new([32, 64], [3, 3]).init(&device),
        pool: MaxPool2dConfig::new([2, 2]).init(),
        out: LinearConfig::new(64 * 6 * 6, 10).init(&device),
    };
    let x = Tensor::<4>::random([4, 32, 14, 14], Distribution::Default, &device);
    // burn computes the gradient of a convolution's weight with in and out swapped
    stays(cnn, x, Cnn::forward, 4 * 32 * 64 * 9);
}
