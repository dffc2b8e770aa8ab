use super::rule::{MatrixRule, like};
use super::sides::{SideMatrices, side_state, sides};
use crate::error::Result;
use crate::linalg::{Number, Workspace};
use crate::param::Param;
use crate::real::{Average, Real};
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView};
use crate::settings::Range;

crate::word_setting! {
    /// Whose step gives Shampoo's its size.
    pub enum Grafting {
        /// Nobody's: the size is Shampoo's own.
        None = "none",
        /// That of the average gradient.
        Sgd = "sgd",
        /// Adam's.
        #[default]
        Adam = "adam",
    }
}

super::fallback::matrix_settings! {
    /// The gradient divided on both sides by roots of the sums of its squares: AdaGrad with a full matrix for
    /// each axis.
    ///
    /// # Formula
    /// ```text
    /// L ← L + GGᵀ,  R ← R + GᵀG              β₂ < 1: L ← β₂L + (1 − β₂)GGᵀ, and below L/(1 − β₂ᵗ) in place of L
    /// P ← (L + εI)^−p,  Q ← (R + εI)^−p      p = `exponent`; at steps 1, 2, …, k, 2k, 3k, …, k = `precondition_frequency`
    /// M ← β₁M + (1 − β₁)G,  M̂ = M / (1 − β₁ᵗ)
    /// U ← P M̂ Q
    /// U ← U · ‖A‖ / ‖U‖                      `grafting = sgd`: A = M̂
    ///                                        `grafting = adam`: A = M̂ / (√(V/(1 − γᵗ)) + δ), V ← γV + (1 − γ)G²
    /// θ ← (1 − ηλ)θ − ηU
    /// ```
    /// The first k steps compute roots each, since a root of few gradients makes large what those that follow
    /// bring anew. γ is `graft_beta2`, δ `graft_eps`; norms are Frobenius norms. A side longer than
    /// `max_side` has no matrix, and I in place of its root. Roots come from eigenvalues and eigenvectors in
    /// f64; eigenvalues that rounding made negative are 0. A kernel of a convolution is the matrix of its
    /// first axis and all others. Vectors and single numbers are updated by AdamW with the settings that
    /// begin with `adam_` and `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// For a matrix of m × n: `exp_avg` (m × n), with `grafting = adam` `exp_avg_sq` (m × n), `left` and
    /// `left_root` (m × m), `right` and `right_root` (n × n), 4 bytes per element (8 for f64). Vectors:
    /// `exp_avg`, `exp_avg_sq`. Workspace, not saved: 3 times the matrix, and for each element of the larger
    /// square 3 numbers of f64 and 2 of the parameter's type.
    ///
    /// # Differences
    /// The paper (algorithm 1): `grafting = none`, `beta1 = 0`, `precondition_frequency = 1`; its L₀ = εI is
    /// the εI above. It preconditions each axis of a kernel. Anil et al. and torch's distributed Shampoo cut
    /// long sides into blocks instead of leaving them out.
    ///
    /// # Errors
    /// Settings outside their range; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Grafting, Optimizer, Param, Shampoo, Slot};
    /// let mut theta = [1.0f64, 0.0, 0.0, 1.0];
    /// let mut shampoo = Optimizer::builder(Shampoo { grafting: Grafting::None, eps: 1e-12, ..Shampoo::default() })
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// shampoo.step(0.1, &mut [Slot::new(&mut theta, &[8.0, 0.0, 0.0, 0.5])])?;
    /// // the first step has singular values 1, as Muon's
    /// assert!((theta[0] - 0.9).abs() < 1e-9 && (theta[3] - 0.9).abs() < 1e-9);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Gupta, Koren & Singer, Shampoo: Preconditioned Stochastic Tensor Optimization, ICML 2018, algorithm 1;
    /// roots at intervals and grafting: Anil et al., Scalable Second Order Optimization for Deep Learning,
    /// 2020.
    pub struct Shampoo("shampoo") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old L and R that is kept; 1: sums
        beta2: f64 = 1.0, Range::FRACTION;
        /// ε, added to the eigenvalues of L and R
        eps: f64 = 1e-6, Range::POSITIVE;
        /// p, the power that L and R are divided by
        exponent: f64 = 0.25, Range::new(0.0, true, 1.0, false);
        /// k, steps from one computation of roots to the next
        precondition_frequency: u64 = 10, Range::AT_LEAST_ONE;
        /// the longest side that has a matrix
        max_side: u64 = 2048, Range::AT_LEAST_ONE;
        /// whose step gives the size
        grafting: Grafting = Grafting::Adam;
        /// γ, Adam's fraction of the old squares
        graft_beta2: f64 = 0.999, Range::RATE;
        /// δ, Adam's ε
        graft_eps: f64 = 1e-8, Range::POSITIVE;
        /// λ of matrices: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.9, beta2: 0.999, eps: 1e-8 }
}

