use super::rule::{MatrixRule, like};
use super::sides::{Side, SideMatrices, side_state, sides};
use crate::error::Result;
use crate::linalg::{Number, Workspace};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView};
use crate::settings::Range;

super::fallback::matrix_settings! {
    /// Adam in the eigenvectors of Shampoo's matrices.
    ///
    /// # Formula
    /// ```text
    /// step 1:   L ← (1 − β₃)GGᵀ,  R ← (1 − β₃)GᵀG        β₃ = `shampoo_beta`
    ///           P ← eigenvectors of L,  Q ← of R         the largest eigenvalue first; θ stays as it is
    /// step t:   G' ← PᵀGQ
    ///           M ← β₁M + (1 − β₁)G'
    ///           V ← β₂V + (1 − β₂)G'²
    ///           θ ← (1 − ηλ)θ − η · √(1 − β₂ᵗ⁻¹)/(1 − β₁ᵗ⁻¹) · P(M/(√V + ε))Qᵀ
    ///           L ← β₃L + (1 − β₃)GGᵀ,  R ← β₃R + (1 − β₃)GᵀG
    /// where `precondition_frequency` divides t − 1, then also
    ///           M ← PMQᵀ
    ///           columns of P by falling pᵀLp, of Q by falling qᵀRq; rows and columns of V with them
    ///           P ← orthogonal factor of LP,  Q ← of RQ  by QR
    ///           M ← PᵀMQ
    /// ```
    /// A side longer than `max_side` has no matrix, and I in place of its eigenvectors. Eigenvectors and QR
    /// are computed in f64. Where an eigenvalue is 0 but for rounding, at most n·u times the largest (n: the
    /// side, u: the parameter's last place at 1), any basis of the space is one of eigenvectors: taken is the
    /// one whose i-th vector begins with i − 1 zeros. A kernel of a convolution is the matrix of its first
    /// axis and all others. Vectors and single numbers are updated by AdamW with the settings that begin with
    /// `adam_` and `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// For a matrix of m × n: `exp_avg` and `exp_avg_sq` (m × n, both in the eigenvectors), `left` and
    /// `left_vectors` (m × m), `right` and `right_vectors` (n × n), 4 bytes per element (8 for f64). Vectors:
    /// `exp_avg`, `exp_avg_sq`. Workspace, not saved: 3 times the matrix, and for each element of the larger
    /// square 3 numbers of f64 and 2 of the parameter's type.
    ///
    /// # Differences
    /// The authors' code is this formula, but decays after the step, `θ ← (1 − ηλ)(θ − ηU)`, and leaves the
    /// basis of an empty space to LAPACK. It has one matrix for each axis of a kernel, unless `merge_dims`,
    /// and `max_precond_dim` 10000. The paper (algorithm 3) keeps M unprojected, which is the same, and does
    /// not sort. Vectors: the authors' Adam has SOAP's β and misses the first step.
    ///
    /// # Errors
    /// Settings outside their range; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Slot, Soap};
    /// let mut theta = [0.0f64; 4];
    /// let mut soap = Optimizer::builder(Soap::default()).build([Param::new("weight", [2, 2], DType::F64)])?;
    /// // the first step only looks
    /// soap.step(0.1, &mut [Slot::new(&mut theta, &[3.0, 1.0, 1.0, 3.0])])?;
    /// assert_eq!(theta, [0.0; 4]);
    /// // eigenvectors (1, 1)/√2 and (1, −1)/√2 with 4 and 2: both become 1
    /// soap.step(0.1, &mut [Slot::new(&mut theta, &[3.0, 1.0, 1.0, 3.0])])?;
    /// assert!((theta[0] + 0.1).abs() < 1e-6 && theta[1].abs() < 1e-6);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Vyas et al., SOAP: Improving and Stabilizing Shampoo using Adam, ICLR 2025, algorithms 3 and 4.
    pub struct Soap("soap") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.95, Range::RATE;
        /// β₂, fraction of the old average squared gradient that is kept
        beta2: f64 = 0.95, Range::RATE;
        /// β₃, fraction of the old L and R that is kept
        shampoo_beta: f64 = 0.95, Range::RATE;
        /// ε, added to the root of the average squared gradient
        eps: f64 = 1e-8, Range::POSITIVE;
        /// steps from one computation of eigenvectors to the next
        precondition_frequency: u64 = 10, Range::AT_LEAST_ONE;
        /// the longest side that has a matrix
        max_side: u64 = 2048, Range::AT_LEAST_ONE;
        /// λ of matrices: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.01, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.95, beta2: 0.95, eps: 1e-8 }
}

