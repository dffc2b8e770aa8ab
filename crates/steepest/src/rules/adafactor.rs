use crate::error::Result;
use crate::linalg::{Loops, Number, Request, Workspace};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorRule, TensorView};
use crate::settings::{Dialect, Range};

crate::settings! {
    /// Steps divided by the root of an average square that is kept for rows and columns only, in units of the
    /// parameter's size.
    ///
    /// # Formula
    /// ```text
    /// w ← t^beta2_decay                      the fraction of the new square
    /// ρ ← min(η, 1/√t)
    /// α ← ρ·max(ε₂, RMS(θ))                  α = ρ without scale_by_parameter
    /// R ← (1 − w)R + w·mean of g² along the last axis
    /// C ← (1 − w)C + w·mean of g² along the axis before it
    /// V ← R·C / max(mean R, ε₁)              vectors: V ← (1 − w)V + wg²
    /// u ← g / √max(V, ε₁²)
    /// θ ← (1 − ηλ)θ − α·u / max(1, RMS(u)/d)
    /// ```
    /// With `momentum` β, θ moves by a moving average of these steps, `m ← βm + (1 − β)α·u/…`.
    ///
    /// # State
    /// Matrices: `row_var` and `col_var`, a number for each row and each column; tensors of more axes, for
    /// each of their matrices. Vectors: `variance`, the parameter's shape. With momentum, `exp_avg`, the
    /// parameter's shape. 4 bytes per number (8 for f64).
    ///
    /// # Differences
    /// torch: ε₁ is the spacing of numbers at 1 in the parameter's type, here the meaning of 0; always
    /// factored, no momentum. optax: ε₁ is 1e-30 and is added to g²; ρ = η; V is factored along the two
    /// longest axes, and only if both have at least 128 elements; the mean of R is not bounded; decay is `θ ←
    /// θ − (… + λθ)`, not multiplied by η. The paper has ε₁ inside as optax.
    ///
    /// # Errors
    /// Settings outside their range.
    ///
    /// # Example
    /// ```
    /// use steepest::{Adafactor, DType, Optimizer, Param, Slot};
    /// let mut theta = [1.0f64; 4];
    /// let mut adafactor = Optimizer::builder(Adafactor::default())
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// adafactor.step(0.01, &mut [Slot::new(&mut theta, &[2.0, 2.0, -3.0, -3.0])])?;
    /// // squares that have rank 1 are known exactly: every element moves by η·RMS(θ)
    /// assert!((theta[0] - 0.99).abs() < 1e-9 && (theta[3] - 1.01).abs() < 1e-9);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Shazeer & Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, ICML 2018, algorithms
    /// 4 and 5.
    pub struct Adafactor("adafactor") {
        /// how the fraction of the new square falls with the step number: w = t^beta2_decay
        beta2_decay: f64 = -0.8, Range::new(-1.0, false, 0.0, false);
        /// ε₁, bounds the average square; 0 is the spacing of numbers at 1 in the parameter's type
        eps1: f64 = 0.0, Range::NON_NEGATIVE;
        /// ε₂, bounds the parameter's size from below
        eps2: f64 = 1e-3, Range::NON_NEGATIVE;
        /// d, bounds the root mean square of a step before α
        d: f64 = 1.0, Range::POSITIVE;
        /// λ, decoupled weight decay
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
        /// multiply the step by the root mean square of the parameter
        scale_by_parameter: bool = true;
        /// keep sums of rows and columns instead of every element's square
        factored: bool = true;
        /// the shortest axis that is factored
        min_dim_size_to_factor: u64 = 1, Range::AT_LEAST_ONE;
        /// β, fraction of the old average step that is kept; 0 keeps none
        momentum: f64 = 0.0, Range::RATE;
    }
    dialects { Torch {}, Optax { eps1: 1e-30, min_dim_size_to_factor: 128 } }
}

impl IntoRule for Adafactor {
    fn into_rule(self) -> Result<Rule> {
        let decay = match self.dialect {
            Dialect::Optax => Decay::Own(self.weight_decay),
            _ => Decay::Decoupled(self.weight_decay),
        };
        Rule::tensor(&self, decay, Factored(self.clone()), None)
    }
}

struct Factored(Adafactor);

/// A tensor whose axis is taken away by a mean.
#[derive(Debug, Clone, Copy)]
struct Without {
    axis: usize,
    /// Its elements.
    size: usize,
    /// Elements before one step along it is complete.
    inner: usize,
}

