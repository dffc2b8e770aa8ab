use super::rule::{MatrixRule, like};
use super::sides::{Side, SideProducts, gram};
use crate::error::{Error, Result};
use crate::linalg::{Loops, Matrix, Number, Workspace, packed_len};
use crate::param::Param;
use crate::random;
use crate::real::{Average, power_of_two_below};
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView};
use crate::settings::{Range, Settings};

crate::word_setting! {
    /// Which sides of a matrix have a diagonal in place of a triangle.
    pub enum DiagonalSides {
        /// None but those longer than `max_side`.
        #[default]
        None = "none",
        /// The longer one, where their lengths differ.
        Longer = "longer",
        /// The longer one; of a square matrix, the right one.
        One = "one",
        /// Both.
        Both = "both",
    }
}

super::fallback::matrix_settings! {
    /// PSGD with a Kronecker-factored preconditioner: two triangles that learn, step by step, to make
    /// gradients white.
    ///
    /// # Formula
    /// ```text
    /// M ← β₁M + (1 − β₁)G,  M̂ = M / (1 − β₁ᵗ)
    /// where the factors are refreshed, with F = M̂, or G without `fit_momentum`:
    ///     F ← F + δ · mean|F| · V                        δ = √2⁻²³; V: random, mean 0, variance 1
    ///     A = LᵀFR,  B = L⁻¹VR⁻ᵀ
    ///     L ← L − μL · tril(AAᵀ − BBᵀ) / ‖AAᵀ + BBᵀ‖     μ = `precond_lr`
    ///     R ← R − μR · tril(AᵀA − BᵀB) / ‖AᵀA + BᵀB‖     with the same A and B
    /// U ← LLᵀM̂RRᵀ
    /// U ← U · min(1, c / rms(U))                         c = `max_rms`
    /// θ ← (1 − ηλ)θ − ηU
    /// ```
    /// L and R are lower triangles and begin as √s·I, s = `init_scale`; tril takes the lower triangle. They
    /// descend the mean of ‖A‖² + ‖B‖². At its minimum P·mean(FQFᵀ)·P = tr(Q⁻¹)·I and Q·mean(FᵀPF)·Q =
    /// tr(P⁻¹)·I, with P = LLᵀ and Q = RRᵀ. ‖S‖ is a lower bound of the largest eigenvalue: ‖Sy‖ for y =
    /// Sx/‖Sx‖, x the longest column of S. A side longer than `max_side`, of length 1, or chosen by
    /// `diagonal` has a diagonal in place of its triangle; tril keeps the diagonal then, and ‖S‖ is its
    /// largest element.
    ///
    /// With p(s) = `max_share` while s ≤ `flat_steps`, then falling with exp(−`share_decay`·s) to
    /// `min_share`, the factors are refreshed at step t where the integral of p from 0 to t passes a whole
    /// number. At each 100th refresh the largest elements of L and R are made equal first, which changes no
    /// product of both. A gradient so small that δ·mean|F| is no normal number refreshes nothing. Where A, B or U
    /// leave the type, as with the first usual gradient after thousands of tiny ones, they are computed from F, V or
    /// M̂ times a power of two: steps stay finite.
    ///
    /// Element i of V, row by row, is the sum of four uniform numbers that are the 16-bit pieces of
    /// SplitMix64's output i, whose key is made from `seed` and t, for all tensors alike: no hidden state. A
    /// kernel of a convolution is the matrix of its first axis and all others. Vectors and single numbers are
    /// updated by AdamW with the settings that begin with `adam_` and `adam_lr_factor` times the learning
    /// rate.
    ///
    /// # State
    /// For a matrix of m × n: `exp_avg` (m × n), `left` (m × m, or m where it is a diagonal) and `right` (n ×
    /// n or n), 4 bytes per element (8 for f64). Vectors: `exp_avg`, `exp_avg_sq`. Workspace, not saved: 4
    /// times the matrix and 3 times the larger square.
    ///
    /// # Differences
    /// Li's code and kron_torch keep Q_L = Lᵀ and Q_R = Rᵀ. kron_torch: V is normal and comes from torch's
    /// generator; the δ·mean|F|·V of a refresh also stays in M̂ and so in the step; triangles are solved in
    /// f32; a refresh comes where the steps since the last reach 1/p, a whole number of them; balancing
    /// happens by chance, once in 100 refreshes; axes of a kernel are joined to the squarest matrix, or each
    /// has a factor; vectors have a diagonal factor. Li's own code: a refresh happens with probability p, and
    /// the norm of U is clipped; his later variants (Q^0.5·E·Q^1.5 and others) have other updates of the
    /// factors.
    ///
    /// # Errors
    /// Settings outside their range; `min_share` above `max_share`; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Kron, Optimizer, Param, Slot};
    /// let mut theta = [0.0f64; 4];
    /// let mut kron = Optimizer::builder(Kron { max_rms: 100.0, ..Kron::default() })
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// let mut last = [0.0; 4];
    /// for _ in 0..500 {
    ///     last = theta;
    ///     kron.step(0.1, &mut [Slot::new(&mut theta, &[100.0, 0.0, 0.0, 0.01])])?;
    /// }
    /// // both directions take steps of one size, though one gradient is 10 000 times as large
    /// let [a, d] = [0, 3].map(|i| last[i] - theta[i]);
    /// assert!((0.02..0.2).contains(&a) && (0.02..0.2).contains(&d), "{a} {d}");
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Li, Preconditioned Stochastic Gradient Descent, 2015; Li, Stochastic Hessian Fittings with Lie Groups,
    /// 2024; defaults, schedule and clipping: Walters, kron_torch 0.3.3.
    pub struct Kron("kron") {
        /// β₁, fraction of the old average gradient that is kept
        beta1: f64 = 0.9, Range::RATE;
        /// μ, the step of the factors: 0.1 follows gradients within some ten refreshes; below 1, triangles
        /// stay invertible
        precond_lr: f64 = 0.1, Range::new(0.0, true, 1.0, true);
        /// s, the size of the first preconditioner's root: 1 begins with the average gradient itself, clipped
        init_scale: f64 = 1.0, Range::POSITIVE;
        /// fit the factors to the average gradient, which is what they precondition; else to the gradient
        fit_momentum: bool = true;
        /// fraction of the steps that refresh the factors, at first: all, since they know nothing
        max_share: f64 = 1.0, Range::new(0.0, true, 1.0, false);
        /// and in the end: factors that have been learned move slowly, and a refresh costs several steps
        min_share: f64 = 0.03, Range::new(0.0, true, 1.0, false);
        /// by what part of itself the fraction falls in a step: 0.001 takes 3500 steps from 1 to 0.03
        share_decay: f64 = 1e-3, Range::POSITIVE;
        /// steps before the fraction falls
        flat_steps: u64 = 500, Range::AT_LEAST_ONE;
        /// which sides have a diagonal: less memory and time, coarser steps
        diagonal: DiagonalSides = DiagonalSides::None;
        /// the longest side that has a triangle: 8192 takes 256 MiB in f32
        max_side: u64 = 8192, Range::AT_LEAST_ONE;
        /// c, the largest root mean square of U: white gradients have about 1
        max_rms: f64 = 1.1, Range::POSITIVE;
        /// names the random numbers
        seed: u64 = 1, Range::AT_LEAST_ONE;
        /// λ of matrices: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 3.0, beta1: 0.9, beta2: 0.999, eps: 1e-8 }
}

impl IntoRule for Kron {
    fn into_rule(self) -> Result<Rule> {
        self.check_ranges()?;
        if self.min_share > self.max_share {
            return Err(Error::Conflict {
                owner: Self::OWNER,
                conflict: format!("min_share ({}) is above max_share ({})", self.min_share, self.max_share),
                remedy: "lower min_share; both alike give one fraction for all steps".to_owned(),
            });
        }
        let fallback = self.fallback(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Whitening(self.clone()), fallback)
    }
}

/// δ: how much of V is added to what the factors are fitted to, so that no direction is without any.
fn damping() -> f64 {
    f64::from(f32::EPSILON).sqrt()
}

/// After how many refreshes the factors are balanced.
const BALANCE: u64 = 100;

/// A side of a matrix, its length, and whether its factor is a triangle or a diagonal.
#[derive(Debug, Clone, Copy)]
struct Axis {
    side: Side,
    len: usize,
    triangle: bool,
}

impl Kron {
    fn axes(&self, (rows, columns): (usize, usize)) -> [Axis; 2] {
        [(Side::Left, rows, rows > columns), (Side::Right, columns, rows <= columns)].map(
            |(side, len, longer)| {
                let diagonal = match self.diagonal {
                    DiagonalSides::None => false,
                    DiagonalSides::Longer => longer && rows != columns,
                    DiagonalSides::One => longer,
                    DiagonalSides::Both => true,
                };
                Axis { side, len, triangle: len > 1 && len as u64 <= self.max_side && !diagonal }
            },
        )
    }

    /// How often the factors were refreshed up to step `t`: the integral of the fraction, as a whole number.
    fn refreshes(&self, t: u64) -> u64 {
        let (high, low, decay) = (self.max_share, self.min_share, self.share_decay);
        let (t, flat) = (t as f64, self.flat_steps as f64);
        let behind = (t - flat).max(0.0);
        let falls = (high / low).ln() / decay;
        let falling = -(-decay * behind.min(falls)).exp_m1() / decay;
        (high * (t.min(flat) + falling) + low * (behind - falls).max(0.0)) as u64
    }
}

struct Whitening(Kron);

/// V of step `t`: almost normal, exact in f64 and the same on every machine.
fn probe<T: Number>(loops: Loops, seed: u64, t: u64, into: &mut [T]) {
    const LEN: usize = 4096;
    let key = random::at(random::at(0, seed), t);
    // four numbers of 0..=65535: variance 4·(2³² − 1)/12
    let unit = (3.0 / (2f64.powi(32) - 1.0)).sqrt();
    loops.rows(into, LEN, |block, into| {
        for (counter, v) in ((block * LEN) as u64..).zip(into) {
            let bits = random::at(key, counter);
            let piece = |i: u32| bits >> (16 * i) & 0xffff;
            let sum = piece(0) + piece(1) + piece(2) + piece(3);
            *v = T::of((sum as f64 - 131_070.0) * unit);
        }
    });
}

fn largest<T: Number>(x: &[T]) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.wide().abs()))
}

