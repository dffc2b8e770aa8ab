//! A network of one's own with parameter groups, clipping, warm-up and cosine, and an average of the weights.
use steepest::schedule::{Cosine, Warmup};
use steepest::{AdamW, Clip, DType, Ema, Group, LearningRate, Optimizer, Param, Slot};

const HIDDEN: usize = 32;

/// The loss and the gradients of y = Σ vᵢ tanh(wᵢ x + bᵢ) against sin 3x, the mean over 64 points.
fn gradients(theta: &[Vec<f32>], grads: &mut [Vec<f32>]) -> f32 {
    grads.iter_mut().for_each(|g| g.fill(0.0));
    let mut loss = 0.0;
    for x in (0..64).map(|i| i as f32 / 32.0 - 1.0) {
        let h: Vec<f32> = (0..HIDDEN).map(|i| (theta[0][i] * x + theta[1][i]).tanh()).collect();
        let off = h.iter().zip(&theta[2]).map(|(h, v)| h * v).sum::<f32>() - (3.0 * x).sin();
        loss += off * off / 64.0;
        for i in 0..HIDDEN {
            let back = off / 32.0 * theta[2][i] * (1.0 - h[i] * h[i]);
            (0..3).zip([back * x, back, off / 32.0 * h[i]]).for_each(|(k, g)| grads[k][i] += g);
        }
    }
    loss
}

fn main() -> steepest::Result<()> {
    let params = ["in.weight", "in.bias", "out.weight"].map(|n| Param::new(n, [HIDDEN], DType::F32));
    let mut theta = vec![vec![0.0; HIDDEN]; 3];
    theta.iter_mut().flatten().enumerate().for_each(|(i, x)| *x = (i as f32 * 1.7).sin());
    let mut grads = theta.clone();
    let average = Ema { warmup: true, ..Ema::default() };
    let builder = Optimizer::builder(AdamW::default()).clip(Clip::GlobalNorm(1.0)).average(average);
    let mut adamw = builder.group(Group::named("*.bias").weight_decay(0.0)).build(params)?;
    let rate = LearningRate::from((0.01, Warmup::new(50, 0.0, Box::new(Cosine::default()))?)).over(2000)?;
    for step in 0..2000 {
        gradients(&theta, &mut grads);
        adamw.step_iter(rate.at(step), theta.iter_mut().zip(&grads).map(|(t, g)| Slot::new(t, g)))?;
    }
    let loss = gradients(&adamw.evaluation(&mut theta)?, &mut grads);
    assert!(loss < 1e-3, "the loss of the averaged weights is {loss}");
    Ok(())
}
