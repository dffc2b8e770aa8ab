use super::muon::as_matrix;
use crate::error::Result;
use crate::matrix::{Loops, Matrix, Number, packed_len, padded, solve_len, take, unpack_row};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorRule, TensorView};
use crate::settings::Range;

super::others::matrix_settings! {
    /// Muon with a triangular solve instead of polynomials: each row loses what it shares with the rows above it.
    ///
    /// # Formula
    /// ```text
    /// M ← μM + G
    /// Q ← G + μM                             with nesterov, else Q = M; transposed where it has more rows than columns
    /// Q ← D⁻¹Q                               D: the norms of Q's rows, plus ε          ⎫
    /// T ← the lower triangle of QQᵀ                                                    ⎬ `passes` times
    /// Q ← T⁻¹Q, then Q ← D⁻¹Q                                                          ⎭
    /// θ ← (1 − ηλ)θ − η · rms·√max(out, in) · Q
    /// ```
    /// With `block_rows`, each block of so many rows is decorrelated by itself, and the last block has what is left: n rows of m numbers
    /// then cost 2·block_rows·n·m operations a pass instead of 2·n²·m, and rows of different blocks keep what they share.
    /// Rows without any gradient stay. Vectors and single numbers are updated by AdamW with the settings that begin with `adam_` and
    /// `adam_lr_factor` times the learning rate.
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); vectors: `exp_avg`, `exp_avg_sq`. Work space, not saved:
    /// about 2 times the largest matrix, 3 times where it has more rows than columns, and one number for each pair of rows of a block.
    ///
    /// # Differences
    /// None known but precision: the authors compute in bf16 or f32. `block_rows` is ours, and 0 in the paper.
    ///
    /// # Errors
    /// Settings outside their range; with `others = refuse`, a vector.
    ///
    /// # Example
    /// ```
    /// use steepest::{DType, Mud, Optimizer, Param, Slot};
    /// let mut theta = [0.0f64; 4];
    /// let mut mud = Optimizer::builder(Mud::default())
    ///     .build([Param::new("weight", [2, 2], DType::F64)])?;
    /// mud.step(1.0, &mut [Slot::new(&mut theta, &[3.0, 0.0, 4.0, 4.0])])?;
    /// // the second row's part along the first is taken away
    /// let step = 0.2 * 2f64.sqrt();
    /// assert!((theta[0] + step).abs() < 1e-6 && theta[2].abs() < 1e-6 && (theta[3] + step).abs() < 1e-6);
    /// # Ok::<(), steepest::Error>(())
    /// ```
    ///
    /// # Source
    /// Southworth & Thomas, Beyond Muon: MUD (MomentUm Decorrelation) for Faster Transformer Training, 2026, algorithm MUD_p.
    pub struct Mud("mud") {
        /// μ, share of the old sum of gradients that is kept
        momentum: f64 = 0.95, Range::RATE;
        /// look ahead: add the gradient once more
        nesterov: bool = true;
        /// how often rows are decorrelated
        passes: u64 = 1, Range::new(1.0, false, 100.0, false);
        /// how many rows are decorrelated from each other; 0 for all, as in the paper. A large matrix costs less in blocks
        block_rows: u64 = 0, Range::NON_NEGATIVE;
        /// the factor of the step's size
        rms: f64 = 0.2, Range::POSITIVE;
        /// ε, added to the norms of rows
        eps: f64 = 1e-8, Range::POSITIVE;
        /// λ of matrices: a step of rate η shrinks the weights by the share ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.9, beta2: 0.95, eps: 1e-8 }
}

impl IntoRule for Mud {
    fn into_rule(self) -> Result<Rule> {
        let others = self.adam(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Decorrelated(self.clone()), others)
    }
}

struct Decorrelated(Mud);

/// `x` divided by its norm plus `eps`.
fn normalize<T: Number>(loops: Loops, x: &mut [T], eps: f64) {
    let factor = T::of(1.0 / (loops.sum_of_squares(x).sqrt() + eps));
    loops.map([x], [], move |[x], []| [x * factor]);
}