/// Calls `compute` with a factor for what it computes, and returns the sum of squares that it gives, and the factor: 1, or where that sum
/// is above `most`, the first below with which it is not. Factors are powers of two, so that nothing proportional to one has other bits.
///
/// L and R that have learned from tiny gradients are large: the first usual gradient is multiplied by both, twice, and squared.
fn within<T: Number>(most: f64, mut compute: impl FnMut(f64) -> f64) -> (f64, f64) {
    let mut factor = 1.0;
    loop {
        let squares = compute(factor);
        if squares <= most || factor <= T::SMALLEST {
            return (squares, factor);
        }
        // to a sum of about 1, where it is known
        let less = if squares.is_finite() { 1.0 / squares.sqrt() } else { small::<T>() };
        factor = power_of_two_below(factor * less).max(T::SMALLEST);
    }
}

/// 2⁻⁶³ in f32 and 2⁻⁵¹¹ in f64.
fn small<T: Number>() -> f64 {
    T::SMALLEST.sqrt()
}

/// `into ← S·x` for a symmetric S.
fn times<T: Number>(loops: Loops, s: &[T], x: &[T], into: &mut [T]) {
    const ROWS: usize = 16;
    loops.rows(into, ROWS, |block, into| {
        for (i, y) in into.iter_mut().enumerate() {
            let row = &s[(block * ROWS + i) * x.len()..][..x.len()];
            *y = T::of(loops.map_sum([], [row, x], |[], [s, x]| ([], s.wide() * x.wide())));
        }
    });
}

