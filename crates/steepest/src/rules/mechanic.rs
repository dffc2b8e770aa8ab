use super::adam::{self, Averages, Moments};
use super::{Lion, Sgd, lion, sgd};
use crate::error::{Error, Result};
use crate::kernel::element;
use crate::real::Real;
use crate::rule::{Decay, ElementRule, IntoRule, MAX_SUMS, Rule, Scope, StateKind, Step, Sums};
use crate::settings::{Dialect, Range, Settings};
use crate::word_setting;

word_setting! {
    /// Whose steps [`Mechanic`] scales.
    pub enum MechanicBase {
        /// AdamW's.
        #[default]
        Adamw = "adamw",
        /// Those of gradient descent with momentum.
        Sgd = "sgd",
        /// Lion's.
        Lion = "lion",
    }
}

crate::settings! {
    /// A tuner round AdamW, SGD or Lion: it learns by what to multiply everything that they have moved so
    /// far.
    ///
    /// # Formula
    /// ```text
    /// u = the step of the base for g: AdamW's, SGD's or Lion's, with rate η
    /// h = ⟨Δ, g + λₛ·s·‖g‖/(‖θ‖ + ε)·θ⟩
    /// for each βᵢ of n:
    ///     mᵢ ← max(βᵢmᵢ, |h|)
    ///     vᵢ ← βᵢ²vᵢ + h²
    ///     rᵢ ← max(0, βᵢrᵢ − sᵢh)
    ///     sᵢ ← (s_init/n·mᵢ + rᵢ) / (√vᵢ + ε)
    /// Δ ← Δ + u,   s ← Σ sᵢ
    /// θ ← θ₀ + sΔ
    /// ```
    /// The inner product and norms go over all tensors. Δ is where the base alone would have gone: η is its
    /// rate, and gives the schedule. u of AdamW: −η(m̂/(√v̂ + base_eps) + λθ); of SGD: b ← momentum·b + g +
    /// λθ, −ηb; of Lion: −η(sign(β₁m + (1 − β₁)g) + λθ).
    ///
    /// # State
    /// `delta`, which is Δ, and the base's: `exp_avg` and `exp_avg_sq` (AdamW), `momentum_buffer` (SGD) or
    /// `exp_avg` (Lion). Each has the parameter's shape, 4 bytes per element (8 for f64). `s`, `s_before`
    /// and, for each of six βᵢ, `reward`, `largest` and `squares` with its number, which are rᵢ, mᵢ and vᵢ:
    /// twenty numbers for each tensor.
    ///
    /// # Differences
    /// All keep θ₀ and compute θ from it. Here a step adds the change of sΔ, which is the same but for
    /// rounding: it needs no θ₀, and what else moves the weights (averages, bounds, cautious steps) is not
    /// undone by the next step. The authors' package begins with m = 1e-6 (`m_init`), takes θ in h after the
    /// base's step, and by default recovers Δ from θ as optax does. optax: h is cut to ±mᵢ before it enters
    /// rᵢ; rᵢ may be negative and counts as 0 then; mᵢ is at least |h| + ε; Δ is recovered as (θ − θ₀)/(s +
    /// ε), so each step first shrinks it by the fraction ε/(s + ε); s_init is 1e-6.
    ///
    /// Near a minimum small βᵢ forget the size of h, and a step of sᵢ along all of Δ then overshoots: runs
    /// that differ in the last digit may part, whoever computes them.
    ///
    /// # Errors
    /// Settings outside their range; no βᵢ, or more than six.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Mechanic, Optimizer, Param, Slot};
    /// let mut theta = [10.0f64];
    /// let mut mechanic = Optimizer::builder(Mechanic::default())
    ///     .build([Param::new("theta", [1], DType::F64)])?;
    /// for _ in 0..100 {
    ///     let g = theta[0].signum(); // f = |θ|
    ///     mechanic.step(1.0, &mut [Slot::new(&mut theta, &[g])])?;
    /// }
    /// // from 1e-8, by itself, to the order that the distance asks for
    /// let s = mechanic.state("theta", "s")?[0];
    /// assert!(s > 1e-3 && theta[0].abs() < 5.0, "{s} {theta:?}");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Cutkosky, Defazio & Mehta, Mechanic: A Learning Rate Tuner, NeurIPS 2023, algorithm 1.
    pub struct Mechanic("mechanic") {
        /// whose steps are scaled
        base: MechanicBase = MechanicBase::Adamw;
        /// β₁ of AdamW and Lion
        beta1: f64 = 0.9, Range::RATE;
        /// β₂ of AdamW and Lion; Lion's authors have 0.99
        beta2: f64 = 0.999, Range::RATE;
        /// the fraction of the old sum of gradients that SGD keeps
        momentum: f64 = 0.9, Range::RATE;
        /// ε of AdamW, added to the root
        base_eps: f64 = 1e-8, Range::POSITIVE;
        /// λ of the base: decoupled in AdamW and Lion, the L2 penalty in SGD
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// λₛ, how strongly large weights hold s back
        s_decay: f64 = 0.01, Range::NON_NEGATIVE;
        /// βᵢ, one to six: how long each part of s remembers
        betas: Vec<f64> = vec![0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999], Range::RATE;
        /// the first s, as a fraction of the base's own step: surely too small
        s_init: f64 = 1e-8, Range::POSITIVE;
        /// the first mᵢ; 1e-6 in the authors' package
        m_init: f64 = 0.0, Range::NON_NEGATIVE;
        /// ε, added to roots and norms
        eps: f64 = 1e-8, Range::POSITIVE;
    }
    dialects { Paper {}, Optax { s_init: 1e-6 } }
}

