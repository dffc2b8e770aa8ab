//! A function is minimized with L-BFGS, after its gradient was compared with difference quotients.
use steepest::{GradientCheckOptions, Lbfgs, check_objective, minimize, stop::Stop};

/// Rosenbrock's function in 10 dimensions: a valley that bends toward its minimum, 0 at (1, …, 1).
fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    let mut value = 0.0;
    for i in 0..x.len() - 1 {
        let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
        value += a * a + 100.0 * b * b;
        g[i] -= 2.0 * a + 400.0 * x[i] * b;
        g[i + 1] += 200.0 * b;
    }
    value
}

fn main() -> steepest::Result<()> {
    let start = [-1.2; 10];
    let check = check_objective(rosenbrock, &start, &GradientCheckOptions::default())?;
    assert!(check.passed(1e-6), "{check}");
    let stop = Stop::gradient_tolerance(1e-6) | Stop::max_steps(1000);
    let minimum = minimize(rosenbrock, &start, Lbfgs::default(), 1.0, stop)?;
    println!("{:.3e} after {} steps: {}", minimum.value, minimum.steps, minimum.reason);
    assert!(!minimum.reason.is_failure() && minimum.value < 1e-9);
    Ok(())
}
