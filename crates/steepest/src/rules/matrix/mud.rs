use super::momentum::Momentum;
use super::rule::{MatrixRule, like};
use crate::error::Result;
use crate::linalg::{Loops, Matrix, Number, Request, Workspace, packed_either_len, unpack_row};
use crate::param::Param;
use crate::real::Average;
use crate::rule::{Decay, IntoRule, Rule, StateSpec, Step, TensorView};
use crate::settings::Range;

super::fallback::matrix_settings! {
    /// Muon with a triangular solve instead of polynomials: each row loses what it shares with the rows above
    /// it.
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
    /// With `block_rows`, each block of so many rows is decorrelated by itself, and the last block has what
    /// is left: n rows of m numbers then cost 2·block_rows·n·m operations a pass instead of 2·n²·m, and rows
    /// of different blocks keep what they share. Rows without any gradient stay. Vectors and single numbers
    /// are updated by AdamW with the settings that begin with `adam_` and `adam_lr_factor` times the learning
    /// rate.
    ///
    /// # State
    /// `momentum_buffer`, the parameter's shape, 4 bytes per element (8 for f64); vectors: `exp_avg`,
    /// `exp_avg_sq`. Workspace, not saved: about 2 times the largest matrix, 3 times where it has more rows
    /// than columns, and one number for each pair of rows of a block.
    ///
    /// # Differences
    /// None known but precision: the authors compute in bf16 or f32. `block_rows` is ours, and 0 in the
    /// paper.
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
    /// Southworth & Thomas, Beyond Muon: MUD (MomentUm Decorrelation) for Faster Transformer Training, 2026,
    /// algorithm MUD_p.
    pub struct Mud("mud") {
        /// μ, fraction of the old sum of gradients that is kept
        momentum: f64 = 0.95, Range::RATE;
        /// look ahead: add the gradient once more
        nesterov: bool = true;
        /// how often rows are decorrelated
        passes: u64 = 1, Range::new(1.0, false, 100.0, false);
        /// how many rows are decorrelated from each other; 0 for all, as in the paper. A large matrix costs
        /// less in blocks
        block_rows: u64 = 0, Range::NON_NEGATIVE;
        /// the factor of the step's size
        rms: f64 = 0.2, Range::POSITIVE;
        /// ε, added to the norms of rows
        eps: f64 = 1e-8, Range::POSITIVE;
        /// λ of matrices: a step of rate η shrinks the weights by the fraction ηλ
        weight_decay: f64 = 0.0, Range::NON_NEGATIVE;
    }
    adam { lr_factor: 1.0, beta1: 0.9, beta2: 0.95, eps: 1e-8 }
}

impl IntoRule for Mud {
    fn into_rule(self) -> Result<Rule> {
        let fallback = self.fallback(false)?;
        Rule::tensor(&self, Decay::Decoupled(self.weight_decay), Decorrelated(self.clone()), fallback)
    }
}

struct Decorrelated(Mud);

/// How the rows of a matrix, of which it has no more than columns, are decorrelated: `height` at a time.
#[derive(Clone, Copy)]
struct Blocks {
    rows: usize,
    width: usize,
    height: usize,
}

impl Blocks {
    fn new(block_rows: u64, (rows, columns): (usize, usize)) -> Self {
        let (rows, width) = (rows.min(columns), rows.max(columns));
        let height = usize::try_from(block_rows).unwrap_or(rows).min(rows);
        Self { rows, width, height: if height == 0 { rows.max(1) } else { height } }
    }

    fn count(&self) -> usize {
        self.rows.div_ceil(self.height)
    }

    /// The workspace of a block.
    fn workspace(&self) -> Request {
        Request::of::<f32, _>(|workspace| Block::new(self.height, self.width, workspace))
    }
}

/// The workspace of a step.
struct Pieces<'a, T> {
    blocks: Blocks,
    u: &'a mut [T],
    /// U transposed, where it has more rows than columns.
    transposed: &'a mut [T],
    of_blocks: &'a mut [T],
}

