//! A matrix with the same singular vectors and singular values near 1, by products alone.

use super::momentum::Momentum;
use crate::linalg::{Loops, Matrix, Number, Packed, Workspace, packed_either_len, packed_len};

crate::word_setting! {
    /// The polynomials `x ← ax + bx³ + cx⁵` that bring singular values to 1.
    pub enum Polynomial {
        /// Keller Jordan's, the same in every step: fast from near 0, and at the end between 0.7 and 1.2.
        #[default]
        Quintic = "quintic",
        /// Polar Express: the best polynomial for each step; converges to 1.
        PolarExpress = "polar_express",
        /// Those of Dion and optax: one for each of five steps, as fast as the quintic and closer to 1 at the
        /// end.
        Dion = "dion",
        /// Newton and Schulz's `3/2 x − 1/2 x³`: converges to 1, slowly from near 0.
        Cubic = "cubic",
    }
}

impl Polynomial {
    /// a, b and c of the step `i`, from 0.
    pub(super) fn coefficients(self, i: u64) -> [f64; 3] {
        // Amsel et al., table of the appendix, for singular values from 1e-3 to 1
        const POLAR_EXPRESS: [[f64; 3]; 8] = [
            [8.28721201814563, -23.595886519098837, 17.300387312530933],
            [4.107059111542203, -2.9478499167379106, 0.5448431082926601],
            [3.9486908534822946, -2.908902115962949, 0.5518191394370137],
            [3.3184196573706015, -2.488488024314874, 0.51004894012372],
            [2.300652019954817, -1.6689039845747493, 0.4188073119525673],
            [1.891301407787398, -1.2679958271945868, 0.37680408948524835],
            [1.8750014808534479, -1.2500016453999487, 0.3750001645474248],
            [1.875, -1.25, 0.375],
        ];
        // optax's preset of this name
        const DION: [[f64; 3]; 5] = [
            [4.0848, -6.8946, 2.9270],
            [3.9505, -6.3029, 2.6377],
            [3.7418, -5.5913, 2.3037],
            [2.8769, -3.1427, 1.2046],
            [2.8366, -3.0525, 1.2012],
        ];
        match self {
            Self::Quintic => [3.4445, -4.7750, 2.0315],
            Self::Cubic => [1.5, -0.5, 0.0],
            Self::Dion => DION[i.min(DION.len() as u64 - 1) as usize],
            Self::PolarExpress => {
                let last = POLAR_EXPRESS.len() - 1;
                let at = i.min(last as u64) as usize;
                let [a, b, c] = POLAR_EXPRESS[at];
                // as if the argument were 1.01 times as large: rounding must not push a value above 1
                let safety: f64 = if at < last { 1.01 } else { 1.0 };
                [a / safety, b / safety.powi(3), c / safety.powi(5)]
            }
        }
    }

    /// `into ← aI + bA + cA²` with the coefficients of the step `i`; of A and of it, the lower part.
    fn of<T: Number>(self, i: u64, loops: Loops, gram: &[T], packed: Packed<'_, T>, into: &mut [T]) {
        let [a, b, c] = self.coefficients(i).map(T::of);
        if c == T::ZERO {
            loops.map([&mut *into], [gram], move |_, [gram]| [b * gram]);
        } else {
            loops.product(packed, packed, true, into);
            loops.map([&mut *into], [gram], move |[square], [gram]| [c * square + b * gram]);
        }
        let n = gram.len().isqrt();
        for i in 0..n {
            into[i * n + i] = into[i * n + i] + a;
        }
    }
}

/// How large the errors of a Gram matrix may grow before it is computed anew.
///
/// A step multiplies what lies near 0 by a². Five quintic steps give 2.4e5, which makes 1.4e-2 of f32's 6e-8,
/// in the smallest singular values alone; one step more would make a tenth. Measured by `benches/matrix.rs`.
const GROWTH: f64 = 3e5;

/// A matrix that is orthogonalized, and the workspace of that.
pub(super) struct Orthogonalization<'a, T> {
    rows: usize,
    columns: usize,
    /// The matrix.
    pub x: &'a mut [T],
    y: &'a mut [T],
    /// The Gram matrix A of X, and three polynomials of it.
    squares: [&'a mut [T]; 4],
    pack: &'a mut [T],
    pack_square: &'a mut [T],
}

impl<'a, T: Number> Orthogonalization<'a, T> {
    pub fn new((rows, columns): (usize, usize), workspace: &mut Workspace<'a, T>) -> Self {
        let n = rows.min(columns);
        Self {
            rows,
            columns,
            x: workspace.take(rows * columns),
            y: workspace.take(rows * columns),
            squares: std::array::from_fn(|_| workspace.take(n * n)),
            pack: workspace.take(packed_either_len(rows, columns)),
            pack_square: workspace.take(packed_len(n, n)),
        }
    }

