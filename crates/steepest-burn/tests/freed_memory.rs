//! With glibc, the memory of a pass serves the next: it does not go back to the system in between.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use std::hint::black_box;
use steepest::{Optimizer, Sgd};
use steepest_burn::BurnOptimizer;

/// Pages that the system has found for this thread.
fn pages() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // the name, in parentheses, may hold anything; minor faults are the eighth field after it
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(7).unwrap().parse().unwrap()
}

/// Pages for fifty times five blocks of 100 KiB: none so large that glibc learns from it.
fn pages_of_blocks() -> u64 {
    let before = pages();
    for i in 0..50u8 {
        black_box([(); 5].map(|()| vec![i + 1; 100 << 10]));
    }
    pages() - before
}

// one test: what the allocator has learned holds for the whole process
#[test]
fn freed_memory_is_used_again() {
    let model: Linear = LinearConfig::new(8, 8).init(&Device::flex().autodiff());
    let before = pages_of_blocks();
    let _optimizer = BurnOptimizer::new(Optimizer::builder(Sgd::default()), &model).unwrap();
    let after = pages_of_blocks();
    // fifty times 125 pages, unless the environment's settings keep them; then twice that many at most
    assert!(after <= 2 * 125, "{after} pages for blocks that need 125, {before} before");
}
