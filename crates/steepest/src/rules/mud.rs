use super::muon::as_matrix;
use crate::error::Result;
use crate::matrix::{Loops, Matrix, Number, packed_len, padded, take};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView, WholeRule};
use crate::settings::Range;

super::others::matrix_settings! {
    /// Muon with a triangular solve instead of polynomials: each row loses what it shares with the rows above it.
    ///
    /// # Formula
    /// ```text
    /// M ← μM + G
    /// Q ← G + μM                             with nesterov, else Q = M; transposed where it has more rows than columns
    /// Q ← D⁻¹Q                               D: the norms of Q's rows, plus ε          ⎫
    /// T ← the lower triangle of QQᵀ                                                    ⎬ `passes` times
    /// Q ← T⁻¹Q, then Q ← D⁻¹Q                                                          ⎭
    /// θ ← (1 − ηλ)θ − η · rms·√max(out, in) · Q
    /// ```
    /// Rows without any gradient stay. Vectors and single numbers are updated by AdamW with the settings that begin with `adam_` and
    /// `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); vectors: `exp_avg`, `exp_avg_sq`. Work space, not saved:
    /// about 3 times the largest matrix.
    ///
    /// # Differences
    /// None known but precision: the authors compute in bf16 or f32.
    ///
    /// # Errors
    /// Settings outside their range; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Mud, Optimizer, Param, Slot};
    /// let mut theta = [0.0f64; 4];
    /// let mut mud = Optimizer::builder(Mud::default())
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// mud.step(1.0, &mut [Slot::new(&mut theta, &[3.0, 0.0, 4.0, 4.0])])?;
    /// // the second row's part along the first is taken away
    /// let step = 0.2 * 2f64.sqrt();
    /// assert!((theta[0] + step).abs() < 1e-6 && theta[2].abs() < 1e-6 && (theta[3] + step).abs() < 1e-6);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Southworth & Thomas, Beyond Muon: MUD (MomentUm Decorrelation) for Faster Transformer Training, 2026, algorithm MUD_p.
    pub struct Mud("mud") {
        /// μ, share of the old sum of gradients that is kept
        momentum: f64 = 0.95, Range::RATE;
        /// look ahead: add the gradient once more
        nesterov: bool = true, Range::FINITE;
        /// how often rows are decorrelated
        passes: u64 = 1, Range::new(1.0, false, 100.0, false);
        /// the factor of the step's size
        rms: f64 = 0.2, Range::POSITIVE;
        /// ε, added to the norms of rows
        eps: f64 = 1e-8, Range::POSITIVE;
        /// λ of matrices: a step of rate η shrinks the weights by the share ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.9, beta2: 0.95, eps: 1e-8 }
}

impl IntoRule for Mud {
    fn into_rule(self) -> Result<Rule> {
        let others = self.adam(false)?;
        Rule::whole(&self, Decay::Decoupled(self.weight_decay), Decorrelated(self.clone()), others)
    }
}

struct Decorrelated(Mud);

/// Each row of `x` divided by its norm plus `eps`.
fn normalize_rows<T: Number>(loops: Loops, x: &mut [T], columns: usize, eps: f64) {
    loops.lines(columns, [x], [], |loops, _, [x], []| {
        let norm = T::of(loops.sum_of_squares(x).sqrt() + eps);
        loops.map([x], [], |[x], []| [x / norm]);
        0.0
    });
}

impl WholeRule for Decorrelated {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        as_matrix(shape).map(|_| ())
    }

    fn state(&self, param: &Param) -> Vec<StateSpec> {
        vec![StateSpec { name: "momentum_buffer", shape: param.shape.clone(), initial: 0.0 }]
    }

    fn work(&self, shape: &[usize]) -> usize {
        as_matrix(shape).map_or(0, |(rows, columns)| {
            let (small, large) = (rows.min(columns), rows.max(columns));
            let packs = packed_len(small, large).max(packed_len(large, small)) + packed_len(small, small);
            2 * padded(rows * columns) + padded(small * small) + packs
        })
    }

    fn update<T: Number>(&self, step: Step, view: TensorView<'_, T>) -> f64 {
        let Mud { momentum, nesterov, passes, rms, eps, .. } = self.0;
        let Ok((rows, columns)) = as_matrix(view.shape) else { return 0.0 };
        let (loops, keep, mut rest) = (view.loops, view.keep(step), view.work);
        if view.grad.is_empty() {
            return 0.0;
        }
        let (scale, mu) = (T::of(view.scale), T::of(momentum));
        let ahead =
            if nesterov { Average::weighted(momentum, 1.0) } else { Average::<T>::weighted(1.0, 0.0) };
        let (n, width) = (rows.min(columns), rows.max(columns));
        let mut u = take(&mut rest, rows * columns);
        let mut q = take(&mut rest, rows * columns);
        let t = take(&mut rest, n * n);
        let pack = take(&mut rest, packed_len(n, width).max(packed_len(width, n)));
        let pack_t = take(&mut rest, packed_len(n, n));
        loops.map([&mut *view.state[0], &mut *u], [view.grad], |[m, _], [g]| {
            let m = mu * m + g * scale;
            [m, ahead.mix(m, g * scale)]
        });
        if rows > columns {
            loops.transpose(Matrix { data: u, rows, columns }, q);
            (u, q) = (q, u);
        }
        for _ in 0..passes {
            normalize_rows(loops, u, width, eps);
            let of_u = Matrix { data: u, rows: n, columns: width };
            let packed = loops.pack_rows(of_u, pack);
            loops.product(packed, packed, true, t);
            loops.solve_lower(t, of_u, pack, pack_t);
            loops.unpack_columns(pack, n, u, width);
            normalize_rows(loops, u, width, eps);
        }
        if rows > columns {
            loops.transpose(Matrix { data: u, rows: n, columns: width }, q);
            (u, _) = (q, u);
        }
        loops.subtract(view.theta, u, keep, step.lr * rms * (width as f64).sqrt())
    }
}
