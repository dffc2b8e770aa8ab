use super::fallback::corrected_look_ahead;
use super::momentum::Momentum;
use super::newton_schulz::{Orthogonalization, Polynomial};
use super::rule::{MatrixRule, like, outputs_are_columns};
use crate::error::Result;
use crate::linalg::{Number, Workspace};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView};
use crate::settings::{Dialect, Range};

crate::word_setting! {
    /// How the size of a step follows the shape of a matrix with `out` outputs and `in` inputs.
    pub enum UpdateScale {
        /// `√max(1, out/in)`, Keller Jordan's.
        #[default]
        Original = "original",
        /// `rms·√max(out, in)`: elements of about the size of AdamW's, so that its learning rates serve.
        MatchRmsAdamw = "match_rms_adamw",
        /// `√(out/in)`: the same change of the outputs' size whatever the shape.
        Spectral = "spectral",
    }
}

impl UpdateScale {
    fn factor(self, rms: f64, outputs: usize, inputs: usize) -> f64 {
        let (outputs, inputs) = (outputs as f64, inputs as f64);
        match self {
            Self::Original => (outputs / inputs).max(1.0).sqrt(),
            Self::MatchRmsAdamw => rms * outputs.max(inputs).sqrt(),
            Self::Spectral => (outputs / inputs).sqrt(),
        }
    }
}

super::fallback::matrix_settings! {
    /// Steps whose matrix has all singular values near 1: the momentum, orthogonalized.
    ///
    /// # Formula
    /// ```text
    /// M ← μM + (1 − μ)G
    /// U ← μM + (1 − μ)G                     with nesterov, else U = M
    /// X ← U / (‖U‖ + ε)
    /// X ← aX + b(XXᵀ)X + c(XXᵀ)²X           `steps` times, with the coefficients of the polynomial
    /// θ ← (1 − ηλ)θ − η · scale · X
    /// ```
    /// Norms are Frobenius norms. The polynomials are evaluated in the parameter's own precision, f32 or f64;
    /// where it needs fewer operations, several steps are taken on XXᵀ before X is multiplied. A kernel of a
    /// convolution is the matrix of its first axis and all others. Vectors and single numbers are updated by
    /// AdamW with the settings that begin with `adam_` and `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); vectors: `exp_avg`,
    /// `exp_avg_sq`. Workspace, not saved: about 4 times the largest matrix.
    ///
    /// # Differences
    /// Keller Jordan's code (dialect `paper`) and torch compute the polynomials in bf16; torch bounds ‖U‖
    /// from below instead of adding ε, has λ = 0.1 and takes matrices only. optax: the average is
    /// bias-corrected, with nesterov `μ/(1 − μᵗ⁺¹)·M + (1 − μ)/(1 − μᵗ)·G`, which is another direction than
    /// the above while t is small; a matrix is (in, out) whatever the parameter's unit axis; AdamW has the
    /// same nesterov flag and the whole learning rate. Keras and burn sum gradients (`M ← μM + G`), the same
    /// direction.
    ///
    /// # Errors
    /// Settings outside their range; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Muon, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64, 0.0, 0.0, 1.0];
    /// let mut muon = Optimizer::builder(Muon { steps: 30, coefficients: steepest::Polynomial::Cubic, ..Muon::default() })
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// muon.step(0.1, &mut [Slot::new(&mut theta, &[8.0, 0.0, 0.0, 0.5])])?;
    /// // singular values 8 and 0.5 both become 1
    /// assert!((theta[0] - 0.9).abs() < 1e-9 && (theta[3] - 0.9).abs() < 1e-9);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; scales: Liu et al., Muon
    /// is Scalable for LLM Training, 2025, and Bernstein, Deriving Muon, 2025; polynomials of
    /// `polar_express`: Amsel et al., The Polar Express, 2025.
    pub struct Muon("muon") {
        /// μ, fraction of the old average gradient that is kept
        momentum: f64 = 0.95, Range::RATE;
        /// look ahead: average the gradient once more
        nesterov: bool = true;
        /// how many polynomials are applied
        steps: u64 = 5, Range::new(1.0, false, 100.0, false);
        /// which polynomials
        coefficients: Polynomial = Polynomial::Quintic;
        /// how the size of a step follows the matrix's shape
        scale: UpdateScale = UpdateScale::Original;
        /// the factor of `match_rms_adamw`
        rms: f64 = 0.2, Range::POSITIVE;
        /// ε, added to the norm
        eps: f64 = 1e-7, Range::POSITIVE;
        /// λ of matrices: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 0.015, beta1: 0.9, beta2: 0.95, eps: 1e-10 }
    dialects {
        Paper {},
        Optax { eps: 1e-8, adam_lr_factor: 1.0, adam_beta2: 0.999, adam_eps: 1e-8 },
    }
}

impl IntoRule for Muon {
    fn into_rule(self) -> Result<Rule> {
        let fallback = self.fallback(self.nesterov && self.dialect == Dialect::Optax)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Orthogonal(self.clone()), fallback)
    }
}

struct Orthogonal(Muon);

impl MatrixRule for Orthogonal {
    type Pieces<'a, T: Number> = Orthogonalization<'a, T>;

    fn state(&self, param: &Param, _: (usize, usize)) -> Vec<StateSpec> {
        vec![like(param, "momentum_buffer")]
    }

    fn pieces<'a, T: Number>(
        &self,
        of: (usize, usize),
        workspace: &mut Workspace<'a, T>,
    ) -> Orthogonalization<'a, T> {
        Orthogonalization::new(of, workspace)
    }

    fn update<T: Number>(
        &self,
        step: Step,
        view: TensorView<'_, T>,
        (rows, columns): (usize, usize),
        pieces: Orthogonalization<'_, T>,
    ) -> f64 {
        let Muon { momentum: mu, nesterov, eps, steps, coefficients, scale, rms, dialect, .. } = self.0;
        let keep = view.keep(step);
        let average = Average::new(mu);
        let ahead = match (dialect, nesterov) {
            (Dialect::Optax, true) => Some(corrected_look_ahead(step, mu)),
            (Dialect::Optax, false) => Some(Average::weighted(1.0 / step.bias_correction(mu), 0.0)),
            (_, true) => Some(average),
            (_, false) => None,
        };
        let momentum = Momentum::new(average, ahead, view.scale);
        let (m, polynomials) = (&mut *view.state[0], (coefficients, steps));
        let x = pieces.direction(view.loops, momentum, m, view.grad, eps, polynomials);
        // optax: (in, out) whatever the parameter's unit axis
        let unit_axis = if dialect == Dialect::Optax { 1 } else { view.unit_axis };
        let (outputs, inputs) =
            if outputs_are_columns(view.shape, unit_axis) { (columns, rows) } else { (rows, columns) };
        view.loops.subtract(view.theta, x, keep, step.lr * scale.factor(rms, outputs, inputs))
    }
}
