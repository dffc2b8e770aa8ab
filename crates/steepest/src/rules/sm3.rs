use crate::error::Result;
use crate::linalg::{Number, Request, Workspace};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorRule, TensorView};
use crate::settings::Range;

crate::settings! {
    /// Adagrad with one sum for each row and each column: an element's sum is at most the smaller of its two.
    ///
    /// # Formula
    /// ```text
    /// ν ← min over the axes of μ_axis
    /// ν ← β₂ν + (1 − β₂)g²                   with β₂ = 1: ν + g²
    /// μ_axis ← max of ν over all other axes
    /// m ← βm + (1 − β)·g/√(ν + ε)            0 where ν = 0
    /// θ ← (1 − ηλ)θ − ηm
    /// ```
    ///
    /// # State
    /// `mu_0`, `mu_1`, …: a number for each place along that axis; `exp_avg`, the parameter's shape. 4 bytes per number (8 for f64).
    ///
    /// # Differences
    /// optax: none, without decay. The authors' code averages `exp_avg` alike and has no ε.
    ///
    /// # Errors
    /// Settings outside their range; a parameter of more than 6 axes.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Slot, Sm3};
    /// let mut theta = [1.0f64; 4];
    /// let mut sm3 = Optimizer::builder(Sm3 { momentum: 0.0, ..Sm3::default() })
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// sm3.step(0.5, &mut [Slot::new(&mut theta, &[3.0, 0.0, 0.0, 0.0])])?;
    /// assert!((theta[0] - 0.5).abs() < 1e-8 && theta[3] == 1.0);
    /// assert_eq!(sm3.state("weight", "mu_0")?, [9.0, 0.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Anil, Gupta, Koren & Singer, Memory-Efficient Adaptive Optimization, NeurIPS 2019, algorithm SM3-II.
    pub struct Sm3("sm3") {
        /// β, fraction of the old average step that is kept
        momentum: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old squares that is kept; 1 sums them
        beta2: f64 = 1.0, Range::FRACTION;
        /// ε, added to the sum of squares
        eps: f64 = 1e-8, Range::POSITIVE;
        /// λ, decoupled weight decay
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Sm3 {
    fn into_rule(self) -> Result<Rule> {
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Cover(self.clone()), None)
    }
}

struct Cover(Sm3);

const NAMES: [&str; 6] = ["mu_0", "mu_1", "mu_2", "mu_3", "mu_4", "mu_5"];

/// A single number is a vector of one.
fn axes(shape: &[usize]) -> &[usize] {
    if shape.is_empty() { &[1] } else { shape }
}

/// The workspace of a step: a number for each element.
fn squares<'a, T>(shape: &[usize], workspace: &mut Workspace<'a, T>) -> &'a mut [T] {
    workspace.take(shape.iter().product())
}

impl TensorRule for Cover {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        if shape.len() <= NAMES.len() { Ok(()) } else { Err("it has more than 6 axes") }
    }

    fn state(&self, param: &Param) -> Vec<StateSpec> {
        let shape = &param.shape[..];
        let mu =
            NAMES.iter().zip(axes(shape)).map(|(name, n)| StateSpec { name, shape: vec![*n], initial: 0.0 });
        mu.chain([StateSpec { name: "exp_avg", shape: shape.to_vec(), initial: 0.0 }]).collect()
    }

    fn workspace(&self, shape: &[usize]) -> usize {
        Request::of::<f32, _>(|workspace| squares(shape, workspace)).len()
    }

    fn update<T: Number>(&self, step: Step, view: TensorView<'_, T>) -> f64 {
        const TOGETHER: usize = 256;
        let Sm3 { momentum, beta2, eps, .. } = self.0;
        let (scale, keep, lr) = (T::of(view.scale), T::of(view.keep(step)), T::of(step.lr));
        let (shape, loops) = (axes(view.shape), view.loops);
        let len = view.theta.len();
        if len == 0 {
            return 0.0;
        }
        let (average, eps) = (Average::<T>::new(momentum), T::below_root(eps));
        let square = Average::<T>::weighted(beta2, if beta2 == 1.0 { 1.0 } else { 1.0 - beta2 });
        let sums = squares(view.shape, &mut Workspace::new(view.workspace));
        let (last, rank) = (shape[shape.len() - 1], shape.len());
        let Some((m, mu)) = view.state.split_last_mut() else { return 0.0 };
        let of_axes: &[&mut [T]] = mu;
        let moved =
            loops.lines(last, [view.theta, m, &mut *sums], [view.grad], |loops, start, written, [g]| {
                // along a line only the last axis changes
                let (mut at, mut least) = (start / last, T::of(f64::INFINITY));
                for axis in (0..rank - 1).rev() {
                    least = least.min(of_axes[axis][at % shape[axis]]);
                    at /= shape[axis];
                }
                loops.map_sum(written, [g, &*of_axes[rank - 1]], move |[theta, m, _], [g, mu]| {
                    let g = g * scale;
                    let v = square.mix(mu.min(least), g * g);
                    let u = (g / (v + eps).sqrt()).or(v > T::ZERO, T::ZERO);
                    let m = average.mix(m, u);
                    let new = theta * keep - lr * m;
                    let moved = new.wide() - theta.wide();
                    ([new, m, v], moved * moved)
                })
            });
        let sums = &*sums;
        for (axis, mu) in mu.iter_mut().enumerate() {
            let size = shape[axis];
            let inner: usize = shape[axis + 1..].iter().product();
            if inner == 1 {
                loops.rows(mu, TOGETHER, |block, mu| {
                    mu.fill(T::ZERO);
                    for line in sums.chunks_exact(size) {
                        for (mu, v) in mu.iter_mut().zip(&line[block * TOGETHER..]) {
                            *mu = mu.max(*v);
                        }
                    }
                });
            } else {
                loops.rows(mu, 1, |place, mu| {
                    let runs = sums.chunks_exact(inner).skip(place).step_by(size);
                    mu[0] = runs.flatten().fold(T::ZERO, |most, v| most.max(*v));
                });
            }
        }
        moved
    }
}