impl IntoRule for Shampoo {
    fn into_rule(self) -> Result<Rule> {
        let fallback = self.fallback(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Roots(self.clone()), fallback)
    }
}

struct Roots(Shampoo);

impl MatrixRule for Roots {
    type Pieces<'a, T: Number> = SideMatrices<'a, T>;

    fn state(&self, param: &Param, of: (usize, usize)) -> Vec<StateSpec> {
        let mut state = vec![like(param, "exp_avg")];
        if self.0.grafting == Grafting::Adam {
            state.push(like(param, "exp_avg_sq"));
        }
        state.extend(side_state(of, self.0.max_side, [["left", "left_root"], ["right", "right_root"]]));
        state
    }

    fn pieces<'a, T: Number>(
        &self,
        of: (usize, usize),
        workspace: &mut Workspace<'a, T>,
    ) -> SideMatrices<'a, T> {
        SideMatrices::new(of, self.0.max_side, workspace)
    }

    fn update<T: Number>(
        &self,
        step: Step,
        view: TensorView<'_, T>,
        of: (usize, usize),
        mut pieces: SideMatrices<'_, T>,
    ) -> f64 {
        let Shampoo { beta1, beta2, eps, exponent, grafting, graft_beta2, graft_eps, max_side, .. } = self.0;
        let (loops, keep) = (view.loops, view.keep(step));
        let scale = T::of(view.scale);
        loops.map([&mut *pieces.products.x], [view.grad], move |_, [g]| [g * scale]);
        let (moments, matrices) = view.state.split_at_mut(if grafting == Grafting::Adam { 2 } else { 1 });

        let average = if beta2 < 1.0 { Average::new(beta2) } else { Average::weighted(1.0, 1.0) };
        let seen = if beta2 < 1.0 { step.bias_correction(beta2) } else { 1.0 };
        let every = self.0.precondition_frequency;
        let refresh = step.t <= every || step.t.is_multiple_of(every);
        for ((side, n), pair) in sides(of, max_side).zip(matrices.chunks_exact_mut(2)) {
            let [matrix, root] = pair else { continue };
            pieces.average_gram(loops, side, average, matrix);
            if refresh {
                let mut of_matrix = pieces.decomposition(n);
                of_matrix.eigen(loops, matrix, seen);
                // half the power on either side of the product
                let values = of_matrix.values.iter_mut();
                values.for_each(|x| {
                    *x = 1.0 / (x.max(0.0) + eps).max(T::SMALLEST_NORMAL).power(0.5 * exponent)
                });
                of_matrix.square(loops, root);
            }
        }

        let (average, corrected) = (Average::<T>::new(beta1), T::of(1.0 / step.bias_correction(beta1)));
        let size = match moments {
            [m, v] => {
                let squares = Average::<T>::new(graft_beta2);
                let root = T::of(1.0 / step.bias_correction(graft_beta2).sqrt());
                let eps = T::beside_root(graft_eps);
                loops.map_sum([&mut **m, &mut **v, &mut *pieces.products.x], [], move |[m, v, g], []| {
                    let (m, v) = (average.mix(m, g), squares.mix(v, g * g));
                    let mean = m * corrected;
                    let a = mean / (v.sqrt() * root + eps);
                    ([m, v, mean], a.wide() * a.wide())
                })
            }
            [m] => loops.map_sum([&mut **m, &mut *pieces.products.x], [], move |[m, g], []| {
                let m = average.mix(m, g);
                let mean = m * corrected;
                ([m, mean], mean.wide() * mean.wide())
            }),
            _ => return 0.0,
        };
        for ((side, _), pair) in sides(of, max_side).zip(matrices.chunks_exact(2)) {
            pieces.multiply(loops, side, &*pair[1], false);
        }
        let factor = match grafting {
            Grafting::None => 1.0,
            _ => size.sqrt() / loops.sum_of_squares(pieces.products.x).sqrt().max(T::SMALLEST),
        };
        loops.subtract(view.theta, pieces.products.x, keep, step.lr * factor)
    }
}