impl Without {
    fn new(shape: &[usize], axis: usize) -> Self {
        Self { axis, size: shape[axis], inner: shape[axis + 1..].iter().product() }
    }

    /// Where element `i` is counted.
    fn index(self, i: usize) -> usize {
        i / (self.inner * self.size) * self.inner + i % self.inner
    }

    /// The first element that is counted at `place`; the others follow every `inner`.
    fn first(self, place: usize) -> usize {
        place / self.inner * self.inner * self.size + place % self.inner
    }

    /// The same axis of the tensor that `other` has been taken from.
    fn after(self, other: Self) -> Self {
        let inner = if other.axis > self.axis { self.inner / other.size.max(1) } else { self.inner };
        Self { inner, ..self }
    }

    fn shape(self, of: &[usize]) -> Vec<usize> {
        let mut shape = of.to_vec();
        shape.remove(self.axis);
        shape
    }

    /// `kept ← average of kept and the mean of (scale·g)² + eps` along the axis.
    fn average_squares<T: Number>(self, loops: Loops, kept: &mut [T], g: &[T], scale: T, eps: f64, w: f64) {
        let average = Average::<f64>::new(1.0 - w);
        loops.squares_along(g, scale, (self.size, self.inner), kept, |kept, sum| {
            T::of(average.mix(kept.wide(), sum / self.size as f64 + eps))
        });
    }
}

/// One of the two factors that the squares of a line are estimated by: one number, or one for each element.
#[derive(Clone, Copy)]
enum Factor<'a, T> {
    Same(T),
    Each(&'a [T]),
}

impl<'a, T: Copy> Factor<'a, T> {
    fn of(values: &'a [T], without: Without, start: usize, line: usize) -> Self {
        match without.inner {
            1 => Self::Same(values[without.index(start)]),
            _ => Self::Each(&values[without.index(start)..][..line]),
        }
    }
}

impl Factored {
    /// The axes whose means are the state: `row_var` is without the first, `col_var` without the second.
    fn axes(&self, shape: &[usize]) -> Option<[Without; 2]> {
        let rank = shape.len();
        if rank < 2 || !self.0.factored {
            return None;
        }
        let (mut first, mut second) = (rank - 1, rank - 2);
        if self.0.dialect == Dialect::Optax {
            // the longest two; of equal ones the later
            first = (0..rank).max_by_key(|axis| (shape[*axis], *axis))?;
            second = (0..rank).filter(|axis| *axis != first).max_by_key(|axis| (shape[*axis], *axis))?;
        }
        let shortest = shape[first].min(shape[second]) as u64;
        (shortest >= self.0.min_dim_size_to_factor)
            .then(|| [first, second].map(|axis| Without::new(shape, axis)))
    }
}

impl Factored {
    /// What is computed of R in a step, where there is one.
    fn row_workspace<'a, T>(&self, shape: &[usize], workspace: &mut Workspace<'a, T>) -> &'a mut [T] {
        // as many as `row_var` has
        let len = |row: Without| shape.iter().product::<usize>() / row.size.max(1);
        workspace.take(self.axes(shape).map_or(0, |[row, _]| len(row)))
    }
}

impl TensorRule for Factored {
    fn state(&self, param: &Param) -> Vec<StateSpec> {
        let shape = &param.shape[..];
        let spec = |name, shape| StateSpec { name, shape, initial: 0.0 };
        let mut state = match self.axes(shape) {
            Some([row, column]) => {
                vec![spec("row_var", row.shape(shape)), spec("col_var", column.shape(shape))]
            }
            None => vec![spec("variance", shape.to_vec())],
        };
        if self.0.momentum > 0.0 {
            state.push(spec("exp_avg", shape.to_vec()));
        }
        state
    }

    fn workspace(&self, shape: &[usize]) -> usize {
        Request::of::<f32, _>(|workspace| self.row_workspace(shape, workspace)).len()
    }

