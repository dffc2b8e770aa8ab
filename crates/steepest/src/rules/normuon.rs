use super::muon::as_matrix;
use super::newton_schulz::{Polynomial, orthogonalize, work};
use crate::error::Result;
use crate::matrix::{Loops, Number, padded, take};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorRule, TensorView};
use crate::settings::Range;

super::others::matrix_settings! {
    /// Muon whose rows, one for each output, are brought to the same size over time.
    ///
    /// # Formula
    /// ```text
    /// M ← μM + (1 − μ)G
    /// U ← μM + (1 − μ)G                      with nesterov, else U = M
    /// O ← U orthogonalized as in Muon
    /// v ← β₂v + (1 − β₂)·mean of O² over each output's row
    /// O ← O / (√v + ε)                       row by row
    /// θ ← (1 − ηλ)θ − η · rms·√(out·in)/‖O‖ · O
    /// ```
    /// A step has the root mean square `rms·η`. Vectors and single numbers are updated by AdamW with the settings that begin
    /// with `adam_` and `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape; `row_var`, a number for each output; vectors: `exp_avg`, `exp_avg_sq`. 4 bytes per
    /// number (8 for f64). Work space, not saved: about 4 times the largest matrix.
    ///
    /// # Differences
    /// The paper's algorithm has no nesterov; the authors' code has, and keeps the norm of Muon's step with its factor `√max(1, out/in)`
    /// instead of a fixed root mean square; it computes in bf16.
    ///
    /// # Errors
    /// Settings outside their range; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, NorMuon, Optimizer, Param, Slot};
    /// let mut theta = [0.0f64; 4];
    /// let mut normuon = Optimizer::builder(NorMuon::default())
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// normuon.step(0.1, &mut [Slot::new(&mut theta, &[8.0, 0.0, 0.0, 0.5])])?;
    /// // both rows move by the same: 0.1·0.2·√4/√2
    /// assert!((theta[0] + 0.04 / 2f64.sqrt()).abs() < 1e-6 && (theta[3] - theta[0]).abs() < 1e-6);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Li, Liu, Liang, Chen & Zhao, NorMuon: Making Muon more efficient and scalable, 2025, algorithm 1.
    pub struct NorMuon("normuon") {
        /// μ, share of the old average gradient that is kept
        momentum: f64 = 0.95, Range::RATE;
        /// β₂, share of the rows' old average square that is kept
        beta2: f64 = 0.95, Range::RATE;
        /// look ahead: average the gradient once more
        nesterov: bool = true;
        /// how many polynomials are applied
        steps: u64 = 5, Range::new(1.0, false, 100.0, false);
        /// which polynomials
        coefficients: Polynomial = Polynomial::Quintic;
        /// the root mean square of a step of rate 1
        rms: f64 = 0.2, Range::POSITIVE;
        /// ε, added to norms and roots
        eps: f64 = 1e-7, Range::POSITIVE;
        /// λ of matrices: a step of rate η shrinks the weights by the share ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.9, beta2: 0.95, eps: 1e-10 }
}

impl IntoRule for NorMuon {
    fn into_rule(self) -> Result<Rule> {
        let others = self.adam(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Rows(self.clone()), others)
    }
}

struct Rows(NorMuon);

/// Whether the outputs of a matrix are its columns.
fn outputs_are_columns(shape: &[usize], unit_axis: usize) -> bool {
    shape.len() == 2 && unit_axis == 1
}

/// Writes the mean square of each output of `x` into `means`.
fn mean_squares<T: Number>(
    loops: Loops,
    x: &[T],
    (rows, columns): (usize, usize),
    by_column: bool,
    means: &mut [T],
) {
    let alone = Loops { parallel: false, ..loops };
    if by_column {
        const TOGETHER: usize = 256;
        loops.rows(means, TOGETHER, |block, means| {
            let mut sums = [0.0f64; TOGETHER];
            for row in x.chunks_exact(columns) {
                for (sum, x) in sums[..means.len()].iter_mut().zip(&row[block * TOGETHER..]) {
                    *sum += x.wide() * x.wide();
                }
            }
            means.iter_mut().zip(sums).for_each(|(mean, sum)| *mean = T::of(sum / rows as f64));
        });
    } else {
        loops.rows(means, 16, |block, means| {
            for (i, mean) in means.iter_mut().enumerate() {
                let row = &x[(16 * block + i) * columns..][..columns];
                *mean = T::of(alone.sum_of_squares(row) / columns as f64);
            }
        });
    }
}

impl TensorRule for Rows {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        as_matrix(shape).map(|_| ())
    }

    fn state(&self, param: &Param) -> Vec<StateSpec> {
        let (rows, columns) = as_matrix(&param.shape).unwrap_or_default();
        let outputs = if outputs_are_columns(&param.shape, param.unit_axis) { columns } else { rows };
        vec![
            StateSpec { name: "momentum_buffer", shape: param.shape.clone(), initial: 0.0 },
            StateSpec { name: "row_var", shape: vec![outputs], initial: 0.0 },
        ]
    }

    fn workspace(&self, shape: &[usize]) -> usize {
        as_matrix(shape).map_or(0, |(rows, columns)| work(rows, columns) + padded(rows.max(columns)))
    }

    fn update<T: Number>(&self, step: Step, view: TensorView<'_, T>) -> f64 {
        let NorMuon { momentum, beta2, nesterov, steps, coefficients, rms, eps, .. } = self.0;
        let Ok(of @ (_, columns)) = as_matrix(view.shape) else { return 0.0 };
        let by_column = outputs_are_columns(view.shape, view.unit_axis);
        let (loops, keep, mut rest) = (view.loops, view.keep(step), view.workspace);
        let [momentum_buffer, row_var] = view.state else { return 0.0 };
        if view.grad.is_empty() {
            return 0.0;
        }
        let average = Average::<T>::new(momentum);
        let ahead = if nesterov { average } else { Average::weighted(1.0, 0.0) };
        let scale = T::of(view.scale);
        let x = take(&mut rest, view.grad.len());
        let means = take(&mut rest, row_var.len());
        let square = loops.map_sum([&mut **momentum_buffer, &mut *x], [view.grad], move |[m, _], [g]| {
            let g = g * scale;
            let m = average.mix(m, g);
            let u = ahead.mix(m, g);
            ([m, u], u.wide() * u.wide())
        });
        let norm = T::of(square.sqrt() + eps);
        loops.map([&mut *x], [], move |[u], []| [u / norm]);
        let x = orthogonalize(loops, coefficients, steps, x, of, &mut rest);
        mean_squares(loops, x, of, by_column, means);
        let average = Average::<T>::new(beta2);
        let eps = T::of(eps);
        loops.map([&mut **row_var, &mut *means], [], move |[v, mean], []| {
            let v = average.mix(v, mean);
            [v, T::of(1.0) / (v.sqrt() + eps)]
        });
        let factors = &*means;
        let square = loops.lines(columns, [&mut *x], [], |loops, start, x, []| {
            if by_column {
                loops.map_sum(x, [factors], move |[x], [factor]| {
                    ([x * factor], (x * factor).wide() * (x * factor).wide())
                })
            } else {
                let factor = factors[start / columns];
                loops.map_sum(x, [], move |[x], []| ([x * factor], (x * factor).wide() * (x * factor).wide()))
            }
        });
        let size = rms * (x.len() as f64).sqrt() / square.sqrt().max(T::SMALLEST);
        loops.subtract(view.theta, x, keep, step.lr * size)
    }
}
