use crate::error::Result;
use crate::kernel::element;
use crate::real::{Average, Real};
use crate::rule::{Body, Decay, ElementRule, IntoRule, Rule, Step};
use crate::settings::{Range, Settings};

crate::settings! {
    /// Steps of equal size in every element, along the sign of a moving average.
    ///
    /// # Formula
    /// ```text
    /// θ ← (1 − ηλ)θ
    /// u = sign(β₁m + (1 − β₁)g)
    /// m ← β₂m + (1 − β₂)g
    /// θ ← θ − ηu
    /// ```
    ///
    /// # State
    /// `mu` (m), the parameter's shape, 4 bytes per element (8 for f64): half of Adam's.
    ///
    /// # Differences
    /// optax: the same algebra. The paper's authors take η 3 to 10 times smaller than Adam's and λ as many
    /// times larger. sign(0) is 0 everywhere.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Lion, Optimizer, Param, Slot};
    /// let mut theta = [1.0, 1.0, 1.0];
    /// let mut lion = Optimizer::builder(Lion { weight_decay: 0.0, ..Lion::default() })
    ///     .build([Param::new("theta", [3], DType::F64)])?;
    /// lion.step(0.25, &mut [Slot::new(&mut theta, &[1e-9, -1e9, 0.0])])?;
    /// assert_eq!(theta, [0.75, 1.25, 1.0]);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Chen et al., Symbolic Discovery of Optimization Algorithms, NeurIPS 2023, algorithm 2.
    pub struct Lion("lion") {
        /// β₁, share of the old average in the direction of the step
        beta1: f64 = 0.9, Range::RATE;
        /// β₂, share of the old average that is kept
        beta2: f64 = 0.99, Range::RATE;
        /// λ: a step of rate η shrinks the weights by the share ηλ
        weight_decay: f64 = 1e-3, Range::NON_NEGATIVE;
    }
}

impl IntoRule for Lion {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        Ok(Rule {
            name: Self::OWNER,
            settings: self.values(),
            decay: Decay::Decoupled(self.weight_decay),
            body: Body::Element(element(Signs(self))),
        })
    }
}

struct Signs(Lion);

#[derive(Debug, Clone, Copy)]
struct Scalars<R> {
    lr: R,
    beta1: Average<R>,
    beta2: Average<R>,
}

impl ElementRule<1> for Signs {
    const STATE: [&'static str; 1] = ["mu"];
    type Scalars<R: Real> = Scalars<R>;

    fn scalars<R: Real>(&self, step: Step) -> Scalars<R> {
        Scalars {
            lr: R::of(step.lr),
            beta1: Average::new(self.0.beta1),
            beta2: Average::new(self.0.beta2),
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Scalars<R>, theta: R, g: R, [m]: [R; 1]) -> (R, [R; 1]) {
        (theta - s.lr * s.beta1.mix(m, g).sign(), [s.beta2.mix(m, g)])
    }
}