impl MatrixRule for Decorrelated {
    type Pieces<'a, T: Number> = Pieces<'a, T>;

    fn state(&self, param: &Param, _: (usize, usize)) -> Vec<StateSpec> {
        vec![like(param, "momentum_buffer")]
    }

    fn pieces<'a, T: Number>(
        &self,
        (rows, columns): (usize, usize),
        workspace: &mut Workspace<'a, T>,
    ) -> Pieces<'a, T> {
        let blocks = Blocks::new(self.0.block_rows, (rows, columns));
        Pieces {
            blocks,
            u: workspace.take(rows * columns),
            transposed: workspace.take(if rows > columns { rows * columns } else { 0 }),
            of_blocks: workspace.take(blocks.count() * blocks.workspace().len()),
        }
    }

    fn update<T: Number>(
        &self,
        step: Step,
        view: TensorView<'_, T>,
        (rows, columns): (usize, usize),
        pieces: Pieces<'_, T>,
    ) -> f64 {
        let Mud { momentum: mu, nesterov, passes, rms, eps, .. } = self.0;
        let (loops, keep) = (view.loops, view.keep(step));
        let Pieces { blocks, mut u, transposed: mut other, of_blocks } = pieces;
        let sum = Average::weighted(mu, 1.0);
        let momentum = Momentum::new(sum, nesterov.then_some(sum), view.scale);
        loops.map([&mut *view.state[0], &mut *u], [view.grad], move |[m, _], [g]| momentum.follow(m, g));
        if rows > columns {
            loops.transpose(Matrix { data: u, rows, columns }, other);
            (u, other) = (other, u);
        }
        let Blocks { rows: n, width, height } = blocks;
        let block = (of_blocks, blocks.workspace().len());
        loops.pairs((u, height * width), block, |loops, u, of_block| {
            for _ in 0..passes {
                Block::new(u.len() / width, width, &mut Workspace::new(of_block)).pass(loops, u, width, eps);
            }
        });
        if rows > columns {
            loops.transpose(Matrix { data: u, rows: n, columns: width }, other);
            u = other;
        }
        loops.subtract(view.theta, u, keep, step.lr * rms * (width as f64).sqrt())
    }
}

/// The workspace of a block of rows.
struct Block<'a, T> {
    /// Their products with each other.
    products: &'a mut [T],
    pack: &'a mut [T],
    solve: &'a mut [T],
}

impl<'a, T: Number> Block<'a, T> {
    fn new(height: usize, width: usize, workspace: &mut Workspace<'a, T>) -> Self {
        Self {
            products: workspace.take(height * height),
            pack: workspace.take(packed_either_len(height, width)),
            solve: workspace.take(Loops::solve_lower_workspace(height).len()),
        }
    }

    /// One pass over the rows of `u`, `width` long.
    fn pass(self, loops: Loops, u: &mut [T], width: usize, eps: f64) {
        let n = u.len() / width;
        loops.lines(width, [&mut *u], [], |loops, _, [x], []| {
            normalize(loops, x, eps);
            0.0
        });
        let of_u = Matrix { data: u, rows: n, columns: width };
        let packed = loops.pack_rows(of_u, self.pack);
        loops.product(packed, packed, true, self.products);
        loops.solve_lower(self.products, of_u, self.pack, self.solve);
        let solved = &*self.pack;
        loops.lines(width, [u], [], |loops, start, [x], []| {
            unpack_row(solved, n, start / width, x);
            normalize(loops, x, eps);
            0.0
        });
    }
}

/// `x` divided by its norm plus `eps`.
fn normalize<T: Number>(loops: Loops, x: &mut [T], eps: f64) {
    let factor = T::of(1.0 / (loops.sum_of_squares(x).sqrt() + eps).max(T::SMALLEST_NORMAL));
    loops.map([x], [], move |[x], []| [x * factor]);
}