impl IntoRule for Soap {
    fn into_rule(self) -> Result<Rule> {
        let fallback = self.fallback(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Rotated(self.clone()), fallback)
    }
}

struct Rotated(Soap);

impl MatrixRule for Rotated {
    type Pieces<'a, T: Number> = SideMatrices<'a, T>;

    fn state(&self, param: &Param, of: (usize, usize)) -> Vec<StateSpec> {
        let names = [["left", "left_vectors"], ["right", "right_vectors"]];
        let averages = [like(param, "exp_avg"), like(param, "exp_avg_sq")];
        averages.into_iter().chain(side_state(of, self.0.max_side, names)).collect()
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
        let Soap { beta1, beta2, shampoo_beta, eps, precondition_frequency, max_side, .. } = self.0;
        let (loops, keep, columns) = (view.loops, view.keep(step), of.1);
        let [m, v, matrices @ ..] = view.state else { return 0.0 };
        let sides = || sides(of, max_side);
        let scale = T::of(view.scale);
        let of_matrices = Average::<T>::new(shampoo_beta);
        loops.map([&mut *pieces.products.x], [view.grad], move |_, [g]| [g * scale]);
        if step.t == 1 {
            for ((side, n), pair) in sides().zip(matrices.chunks_exact_mut(2)) {
                let [matrix, vectors] = pair else { continue };
                pieces.average_gram(loops, side, of_matrices, matrix);
                let mut of_matrix = pieces.decomposition(n);
                of_matrix.eigen(loops, matrix, 1.0);
                let least = n as f64 * T::EPSILON * of_matrix.values[0];
                of_matrix.eigenvectors(loops, least, vectors);
            }
            return 0.0;
        }

        for ((side, _), pair) in sides().zip(matrices.chunks_exact(2)) {
            pieces.multiply(loops, side, &*pair[1], side == Side::Left);
        }
        let (of_m, of_v, eps) = (Average::<T>::new(beta1), Average::<T>::new(beta2), T::beside_root(eps));
        loops.map([&mut **m, &mut **v, &mut *pieces.products.x], [], move |[m, v, g], []| {
            let (m, v) = (of_m.mix(m, g), of_v.mix(v, g * g));
            [m, v, m / (v.sqrt() + eps)]
        });
        for ((side, _), pair) in sides().zip(matrices.chunks_exact(2)) {
            pieces.multiply(loops, side, &*pair[1], side == Side::Right);
        }
        let since_first = Step { t: step.t - 1, ..step };
        let corrected = since_first.bias_correction(beta2).sqrt() / since_first.bias_correction(beta1);
        let moved = loops.subtract(view.theta, pieces.products.x, keep, step.lr * corrected);

        loops.map([&mut *pieces.products.x], [view.grad], move |_, [g]| [g * scale]);
        for ((side, _), pair) in sides().zip(matrices.chunks_exact_mut(2)) {
            pieces.average_gram(loops, side, of_matrices, &mut *pair[0]);
        }
        if since_first.t.is_multiple_of(precondition_frequency) {
            pieces.products.x.copy_from_slice(m);
            for ((side, _), pair) in sides().zip(matrices.chunks_exact(2)) {
                pieces.multiply(loops, side, &*pair[1], side == Side::Right);
            }
            m.copy_from_slice(pieces.products.x);
            for ((side, n), pair) in sides().zip(matrices.chunks_exact_mut(2)) {
                let [matrix, vectors] = pair else { continue };
                pieces.product(loops, matrix, vectors, n);
                pieces.products.x.copy_from_slice(v);
                let (mut basis, product, before) = pieces.decomposition_of_product(n);
                basis.values.fill(0.0);
                for (product, vectors) in product.chunks_exact(n).zip(vectors.chunks_exact(n)) {
                    for ((sum, s), q) in basis.values.iter_mut().zip(product).zip(vectors) {
                        *sum += s.wide() * q.wide();
                    }
                }
                basis.orthogonal(loops, product, vectors);
                loops.rows(v, columns, |i, row| match side {
                    Side::Left => row.copy_from_slice(&before[basis.order(i) * columns..][..columns]),
                    Side::Right => {
                        let before = &before[i * columns..];
                        row.iter_mut().enumerate().for_each(|(j, v)| *v = before[basis.order(j)]);
                    }
                });
            }
            pieces.products.x.copy_from_slice(m);
            for ((side, _), pair) in sides().zip(matrices.chunks_exact(2)) {
                pieces.multiply(loops, side, &*pair[1], side == Side::Left);
            }
            m.copy_from_slice(pieces.products.x);
        }
        moved
    }
}
