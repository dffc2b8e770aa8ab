use super::adam::{holds, names};
use crate::error::Result;
use crate::kernel::{ElementKernel, element};
use crate::real::{Average, Real};
use crate::rule::{Decay, ElementRule, IntoRule, Rule, StateKind, Step};
use crate::settings::Range;

crate::settings! {
    /// Adam whose rates are held between two bounds that close in on one rate: it begins as Adam and ends as
    /// SGD with momentum.
    ///
    /// # Formula
    /// ```text
    /// g ← g + λθ
    /// m ← β₁m + (1 − β₁)g
    /// v ← β₂v + (1 − β₂)g²
    /// w ← max(w, v)                                      with amsbound, else w = v
    /// η* = final_lr_factor · η
    /// r = clamp(η√(1 − β₂ᵗ)/(1 − β₁ᵗ) / (√w + ε),  η*(1 − 1/(γt + 1)), η*(1 + 1/(γt)))
    /// θ ← θ − r·m
    /// ```
    ///
    /// # State
    /// `exp_avg`, `exp_avg_sq`; `max_exp_avg_sq` with amsbound. Each has the parameter's shape, 4 bytes per
    /// element (8 for f64).
    ///
    /// # Differences
    /// The authors' package adabound gives η* itself, as `final_lr`, for the η that it was built with: 0.1 for
    /// 0.001, a factor of 100; a schedule changes both alike, as here. The paper divides r by √t and corrects no
    /// bias.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{AdaBound, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64];
    /// let rule = AdaBound { beta1: 0.0, gamma: 0.999, ..AdaBound::default() };
    /// let mut adabound = Optimizer::builder(rule).build([Param::new("theta", [1], DType::F64)])?;
    /// // Adam's rate would be 0.001/1e-4 = 10: the upper bound is 0.1·(1 + 1/0.999)
    /// adabound.step(0.001, &mut [Slot::new(&mut theta, &[1e-4])])?;
    /// assert!((theta[0] - (1.0 - 0.1 * (1.0 + 1.0 / 0.999) * 1e-4)).abs() < 1e-12);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Luo, Xiong, Liu & Sun, Adaptive Gradient Methods with Dynamic Bound of Learning Rate, ICLR 2019,
    /// algorithms 2 and 3.
    pub struct AdaBound("adabound") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, fraction of the old average square that is kept
        beta2: f64 = 0.999, Range::RATE;
        /// what all rates end at, as a multiple of η
        final_lr_factor: f64 = 100.0, Range::POSITIVE;
        /// γ, how fast the bounds close in; 0 for no bounds
        gamma: f64 = 1e-3, Range::RATE;
        /// ε, added to the root
        eps: f64 = 1e-8, Range::NON_NEGATIVE;
        /// λ, the L2 penalty, added to the gradient
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// divide by the largest average square so far
        amsbound: bool = false;
    }
}

impl IntoRule for AdaBound {
    fn into_rule(self) -> Result<Rule> {
        let body: Box<dyn ElementKernel> = if self.amsbound {
            element::<_, 3>(Bounded::<true>(self.clone()))
        } else {
            element::<_, 2>(Bounded::<false>(self.clone()))
        };
        Rule::element(&self, Decay::Coupled(self.weight_decay), body)
    }
}

struct Bounded<const AMSBOUND: bool>(AdaBound);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    /// η√(1 − β₂ᵗ) / (1 − β₁ᵗ)
    rate: R,
    lower: R,
    upper: R,
    eps: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl<const AMSBOUND: bool, const N: usize> ElementRule<N> for Bounded<AMSBOUND> {
    const STATE: [&'static str; N] = names();
    const KINDS: [StateKind; N] = holds();
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step, _: &[f64]) -> Scalars<R> {
        let AdaBound { beta1, beta2, final_lr_factor, gamma, eps, .. } = self.0;
        let (end, closing) = (final_lr_factor * step.lr, gamma * step.t as f64);
        Scalars {
            rate: R::of(step.lr * step.bias_correction(beta2).sqrt() / step.bias_correction(beta1)),
            lower: R::of(end * (1.0 - 1.0 / (closing + 1.0))),
            upper: R::of(end + end / closing.max(f64::MIN_POSITIVE)),
            eps: R::beside_root(eps),
            beta1: Average::new(beta1),
            beta2: Average::new(beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, mut state: [R; N]) -> (R, [R; N]) {
        let m = s.beta1.mix(state[0], g);
        let v = s.beta2.mix(state[1], g * g);
        (state[0], state[1]) = (m, v);
        let mut w = v;
        if AMSBOUND {
            w = state[2].max(v);
            state[2] = w;
        }
        let rate = (s.rate / (w.sqrt() + s.eps)).max(s.lower).min(s.upper);
        (theta - rate * m, state)
    }
}