    fn update<T: Number>(&self, step: Step, view: TensorView<'_, T>) -> f64 {
        let Adafactor { beta2_decay, eps1, eps2, d, scale_by_parameter, momentum, dialect, .. } = self.0;
        let optax = dialect == Dialect::Optax;
        let len = view.theta.len();
        if len == 0 {
            return 0.0;
        }
        let (loops, lr, t) = (view.loops, step.lr, step.t as f64);
        let rms = |sum: f64| (sum / len as f64).sqrt();
        let w = t.powf(beta2_decay);
        let eps1 = if eps1 == 0.0 && !optax { T::EPSILON } else { eps1 };
        // ε₁ joins the square before it is averaged, or bounds the average
        let (added, least) = if optax { (eps1, 0.0) } else { (0.0, eps1) };
        let floor = T::of((least * least).max(T::SMALLEST));
        let mut rate = if optax { lr } else { lr.min(1.0 / t.sqrt()) };
        let mut keep = view.keep(step);
        if optax {
            keep = 1.0 - view.decay.lambda();
        }
        if scale_by_parameter {
            rate *= rms(loops.sum_of_squares(view.theta)).max(eps2);
        }
        let scale = T::of(view.scale);
        let axes = self.axes(view.shape);
        let (moments, average_step) = view.state.split_at_mut(if axes.is_some() { 2 } else { 1 });
        let (row, column): (&[T], &[T]) = match (axes, moments) {
            (Some([without_row, without_column]), [row, column]) => {
                without_row.average_squares(loops, row, view.grad, scale, added, w);
                without_column.average_squares(loops, column, view.grad, scale, added, w);
                // R divided by its mean over the rows of each matrix
                let of_rows = without_column.after(without_row);
                let relative = self.row_workspace(view.shape, &mut Workspace::new(view.workspace));
                for matrix in 0..row.len() / of_rows.size.max(1) {
                    let place = |k| of_rows.first(matrix) + k * of_rows.inner;
                    let sum: f64 = (0..of_rows.size).map(|k| row[place(k)].wide()).sum();
                    let mean = (sum / of_rows.size as f64).max(least);
                    for k in 0..of_rows.size {
                        relative[place(k)] = T::of(row[place(k)].wide() / mean);
                    }
                }
                (relative, column)
            }
            (_, moments) => {
                let (average, added) = (Average::weighted(1.0 - w, w), T::of(added));
                loops.map([&mut *moments[0]], [view.grad], move |[v], [g]| {
                    [average.mix(v, (g * scale) * (g * scale) + added)]
                });
                (&[], moments[0])
            }
        };
        let factors = |start: usize, line: usize| match axes {
            Some([r, c]) => (Factor::of(row, r, start, line), Factor::of(column, c, start, line)),
            None => (Factor::Same(T::of(1.0)), Factor::Each(&column[start..start + line])),
        };
        let line = view.shape.last().copied().unwrap_or(1);
        let u = move |g: T, a: T, b: T| g * scale / (a * b).max(floor).sqrt();
        let squares = loops.lines(line, [], [view.grad], |loops, start, [], [g]| {
            along(loops, [], g, factors(start, line), u, move |[], u| ([], u.wide() * u.wide()))
        });
        let (keep, rate) = (T::of(keep), T::of(rate / (rms(squares) / d).max(1.0)));
        let moved = |old: T, new: T| (new.wide() - old.wide()) * (new.wide() - old.wide());
        if let [m] = average_step {
            let average = Average::new(momentum);
            return loops.lines(line, [view.theta, m], [view.grad], |loops, start, written, [g]| {
                along(loops, written, g, factors(start, line), u, move |[theta, m], u| {
                    let m = average.mix(m, rate * u);
                    let new = theta * keep - m;
                    ([new, m], moved(theta, new))
                })
            });
        }
        loops.lines(line, [view.theta], [view.grad], |loops, start, written, [g]| {
            along(loops, written, g, factors(start, line), u, move |[theta], u| {
                let new = theta * keep - rate * u;
                ([new], moved(theta, new))
            })
        })
    }
}

/// [`Loops::map_sum`] along a line of the gradient `g`: `formula` gets what `u` makes of an element and its
/// factors.
fn along<T: Number, const W: usize>(
    loops: Loops,
    written: [&mut [T]; W],
    g: &[T],
    factors: (Factor<'_, T>, Factor<'_, T>),
    u: impl Fn(T, T, T) -> T + Copy + Sync,
    formula: impl Fn([T; W], T) -> ([T; W], f64) + Copy + Sync,
) -> f64 {
    match factors {
        (Factor::Same(a), Factor::Each(b)) | (Factor::Each(b), Factor::Same(a)) => {
            loops.map_sum(written, [g, b], move |old, [g, b]| formula(old, u(g, a, b)))
        }
        (Factor::Each(a), Factor::Each(b)) => {
            loops.map_sum(written, [g, a, b], move |old, [g, a, b]| formula(old, u(g, a, b)))
        }
        (Factor::Same(a), Factor::Same(b)) => {
            loops.map_sum(written, [g], move |old, [g]| formula(old, u(g, a, b)))
        }
    }
}
