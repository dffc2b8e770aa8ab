//! Steps a [burn](https://burn.dev) module with the optimizers of [`steepest`], in place.
//!
//! Where burn's own optimizer takes the module and returns it,
//!
//! ```text
//! let mut optimizer = AdamWConfig::new().init();
//! let grads = GradientsParams::from_grads(loss.backward(), &model);
//! model = optimizer.step(lr, model, grads);
//! ```
//!
//! this one is made for a module and borrows it:
//!
//! ```
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Distribution, Tensor};
//! use steepest::{AdamW, Group, Optimizer};
//! use steepest_burn::BurnOptimizer;
//!
//! let device = Device::flex().autodiff();
//! let mut model: Linear = LinearConfig::new(4, 1).init(&device);
//! let rule = Optimizer::builder(AdamW::default()).group(Group::named("*bias").weight_decay(0.0));
//! let mut optimizer = BurnOptimizer::new(rule, &model)?;
//! for _ in 0..10 {
//!     let x = Tensor::<2>::random([8, 4], Distribution::Default, &device);
//!     let loss = model.forward(x).powi_scalar(2).mean();
//!     optimizer.step(1e-3, &mut model, loss.backward())?;
//! }
//! println!("{}", optimizer.optimizer().plan()); // which group hit which parameter
//! # Ok::<(), steepest_burn::Error>(())
//! ```
//!
//! # Names
//!
//! A parameter is called by its path of field names and indices, joined by dots: `layers.0.weight`.
//! The name of an enum's variant is no part of it. Groups, errors, optimizer states and weight
//! files use these names.
//!
//! # Copies
//!
//! On burn's CPU backend, Flex, the step works in the tensors' own memory. A tensor is copied only
//! - if something else holds it too: a clone of the module shares its tensors until the first step,
//!   which gives the stepped module its own (the clone is not changed);
//! - if it is not contiguous: a parameter once (`LinearLayout::Col` stores a transposed one), a
//!   gradient on every step.
//!
//! The memory of the gradients is free after a step. With glibc's first settings it goes back to the system
//! each time, which takes as long as a small network's step. So [`BurnOptimizer::new`] makes glibc keep what a
//! few passes need, at most 64 MiB, by freeing one block of half that size. This holds for the whole process,
//! unless the environment sets `MALLOC_TRIM_THRESHOLD_` or `MALLOC_MMAP_THRESHOLD_`.
//!
//! On any other backend parameters and gradients travel to the host and back on every step.

mod error;
mod optimizer;
mod path;
mod weights;

pub use error::{Error, Result};
pub use optimizer::{BurnOptimizer, Grads};
pub use weights::{
    NamedTensor, load_named_tensors, load_weights, named_tensors, save_weights, weights_from_bytes,
    weights_to_bytes,
};

// here, for the library's package does not hold it
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
