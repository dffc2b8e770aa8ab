use super::momentum::Momentum;
use super::newton_schulz::{Orthogonalization, Polynomial};
use super::rule::{MatrixRule, like, outputs_are_columns};
use crate::error::Result;
use crate::linalg::{Number, Workspace};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView};
use crate::settings::Range;

super::fallback::matrix_settings! {
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
    /// A step has the root mean square `rms·η`. Vectors and single numbers are updated by AdamW with the
    /// settings that begin with `adam_` and `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape; `row_var`, a number for each output; vectors: `exp_avg`,
    /// `exp_avg_sq`. 4 bytes per number (8 for f64). Workspace, not saved: about 4 times the largest matrix.
    ///
    /// # Differences
    /// The paper's algorithm has no nesterov; the authors' code has, and keeps the norm of Muon's step with
    /// its factor `√max(1, out/in)` instead of a fixed root mean square; it computes in bf16.
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
        /// μ, fraction of the old average gradient that is kept
        momentum: f64 = 0.95, Range::RATE;
        /// β₂, fraction of the rows' old average square that is kept
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
        /// λ of matrices: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.9, beta2: 0.95, eps: 1e-10 }
}

impl IntoRule for NorMuon {
    fn into_rule(self) -> Result<Rule> {
        let fallback = self.fallback(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Rows(self.clone()), fallback)
    }
}

struct Rows(NorMuon);

/// The workspace of a step.
struct Pieces<'a, T> {
    orthogonalization: Orthogonalization<'a, T>,
    /// A number for each output: the mean of its squares, then its factor.
    outputs: &'a mut [T],
}

impl MatrixRule for Rows {
    type Pieces<'a, T: Number> = Pieces<'a, T>;

    fn state(&self, param: &Param, (rows, columns): (usize, usize)) -> Vec<StateSpec> {
        let outputs = if outputs_are_columns(&param.shape, param.unit_axis) { columns } else { rows };
        let row_var = StateSpec { name: "row_var", shape: vec![outputs], initial: 0.0 };
        vec![like(param, "momentum_buffer"), row_var]
    }

    fn pieces<'a, T: Number>(&self, of: (usize, usize), workspace: &mut Workspace<'a, T>) -> Pieces<'a, T> {
        Pieces {
            orthogonalization: Orthogonalization::new(of, workspace),
            // which side the outputs lie along is known in the step
            outputs: workspace.take(of.0.max(of.1)),
        }
    }

    fn update<T: Number>(
        &self,
        step: Step,
        view: TensorView<'_, T>,
        (rows, columns): (usize, usize),
        pieces: Pieces<'_, T>,
    ) -> f64 {
        let NorMuon { momentum: mu, beta2, nesterov, steps, coefficients, rms, eps, .. } = self.0;
        let (loops, keep) = (view.loops, view.keep(step));
        let [m, row_var] = view.state else { return 0.0 };
        let average = Average::new(mu);
        let momentum = Momentum::new(average, nesterov.then_some(average), view.scale);
        let x = pieces.orthogonalization.direction(loops, momentum, m, view.grad, eps, (coefficients, steps));

        let by_column = outputs_are_columns(view.shape, view.unit_axis);
        let outputs = &mut pieces.outputs[..row_var.len()];
        let axis = if by_column { (rows, columns) } else { (columns, 1) };
        loops.squares_along(x, T::of(1.0), axis, outputs, |_, sum| T::of(sum / axis.0 as f64));
        let average = Average::<T>::new(beta2);
        let eps = T::beside_root(eps);
        loops.map([&mut **row_var, &mut *outputs], [], move |[v, mean], []| {
            let v = average.mix(v, mean);
            [v, T::of(1.0) / (v.sqrt() + eps)]
        });
        let factors = &*outputs;
        let scaled = |x: T, factor: T| ([x * factor], (x * factor).wide() * (x * factor).wide());
        let square = loops.lines(columns, [&mut *x], [], |loops, start, x, []| {
            if by_column {
                loops.map_sum(x, [factors], move |[x], [factor]| scaled(x, factor))
            } else {
                let factor = factors[start / columns];
                loops.map_sum(x, [], move |[x], []| scaled(x, factor))
            }
        });
        let size = rms * (x.len() as f64).sqrt() / square.sqrt().max(T::SMALLEST);
        loops.subtract(view.theta, x, keep, step.lr * size)
    }
}