impl TensorRule for Decorrelated {
    fn takes(&self, shape: &[usize]) -> Result<(), &'static str> {
        as_matrix(shape).map(|_| ())
    }

    fn state(&self, param: &Param) -> Vec<StateSpec> {
        vec![StateSpec { name: "momentum_buffer", shape: param.shape.clone(), initial: 0.0 }]
    }

    fn workspace(&self, shape: &[usize]) -> usize {
        as_matrix(shape).map_or(0, |(rows, columns)| {
            let blocks = Blocks::new(self.0.block_rows, rows, columns);
            let copies = if rows > columns { 2 } else { 1 };
            copies * padded(rows * columns) + blocks.count() * blocks.work()
        })
    }

    fn update<T: Number>(&self, step: Step, view: TensorView<'_, T>) -> f64 {
        let Mud { momentum, nesterov, passes, rms, eps, block_rows, .. } = self.0;
        let Ok((rows, columns)) = as_matrix(view.shape) else { return 0.0 };
        let (loops, keep, mut rest) = (view.loops, view.keep(step), view.workspace);
        if view.grad.is_empty() {
            return 0.0;
        }
        let (scale, mu) = (T::of(view.scale), T::of(momentum));
        let ahead =
            if nesterov { Average::weighted(momentum, 1.0) } else { Average::<T>::weighted(1.0, 0.0) };
        let mut u = take(&mut rest, rows * columns);
        let mut q = take(&mut rest, if rows > columns { rows * columns } else { 0 });
        loops.map([&mut *view.state[0], &mut *u], [view.grad], move |[m, _], [g]| {
            let m = mu * m + g * scale;
            [m, ahead.mix(m, g * scale)]
        });
        if rows > columns {
            loops.transpose(Matrix { data: u, rows, columns }, q);
            (u, q) = (q, u);
        }
        let blocks = Blocks::new(block_rows, rows, columns);
        let Blocks { rows: n, width, .. } = blocks;
        let work = take(&mut rest, blocks.count() * blocks.work());
        loops.pairs((u, blocks.height * width), (work, blocks.work()), |loops, u, work| {
            (0..passes).for_each(|_| decorrelate(loops, u, width, eps, work));
        });
        if rows > columns {
            loops.transpose(Matrix { data: u, rows: n, columns: width }, q);
            (u, _) = (q, u);
        }
        loops.subtract(view.theta, u, keep, step.lr * rms * (width as f64).sqrt())
    }
}

/// How the rows of a matrix, of which it has no more than columns, are whitened: `height` at a time.
#[derive(Clone, Copy)]
struct Blocks {
    rows: usize,
    width: usize,
    height: usize,
}

impl Blocks {
    fn new(block_rows: u64, rows: usize, columns: usize) -> Self {
        let (rows, width) = (rows.min(columns), rows.max(columns));
        let height = usize::try_from(block_rows).unwrap_or(rows).min(rows);
        Self { rows, width, height: if height == 0 { rows.max(1) } else { height } }
    }

    fn count(&self) -> usize {
        self.rows.div_ceil(self.height)
    }

    /// Numbers of work space that a block needs.
    fn work(&self) -> usize {
        let Self { width, height: n, .. } = *self;
        padded(n * n) + packed_len(n, width).max(packed_len(width, n)) + solve_len(n)
    }
}

/// One pass over the rows of `u`, `width` long.
fn decorrelate<T: Number>(loops: Loops, u: &mut [T], width: usize, eps: f64, mut work: &mut [T]) {
    let n = u.len() / width;
    let t = take(&mut work, n * n);
    let pack = take(&mut work, packed_len(n, width).max(packed_len(width, n)));
    let solve = take(&mut work, solve_len(n));
    loops.lines(width, [&mut *u], [], |loops, _, [x], []| {
        normalize(loops, x, eps);
        0.0
    });
    let of_u = Matrix { data: u, rows: n, columns: width };
    let packed = loops.pack_rows(of_u, pack);
    loops.product(packed, packed, true, t);
    loops.solve_lower(t, of_u, pack, solve);
    loops.lines(width, [u], [], |loops, start, [x], []| {
        unpack_row(pack, n, start / width, x);
        normalize(loops, x, eps);
        0.0
    });
}