    /// The orthogonal direction of Muon's kin: the momentum's look ahead U, divided by ‖U‖ + `eps`, with
    /// `steps` polynomials.
    pub fn direction(
        self,
        loops: Loops,
        momentum: Momentum<T>,
        m: &mut [T],
        grad: &[T],
        eps: f64,
        (polynomial, steps): (Polynomial, u64),
    ) -> &'a mut [T] {
        let square = loops.map_sum([m, &mut *self.x], [grad], move |[m, _], [g]| {
            let [m, u] = momentum.follow(m, g);
            ([m, u], u.wide() * u.wide())
        });
        let norm = T::of((square.sqrt() + eps).max(T::SMALLEST_NORMAL));
        loops.map([&mut *self.x], [], move |[u], []| [u / norm]);
        self.apply(loops, polynomial, steps)
    }

    /// Applies `steps` polynomials to the singular values of `x`, whose norm is at most about 1; returns the
    /// result.
    fn apply(self, loops: Loops, polynomial: Polynomial, steps: u64) -> &'a mut [T] {
        let Self { rows, columns, mut x, mut y, squares: [a, p, mut q, mut s], pack, pack_square } = self;
        let (n, depth) = (rows.min(columns), rows.max(columns));
        let wide = rows <= columns;
        let mut step = 0;
        while step < steps {
            // p, q and s are polynomials of A = XXᵀ (XᵀX of a tall X): they commute and are symmetric
            let of_x = Matrix { data: x, rows, columns };
            let packed = if wide { loops.pack_rows(of_x, pack) } else { loops.pack_columns(of_x, pack) };
            loops.product(packed, packed, true, a);
            let mut grown = polynomial.coefficients(step)[0].powi(2);
            polynomial.of(step, loops, a, loops.pack_symmetric(a, n, pack_square), q);
            step += 1;
            let mut first = true;
            // the next polynomial of A, which becomes PAP, costs 4 products of n³; from a new X, 3·depth·n² +
            // n³
            while step < steps && 2 * depth > 3 * n {
                grown *= polynomial.coefficients(step)[0].powi(2);
                if grown > GROWTH {
                    break;
                }
                let left = loops.pack_symmetric(if first { &*q } else { &*p }, n, pack_square);
                loops.product(left, loops.pack_symmetric(a, n, pack), true, s);
                loops.product(left, loops.pack_symmetric(s, n, pack), true, a);
                polynomial.of(step, loops, a, loops.pack_symmetric(a, n, pack), p);
                let left = loops.pack_symmetric(p, n, pack_square);
                loops.product(left, loops.pack_symmetric(q, n, pack), true, s);
                (q, s) = (s, q);
                (step, first) = (step + 1, false);
            }
            let of_x = Matrix { data: x, rows, columns };
            let packed = loops.pack_symmetric(q, n, pack_square);
            if wide {
                loops.product(packed, loops.pack_columns(of_x, pack), false, y);
            } else {
                loops.product(loops.pack_rows(of_x, pack), packed, false, y);
            }
            (x, y) = (y, x);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Request;

    /// The polynomials as they are written, one product after the other.
    fn obvious(polynomial: Polynomial, steps: u64, x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
        let product = |a: &dyn Fn(usize, usize) -> f64, b: &dyn Fn(usize, usize) -> f64, m, n, k| {
            let mut c = vec![0.0; m * n];
            for i in 0..m {
                for j in 0..n {
                    c[i * n + j] = (0..k).map(|l| a(i, l) * b(l, j)).sum();
                }
            }
            c
        };
        let mut x = x.to_vec();
        for step in 0..steps {
            let [a, b, c] = polynomial.coefficients(step);
            let at = |i: usize, j: usize| x[i * columns + j];
            let gram = product(&at, &|i, j| at(j, i), rows, rows, columns);
            let of_gram = |i: usize, j: usize| gram[i * rows + j];
            let square = product(&of_gram, &of_gram, rows, rows, rows);
            let p = |i: usize, j: usize| b * of_gram(i, j) + c * square[i * rows + j];
            let moved = product(&p, &at, rows, columns, rows);
            x = x.iter().zip(&moved).map(|(x, moved)| a * x + moved).collect();
        }
        x
    }

    #[test]
    fn steps_on_the_gram_matrix_are_steps_on_the_matrix() {
        let loops = Loops::default();
        for (rows, columns) in [(17, 60), (60, 17), (20, 20), (3, 40), (1, 5)] {
            for (polynomial, steps) in [
                (Polynomial::Quintic, 5),
                (Polynomial::Quintic, 7),
                (Polynomial::PolarExpress, 8),
                (Polynomial::Dion, 5),
                (Polynomial::Cubic, 20),
            ] {
                // rows of sizes from 1 to 1e-3
                let mut x: Vec<f64> = (0..rows * columns)
                    .map(|i| (i as f64 * 1.7).sin() * 1e-3f64.powf((i / columns) as f64 / rows as f64))
                    .collect();
                let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
                x.iter_mut().for_each(|x| *x /= norm);
                let expected = obvious(polynomial, steps, &x, rows, columns);
                let shape = (rows, columns);
                let request = Request::of::<f64, _>(|workspace| Orthogonalization::new(shape, workspace));
                let mut memory = vec![f64::NAN; request.len()];
                let orthogonalization = Orthogonalization::new(shape, &mut Workspace::new(&mut memory));
                orthogonalization.x.copy_from_slice(&x);
                let found = orthogonalization.apply(loops, polynomial, steps);
                let error = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                // 1e-16 in the Gram matrix, made 3e5 times as large
                assert!(error < 1e-10, "{rows}×{columns} {polynomial:?} {steps}: {error:e}");
            }
        }
    }
}
