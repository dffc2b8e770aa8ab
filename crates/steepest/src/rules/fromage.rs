use crate::error::Result;
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::Range;

crate::settings! {
    /// Steps of length η‖θ‖ along the gradient of each tensor, then a rescaling that keeps norms from growing.
    ///
    /// # Formula
    /// ```text
    /// r = max(‖θ‖, n) / max(‖g‖, n)      1 where either is 0
    /// θ ← (θ − ηrg) / √(1 + η²)
    /// ```
    /// Norms are those of the whole tensor; n is `min_norm`.
    ///
    /// # State
    /// `trust_ratio`, the last r: one number for each tensor.
    ///
    /// # Differences
    /// The paper and its authors' code: none; the code can also bound the weights by a multiple of their first norm,
    /// which is left out. optax: n = 1e-6, so that a tensor of zeros leaves zero by steps of η·1e-6 instead of ηg.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Fromage, Optimizer, Param, Slot};
    /// let mut theta = [3.0f64, 4.0];
    /// let mut fromage = Optimizer::builder(Fromage::default())
    ///     .build([Param::new("theta", [2], DType::F64)])?;
    /// // across the parameters, the norm stays 5
    /// fromage.step(0.75, &mut [Slot::new(&mut theta, &[400.0, -300.0])])?;
    /// assert!(theta[0].abs() < 1e-12 && (theta[1] - 5.0).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Bernstein, Vahdat, Yue & Liu, On the distance between two neural networks and the stability of learning, NeurIPS
    /// 2020, algorithm 1.
    pub struct Fromage("fromage") {
        /// n, what smaller norms are taken for
        min_norm: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Fromage {
    fn into_rule(self) -> Result<Rule> {
        Rule::element(&self, Decay::Coupled(0.0), element(Layerwise(self.clone())))
    }
}

struct Layerwise(Fromage);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// ηr
    rate: R,
    /// 1 / √(1 + η²)
    keep: R,
}

impl ElementRule<0> for Layerwise {
    const STATE: [&'static str; 0] = [];
    const KINDS: [StateKind; 0] = [];
    const MEMORY: &'static [(&'static str, f64)] = &[("trust_ratio", 1.0)];
    const SCOPE: Scope = Scope::Tensor;
    const SUMS: usize = 2;
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Scalars<R> {
        let keep = 1.0 / (1.0 + step.lr * step.lr).sqrt();
        Scalars { rate: R::of(step.lr * memory[0]), keep: R::of(keep) }
    }

    #[inline(always)]
    fn measure<R: Real>(_: &Scalars<R>, theta: R, g: R, []: [R; 0]) -> Sums {
        let (theta, g) = (theta.wide(), g.wide());
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1]) = (theta * theta, g * g);
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let [theta, g] = [sums[0], sums[1]].map(|square| square.sqrt().max(self.0.min_norm));
        memory[0] = if theta == 0.0 || g == 0.0 { 1.0 } else { theta / g };
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        ((theta - s.rate * g) * s.keep, [])
    }
}
