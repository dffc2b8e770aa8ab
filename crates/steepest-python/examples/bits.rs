//! Prints the weights that every optimizer comes to in 200 steps from Rust, bit for bit, as JSON: what the tests in Python are held to.
//! `tests/problem.py` has the same problem.

use steepest::registry::OPTIMIZERS;
use steepest::settings::Values;
use steepest::{DType, Optimizer, Param, Slot, StepArgs};

const SHAPES: [&[usize]; 4] = [&[1], &[7], &[17], &[33, 31]];

/// In [-1, 1), exact.
fn draw(seed: u64, i: u64) -> f64 {
    let word = (seed * 2_654_435_761 + i * 2_246_822_519 + (seed ^ i) * 3_266_489_917) % (1 << 32);
    word as f64 / f64::from(1u32 << 31) - 1.0
}

fn main() -> steepest::Result<()> {
    let lengths: Vec<usize> = SHAPES.iter().map(|shape| shape.iter().product()).collect();
    let draws = |seed: u64| -> Vec<Vec<f64>> {
        let of = |(k, n): (usize, &usize)| (0..*n as u64).map(|i| draw(seed + k as u64, i)).collect();
        lengths.iter().enumerate().map(of).collect()
    };
    let mut lines = Vec::new();
    for entry in OPTIMIZERS {
        let params =
            SHAPES.iter().enumerate().map(|(k, shape)| Param::new(k.to_string(), *shape, DType::F64));
        let mut optimizer = Optimizer::builder(entry.make(&Values::new())).build(params)?;
        let (mut theta, centre) = (draws(1), draws(11));
        for t in 0..200u64 {
            let noise = draws(100 + 10 * t);
            let grads: Vec<Vec<f64>> = (theta.iter().zip(&centre).zip(&noise))
                .map(|((theta, centre), noise)| {
                    (theta.iter().zip(centre).zip(noise))
                        .map(|((x, c), e)| 0.5 * (x - c) + 0.125 * e)
                        .collect()
                })
                .collect();
            let args = StepArgs { loss: Some(1.0), ..StepArgs::from(entry.default_lr / (1 + t) as f64) };
            optimizer.step_iter(args, theta.iter_mut().zip(&grads).map(|(theta, g)| Slot::new(theta, g)))?;
        }
        let words: Vec<String> =
            theta.iter().flatten().map(|x| format!("\"{:016x}\"", x.to_bits())).collect();
        lines.push(format!("\"{}\": [{}]", entry.name, words.join(", ")));
    }
    println!("{{{}}}", lines.join(",\n"));
    Ok(())
}