/// The workspace of a step.
struct Pieces<'a, T> {
    axes: [Axis; 2],
    products: SideProducts<'a, T>,
    /// B, while the matrix of the products is A.
    b: &'a mut [T],
    /// Squares of the longest side with a triangle.
    squares: [&'a mut [T]; 2],
    lines: [&'a mut [T]; 2],
}

impl<'a, T: Number> Pieces<'a, T> {
    fn new(axes: [Axis; 2], workspace: &mut Workspace<'a, T>) -> Self {
        let [rows, columns] = axes.map(|axis| axis.len);
        let n = axes.iter().filter(|axis| axis.triangle).map(|axis| axis.len).max().unwrap_or(0);
        Self {
            axes,
            products: SideProducts::new((rows, columns), n, packed_len(n, n), workspace),
            b: workspace.take(rows * columns),
            squares: std::array::from_fn(|_| workspace.take(n * n)),
            lines: std::array::from_fn(|_| workspace.take(rows.max(columns))),
        }
    }

    /// `x ← F·x` for a factor F of the left side, `x ← x·F` for one of the right; with `transposed`, Fᵀ in
    /// place of F.
    fn multiply(&mut self, loops: Loops, axis: Axis, factor: &[T], transposed: bool) {
        if axis.triangle {
            self.products.multiply(loops, axis.side, factor, transposed, true);
        } else {
            self.scale(loops, axis, factor, false);
        }
    }

    /// `x ← F⁻¹·x` for the left side, `x ← x·F⁻ᵀ` for the right.
    fn solve(&mut self, loops: Loops, axis: Axis, factor: &[T]) {
        if !axis.triangle {
            return self.scale(loops, axis, factor, true);
        }
        let SideProducts { rows, columns, x, spare, pack, pack_square } = &mut self.products;
        let (rows, columns) = (*rows, *columns);
        let of_x = Matrix { data: x, rows, columns };
        match axis.side {
            Side::Left => {
                loops.pack_columns(of_x, pack);
                loops.solve_lower_packed(factor, (rows, columns), pack, pack_square);
                loops.unpack_columns(pack, rows, spare, columns);
                std::mem::swap(x, spare);
            }
            Side::Right => {
                // the rows of x are the columns of xᵀ
                loops.pack_rows(of_x, pack);
                loops.solve_lower_packed(factor, (columns, rows), pack, pack_square);
                loops.unpack_columns(pack, columns, spare, rows);
                loops.transpose(Matrix { data: spare, rows: columns, columns: rows }, x);
            }
        }
    }

    /// Multiplies, or divides, x by a diagonal.
    fn scale(&mut self, loops: Loops, axis: Axis, factor: &[T], divide: bool) {
        loops.lines(self.products.columns, [&mut *self.products.x], [], |loops, start, [x], []| {
            let f = if axis.side == Side::Left { factor[start / x.len()] } else { T::ZERO };
            match (axis.side, divide) {
                (Side::Left, true) => loops.map([x], [], |[x], []| [x / f]),
                (Side::Left, false) => loops.map([x], [], |[x], []| [x * f]),
                (Side::Right, true) => loops.map([x], [factor], |[x], [f]| [x / f]),
                (Side::Right, false) => loops.map([x], [factor], |[x], [f]| [x * f]),
            }
            0.0
        });
    }

    /// One step of a factor, from x = A and B.
    fn fit(&mut self, loops: Loops, axis: Axis, factor: &mut [T], rate: f64) {
        if axis.triangle {
            self.fit_triangle(loops, axis, factor, rate);
        } else {
            self.fit_diagonal(loops, axis, factor, rate);
        }
    }

    fn fit_triangle(&mut self, loops: Loops, axis: Axis, factor: &mut [T], rate: f64) {
        let n = axis.len;
        let SideProducts { rows, columns, ref x, ref mut pack, ref mut pack_square, .. } = self.products;
        let [of_a, of_b] = self.squares.each_mut().map(|square| &mut square[..n * n]);
        for (x, square) in [(&**x, &mut *of_a), (&*self.b, &mut *of_b)] {
            gram(loops, axis.side, Matrix { data: x, rows, columns }, pack, square);
        }
        loops.lines(n, [&mut *of_a, &mut *of_b], [], |_, start, [a, b], []| {
            let (below, above) = a.split_at_mut(start / n + 1);
            for (a, b) in below.iter_mut().zip(b) {
                (*a, *b) = (*a - *b, *a + *b);
            }
            above.fill(T::ZERO);
            0.0
        });
        loops.mirror(of_b, n);
        let (difference, sum) = (of_a, of_b);

        let [v, w] = self.lines.each_mut().map(|line| &mut line[..n]);
        // no element of a sum of squares is larger than the largest on its diagonal
        let size = (0..n).fold(0.0f64, |m, i| m.max(sum[i * (n + 1)].wide()));
        if size == 0.0 {
            return;
        }
        loops.rows(w, 1, |i, w| {
            let row = &sum[i * n..][..n];
            w[0] = T::of(loops.map_sum([], [row], |[], [s]| ([], (s.wide() / size) * (s.wide() / size))));
        });
        let longest = (0..n).fold(0, |best, i| if w[i] > w[best] { i } else { best });
        let mut norm = size;
        v.copy_from_slice(&sum[longest * n..][..n]);
        for _ in 0..2 {
            loops.map([&mut *v], [], |[v], []| [T::of(v.wide() / norm)]);
            times(loops, sum, v, w);
            norm = loops.sum_of_squares(w).sqrt();
            v.copy_from_slice(w);
        }

        let rate = T::of(rate / norm.max(T::SMALLEST));
        let left = Matrix { data: &*factor, rows: n, columns: n };
        let left = loops.pack_rows(left, pack_square).until_diagonal();
        let right = Matrix { data: &*difference, rows: n, columns: n };
        let right = loops.pack_columns(right, pack).from_diagonal();
        loops.product(left, right, true, sum);
        loops.lines(n, [factor], [&*sum], |_, start, [factor], [product]| {
            let below = factor[..start / n + 1].iter_mut();
            below.zip(product).for_each(|(f, p)| *f = *f - rate * *p);
            0.0
        });
    }

    fn fit_diagonal(&mut self, loops: Loops, axis: Axis, factor: &mut [T], rate: f64) {
        let SideProducts { rows, columns, ref x, .. } = self.products;
        let [of_a, of_b] = self.lines.each_mut().map(|line| &mut line[..axis.len]);
        let along = if axis.side == Side::Left { (columns, 1) } else { (rows, columns) };
        for (x, squares) in [(&**x, &mut *of_a), (&*self.b, &mut *of_b)] {
            loops.squares_along(x, T::of(1.0), along, squares, |_, sum| T::of(sum));
        }
        let size = of_a.iter().zip(&*of_b).fold(0.0, |m, (a, b)| (*a + *b).wide().max(m));
        let rate = T::of(rate / size.max(T::SMALLEST));
        loops.map([factor], [&*of_a, &*of_b], |[f], [a, b]| [f - rate * (a - b) * f]);
    }
}

impl MatrixRule for Whitening {
    type Pieces<'a, T: Number> = Pieces<'a, T>;

    fn state(&self, param: &Param, of: (usize, usize)) -> Vec<StateSpec> {
        let factors = self.0.axes(of).map(|Axis { side, len, triangle }| StateSpec {
            name: if side == Side::Left { "left" } else { "right" },
            shape: if triangle { vec![len, len] } else { vec![len] },
            initial: 0.0,
        });
        std::iter::once(like(param, "exp_avg")).chain(factors).collect()
    }

    fn pieces<'a, T: Number>(&self, of: (usize, usize), workspace: &mut Workspace<'a, T>) -> Pieces<'a, T> {
        Pieces::new(self.0.axes(of), workspace)
    }

    fn update<T: Number>(
        &self,
        step: Step,
        view: TensorView<'_, T>,
        _: (usize, usize),
        mut pieces: Pieces<'_, T>,
    ) -> f64 {
        let Kron { beta1, precond_lr, init_scale, fit_momentum, max_rms, seed, .. } = self.0;
        let (loops, keep, axes) = (view.loops, view.keep(step), pieces.axes);
        let [m, left, right] = view.state else { return 0.0 };
        let mut factors = [&mut **left, &mut **right];
        if step.t == 1 {
            for (axis, factor) in axes.iter().zip(&mut factors) {
                // the next element of a triangle's diagonal is a row and one further
                let next = if axis.triangle { axis.len + 1 } else { 1 };
                factor.iter_mut().step_by(next).for_each(|f| *f = T::of(init_scale.sqrt()));
            }
        }
        let (average, scale) = (Average::<T>::new(beta1), T::of(view.scale));
        let corrected = T::of(1.0 / step.bias_correction(beta1));
        let fitted = |m: T, g: T| if fit_momentum { m * corrected } else { g * scale };
        let size = loops.map_sum([&mut **m], [view.grad], |[m], [g]| {
            let m = average.mix(m, g * scale);
            ([m], fitted(m, g).wide().abs())
        });

        let refreshes = self.0.refreshes(step.t);
        let noise = damping() * size / view.grad.len() as f64;
        if refreshes > self.0.refreshes(step.t - 1) && noise >= T::SMALLEST {
            if refreshes.is_multiple_of(BALANCE) {
                let sizes = [largest(factors[0]), largest(factors[1])];
                for (factor, by) in factors.iter_mut().zip([sizes[1] / sizes[0], sizes[0] / sizes[1]]) {
                    let by = T::of(by.sqrt());
                    loops.map([&mut **factor], [], |[f], []| [f * by]);
                }
            }
            let noise = T::of(noise);
            // with room for sums of these squares, and for their products with a factor
            let (squares, _) = within::<T>(1.0 / small::<T>(), |factor| {
                let by = T::of(factor);
                probe(loops, seed, step.t, pieces.products.x);
                let probed = [&*pieces.products.x, &**m, view.grad];
                loops.map([&mut *pieces.b], probed, |_, [v, m, g]| [(fitted(m, g) + noise * v) * by]);
                if factor != 1.0 {
                    loops.map([&mut *pieces.products.x], [], |[v], []| [v * by]);
                }
                for (axis, factor) in axes.iter().zip(&factors) {
                    pieces.solve(loops, *axis, factor);
                }
                std::mem::swap(&mut pieces.products.x, &mut pieces.b);
                for (axis, factor) in axes.iter().zip(&factors) {
                    pieces.multiply(loops, *axis, factor, axis.side == Side::Left);
                }
                loops.sum_of_squares(pieces.products.x) + loops.sum_of_squares(pieces.b)
            });
            // else there is nothing to learn from
            if squares.is_finite() {
                for (axis, factor) in axes.iter().zip(&mut factors) {
                    pieces.fit(loops, *axis, factor, precond_lr);
                }
            }
        }

        let (squares, shrunk) = within::<T>(f64::MAX, |factor| {
            let by = T::of(factor);
            loops.map([&mut *pieces.products.x], [&**m], |_, [m]| [m * corrected * by]);
            for transposed in [true, false] {
                for (axis, factor) in axes.iter().zip(&factors) {
                    // LᵀM̂R, then L from the left and Rᵀ from the right
                    pieces.multiply(loops, *axis, factor, transposed == (axis.side == Side::Left));
                }
            }
            loops.sum_of_squares(pieces.products.x)
        });
        let rms = (squares / view.grad.len() as f64).sqrt();
        loops.subtract(view.theta, pieces.products.x, keep, step.lr * (max_rms / rms).min(1.0 / shrunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refreshes_come_as_often_as_their_fraction_says() {
        let all = Kron { min_share: 1.0, ..Kron::default() };
        let some =
            Kron { max_share: 0.8, min_share: 0.1, share_decay: 0.02, flat_steps: 20, ..Kron::default() };
        for kron in [all, some, Kron::default()] {
            let mut sum = 0.0;
            for t in 1..=6000 {
                // the fraction in the middle of a step is its mean but for a part of 1e-4
                let behind = (t as f64 - 0.5 - kron.flat_steps as f64).max(0.0);
                sum += kron.min_share.max(kron.max_share * (-kron.share_decay * behind).exp());
                let (before, now) = (kron.refreshes(t - 1), kron.refreshes(t));
                assert!(now - before <= 1 && (now as f64 - sum).abs() < 1.1, "{t}: {now} {sum}");
            }
        }
        // the fraction of a step is below 1 at the end of u64, where f64 has no single steps any more
        assert!(Kron::default().refreshes(u64::MAX) > 1 << 58);
    }

    #[test]
    fn what_leaves_the_type_is_computed_from_a_power_of_two_less() {
        fn squares<T: Number>(x: f64) -> impl FnMut(f64) -> f64 {
            move |factor| T::of(T::of(x).wide() * factor).wide().powi(2)
        }
        // as it is, at the bound too
        let most = 2f64.powi(63);
        assert_eq!(within::<f32>(most, squares::<f32>(3.0)), (9.0, 1.0));
        assert_eq!(within::<f32>(most, squares::<f32>(2f64.powi(31))), (2f64.powi(62), 1.0));
        let (found, factor) = within::<f32>(most, squares::<f32>(1e30));
        assert!((0.25..=1.0).contains(&found) && factor == 2f64.powi(-100), "{found} {factor}");
        // squares that f64 does not hold
        let (found, factor) = within::<f64>(2f64.powi(511), squares::<f64>(1e200));
        assert!((1e92..1e93).contains(&found) && factor == 2f64.powi(-511), "{found} {factor}");
        // and what no factor mends
        let (found, factor) = within::<f32>(most, |_| f64::INFINITY);
        assert!(found.is_infinite() && factor == f32::SMALLEST);
        assert!(within::<f64>(most, |_| f64::NAN).0.is_nan());
    }

    #[test]
    fn probes_have_mean_0_variance_1_and_no_memory() {
        let draw = |parallel, seed, t, n| {
            let mut v = vec![0.0f64; n];
            probe(Loops { parallel, ..Loops::default() }, seed, t, &mut v);
            v
        };
        let n = 100_000;
        let v = draw(true, 1, 1, n);
        let moment = |p: i32| v.iter().map(|v| v.powi(p)).sum::<f64>() / n as f64;
        // four standard errors; the fourth moment of a sum of four uniform numbers is 2.7
        let error = 4.0 / (n as f64).sqrt();
        assert!(moment(1).abs() < error && (moment(2) - 1.0).abs() < error * 1.7f64.sqrt());
        assert!((moment(4) - 2.7).abs() < 0.1);
        assert_eq!(draw(false, 1, 1, n), v);
        assert_eq!(draw(true, 1, 1, 17), v[..17]);
        for (seed, t) in [(2, 1), (1, 2)] {
            let other = draw(true, seed, t, n);
            let product = v.iter().zip(&other).map(|(a, b)| a * b).sum::<f64>() / n as f64;
            assert!(product.abs() < error, "{product}");
        }
        let mut narrow = vec![0.0f32; 17];
        probe(Loops::default(), 1, 1, &mut narrow);
        assert!(narrow.iter().zip(&v).all(|(a, b)| *a == *b as f32));
    }

    #[test]
    fn sides_choose_their_factor() {
        let of = |diagonal, max_side, rows, columns| {
            let kron = Kron { diagonal, max_side, ..Kron::default() };
            kron.axes((rows, columns)).map(|axis| axis.triangle)
        };
        use DiagonalSides::*;
        for (diagonal, wide, tall, square) in [
            (None, [true, true], [true, true], [true, true]),
            (Longer, [true, false], [false, true], [true, true]),
            (One, [true, false], [false, true], [true, false]),
            (Both, [false, false], [false, false], [false, false]),
        ] {
            assert_eq!(of(diagonal, 9, 2, 3), wide);
            assert_eq!(of(diagonal, 9, 3, 2), tall);
            assert_eq!(of(diagonal, 9, 3, 3), square);
        }
        assert_eq!(of(None, 9, 10, 9), [false, true]);
        assert_eq!(of(None, 9, 1, 9), [false, true]);
    }
}