impl IntoRule for Mechanic {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        if self.betas.is_empty() || self.betas.len() > BETAS {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!("betas holds {} numbers", self.betas.len()),
                remedy: format!("give 1 to {BETAS} of them"),
            });
        }
        let Self { beta1, beta2, momentum, base_eps: eps, .. } = self;
        let settings = self.clone();
        let kernel = match self.base {
            MechanicBase::Adamw => {
                let averages = Averages { beta1, beta2, eps, eps_root: 0.0, dialect: Dialect::Torch };
                element(Tuned { settings, base: Moments::<false, false>(averages) })
            }
            MechanicBase::Sgd => {
                let sgd = Sgd { momentum, ..Sgd::default() };
                element(Tuned { settings, base: sgd::Momentum::<false>(sgd) })
            }
            MechanicBase::Lion => {
                let lion = Lion { beta1, beta2, ..Lion::default() };
                element(Tuned { settings, base: lion::Sign(lion) })
            }
        };
        Rule::element(&self, Decay::Own(self.weight_decay), kernel)
    }
}

/// The most βᵢ.
const BETAS: usize = 6;

/// Places in the memory. `S` serves the next step, `S_BEFORE` this one's update.
const S: usize = 0;
const S_BEFORE: usize = 1;
const REWARD: usize = 2;
const LARGEST: usize = REWARD + BETAS;
const SQUARES: usize = LARGEST + BETAS;

/// An optimizer whose steps are scaled, with `N − 1` numbers of state; the last of the `N` is Δ.
trait Base<const N: usize>: Send + Sync + 'static {
    const STATE: [&'static str; N];
    const KINDS: [StateKind; N];
    type Scalars<R: Real>: Copy + Send + Sync;
    fn scalars<R: Real>(&self, step: Step) -> Self::Scalars<R>;
    /// Its step u, decay included, and its new state. Δ stays as it is.
    ///
    /// The base's own formula gives u, begun at what decoupled decay adds to it in place of θ.
    fn step<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, state: [R; N]) -> (R, [R; N]);
}

/// [`Mechanic`] around a base.
struct Tuned<B> {
    settings: Mechanic,
    base: B,
}

impl<B> Tuned<B> {
    /// What is left of Δ when it is recovered from θ.
    fn kept(&self, s: f64) -> f64 {
        if self.settings.dialect == Dialect::Optax { s / (s + self.settings.eps) } else { 1.0 }
    }

    /// sᵢ
    fn part(&self, i: usize, memory: &[f64]) -> f64 {
        let first = self.settings.s_init / self.settings.betas.len() as f64 * memory[LARGEST + i];
        (first + memory[REWARD + i].max(0.0)) / (memory[SQUARES + i].sqrt() + self.settings.eps)
    }
}

#[derive(Debug, Clone, Copy)]
struct Scalars<R, B> {
    base: B,
    /// what Δ is multiplied by before u is added
    kept: R,
    /// how far θ moves along the old Δ
    along: R,
    /// how far along u
    s: R,
}

