//! Sharpness-aware minimization: the gradient at the worst point nearby.

use crate::error::{Error, Result};
use crate::float::Float;
use crate::minimize::Objective;
use crate::optimizer::Optimizer;
use crate::param::Slot;
use crate::settings::{Range, Settings};
use crate::step::{StepArgs, StepReport};

crate::settings! {
    /// Steps with the gradient at the point nearby where the loss is highest, to find minima that are wide.
    ///
    /// # Formula
    /// With the norm over all tensors:
    /// ```text
    /// s ← 1, or with adaptive |θ| + eta        for each element
    /// ε ← rho · s²·∇L(θ) / (‖s·∇L(θ)‖ + 1e-12)
    /// g ← ∇L(θ + ε)
    /// θ ← step of the optimizer from θ with g
    /// ```
    /// The parameters are back at θ, bit for bit, before the optimizer sees them. A step computes two
    /// gradients.
    ///
    /// # State
    /// None that is saved. Between its gradients a step keeps a copy of the parameters, and one array of
    /// gradients.
    ///
    /// # Differences
    /// The usual torch code of SAM: none; its adaptive form has eta = 0. The authors of ASAM add eta = 0.01
    /// for weights only, not for biases, and 1e-16 to the norm. optax's makes a step of one optimizer and its
    /// ascent of another.
    ///
    /// # Errors
    /// Settings outside their range; a gradient that is not finite; and those of [`Optimizer::step`]. The
    /// parameters are then as they were.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Optimizer, Param, Sam, SamStep, Sgd};
    /// let mut theta = vec![vec![2.0f64]];
    /// let mut sgd = Optimizer::builder(Sgd::default()).build([Param::new("theta", [1], DType::F64)])?;
    /// let mut sam = SamStep::new(Sam { rho: 0.5, ..Sam::default() }, [1])?;
    /// // L = θ²: the gradient at 2.5 is 5
    /// let report = sam.step(&mut sgd, 0.1, &mut theta, |theta: &[Vec<f64>], g: &mut [Vec<f64>]| {
    ///     g[0][0] = 2.0 * theta[0][0];
    ///     theta[0][0].powi(2)
    /// })?;
    /// assert_eq!(report.loss, 4.0);
    /// assert!((theta[0][0] - 1.5).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Foret, Kleiner, Mobahi & Neyshabur, Sharpness-Aware Minimization for Efficiently Improving
    /// Generalization, ICLR 2021, equations 2 and 3 with p = 2; adaptive: Kwon, Kim, Park & Choi, ASAM, ICML
    /// 2021, algorithm 1.
    pub struct Sam("sam") {
        /// how far away the worst point is sought; ASAM wants about ten times as much
        rho: f64 = 0.05, Range::NON_NEGATIVE;
        /// in proportion to the size of each weight (ASAM)
        adaptive: bool = false;
        /// what is added to the size of each weight, with adaptive
        eta: f64 = 0.01, Range::NON_NEGATIVE;
    }
}

/// [SAM](Sam) with its workspace.
#[derive(Debug, Clone)]
pub struct SamStep<T> {
    settings: Sam,
    theta: Vec<Vec<T>>,
    gradients: Vec<Vec<T>>,
}

/// What a step with [SAM](Sam) did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SamReport {
    /// The loss at the parameters before the step.
    pub loss: f64,
    /// The loss at the point nearby.
    pub loss_nearby: f64,
    /// What the optimizer's step did.
    pub step: StepReport,
}

impl<T: Float> SamStep<T> {
    /// For tensors of these lengths, in f32 or f64.
    ///
    /// # Errors
    /// Settings outside their range.
    pub fn new(settings: Sam, lengths: impl IntoIterator<Item = usize>) -> Result<Self> {
        settings.check_ranges()?;
        let zeros: Vec<Vec<T>> = lengths.into_iter().map(|len| vec![T::ZERO; len]).collect();
        Ok(Self { settings, theta: zeros.clone(), gradients: zeros })
    }

    /// One step of `optimizer` on `theta`. `loss` is an [`Objective`] of all tensors: most often a closure
    /// that takes parameters and a place for their gradients, which it fills, and returns the loss. Its
    /// gradient is computed twice.
    ///
    /// # Errors
    /// As [`Sam`]; the parameters are as they were then.
    pub fn step(
        &mut self,
        optimizer: &mut Optimizer,
        args: impl Into<StepArgs>,
        theta: &mut [Vec<T>],
        mut loss: impl Objective<T, [Vec<T>]>,
    ) -> Result<SamReport> {
        let step = optimizer.steps_taken().saturating_add(1);
        self.check(step, optimizer, theta)?;
        let here = loss.value_and_gradient(theta, &mut self.gradients).wide();
        self.check_gradients(step, optimizer)?;
        for (kept, theta) in self.theta.iter_mut().zip(&*theta) {
            kept.copy_from_slice(theta);
        }
        self.perturb(theta);
        let nearby = loss.value_and_gradient(theta, &mut self.gradients).wide();
        for (kept, theta) in self.theta.iter().zip(&mut *theta) {
            theta.copy_from_slice(kept);
        }
        let mut args = args.into();
        args.loss = args.loss.or(Some(here));
        let mut slots: Vec<Slot<'_>> =
            theta.iter_mut().zip(&self.gradients).map(|(theta, g)| Slot::of(theta, g)).collect();
        let step = optimizer.step(args, &mut slots)?;
        Ok(SamReport { loss: here, loss_nearby: nearby, step })
    }

    /// How much an element's size lets it move.
    fn size(&self, theta: T) -> f64 {
        if self.settings.adaptive { theta.wide().abs() + self.settings.eta } else { 1.0 }
    }

    /// Moves `theta` to the worst point nearby, by the gradients there.
    fn perturb(&self, theta: &mut [Vec<T>]) {
        let mut square = 0.0;
        for (theta, g) in theta.iter().zip(&self.gradients) {
            square += theta.iter().zip(g).map(|(x, g)| (self.size(*x) * g.wide()).powi(2)).sum::<f64>();
        }
        let scale = self.settings.rho / (square.sqrt() + 1e-12);
        for (theta, g) in theta.iter_mut().zip(&self.gradients) {
            for (x, g) in theta.iter_mut().zip(g) {
                let size = self.size(*x);
                *x = *x + T::of(scale * size * size * g.wide());
            }
        }
    }

    fn check(&self, step: u64, optimizer: &Optimizer, theta: &[Vec<T>]) -> Result<()> {
        let params = optimizer.params();
        let expected = params.len();
        for found in [theta.len(), self.theta.len()] {
            if found != expected {
                return Err(Error::TensorCount { step, expected, found });
            }
        }
        for ((param, theta), kept) in params.iter().zip(theta).zip(&self.theta) {
            for found in [theta.len(), kept.len()] {
                if found != param.len() {
                    let (tensor, expected) = (param.name.clone(), param.len());
                    return Err(Error::Length { step, what: "parameter", tensor, expected, found });
                }
            }
        }
        Ok(())
    }

    /// A gradient that is not finite would leave nothing of the parameters.
    fn check_gradients(&self, step: u64, optimizer: &Optimizer) -> Result<()> {
        for (param, g) in optimizer.params().iter().zip(&self.gradients) {
            if let Some(index) = g.iter().position(|g| !g.is_finite()) {
                return Err(Error::NonFiniteGradient {
                    step,
                    tensor: param.name.clone(),
                    index,
                    value: g[index].wide(),
                    count: g.iter().filter(|g| !g.is_finite()).count(),
                });
            }
        }
        Ok(())
    }
}