impl<B: Base<N>, const N: usize> ElementRule<N> for Tuned<B> {
    const STATE: [&'static str; N] = B::STATE;
    const KINDS: [StateKind; N] = B::KINDS;
    const MEMORY: &'static [(&'static str, f64)] = &[
        ("s", 0.0),
        ("s_before", 0.0),
        ("reward1", 0.0),
        ("reward2", 0.0),
        ("reward3", 0.0),
        ("reward4", 0.0),
        ("reward5", 0.0),
        ("reward6", 0.0),
        ("largest1", 0.0),
        ("largest2", 0.0),
        ("largest3", 0.0),
        ("largest4", 0.0),
        ("largest5", 0.0),
        ("largest6", 0.0),
        ("squares1", 0.0),
        ("squares2", 0.0),
        ("squares3", 0.0),
        ("squares4", 0.0),
        ("squares5", 0.0),
        ("squares6", 0.0),
    ];
    const SCOPE: Scope = Scope::All;
    const SUMS: usize = 4;
    type Scalars<R: Real> = Scalars<R, B::Scalars<R>>;

    fn first_memory(&self, memory: &mut [f64]) {
        memory[LARGEST..LARGEST + BETAS].fill(self.settings.m_init);
    }

    fn scalars<R: Real>(&self, step: Step, memory: &[f64]) -> Self::Scalars<R> {
        let (now, before) = (memory[S], memory[S_BEFORE]);
        let kept = self.kept(before);
        Scalars {
            base: self.base.scalars(step),
            kept: R::of(kept),
            // θ moves by s(kept·Δ + u) − s_before·Δ; the difference in f64, since its terms are nearly equal
            along: R::of(now * kept - before),
            s: R::of(now),
        }
    }

    #[inline(always)]
    fn measure<R: Real>(_: &Self::Scalars<R>, theta: R, g: R, state: [R; N]) -> Sums {
        let (theta, g, delta) = (theta.wide(), g.wide(), state[N - 1].wide());
        let mut sums = [0.0; MAX_SUMS];
        (sums[0], sums[1], sums[2], sums[3]) = (delta * g, delta * theta, g * g, theta * theta);
        sums
    }

    fn update_memory(&self, _: Step, sums: &Sums, memory: &mut [f64]) {
        let (optax, eps, s) = (self.settings.dialect == Dialect::Optax, self.settings.eps, memory[S]);
        let decay = self.settings.s_decay * s * sums[2].sqrt() / (sums[3].sqrt() + eps);
        let h = self.kept(s) * (sums[0] + decay * sums[1]);
        memory[S_BEFORE] = s;
        memory[S] = 0.0;
        for (i, beta) in self.settings.betas.iter().enumerate() {
            let (part, largest) = (self.part(i, memory), memory[LARGEST + i]);
            let cut = if optax { h.max(-largest).min(largest) } else { h };
            let reward = beta * memory[REWARD + i] - part * cut;
            memory[REWARD + i] = if optax { reward } else { reward.max(0.0) };
            memory[LARGEST + i] = (beta * largest).max(if optax { h.abs() + eps } else { h.abs() });
            memory[SQUARES + i] = beta * beta * memory[SQUARES + i] + h * h;
            memory[S] += self.part(i, memory);
        }
    }

    #[inline(always)]
    fn update<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, state: [R; N]) -> (R, [R; N]) {
        let (u, mut state) = B::step(&s.base, theta, g, state);
        let delta = state[N - 1];
        // −u; taken from 0, so that a step of 0 leaves a weight of −0 as it is
        let back = R::of(0.0) - u;
        state[N - 1] = s.kept * delta - back;
        (theta - (s.s * back - s.along * delta), state)
    }
}

/// The scalars of a base, and of its weight decay, which is a part of u.
#[derive(Debug, Clone, Copy)]
struct Decayed<S, R> {
    base: S,
    /// ηλ where it is decoupled, else λ
    decay: R,
}

impl Base<3> for Moments<false, false> {
    const STATE: [&'static str; 3] = ["exp_avg", "exp_avg_sq", "delta"];
    // θ is found from Δ, which therefore is kept as exactly
    const KINDS: [StateKind; 3] = [StateKind::Signed, StateKind::Unsigned, StateKind::Point];
    type Scalars<R: Real> = Decayed<adam::Scalars<R>, R>;

    fn scalars<R: Real>(&self, step: Step) -> Self::Scalars<R> {
        let base = ElementRule::<2>::scalars(self, step, &[]);
        Decayed { base, decay: R::of(step.lr * step.lambda) }
    }

    #[inline(always)]
    fn step<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, [m, v, delta]: [R; 3]) -> (R, [R; 3]) {
        let (u, [m, v]) = Self::update(&s.base, -(s.decay * theta), g, [m, v]);
        (u, [m, v, delta])
    }
}

impl Base<2> for sgd::Momentum<false> {
    const STATE: [&'static str; 2] = ["momentum_buffer", "delta"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Point];
    type Scalars<R: Real> = Decayed<sgd::Scalars<R>, R>;

    fn scalars<R: Real>(&self, step: Step) -> Self::Scalars<R> {
        Decayed { base: ElementRule::<1>::scalars(self, step, &[]), decay: R::of(step.lambda) }
    }

    #[inline(always)]
    fn step<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, [b, delta]: [R; 2]) -> (R, [R; 2]) {
        let (u, [b]) = Self::update(&s.base, R::of(0.0), g + s.decay * theta, [b]);
        (u, [b, delta])
    }
}

impl Base<2> for lion::Sign {
    const STATE: [&'static str; 2] = ["exp_avg", "delta"];
    const KINDS: [StateKind; 2] = [StateKind::Signed, StateKind::Point];
    type Scalars<R: Real> = Decayed<lion::Scalars<R>, R>;

    fn scalars<R: Real>(&self, step: Step) -> Self::Scalars<R> {
        let base = ElementRule::<1>::scalars(self, step, &[]);
        Decayed { base, decay: R::of(step.lr * step.lambda) }
    }

    #[inline(always)]
    fn step<R: Real>(s: &Self::Scalars<R>, theta: R, g: R, [m, delta]: [R; 2]) -> (R, [R; 2]) {
        let (u, [m]) = Self::update(&s.base, -(s.decay * theta), g, [m]);
        (u, [m, delta])
    }
}
